#include "core/policy/argument_value.h"

#include "core/policy/decimal_text.h"

/* Ten-thousandths: the scale of Cedar's decimal. */
#define DECIMAL_SCALE 4

struct typed_place {
    struct json_place schema, value;
};

static const struct cedar_value UNREADABLE = {.kind = CEDAR_ERROR};

static struct typed_place child(const struct typed_place *parent, struct json_place schema,
                                json_ref ref)
{
    return (struct typed_place){schema, {parent->value.tape, ref}};
}

static size_t place_count(const void *object, uint64_t tag)
{
    const struct typed_place *place = object;
    (void)tag;
    return place->value.ref == JSON_NONE ? 0 : json_count(place->value.tape, place->value.ref);
}

/* The schema of the element at key (objects) or of the items (arrays). */
static struct json_place element_schema(const struct typed_place *place, json_ref key)
{
    return key == JSON_NONE
               ? schema_of_items(place->schema)
               : schema_of_member(place->schema, (struct json_place){place->value.tape, key});
}

/* The cursor is the ref of the next element, or of its name; 0 stands for the first one. */
static bool place_next(const void *object, uint64_t tag, uint64_t *cursor, struct arena *arena,
                       struct slice *name, struct cedar_value *value)
{
    const struct typed_place *place = object;
    const struct json_tape *tape = place->value.tape;
    (void)tag;
    if (place_count(object, tag) == 0) {
        return false;
    }
    bool is_object = json_type(tape, place->value.ref) == JSON_OBJECT;
    json_ref at = *cursor == 0 ? place->value.ref + 1 : (json_ref)*cursor;
    if (at >= tape->nodes[place->value.ref].next) {
        return false;
    }
    json_ref ref = is_object ? at + 1 : at;
    struct typed_place element =
        child(place, element_schema(place, is_object ? at : JSON_NONE), ref);
    *name = SLICE_EMPTY;
    *value = argument_value(arena, element.schema, element.value);
    if (is_object && json_string(tape, at, arena, name) != STATUS_OK) {
        *value = UNREADABLE;
    }
    *cursor = tape->nodes[ref].next;
    return true;
}

static bool place_get(const void *object, uint64_t tag, struct slice name, struct arena *arena,
                      struct cedar_value *value)
{
    const struct typed_place *place = object;
    (void)tag;
    if (place->value.ref == JSON_NONE) {
        return false;
    }
    json_ref ref = json_member(place->value.tape, place->value.ref, name);
    if (ref == JSON_NONE) {
        return false;
    }
    /* A member's name is the node before its value. */
    struct typed_place element = child(place, element_schema(place, ref - 1), ref);
    *value = argument_value(arena, element.schema, element.value);
    return true;
}

static const struct cedar_object_vtable PLACE_VTABLE = {place_count, place_next, place_get};

static struct cedar_value object_value(struct arena *arena, enum cedar_kind kind,
                                       const struct typed_place *place)
{
    struct typed_place *kept = arena_alloc(arena, sizeof(*kept));
    if (kept == NULL) {
        return UNREADABLE;
    }
    *kept = *place;
    return (struct cedar_value){.kind = kind, .as.object = {&PLACE_VTABLE, kept, 0}};
}

static struct cedar_value text_value(struct arena *arena, struct json_place value)
{
    struct slice text;
    return json_string(value.tape, value.ref, arena, &text) == STATUS_OK ? cedar_string(text)
                                                                         : UNREADABLE;
}

static struct cedar_value number_value(struct json_place value, bool is_decimal)
{
    int64_t number = 0;
    struct slice lexeme = json_raw(value.tape, value.ref);
    if (json_type(value.tape, value.ref) != JSON_NUMBER ||
        decimal_text_scale(lexeme, is_decimal ? DECIMAL_SCALE : 0, &number) != STATUS_OK) {
        return UNREADABLE;
    }
    return (struct cedar_value){.kind = is_decimal ? CEDAR_DECIMAL : CEDAR_LONG,
                                .as.number = number};
}

struct cedar_value argument_value(struct arena *arena, struct json_place schema,
                                  struct json_place value)
{
    struct typed_place place = {schema, value};
    if (value.ref == JSON_NONE) {
        return object_value(arena, CEDAR_RECORD, &place);
    }
    enum json_type actual = json_type(value.tape, value.ref);
    switch (schema_type_of(schema)) {
    case SCHEMA_STRING:
        return actual == JSON_STRING ? text_value(arena, value) : UNREADABLE;
    case SCHEMA_INTEGER:
        return number_value(value, false);
    case SCHEMA_NUMBER:
        return number_value(value, true);
    case SCHEMA_BOOLEAN:
        return actual == JSON_TRUE || actual == JSON_FALSE ? cedar_bool(actual == JSON_TRUE)
                                                           : UNREADABLE;
    case SCHEMA_ARRAY:
        return actual == JSON_ARRAY ? object_value(arena, CEDAR_SET, &place) : UNREADABLE;
    case SCHEMA_OBJECT:
        return actual == JSON_OBJECT ? object_value(arena, CEDAR_RECORD, &place) : UNREADABLE;
    case SCHEMA_ANY:
    case SCHEMA_NULL:
        break;
    }
    return UNREADABLE;
}
