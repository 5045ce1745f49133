#include "core/gateway/parameter_fields.h"

#include "support/check.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)1 << 20)

static struct json_parser parser;
static struct arena arena;

static struct json_place parse(const char *text, struct json_tape *tape)
{
    CHECK_ROW(text, json_parse(&parser, slice_view_cstr(text), &arena, tape, NULL) == STATUS_OK);
    return (struct json_place){tape, 0};
}

static void begin(void)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {9};
    json_parser_init(&parser, &LIMITS, SEED);
    arena_init(&arena, ARENA_BYTES, NULL);
}

#define NESTED(inner) "{\"type\":\"object\",\"properties\":" inner "}"
#define STRING(name) "{\"type\":\"string\",\"x-mcp-header\":\"" name "\"}"

/* A definition that breaks a rule could be read in two ways, so it is not used at all. */
TEST(parameter_fields_of_definitions)
{
    static const struct {
        const char *name, *schema;
        int count; /* -1: refused */
    } rows[] = {
        {"no schema", "null", 0},
        {"no annotation", NESTED("{\"a\":{\"type\":\"string\"}}"), 0},
        {"a text", NESTED("{\"a\":" STRING("A") "}"), 1},
        {"an integer", NESTED("{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"}}"), 1},
        {"a boolean", NESTED("{\"a\":{\"type\":\"boolean\",\"x-mcp-header\":\"A\"}}"), 1},
        {"two", NESTED("{\"a\":" STRING("A") ",\"b\":" STRING("B") "}"), 2},
        {"inside an object", NESTED("{\"a\":" NESTED("{\"b\":" STRING("B") "}") "}"), 1},
        {"all marks of a token", NESTED("{\"a\":" STRING("!#$%&'*+-.^_`|~0z") "}"), 1},
        {"an argument of that name", NESTED("{\"x-mcp-header\":{\"type\":\"string\"}}"), 0},
        {"an annotated argument of that name", NESTED("{\"x-mcp-header\":" STRING("A") "}"), 1},
        {"a default of that text",
         NESTED("{\"a\":{\"type\":\"string\",\"default\":\"x-mcp-header\"}}"), 0},
        {"a default with such a member",
         NESTED("{\"a\":{\"type\":\"object\",\"default\":{\"x-mcp-header\":\"A\"}}}"), 0},
        {"written with an escape",
         NESTED("{\"a\":{\"type\":\"string\",\"x\\u002dmcp-header\":\"A\"}}"), 1},
        {"an empty name", NESTED("{\"a\":" STRING("") "}"), -1},
        {"a second line", NESTED("{\"a\":" STRING("A\\r\\nX: 1") "}"), -1},
        {"a colon", NESTED("{\"a\":" STRING("A:") "}"), -1},
        {"a space", NESTED("{\"a\":" STRING("A b") "}"), -1},
        {"no ASCII", NESTED("{\"a\":" STRING("\\u00e4") "}"), -1},
        {"NUL", NESTED("{\"a\":" STRING("A\\u0000") "}"), -1},
        {"no text", NESTED("{\"a\":{\"type\":\"string\",\"x-mcp-header\":1}}"), -1},
        {"null", NESTED("{\"a\":{\"type\":\"string\",\"x-mcp-header\":null}}"), -1},
        {"a number", NESTED("{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}"), -1},
        {"an object", NESTED("{\"a\":{\"type\":\"object\",\"x-mcp-header\":\"A\"}}"), -1},
        {"several types", NESTED("{\"a\":{\"type\":[\"string\",\"null\"],\"x-mcp-header\":\"A\"}}"),
         -1},
        {"no type", NESTED("{\"a\":{\"x-mcp-header\":\"A\"}}"), -1},
        {"twice", NESTED("{\"a\":" STRING("A") ",\"b\":" STRING("A") "}"), -1},
        {"twice in another case", NESTED("{\"a\":" STRING("A") ",\"b\":" STRING("a") "}"), -1},
        {"at the root", "{\"type\":\"object\",\"x-mcp-header\":\"A\"}", -1},
        {"under items", NESTED("{\"a\":{\"type\":\"array\",\"items\":" STRING("A") "}}"), -1},
        {"under items of properties",
         NESTED("{\"a\":{\"type\":\"array\",\"items\":" NESTED("{\"b\":" STRING("A") "}") "}}"),
         -1},
        {"under oneOf", "{\"oneOf\":[" NESTED("{\"a\":" STRING("A") "}") "]}", -1},
        {"under if", "{\"if\":" NESTED("{\"a\":" STRING("A") "}") "}", -1},
        {"under $defs", "{\"$defs\":{\"d\":" STRING("A") "}}", -1},
        {"under a keyword nobody knows", "{\"later\":" NESTED("{\"a\":" STRING("A") "}") "}", -1},
        {"a list for a schema", NESTED("{\"a\":[\"x-mcp-header\"]}"), -1},
        {"a list of schemas", NESTED("{\"a\":[" STRING("A") "]}"), -1},
        {"a text for a schema", NESTED("{\"a\":\"x-mcp-header\"}"), -1},
        {"properties that are none", "{\"properties\":[" STRING("A") "]}", -1},
        {"a password by name", NESTED("{\"Password\":" STRING("A") "}"), -1},
        {"a password by format",
         NESTED("{\"a\":{\"type\":\"string\",\"format\":\"password\",\"x-mcp-header\":\"A\"}}"),
         -1},
        {"what is never read back",
         NESTED("{\"a\":{\"type\":\"string\",\"writeOnly\":true,\"x-mcp-header\":\"A\"}}"), -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parameter_fields fields;
        struct json_tape tape;
        struct diag diag = {0};
        begin();
        enum status status =
            parameter_fields_read(parse(rows[i].schema, &tape),
                                  (struct json_place){NULL, JSON_NONE}, &arena, &fields, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].count >= 0));
        CHECK_ROW(rows[i].name, status != STATUS_OK || fields.count == (size_t)rows[i].count);
        CHECK_ROW(rows[i].name, status == STATUS_OK || str_eq(diag.code, "tool.fields"));
        CHECK_ROW(rows[i].name, rows[i].count == 0 || parameter_fields_are_in(&tape, 0));
        arena_release(&arena);
    }
}

/* As many as there may be, and as deep; one more is refused. */
TEST(parameter_fields_are_bounded)
{
    static char text[16384];
    for (size_t count = PARAMETER_FIELDS_MAX; count <= PARAMETER_FIELDS_MAX + 1; count++) {
        struct parameter_fields fields;
        struct json_tape tape;
        size_t len = (size_t)snprintf(text, sizeof(text), "{\"properties\":{");
        for (size_t i = 0; i < count; i++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len,
                                    "%s\"a%zu\":{\"type\":\"string\",\"x-mcp-header\":\"A%zu\"}",
                                    i > 0 ? "," : "", i, i);
        }
        (void)snprintf(text + len, sizeof(text) - len, "}}");
        begin();
        enum status status = parameter_fields_read(
            parse(text, &tape), (struct json_place){NULL, JSON_NONE}, &arena, &fields, NULL);
        CHECK((status == STATUS_OK) == (count == PARAMETER_FIELDS_MAX));
        arena_release(&arena);
    }
    for (size_t depth = SCHEMA_DEPTH_MAX; depth <= SCHEMA_DEPTH_MAX + 1; depth++) {
        static const struct json_limits DEEP = {JSON_DEPTH_LIMIT, 65536, 4096, 4096};
        static const uint8_t SEED[16] = {9};
        struct parameter_fields fields;
        struct json_tape tape;
        size_t len = 0;
        for (size_t i = 0; i < depth; i++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "{\"properties\":{\"a\":");
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, STRING("A"));
        for (size_t i = 0; i < depth; i++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "}}");
        }
        begin();
        json_parser_init(&parser, &DEEP, SEED);
        enum status status = parameter_fields_read(
            parse(text, &tape), (struct json_place){NULL, JSON_NONE}, &arena, &fields, NULL);
        CHECK((status == STATUS_OK) == (depth == SCHEMA_DEPTH_MAX));
        arena_release(&arena);
    }
}

static const char SCHEMA[] = NESTED("{\"region\":" STRING(
    "Region") ",\"count\":{\"type\":\"integer\",\"x-mcp-header\":"
              "\"Count\"},\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"Dry\"},\"in\":" NESTED(
                  "{\"deep\":" STRING("Deep") "}") ",\"free\":{\"type\":\"string\"}}");

TEST(parameter_fields_say_what_the_body_says)
{
    static const struct {
        const char *name, *arguments, *field, *value, *second;
        bool agrees;
    } rows[] = {
        {"nothing", "{}", NULL, NULL, NULL, true},
        {"another argument", "{\"free\":\"x\"}", NULL, NULL, NULL, true},
        {"a field of no argument of the tool", "{}", "Mcp-Param-Other", "x", NULL, true},
        {"a text", "{\"region\":\"eu\"}", "Mcp-Param-Region", "eu", NULL, true},
        {"a name in another case", "{\"region\":\"eu\"}", "mcp-param-REGION", "eu", NULL, true},
        {"an escape", "{\"region\":\"e\\u0075\"}", "Mcp-Param-Region", "eu", NULL, true},
        {"encoded without need", "{\"region\":\"eu\"}", "Mcp-Param-Region", "=?base64?ZXU=?=", NULL,
         true},
        {"encoded", "{\"region\":\"\xC3\xA4\"}", "Mcp-Param-Region", "=?base64?w6Q=?=", NULL, true},
        {"two lines", "{\"region\":\"a\\r\\nb\"}", "Mcp-Param-Region", "=?base64?YQ0KYg==?=", NULL,
         true},
        {"what looks encoded", "{\"region\":\"=?base64?ZXU=?=\"}", "Mcp-Param-Region",
         "=?base64?PT9iYXNlNjQ/WlhVPT89?=", NULL, true},
        {"only the prefix", "{\"region\":\"=?base64?x\"}", "Mcp-Param-Region", "=?base64?x", NULL,
         true},
        {"empty", "{\"region\":\"\"}", "Mcp-Param-Region", "", NULL, true},
        {"empty and encoded", "{\"region\":\"\"}", "Mcp-Param-Region", "=?base64?\?=", NULL, true},
        {"an integer", "{\"count\":42}", "Mcp-Param-Count", "42", NULL, true},
        {"below zero", "{\"count\":-7}", "Mcp-Param-Count", "-7", NULL, true},
        {"with a fraction in the body", "{\"count\":42.0}", "Mcp-Param-Count", "42", NULL, true},
        {"with a fraction in the field", "{\"count\":42}", "Mcp-Param-Count", "42.0", NULL, true},
        {"with an exponent in the body", "{\"count\":4.2e1}", "Mcp-Param-Count", "42", NULL, true},
        {"the largest", "{\"count\":9007199254740991}", "Mcp-Param-Count", "9007199254740991", NULL,
         true},
        {"true", "{\"dry\":true}", "Mcp-Param-Dry", "true", NULL, true},
        {"false", "{\"dry\":false}", "Mcp-Param-Dry", "false", NULL, true},
        {"null, and no field", "{\"region\":null}", NULL, NULL, NULL, true},
        {"inside an object", "{\"in\":{\"deep\":\"x\"}}", "Mcp-Param-Deep", "x", NULL, true},
        {"no object where one should be", "{\"in\":\"deep\"}", NULL, NULL, NULL, true},

        {"no field", "{\"region\":\"eu\"}", NULL, NULL, NULL, false},
        {"another field", "{\"region\":\"eu\"}", "Mcp-Param-Regio", "eu", NULL, false},
        {"another text", "{\"region\":\"eu\"}", "Mcp-Param-Region", "us", NULL, false},
        {"another case", "{\"region\":\"eu\"}", "Mcp-Param-Region", "EU", NULL, false},
        {"the same twice", "{\"region\":\"eu\"}", "Mcp-Param-Region", "eu", "eu", false},
        {"another one twice", "{\"region\":\"eu\"}", "Mcp-Param-Region", "eu", "us", false},
        {"a field without argument", "{}", "Mcp-Param-Region", "eu", NULL, false},
        {"an empty field without argument", "{}", "Mcp-Param-Region", "", NULL, false},
        {"a field for null", "{\"region\":null}", "Mcp-Param-Region", "null", NULL, false},
        {"raw bytes", "{\"region\":\"\xC3\xA4\"}", "Mcp-Param-Region", "\xC3\xA4", NULL, false},
        {"odd base64", "{\"region\":\"eu\"}", "Mcp-Param-Region", "=?base64?ZXU?=", NULL, false},
        {"base64 of no UTF-8", "{\"region\":\"eu\"}", "Mcp-Param-Region", "=?base64?/w==?=", NULL,
         false},
        {"capital prefix", "{\"region\":\"eu\"}", "Mcp-Param-Region", "=?BASE64?ZXU=?=", NULL,
         false},
        {"another number", "{\"count\":42}", "Mcp-Param-Count", "43", NULL, false},
        {"a sign", "{\"count\":42}", "Mcp-Param-Count", "+42", NULL, false},
        {"a leading zero", "{\"count\":42}", "Mcp-Param-Count", "042", NULL, false},
        {"an exponent in the field", "{\"count\":42}", "Mcp-Param-Count", "42e0", NULL, false},
        {"only a point", "{\"count\":42}", "Mcp-Param-Count", "42.", NULL, false},
        {"a real fraction", "{\"count\":42.5}", "Mcp-Param-Count", "42.5", NULL, false},
        {"more than all peers can", "{\"count\":9007199254740992}", "Mcp-Param-Count",
         "9007199254740992", NULL, false},
        {"far more", "{\"count\":1e400}", "Mcp-Param-Count", "1e400", NULL, false},
        {"a text for a number", "{\"count\":\"42\"}", "Mcp-Param-Count", "42", NULL, false},
        {"a number for a text", "{\"region\":1}", "Mcp-Param-Region", "1", NULL, false},
        {"an object for a text", "{\"region\":{}}", "Mcp-Param-Region", "{}", NULL, false},
        {"another truth", "{\"dry\":true}", "Mcp-Param-Dry", "false", NULL, false},
        {"truth in capitals", "{\"dry\":true}", "Mcp-Param-Dry", "True", NULL, false},
        {"one for true", "{\"dry\":true}", "Mcp-Param-Dry", "1", NULL, false},
        {"at another depth", "{\"deep\":\"x\"}", "Mcp-Param-Deep", "x", NULL, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parameter_fields fields;
        struct json_tape schema, arguments;
        struct diag diag = {0};
        struct http_field sent[2];
        size_t count = 0;
        const char *values[] = {rows[i].value, rows[i].second};
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            if (rows[i].field != NULL && values[k] != NULL) {
                sent[count++] =
                    (struct http_field){slice_view_cstr(rows[i].field), slice_view_cstr(values[k])};
            }
        }
        begin();
        CHECK(parameter_fields_read(parse(SCHEMA, &schema), parse(rows[i].arguments, &arguments),
                                    &arena, &fields, NULL) == STATUS_OK);
        enum status status =
            parameter_fields_check(&fields, &arguments, sent, count, &arena, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == rows[i].agrees);
        CHECK_ROW(rows[i].name, rows[i].agrees || str_eq(diag.code, "mcp.header"));
        arena_release(&arena);
    }
}

/* What we write, a server that compares like us accepts. */
TEST(parameter_fields_are_written_from_the_body)
{
    static const struct {
        const char *arguments, *written; /* "Name: value\n" each; NULL: refused */
    } rows[] = {
        {"{}", ""},
        {"{\"free\":\"x\",\"region\":null}", ""},
        {"{\"region\":\"eu\"}", "Mcp-Param-Region: eu\n"},
        {"{\"region\":\"a\\r\\nX-Admin: 1\"}",
         "Mcp-Param-Region: =?base64?YQ0KWC1BZG1pbjogMQ==?=\n"},
        {"{\"region\":\" eu\"}", "Mcp-Param-Region: =?base64?IGV1?=\n"},
        {"{\"region\":\"=?base64?ZXU=?=\"}", "Mcp-Param-Region: =?base64?PT9iYXNlNjQ/WlhVPT89?=\n"},
        {"{\"count\":1e2,\"dry\":false,\"in\":{\"deep\":\"x\"}}",
         "Mcp-Param-Count: 100\nMcp-Param-Dry: false\nMcp-Param-Deep: x\n"},
        {"{\"count\":1.5}", NULL},
        {"{\"count\":9007199254740992}", NULL},
        {"{\"count\":\"1\"}", NULL},
        {"{\"dry\":\"true\"}", NULL},
        {"{\"region\":[]}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parameter_fields fields;
        struct json_tape schema, arguments;
        struct http_field written[PARAMETER_FIELDS_MAX];
        struct diag diag = {0};
        size_t count = 0;
        char text[1024] = "";
        begin();
        CHECK(parameter_fields_read(parse(SCHEMA, &schema), parse(rows[i].arguments, &arguments),
                                    &arena, &fields, NULL) == STATUS_OK);
        enum status status =
            parameter_fields_write(&fields, &arguments, &arena, written, &count, &diag);
        for (size_t k = 0; status == STATUS_OK && k < count; k++) {
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s: %.*s\n",
                           SLICE_ARG(written[k].name), SLICE_ARG(written[k].value));
        }
        CHECK_ROW(rows[i].arguments, (status == STATUS_OK) == (rows[i].written != NULL));
        CHECK_ROW(rows[i].arguments, rows[i].written == NULL || str_eq(text, rows[i].written));
        CHECK_ROW(rows[i].arguments,
                  status != STATUS_OK || parameter_fields_check(&fields, &arguments, written, count,
                                                                &arena, &diag) == STATUS_OK);
        arena_release(&arena);
    }
}

/* The longest value that is sent, and one byte more. */
TEST(parameter_fields_are_not_too_long)
{
    static char text[PARAMETER_FIELD_BYTES_MAX + 64];
    for (size_t len = PARAMETER_FIELD_BYTES_MAX; len <= PARAMETER_FIELD_BYTES_MAX + 1; len++) {
        struct parameter_fields fields;
        struct json_tape schema, arguments;
        struct http_field written[PARAMETER_FIELDS_MAX];
        size_t count = 0;
        int head = snprintf(text, sizeof(text), "{\"region\":\"");
        memset(text + head, 'x', len);
        (void)snprintf(text + (size_t)head + len, sizeof(text) - (size_t)head - len, "\"}");
        begin();
        CHECK(parameter_fields_read(parse(SCHEMA, &schema), parse(text, &arguments), &arena,
                                    &fields, NULL) == STATUS_OK);
        enum status status =
            parameter_fields_write(&fields, &arguments, &arena, written, &count, NULL);
        CHECK((status == STATUS_OK) == (len == PARAMETER_FIELD_BYTES_MAX));
        arena_release(&arena);
    }
}

static bool read_and_write(void *context)
{
    struct parameter_fields fields;
    struct json_tape schema, arguments;
    struct http_field written[PARAMETER_FIELDS_MAX];
    size_t count = 0;
    (void)context;
    check_pause_failures(true);
    begin();
    struct json_place definition = parse(SCHEMA, &schema);
    struct json_place call = parse("{\"region\":\"\\u0061\",\"count\":1}", &arguments);
    check_pause_failures(false);
    struct arena own;
    arena_init(&own, ARENA_BYTES, NULL);
    enum status status = parameter_fields_read(definition, call, &own, &fields, NULL);
    if (status == STATUS_OK) {
        status = parameter_fields_write(&fields, &arguments, &own, written, &count, NULL);
    }
    if (status == STATUS_OK) {
        status = parameter_fields_check(&fields, &arguments, written, count, &own, NULL);
    }
    CHECK(status == STATUS_OK || status == STATUS_LIMIT || status == STATUS_INVALID);
    arena_release(&own);
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(parameter_fields_survive_every_failed_allocation)
{
    check_every_allocation(read_and_write, NULL);
}
