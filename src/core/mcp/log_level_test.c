#include "core/mcp/log_level.h"

#include "support/check.h"

#include <stdio.h>

static bool parse(const char *text, struct arena *arena, struct json_tape *tape)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {0};
    struct json_parser parser;
    json_parser_init(&parser, &LIMITS, SEED);
    arena_init(arena, (size_t)1 << 20, NULL);
    return json_parse(&parser, slice_view_cstr(text), arena, tape, NULL) == STATUS_OK;
}

TEST(mcp_log_message_is_wanted)
{
    static const struct {
        const char *name, *params;
        enum mcp_log_level wanted;
        bool is_wanted;
    } rows[] = {
        {"the level itself", "{\"level\":\"info\",\"data\":1}", MCP_LOG_INFO, true},
        {"one above", "{\"level\":\"notice\",\"data\":1}", MCP_LOG_INFO, true},
        {"one below", "{\"level\":\"debug\",\"data\":1}", MCP_LOG_INFO, false},
        {"the worst of all", "{\"level\":\"emergency\",\"data\":{}}", MCP_LOG_EMERGENCY, true},
        {"not the worst", "{\"level\":\"alert\",\"data\":{}}", MCP_LOG_EMERGENCY, false},
        {"nothing was wished for", "{\"level\":\"emergency\",\"data\":1}", MCP_LOG_NONE, false},
        {"with a logger", "{\"level\":\"info\",\"logger\":\"l\",\"data\":1}", MCP_LOG_DEBUG, true},
        {"logger is a number", "{\"level\":\"info\",\"logger\":1,\"data\":1}", MCP_LOG_DEBUG,
         false},
        {"no level", "{\"data\":1}", MCP_LOG_DEBUG, false},
        {"unknown level", "{\"level\":\"fatal\",\"data\":1}", MCP_LOG_DEBUG, false},
        {"another case", "{\"level\":\"Info\",\"data\":1}", MCP_LOG_DEBUG, false},
        {"level is a number", "{\"level\":7,\"data\":1}", MCP_LOG_DEBUG, false},
        {"no data", "{\"level\":\"info\"}", MCP_LOG_DEBUG, false},
        {"data is null", "{\"level\":\"info\",\"data\":null}", MCP_LOG_DEBUG, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct json_tape tape;
        CHECK_ROW(rows[i].name, parse(rows[i].params, &arena, &tape));
        CHECK_ROW(rows[i].name, mcp_log_is_wanted(&tape, 0, rows[i].wanted) == rows[i].is_wanted);
        arena_release(&arena);
    }
}

TEST(mcp_log_levels_have_their_names)
{
    CHECK(mcp_log_level_name(MCP_LOG_NONE).len == 0);
    for (enum mcp_log_level i = MCP_LOG_NONE + 1; i < MCP_LOG_LEVEL_COUNT; i++) {
        char text[32];
        struct arena arena;
        struct json_tape tape;
        snprintf(text, sizeof(text), "\"%.*s\"", SLICE_ARG(mcp_log_level_name(i)));
        CHECK(parse(text, &arena, &tape) && mcp_log_level_read(&tape, 0) == i);
        arena_release(&arena);
    }
}
