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

#define TASKS_CORE "\"tasks\":{\"list\":{},\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}"
#define TASKS_EXTENSION "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"
#define UI_EXTENSION "\"extensions\":{\"io.modelcontextprotocol/ui\":{}}"
#define SKILLS_EXTENSION(settings)                                                                 \
    "\"extensions\":{\"io.modelcontextprotocol/skills\":" settings "}"
#define RESULT(capabilities) "{\"capabilities\":{" capabilities "}}"
#define WRITTEN(capabilities) "\"capabilities\":{" capabilities "}"

/* What a server says, to a client of the same revision. */
static void check_offer(const char *name, const char *result, enum mcp_revision revision,
                        uint32_t extensions, uint32_t offers, const char *written, bool drops)
{
    struct json_tape tape;
    struct buf text;
    bool drops_extension = !drops;
    arena_init(&arena, (size_t)1 << 20, NULL);
    buf_init(&text, 1024, NULL);
    CHECK_ROW(name, parse(result, &tape));
    uint32_t read = mcp_offers_read(&tape, 0, revision, extensions, &drops_extension);
    mcp_offers_write(&text, read, revision);
    CHECK_ROW(name, read == offers);
    CHECK_ROW(name, drops_extension == drops);
    CHECK_ROW(name, slice_eq(buf_view(&text), slice_view_cstr(written)));
    buf_release(&text);
    arena_release(&arena);
}

TEST(mcp_offers_are_objects_of_known_names)
{
    enum { UNKNOWN = 5 };
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
        {"changes that are not true",
         "{\"capabilities\":{\"tools\":{\"listChanged\":false},\"prompts\":{\"listChanged\":{}},"
         "\"resources\":{\"Subscribe\":true}}}",
         MCP_OFFERS_TOOLS | MCP_OFFERS_PROMPTS | MCP_OFFERS_RESOURCES,
         "\"capabilities\":{\"tools\":{},\"resources\":{},\"prompts\":{}}"},
        {"changes",
         "{\"capabilities\":{\"tools\":{\"listChanged\":true,\"subscribe\":true},"
         "\"resources\":{\"listChanged\":true,\"subscribe\":true},"
         "\"prompts\":{\"listChanged\":true}}}",
         MCP_OFFERS_TOOLS | MCP_OFFERS_RESOURCES | MCP_OFFERS_PROMPTS | MCP_OFFERS_CHANGES,
         "\"capabilities\":{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true,"
         "\"listChanged\":true},\"prompts\":{\"listChanged\":true}}"},
        {"all",
         "{\"capabilities\":{\"logging\":{},\"completions\":{},\"prompts\":{},\"resources\":{},"
         "\"tools\":{}}}",
         MCP_OFFERS_TOOLS | MCP_OFFERS_RESOURCES | MCP_OFFERS_PROMPTS | MCP_OFFERS_COMPLETIONS |
             MCP_OFFERS_LOGGING,
         "\"capabilities\":{\"tools\":{},\"resources\":{},\"prompts\":{},\"completions\":{},"
         "\"logging\":{}}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_offer(rows[i].name, rows[i].result, MCP_2026_07_28, 0, rows[i].offers,
                    rows[i].written, i == UNKNOWN);
    }
}

TEST(mcp_offers_of_other_names_are_noticed)
{
    static const struct {
        const char *result;
        enum mcp_revision revision;
        bool has_other;
    } rows[] = {
        {"{}", MCP_2026_07_28, false},
        {"{\"capabilities\":[\"tools\"]}", MCP_2026_07_28, false},
        {RESULT("\"tools\":{\"x\":1},\"logging\":{}," TASKS_EXTENSION), MCP_2026_07_28, false},
        {RESULT(TASKS_CORE), MCP_2025_11_25, false},
        {RESULT(TASKS_CORE), MCP_2025_06_18, true},
        {RESULT(TASKS_CORE), MCP_2026_07_28, true},
        {RESULT("\"tools\":{},\"experimental\":{}"), MCP_2025_11_25, true},
        {RESULT("\"Tools\":{}"), MCP_2025_11_25, true},
        {RESULT("\"tools\":null"), MCP_2025_11_25, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_tape tape;
        arena_init(&arena, (size_t)1 << 20, NULL);
        CHECK_ROW(rows[i].result, parse(rows[i].result, &tape));
        CHECK_ROW(rows[i].result,
                  mcp_offers_have_other(&tape, 0, rows[i].revision) == rows[i].has_other);
        arena_release(&arena);
    }
}

TEST(mcp_offers_of_tasks_and_extensions_need_era_and_permission)
{
    enum { BOTH = MCP_EXTENSION_TASKS | MCP_EXTENSION_UI };
    static const struct {
        const char *name, *result;
        enum mcp_revision revision;
        uint32_t extensions, offers;
        const char *written;
        bool drops;
    } rows[] = {
        {"tasks of the revision", RESULT(TASKS_CORE), MCP_2025_11_25, 0, MCP_OFFERS_ALL_OF_TASKS,
         WRITTEN(TASKS_CORE), false},
        {"without list and cancel", RESULT("\"tasks\":{\"requests\":{\"tools\":{\"call\":{}}}}"),
         MCP_2025_11_25, 0, MCP_OFFERS_TASKS,
         WRITTEN("\"tasks\":{\"requests\":{\"tools\":{\"call\":{}}}}"), false},
        {"of nothing that we know",
         RESULT("\"tasks\":{\"list\":{},\"requests\":{\"x\":{\"call\":{}}}}"), MCP_2025_11_25, BOTH,
         0, WRITTEN(""), false},
        {"call is no object", RESULT("\"tasks\":{\"requests\":{\"tools\":{\"call\":null}}}"),
         MCP_2025_11_25, BOTH, 0, WRITTEN(""), false},
        {"before there were tasks", RESULT(TASKS_CORE), MCP_2025_06_18, BOTH, 0, WRITTEN(""),
         false},
        {"after they were core", RESULT(TASKS_CORE), MCP_2026_07_28, BOTH, 0, WRITTEN(""), false},
        {"the extension, listed", RESULT(TASKS_EXTENSION), MCP_2026_07_28, MCP_EXTENSION_TASKS,
         MCP_OFFERS_TASKS | MCP_OFFERS_TASKS_CANCEL, WRITTEN(TASKS_EXTENSION), false},
        {"the extension, not listed", RESULT(TASKS_EXTENSION), MCP_2026_07_28, MCP_EXTENSION_UI, 0,
         WRITTEN(""), true},
        {"the extension in the other era", RESULT(TASKS_EXTENSION), MCP_2025_11_25, BOTH, 0,
         WRITTEN(""), false},
        {"pages, listed", RESULT(UI_EXTENSION), MCP_2025_11_25, BOTH, MCP_OFFERS_UI,
         WRITTEN(UI_EXTENSION), false},
        {"pages, not listed", RESULT(UI_EXTENSION), MCP_2026_07_28, MCP_EXTENSION_TASKS, 0,
         WRITTEN(""), true},
        {"unknown beside known",
         RESULT("\"extensions\":{\"a/b\":{},\"io.modelcontextprotocol/ui\":{\"x\":1}}"),
         MCP_2026_07_28, BOTH, MCP_OFFERS_UI, WRITTEN(UI_EXTENSION), true},
        {"no object", RESULT("\"extensions\":{\"io.modelcontextprotocol/ui\":true}"),
         MCP_2026_07_28, BOTH, 0, WRITTEN(""), false},
        {"skills, not listed", RESULT(SKILLS_EXTENSION("{\"directoryRead\":true}")), MCP_2026_07_28,
         BOTH, 0, WRITTEN(""), true},
        {"skills that are no object", RESULT(SKILLS_EXTENSION("[]")), MCP_2026_07_28,
         MCP_EXTENSION_SKILLS, 0, WRITTEN(""), false},
        {"skills before clients knew them", RESULT(SKILLS_EXTENSION("{}")), MCP_2025_06_18,
         MCP_EXTENSION_SKILLS, MCP_OFFERS_SKILLS, WRITTEN(""), false},
        {"skills", RESULT(SKILLS_EXTENSION("{\"directoryRead\":false,\"x\":true}")), MCP_2025_11_25,
         MCP_EXTENSION_SKILLS, MCP_OFFERS_SKILLS, WRITTEN(SKILLS_EXTENSION("{}")), false},
        {"skills and a word for true", RESULT(SKILLS_EXTENSION("{\"directoryRead\":\"true\"}")),
         MCP_2026_07_28, MCP_EXTENSION_SKILLS, MCP_OFFERS_SKILLS, WRITTEN(SKILLS_EXTENSION("{}")),
         false},
        {"skills and folders", RESULT(SKILLS_EXTENSION("{\"directoryRead\":true}")), MCP_2026_07_28,
         MCP_EXTENSION_SKILLS, MCP_OFFERS_SKILLS | MCP_OFFERS_DIRECTORIES,
         WRITTEN(SKILLS_EXTENSION("{\"directoryRead\":true}")), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_offer(rows[i].name, rows[i].result, rows[i].revision, rows[i].extensions,
                    rows[i].offers, rows[i].written, rows[i].drops);
    }
}
