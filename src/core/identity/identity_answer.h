/* identity_answer.h: what a token's issuer was asked for a request, and what it said.
 *
 * An answer counts for what was asked and for nothing else: it names the entry, and groups also the
 * caller whose they are.
 */
#ifndef AEGIS_CORE_IDENTITY_IDENTITY_ANSWER_H
#define AEGIS_CORE_IDENTITY_IDENTITY_ANSWER_H

#include "base/arena.h"
#include "core/ports/inquiry.h"

struct identity_answer {
    enum inquiry_kind kind;
    struct slice name;  /* of the entry that was asked */
    struct slice about; /* whose groups (group_lookup.h); of INQUIRY_TOKEN empty: the request's */
    bool is_yes;
    struct slice text;  /* of a yes, as inquiry.h has it */
    int64_t asked_at_s; /* wall clock */
};

/* What is asked, copied into the arena. STATUS_LIMIT without memory. */
NODISCARD enum status identity_answer_begin(struct identity_answer *out,
                                            const struct inquiry_question *question,
                                            struct arena *arena);

/* Fill in how a question ended; text is borrowed from answer. False: there is no answer. Without
 * one groups stay unknown, and that is an answer: whoever needs them is denied, and nobody else. */
bool identity_answer_take(struct identity_answer *self, enum status status,
                          const struct inquiry_answer *answer, int64_t now_s);

#endif
