/* parser.h: policy text to concrete trees; private to src/cedar/syntax.
 *
 * Recursive descent over the wide grammar of concrete.h. An error inside an expression takes the
 * place of the innermost expression that a later token can follow, an error elsewhere that of the
 * policy up to its `;`, so that one run finds all errors.
 */
#ifndef AEGIS_CEDAR_SYNTAX_PARSER_H
#define AEGIS_CEDAR_SYNTAX_PARSER_H

#include "cedar/syntax/concrete.h"

/* Which tokens may stand behind an expression that is being parsed, and behind those around it. */
struct follow {
    const struct follow *outer;
    unsigned marks; /* enum follow_mark */
};

enum follow_mark {
    FOLLOW_COMMA = 1,
    FOLLOW_PARENTHESIS = 2,
    FOLLOW_BRACKET = 4,
    FOLLOW_BRACE = 8,
    FOLLOW_COLON = 16,
    FOLLOW_THEN = 32,
    FOLLOW_ELSE = 64,
    FOLLOW_END = 128,  /* of the source */
    FOLLOW_TAIL = 256, /* no token: the expression is the last part of an `if`, and ends with it */
};

struct parser {
    struct lexer lexer;
    struct token token; /* the next one, not taken yet */
    size_t last_to;     /* end of the token taken last */
    struct arena *arena;
    struct reporter *reporter;
    const struct follow *follow; /* innermost expression */
    const struct follow *resume; /* the expression that an error took the place of */
    int depth;
    size_t errors; /* reported */
};

/* Parse the whole source of the reporter; the trees live in the arena. STATUS_INVALID with reports,
 * then *out holds the policies that have none; STATUS_LIMIT without memory. */
NODISCARD enum status parse_policies(struct reporter *reporter, struct arena *arena,
                                     struct concrete_policy **out);

/* Likewise for a source that is one expression. */
NODISCARD enum status parse_only_expression(struct reporter *reporter, struct arena *arena,
                                            struct concrete **out);

/* -- for expression.c ---------------------------------------------------------------------- */

struct token parser_take(struct parser *parser);

bool parser_at_mark(const struct parser *parser, struct slice mark);
bool parser_at_word(const struct parser *parser, struct slice word);

/* Is the token after the next one this mark? */
bool parser_before_mark(const struct parser *parser, struct slice mark);

/* Take the mark when it is next. */
bool parser_take_mark(struct parser *parser, struct slice mark);
bool parser_take_word(struct parser *parser, struct slice word);

/* Report the next token as unexpected and find out where to go on: STATUS_INVALID. */
NODISCARD enum status parser_unexpected(struct parser *parser, const char *expected);

/* Take the mark or word, which must be next. */
NODISCARD enum status parser_expect(struct parser *parser, struct slice mark);

/* A new node; NULL without memory. */
struct concrete *parser_node(struct parser *parser, enum concrete_kind kind, size_t from);

/* A node of one token, which is taken. */
NODISCARD enum status parser_leaf(struct parser *parser, enum concrete_kind kind,
                                  struct concrete **out);

/* Any identifier, reserved words too. */
NODISCARD enum status parser_ident(struct parser *parser, struct concrete **out);

/* Append a part to a node, whose range then ends with the token taken last. */
NODISCARD enum status parser_add_part(struct parser *parser, struct concrete *node,
                                      struct concrete *part);

/* A node that begins with the part which is there already. */
NODISCARD enum status parser_node_around(struct parser *parser, enum concrete_kind kind,
                                         struct concrete *part, struct concrete **out);

/* -- operand.c ----------------------------------------------------------------------------- */

/* A literal, name, bracketed expression and what is applied to it: .name (arguments) ["name"] */
NODISCARD enum status parse_member(struct parser *parser, struct concrete **out);

/* What is applied to *out, if anything is. */
NODISCARD enum status parse_accesses(struct parser *parser, struct concrete **out);

/* IDENT {:: IDENT} */
NODISCARD enum status parse_name(struct parser *parser, struct concrete **out);

/* -- expression.c -------------------------------------------------------------------------- */

/* marks: enum follow_mark, what may stand behind it; one of them is the next token afterwards. */
NODISCARD enum status parse_expression(struct parser *parser, unsigned marks,
                                       struct concrete **out);

/* Can the next token follow an operand: an operator, an access, or what ends some expression? */
bool parse_is_continued(const struct parser *parser);

/* A sum: what may stand right of `is`. */
NODISCARD enum status parse_sum(struct parser *parser, struct concrete **out);

/* The operator == != < <= > >= = or in, if it is next; else an empty slice. */
struct slice parse_relation_mark(struct parser *parser);

#endif
