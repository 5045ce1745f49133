#include "core/policy/schema_check.h"

#include "core/policy/decimal_text.h"
#include "json/resemble.h"

static enum status check(struct json_place schema, struct json_place value, int depth,
                         struct diag *diag);

static struct json_place place(const struct json_tape *tape, json_ref ref)
{
    return (struct json_place){tape, ref};
}

static struct json_place keyword(struct json_place schema, struct slice name)
{
    bool is_object = schema.ref != JSON_NONE && json_type(schema.tape, schema.ref) == JSON_OBJECT;
    return place(schema.tape, is_object ? json_member(schema.tape, schema.ref, name) : JSON_NONE);
}

/* What check looks at in a schema, in one walk: a schema that says "type" seldom says much more. */
enum {
    TYPE,
    PROPERTIES,
    REQUIRED,
    ADDITIONAL,
    PATTERNS,
    ENUM,
    CONST,
    MINIMUM,
    MAXIMUM,
    KEYWORD_COUNT,
};

struct keywords {
    const struct json_tape *tape;
    json_ref refs[KEYWORD_COUNT]; /* JSON_NONE where there is none */
};

/* schema: an object. */
static void read_keywords(struct json_place schema, struct keywords *out)
{
    static const struct slice NAMES[KEYWORD_COUNT] = {
        [TYPE] = SLICE_INIT("type"),
        [PROPERTIES] = SLICE_INIT("properties"),
        [REQUIRED] = SLICE_INIT("required"),
        [ADDITIONAL] = SLICE_INIT("additionalProperties"),
        [PATTERNS] = SLICE_INIT("patternProperties"),
        [ENUM] = SLICE_INIT("enum"),
        [CONST] = SLICE_INIT("const"),
        [MINIMUM] = SLICE_INIT("minimum"),
        [MAXIMUM] = SLICE_INIT("maximum"),
    };
    out->tape = schema.tape;
    (void)json_members(schema.tape, schema.ref, NAMES, KEYWORD_COUNT, out->refs);
}

static struct json_place said(const struct keywords *schema, size_t keyword)
{
    return place(schema->tape, schema->refs[keyword]);
}

static bool is_a(struct json_place p, enum json_type type)
{
    return p.ref != JSON_NONE && json_type(p.tape, p.ref) == type;
}

static enum status mismatch(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "arguments.schema",
                     "the arguments do not fit the tool's input schema: %s", what);
}

static enum schema_type type_from_name(struct json_place name)
{
    static const struct slice NAMES[] = {
        [SCHEMA_ANY] = SLICE_INIT(""),
        [SCHEMA_STRING] = SLICE_INIT("string"),
        [SCHEMA_INTEGER] = SLICE_INIT("integer"),
        [SCHEMA_NUMBER] = SLICE_INIT("number"),
        [SCHEMA_BOOLEAN] = SLICE_INIT("boolean"),
        [SCHEMA_ARRAY] = SLICE_INIT("array"),
        [SCHEMA_OBJECT] = SLICE_INIT("object"),
        [SCHEMA_NULL] = SLICE_INIT("null"),
    };
    size_t found = name.ref == JSON_NONE
                       ? COUNT_OF(NAMES)
                       : json_string_index(name.tape, name.ref, NAMES, COUNT_OF(NAMES));
    return found < COUNT_OF(NAMES) ? (enum schema_type)found : SCHEMA_ANY;
}

enum schema_type schema_type_of(struct json_place schema)
{
    struct json_place type = keyword(schema, SLICE("type"));
    if (!is_a(type, JSON_ARRAY)) {
        return type_from_name(type);
    }
    enum schema_type only = SCHEMA_ANY;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    json_iter_init(&iter, type.tape, type.ref);
    while (json_iter_next(&iter, &key, &item)) {
        enum schema_type one = type_from_name(place(type.tape, item));
        if (one == SCHEMA_NULL) {
            continue;
        }
        if (only != SCHEMA_ANY) {
            return SCHEMA_ANY;
        }
        only = one;
    }
    return only;
}

/* The value ref of properties.NAME, comparing names after unescaping both. */
static json_ref property_of(struct json_place properties, struct json_place key)
{
    if (!is_a(properties, JSON_OBJECT)) {
        return JSON_NONE;
    }
    struct json_iter iter;
    json_ref name = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, properties.tape, properties.ref);
    while (json_iter_next(&iter, &name, &value)) {
        if (json_string_same(properties.tape, name, key.tape, key.ref)) {
            return value;
        }
    }
    return JSON_NONE;
}

/* Is an undeclared name one that a reader without regard to case would take for a declared one?
 * Many servers read arguments that way: then a policy about the declared one would not see the
 * value. */
static bool resembles_property(struct json_place properties, struct json_place key)
{
    struct json_iter iter;
    json_ref name = JSON_NONE;
    json_ref value = JSON_NONE;
    if (!is_a(properties, JSON_OBJECT)) {
        return false;
    }
    json_iter_init(&iter, properties.tape, properties.ref);
    while (json_iter_next(&iter, &name, &value)) {
        if (json_string_resembles(properties.tape, name, key.tape, key.ref)) {
            return true;
        }
    }
    return false;
}

/* Of a member that is not declared by its name. */
static struct json_place schema_of_others(struct json_place additional)
{
    return is_a(additional, JSON_OBJECT) ? additional : place(additional.tape, JSON_NONE);
}

struct json_place schema_of_member(struct json_place schema, struct json_place key)
{
    json_ref ref = property_of(keyword(schema, SLICE("properties")), key);
    return ref != JSON_NONE ? place(schema.tape, ref)
                            : schema_of_others(keyword(schema, SLICE("additionalProperties")));
}

struct json_place schema_of_items(struct json_place schema)
{
    struct json_place items = keyword(schema, SLICE("items"));
    return is_a(items, JSON_OBJECT) ? items : place(schema.tape, JSON_NONE);
}

/* A number with no fraction, however it is written: 10, 1e1 and 10.0 are one integer. A number that
 * does not fit 64 bits but is written without point and exponent is an integer as well. */
static bool is_integer(struct slice lexeme)
{
    int64_t value = 0;
    if (decimal_text_scale(lexeme, 0, &value) == STATUS_OK) {
        return true;
    }
    return slice_find_byte(lexeme, '.') == lexeme.len &&
           slice_find_byte(lexeme, 'e') == lexeme.len && slice_find_byte(lexeme, 'E') == lexeme.len;
}

static bool value_has_type(struct json_place value, enum schema_type type)
{
    enum json_type actual = json_type(value.tape, value.ref);
    switch (type) {
    case SCHEMA_ANY:
        return true;
    case SCHEMA_STRING:
        return actual == JSON_STRING;
    case SCHEMA_INTEGER:
        return actual == JSON_NUMBER && is_integer(json_raw(value.tape, value.ref));
    case SCHEMA_NUMBER:
        return actual == JSON_NUMBER;
    case SCHEMA_BOOLEAN:
        return actual == JSON_TRUE || actual == JSON_FALSE;
    case SCHEMA_ARRAY:
        return actual == JSON_ARRAY;
    case SCHEMA_OBJECT:
        return actual == JSON_OBJECT;
    case SCHEMA_NULL:
        return actual == JSON_NULL;
    }
    return false;
}

static enum status check_type(struct json_place type, struct json_place value, struct diag *diag)
{
    bool fits = !is_a(type, JSON_ARRAY) && value_has_type(value, type_from_name(type));
    if (is_a(type, JSON_ARRAY)) {
        struct json_iter iter;
        json_ref key = JSON_NONE;
        json_ref item = JSON_NONE;
        json_iter_init(&iter, type.tape, type.ref);
        while (json_iter_next(&iter, &key, &item)) {
            fits = fits || value_has_type(value, type_from_name(place(type.tape, item)));
        }
    }
    return fits ? STATUS_OK : mismatch(diag, "a value has another type");
}

/* Scalars only: an enumerated array or object is left to the server. */
static bool same_scalar(struct json_place a, struct json_place b)
{
    enum json_type type = json_type(a.tape, a.ref);
    if (type != json_type(b.tape, b.ref)) {
        return false;
    }
    if (type == JSON_STRING) {
        return json_string_same(a.tape, a.ref, b.tape, b.ref);
    }
    if (type == JSON_NUMBER) {
        int64_t left = 0;
        int64_t right = 0;
        bool exact = decimal_text_scale(json_raw(a.tape, a.ref), 4, &left) == STATUS_OK &&
                     decimal_text_scale(json_raw(b.tape, b.ref), 4, &right) == STATUS_OK;
        return exact ? left == right : slice_eq(json_raw(a.tape, a.ref), json_raw(b.tape, b.ref));
    }
    return true;
}

static enum status check_enum(const struct keywords *schema, struct json_place value,
                              struct diag *diag)
{
    struct json_place only = said(schema, CONST);
    if (only.ref != JSON_NONE && !same_scalar(only, value)) {
        return mismatch(diag, "a value is not the required constant");
    }
    struct json_place allowed = said(schema, ENUM);
    if (!is_a(allowed, JSON_ARRAY)) {
        return STATUS_OK;
    }
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    json_iter_init(&iter, allowed.tape, allowed.ref);
    while (json_iter_next(&iter, &key, &item)) {
        if (same_scalar(place(allowed.tape, item), value)) {
            return STATUS_OK;
        }
    }
    return mismatch(diag, "a value is not one of the listed ones");
}

/* Bounds are compared exactly to four places; a number outside that range is left to the server and
 * is unusable for policies anyway. */
static enum status check_bounds(const struct keywords *schema, struct json_place value,
                                struct diag *diag)
{
    struct json_place low = said(schema, MINIMUM);
    struct json_place high = said(schema, MAXIMUM);
    int64_t actual = 0;
    int64_t bound = 0;
    if (json_type(value.tape, value.ref) != JSON_NUMBER ||
        decimal_text_scale(json_raw(value.tape, value.ref), 4, &actual) != STATUS_OK) {
        return STATUS_OK;
    }
    if (is_a(low, JSON_NUMBER) &&
        decimal_text_scale(json_raw(low.tape, low.ref), 4, &bound) == STATUS_OK && actual < bound) {
        return mismatch(diag, "a number is below its minimum");
    }
    if (is_a(high, JSON_NUMBER) &&
        decimal_text_scale(json_raw(high.tape, high.ref), 4, &bound) == STATUS_OK &&
        actual > bound) {
        return mismatch(diag, "a number is above its maximum");
    }
    return STATUS_OK;
}

static enum status check_required(struct json_place required, struct json_place value,
                                  struct diag *diag)
{
    if (!is_a(required, JSON_ARRAY)) {
        return STATUS_OK;
    }
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref name = JSON_NONE;
    json_iter_init(&iter, required.tape, required.ref);
    while (json_iter_next(&iter, &key, &name)) {
        if (json_type(required.tape, name) == JSON_STRING &&
            property_of(value, place(required.tape, name)) == JSON_NONE) {
            return mismatch(diag, "a required argument is missing");
        }
    }
    return STATUS_OK;
}

static bool is_required(struct json_place required, struct json_place name)
{
    if (!is_a(required, JSON_ARRAY)) {
        return false;
    }
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    json_iter_init(&iter, required.tape, required.ref);
    while (json_iter_next(&iter, &key, &item)) {
        if (json_type(required.tape, item) == JSON_STRING &&
            json_string_same(required.tape, item, name.tape, name.ref)) {
            return true;
        }
    }
    return false;
}

/* MCP 2026-07-28, x-mcp-header: what is repeated in a field has one type, never null, and yet may
 * be null, which says the same as leaving it out. For policies it is there and cannot be read. */
static bool is_left_out(struct json_place member_schema, struct json_place member,
                        struct json_place required, struct json_place name)
{
    return is_a(member, JSON_NULL) &&
           keyword(member_schema, SLICE("x-mcp-header")).ref != JSON_NONE &&
           !is_required(required, name);
}

static enum status check_members(const struct keywords *schema, struct json_place value, int depth,
                                 struct diag *diag)
{
    struct json_place required = said(schema, REQUIRED);
    struct json_place properties = said(schema, PROPERTIES);
    struct json_place additional = said(schema, ADDITIONAL);
    bool is_closed = is_a(additional, JSON_FALSE) && said(schema, PATTERNS).ref == JSON_NONE;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref member = JSON_NONE;
    TRY(check_required(required, value, diag));
    json_iter_init(&iter, value.tape, value.ref);
    while (json_iter_next(&iter, &key, &member)) {
        struct json_place name = place(value.tape, key);
        struct json_place at = place(value.tape, member);
        struct json_place declared = place(schema->tape, property_of(properties, name));
        bool is_declared = declared.ref != JSON_NONE;
        if (!is_declared && is_closed) {
            return mismatch(diag, "an argument is not declared");
        }
        if (!is_declared && resembles_property(properties, name)) {
            return mismatch(diag, "the name of an argument differs from a declared one in case");
        }
        struct json_place member_schema = is_declared ? declared : schema_of_others(additional);
        if (!is_left_out(member_schema, at, required, name)) {
            TRY(check(member_schema, at, depth + 1, diag));
        }
    }
    return STATUS_OK;
}

static enum status check_items(struct json_place schema, struct json_place value, int depth,
                               struct diag *diag)
{
    struct json_place items = schema_of_items(schema);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    json_iter_init(&iter, value.tape, value.ref);
    while (items.ref != JSON_NONE && json_iter_next(&iter, &key, &item)) {
        TRY(check(items, place(value.tape, item), depth + 1, diag));
    }
    return STATUS_OK;
}

static enum status check(struct json_place schema, struct json_place value, int depth,
                         struct diag *diag)
{
    if (schema.ref == JSON_NONE || json_type(schema.tape, schema.ref) != JSON_OBJECT) {
        return STATUS_OK;
    }
    if (depth > SCHEMA_DEPTH_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "arguments.depth",
                         "the arguments are nested deeper than %d levels", SCHEMA_DEPTH_MAX);
    }
    struct keywords keywords;
    read_keywords(schema, &keywords);
    TRY(check_type(said(&keywords, TYPE), value, diag));
    TRY(check_enum(&keywords, value, diag));
    TRY(check_bounds(&keywords, value, diag));
    enum json_type type = json_type(value.tape, value.ref);
    if (type == JSON_OBJECT) {
        return check_members(&keywords, value, depth, diag);
    }
    return type == JSON_ARRAY ? check_items(schema, value, depth, diag) : STATUS_OK;
}

enum status schema_check(struct json_place schema, struct json_place value, struct diag *diag)
{
    return check(schema, value, 0, diag);
}
