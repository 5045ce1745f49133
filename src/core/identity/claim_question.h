/* claim_question.h: one question about the claims of a token, answered with yes or no.
 *
 * Presets are tables of such questions: what a token of their provider must look like, and what
 * tells a person from an application. A claim of another type than a question expects answers no.
 */
#ifndef AEGIS_CORE_IDENTITY_CLAIM_QUESTION_H
#define AEGIS_CORE_IDENTITY_CLAIM_QUESTION_H

#include "core/identity/claims.h"

enum claim_question_kind {
    CLAIM_IS = 0,    /* the text is value */
    CLAIM_IS_AMONG,  /* the text is one of value's words */
    CLAIM_STARTS,    /* the text starts with value */
    CLAIM_ENDS,      /* the text ends with value */
    CLAIM_HAS_WORD,  /* value is one of the words between spaces, or of the texts of a list */
    CLAIM_IS_TRUE,   /* true, or the text "true" */
    CLAIM_IS_CLIENT, /* the text is the token's client */
    CLAIM_IS_ABSENT, /* there is no such claim, or it is null */
};

struct claim_question {
    struct slice claim; /* path, see claims_find */
    enum claim_question_kind kind;
    struct slice value;
};

/* Answer it for claims that were read (claims_read). arena is for decoding.
 * STATUS_OK; STATUS_UNAUTHENTICATED with token.claim when words are asked for and the claim holds
 * none; STATUS_LIMIT with identity.memory. */
NODISCARD enum status claim_question_ask(const struct claim_question *question,
                                         const struct claims *claims, struct arena *arena,
                                         bool *out, struct diag *diag);

#endif
