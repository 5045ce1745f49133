#include "cedar/syntax/form_read.h"
#include "cedar/syntax/functions.h"

static enum status read_entity(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    struct surface_node *node =
        surface_node_new(reader->arena, SURFACE_ENTITY, form_range(reader, ref), 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_entity(reader, ref, &node->as.entity));
    return form_close(reader, node, out);
}

/* The one argument of {"fn","arg"} as the items of a call. */
static enum status read_argument(struct form_reader *reader, json_ref ref,
                                 struct surface_node **out)
{
    struct surface_node *item = NULL;
    struct surface_node *node =
        surface_node_new(reader->arena, SURFACE_CALL, form_range(reader, ref), 1);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_value(reader, ref, &item));
    node->items[0] = item;
    *out = node;
    return STATUS_OK;
}

/* {"fn": name, "arg": value} or {"fn": name, "args": [values]} */
static enum status read_extension(struct form_reader *reader, json_ref ref,
                                  struct surface_node **out)
{
    static const struct form_rule RULES[] = {
        {SLICE_INIT("fn"), true}, {SLICE_INIT("arg"), false}, {SLICE_INIT("args"), false}};
    struct surface_name *name = arena_alloc_zero(reader->arena, 1, sizeof(*name));
    struct surface_node *node = NULL;
    json_ref members[COUNT_OF(RULES)];
    if (name == NULL) {
        return STATUS_LIMIT;
    }
    TRY(form_read_members(reader, ref, RULES, COUNT_OF(RULES), members));
    TRY(form_read_text(reader, members[0], &name->text));
    name->range = form_range(reader, members[0]);
    enum function function = function_find(name->text);
    if (function == FUNCTION_COUNT || !function_info(function)->is_extension) {
        return report(reader->reporter, name->range, "there is no extension function '%.*s'",
                      SLICE_ARG(report_clip(name->text)));
    }
    if ((members[1] == JSON_NONE) == (members[2] == JSON_NONE)) {
        return report(reader->reporter, form_range(reader, ref),
                      "here must stand either 'arg' or 'args'");
    }
    TRY(members[1] != JSON_NONE
            ? read_argument(reader, members[1], &node)
            : form_read_items(reader, members[2], form_read_value, SURFACE_CALL, &node));
    node->range = node->outer = node->site = form_range(reader, ref);
    if (function_info(function)->is_method && node->item_count == 0) {
        return report(reader->reporter, node->range, "'%.*s' is a method: it needs a receiver",
                      SLICE_ARG(name->text));
    }
    node->is_value = true;
    node->as.function = function;
    node->names = name;
    node->name_count = 1;
    return form_close(reader, node, out);
}

/* An escape is the only member of its object; otherwise the object is a record. */
static enum status read_object(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    bool is_single = json_count(reader->tape, ref) == 1;
    json_ref extension = json_member(reader->tape, ref, SLICE("__extn"));
    if (is_single && json_member(reader->tape, ref, SLICE("__entity")) != JSON_NONE) {
        return read_entity(reader, ref, out);
    }
    if (is_single && extension != JSON_NONE) {
        return read_extension(reader, extension, out);
    }
    if (is_single && json_member(reader->tape, ref, SLICE("__expr")) != JSON_NONE) {
        (void)report(reader->reporter, form_range(reader, ref), "'__expr' is no longer supported");
        return report_help(reader->reporter, "write __entity or __extn");
    }
    TRY(form_read_record(reader, ref, form_read_value, out));
    (*out)->is_value = true;
    return STATUS_OK;
}

static enum status read_array(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    struct surface_node *node = NULL;
    TRY(form_read_items(reader, ref, form_read_value, SURFACE_SET, &node));
    node->is_value = true;
    return form_close(reader, node, out);
}

static enum status read_scalar(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    enum json_type type = json_type(reader->tape, ref);
    enum surface_kind kind = type == JSON_NUMBER   ? SURFACE_LONG
                             : type == JSON_STRING ? SURFACE_STRING
                                                   : SURFACE_BOOL;
    struct surface_node *node = surface_node_new(reader->arena, kind, form_range(reader, ref), 0);
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    node->as.boolean = type == JSON_TRUE;
    if (type == JSON_STRING) {
        TRY(form_read_text(reader, ref, &node->as.text));
    }
    if (type == JSON_NUMBER && json_integer(reader->tape, ref, &node->as.number) != STATUS_OK) {
        (void)report(reader->reporter, node->range, "this is no integer of 64 bits");
        return report_help(reader->reporter, "Cedar's numbers are integers; for fractions there "
                                             "is decimal");
    }
    return form_close(reader, node, out);
}

enum status form_read_value(struct form_reader *reader, json_ref ref, struct surface_node **out)
{
    switch (json_type(reader->tape, ref)) {
    case JSON_NULL:
        return report(reader->reporter, form_range(reader, ref), "Cedar has no null");
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_STRING:
        return read_scalar(reader, ref, out);
    case JSON_ARRAY:
        return read_array(reader, ref, out);
    case JSON_OBJECT:
        return read_object(reader, ref, out);
    }
    return STATUS_INTERNAL;
}
