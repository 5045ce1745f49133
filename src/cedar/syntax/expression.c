#include "cedar/syntax/parser.h"

#define ELEMENTS_MAX 65536 /* of a set, record, call or chain of operators */

static const char EXPRESSION[] = "an expression";
static const char OPERAND[] = "an operand: a literal, name, '(', '[' or '{'";
static const char NAME[] = "a name";

/* -- nodes --------------------------------------------------------------------------------- */

static enum status add_part(struct parser *p, struct concrete *node, struct concrete *part)
{
    if (node->count == ELEMENTS_MAX) {
        (void)report(p->reporter, part->range, "more than %d elements", ELEMENTS_MAX);
        p->errors++;
        p->resume = NULL;
        return STATUS_INVALID;
    }
    if (node->first == NULL) {
        node->first = part;
    } else {
        node->last->next = part;
    }
    node->last = part;
    node->count++;
    node->range.to = (uint32_t)p->last_to;
    return STATUS_OK;
}

/* A node that begins with the part which is there already. */
static enum status node_around(struct parser *p, enum concrete_kind kind, struct concrete *part,
                               struct concrete **out)
{
    struct concrete *node = parser_node(p, kind, part->range.from);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    *out = node;
    return add_part(p, node, part);
}

typedef enum status (*parse_fn)(struct parser *parser, struct concrete **out);

/* The operator has been taken; parse its right side into the chain, which begins at the first. */
static enum status chain_on(struct parser *p, enum concrete_kind kind, struct slice mark,
                            parse_fn parse, struct concrete **chain)
{
    struct concrete *right = NULL;
    TRY(parse(p, &right));
    right->mark = mark;
    if ((*chain)->kind != kind) {
        TRY(node_around(p, kind, *chain, chain));
    }
    return add_part(p, *chain, right);
}

/* -- lists --------------------------------------------------------------------------------- */

/* Expressions separated by commas up to the closing mark, which is taken. */
static enum status parse_elements(struct parser *p, struct slice close, unsigned close_mark,
                                  struct concrete *node)
{
    while (!parser_take_mark(p, close)) {
        struct concrete *item = NULL;
        TRY(parse_expression(p, FOLLOW_COMMA | close_mark, &item));
        TRY(add_part(p, node, item));
        (void)parser_take_mark(p, SLICE(","));
    }
    node->range.to = (uint32_t)p->last_to;
    return STATUS_OK;
}

/* `{if: 1}` has no expression as its key, but is worth a better message. */
static enum status parse_key(struct parser *p, struct concrete **out)
{
    if (parser_at_word(p, SLICE("if")) && parser_before_mark(p, SLICE(":"))) {
        struct concrete *ident = NULL;
        TRY(parser_leaf(p, CONCRETE_IDENT, &ident));
        return node_around(p, CONCRETE_NAME, ident, out);
    }
    return parse_expression(p, FOLLOW_COLON, out);
}

static enum status parse_record(struct parser *p, struct concrete *node)
{
    while (!parser_take_mark(p, SLICE("}"))) {
        struct concrete *field = parser_node(p, CONCRETE_FIELD, p->token.from);
        struct concrete *key = NULL;
        struct concrete *value = NULL;
        if (field == NULL) {
            return STATUS_LIMIT;
        }
        TRY(parse_key(p, &key));
        TRY(add_part(p, field, key));
        TRY(parser_expect(p, SLICE(":")));
        TRY(parse_expression(p, FOLLOW_COMMA | FOLLOW_BRACE, &value));
        TRY(add_part(p, field, value));
        if (key->kind == CONCRETE_NAME && slice_eq(key->first->text, SLICE("if"))) {
            key->first->range = field->range; /* where the official engine sees the mistake */
        }
        TRY(add_part(p, node, field));
        (void)parser_take_mark(p, SLICE(","));
    }
    node->range.to = (uint32_t)p->last_to;
    return STATUS_OK;
}

static enum status parse_bracketed(struct parser *p, struct concrete **out)
{
    static const struct {
        struct slice open, close;
        enum concrete_kind kind;
        unsigned close_mark;
    } BRACKETS[] = {
        {SLICE_INIT("("), SLICE_INIT(")"), CONCRETE_PARENTHESES, FOLLOW_PARENTHESIS},
        {SLICE_INIT("["), SLICE_INIT("]"), CONCRETE_LIST, FOLLOW_BRACKET},
        {SLICE_INIT("{"), SLICE_INIT("}"), CONCRETE_RECORD, FOLLOW_BRACE},
    };
    size_t which = 0;
    while (which < COUNT_OF(BRACKETS) && !parser_at_mark(p, BRACKETS[which].open)) {
        which++;
    }
    if (which == COUNT_OF(BRACKETS)) {
        return parser_unexpected(p, EXPRESSION);
    }
    TRY(parser_leaf(p, BRACKETS[which].kind, out));
    if (BRACKETS[which].kind == CONCRETE_RECORD) {
        return parse_record(p, *out);
    }
    if (BRACKETS[which].kind == CONCRETE_LIST) {
        return parse_elements(p, BRACKETS[which].close, BRACKETS[which].close_mark, *out);
    }
    struct concrete *inner = NULL;
    TRY(parse_expression(p, FOLLOW_PARENTHESIS, &inner));
    TRY(parser_expect(p, SLICE(")")));
    return add_part(p, *out, inner);
}

/* -- names --------------------------------------------------------------------------------- */

/* `true`, `false` and `if` are names only as a part of a longer one. */
static bool is_special(struct slice word)
{
    return slice_eq(word, SLICE("true")) || slice_eq(word, SLICE("false")) ||
           slice_eq(word, SLICE("if"));
}

static enum status parse_literal(struct parser *p, struct concrete **out)
{
    if (p->token.kind == TOKEN_NUMBER) {
        return parser_leaf(p, CONCRETE_NUMBER, out);
    }
    if (p->token.kind == TOKEN_STRING) {
        return parser_leaf(p, CONCRETE_STRING, out);
    }
    if (parser_at_word(p, SLICE("true")) || parser_at_word(p, SLICE("false"))) {
        return parser_leaf(p, CONCRETE_BOOL, out);
    }
    return parser_unexpected(p, "a literal");
}

/* Type::{id: "x"}: the form of entities in other places, recognised to be refused by name. */
static enum status parse_entity_record(struct parser *p, struct concrete *name,
                                       struct concrete **out)
{
    TRY(node_around(p, CONCRETE_ENTITY_RECORD, name, out));
    TRY(parser_expect(p, SLICE("{")));
    while (!parser_take_mark(p, SLICE("}"))) {
        struct concrete *part = NULL;
        TRY(parser_ident(p, &part));
        TRY(add_part(p, *out, part));
        TRY(parser_expect(p, SLICE(":")));
        TRY(parse_literal(p, &part));
        TRY(add_part(p, *out, part));
        if (!parser_take_mark(p, SLICE(",")) && !parser_at_mark(p, SLICE("}"))) {
            return parser_unexpected(p, "',' or '}'");
        }
    }
    (*out)->range.to = (uint32_t)p->last_to;
    return STATUS_OK;
}

/* Behind a `::`: one more part of the name, or what makes it an entity. */
static enum status parse_after_colons(struct parser *p, struct concrete **name, bool *is_done)
{
    bool is_short = (*name)->count == 1 && is_special((*name)->first->text);
    struct concrete *part = NULL;
    if (p->token.kind == TOKEN_IDENT) {
        TRY(parser_leaf(p, CONCRETE_IDENT, &part));
        return add_part(p, *name, part);
    }
    if (is_short) {
        return parser_unexpected(p, NAME);
    }
    *is_done = true;
    if (parser_at_mark(p, SLICE("{"))) {
        return parse_entity_record(p, *name, name);
    }
    if (p->token.kind != TOKEN_STRING) {
        return parser_unexpected(p, "a name, or the entity's id as a string");
    }
    TRY(node_around(p, CONCRETE_ENTITY, *name, name));
    TRY(parser_leaf(p, CONCRETE_STRING, &part));
    return add_part(p, *name, part);
}

/* A name or an entity; the next token is an identifier. */
static enum status parse_path(struct parser *p, struct concrete **out)
{
    struct concrete *ident = NULL;
    bool is_done = false;
    bool is_if = parser_at_word(p, SLICE("if"));
    TRY(parser_leaf(p, CONCRETE_IDENT, &ident));
    TRY(node_around(p, CONCRETE_NAME, ident, out));
    if (is_if && !parser_at_mark(p, SLICE("::"))) {
        /* An `if` has to be a whole expression: not an operand without parentheses. */
        return parser_unexpected(p, "'::'");
    }
    while (!is_done && parser_take_mark(p, SLICE("::"))) {
        TRY(parse_after_colons(p, out, &is_done));
    }
    return STATUS_OK;
}

enum status parse_name(struct parser *p, struct concrete **out)
{
    struct concrete *ident = NULL;
    if (p->token.kind != TOKEN_IDENT) {
        return parser_unexpected(p, NAME);
    }
    bool is_short = is_special(p->token.text);
    TRY(parser_leaf(p, CONCRETE_IDENT, &ident));
    TRY(node_around(p, CONCRETE_NAME, ident, out));
    if (is_short && !parser_at_mark(p, SLICE("::"))) {
        return parser_unexpected(p, "'::'");
    }
    while (parser_take_mark(p, SLICE("::"))) {
        TRY(parser_ident(p, &ident));
        TRY(add_part(p, *out, ident));
    }
    return STATUS_OK;
}

/* -- operands ------------------------------------------------------------------------------ */

static enum status parse_primary(struct parser *p, struct concrete **out)
{
    switch (p->token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_STRING:
        return parse_literal(p, out);
    case TOKEN_SLOT:
        return parser_leaf(p, CONCRETE_SLOT, out);
    case TOKEN_IDENT:
        if (is_special(p->token.text) && !slice_eq(p->token.text, SLICE("if")) &&
            !parser_before_mark(p, SLICE("::"))) {
            return parse_literal(p, out);
        }
        return parse_path(p, out);
    case TOKEN_PUNCTUATION:
        return parse_bracketed(p, out);
    case TOKEN_ERROR:
    case TOKEN_END:
        return parser_unexpected(p, EXPRESSION);
    }
    return STATUS_INTERNAL;
}

/* .name (arguments) ["name"] behind an object */
static enum status parse_access(struct parser *p, struct concrete **out)
{
    struct concrete *part = NULL;
    if (parser_at_mark(p, SLICE("."))) {
        TRY(parser_leaf(p, CONCRETE_ATTRIBUTE, out));
        TRY(parser_ident(p, &part));
        return add_part(p, *out, part);
    }
    if (parser_at_mark(p, SLICE("("))) {
        TRY(parser_leaf(p, CONCRETE_CALL, out));
        return parse_elements(p, SLICE(")"), FOLLOW_PARENTHESIS, *out);
    }
    TRY(parser_leaf(p, CONCRETE_INDEX, out));
    TRY(parse_expression(p, FOLLOW_BRACKET, &part));
    TRY(parser_expect(p, SLICE("]")));
    return add_part(p, *out, part);
}

static enum status parse_accesses(struct parser *p, struct concrete **out)
{
    bool is_first = true;
    while (parser_at_mark(p, SLICE(".")) || parser_at_mark(p, SLICE("(")) ||
           parser_at_mark(p, SLICE("["))) {
        struct concrete *access = NULL;
        TRY(parse_access(p, &access));
        if (is_first) {
            TRY(node_around(p, CONCRETE_MEMBER, *out, out));
        }
        is_first = false;
        TRY(add_part(p, *out, access));
    }
    return STATUS_OK;
}

static enum status parse_member(struct parser *p, struct concrete **out)
{
    TRY(parse_primary(p, out));
    return parse_accesses(p, out);
}

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
    TRY(node_around(p, is_not ? CONCRETE_NOT : CONCRETE_NEGATE, operand, out));
    (*out)->number = count;
    (*out)->range.from = (uint32_t)from;
    return STATUS_OK;
}

/* -- operators ----------------------------------------------------------------------------- */

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
    TRY(node_around(p, CONCRETE_NAME, ident, out));
    return parse_accesses(p, out);
}

static enum status parse_word_relation(struct parser *p, struct concrete **out)
{
    struct concrete *right = NULL;
    if (parser_take_word(p, SLICE("has"))) {
        TRY(parse_has_right(p, &right));
        TRY(node_around(p, CONCRETE_HAS, *out, out));
        return add_part(p, *out, right);
    }
    if (parser_take_word(p, SLICE("like"))) {
        TRY(parse_sum(p, &right));
        TRY(node_around(p, CONCRETE_LIKE, *out, out));
        return add_part(p, *out, right);
    }
    (void)parser_take(p);
    TRY(parse_sum(p, &right));
    TRY(node_around(p, CONCRETE_IS, *out, out));
    TRY(add_part(p, *out, right));
    if (!parser_take_word(p, SLICE("in"))) {
        return STATUS_OK;
    }
    TRY(parse_sum(p, &right));
    return add_part(p, *out, right);
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

static enum status parse_if(struct parser *p, struct concrete **out)
{
    struct concrete *part = NULL;
    TRY(parser_leaf(p, CONCRETE_IF, out));
    TRY(parse_expression(p, FOLLOW_THEN, &part));
    TRY(add_part(p, *out, part));
    TRY(parser_expect(p, SLICE("then")));
    TRY(parse_expression(p, FOLLOW_ELSE, &part));
    TRY(add_part(p, *out, part));
    TRY(parser_expect(p, SLICE("else")));
    TRY(parse_expression(p, p->follow->marks, &part));
    return add_part(p, *out, part);
}

static const char *expected_behind(unsigned marks)
{
    switch (marks) {
    case FOLLOW_BRACE:
        return "an operator or '}'";
    case FOLLOW_PARENTHESIS:
        return "an operator or ')'";
    case FOLLOW_BRACKET:
        return "an operator or ']'";
    case FOLLOW_COLON:
        return "':' and the attribute's value";
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

static bool is_behind(const struct parser *p, unsigned marks)
{
    return ((marks & FOLLOW_COMMA) != 0 && parser_at_mark(p, SLICE(","))) ||
           ((marks & FOLLOW_PARENTHESIS) != 0 && parser_at_mark(p, SLICE(")"))) ||
           ((marks & FOLLOW_BRACKET) != 0 && parser_at_mark(p, SLICE("]"))) ||
           ((marks & FOLLOW_BRACE) != 0 && parser_at_mark(p, SLICE("}"))) ||
           ((marks & FOLLOW_COLON) != 0 && parser_at_mark(p, SLICE(":"))) ||
           ((marks & FOLLOW_THEN) != 0 && parser_at_word(p, SLICE("then"))) ||
           ((marks & FOLLOW_ELSE) != 0 && parser_at_word(p, SLICE("else")));
}

/* Skip to the first token that can follow this or an outer expression, or to the policy's end. */
static void recover(struct parser *p)
{
    p->resume = NULL;
    while (p->token.kind != TOKEN_END && !parser_at_mark(p, SLICE(";"))) {
        for (const struct follow *f = p->follow; f != NULL; f = f->outer) {
            if (is_behind(p, f->marks)) {
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
    if (status == STATUS_OK && !is_behind(p, marks)) {
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
