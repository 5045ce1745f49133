#include "cedar/syntax/parser.h"

#include <assert.h>
#include <string.h>

#define UNARY_MAX 4        /* operators in a row */
#define ELEMENTS_MAX 65536 /* of a set, record, call or chain of operators */

static enum status binary(struct parser *p, enum node_kind kind, const struct node *left,
                          const struct node *right, const struct node **out)
{
    struct node *node = parser_node(p, kind, 2);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items[0] = left;
    node->items[1] = right;
    return parser_close_node(p, node, out);
}

static enum status unary(struct parser *p, enum node_kind kind, const struct node *operand,
                         const struct node **out)
{
    struct node *node = parser_node(p, kind, 1);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items[0] = operand;
    return parser_close_node(p, node, out);
}

static enum status named(struct parser *p, enum node_kind kind, const struct node *object,
                         struct slice text, const struct node **out)
{
    struct node *node = parser_node(p, kind, 1);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items[0] = object;
    node->text = text;
    return parser_close_node(p, node, out);
}

static enum status literal(struct parser *p, struct cedar_value value, const struct node **out)
{
    struct node *node = parser_node(p, NODE_VALUE, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->value = value;
    return parser_close_node(p, node, out);
}

/* -- lists --------------------------------------------------------------------------------- */

struct element_list {
    const struct node **items;
    struct slice *names;
    size_t count, capacity;
};

static enum status add_element(struct parser *p, struct element_list *list, struct slice name,
                               const struct node *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        const struct node **items =
            arena_alloc_zero(p->arena, capacity, sizeof(const struct node *));
        struct slice *names = arena_alloc_zero(p->arena, capacity, sizeof(*names));
        if (items == NULL || names == NULL) {
            p->is_out_of_memory = true;
            return STATUS_LIMIT;
        }
        for (size_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
            names[i] = list->names[i];
        }
        *list = (struct element_list){items, names, list->count, capacity};
    }
    if (list->count == ELEMENTS_MAX) {
        return parser_fail(p, &p->token, "more than %d elements", ELEMENTS_MAX);
    }
    list->items[list->count] = item;
    list->names[list->count++] = name;
    return STATUS_OK;
}

/* Expressions separated by commas up to the closing mark, which is taken. */
static enum status parse_elements(struct parser *p, struct slice close, struct element_list *list)
{
    while (!parser_take_mark(p, close)) {
        const struct node *item = NULL;
        TRY(parser_expression(p, &item));
        TRY(add_element(p, list, SLICE_EMPTY, item));
        if (!parser_take_mark(p, SLICE(",")) && !parser_at_mark(p, close)) {
            return parser_expect(p, close);
        }
    }
    return STATUS_OK;
}

/* A list of nothing but values is a value itself, made once and not at every evaluation. */
static enum status fold_list(struct parser *p, enum node_kind kind, const struct element_list *list,
                             const struct node **out)
{
    struct cedar_field *fields = arena_alloc_zero(p->arena, list->count, sizeof(*fields));
    struct cedar_list *values = arena_alloc_zero(p->arena, 1, sizeof(*values));
    if (fields == NULL || values == NULL) {
        p->is_out_of_memory = true;
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < list->count; i++) {
        fields[i] = (struct cedar_field){list->names[i], list->items[i]->value};
    }
    *values = (struct cedar_list){fields, list->count};
    return literal(p, kind == NODE_SET ? cedar_set(values) : cedar_record(values), out);
}

static enum status node_of_list(struct parser *p, enum node_kind kind,
                                const struct element_list *list, const struct node **out)
{
    size_t value_count = 0;
    for (size_t i = 0; i < list->count; i++) {
        assert(list->items[i] != NULL);
        value_count += list->items[i]->kind == NODE_VALUE ? 1 : 0;
    }
    if (value_count == list->count) {
        return fold_list(p, kind, list, out);
    }
    struct node *node = parser_node(p, kind, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items = list->items;
    node->names = list->names;
    node->item_count = list->count;
    return parser_close_node(p, node, out);
}

/* Records are evaluated in the order of their names (reference, section 5). */
static enum status insert_sorted(struct parser *p, struct element_list *list, struct slice name,
                                 const struct node *item, const struct token *at)
{
    size_t place = 0;
    while (place < list->count && slice_compare(list->names[place], name) < 0) {
        place++;
    }
    if (place < list->count && slice_eq(list->names[place], name)) {
        return parser_fail(p, at, "the record has this attribute already");
    }
    TRY(add_element(p, list, name, item));
    for (size_t i = list->count - 1; i > place; i--) {
        list->items[i] = list->items[i - 1];
        list->names[i] = list->names[i - 1];
    }
    list->items[place] = item;
    list->names[place] = name;
    return STATUS_OK;
}

static enum status parse_field_name(struct parser *p, struct slice *out)
{
    struct token token = parser_take(p);
    if (token.kind == TOKEN_STRING) {
        return parser_string(p, &token, out);
    }
    if (token.kind != TOKEN_IDENT || lexer_is_reserved(token.text)) {
        return parser_fail(p, &token, "expected an attribute's name here");
    }
    *out = token.text;
    return STATUS_OK;
}

static enum status parse_record(struct parser *p, const struct node **out)
{
    struct element_list list = {0};
    while (!parser_take_mark(p, SLICE("}"))) {
        struct token at = p->token;
        struct slice name = SLICE_EMPTY;
        const struct node *item = NULL;
        TRY(parse_field_name(p, &name));
        TRY(parser_expect(p, SLICE(":")));
        TRY(parser_expression(p, &item));
        TRY(insert_sorted(p, &list, name, item, &at));
        if (!parser_take_mark(p, SLICE(",")) && !parser_at_mark(p, SLICE("}"))) {
            return parser_expect(p, SLICE("}"));
        }
    }
    return node_of_list(p, NODE_RECORD, &list, out);
}

/* -- calls --------------------------------------------------------------------------------- */

struct function_entry {
    struct slice name;
    bool is_method;
    int arity; /* arguments besides the receiver; -1: checked at evaluation */
};

static const struct function_entry FUNCTIONS[FUNCTION_COUNT] = {
    [FUNCTION_CONTAINS] = {SLICE_INIT("contains"), true, 1},
    [FUNCTION_CONTAINS_ALL] = {SLICE_INIT("containsAll"), true, 1},
    [FUNCTION_CONTAINS_ANY] = {SLICE_INIT("containsAny"), true, 1},
    [FUNCTION_IS_EMPTY] = {SLICE_INIT("isEmpty"), true, 0},
    [FUNCTION_GET_TAG] = {SLICE_INIT("getTag"), true, 1},
    [FUNCTION_HAS_TAG] = {SLICE_INIT("hasTag"), true, 1},
    [FUNCTION_DECIMAL] = {SLICE_INIT("decimal"), false, -1},
    [FUNCTION_IP] = {SLICE_INIT("ip"), false, -1},
    [FUNCTION_DATETIME] = {SLICE_INIT("datetime"), false, -1},
    [FUNCTION_DURATION] = {SLICE_INIT("duration"), false, -1},
    [FUNCTION_LESS_THAN] = {SLICE_INIT("lessThan"), true, -1},
    [FUNCTION_LESS_THAN_OR_EQUAL] = {SLICE_INIT("lessThanOrEqual"), true, -1},
    [FUNCTION_GREATER_THAN] = {SLICE_INIT("greaterThan"), true, -1},
    [FUNCTION_GREATER_THAN_OR_EQUAL] = {SLICE_INIT("greaterThanOrEqual"), true, -1},
    [FUNCTION_IS_IPV4] = {SLICE_INIT("isIpv4"), true, -1},
    [FUNCTION_IS_IPV6] = {SLICE_INIT("isIpv6"), true, -1},
    [FUNCTION_IS_LOOPBACK] = {SLICE_INIT("isLoopback"), true, -1},
    [FUNCTION_IS_MULTICAST] = {SLICE_INIT("isMulticast"), true, -1},
    [FUNCTION_IS_IN_RANGE] = {SLICE_INIT("isInRange"), true, -1},
    [FUNCTION_OFFSET] = {SLICE_INIT("offset"), true, -1},
    [FUNCTION_DURATION_SINCE] = {SLICE_INIT("durationSince"), true, -1},
    [FUNCTION_TO_DATE] = {SLICE_INIT("toDate"), true, -1},
    [FUNCTION_TO_TIME] = {SLICE_INIT("toTime"), true, -1},
    [FUNCTION_TO_MILLISECONDS] = {SLICE_INIT("toMilliseconds"), true, -1},
    [FUNCTION_TO_SECONDS] = {SLICE_INIT("toSeconds"), true, -1},
    [FUNCTION_TO_MINUTES] = {SLICE_INIT("toMinutes"), true, -1},
    [FUNCTION_TO_HOURS] = {SLICE_INIT("toHours"), true, -1},
    [FUNCTION_TO_DAYS] = {SLICE_INIT("toDays"), true, -1},
    [FUNCTION_UNKNOWN] = {SLICE_INIT("unknown"), false, -1},
};

static enum function find_function(struct slice name)
{
    enum function i = FUNCTION_CONTAINS;
    while (i < FUNCTION_COUNT && !slice_eq(FUNCTIONS[i].name, name)) {
        i++;
    }
    return i;
}

static enum status node_of_call(struct parser *p, enum function function,
                                const struct element_list *list, const struct node **out)
{
    /* The constructor of a good text is a value; a bad text fails when it is evaluated. */
    bool is_constant = list->count == 1 && list->items[0]->kind == NODE_VALUE &&
                       list->items[0]->value.kind == CEDAR_STRING;
    struct cedar_value value;
    if (is_constant && cedar_extension_parse(FUNCTIONS[function].name,
                                             list->items[0]->value.as.text, &value) == STATUS_OK) {
        return literal(p, value, out);
    }
    struct node *node = parser_node(p, NODE_CALL, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->function = function;
    node->text = FUNCTIONS[function].name;
    node->items = list->items;
    node->item_count = list->count;
    return parser_close_node(p, node, out);
}

/* The '(' is next. receiver is NULL for functions. */
static enum status parse_call(struct parser *p, struct slice name, const struct token *at,
                              const struct node *receiver, const struct node **out)
{
    enum function function = find_function(name);
    struct element_list list = {0};
    if (function == FUNCTION_COUNT) {
        return parser_fail(p, at, "'%.*s' is no function", SLICE_ARG(name));
    }
    if (FUNCTIONS[function].is_method != (receiver != NULL)) {
        return parser_fail(p, at, "'%.*s' is called as a %s", SLICE_ARG(name),
                           receiver == NULL ? "method: x.f()" : "function: f(x)");
    }
    if (receiver != NULL) {
        TRY(add_element(p, &list, SLICE_EMPTY, receiver));
    }
    TRY(parser_expect(p, SLICE("(")));
    TRY(parse_elements(p, SLICE(")"), &list));
    int arguments = (int)list.count - (receiver != NULL ? 1 : 0);
    if (FUNCTIONS[function].arity >= 0 && arguments != FUNCTIONS[function].arity) {
        return parser_fail(p, at, "'%.*s' takes %d argument(s)", SLICE_ARG(name),
                           FUNCTIONS[function].arity);
    }
    return node_of_call(p, function, &list, out);
}

/* -- primaries ----------------------------------------------------------------------------- */

static enum status parse_variable(struct parser *p, const struct node **out)
{
    static const struct {
        struct slice name;
        enum node_kind kind;
    } VARIABLES[] = {{SLICE_INIT("principal"), NODE_PRINCIPAL},
                     {SLICE_INIT("action"), NODE_ACTION},
                     {SLICE_INIT("resource"), NODE_RESOURCE},
                     {SLICE_INIT("context"), NODE_CONTEXT}};
    struct token token = parser_take(p);
    for (size_t i = 0; i < COUNT_OF(VARIABLES); i++) {
        if (slice_eq(token.text, VARIABLES[i].name)) {
            struct node *node = parser_node(p, VARIABLES[i].kind, 0);
            return node == NULL ? STATUS_LIMIT : parser_close_node(p, node, out);
        }
    }
    return parser_fail(p, &token,
                       "'%.*s' is no variable; use principal, action, resource or context",
                       SLICE_ARG(token.text));
}

/* A name: variable, entity or function. */
static enum status parse_name(struct parser *p, const struct node **out)
{
    struct token at = p->token;
    struct lexer ahead = p->lexer;
    struct token next = lexer_next(&ahead);
    bool is_entity = next.kind == TOKEN_PUNCTUATION && slice_eq(next.text, SLICE("::"));
    bool is_call = next.kind == TOKEN_PUNCTUATION && slice_eq(next.text, SLICE("("));
    if (is_call) {
        (void)parser_take(p);
        return parse_call(p, at.text, &at, NULL, out);
    }
    if (!is_entity) {
        return parse_variable(p, out);
    }
    struct cedar_uid uid;
    TRY(parser_uid(p, &uid));
    return literal(p, cedar_entity(uid.type, uid.id), out);
}

static enum status parse_string_literal(struct parser *p, const struct node **out)
{
    struct token token = parser_take(p);
    struct slice text;
    TRY(parser_string(p, &token, &text));
    return literal(p, cedar_string(text), out);
}

static enum status parse_number(struct parser *p, const struct node **out)
{
    struct token token = parser_take(p);
    if (token.number > INT64_MAX) {
        return parser_fail(p, &token, "the integer is too large");
    }
    return literal(p, cedar_long((int64_t)token.number), out);
}

static enum status parse_word(struct parser *p, const struct node **out)
{
    if (parser_at_word(p, SLICE("true")) || parser_at_word(p, SLICE("false"))) {
        return literal(p, cedar_bool(slice_eq(parser_take(p).text, SLICE("true"))), out);
    }
    if (lexer_is_reserved(p->token.text)) {
        return parser_fail(p, &p->token, "'%.*s' cannot stand here", SLICE_ARG(p->token.text));
    }
    return parse_name(p, out);
}

static enum status parse_bracketed(struct parser *p, const struct node **out)
{
    struct element_list list = {0};
    if (parser_take_mark(p, SLICE("("))) {
        TRY(parser_expression(p, out));
        return parser_expect(p, SLICE(")"));
    }
    if (parser_take_mark(p, SLICE("["))) {
        TRY(parse_elements(p, SLICE("]"), &list));
        return node_of_list(p, NODE_SET, &list, out);
    }
    if (parser_take_mark(p, SLICE("{"))) {
        return parse_record(p, out);
    }
    return parser_fail(p, &p->token, "expected an expression here");
}

static enum status parse_primary(struct parser *p, const struct node **out)
{
    switch (p->token.kind) {
    case TOKEN_NUMBER:
        return parse_number(p, out);
    case TOKEN_STRING:
        return parse_string_literal(p, out);
    case TOKEN_IDENT:
        return parse_word(p, out);
    case TOKEN_PUNCTUATION:
        return parse_bracketed(p, out);
    case TOKEN_SLOT:
        return parser_fail(p, &p->token, "a slot can stand in the scope only");
    case TOKEN_ERROR:
        return parser_fail(p, &p->token, "%s", p->token.message);
    case TOKEN_END:
        return parser_fail(p, &p->token, "the policy ends inside an expression");
    }
    return STATUS_INTERNAL;
}

static enum status parse_dot(struct parser *p, const struct node **object)
{
    struct token name = parser_take(p);
    if (name.kind != TOKEN_IDENT || lexer_is_reserved(name.text)) {
        return parser_fail(p, &name, "expected an attribute's name here");
    }
    if (parser_at_mark(p, SLICE("("))) {
        return parse_call(p, name.text, &name, *object, object);
    }
    return named(p, NODE_ATTRIBUTE, *object, name.text, object);
}

static enum status parse_index(struct parser *p, const struct node **object)
{
    struct token name = parser_take(p);
    struct slice text;
    if (name.kind != TOKEN_STRING) {
        return parser_fail(p, &name, "expected an attribute's name as a string here");
    }
    TRY(parser_string(p, &name, &text));
    TRY(parser_expect(p, SLICE("]")));
    return named(p, NODE_ATTRIBUTE, *object, text, object);
}

static enum status parse_member(struct parser *p, const struct node **out)
{
    TRY(parse_primary(p, out));
    for (;;) {
        if (parser_take_mark(p, SLICE("."))) {
            TRY(parse_dot(p, out));
        } else if (parser_take_mark(p, SLICE("["))) {
            TRY(parse_index(p, out));
        } else {
            return STATUS_OK;
        }
    }
}

/* -- operators ----------------------------------------------------------------------------- */

/* An odd '-' directly before a number is part of it: only so can -2^63 be written. */
static enum status parse_negative(struct parser *p, int dashes, const struct node **out)
{
    bool is_number = p->token.kind == TOKEN_NUMBER;
    struct lexer ahead = p->lexer;
    struct token next = lexer_next(&ahead);
    bool is_bare =
        is_number && !(next.kind == TOKEN_PUNCTUATION &&
                       (slice_eq(next.text, SLICE(".")) || slice_eq(next.text, SLICE("["))));
    if (is_bare && p->token.number <= (uint64_t)INT64_MAX + 1) {
        struct token token = parser_take(p);
        int64_t value = (int64_t)(0 - token.number);
        TRY(literal(p, cedar_long(value), out));
        dashes--;
    } else {
        TRY(parse_member(p, out));
    }
    for (; dashes > 0; dashes--) {
        TRY(unary(p, NODE_NEGATE, *out, out));
    }
    return STATUS_OK;
}

static enum status parse_unary(struct parser *p, const struct node **out)
{
    struct token at = p->token;
    int count = 0;
    bool is_not = parser_at_mark(p, SLICE("!"));
    struct slice mark = is_not ? SLICE("!") : SLICE("-");
    while (parser_take_mark(p, mark)) {
        if (++count > UNARY_MAX) {
            return parser_fail(p, &at, "more than %d '%.*s' in a row", UNARY_MAX, SLICE_ARG(mark));
        }
    }
    if (count > 0 && !is_not) {
        return parse_negative(p, count, out);
    }
    TRY(parse_member(p, out));
    for (; count > 0; count--) {
        TRY(unary(p, NODE_NOT, *out, out));
    }
    return STATUS_OK;
}

static enum status parse_multiply(struct parser *p, const struct node **out)
{
    TRY(parse_unary(p, out));
    while (parser_take_mark(p, SLICE("*"))) {
        const struct node *right = NULL;
        TRY(parse_unary(p, &right));
        TRY(binary(p, NODE_MULTIPLY, *out, right, out));
    }
    if (parser_at_mark(p, SLICE("/")) || parser_at_mark(p, SLICE("%"))) {
        return parser_fail(p, &p->token, "Cedar has no division and no remainder");
    }
    return STATUS_OK;
}

static enum status parse_add(struct parser *p, const struct node **out)
{
    TRY(parse_multiply(p, out));
    while (parser_at_mark(p, SLICE("+")) || parser_at_mark(p, SLICE("-"))) {
        const struct node *right = NULL;
        bool is_add = slice_eq(parser_take(p).text, SLICE("+"));
        TRY(parse_multiply(p, &right));
        TRY(binary(p, is_add ? NODE_ADD : NODE_SUBTRACT, *out, right, out));
    }
    return STATUS_OK;
}

/* e has a.b.c is (e has a && e.a has b) && e.a.b has c */
static enum status parse_has(struct parser *p, const struct node **out)
{
    const struct node *object = *out;
    struct token token = parser_take(p);
    struct slice text;
    if (token.kind == TOKEN_STRING) {
        TRY(parser_string(p, &token, &text));
        return named(p, NODE_HAS, object, text, out);
    }
    const struct node *all = NULL;
    for (;;) {
        const struct node *one = NULL;
        if (token.kind != TOKEN_IDENT || lexer_is_reserved(token.text)) {
            return parser_fail(p, &token, "expected an attribute's name here");
        }
        TRY(named(p, NODE_HAS, object, token.text, &one));
        if (all == NULL) {
            all = one;
        } else {
            TRY(binary(p, NODE_AND, all, one, &all));
        }
        if (!parser_take_mark(p, SLICE("."))) {
            break;
        }
        TRY(named(p, NODE_ATTRIBUTE, object, token.text, &object));
        token = parser_take(p);
    }
    *out = all;
    return STATUS_OK;
}

static enum status parse_like(struct parser *p, const struct node **out)
{
    struct token token = parser_take(p);
    struct pattern_part *parts = NULL;
    struct slice text;
    size_t bad = 0;
    struct node *node = parser_node(p, NODE_LIKE, 1);
    if (token.kind != TOKEN_STRING) {
        return parser_fail(p, &token, "expected a pattern as a string here");
    }
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    enum status status =
        lexer_unescape(token.text, p->arena, &text, &parts, &node->part_count, &bad);
    if (status == STATUS_INVALID) {
        struct token at = {.from = token.from + 1 + bad, .to = token.from + 2 + bad};
        return parser_fail(p, &at, "this escape does not exist");
    }
    if (status != STATUS_OK) {
        p->is_out_of_memory = true;
        return status;
    }
    node->items[0] = *out;
    node->parts = parts;
    return parser_close_node(p, node, out);
}

/* e is T in x is (e is T) && (e in x) */
static enum status parse_is(struct parser *p, const struct node **out)
{
    const struct node *object = *out;
    struct slice type;
    TRY(parser_path(p, &type));
    TRY(named(p, NODE_IS, object, type, out));
    if (!parser_take_word(p, SLICE("in"))) {
        return STATUS_OK;
    }
    const struct node *right = NULL;
    const struct node *in = NULL;
    TRY(parse_add(p, &right));
    TRY(binary(p, NODE_IN, object, right, &in));
    return binary(p, NODE_AND, *out, in, out);
}

struct comparison {
    struct slice mark;
    enum node_kind kind;
    bool is_negated; /* a > b is !(a <= b) */
};

static const struct comparison *take_comparison(struct parser *p)
{
    static const struct comparison COMPARISONS[] = {
        {SLICE_INIT("=="), NODE_EQUAL, false},    {SLICE_INIT("!="), NODE_EQUAL, true},
        {SLICE_INIT("<"), NODE_LESS, false},      {SLICE_INIT("<="), NODE_LESS_EQUAL, false},
        {SLICE_INIT(">"), NODE_LESS_EQUAL, true}, {SLICE_INIT(">="), NODE_LESS, true},
    };
    static const struct comparison IN = {SLICE_INIT("in"), NODE_IN, false};
    for (size_t i = 0; i < COUNT_OF(COMPARISONS); i++) {
        if (parser_take_mark(p, COMPARISONS[i].mark)) {
            return &COMPARISONS[i];
        }
    }
    return parser_take_word(p, SLICE("in")) ? &IN : NULL;
}

static bool at_relation(const struct parser *p)
{
    static const struct slice MARKS[] = {SLICE_INIT("=="), SLICE_INIT("!="), SLICE_INIT("<"),
                                         SLICE_INIT("<="), SLICE_INIT(">"),  SLICE_INIT(">=")};
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
    return false;
}

static enum status parse_relation_tail(struct parser *p, const struct node **out)
{
    if (parser_take_word(p, SLICE("has"))) {
        return parse_has(p, out);
    }
    if (parser_take_word(p, SLICE("like"))) {
        return parse_like(p, out);
    }
    if (parser_take_word(p, SLICE("is"))) {
        return parse_is(p, out);
    }
    const struct comparison *comparison = take_comparison(p);
    if (comparison == NULL) {
        return STATUS_OK;
    }
    const struct node *right = NULL;
    TRY(parse_add(p, &right));
    TRY(binary(p, comparison->kind, *out, right, out));
    return comparison->is_negated ? unary(p, NODE_NOT, *out, out) : STATUS_OK;
}

static enum status parse_relation(struct parser *p, const struct node **out)
{
    TRY(parse_add(p, out));
    TRY(parse_relation_tail(p, out));
    if (at_relation(p)) {
        return parser_fail(p, &p->token, "relations cannot be chained; use parentheses");
    }
    return STATUS_OK;
}

/* A chain of one operator is one node, however long it is. */
static enum status close_chain(struct parser *p, enum node_kind kind,
                               const struct element_list *chain, const struct node **out)
{
    struct node *node = parser_node(p, kind, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items = chain->items;
    node->item_count = chain->count;
    return parser_close_node(p, node, out);
}

static enum status parse_and(struct parser *p, const struct node **out)
{
    struct element_list chain = {0};
    TRY(parse_relation(p, out));
    if (!parser_at_mark(p, SLICE("&&"))) {
        return STATUS_OK;
    }
    TRY(add_element(p, &chain, SLICE_EMPTY, *out));
    while (parser_take_mark(p, SLICE("&&"))) {
        TRY(parse_relation(p, out));
        TRY(add_element(p, &chain, SLICE_EMPTY, *out));
    }
    return close_chain(p, NODE_AND, &chain, out);
}

static enum status parse_or(struct parser *p, const struct node **out)
{
    struct element_list chain = {0};
    TRY(parse_and(p, out));
    if (!parser_at_mark(p, SLICE("||"))) {
        return STATUS_OK;
    }
    TRY(add_element(p, &chain, SLICE_EMPTY, *out));
    while (parser_take_mark(p, SLICE("||"))) {
        TRY(parse_and(p, out));
        TRY(add_element(p, &chain, SLICE_EMPTY, *out));
    }
    return close_chain(p, NODE_OR, &chain, out);
}

static enum status parse_if(struct parser *p, const struct node **out)
{
    static const struct slice WORDS[] = {SLICE_INIT("if"), SLICE_INIT("then"), SLICE_INIT("else")};
    struct node *node = parser_node(p, NODE_IF, 3);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < COUNT_OF(WORDS); i++) {
        if (!parser_take_word(p, WORDS[i])) {
            return parser_fail(p, &p->token, "expected '%.*s' here", SLICE_ARG(WORDS[i]));
        }
        TRY(parser_expression(p, &node->items[i]));
    }
    return parser_close_node(p, node, out);
}

enum status parser_expression(struct parser *p, const struct node **out)
{
    if (p->depth == CEDAR_DEPTH_MAX) {
        return parser_fail(p, &p->token, "nested deeper than %d levels", CEDAR_DEPTH_MAX);
    }
    p->depth++;
    TRY(parser_at_word(p, SLICE("if")) ? parse_if(p, out) : parse_or(p, out));
    p->depth--;
    return STATUS_OK;
}
