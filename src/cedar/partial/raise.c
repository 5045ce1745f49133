/* Residuals as surface trees: the way back of syntax/lower.c. */
#include "cedar/partial/partial.h"
#include "cedar/syntax/functions.h"
#include "cedar/syntax/print.h"
#include "cedar/value/value.h"

#define RAISED_NODES_MAX ((size_t)1 << 20)
#define EXTENSION_BYTES_MAX 256 /* of a value as text */

static const struct surface_range NOWHERE = {0, 0};

struct raising {
    struct arena *arena;
    size_t nodes_left; /* a tree may share parts, which are written out each time */
};

/* Recursion ends: a tree has at most CEDAR_DEPTH_MAX levels, and values have as many. */
static enum status raise(struct raising *r, const struct node *node,
                         const struct surface_node **out);
static enum status raise_value(struct raising *r, const struct cedar_value *value, int depth,
                               const struct surface_node **out);

static enum status new_node(struct raising *r, enum surface_kind kind, size_t item_count,
                            struct surface_node **out)
{
    if (r->nodes_left == 0) {
        return STATUS_LIMIT;
    }
    r->nodes_left--;
    *out = surface_node_new(r->arena, kind, NOWHERE, item_count);
    return *out == NULL ? STATUS_LIMIT : STATUS_OK;
}

static enum status close_node(struct surface_node *node, const struct surface_node **out)
{
    *out = node;
    return surface_node_close(node) ? STATUS_OK : STATUS_LIMIT;
}

/* Count names of a new node, to be set; NULL without memory. */
static struct surface_name *new_names(struct raising *r, struct surface_node *node, size_t count)
{
    struct surface_name *names = arena_alloc_zero(r->arena, count, sizeof(*names));
    node->names = names;
    node->name_count = (uint32_t)count;
    return names;
}

static enum status set_name(struct raising *r, struct surface_name *name, struct slice text)
{
    name->is_quoted = !print_is_ident(text);
    return arena_copy(r->arena, text, &name->text);
}

static enum status set_only_name(struct raising *r, struct surface_node *node, struct slice text)
{
    struct surface_name *name = new_names(r, node, 1);
    return name == NULL ? STATUS_LIMIT : set_name(r, name, text);
}

enum status partial_raise_uid(const struct cedar_uid *uid, struct arena *arena,
                              struct surface_entity *out)
{
    *out = (struct surface_entity){0};
    TRY(arena_copy(arena, uid->type, &out->type.text));
    return arena_copy(arena, uid->id, &out->id);
}

/* -- values -------------------------------------------------------------------------------- */

static enum status raise_string(struct raising *r, struct slice text,
                                const struct surface_node **out)
{
    struct surface_node *node = NULL;
    TRY(new_node(r, SURFACE_STRING, 0, &node));
    TRY(arena_copy(r->arena, text, &node->as.text));
    return close_node(node, out);
}

static enum status raise_constructor(struct raising *r, enum function function, struct slice text,
                                     const struct surface_node **out)
{
    struct surface_node *node = NULL;
    TRY(new_node(r, SURFACE_CALL, 1, &node));
    TRY(set_only_name(r, node, function_info(function)->name));
    TRY(raise_string(r, text, &node->items[0]));
    node->as.function = function;
    return close_node(node, out);
}

/* The text in the quotes of `ip("...")` and its kin. */
static enum status raise_text(struct raising *r, enum function function,
                              const struct cedar_value *value, const struct surface_node **out)
{
    struct buf text;
    buf_init(&text, EXTENSION_BYTES_MAX, NULL);
    enum status status = cedar_value_to_text(value, r->arena, &text);
    if (status == STATUS_OK) {
        size_t from = slice_find_byte(buf_view(&text), '"') + 1;
        struct slice inside = slice_sub(buf_view(&text), from, text.len - 2);
        status = raise_constructor(r, function, inside, out);
    }
    buf_release(&text);
    return status;
}

/* Times have values that no text of a datetime reaches: from the first one on. */
static enum status raise_datetime(struct raising *r, int64_t number,
                                  const struct surface_node **out)
{
    struct surface_node *node = NULL;
    struct cedar_value since = {.kind = CEDAR_DURATION, .as.number = number};
    TRY(new_node(r, SURFACE_CALL, 2, &node));
    TRY(set_only_name(r, node, function_info(FUNCTION_OFFSET)->name));
    TRY(raise_constructor(r, FUNCTION_DATETIME, SLICE("1970-01-01"), &node->items[0]));
    TRY(raise_text(r, FUNCTION_DURATION, &since, &node->items[1]));
    node->as.function = FUNCTION_OFFSET;
    return close_node(node, out);
}

static enum status raise_parts(struct raising *r, const struct cedar_value *value, int depth,
                               const struct surface_node **out)
{
    bool is_record = value->kind == CEDAR_RECORD;
    size_t count = value_count(value);
    uint64_t cursor = 0;
    struct surface_node *node = NULL;
    if (count > r->nodes_left || depth >= CEDAR_DEPTH_MAX) {
        return STATUS_LIMIT;
    }
    TRY(new_node(r, is_record ? SURFACE_RECORD : SURFACE_SET, count, &node));
    struct surface_name *names = new_names(r, node, is_record ? count : 0);
    if (names == NULL) {
        return STATUS_LIMIT;
    }
    node->is_value = true;
    for (size_t i = 0; i < count; i++) {
        struct slice name = SLICE_EMPTY;
        struct cedar_value item;
        if (!value_next(value, &cursor, r->arena, &name, &item)) {
            return STATUS_LIMIT;
        }
        TRY(raise_value(r, &item, depth + 1, &node->items[i]));
        if (is_record) {
            TRY(set_name(r, &names[i], name));
        }
    }
    return close_node(node, out);
}

static enum status raise_plain(struct raising *r, const struct cedar_value *value,
                               const struct surface_node **out)
{
    static const enum surface_kind KINDS[] = {
        [CEDAR_BOOL] = SURFACE_BOOL, [CEDAR_LONG] = SURFACE_LONG, [CEDAR_ENTITY] = SURFACE_ENTITY};
    struct surface_node *node = NULL;
    TRY(new_node(r, KINDS[value->kind], 0, &node));
    if (value->kind == CEDAR_BOOL) {
        node->as.boolean = value->as.boolean;
    } else if (value->kind == CEDAR_LONG) {
        node->as.number = value->as.number;
    } else {
        TRY(partial_raise_uid(&value->as.uid, r->arena, &node->as.entity));
    }
    return close_node(node, out);
}

static enum status raise_value(struct raising *r, const struct cedar_value *value, int depth,
                               const struct surface_node **out)
{
    switch (value->kind) {
    case CEDAR_BOOL:
    case CEDAR_LONG:
    case CEDAR_ENTITY:
        return raise_plain(r, value, out);
    case CEDAR_STRING:
        return raise_string(r, value->as.text, out);
    case CEDAR_SET:
    case CEDAR_RECORD:
        return raise_parts(r, value, depth, out);
    case CEDAR_DECIMAL:
        return raise_text(r, FUNCTION_DECIMAL, value, out);
    case CEDAR_IP:
        return raise_text(r, FUNCTION_IP, value, out);
    case CEDAR_DURATION:
        return raise_text(r, FUNCTION_DURATION, value, out);
    case CEDAR_DATETIME:
        return raise_datetime(r, value->as.number, out);
    case CEDAR_ERROR:
    case CEDAR_UNKNOWN:
        break;
    }
    return STATUS_LIMIT; /* a part could not be read any more */
}

/* -- operators ----------------------------------------------------------------------------- */

static const enum surface_kind KINDS[] = {
    [NODE_PRINCIPAL] = SURFACE_PRINCIPAL,
    [NODE_ACTION] = SURFACE_ACTION,
    [NODE_RESOURCE] = SURFACE_RESOURCE,
    [NODE_CONTEXT] = SURFACE_CONTEXT,
    [NODE_IF] = SURFACE_IF,
    [NODE_AND] = SURFACE_AND,
    [NODE_OR] = SURFACE_OR,
    [NODE_NOT] = SURFACE_NOT,
    [NODE_NEGATE] = SURFACE_NEGATE,
    [NODE_EQUAL] = SURFACE_EQUAL,
    [NODE_LESS] = SURFACE_LESS,
    [NODE_LESS_EQUAL] = SURFACE_LESS_EQUAL,
    [NODE_IN] = SURFACE_IN,
    [NODE_ADD] = SURFACE_ADD,
    [NODE_SUBTRACT] = SURFACE_SUBTRACT,
    [NODE_MULTIPLY] = SURFACE_MULTIPLY,
    [NODE_ATTRIBUTE] = SURFACE_ATTRIBUTE,
    [NODE_HAS] = SURFACE_HAS,
    [NODE_LIKE] = SURFACE_LIKE,
    [NODE_IS] = SURFACE_IS,
    [NODE_SET] = SURFACE_SET,
    [NODE_RECORD] = SURFACE_RECORD,
    [NODE_CALL] = SURFACE_CALL,
};

/* !(a == b) is written a != b, and so on. SURFACE_NOT: there is no such operator. */
static enum surface_kind negation_of(const struct node *operand)
{
    switch ((int)operand->kind) {
    case NODE_EQUAL:
        return SURFACE_NOT_EQUAL;
    case NODE_LESS:
        return SURFACE_GREATER_EQUAL;
    case NODE_LESS_EQUAL:
        return SURFACE_GREATER;
    default:
        return SURFACE_NOT;
    }
}

static enum status raise_pattern(struct raising *r, const struct node *node,
                                 struct surface_pattern *out)
{
    struct pattern_part *parts = arena_alloc_zero(r->arena, node->part_count, sizeof(*parts));
    if (parts == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < node->part_count; i++) {
        parts[i].is_wildcard = node->parts[i].is_wildcard;
        TRY(arena_copy(r->arena, node->parts[i].literal, &parts[i].literal));
    }
    *out = (struct surface_pattern){.parts = parts, .part_count = node->part_count};
    return STATUS_OK;
}

static enum status raise_field_names(struct raising *r, const struct node *node,
                                     struct surface_node *out)
{
    struct surface_name *names = new_names(r, out, node->item_count);
    if (names == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        TRY(set_name(r, &names[i], node->names[i]));
    }
    return STATUS_OK;
}

/* What an operator has besides its operands. */
static enum status raise_details(struct raising *r, const struct node *node,
                                 struct surface_node *out)
{
    switch ((int)node->kind) {
    case NODE_LIKE:
        return raise_pattern(r, node, &out->as.pattern);
    case NODE_RECORD:
        return raise_field_names(r, node, out);
    case NODE_CALL:
        out->as.function = node->function;
        return set_only_name(r, out, node->text);
    case NODE_ATTRIBUTE:
    case NODE_HAS:
    case NODE_IS:
        return set_only_name(r, out, node->text);
    default:
        return STATUS_OK;
    }
}

static enum status raise(struct raising *r, const struct node *node,
                         const struct surface_node **out)
{
    struct surface_node *made = NULL;
    if (node->kind == NODE_VALUE) {
        return raise_value(r, &node->value, 0, out);
    }
    enum surface_kind kind =
        node->kind == NODE_NOT ? negation_of(node->items[0]) : KINDS[node->kind];
    if (node->kind == NODE_NOT && kind != SURFACE_NOT) {
        node = node->items[0];
    }
    TRY(new_node(r, kind, node->item_count, &made));
    for (size_t i = 0; i < node->item_count; i++) {
        TRY(raise(r, node->items[i], &made->items[i]));
    }
    TRY(raise_details(r, node, made));
    return close_node(made, out);
}

enum status partial_raise(const struct node *node, struct arena *arena,
                          const struct surface_node **out)
{
    struct raising r = {arena, RAISED_NODES_MAX};
    return raise(&r, node, out);
}
