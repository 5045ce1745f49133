#include "core/mcp/capabilities.h"

#include "support/check.h"
#include "support/corpus.h"

static bool is_written_as(const char *text, enum mcp_revision revision, const char *expected)
{
    struct arena arena;
    struct json_tape tape;
    struct buf out;
    arena_init(&arena, 65536, NULL);
    buf_init(&out, 65536, NULL);
    CHECK_ROW(text,
              json_parse(corpus_parser(), slice_view_cstr(text), &arena, &tape, NULL) == STATUS_OK);
    struct mcp_client_capabilities capabilities = mcp_capabilities_read(&tape, 0);
    mcp_capabilities_write(&capabilities, revision, &out);
    bool is_same = slice_eq(buf_view(&out), slice_view_cstr(expected));
    if (slice_eq(slice_view_cstr(expected), SLICE("{}")) && revision == MCP_2026_07_28) {
        CHECK_ROW(text, mcp_capabilities_is_empty(&capabilities) && capabilities.extensions == 0);
    }
    buf_release(&out);
    arena_release(&arena);
    return is_same;
}

TEST(capabilities_are_read_and_written_anew)
{
    static const struct {
        const char *text;
        enum mcp_revision revision;
        const char *expected;
    } rows[] = {
        {"{}", MCP_2026_07_28, "{}"},
        {"[]", MCP_2026_07_28, "{}"},
        {"null", MCP_2026_07_28, "{}"},
        {"{\"sampling\":true,\"roots\":1,\"elicitation\":[]}", MCP_2026_07_28, "{}"},
        {"{\"Sampling\":{},\"tasks\":{\"list\":{}},\"experimental\":{\"x\":{}}}", MCP_2026_07_28,
         "{}"},
        {"{\"extensions\":{\"a/b\":{}}}", MCP_2026_07_28, "{}"},
        {"{\"extensions\":{\"io.modelcontextprotocol/tasks\":true}}", MCP_2026_07_28, "{}"},
        {"{\"extensions\":[\"io.modelcontextprotocol/tasks\"]}", MCP_2026_07_28, "{}"},
        {"{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}", MCP_2025_11_25, "{}"},
        {"{\"extensions\":{\"io.modelcontextprotocol/ui\":{}}}", MCP_2025_06_18, "{}"},
        {"{\"extensions\":{\"io.modelcontextprotocol/skills\":{}}}", MCP_2025_06_18, "{}"},
        {"{\"extensions\":{\"io.modelcontextprotocol/skills\":{\"directoryRead\":true}}}",
         MCP_2025_11_25, "{\"extensions\":{\"io.modelcontextprotocol/skills\":{}}}"},
        {"{\"roots\":{},\"extensions\":{\"a/b\":{},\"io.modelcontextprotocol/tasks\":{\"x\":1}}}",
         MCP_2026_07_28, "{\"roots\":{},\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"},
        {"{\"extensions\":{\"io.modelcontextprotocol/ui\":{\"mimeTypes\":[\"a/b\"]}}}",
         MCP_2025_11_25,
         "{\"extensions\":{\"io.modelcontextprotocol/ui\":{\"mimeTypes\":["
         "\"text/html;profile=mcp-app\"]}}}"},
        {"{\"sampling\":{}}", MCP_2026_07_28, "{\"sampling\":{}}"},
        {"{\"sampling\":{\"tools\":{},\"context\":{}}}", MCP_2026_07_28,
         "{\"sampling\":{\"tools\":{}}}"},
        {"{\"sampling\":{\"tools\":{}}}", MCP_2025_11_25, "{\"sampling\":{\"tools\":{}}}"},
        {"{\"sampling\":{\"tools\":{}}}", MCP_2025_06_18, "{\"sampling\":{}}"},
        {"{\"roots\":{\"listChanged\":true}}", MCP_2025_11_25,
         "{\"roots\":{\"listChanged\":true}}"},
        {"{\"roots\":{\"listChanged\":true}}", MCP_2024_11_05,
         "{\"roots\":{\"listChanged\":true}}"},
        {"{\"roots\":{\"listChanged\":true}}", MCP_2026_07_28, "{\"roots\":{}}"},
        {"{\"roots\":{\"listChanged\":false}}", MCP_2025_11_25, "{\"roots\":{}}"},
        {"{\"roots\":{\"listChanged\":{}}}", MCP_2025_11_25, "{\"roots\":{}}"},
        {"{\"roots\":[{\"listChanged\":true}]}", MCP_2025_11_25, "{}"},
        {"{\"elicitation\":{}}", MCP_2026_07_28, "{\"elicitation\":{\"form\":{}}}"},
        {"{\"elicitation\":{}}", MCP_2025_06_18, "{\"elicitation\":{}}"},
        {"{\"elicitation\":{},\"sampling\":{\"tools\":{}}}", MCP_2025_03_26, "{\"sampling\":{}}"},
        {"{\"elicitation\":{},\"roots\":{}}", MCP_2024_11_05, "{\"roots\":{}}"},
        {"{\"elicitation\":{\"form\":{}}}", MCP_2025_11_25, "{\"elicitation\":{\"form\":{}}}"},
        {"{\"elicitation\":{\"url\":{}}}", MCP_2025_11_25, "{\"elicitation\":{\"url\":{}}}"},
        {"{\"elicitation\":{\"url\":{}}}", MCP_2025_06_18, "{}"},
        {"{\"elicitation\":{\"form\":{},\"url\":{}}}", MCP_2026_07_28,
         "{\"elicitation\":{\"form\":{},\"url\":{}}}"},
        {"{\"elicitation\":{\"form\":{},\"url\":{}},\"roots\":{},\"sampling\":{}}", MCP_2025_06_18,
         "{\"roots\":{},\"sampling\":{},\"elicitation\":{}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].text, is_written_as(rows[i].text, rows[i].revision, rows[i].expected));
    }
}

TEST(capabilities_that_are_absent_are_none)
{
    struct json_tape tape = {0};
    struct mcp_client_capabilities capabilities = mcp_capabilities_read(&tape, JSON_NONE);
    CHECK(mcp_capabilities_is_empty(&capabilities) && !capabilities.has_sampling_tools);
}

/* What a client of an older revision says is what it can mean by it. */
TEST(capabilities_known_of_a_revision)
{
    static const struct mcp_client_capabilities ALL = {.has_sampling = true,
                                                       .has_sampling_tools = true,
                                                       .has_roots = true,
                                                       .has_form = true,
                                                       .has_url = true,
                                                       .extensions =
                                                           MCP_EXTENSION_TASKS | MCP_EXTENSION_UI};
    static const struct {
        enum mcp_revision revision;
        bool has_tools, has_form, has_url;
        uint32_t extensions;
    } rows[] = {{MCP_2024_11_05, false, false, false, 0},
                {MCP_2025_03_26, false, false, false, 0},
                {MCP_2025_06_18, false, true, false, 0},
                {MCP_2025_11_25, true, true, true, MCP_EXTENSION_UI},
                {MCP_2026_07_28, true, true, true, MCP_EXTENSION_TASKS | MCP_EXTENSION_UI}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mcp_client_capabilities known = mcp_capabilities_known(&ALL, rows[i].revision);
        CHECK(known.has_sampling && known.has_roots);
        CHECK(known.has_sampling_tools == rows[i].has_tools);
        CHECK(known.has_form == rows[i].has_form && known.has_url == rows[i].has_url);
        CHECK(known.extensions == rows[i].extensions);
        CHECK(known.has_other_extensions == (rows[i].extensions != ALL.extensions));
    }
}
