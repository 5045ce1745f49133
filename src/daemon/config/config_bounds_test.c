/* What the configuration may have many of: as many as that are taken, one more is refused. */
#include "daemon/config/config_bounds.h"

#include "core/identity/issuer_entry.h"
#include "daemon/config/config.h"
#include "support/check.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_BYTES ((size_t)1 << 20)
#define ISSUER "version: 1\nidentity:\n- {name: a, preset: development, "

/* Append the text count times; each # in it becomes the number of its turn. */
static void repeat(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (const char *at = text; *at != '\0'; at++) {
            if (*at == '#') {
                buf_append_u64(out, i);
            } else {
                buf_append_byte(out, (uint8_t)*at);
            }
        }
    }
}

TEST(config_lists_at_their_bounds)
{
    static const struct {
        const char *name, *before, *item, *after;
        size_t count_max;
        const char *code;
    } rows[] = {
        {"servers", "version: 1\nservers:\n", "- {name: s#, url: 'https://a'}\n", "",
         CONFIG_SERVERS_MAX, "config.range"},
        {"views", "version: 1\nservers: [{name: s, url: 'https://a'}]\nviews:\n",
         "- {name: v#, tools: [s.x]}\n", "", CONFIG_VIEWS_MAX, "config.range"},
        {"issuers", "version: 1\nidentity:\n",
         "- {name: i#, issuer: 'https://i#.test', audience: a}\n", "", CONFIG_ISSUERS_MAX,
         "config.range"},
        {"authorities of clients", "version: 1\nlisten: {tls: {cert: c, key: k, client_ca: [",
         "f#, ", "]}}\n", CONFIG_CLIENT_CAS_MAX, "config.range"},
        {"claims of a subject", ISSUER "mapping: {subject: [", "c#, ", "]}}\n",
         IDENTITY_SUBJECTS_MAX, "config.range"},
        {"claims of roles", ISSUER "mapping: {roles: [", "c#, ", "]}}\n", IDENTITY_ROLE_SOURCES_MAX,
         "config.range"},
        {"attributes", ISSUER "mapping: {attributes: {", "a#: {claim: c}, ", "}}}\n",
         IDENTITY_ATTRIBUTES_MAX, "config.range"},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        bool is_over = i % 2 == 1;
        struct config_report report = {0};
        struct config *config = NULL;
        struct arena arena;
        struct buf text;
        arena_init(&arena, ARENA_BYTES, NULL);
        buf_init(&text, TEXT_BYTES, NULL);
        repeat(&text, rows[i / 2].before, 1);
        repeat(&text, rows[i / 2].item, rows[i / 2].count_max + (is_over ? 1 : 0));
        repeat(&text, rows[i / 2].after, 1);
        struct config_source source = {.file = SLICE("aegis.yaml"),
                                       .folder = SLICE("/etc/aegis"),
                                       .text = buf_view(&text),
                                       .skips_files = true};
        enum status status = config_load_text(&source, &arena, &config, &report);
        CHECK_ROW(rows[i / 2].name, (status == STATUS_OK) == !is_over);
        CHECK_ROW(rows[i / 2].name, report.count == (is_over ? 1 : 0));
        CHECK_ROW(rows[i / 2].name, !is_over || str_eq(report.problems[0].code, rows[i / 2].code));
        buf_release(&text);
        arena_release(&arena);
    }
}

/* A key is used for as long as anything is good that it seals. */
TEST(config_seals_for_as_long_as_tasks_live)
{
    struct config_limits limits = config_limits_default();
    CHECK(config_sealing_period_s(&limits) == limits.sealing_key_s);
    CHECK(limits.sealing_key_s >= limits.task_lifetime_s);
    limits.task_lifetime_s = limits.sealing_key_s + 1;
    CHECK(config_sealing_period_s(&limits) == limits.task_lifetime_s);
}
