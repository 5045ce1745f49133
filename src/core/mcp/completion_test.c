#include "core/mcp/completion.h"

#include "support/check.h"

static struct arena arena;

static bool parse(struct slice text, struct json_tape *tape)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {0};
    struct json_parser parser;
    json_parser_init(&parser, &LIMITS, SEED);
    arena_init(&arena, (size_t)1 << 20, NULL);
    return json_parse(&parser, text, &arena, tape, NULL) == STATUS_OK;
}

#define PROMPT "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"}"
#define ARGUMENT "\"argument\":{\"name\":\"a\",\"value\":\"v\"}"

TEST(mcp_completion_params_are_read_whole)
{
    static const struct {
        const char *name, *params;
        bool is_good;
    } rows[] = {
        {"prompt", "{" PROMPT "," ARGUMENT "}", true},
        {"prompt with a title",
         "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\",\"title\":\"t\"}," ARGUMENT "}", true},
        {"resource", "{\"ref\":{\"type\":\"ref/resource\",\"uri\":\"a:{b}\"}," ARGUMENT "}", true},
        {"known arguments", "{" PROMPT "," ARGUMENT ",\"context\":{\"arguments\":{\"b\":\"c\"}}}",
         true},
        {"empty context", "{" PROMPT "," ARGUMENT ",\"context\":{}}", true},
        {"empty value", "{" PROMPT ",\"argument\":{\"name\":\"a\",\"value\":\"\"}}", true},
        {"nothing", "{}", false},
        {"no reference", "{" ARGUMENT "}", false},
        {"reference is a text", "{\"ref\":\"ref/prompt\"," ARGUMENT "}", false},
        {"no type", "{\"ref\":{\"name\":\"p\"}," ARGUMENT "}", false},
        {"another type", "{\"ref\":{\"type\":\"ref/tool\",\"name\":\"p\"}," ARGUMENT "}", false},
        {"another case", "{\"ref\":{\"type\":\"ref/Prompt\",\"name\":\"p\"}," ARGUMENT "}", false},
        {"prompt with an address", "{\"ref\":{\"type\":\"ref/prompt\",\"uri\":\"p\"}," ARGUMENT "}",
         false},
        {"resource with a name",
         "{\"ref\":{\"type\":\"ref/resource\",\"name\":\"p\"}," ARGUMENT "}", false},
        {"name is a number", "{\"ref\":{\"type\":\"ref/prompt\",\"name\":1}," ARGUMENT "}", false},
        {"no argument", "{" PROMPT "}", false},
        {"argument is a list", "{" PROMPT ",\"argument\":[\"a\",\"v\"]}", false},
        {"argument without a name", "{" PROMPT ",\"argument\":{\"value\":\"v\"}}", false},
        {"argument without a value", "{" PROMPT ",\"argument\":{\"name\":\"a\"}}", false},
        {"value is null", "{" PROMPT ",\"argument\":{\"name\":\"a\",\"value\":null}}", false},
        {"context is a list", "{" PROMPT "," ARGUMENT ",\"context\":[]}", false},
        {"known arguments are a list", "{" PROMPT "," ARGUMENT ",\"context\":{\"arguments\":[]}}",
         false},
        {"a known argument is an object",
         "{" PROMPT "," ARGUMENT ",\"context\":{\"arguments\":{\"b\":{}}}}", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_tape tape;
        struct mcp_completion completion;
        CHECK_ROW(rows[i].name, parse(slice_view_cstr(rows[i].params), &tape));
        CHECK_ROW(rows[i].name,
                  (mcp_completion_read(&tape, 0, &completion) == NULL) == rows[i].is_good);
        arena_release(&arena);
    }
}

/* What was not read is not written. */
TEST(mcp_completion_params_are_written_as_judged)
{
    static const struct {
        const char *params, *written;
    } rows[] = {
        {"{" PROMPT "," ARGUMENT ",\"x\":1}",
         "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"own\"}," ARGUMENT "}"},
        {"{\"context\":{\"arguments\":{ "
         "\"b\":\"\\u0041\"},\"y\":2},\"argument\":{\"value\":\"\\n\","
         "\"name\":\"a\",\"z\":3},\"ref\":{\"uri\":\"u\",\"type\":\"ref/"
         "resource\",\"title\":\"t\"}}",
         "{\"ref\":{\"type\":\"ref/resource\",\"uri\":\"own\"},\"argument\":{\"name\":\"a\","
         "\"value\":\"\\n\"},\"context\":{\"arguments\":{\"b\":\"\\u0041\"}}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_tape tape;
        struct mcp_completion completion;
        struct buf written;
        buf_init(&written, 1024, NULL);
        CHECK(parse(slice_view_cstr(rows[i].params), &tape));
        CHECK(mcp_completion_read(&tape, 0, &completion) == NULL);
        mcp_completion_write(&written, &tape, &completion, SLICE("own"));
        CHECK_ROW(rows[i].params, slice_eq(buf_view(&written), slice_view_cstr(rows[i].written)));
        buf_release(&written);
        arena_release(&arena);
    }
}

TEST(mcp_completion_results_are_lists_of_texts)
{
    static const struct {
        const char *name, *result;
        bool is_good;
    } rows[] = {
        {"none", "{\"completion\":{\"values\":[]}}", true},
        {"two", "{\"completion\":{\"values\":[\"a\",\"b\"],\"total\":5,\"hasMore\":true}}", true},
        {"nothing", "{}", false},
        {"completion is a list", "{\"completion\":[\"a\"]}", false},
        {"no values", "{\"completion\":{}}", false},
        {"values are an object", "{\"completion\":{\"values\":{}}}", false},
        {"a number among them", "{\"completion\":{\"values\":[\"a\",1]}}", false},
        {"an object among them", "{\"completion\":{\"values\":[{\"value\":\"a\"}]}}", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_tape tape;
        CHECK_ROW(rows[i].name, parse(slice_view_cstr(rows[i].result), &tape));
        CHECK_ROW(rows[i].name, (mcp_completion_values(&tape, 0) != JSON_NONE) == rows[i].is_good);
        arena_release(&arena);
    }
}

TEST(mcp_completion_results_have_a_limit)
{
    for (size_t over = 0; over < 2; over++) {
        struct buf text;
        struct json_tape tape;
        buf_init(&text, 4096, NULL);
        buf_append(&text, SLICE("{\"completion\":{\"values\":[\"a\""));
        for (size_t i = 1; i < MCP_COMPLETION_VALUES_MAX + over; i++) {
            buf_append(&text, SLICE(",\"a\""));
        }
        buf_append(&text, SLICE("]}}"));
        CHECK(parse(buf_view(&text), &tape));
        CHECK((mcp_completion_values(&tape, 0) != JSON_NONE) == (over == 0));
        arena_release(&arena);
        buf_release(&text);
    }
}
