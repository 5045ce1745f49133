#include "core/mcp/offers.h"

#include "support/check.h"

static struct arena arena;

static bool parse(const char *text, struct json_tape *tape)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {0};
    struct json_parser parser;
    json_parser_init(&parser, &LIMITS, SEED);
    return json_parse(&parser, slice_view_cstr(text), &arena, tape, NULL) == STATUS_OK;
}

TEST(mcp_offers_are_objects_of_known_names)
{
    static const struct {
        const char *name, *result;
        uint32_t offers;
        const char *written;
    } rows[] = {
        {"none", "{}", 0, "\"capabilities\":{}"},
        {"no object", "{\"capabilities\":[\"tools\"]}", 0, "\"capabilities\":{}"},
        {"null", "{\"capabilities\":{\"tools\":null}}", 0, "\"capabilities\":{}"},
        {"true", "{\"capabilities\":{\"tools\":true}}", 0, "\"capabilities\":{}"},
        {"another case", "{\"capabilities\":{\"Tools\":{}}}", 0, "\"capabilities\":{}"},
        {"unknown", "{\"capabilities\":{\"tasks\":{},\"extensions\":{\"a/b\":{}}}}", 0,
         "\"capabilities\":{}"},
        {"one, with what is not delivered", "{\"capabilities\":{\"tools\":{\"listChanged\":true}}}",
         MCP_OFFERS_TOOLS, "\"capabilities\":{\"tools\":{}}"},
        {"all",
         "{\"capabilities\":{\"logging\":{},\"completions\":{},\"prompts\":{},\"resources\":{},"
         "\"tools\":{}}}",
         MCP_OFFERS_TOOLS | MCP_OFFERS_RESOURCES | MCP_OFFERS_PROMPTS | MCP_OFFERS_COMPLETIONS |
             MCP_OFFERS_LOGGING,
         "\"capabilities\":{\"tools\":{},\"resources\":{},\"prompts\":{},\"completions\":{},"
         "\"logging\":{}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_tape tape;
        struct buf written;
        arena_init(&arena, (size_t)1 << 20, NULL);
        buf_init(&written, 1024, NULL);
        CHECK_ROW(rows[i].name, parse(rows[i].result, &tape));
        uint32_t offers = mcp_offers_read(&tape, 0);
        mcp_offers_write(&written, offers);
        CHECK_ROW(rows[i].name, offers == rows[i].offers);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&written), slice_view_cstr(rows[i].written)));
        buf_release(&written);
        arena_release(&arena);
    }
}
