#include "core/gateway/parameter_fields.h"

#include "core/mcp/mirror.h"
#include "core/policy/decimal_text.h"

#define ANNOTATION SLICE("x-mcp-header")
#define PREFIX SLICE("Mcp-Param-")
#define INTEGER_MAX ((int64_t)9007199254740991) /* 2^53 - 1: exact for every peer */

bool parameter_fields_are_in(const struct json_tape *tape, json_ref ref)
{
    for (json_ref at = ref; at < tape->nodes[ref].next; at++) {
        if (json_string_eq(tape, at, ANNOTATION)) {
            return true;
        }
    }
    return false;
}

bool parameter_fields_is_name(struct slice field_name)
{
    return slice_eq_ascii_nocase(slice_sub(field_name, 0, PREFIX.len), PREFIX);
}

/* -- the schema ------------------------------------------------------------------------------ */

struct reading {
    struct json_place schema, arguments; /* roots */
    struct arena *arena;
    struct parameter_fields *out;
    struct diag *diag;
};

static enum status refuse_tool(struct reading *r, const char *what)
{
    return diag_fail(r->diag, STATUS_INVALID, "tool.fields", "an 'x-mcp-header' of the tool %s",
                     what);
}

/* RFC 9110 §5.6.2. */
static bool is_token(struct slice text)
{
    static const struct slice MARKS = SLICE_INIT("!#$%&'*+-.^_`|~");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        uint8_t lower = byte | 0x20;
        bool is_alnum = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9');
        if (!is_alnum && slice_find_byte(MARKS, byte) == MARKS.len) {
            return false;
        }
    }
    return text.len > 0;
}

/* Proxies log header fields. */
static bool is_secret(const struct json_tape *tape, json_ref schema, json_ref key)
{
    static const struct slice NAMES[] = {SLICE_INIT("password"), SLICE_INIT("passphrase"),
                                         SLICE_INIT("secret"),   SLICE_INIT("api_key"),
                                         SLICE_INIT("apikey"),   SLICE_INIT("access_token")};
    json_ref format = json_member(tape, schema, SLICE("format"));
    json_ref write_only = json_member(tape, schema, SLICE("writeOnly"));
    struct slice name = json_raw(tape, key);
    bool is_named = false;
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        is_named = is_named || slice_eq_ascii_nocase(slice_sub(name, 1, name.len - 1), NAMES[i]);
    }
    return is_named || (format != JSON_NONE && json_string_eq(tape, format, SLICE("password"))) ||
           (write_only != JSON_NONE && json_type(tape, write_only) == JSON_TRUE);
}

/* One type, and not in a list of types. */
static bool read_type(const struct json_tape *tape, json_ref schema, enum schema_type *out)
{
    json_ref type = json_member(tape, schema, SLICE("type"));
    *out = schema_type_of((struct json_place){tape, schema});
    return type != JSON_NONE && json_type(tape, type) == JSON_STRING &&
           (*out == SCHEMA_STRING || *out == SCHEMA_INTEGER || *out == SCHEMA_BOOLEAN);
}

static bool is_taken(const struct parameter_fields *fields, struct slice name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (slice_eq_ascii_nocase(fields->items[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* The schema of the argument `key`, which is value in the call, has an annotation. */
static enum status add(struct reading *r, json_ref annotation, json_ref schema, json_ref key,
                       json_ref value)
{
    const struct json_tape *tape = r->schema.tape;
    struct parameter_field field = {.value = value};
    struct slice token;
    if (json_type(tape, annotation) != JSON_STRING) {
        return refuse_tool(r, "is no text");
    }
    TRY(json_string(tape, annotation, r->arena, &token));
    if (!is_token(token)) {
        return refuse_tool(r, "is no name of a field");
    }
    if (!read_type(tape, schema, &field.type)) {
        return refuse_tool(r, "is for an argument that is no string, integer or boolean");
    }
    if (is_secret(tape, schema, key)) {
        return refuse_tool(r, "is for an argument that looks like a secret");
    }
    const struct slice parts[] = {PREFIX, token};
    TRY(arena_join(r->arena, parts, COUNT_OF(parts), &field.name));
    if (r->out->count == PARAMETER_FIELDS_MAX || is_taken(r->out, field.name)) {
        return refuse_tool(r, "is there twice, or one too many");
    }
    if (value != JSON_NONE && json_type(r->arguments.tape, value) == JSON_NULL) {
        field.value = JSON_NONE;
    }
    r->out->items[r->out->count++] = field;
    return STATUS_OK;
}

/* Keywords whose values are data, not schemas. */
static bool is_data(const struct json_tape *tape, json_ref key)
{
    static const struct slice KEYWORDS[] = {SLICE_INIT("default"), SLICE_INIT("const"),
                                            SLICE_INIT("enum"), SLICE_INIT("examples"),
                                            SLICE_INIT("required")};
    for (size_t i = 0; i < COUNT_OF(KEYWORDS); i++) {
        if (json_string_eq(tape, key, KEYWORDS[i])) {
            return true;
        }
    }
    return false;
}

static enum status read_schema(struct reading *r, json_ref schema, json_ref key, json_ref value,
                               unsigned depth);

static enum status read_properties(struct reading *r, json_ref properties, json_ref object,
                                   unsigned depth)
{
    const struct json_tape *tape = r->schema.tape;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref schema = JSON_NONE;
    json_iter_init(&iter, tape, properties);
    while (json_iter_next(&iter, &key, &schema)) {
        struct slice name;
        if (!parameter_fields_are_in(tape, schema)) {
            continue;
        }
        TRY(json_string(tape, key, r->arena, &name));
        json_ref value =
            object == JSON_NONE ? JSON_NONE : json_member(r->arguments.tape, object, name);
        TRY(read_schema(r, schema, key, value, depth + 1));
    }
    return STATUS_OK;
}

/* key is JSON_NONE at the root, which is no argument. An annotation under any other keyword than
 * `properties` belongs to something that the fields could not repeat. */
static enum status read_schema(struct reading *r, json_ref schema, json_ref key, json_ref value,
                               unsigned depth)
{
    const struct json_tape *tape = r->schema.tape;
    struct json_iter iter;
    json_ref keyword = JSON_NONE;
    json_ref inner = JSON_NONE;
    if (depth > SCHEMA_DEPTH_MAX) {
        return refuse_tool(r, "is too deep in the schema");
    }
    if (json_type(tape, schema) != JSON_OBJECT) {
        return refuse_tool(r, "stands where no schema is");
    }
    json_iter_init(&iter, tape, schema);
    while (json_iter_next(&iter, &keyword, &inner)) {
        bool is_properties = json_string_eq(tape, keyword, SLICE("properties")) &&
                             json_type(tape, inner) == JSON_OBJECT;
        if (key != JSON_NONE && json_string_eq(tape, keyword, ANNOTATION)) {
            TRY(add(r, inner, schema, key, value));
        } else if (is_properties) {
            TRY(read_properties(r, inner, value, depth));
        } else if (json_string_eq(tape, keyword, ANNOTATION) ||
                   (!is_data(tape, keyword) && parameter_fields_are_in(tape, inner))) {
            return refuse_tool(r, "stands where no argument is");
        }
    }
    return STATUS_OK;
}

enum status parameter_fields_read(struct json_place schema, struct json_place arguments,
                                  struct arena *arena, struct parameter_fields *out,
                                  struct diag *diag)
{
    struct reading reading = {schema, arguments, arena, out, diag};
    out->count = 0;
    if (schema.ref == JSON_NONE || json_type(schema.tape, schema.ref) != JSON_OBJECT) {
        return STATUS_OK;
    }
    return read_schema(&reading, schema.ref, JSON_NONE, arguments.ref, 0);
}

/* -- the call -------------------------------------------------------------------------------- */

static enum status refuse_field(const struct parameter_field *field, struct diag *diag,
                                const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "mcp.header", "field '%.*s' %s", SLICE_ARG(field->name),
                     what);
}

/* Whatever way the number is written, as the fields write it. */
static enum status integer_text(struct slice lexeme, struct arena *arena, struct slice *out)
{
    int64_t number = 0;
    if (decimal_text_scale(lexeme, 0, &number) != STATUS_OK || number > INTEGER_MAX ||
        number < -INTEGER_MAX) {
        return STATUS_INVALID;
    }
    return arena_format(arena, out, "%lld", (long long)number);
}

/* What the field of an argument has to say. STATUS_INVALID: the argument is of another type. */
static enum status value_text(const struct parameter_field *field, const struct json_tape *tape,
                              struct arena *arena, struct slice *out)
{
    enum json_type type = json_type(tape, field->value);
    if (field->type == SCHEMA_STRING) {
        return json_string(tape, field->value, arena, out);
    }
    if (field->type == SCHEMA_BOOLEAN && (type == JSON_TRUE || type == JSON_FALSE)) {
        *out = json_raw(tape, field->value);
        return STATUS_OK;
    }
    return field->type == SCHEMA_INTEGER && type == JSON_NUMBER
               ? integer_text(json_raw(tape, field->value), arena, out)
               : STATUS_INVALID;
}

/* Some clients write an integer with a fraction of zeros. */
static struct slice without_zero_fraction(struct slice text)
{
    size_t point = slice_find_byte(text, '.');
    size_t end = text.len;
    while (end > point + 1 && text.ptr[end - 1] == '0') {
        end--;
    }
    return point > 0 && point < text.len - 1 && end == point + 1 ? slice_sub(text, 0, point) : text;
}

static enum status check_one(const struct parameter_field *field, const struct json_tape *arguments,
                             const struct http_field *fields, size_t field_count,
                             struct arena *arena, struct diag *diag)
{
    size_t count = 0;
    struct slice text;
    struct slice wanted;
    struct slice value = mcp_field(fields, field_count, field->name, &count);
    if (field->value == JSON_NONE) {
        return count == 0 ? STATUS_OK : refuse_field(field, diag, "repeats nothing of the body");
    }
    if (count != 1) {
        return refuse_field(field, diag, count == 0 ? "is missing" : "appears more than once");
    }
    enum status status = mcp_mirror_decode(value, arena, &text);
    if (status == STATUS_OK) {
        status = value_text(field, arguments, arena, &wanted);
    }
    if (status != STATUS_OK) {
        return status == STATUS_LIMIT ? status : refuse_field(field, diag, "is malformed");
    }
    if (field->type == SCHEMA_INTEGER) {
        text = without_zero_fraction(text);
    }
    return slice_eq(text, wanted) ? STATUS_OK
                                  : refuse_field(field, diag, "does not say what the body says");
}

enum status parameter_fields_check(const struct parameter_fields *self,
                                   const struct json_tape *arguments,
                                   const struct http_field *fields, size_t field_count,
                                   struct arena *arena, struct diag *diag)
{
    for (size_t i = 0; i < self->count; i++) {
        TRY(check_one(&self->items[i], arguments, fields, field_count, arena, diag));
    }
    return STATUS_OK;
}

enum status parameter_fields_write(const struct parameter_fields *self,
                                   const struct json_tape *arguments, struct arena *arena,
                                   struct http_field *out, size_t *count, struct diag *diag)
{
    *count = 0;
    for (size_t i = 0; i < self->count; i++) {
        const struct parameter_field *field = &self->items[i];
        struct slice text;
        if (field->value == JSON_NONE) {
            continue;
        }
        enum status status = value_text(field, arguments, arena, &text);
        if (status == STATUS_INVALID) {
            return refuse_field(field, diag, "cannot hold the argument");
        }
        TRY(status);
        struct buf encoded;
        buf_init(&encoded, PARAMETER_FIELD_BYTES_MAX, arena->account);
        mcp_mirror_encode(&encoded, text);
        status = buf_status(&encoded) == STATUS_OK ? arena_copy(arena, buf_view(&encoded), &text)
                                                   : refuse_field(field, diag, "is too long");
        buf_release(&encoded);
        TRY(status);
        out[(*count)++] = (struct http_field){field->name, text};
    }
    return STATUS_OK;
}
