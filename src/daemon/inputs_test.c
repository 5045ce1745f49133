#include "daemon/inputs.h"

#include "support/check.h"

#define ARENA_BYTES ((size_t)64 << 20)

static const struct config *load(struct arena *arena, const char *text)
{
    struct config *config = NULL;
    struct config_report report = {0};
    struct config_source source = {
        .file = SLICE("test"), .text = slice_view_cstr(text), .skips_files = true};
    CHECK(config_load_text(&source, arena, &config, &report) == STATUS_OK);
    return config;
}

#define ONE "version: 1\nservers:\n- {name: a, url: 'https://a/mcp'}\n"
#define CHILD "version: 1\nservers:\n- {name: a, command: [x, y], env: {K: v}"

TEST(inputs_fit_when_pools_children_and_journal_stay_as_they_are)
{
    static const struct {
        const char *name, *running, *other;
        bool fits;
    } rows[] = {
        {"the same", ONE, ONE, true},
        {"other trust", ONE,
         "version: 1\nservers:\n- {name: a, url: 'https://a/mcp', trust: partner}\n", true},
        {"other limits", ONE, ONE "limits: {body_bytes: 1000000}\n", true},
        {"no journal", ONE, ONE "audit: {mode: 'off'}\n", false},
        {"a journal", ONE "audit: {mode: 'off'}\n", ONE, false},
        {"another folder of the journal", ONE, ONE "audit: {dir: /elsewhere}\n", false},
        {"another key of the journal", ONE, ONE "state_dir: /elsewhere\n", false},
        {"more records without a signature", ONE,
         ONE "limits: {journal_checkpoint_records: 8192}\n", false},
        {"longer without a signature", ONE, ONE "limits: {journal_checkpoint_ms: 20000}\n", false},
        {"one more", ONE, ONE "- {name: b, url: 'https://b/mcp'}\n", false},
        {"another name", ONE, "version: 1\nservers:\n- {name: b, url: 'https://a/mcp'}\n", false},
        {"another address", ONE, "version: 1\nservers:\n- {name: a, url: 'https://b/mcp'}\n",
         false},
        {"a child instead", ONE, CHILD "}\n", false},
        {"the same child", CHILD "}\n", CHILD "}\n", true},
        {"another argument", CHILD "}\n",
         "version: 1\nservers:\n- {name: a, command: [x, z], env: {K: v}}\n", false},
        {"another variable", CHILD "}\n",
         "version: 1\nservers:\n- {name: a, command: [x, y], env: {K: w}}\n", false},
        {"a secret of a child", CHILD "}\n",
         CHILD ", credential: {service: {env: T, from: {env: S}}}}\n", false},
        {"another secret of a child", CHILD ", credential: {service: {env: T, from: {env: S}}}}\n",
         CHILD ", credential: {service: {env: T, from: {env: U}}}}\n", false},
        {"a secret of an address", ONE,
         "version: 1\nservers:\n- {name: a, url: 'https://a/mcp', credential: {service: {header: "
         "Authorization, from: {env: S}}}}\n",
         true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].name, inputs_fit(load(&arena, rows[i].running),
                                           load(&arena, rows[i].other)) == rows[i].fits);
        arena_release(&arena);
    }
}
