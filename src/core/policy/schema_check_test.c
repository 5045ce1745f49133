#include "core/policy/schema_check.h"

#include "base/buf.h"
#include "core/policy/decimal_text.h"
#include "support/check.h"
#include "support/corpus.h"

TEST(decimal_text_is_exact)
{
    static const struct {
        const char *lexeme;
        unsigned scale;
        enum status status;
        int64_t value;
    } rows[] = {
        {"0", 0, STATUS_OK, 0},
        {"-0", 0, STATUS_OK, 0},
        {"0e99999", 0, STATUS_OK, 0},
        {"0.000", 0, STATUS_OK, 0},
        {"10", 0, STATUS_OK, 10},
        {"1e1", 0, STATUS_OK, 10},
        {"10.0", 0, STATUS_OK, 10},
        {"1000e-3", 0, STATUS_OK, 1},
        {"1.5e1", 0, STATUS_OK, 15},
        {"0.0001", 4, STATUS_OK, 1},
        {"1000.5", 4, STATUS_OK, 10005000},
        {"-12.3400", 4, STATUS_OK, -123400},
        {"100000000000000000000e-20", 0, STATUS_OK, 1},
        {"9223372036854775807", 0, STATUS_OK, INT64_MAX},
        {"-9223372036854775808", 0, STATUS_OK, INT64_MIN},
        {"922337203685477.5807", 4, STATUS_OK, INT64_MAX},
        {"9223372036854775808", 0, STATUS_LIMIT, 0},
        {"922337203685477.5808", 4, STATUS_LIMIT, 0},
        {"1e30", 0, STATUS_LIMIT, 0},
        {"1e400", 4, STATUS_LIMIT, 0},
        {"1e99999999999999999999", 4, STATUS_LIMIT, 0},
        {"1.5", 0, STATUS_INVALID, 0},
        {"0.00001", 4, STATUS_INVALID, 0},
        {"1e-400", 4, STATUS_INVALID, 0},
        {"1e-99999999999999999999", 4, STATUS_INVALID, 0},
        {"123456789012345678901234567890.5", 4, STATUS_LIMIT, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 0;
        enum status status =
            decimal_text_scale(slice_view_cstr(rows[i].lexeme), rows[i].scale, &value);
        CHECK_ROW(rows[i].lexeme, status == rows[i].status);
        CHECK_ROW(rows[i].lexeme, status != STATUS_OK || value == rows[i].value);
    }
}

struct value_row {
    const char *value;
    bool ok;
};

static void judge(const char *text, const struct value_row *rows, size_t count)
{
    struct arena arena;
    struct json_tape schema;
    arena_init(&arena, (size_t)16 << 20, NULL);
    CHECK(json_parse(corpus_parser(), slice_view_cstr(text), &arena, &schema, NULL) == STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        struct json_tape value;
        struct diag diag = {0};
        CHECK_ROW(rows[i].value, json_parse(corpus_parser(), slice_view_cstr(rows[i].value), &arena,
                                            &value, NULL) == STATUS_OK);
        enum status status =
            schema_check((struct json_place){&schema, 0}, (struct json_place){&value, 0}, &diag);
        CHECK_ROW(rows[i].value, (status == STATUS_OK) == rows[i].ok);
        CHECK_ROW(rows[i].value, rows[i].ok || str_eq(diag.code, "arguments.schema"));
    }
    arena_release(&arena);
}

TEST(schema_check_refuses_what_the_server_did_not_declare)
{
    static const char TRANSFER[] =
        "{\"type\":\"object\",\"required\":[\"amount\"],\"additionalProperties\":false,"
        "\"properties\":{\"amount\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":5000},"
        "\"to\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]},\"note\":{\"type\":[\"string\","
        "\"null\"]},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
        "\"rate\":{\"type\":\"number\"},\"deep\":{\"type\":\"object\",\"properties\":{\"x\":{"
        "\"const\":7}}},\"any\":{}}}";
    static const struct value_row rows[] = {
        {"{\"amount\":5}", true},
        {"{\"amount\":1e1}", true},
        {"{\"amount\":10.0}", true},
        {"{\"am\\u006funt\":5}", true},
        {"{\"amount\":5,\"to\":\"a\",\"note\":null,\"tags\":[\"x\"],\"rate\":1e30}", true},
        {"{\"amount\":5,\"deep\":{\"x\":7.0}}", true},
        {"{\"amount\":5,\"any\":[null,{\"a\":1}]}", true},
        {"{}", false},
        {"{\"amount\":\"5000\"}", false},
        {"{\"amount\":null}", false},
        {"{\"amount\":true}", false},
        {"{\"amount\":1000.5}", false},
        {"{\"amount\":0}", false},
        {"{\"amount\":5001}", false},
        {"{\"amount\":[5]}", false},
        {"{\"amount\":5,\"to\":\"c\"}", false},
        {"{\"amount\":5,\"to\":1}", false},
        {"{\"amount\":5,\"note\":3}", false},
        {"{\"amount\":5,\"tags\":[\"x\",1]}", false},
        {"{\"amount\":5,\"tags\":\"x\"}", false},
        {"{\"amount\":5,\"rate\":\"1\"}", false},
        {"{\"amount\":5,\"deep\":{\"x\":8}}", false},
        {"{\"amount\":5,\"extra\":1}", false},
        {"{\"amount\":5,\"Amount\":1}", false},
        {"[]", false},
        {"\"x\"", false},
    };
    judge(TRANSFER, rows, COUNT_OF(rows));
}

/* MCP 2026-07-28: null stands for an argument that is left out where a field would repeat it. */
TEST(schema_check_takes_null_for_what_a_field_would_repeat)
{
    static const char ANNOTATED[] =
        "{\"type\":\"object\",\"required\":[\"re\\u0067ion\",1,\"deep\"],\"properties\":{"
        "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
        "\"verbose\":{\"type\":\"boolean\",\"x-mcp-header\":\"Verbose\"},"
        "\"plain\":{\"type\":\"boolean\"},\"deep\":{\"type\":\"object\",\"properties\":{"
        "\"size\":{\"type\":\"integer\",\"x-mcp-header\":\"Size\"}}}}}";
    static const struct value_row rows[] = {
        {"{\"region\":\"eu\",\"deep\":{}}", true},
        {"{\"region\":\"eu\",\"deep\":{},\"verbose\":null}", true},
        {"{\"region\":\"eu\",\"deep\":{\"size\":null},\"verbose\":true}", true},
        {"{\"region\":null,\"deep\":{}}", false},
        {"{\"region\":\"eu\",\"deep\":null}", false},
        {"{\"region\":\"eu\",\"deep\":{},\"plain\":null}", false},
        {"{\"region\":\"eu\",\"deep\":{},\"verbose\":0}", false},
        {"{\"region\":\"eu\",\"deep\":{\"size\":\"\"}}", false},
        {"{\"verbose\":null,\"deep\":{}}", false},
        {"null", false},
    };
    judge(ANNOTATED, rows, COUNT_OF(rows));
}

/* An open schema takes any name, except one that a careless server reads as a declared one. */
TEST(schema_check_refuses_look_alikes_of_declared_names)
{
    static const char OPEN[] =
        "{\"type\":\"object\",\"properties\":{\"amount\":{\"type\":\"integer\"},\"task\":{},"
        "\"deep\":{\"type\":\"object\",\"properties\":{\"path\":{}}},\"id\":{},\"ID\":{}}}";
    static const struct value_row rows[] = {
        {"{\"amount\":5,\"other\":1}", true},
        {"{\"id\":1,\"ID\":2}", true},
        {"{\"amoun\":5,\"amountt\":5,\"a mount\":5}", true},
        {"{\"other\":{\"Amount\":1}}", true},
        {"{\"Amount\":5000}", false},
        {"{\"amount\":5,\"Amount\":5000}", false},
        {"{\"amount\":5,\"AMOUNT\":5000}", false},
        {"{\"amount\":5,\"\\u0041mount\":5000}", false},
        {"{\"amount\":5,\"amount\\u0000\":5000}", false},
        {"{\"ta\xC5\xBFk\":5}", false},
        {"{\"tas\xE2\x84\xAA\":5}", false},
        {"{\"ta\\u017f\\u212a\":5}", false},
        {"{\"iD\":5}", false},
        {"{\"deep\":{\"Path\":5}}", false},
    };
    judge(OPEN, rows, COUNT_OF(rows));
}

TEST(schema_check_goes_so_deep)
{
    for (size_t depth = SCHEMA_DEPTH_MAX; depth <= SCHEMA_DEPTH_MAX + 1; depth++) {
        bool is_over = depth > SCHEMA_DEPTH_MAX;
        struct arena arena;
        struct json_tape schema, value;
        struct buf texts[2];
        struct diag diag = {0};
        arena_init(&arena, (size_t)1 << 20, NULL);
        buf_init(&texts[0], 1024, NULL);
        buf_init(&texts[1], 1024, NULL);
        for (size_t i = 0; i < 2 * depth; i++) {
            bool is_end = i >= depth;
            buf_append(&texts[0], i == depth ? SLICE("{}") : SLICE_EMPTY);
            buf_append(&texts[0], is_end ? SLICE("}") : SLICE("{\"items\":"));
            buf_append(&texts[1], is_end ? SLICE("]") : SLICE("["));
            buf_append(&texts[1], i + 1 == depth ? SLICE("1") : SLICE_EMPTY);
        }
        CHECK(json_parse(corpus_parser(), buf_view(&texts[0]), &arena, &schema, NULL) == STATUS_OK);
        CHECK(json_parse(corpus_parser(), buf_view(&texts[1]), &arena, &value, NULL) == STATUS_OK);
        enum status status =
            schema_check((struct json_place){&schema, 0}, (struct json_place){&value, 0}, &diag);
        CHECK(status == (is_over ? STATUS_LIMIT : STATUS_OK));
        CHECK(str_eq(diag.code, is_over ? "arguments.depth" : NULL));
        buf_release(&texts[0]);
        buf_release(&texts[1]);
        arena_release(&arena);
    }
}

TEST(schema_type_comes_from_the_declaration)
{
    static const struct {
        const char *schema;
        enum schema_type type;
    } rows[] = {
        {"{\"type\":\"integer\"}", SCHEMA_INTEGER},
        {"{\"type\":[\"null\",\"number\"]}", SCHEMA_NUMBER},
        {"{\"type\":[\"string\",\"number\"]}", SCHEMA_ANY},
        {"{\"type\":\"Integer\"}", SCHEMA_ANY},
        {"{\"enum\":[1]}", SCHEMA_ANY},
        {"{}", SCHEMA_ANY},
        {"true", SCHEMA_ANY},
    };
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_tape tape;
        CHECK_ROW(rows[i].schema, json_parse(corpus_parser(), slice_view_cstr(rows[i].schema),
                                             &arena, &tape, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].schema, schema_type_of((struct json_place){&tape, 0}) == rows[i].type);
    }
    arena_release(&arena);
}
