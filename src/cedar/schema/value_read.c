#include "cedar/schema/value_read.h"

#include "cedar/eval/operators.h"
#include "cedar/syntax/functions.h"

/* The only member of an object, or JSON_NONE. */
static json_ref only_member(const struct json_reader *r, json_ref ref, struct slice name)
{
    return json_count(&r->tape, ref) == 1 ? json_member(&r->tape, ref, name) : JSON_NONE;
}

enum status value_read_uid(struct json_reader *r, json_ref ref, struct cedar_uid *out)
{
    json_ref type = JSON_NONE;
    json_ref id = JSON_NONE;
    const struct json_reader_member table[] = {{SLICE("type"), true, &type},
                                               {SLICE("id"), true, &id}};
    json_ref escaped = json_member(&r->tape, ref, SLICE("__entity"));
    TRY(json_reader_members(r, escaped == JSON_NONE ? ref : escaped, table, COUNT_OF(table), true));
    TRY(json_reader_string(r, type, &out->type));
    TRY(json_reader_string(r, id, &out->id));
    return json_reader_is_name(out->type)
               ? STATUS_OK
               : json_reader_fail(r, type, "this is no name of an entity type");
}

/* -- extension values ---------------------------------------------------------------------- */

/* As in an expression. `unknown` makes no value unless the reader allows it. */
static enum status call_extension(const struct json_reader *r, struct slice name,
                                  const struct cedar_value *arguments, size_t count,
                                  struct cedar_value *out)
{
    struct evaluation failure = {0}; /* no function looks at anything else */
    enum function function = function_find(name);
    if (function == FUNCTION_UNKNOWN && r->allows_unknown && count == 1 &&
        arguments[0].kind == CEDAR_STRING) {
        *out = (struct cedar_value){.kind = CEDAR_UNKNOWN, .as.text = arguments[0].as.text};
        return STATUS_OK;
    }
    if (function == FUNCTION_COUNT || function == FUNCTION_UNKNOWN ||
        !function_info(function)->is_extension) {
        return STATUS_INVALID;
    }
    return operate_extension(&failure, function, name, arguments, count, out) ? STATUS_OK
                                                                              : STATUS_INVALID;
}

static enum status call(struct json_reader *r, json_ref ref, struct slice function,
                        const struct cedar_value *arguments, size_t count, struct cedar_value *out)
{
    enum status status = call_extension(r, function, arguments, count, out);
    return status == STATUS_INVALID
               ? json_reader_fail(r, ref, "this is no value of an extension type")
               : status;
}

static enum status read_arguments(struct json_reader *r, json_ref list, struct cedar_value **out)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    size_t count = 0;
    TRY(json_reader_expect(r, list, JSON_ARRAY));
    TRY(json_reader_items(r, list, sizeof(struct cedar_value), &memory));
    *out = memory;
    json_iter_init(&iter, &r->tape, list);
    while (json_iter_next(&iter, &key, &value)) {
        TRY(value_read(r, value, NULL, &(*out)[count++]));
    }
    return STATUS_OK;
}

/* {"fn", "arg"} or {"fn", "args"} */
static enum status read_call(struct json_reader *r, json_ref ref, struct cedar_value *out)
{
    json_ref function = JSON_NONE;
    json_ref argument = JSON_NONE;
    json_ref list = JSON_NONE;
    struct slice name = SLICE_EMPTY;
    struct cedar_value one = {0};
    struct cedar_value *arguments = &one;
    const struct json_reader_member table[] = {{SLICE("fn"), true, &function},
                                               {SLICE("arg"), false, &argument},
                                               {SLICE("args"), false, &list}};
    TRY(json_reader_members(r, ref, table, COUNT_OF(table), true));
    TRY(json_reader_string(r, function, &name));
    if (list != JSON_NONE && argument == JSON_NONE) {
        TRY(read_arguments(r, list, &arguments));
        return call(r, ref, name, arguments, json_count(&r->tape, list), out);
    }
    if (argument == JSON_NONE) {
        return json_reader_fail(r, ref, "the member 'arg' is missing");
    }
    TRY(value_read(r, argument, NULL, &one));
    return call(r, ref, name, &one, 1, out);
}

static struct slice constructor_of(enum type_kind kind)
{
    switch ((int)kind) {
    case TYPE_DECIMAL:
        return SLICE("decimal");
    case TYPE_IP:
        return SLICE("ip");
    case TYPE_DATETIME:
        return SLICE("datetime");
    case TYPE_DURATION:
        return SLICE("duration");
    default:
        return SLICE_EMPTY;
    }
}

/* -- values -------------------------------------------------------------------------------- */

/* What is known of the type of a part: that of the record's attribute, or the same for each. */
struct part_types {
    const struct type *record, *each;
};

static const struct type *type_of_part(const struct part_types *types, struct slice name)
{
    const struct type_attribute *attribute =
        types->record == NULL ? NULL : type_attribute_find(types->record, name);
    return attribute == NULL ? types->each : attribute->type;
}

/* Elements or members; elements have no names. */
static enum status read_parts(struct json_reader *r, json_ref ref, struct part_types types,
                              const struct cedar_list **out)
{
    void *memory = NULL;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    struct cedar_list *list = arena_alloc_zero(r->arena, 1, sizeof(*list));
    TRY(json_reader_items(r, ref, sizeof(struct cedar_field), &memory));
    if (list == NULL) {
        return STATUS_LIMIT;
    }
    struct cedar_field *fields = memory;
    json_iter_init(&iter, &r->tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct cedar_field *field = &fields[list->count++];
        TRY(key == JSON_NONE ? STATUS_OK : json_string(&r->tape, key, r->arena, &field->name));
        TRY(value_read(r, value, type_of_part(&types, field->name), &field->value));
    }
    list->items = fields;
    *out = list;
    return STATUS_OK;
}

static enum status read_set(struct json_reader *r, json_ref ref, const struct type *element,
                            struct cedar_value *out)
{
    const struct cedar_list *list = NULL;
    TRY(read_parts(r, ref, (struct part_types){.each = element}, &list));
    *out = cedar_set(list);
    return STATUS_OK;
}

enum status value_read_record(struct json_reader *r, json_ref ref, const struct type *record,
                              struct cedar_value *out)
{
    const struct cedar_list *list = NULL;
    TRY(read_parts(r, ref, (struct part_types){.record = record}, &list));
    *out = cedar_record(list);
    return STATUS_OK;
}

enum status value_read_tags(struct json_reader *r, json_ref ref, const struct type *tag,
                            struct cedar_value *out)
{
    const struct cedar_list *list = NULL;
    TRY(read_parts(r, ref, (struct part_types){.each = tag}, &list));
    *out = cedar_record(list);
    return STATUS_OK;
}

static enum status read_object(struct json_reader *r, json_ref ref, const struct type *expected,
                               struct cedar_value *out)
{
    enum type_kind kind = expected == NULL ? TYPE_NEVER : expected->kind;
    json_ref call_ref = only_member(r, ref, SLICE("__extn"));
    /* What is unknown may be an entity. */
    bool is_typed_entity = (kind == TYPE_ENTITY || kind == TYPE_ANY_ENTITY) &&
                           (call_ref == JSON_NONE || !r->allows_unknown);
    if (is_typed_entity || only_member(r, ref, SLICE("__entity")) != JSON_NONE) {
        struct cedar_uid uid = {0};
        TRY(value_read_uid(r, ref, &uid));
        *out = cedar_entity(uid.type, uid.id);
        return STATUS_OK;
    }
    if (call_ref != JSON_NONE || constructor_of(kind).len > 0) {
        return read_call(r, call_ref != JSON_NONE ? call_ref : ref, out);
    }
    if (only_member(r, ref, SLICE("__expr")) != JSON_NONE) {
        return json_reader_fail(r, ref, "expressions in JSON values are not supported");
    }
    return value_read_record(r, ref, kind == TYPE_RECORD ? expected : NULL, out);
}

static enum status read_text(struct json_reader *r, json_ref ref, const struct type *expected,
                             struct cedar_value *out)
{
    struct slice text = SLICE_EMPTY;
    struct slice constructor = expected == NULL ? SLICE_EMPTY : constructor_of(expected->kind);
    TRY(json_string(&r->tape, ref, r->arena, &text));
    *out = cedar_string(text);
    struct cedar_value argument = *out;
    return constructor.len == 0 ? STATUS_OK : call(r, ref, constructor, &argument, 1, out);
}

static enum status read_number(struct json_reader *r, json_ref ref, struct cedar_value *out)
{
    int64_t number = 0;
    if (json_integer(&r->tape, ref, &number) != STATUS_OK) {
        return json_reader_fail(r, ref, "numbers must be whole and fit 64 bits");
    }
    *out = cedar_long(number);
    return STATUS_OK;
}

enum status value_read(struct json_reader *r, json_ref ref, const struct type *expected,
                       struct cedar_value *out)
{
    switch (json_type(&r->tape, ref)) {
    case JSON_FALSE:
    case JSON_TRUE:
        *out = cedar_bool(json_type(&r->tape, ref) == JSON_TRUE);
        return STATUS_OK;
    case JSON_NUMBER:
        return read_number(r, ref, out);
    case JSON_STRING:
        return read_text(r, ref, expected, out);
    case JSON_ARRAY:
        return read_set(
            r, ref, expected != NULL && expected->kind == TYPE_SET ? expected->element : NULL, out);
    case JSON_OBJECT:
        return read_object(r, ref, expected, out);
    case JSON_NULL:
        break;
    }
    return json_reader_fail(r, ref, "null is no Cedar value");
}
