/* lexer.h: tokens of policy text; private to src/cedar. */
#ifndef AEGIS_CEDAR_SYNTAX_LEXER_H
#define AEGIS_CEDAR_SYNTAX_LEXER_H

#include "cedar/syntax/report.h"

enum token_kind {
    TOKEN_END,
    TOKEN_ERROR, /* message says what */
    TOKEN_IDENT, /* reserved words too */
    TOKEN_NUMBER,
    TOKEN_STRING, /* text without quotes, still escaped */
    TOKEN_SLOT,   /* ?name; the mark alone only in schemas */
    TOKEN_PUNCTUATION,
};

struct token {
    enum token_kind kind;
    struct slice text; /* of the token, or of the string's content */
    size_t from, to;
    uint64_t number;
    bool is_too_large;          /* the number does not fit */
    const char *message, *help; /* static; of errors */
};

struct lexer {
    struct slice source;
    size_t at;
};

/* The next token; after TOKEN_END always TOKEN_END. */
struct token lexer_next(struct lexer *lexer);

/* Bytes of the character of white space at the start of rest, which is not empty; 0 when there is
 * none. Unicode White_Space. */
size_t lexer_space_length(struct slice rest);

/* Bytes of the comment at the start of rest, 0 when there is none. It ends before the line feed or
 * carriage return. */
size_t lexer_comment_length(struct slice rest);

static inline struct surface_range token_range(const struct token *token)
{
    return (struct surface_range){(uint32_t)token->from, (uint32_t)token->to};
}

/* Is the whole source made of tokens? STATUS_INVALID with reports: then parsing it would only find
 * consequences of the same mistakes. */
NODISCARD enum status lexer_check(struct reporter *reporter);

bool lexer_is_reserved(struct slice word);

/* What a string literal's content stands for. STATUS_INVALID with a bad escape (offset in *bad);
 * STATUS_LIMIT without memory. parts is NULL, or receives the pieces of a like pattern: then `\*`
 * is a star and an unescaped star a wildcard. */
NODISCARD enum status lexer_unescape(struct slice content, struct arena *arena, struct slice *out,
                                     struct pattern_part **parts, size_t *part_count, size_t *bad);

#endif
