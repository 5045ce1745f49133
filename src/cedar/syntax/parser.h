/* parser.h: policy text to trees; private to src/cedar. */
#ifndef AEGIS_CEDAR_SYNTAX_PARSER_H
#define AEGIS_CEDAR_SYNTAX_PARSER_H

#include "cedar/syntax/lexer.h"

struct parser {
    struct lexer lexer;
    struct token token; /* the next one, not taken yet */
    struct slice source_name;
    struct arena *arena;
    struct cedar_diagnostics *diagnostics;
    int depth;
    bool is_out_of_memory;
    uint32_t line; /* where place() looked last */
    size_t line_start, line_seen;
};

void parser_init(struct parser *parser, const struct cedar_source *source, struct arena *arena,
                 struct cedar_diagnostics *diagnostics);

/* Take the next token. */
struct token parser_take(struct parser *parser);

bool parser_at_mark(const struct parser *parser, struct slice mark);
bool parser_at_word(const struct parser *parser, struct slice word);

/* Take the mark when it is next. */
bool parser_take_mark(struct parser *parser, struct slice mark);
bool parser_take_word(struct parser *parser, struct slice word);

/* Report at the token and return STATUS_INVALID. */
NODISCARD enum status parser_fail(struct parser *parser, const struct token *token,
                                  const char *format, ...) __attribute__((format(printf, 3, 4)));

NODISCARD enum status parser_expect(struct parser *parser, struct slice mark);

/* A::B::C; *out is normalised, without white space. */
NODISCARD enum status parser_path(struct parser *parser, struct slice *out);

/* A string token's text. */
NODISCARD enum status parser_string(struct parser *parser, const struct token *token,
                                    struct slice *out);

/* Path::"id" */
NODISCARD enum status parser_uid(struct parser *parser, struct cedar_uid *out);

/* expression.c */
NODISCARD enum status parser_expression(struct parser *parser, const struct node **out);

/* A new node of the kind with room for count items; NULL without memory. */
struct node *parser_node(struct parser *parser, enum node_kind kind, size_t count);

/* Give out the node once its items are set; fails when the tree is too high to be evaluated. */
NODISCARD enum status parser_close_node(struct parser *parser, struct node *node,
                                        const struct node **out);

#endif
