#include "cedar/syntax/form_write.h"

#include "cedar/syntax/functions.h"
#include "cedar/syntax/name_order.h"

struct writing {
    struct buf *out;
    struct arena *scratch;
};

static enum status write_node(struct writing *w, const struct surface_node *node);

static void put(struct writing *w, const char *text)
{
    buf_append(w->out, slice_view_cstr(text));
}

static void put_string(struct writing *w, struct slice text)
{
    buf_append_json_string(w->out, text);
}

void form_write_uid(struct buf *out, const struct cedar_uid *uid)
{
    buf_append(out, SLICE("{\"type\":"));
    buf_append_json_string(out, uid->type);
    buf_append(out, SLICE(",\"id\":"));
    buf_append_json_string(out, uid->id);
    buf_append_byte(out, '}');
}

static struct slice node_name(const void *context, size_t index)
{
    const struct surface_node *node = context;
    return node->names[index].text;
}

/* -- values -------------------------------------------------------------------------------- */

static enum status write_value(struct writing *w, const struct surface_node *node);

static void put_entity(struct writing *w, const struct surface_entity *entity)
{
    struct cedar_uid uid = {entity->type.text, entity->id};
    put(w, "{\"__entity\":");
    form_write_uid(w->out, &uid);
    put(w, "}");
}

typedef enum status (*write_fn)(struct writing *w, const struct surface_node *node);

static enum status write_items(struct writing *w, const struct surface_node *node, write_fn write)
{
    put(w, "[");
    for (uint32_t i = 0; i < node->item_count; i++) {
        put(w, i == 0 ? "" : ",");
        TRY(write(w, node->items[i]));
    }
    put(w, "]");
    return STATUS_OK;
}

static enum status write_members(struct writing *w, const struct surface_node *node, write_fn write)
{
    const uint32_t *order = NULL;
    TRY(name_order(w->scratch, node->item_count, node_name, node, &order));
    put(w, "{");
    for (uint32_t i = 0; i < node->item_count; i++) {
        put(w, i == 0 ? "" : ",");
        put_string(w, node->names[order[i]].text);
        put(w, ":");
        TRY(write(w, node->items[order[i]]));
    }
    put(w, "}");
    return STATUS_OK;
}

static enum status write_value_call(struct writing *w, const struct surface_node *node)
{
    put(w, "{\"__extn\":{\"fn\":");
    put_string(w, node->names[0].text);
    put(w, node->item_count == 1 ? ",\"arg\":" : ",\"args\":");
    TRY(node->item_count == 1 ? write_value(w, node->items[0]) : write_items(w, node, write_value));
    put(w, "}}");
    return STATUS_OK;
}

/* Literals, and what the reader found in a `Value`. */
static enum status write_value(struct writing *w, const struct surface_node *node)
{
    switch ((int)node->kind) {
    case SURFACE_BOOL:
        put(w, node->as.boolean ? "true" : "false");
        return STATUS_OK;
    case SURFACE_LONG:
        buf_append_i64(w->out, node->as.number);
        return STATUS_OK;
    case SURFACE_STRING:
        put_string(w, node->as.text);
        return STATUS_OK;
    case SURFACE_ENTITY:
        put_entity(w, &node->as.entity);
        return STATUS_OK;
    case SURFACE_SET:
        return write_items(w, node, write_value);
    case SURFACE_RECORD:
        return write_members(w, node, write_value);
    case SURFACE_CALL:
        return write_value_call(w, node);
    default:
        return STATUS_INTERNAL;
    }
}

static enum status write_literal(struct writing *w, const struct surface_node *node)
{
    put(w, "{\"Value\":");
    TRY(write_value(w, node));
    put(w, "}");
    return STATUS_OK;
}

/* -- operators ----------------------------------------------------------------------------- */

static enum status write_unary(struct writing *w, const char *key, const struct surface_node *arg)
{
    put(w, "{\"");
    put(w, key);
    put(w, "\":{\"arg\":");
    TRY(write_node(w, arg));
    put(w, "}}");
    return STATUS_OK;
}

/* A chain is written left-nested, without recursion however long it is. */
static enum status write_chain(struct writing *w, struct slice key, const struct surface_node *node)
{
    for (uint32_t i = 1; i < node->item_count; i++) {
        put(w, "{\"");
        buf_append(w->out, key);
        put(w, "\":{\"left\":");
    }
    TRY(write_node(w, node->items[0]));
    for (uint32_t i = 1; i < node->item_count; i++) {
        put(w, ",\"right\":");
        TRY(write_node(w, node->items[i]));
        put(w, "}}");
    }
    return STATUS_OK;
}

static enum status write_list(struct writing *w, struct slice key, const struct surface_node *node)
{
    put(w, "{\"");
    buf_append(w->out, key);
    put(w, "\":");
    TRY(write_items(w, node, write_node));
    put(w, "}");
    return STATUS_OK;
}

static enum status write_record(struct writing *w, const struct surface_node *node)
{
    put(w, "{\"Record\":");
    TRY(write_members(w, node, write_node));
    put(w, "}");
    return STATUS_OK;
}

static enum status write_call(struct writing *w, const struct surface_node *node)
{
    const struct function_info *info = function_info(node->as.function);
    if (info->is_extension) {
        return write_list(w, info->name, node);
    }
    return node->as.function == FUNCTION_IS_EMPTY ? write_unary(w, "isEmpty", node->items[0])
                                                  : write_chain(w, info->name, node);
}

static enum status write_if(struct writing *w, const struct surface_node *node)
{
    put(w, "{\"if-then-else\":{\"if\":");
    TRY(write_node(w, node->items[0]));
    put(w, ",\"then\":");
    TRY(write_node(w, node->items[1]));
    put(w, ",\"else\":");
    TRY(write_node(w, node->items[2]));
    put(w, "}}");
    return STATUS_OK;
}

/* -- names and patterns -------------------------------------------------------------------- */

static enum status write_attribute(struct writing *w, const struct surface_node *node)
{
    put(w, "{\".\":{\"left\":");
    TRY(write_node(w, node->items[0]));
    put(w, ",\"attr\":");
    put_string(w, node->names[0].text);
    put(w, "}}");
    return STATUS_OK;
}

static enum status write_has(struct writing *w, const struct surface_node *node)
{
    put(w, "{\"has\":{\"left\":");
    TRY(write_node(w, node->items[0]));
    put(w, ",\"attr\":");
    put(w, node->name_count > 1 ? "[" : "");
    for (uint32_t i = 0; i < node->name_count; i++) {
        put(w, i == 0 ? "" : ",");
        put_string(w, node->names[i].text);
    }
    put(w, node->name_count > 1 ? "]}}" : "}}");
    return STATUS_OK;
}

static enum status write_is(struct writing *w, const struct surface_node *node)
{
    put(w, "{\"is\":{\"left\":");
    TRY(write_node(w, node->items[0]));
    put(w, ",\"entity_type\":");
    put_string(w, node->names[0].text);
    if (node->item_count > 1) {
        put(w, ",\"in\":");
        TRY(write_node(w, node->items[1]));
    }
    put(w, "}}");
    return STATUS_OK;
}

/* Literal parts are written character by character, as the official engine does. */
static void write_characters(struct writing *w, struct slice literal, bool is_first)
{
    for (size_t i = 0; i < literal.len;) {
        size_t end = i + 1;
        while (end < literal.len && (literal.ptr[end] & 0xC0) == 0x80) {
            end++;
        }
        put(w, is_first && i == 0 ? "{\"Literal\":" : ",{\"Literal\":");
        put_string(w, slice_sub(literal, i, end));
        put(w, "}");
        i = end;
    }
}

static enum status write_like(struct writing *w, const struct surface_node *node)
{
    const struct surface_pattern *pattern = &node->as.pattern;
    put(w, "{\"like\":{\"left\":");
    TRY(write_node(w, node->items[0]));
    put(w, ",\"pattern\":[");
    for (size_t i = 0; i < pattern->part_count; i++) {
        if (pattern->parts[i].is_wildcard) {
            put(w, i == 0 ? "\"Wildcard\"" : ",\"Wildcard\"");
        } else {
            write_characters(w, pattern->parts[i].literal, i == 0);
        }
    }
    put(w, "]}}");
    return STATUS_OK;
}

static enum status write_variable(struct writing *w, const char *name)
{
    put(w, "{\"Var\":\"");
    put(w, name);
    put(w, "\"}");
    return STATUS_OK;
}

static enum status write_node(struct writing *w, const struct surface_node *node)
{
    if (node->is_value) {
        return write_literal(w, node);
    }
    switch (node->kind) {
    case SURFACE_BOOL:
    case SURFACE_LONG:
    case SURFACE_STRING:
    case SURFACE_ENTITY:
        return write_literal(w, node);
    case SURFACE_PRINCIPAL:
        return write_variable(w, "principal");
    case SURFACE_ACTION:
        return write_variable(w, "action");
    case SURFACE_RESOURCE:
        return write_variable(w, "resource");
    case SURFACE_CONTEXT:
        return write_variable(w, "context");
    case SURFACE_IF:
        return write_if(w, node);
    case SURFACE_NOT:
        return write_unary(w, "!", node->items[0]);
    case SURFACE_NEGATE:
        return write_unary(w, "neg", node->items[0]);
    case SURFACE_AND:
    case SURFACE_OR:
    case SURFACE_EQUAL:
    case SURFACE_NOT_EQUAL:
    case SURFACE_LESS:
    case SURFACE_LESS_EQUAL:
    case SURFACE_GREATER:
    case SURFACE_GREATER_EQUAL:
    case SURFACE_IN:
    case SURFACE_ADD:
    case SURFACE_SUBTRACT:
    case SURFACE_MULTIPLY:
        return write_chain(w, surface_mark(node->kind), node);
    case SURFACE_ATTRIBUTE:
        return write_attribute(w, node);
    case SURFACE_HAS:
        return write_has(w, node);
    case SURFACE_LIKE:
        return write_like(w, node);
    case SURFACE_IS:
        return write_is(w, node);
    case SURFACE_SET:
        return write_list(w, SLICE("Set"), node);
    case SURFACE_RECORD:
        return write_record(w, node);
    case SURFACE_CALL:
        return write_call(w, node);
    }
    return STATUS_INTERNAL;
}

enum status form_write_expression(struct buf *out, const struct surface_node *node,
                                  struct arena *scratch)
{
    struct writing w = {out, scratch};
    TRY(write_node(&w, node));
    return buf_status(out);
}
