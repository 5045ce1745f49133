#include "cedar/syntax/parser.h"

#include <assert.h>

static const char OPERAND[] = "an operand: a literal, name, '(', '[' or '{'";

typedef enum status (*parse_fn)(struct parser *parser, struct concrete **out);

/* The operator has been taken; parse its right side into the chain, which begins at the first. */
static enum status chain_on(struct parser *p, enum concrete_kind kind, struct slice mark,
                            parse_fn parse, struct concrete **chain)
{
    struct concrete *right = NULL;
    TRY(parse(p, &right));
    assert(right != NULL && *chain != NULL);
    right->mark = mark;
    if ((*chain)->kind != kind) {
        TRY(parser_node_around(p, kind, *chain, chain));
    }
    return parser_add_part(p, *chain, right);
}

/* -- operators ----------------------------------------------------------------------------- */

static enum status parse_unary(struct parser *p, struct concrete **out)
{
    bool is_not = parser_at_mark(p, SLICE("!"));
    struct slice mark = is_not ? SLICE("!") : SLICE("-");
    size_t from = p->token.from;
    uint64_t count = 0;
    struct concrete *operand = NULL;
    while (parser_take_mark(p, mark)) {
        count++;
    }
    if (count > 0 && (parser_at_mark(p, SLICE("!")) || parser_at_mark(p, SLICE("-")))) {
        return parser_unexpected(p, OPERAND);
    }
    TRY(parse_member(p, &operand));
    *out = operand;
    if (count == 0) {
        return STATUS_OK;
    }
    TRY(parser_node_around(p, is_not ? CONCRETE_NOT : CONCRETE_NEGATE, operand, out));
    (*out)->number = count;
    (*out)->range.from = (uint32_t)from;
    return STATUS_OK;
}

static enum status parse_product(struct parser *p, struct concrete **out)
{
    TRY(parse_unary(p, out));
    while (parser_at_mark(p, SLICE("*")) || parser_at_mark(p, SLICE("/")) ||
           parser_at_mark(p, SLICE("%"))) {
        struct slice mark = parser_take(p).text;
        TRY(chain_on(p, CONCRETE_MULTIPLY, mark, parse_unary, out));
    }
    return STATUS_OK;
}

enum status parse_sum(struct parser *p, struct concrete **out)
{
    TRY(parse_product(p, out));
    while (parser_at_mark(p, SLICE("+")) || parser_at_mark(p, SLICE("-"))) {
        struct slice mark = parser_take(p).text;
        TRY(chain_on(p, CONCRETE_ADD, mark, parse_product, out));
    }
    return STATUS_OK;
}

struct slice parse_relation_mark(struct parser *p)
{
    static const struct slice MARKS[] = {SLICE_INIT("=="), SLICE_INIT("!="), SLICE_INIT("<="),
                                         SLICE_INIT(">="), SLICE_INIT("<"),  SLICE_INIT(">"),
                                         SLICE_INIT("=")};
    for (size_t i = 0; i < COUNT_OF(MARKS); i++) {
        if (parser_take_mark(p, MARKS[i])) {
            return MARKS[i];
        }
    }
    return parser_take_word(p, SLICE("in")) ? SLICE("in") : SLICE_EMPTY;
}

/* What stands right of `has`: a sum, but also `if` and what follows it, to be refused by name. */
static enum status parse_has_right(struct parser *p, struct concrete **out)
{
    struct concrete *ident = NULL;
    if (!parser_at_word(p, SLICE("if")) || parser_before_mark(p, SLICE("::"))) {
        return parse_sum(p, out);
    }
    TRY(parser_leaf(p, CONCRETE_IDENT, &ident));
    TRY(parser_node_around(p, CONCRETE_NAME, ident, out));
    return parse_accesses(p, out);
}

static enum status parse_word_relation(struct parser *p, struct concrete **out)
{
    struct concrete *right = NULL;
    if (parser_take_word(p, SLICE("has"))) {
        TRY(parse_has_right(p, &right));
        TRY(parser_node_around(p, CONCRETE_HAS, *out, out));
        return parser_add_part(p, *out, right);
    }
    if (parser_take_word(p, SLICE("like"))) {
        TRY(parse_sum(p, &right));
        TRY(parser_node_around(p, CONCRETE_LIKE, *out, out));
        return parser_add_part(p, *out, right);
    }
    (void)parser_take(p);
    TRY(parse_sum(p, &right));
    TRY(parser_node_around(p, CONCRETE_IS, *out, out));
    TRY(parser_add_part(p, *out, right));
    if (!parser_take_word(p, SLICE("in"))) {
        return STATUS_OK;
    }
    TRY(parse_sum(p, &right));
    return parser_add_part(p, *out, right);
}

static enum status parse_relation(struct parser *p, struct concrete **out)
{
    TRY(parse_sum(p, out));
    if (parser_at_word(p, SLICE("has")) || parser_at_word(p, SLICE("like")) ||
        parser_at_word(p, SLICE("is"))) {
        return parse_word_relation(p, out);
    }
    for (;;) {
        struct slice mark = parse_relation_mark(p);
        if (mark.len == 0) {
            return STATUS_OK;
        }
        TRY(chain_on(p, CONCRETE_RELATION, mark, parse_sum, out));
    }
}

static enum status parse_and(struct parser *p, struct concrete **out)
{
    TRY(parse_relation(p, out));
    while (parser_take_mark(p, SLICE("&&"))) {
        TRY(chain_on(p, CONCRETE_AND, SLICE("&&"), parse_relation, out));
    }
    return STATUS_OK;
}

static enum status parse_or(struct parser *p, struct concrete **out)
{
    TRY(parse_and(p, out));
    while (parser_take_mark(p, SLICE("||"))) {
        TRY(chain_on(p, CONCRETE_OR, SLICE("||"), parse_and, out));
    }
    return STATUS_OK;
}

/* An error in a later part can lie in an earlier one: then a second `then` or `else` goes on there.
 */
static enum status parse_if(struct parser *p, struct concrete **out)
{
    const struct follow *outer = p->follow;
    struct follow condition = {outer, FOLLOW_THEN};
    struct follow consequence = {&condition, FOLLOW_ELSE};
    struct concrete *part = NULL;
    bool is_else = false;
    TRY(parser_leaf(p, CONCRETE_IF, out));
    TRY(parse_expression(p, FOLLOW_THEN, &part));
    TRY(parser_add_part(p, *out, part));
    for (;;) {
        TRY(parser_expect(p, is_else ? SLICE("else") : SLICE("then")));
        p->follow = is_else ? &consequence : &condition;
        enum status status =
            parse_expression(p, is_else ? outer->marks | FOLLOW_TAIL : FOLLOW_ELSE, &part);
        p->follow = outer;
        bool is_again = p->resume == &condition || p->resume == &consequence;
        if (status == STATUS_INVALID && is_again) {
            is_else = p->resume == &consequence;
            p->resume = NULL;
            continue;
        }
        TRY(status);
        TRY(parser_add_part(p, *out, part));
        if (is_else) {
            return STATUS_OK;
        }
        is_else = true;
    }
}

static const char *expected_behind(unsigned marks)
{
    switch (marks & ~(unsigned)FOLLOW_TAIL) {
    case FOLLOW_BRACE:
        return "an operator or '}'";
    case FOLLOW_PARENTHESIS:
        return "an operator or ')'";
    case FOLLOW_BRACKET:
        return "an operator or ']'";
    case FOLLOW_COLON:
        return "':' and the attribute's value";
    case FOLLOW_END:
        return "an operator or the end";
    case FOLLOW_THEN:
        return "an operator or 'then'";
    case FOLLOW_ELSE:
        return "an operator or 'else'";
    case FOLLOW_COMMA | FOLLOW_PARENTHESIS:
        return "an operator, ',' or ')'";
    case FOLLOW_COMMA | FOLLOW_BRACKET:
        return "an operator, ',' or ']'";
    default:
        return "an operator, ',' or '}'";
    }
}

/* Which of the marks the token is, if one. */
static unsigned mark_at(const struct parser *p)
{
    static const struct {
        struct slice text;
        unsigned mark;
    } MARKS[] = {{SLICE_INIT(","), FOLLOW_COMMA},   {SLICE_INIT(")"), FOLLOW_PARENTHESIS},
                 {SLICE_INIT("]"), FOLLOW_BRACKET}, {SLICE_INIT("}"), FOLLOW_BRACE},
                 {SLICE_INIT(":"), FOLLOW_COLON},   {SLICE_INIT("then"), FOLLOW_THEN},
                 {SLICE_INIT("else"), FOLLOW_ELSE}};
    if (p->token.kind == TOKEN_END) {
        return FOLLOW_END;
    }
    for (size_t i = 0; i < COUNT_OF(MARKS); i++) {
        if (parser_at_mark(p, MARKS[i].text) || parser_at_word(p, MARKS[i].text)) {
            return MARKS[i].mark;
        }
    }
    return 0;
}

static bool is_behind(const struct parser *p, unsigned marks)
{
    return (mark_at(p) & marks) != 0;
}

bool parse_is_continued(const struct parser *p)
{
    static const struct slice MARKS[] = {
        SLICE_INIT("."),  SLICE_INIT("("),  SLICE_INIT("["), SLICE_INIT("+"),  SLICE_INIT("-"),
        SLICE_INIT("*"),  SLICE_INIT("/"),  SLICE_INIT("%"), SLICE_INIT("=="), SLICE_INIT("!="),
        SLICE_INIT("<="), SLICE_INIT(">="), SLICE_INIT("<"), SLICE_INIT(">"),  SLICE_INIT("="),
        SLICE_INIT("&&"), SLICE_INIT("||")};
    static const struct slice WORDS[] = {SLICE_INIT("in"), SLICE_INIT("has"), SLICE_INIT("like"),
                                         SLICE_INIT("is")};
    for (size_t i = 0; i < COUNT_OF(MARKS); i++) {
        if (parser_at_mark(p, MARKS[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(WORDS); i++) {
        if (parser_at_word(p, WORDS[i])) {
            return true;
        }
    }
    return is_behind(p, ~0U);
}

/* Skip to the first token that can follow this or an outer expression, or to the policy's end. */
static void recover(struct parser *p)
{
    p->resume = NULL;
    while (p->token.kind != TOKEN_END && !parser_at_mark(p, SLICE(";"))) {
        unsigned mark = mark_at(p);
        for (const struct follow *f = p->follow; f != NULL && mark != 0; f = f->outer) {
            if ((f->marks & mark) != 0) {
                p->resume = f;
                return;
            }
        }
        (void)parser_take(p);
    }
}

enum status parser_unexpected(struct parser *p, const char *expected)
{
    struct reporter *reporter = p->reporter;
    struct surface_range at = token_range(&p->token);
    p->errors++;
    if (p->token.kind == TOKEN_END) {
        at.from = at.to = (uint32_t)p->last_to;
        (void)report(reporter, at, "the source ends too early");
    } else {
        struct slice text = slice_sub(reporter->source.text, at.from, at.to);
        (void)report(reporter, at, "'%.*s' cannot stand here", SLICE_ARG(report_clip(text)));
    }
    (void)report_expected(reporter, "expected %s", expected);
    if (parser_at_word(p, SLICE("if"))) {
        (void)report_help(reporter, "put parentheses around an 'if' that is an operand");
    } else if (parser_at_mark(p, SLICE("/")) || parser_at_mark(p, SLICE("#"))) {
        (void)report_help(reporter, "comments begin with '//'");
    }
    recover(p);
    return STATUS_INVALID;
}

/* How deep expressions stand in each other bounds the recursion of parser and check. */
static enum status enter(struct parser *p)
{
    if (p->depth < CEDAR_DEPTH_MAX) {
        p->depth++;
        return STATUS_OK;
    }
    p->errors++;
    (void)report(p->reporter, token_range(&p->token), "nested deeper than %d levels",
                 CEDAR_DEPTH_MAX);
    recover(p);
    return STATUS_INVALID;
}

/* What ends some other expression ends the `if` too: the mistake is not in its parts. */
static bool ends_outer(const struct parser *p, unsigned marks)
{
    return (marks & FOLLOW_TAIL) != 0 && is_behind(p, ~0U);
}

enum status parse_expression(struct parser *p, unsigned marks, struct concrete **out)
{
    struct follow follow = {p->follow, marks};
    size_t from = p->token.from;
    enum status status = enter(p);
    if (status != STATUS_OK) {
        return status;
    }
    p->follow = &follow;
    bool is_if = parser_at_word(p, SLICE("if")) && !parser_before_mark(p, SLICE("::"));
    status = is_if ? parse_if(p, out) : parse_or(p, out);
    if (status == STATUS_OK && !is_behind(p, marks) && !ends_outer(p, marks)) {
        status = parser_unexpected(p, expected_behind(marks));
    }
    p->follow = follow.outer;
    p->depth--;
    if (status == STATUS_INVALID && p->resume == &follow) {
        p->resume = NULL;
        *out = parser_node(p, CONCRETE_ERROR, from);
        return *out == NULL ? STATUS_LIMIT : STATUS_OK;
    }
    return status;
}
