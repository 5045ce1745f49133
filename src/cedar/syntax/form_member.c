#include "cedar/syntax/form_read.h"
#include "cedar/syntax/lexer.h"
#include "cedar/syntax/name_order.h"

#include <assert.h>

#define RULES_MAX 8

struct surface_range form_range(const struct form_reader *reader, json_ref ref)
{
    const struct json_node *node = &reader->tape->nodes[ref];
    return (struct surface_range){node->offset, node->offset + node->len};
}

enum status form_close(struct form_reader *reader, struct surface_node *node,
                       struct surface_node **out)
{
    *out = node;
    return surface_node_close(node) ? STATUS_OK
                                    : report(reader->reporter, node->range,
                                             "nested deeper than %d levels", CEDAR_DEPTH_MAX);
}

enum status form_read_text(struct form_reader *reader, json_ref ref, struct slice *out)
{
    if (json_type(reader->tape, ref) != JSON_STRING) {
        return report(reader->reporter, form_range(reader, ref), "here must stand a string");
    }
    return json_string(reader->tape, ref, reader->arena, out);
}

/* -- objects ------------------------------------------------------------------------------- */

static enum status fail_member(struct form_reader *reader, json_ref key,
                               const struct form_rule *rules, size_t count)
{
    struct slice names[RULES_MAX];
    struct slice name = SLICE_EMPTY;
    for (size_t i = 0; i < count; i++) {
        names[i] = rules[i].name;
    }
    TRY(form_read_text(reader, key, &name));
    struct slice near = report_nearest(name, names, count);
    (void)report(reader->reporter, form_range(reader, key), "there is no member '%.*s' here",
                 SLICE_ARG(report_clip(name)));
    return near.len == 0 ? STATUS_INVALID
                         : report_help(reader->reporter, "did you mean '%.*s'?", SLICE_ARG(near));
}

static enum status place_member(struct form_reader *reader, json_ref key, json_ref value,
                                const struct form_rule *rules, size_t count, json_ref *out)
{
    for (size_t i = 0; i < count; i++) {
        if (json_string_eq(reader->tape, key, rules[i].name)) {
            out[i] = value;
            return STATUS_OK;
        }
    }
    return fail_member(reader, key, rules, count);
}

enum status form_read_members(struct form_reader *reader, json_ref object,
                              const struct form_rule *rules, size_t count, json_ref *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        out[i] = JSON_NONE;
    }
    if (json_type(reader->tape, object) != JSON_OBJECT) {
        return report(reader->reporter, form_range(reader, object), "here must stand an object");
    }
    json_iter_init(&iter, reader->tape, object);
    while (json_iter_next(&iter, &key, &value)) {
        status = status_worse(status, place_member(reader, key, value, rules, count, out));
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (rules[i].is_required && out[i] == JSON_NONE) {
            status = report(reader->reporter, form_range(reader, object),
                            "the member '%.*s' is missing", SLICE_ARG(rules[i].name));
        }
    }
    return status;
}

enum status form_read_single(struct form_reader *reader, json_ref object, struct slice *name,
                             json_ref *key, json_ref *value)
{
    struct json_iter iter;
    if (json_type(reader->tape, object) != JSON_OBJECT || json_count(reader->tape, object) != 1) {
        (void)report(reader->reporter, form_range(reader, object),
                     "an expression is an object with one member");
        return report_help(reader->reporter, "for example {\"Var\": \"principal\"}");
    }
    json_iter_init(&iter, reader->tape, object);
    if (!json_iter_next(&iter, key, value)) {
        return STATUS_INTERNAL;
    }
    return form_read_text(reader, *key, name);
}

static struct slice entry_name(const void *context, size_t index)
{
    const struct form_entry *entries = context;
    return entries[index].name;
}

enum status form_read_entries(struct form_reader *reader, json_ref object,
                              const struct form_entry **out)
{
    uint32_t count = json_count(reader->tape, object);
    struct form_entry *entries = arena_alloc_zero(reader->arena, count, sizeof(*entries));
    struct form_entry *sorted = arena_alloc_zero(reader->arena, count, sizeof(*sorted));
    const uint32_t *order = NULL;
    struct json_iter iter;
    if (entries == NULL || sorted == NULL) {
        return STATUS_LIMIT;
    }
    if (json_type(reader->tape, object) != JSON_OBJECT) {
        return report(reader->reporter, form_range(reader, object), "here must stand an object");
    }
    json_iter_init(&iter, reader->tape, object);
    for (uint32_t i = 0; i < count; i++) {
        if (!json_iter_next(&iter, &entries[i].key, &entries[i].value)) {
            return STATUS_INTERNAL;
        }
        TRY(form_read_text(reader, entries[i].key, &entries[i].name));
    }
    TRY(name_order(reader->arena, count, entry_name, entries, &order));
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = entries[order[i]];
    }
    *out = sorted;
    return STATUS_OK;
}

enum status form_read_items(struct form_reader *reader, json_ref ref, form_read_fn read,
                            enum surface_kind kind, struct surface_node **out)
{
    uint32_t count = json_count(reader->tape, ref);
    struct surface_node *node =
        surface_node_new(reader->arena, kind, form_range(reader, ref), count);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    size_t i = 0;
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    if (json_type(reader->tape, ref) != JSON_ARRAY) {
        return report(reader->reporter, node->range, "here must stand an array");
    }
    json_iter_init(&iter, reader->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct surface_node *item = NULL;
        TRY(read(reader, value, &item));
        node->items[i++] = item;
    }
    *out = node;
    return STATUS_OK;
}

enum status form_read_record(struct form_reader *reader, json_ref ref, form_read_fn read,
                             struct surface_node **out)
{
    uint32_t count = json_count(reader->tape, ref);
    struct surface_node *node =
        surface_node_new(reader->arena, SURFACE_RECORD, form_range(reader, ref), count);
    struct surface_name *names = arena_alloc_zero(reader->arena, count, sizeof(*names));
    const struct form_entry *entries = NULL;
    if (node == NULL || names == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_entries(reader, ref, &entries));
    assert(entries != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct surface_node *item = NULL;
        names[i] = (struct surface_name){entries[i].name, form_range(reader, entries[i].key), true};
        TRY(read(reader, entries[i].value, &item));
        node->items[i] = item;
    }
    node->names = names;
    node->name_count = count;
    return form_close(reader, node, out);
}

/* -- names --------------------------------------------------------------------------------- */

/* No white space, no comment, no reserved word: only then is the text one name. */
static bool is_type(struct slice text)
{
    struct lexer lexer = {.source = text};
    size_t at = 0;
    for (;;) {
        struct token token = lexer_next(&lexer);
        if (token.kind != TOKEN_IDENT || token.from != at || lexer_is_reserved(token.text)) {
            return false;
        }
        at = token.to;
        if (at == text.len) {
            return true;
        }
        token = lexer_next(&lexer);
        if (!slice_eq(token.text, SLICE("::")) || token.from != at) {
            return false;
        }
        at = token.to;
    }
}

enum status form_read_type(struct form_reader *reader, json_ref ref, struct surface_name *out)
{
    TRY(form_read_text(reader, ref, &out->text));
    out->range = form_range(reader, ref);
    out->is_quoted = false;
    if (is_type(out->text)) {
        return STATUS_OK;
    }
    (void)report(reader->reporter, out->range, "'%.*s' is no name of a type",
                 SLICE_ARG(report_clip(out->text)));
    return report_help(reader->reporter, "write it like Namespace::Type, without spaces");
}

enum status form_read_entity(struct form_reader *reader, json_ref ref, struct surface_entity *out)
{
    static const struct form_rule RULES[] = {{SLICE_INIT("type"), true}, {SLICE_INIT("id"), true}};
    json_ref members[COUNT_OF(RULES)];
    json_ref inner = json_member(reader->tape, ref, SLICE("__entity"));
    bool is_escape = inner != JSON_NONE && json_count(reader->tape, ref) == 1;
    TRY(form_read_members(reader, is_escape ? inner : ref, RULES, COUNT_OF(RULES), members));
    TRY(form_read_type(reader, members[0], &out->type));
    TRY(form_read_text(reader, members[1], &out->id));
    out->range = form_range(reader, ref);
    out->id_range = form_range(reader, members[1]);
    return STATUS_OK;
}
