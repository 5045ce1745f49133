#include "cedar/syntax/check.h"

#include "cedar/value/uid_table.h"

#include <assert.h>

#define UNARY_MAX 4 /* operators in a row */

enum status check_close(struct checker *c, struct surface_node *node, struct surface_node **out)
{
    *out = node;
    return surface_node_close(node)
               ? STATUS_OK
               : report(c->reporter, node->range, "nested deeper than %d levels", CEDAR_DEPTH_MAX);
}

static enum status unary(struct checker *c, enum surface_kind kind, struct surface_range range,
                         const struct surface_node *operand, struct surface_node **out)
{
    struct surface_node *node = surface_node_new(c->arena, kind, range, 1);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->items[0] = operand;
    return check_close(c, node, out);
}

/* -- literals and names -------------------------------------------------------------------- */

static enum status check_number(struct checker *c, const struct concrete *concrete,
                                struct surface_node **out)
{
    if (concrete->number > INT64_MAX) {
        (void)report(c->reporter, concrete->range, "this integer is too large");
        return report_help(c->reporter, "the largest integer is 9223372036854775807");
    }
    struct surface_node *node = surface_node_new(c->arena, SURFACE_LONG, concrete->range, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->as.number = (int64_t)concrete->number;
    return check_close(c, node, out);
}

static enum status check_bool(struct checker *c, const struct concrete *concrete,
                              struct surface_node **out)
{
    struct surface_node *node = surface_node_new(c->arena, SURFACE_BOOL, concrete->range, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->as.boolean = slice_eq(concrete->text, SLICE("true"));
    return check_close(c, node, out);
}

/* Slots stand in scopes only. The known ones are reported when the rest of the condition is right,
 * as something that could be moved there. */
static enum status check_slot(struct checker *c, const struct concrete *concrete,
                              struct surface_node **out)
{
    bool is_known = slice_eq(concrete->text, SLICE("?principal")) ||
                    slice_eq(concrete->text, SLICE("?resource"));
    if (!is_known) {
        (void)report(c->reporter, concrete->range, "there is no slot '%.*s'",
                     SLICE_ARG(report_clip(concrete->text)));
        return report_help(c->reporter, "the slots are ?principal and ?resource");
    }
    if (c->slot_count < SLOTS_SEEN_MAX) {
        c->slots[c->slot_count++] = concrete->range;
    }
    struct surface_node *node = surface_node_new(c->arena, SURFACE_PRINCIPAL, concrete->range, 0);
    return node == NULL ? STATUS_LIMIT : check_close(c, node, out);
}

static enum status check_variable(struct checker *c, const struct concrete *concrete,
                                  struct surface_node **out)
{
    static const struct {
        struct slice name;
        enum surface_kind kind;
    } VARIABLES[] = {{SLICE_INIT("principal"), SURFACE_PRINCIPAL},
                     {SLICE_INIT("action"), SURFACE_ACTION},
                     {SLICE_INIT("resource"), SURFACE_RESOURCE},
                     {SLICE_INIT("context"), SURFACE_CONTEXT}};
    size_t which = 0;
    while (!slice_eq(VARIABLES[which].name, concrete->first->text)) {
        which++;
    }
    struct surface_node *node =
        surface_node_new(c->arena, VARIABLES[which].kind, concrete->range, 0);
    return node == NULL ? STATUS_LIMIT : check_close(c, node, out);
}

static enum status fail_variable(struct checker *c, const struct concrete *name)
{
    static const struct slice WORDS[] = {SLICE_INIT("principal"), SLICE_INIT("action"),
                                         SLICE_INIT("resource"), SLICE_INIT("context")};
    struct slice text =
        report_clip(slice_sub(c->reporter->source.text, name->range.from, name->range.to));
    struct slice near =
        name->count == 1 ? report_nearest(text, WORDS, COUNT_OF(WORDS)) : SLICE_EMPTY;
    (void)report(c->reporter, name->range, "there is no variable '%.*s'", SLICE_ARG(text));
    if (near.len > 0) {
        return report_help(c->reporter, "did you mean '%.*s'?", SLICE_ARG(near));
    }
    return report_help(c->reporter, "variables are principal, action, resource and context; a "
                                    "string needs double quotes");
}

static enum status check_entity_literal(struct checker *c, const struct concrete *concrete,
                                        struct surface_node **out)
{
    struct surface_node *node = surface_node_new(c->arena, SURFACE_ENTITY, concrete->range, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    TRY(check_entity(c, concrete, &node->as.entity));
    return check_close(c, node, out);
}

static enum status check_string_literal(struct checker *c, const struct concrete *concrete,
                                        struct surface_node **out)
{
    struct surface_node *node = surface_node_new(c->arena, SURFACE_STRING, concrete->range, 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    TRY(check_string(c, concrete, concrete->range, &node->as.text));
    return check_close(c, node, out);
}

/* -- lists --------------------------------------------------------------------------------- */

/* All parts as values, into the items of a new node that is not closed yet. */
static enum status check_parts(struct checker *c, const struct concrete *concrete,
                               enum surface_kind kind, struct surface_node **out)
{
    struct surface_node *node = surface_node_new(c->arena, kind, concrete->range, concrete->count);
    enum status status = STATUS_OK;
    size_t i = 0;
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    for (const struct concrete *part = concrete->first; part != NULL; part = part->next) {
        struct surface_node *item = NULL;
        status = status_worse(status, check_expression(c, part, &item));
        node->items[i++] = item;
    }
    *out = node;
    return status;
}

static enum status check_list(struct checker *c, const struct concrete *concrete,
                              enum surface_kind kind, struct surface_node **out)
{
    struct surface_node *node = NULL;
    TRY(check_parts(c, concrete, kind, &node));
    return check_close(c, node, out);
}

static enum status check_key(struct checker *c, const struct concrete *key,
                             struct surface_name *out, bool *is_early)
{
    struct surface_node *unused = NULL;
    struct slice text = slice_sub(c->reporter->source.text, key->range.from, key->range.to);
    *out = (struct surface_name){.range = key->range, .is_quoted = key->kind == CONCRETE_STRING};
    if (key->kind == CONCRETE_STRING) {
        return check_string(c, key, key->range, &out->text);
    }
    enum status status =
        key->kind == CONCRETE_NAME ? check_path(c, key, out) : check_operand(c, key, &unused);
    *is_early = status != STATUS_OK && key->kind != CONCRETE_BOOL;
    TRY(status);
    if (key->kind == CONCRETE_NAME && key->count > 1) {
        return report(c->reporter, key->range, "'%.*s' has a namespace and cannot be an attribute",
                      SLICE_ARG(report_clip(text)));
    }
    if (key->kind == CONCRETE_NAME) {
        return STATUS_OK;
    }
    (void)report(c->reporter, check_inner_range(key), "'%.*s' cannot be an attribute's name",
                 SLICE_ARG(report_clip(text)));
    return report_help(c->reporter, "names of attributes are identifiers or strings");
}

static enum status check_twice(struct checker *c, const struct surface_node *record)
{
    struct uid_table table = {.arena = c->scratch};
    for (uint32_t i = 0; i < record->item_count; i++) {
        struct cedar_uid key = {SLICE_EMPTY, record->names[i].text};
        uint32_t first = uid_table_find(&table, &key);
        if (first == UID_TABLE_NONE) {
            TRY(uid_table_add(&table, &key, i));
            continue;
        }
        (void)report(c->reporter, record->range, "the record has the attribute '%.*s' twice",
                     SLICE_ARG(report_clip(record->names[i].text)));
        (void)report_label(c->reporter, record->names[first].range, "first here");
        return report_label(c->reporter, record->names[i].range, "again here");
    }
    return STATUS_OK;
}

static enum status check_record(struct checker *c, const struct concrete *concrete,
                                struct surface_node **out)
{
    struct surface_node *node =
        surface_node_new(c->arena, SURFACE_RECORD, concrete->range, concrete->count);
    struct surface_name *names = arena_alloc_zero(c->arena, concrete->count, sizeof(*names));
    enum status status = STATUS_OK;
    size_t i = 0;
    if (node == NULL || names == NULL) {
        return STATUS_LIMIT;
    }
    for (const struct concrete *field = concrete->first; field != NULL; field = field->next) {
        struct surface_node *value = NULL;
        bool is_early = false;
        status = status_worse(status, check_key(c, field->first, &names[i], &is_early));
        if (!is_early) {
            status = status_worse(status, check_expression(c, field->first->next, &value));
        }
        node->items[i++] = value;
    }
    TRY(status);
    node->names = names;
    node->name_count = concrete->count;
    TRY(check_twice(c, node));
    return check_close(c, node, out);
}

/* -- operators ----------------------------------------------------------------------------- */

static enum surface_kind operator_kind(struct slice mark)
{
    static const struct {
        struct slice mark;
        enum surface_kind kind;
    } OPERATORS[] = {
        {SLICE_INIT("=="), SURFACE_EQUAL},   {SLICE_INIT("!="), SURFACE_NOT_EQUAL},
        {SLICE_INIT("<"), SURFACE_LESS},     {SLICE_INIT("<="), SURFACE_LESS_EQUAL},
        {SLICE_INIT(">"), SURFACE_GREATER},  {SLICE_INIT(">="), SURFACE_GREATER_EQUAL},
        {SLICE_INIT("in"), SURFACE_IN},      {SLICE_INIT("+"), SURFACE_ADD},
        {SLICE_INIT("-"), SURFACE_SUBTRACT}, {SLICE_INIT("*"), SURFACE_MULTIPLY},
    };
    size_t which = 0;
    while (which + 1 < COUNT_OF(OPERATORS) && !slice_eq(OPERATORS[which].mark, mark)) {
        which++;
    }
    return OPERATORS[which].kind;
}

/* Two operands that are right; the operator is the mark of the second. */
static enum status check_operator(struct checker *c, const struct concrete *chain,
                                  const struct concrete *right_part, struct surface_node *left,
                                  struct surface_node *right, struct surface_node **out)
{
    assert(left != NULL && right != NULL);
    struct surface_range range = {left->outer.from, right->outer.to};
    struct surface_node *node =
        surface_node_new(c->arena, operator_kind(right_part->mark), range, 2);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->site = chain->range;
    node->items[0] = left;
    node->items[1] = right;
    return check_close(c, node, out);
}

static enum status check_mark(struct checker *c, const struct concrete *chain,
                              const struct concrete *part)
{
    if (slice_eq(part->mark, SLICE("/"))) {
        (void)report(c->reporter, chain->range, "Cedar has no division");
        return report_help(c->reporter, "multiply the other side of the comparison instead");
    }
    if (slice_eq(part->mark, SLICE("%"))) {
        return report(c->reporter, chain->range, "Cedar has no remainder");
    }
    return STATUS_OK;
}

/* The parts behind the first one, all of them even when one is wrong. */
static enum status check_rest(struct checker *c, const struct concrete *chain,
                              struct surface_node **items)
{
    enum status status = STATUS_OK;
    size_t i = 0;
    for (const struct concrete *part = chain->first->next; part != NULL; part = part->next) {
        enum status one = check_expression(c, part, &items[i++]);
        one = one == STATUS_OK ? check_mark(c, chain, part) : one;
        status = status_worse(status, one);
    }
    return status;
}

/* A chain of + - * is left-nested. */
static enum status check_chain(struct checker *c, const struct concrete *chain,
                               struct surface_node **out)
{
    struct surface_node *left = NULL;
    struct surface_node **items =
        arena_alloc_zero(c->arena, chain->count, sizeof(struct surface_node *));
    size_t i = 0;
    if (items == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = check_operand(c, chain->first, &left);
    TRY(status_worse(status, check_rest(c, chain, items)));
    TRY(check_finish(c, chain->first, &left));
    for (const struct concrete *part = chain->first->next; part != NULL; part = part->next) {
        TRY(check_operator(c, chain, part, left, items[i++], &left));
    }
    *out = left;
    return STATUS_OK;
}

static enum status check_relation(struct checker *c, const struct concrete *chain,
                                  struct surface_node **out)
{
    const struct concrete *second = chain->first->next;
    if (chain->count > 2) {
        struct surface_node *unused = NULL;
        enum status status = check_operand(c, chain->first, &unused);
        for (const struct concrete *part = second; part != NULL; part = part->next) {
            status = status_worse(status, check_expression(c, part, &unused));
        }
        (void)report(c->reporter, chain->range, "comparisons cannot be chained");
        return status_worse(status, report_help(c->reporter, "use '&&' or parentheses"));
    }
    TRY(check_chain(c, chain, out));
    if (slice_eq(second->mark, SLICE("="))) {
        (void)report(c->reporter, chain->range, "'=' is no operator");
        return report_help(c->reporter, "write '==' to compare");
    }
    return STATUS_OK;
}

/* A chain of && or || is one node, however long it is. */
static enum status check_logic(struct checker *c, const struct concrete *chain,
                               struct surface_node **out)
{
    enum surface_kind kind = chain->kind == CONCRETE_AND ? SURFACE_AND : SURFACE_OR;
    struct surface_node *node = surface_node_new(c->arena, kind, chain->range, chain->count);
    struct surface_node *first = NULL;
    size_t i = 1;
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    enum status status = check_operand(c, chain->first, &first);
    for (const struct concrete *part = chain->first->next; part != NULL; part = part->next) {
        struct surface_node *item = NULL;
        status = status_worse(status, check_expression(c, part, &item));
        node->items[i++] = item;
    }
    TRY(status);
    TRY(check_finish(c, chain->first, &first));
    node->items[0] = first;
    return check_close(c, node, out);
}

static enum status fail_unary(struct checker *c, const struct concrete *concrete, char mark)
{
    (void)report(c->reporter, concrete->range, "more than %d '%c' in a row", UNARY_MAX, mark);
    return report_help(c->reporter, "two of them cancel each other out");
}

static enum status check_not(struct checker *c, const struct concrete *concrete,
                             struct surface_node **out)
{
    if (concrete->number > UNARY_MAX) {
        return fail_unary(c, concrete, '!');
    }
    TRY(check_expression(c, concrete->first, out));
    for (uint64_t i = 0; i < concrete->number; i++) {
        TRY(unary(c, SURFACE_NOT, concrete->range, *out, out));
    }
    return STATUS_OK;
}

/* A '-' directly before a number is part of it: only so can -2^63 be written. */
static enum status check_negate(struct checker *c, const struct concrete *concrete,
                                struct surface_node **out)
{
    const struct concrete *operand = concrete->first;
    uint64_t dashes = concrete->number;
    if (dashes > UNARY_MAX) {
        return fail_unary(c, concrete, '-');
    }
    if (operand->kind != CONCRETE_NUMBER) {
        TRY(check_expression(c, operand, out));
    } else if (operand->number > (uint64_t)INT64_MAX + 1) {
        (void)report(c->reporter, concrete->range, "this integer is too small");
        return report_help(c->reporter, "the smallest integer is -9223372036854775808");
    } else {
        struct surface_node *node = surface_node_new(c->arena, SURFACE_LONG, operand->range, 0);
        if (node == NULL) {
            return STATUS_LIMIT;
        }
        node->as.number = (int64_t)(0 - operand->number);
        node->range = node->outer = concrete->range;
        dashes--;
        TRY(check_close(c, node, out));
    }
    for (; dashes > 0; dashes--) {
        TRY(unary(c, SURFACE_NEGATE, concrete->range, *out, out));
    }
    return STATUS_OK;
}

static enum status check_parentheses(struct checker *c, const struct concrete *concrete,
                                     struct surface_node **out)
{
    TRY(check_expression(c, concrete->first, out));
    (*out)->outer = concrete->range;
    (*out)->parentheses++;
    return STATUS_OK;
}

enum status check_operand(struct checker *c, const struct concrete *concrete,
                          struct surface_node **out)
{
    struct surface_name name;
    *out = NULL;
    switch (concrete->kind) {
    case CONCRETE_STRING:
        return STATUS_OK;
    case CONCRETE_NAME:
        return check_is_variable(concrete) ? check_variable(c, concrete, out)
                                           : check_path(c, concrete, &name);
    case CONCRETE_BOOL:
        return check_bool(c, concrete, out);
    case CONCRETE_NUMBER:
        return check_number(c, concrete, out);
    case CONCRETE_SLOT:
        return check_slot(c, concrete, out);
    case CONCRETE_ENTITY:
    case CONCRETE_ENTITY_RECORD:
        return check_entity_literal(c, concrete, out);
    case CONCRETE_PARENTHESES:
        return check_parentheses(c, concrete, out);
    case CONCRETE_LIST:
        return check_list(c, concrete, SURFACE_SET, out);
    case CONCRETE_RECORD:
        return check_record(c, concrete, out);
    case CONCRETE_IF:
        return check_list(c, concrete, SURFACE_IF, out);
    case CONCRETE_OR:
    case CONCRETE_AND:
        return check_logic(c, concrete, out);
    case CONCRETE_RELATION:
        return check_relation(c, concrete, out);
    case CONCRETE_HAS:
        return check_has(c, concrete, out);
    case CONCRETE_LIKE:
        return check_like(c, concrete, out);
    case CONCRETE_IS:
        return check_is(c, concrete, out);
    case CONCRETE_ADD:
    case CONCRETE_MULTIPLY:
        return check_chain(c, concrete, out);
    case CONCRETE_NOT:
        return check_not(c, concrete, out);
    case CONCRETE_NEGATE:
        return check_negate(c, concrete, out);
    case CONCRETE_MEMBER:
        return check_member(c, concrete, out);
    case CONCRETE_ERROR: /* its policy has been refused already */
    case CONCRETE_IDENT: /* parts of the others */
    case CONCRETE_FIELD:
    case CONCRETE_ATTRIBUTE:
    case CONCRETE_CALL:
    case CONCRETE_INDEX:
        break;
    }
    return STATUS_INTERNAL;
}

enum status check_finish(struct checker *c, const struct concrete *concrete,
                         struct surface_node **out)
{
    if (*out != NULL) {
        return STATUS_OK;
    }
    return concrete->kind == CONCRETE_STRING ? check_string_literal(c, concrete, out)
                                             : fail_variable(c, concrete);
}

enum status check_expression(struct checker *c, const struct concrete *concrete,
                             struct surface_node **out)
{
    TRY(check_operand(c, concrete, out));
    return check_finish(c, concrete, out);
}
