#include "cedar/syntax/parser.h"

#define ELEMENTS_MAX 65536 /* of a set, record, call or chain of operators */

static const char EXPRESSION[] = "an expression";
static const char NAME[] = "a name";

/* -- nodes --------------------------------------------------------------------------------- */

enum status parser_add_part(struct parser *p, struct concrete *node, struct concrete *part)
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
enum status parser_node_around(struct parser *p, enum concrete_kind kind, struct concrete *part,
                               struct concrete **out)
{
    struct concrete *node = parser_node(p, kind, part->range.from);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    *out = node;
    return parser_add_part(p, node, part);
}

/* -- lists --------------------------------------------------------------------------------- */

/* Closing brackets have been taken. When nothing that may follow is next, the mistake can lie in
 * the brackets: a later one of the marks goes on inside them, as if they had not been closed. */
static enum status reopen(struct parser *p, unsigned marks, bool *is_open)
{
    struct follow inside = {p->follow, marks};
    *is_open = false;
    if (parse_is_continued(p)) {
        return STATUS_OK;
    }
    p->follow = &inside;
    enum status status = parser_unexpected(p, "an operator or the end of the expression");
    p->follow = inside.outer;
    *is_open = p->resume == &inside;
    if (*is_open) {
        p->resume = NULL;
    }
    return *is_open ? STATUS_OK : status;
}

/* Expressions separated by commas up to the closing mark, which is taken. */
static enum status parse_elements(struct parser *p, struct slice close, unsigned close_mark,
                                  struct concrete *node)
{
    bool is_open = true;
    while (is_open) {
        while (!parser_take_mark(p, close)) {
            struct concrete *item = NULL;
            TRY(parse_expression(p, FOLLOW_COMMA | close_mark, &item));
            TRY(parser_add_part(p, node, item));
            (void)parser_take_mark(p, SLICE(","));
        }
        node->range.to = (uint32_t)p->last_to;
        TRY(reopen(p, FOLLOW_COMMA | close_mark, &is_open));
        (void)(is_open && parser_take_mark(p, SLICE(",")));
    }
    return STATUS_OK;
}

/* An expression and its closing mark. */
static enum status parse_enclosed(struct parser *p, struct slice close, unsigned close_mark,
                                  struct concrete *node)
{
    struct concrete *inner = NULL;
    bool is_open = true;
    TRY(parse_expression(p, close_mark, &inner));
    while (is_open) {
        TRY(parser_expect(p, close));
        TRY(reopen(p, close_mark, &is_open));
    }
    return parser_add_part(p, node, inner);
}

/* `{if: 1}` has no expression as its key, but is worth a better message. */
static enum status parse_key(struct parser *p, struct concrete **out)
{
    if (parser_at_word(p, SLICE("if")) && parser_before_mark(p, SLICE(":"))) {
        struct concrete *ident = NULL;
        TRY(parser_leaf(p, CONCRETE_IDENT, &ident));
        return parser_node_around(p, CONCRETE_NAME, ident, out);
    }
    return parse_expression(p, FOLLOW_COLON, out);
}

/* `: value` of a field. A second ':' makes a key of what stands before it. */
static enum status parse_value(struct parser *p, struct concrete *field)
{
    struct follow key = {p->follow, FOLLOW_COLON};
    struct concrete *value = NULL;
    bool is_key = true;
    while (is_key) {
        TRY(parser_expect(p, SLICE(":")));
        p->follow = &key;
        enum status status = parse_expression(p, FOLLOW_COMMA | FOLLOW_BRACE, &value);
        p->follow = key.outer;
        is_key = status == STATUS_INVALID && p->resume == &key;
        if (!is_key) {
            TRY(status);
        }
        p->resume = NULL;
    }
    TRY(parser_add_part(p, field, value));
    (void)parser_take_mark(p, SLICE(","));
    return STATUS_OK;
}

static enum status parse_fields(struct parser *p, struct concrete *node)
{
    while (!parser_take_mark(p, SLICE("}"))) {
        struct concrete *field = parser_node(p, CONCRETE_FIELD, p->token.from);
        struct concrete *key = NULL;
        if (field == NULL) {
            return STATUS_LIMIT;
        }
        TRY(parse_key(p, &key));
        TRY(parser_add_part(p, field, key));
        TRY(parse_value(p, field));
        if (key->kind == CONCRETE_NAME && slice_eq(key->first->text, SLICE("if"))) {
            key->first->range = field->range; /* where the official engine sees the mistake */
        }
        TRY(parser_add_part(p, node, field));
    }
    node->range.to = (uint32_t)p->last_to;
    return STATUS_OK;
}

static enum status parse_record(struct parser *p, struct concrete *node)
{
    struct concrete *unnamed = parser_node(p, CONCRETE_FIELD, p->token.from);
    bool is_open = true;
    if (unnamed == NULL) {
        return STATUS_LIMIT;
    }
    TRY(parse_fields(p, node));
    for (;;) {
        TRY(reopen(p, FOLLOW_COLON, &is_open));
        if (!is_open) {
            return STATUS_OK;
        }
        TRY(parse_value(p, unnamed));
        TRY(parse_fields(p, node));
    }
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
    return parse_enclosed(p, SLICE(")"), FOLLOW_PARENTHESIS, *out);
}

/* -- names --------------------------------------------------------------------------------- */

/* `true`, `false` and `if` are names only as a part of a longer one. */
static bool is_special(struct slice word)
{
    return slice_eq(word, SLICE("true")) || slice_eq(word, SLICE("false")) ||
           slice_eq(word, SLICE("if"));
}

static enum status parse_number(struct parser *p, struct concrete **out)
{
    if (p->token.is_too_large) {
        p->errors++;
        (void)report(p->reporter, token_range(&p->token), "this integer is too large");
        (void)report_help(p->reporter, "the largest integer is 9223372036854775807");
    }
    return parser_leaf(p, CONCRETE_NUMBER, out);
}

static enum status parse_literal(struct parser *p, struct concrete **out)
{
    if (p->token.kind == TOKEN_NUMBER) {
        return parse_number(p, out);
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
    TRY(parser_node_around(p, CONCRETE_ENTITY_RECORD, name, out));
    TRY(parser_expect(p, SLICE("{")));
    while (!parser_take_mark(p, SLICE("}"))) {
        struct concrete *part = NULL;
        TRY(parser_ident(p, &part));
        TRY(parser_add_part(p, *out, part));
        TRY(parser_expect(p, SLICE(":")));
        TRY(parse_literal(p, &part));
        TRY(parser_add_part(p, *out, part));
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
        return parser_add_part(p, *name, part);
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
    TRY(parser_node_around(p, CONCRETE_ENTITY, *name, name));
    TRY(parser_leaf(p, CONCRETE_STRING, &part));
    return parser_add_part(p, *name, part);
}

/* A name or an entity; the next token is an identifier. */
static enum status parse_path(struct parser *p, struct concrete **out)
{
    struct concrete *ident = NULL;
    bool is_done = false;
    bool is_if = parser_at_word(p, SLICE("if"));
    TRY(parser_leaf(p, CONCRETE_IDENT, &ident));
    TRY(parser_node_around(p, CONCRETE_NAME, ident, out));
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
    TRY(parser_node_around(p, CONCRETE_NAME, ident, out));
    if (is_short && !parser_at_mark(p, SLICE("::"))) {
        return parser_unexpected(p, "'::'");
    }
    while (parser_take_mark(p, SLICE("::"))) {
        TRY(parser_ident(p, &ident));
        TRY(parser_add_part(p, *out, ident));
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
        return parser_add_part(p, *out, part);
    }
    if (parser_at_mark(p, SLICE("("))) {
        TRY(parser_leaf(p, CONCRETE_CALL, out));
        return parse_elements(p, SLICE(")"), FOLLOW_PARENTHESIS, *out);
    }
    TRY(parser_leaf(p, CONCRETE_INDEX, out));
    return parse_enclosed(p, SLICE("]"), FOLLOW_BRACKET, *out);
}

enum status parse_accesses(struct parser *p, struct concrete **out)
{
    bool is_first = true;
    while (parser_at_mark(p, SLICE(".")) || parser_at_mark(p, SLICE("(")) ||
           parser_at_mark(p, SLICE("["))) {
        struct concrete *access = NULL;
        TRY(parse_access(p, &access));
        if (is_first) {
            TRY(parser_node_around(p, CONCRETE_MEMBER, *out, out));
        }
        is_first = false;
        TRY(parser_add_part(p, *out, access));
    }
    return STATUS_OK;
}

enum status parse_member(struct parser *p, struct concrete **out)
{
    TRY(parse_primary(p, out));
    return parse_accesses(p, out);
}
