#include "daemon/config/config_tree.h"

#include "base/buf.h"
#include "support/check.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)16 << 20)

TEST(config_tree_refuses_what_hides_a_meaning)
{
    static const struct {
        const char *name, *text;
        uint32_t line, column;
        const char *code;
    } rows[] = {
        {"empty", "", 1, 1, "config.empty"},
        {"only a comment", "# nothing\n", 1, 1, "config.empty"},
        {"anchor", "a: &x 1\n", 1, 4, "config.yaml_feature"},
        {"anchor on a list", "a: &x [1]\n", 1, 4, "config.yaml_feature"},
        {"anchor on a mapping", "a: &x {b: 1}\n", 1, 4, "config.yaml_feature"},
        {"alias", "a: *x\n", 1, 4, "config.yaml_feature"},
        {"tag", "a: !!str 1\n", 1, 4, "config.yaml_feature"},
        {"own tag", "a:\n  - !thing b\n", 2, 5, "config.yaml_feature"},
        {"tag on a mapping", "a: !x {}\n", 1, 4, "config.yaml_feature"},
        {"version directive", "%YAML 1.1\n---\na: 1\n", 1, 1, "config.yaml_feature"},
        {"tag directive", "%TAG ! tag:x,2000:\n---\na: 1\n", 1, 1, "config.yaml_feature"},
        {"second document", "a: 1\n---\nb: 2\n", 2, 1, "config.yaml_feature"},
        {"duplicate key", "a: 1\nb: 2\na: 3\n", 3, 1, "config.duplicate_key"},
        {"duplicate key in flow", "a: {b: 1, 'b': 2}\n", 1, 11, "config.duplicate_key"},
        {"duplicate key deep", "a:\n  - b: 1\n    b: 2\n", 3, 5, "config.duplicate_key"},
        {"list as key", "[a]: 1\n", 1, 1, "config.type"},
        {"null as key", "~: 1\n", 1, 1, "config.type"},
        {"tab as indent", "a:\n\tb: 1\n", 2, 1, "config.yaml_syntax"},
        {"open bracket", "a: [1\n", 2, 1, "config.yaml_syntax"},
        {"open quote", "a: 'b\n", 2, 1, "config.yaml_syntax"},
        {"bad escape", "a: \"\\q\"\n", 1, 5, "config.yaml_syntax"},
        {"not UTF-8", "a: b\nc: \xFF\n", 2, 4, "config.yaml_syntax"},
        {"control byte", "a: \x01\n", 1, 4, "config.yaml_syntax"},
        {"colon in plain text", "a: b: c\n", 1, 5, "config.yaml_syntax"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct config_report report = {0};
        struct config_node *root;
        arena_init(&arena, ARENA_BYTES, NULL);
        enum status status =
            config_tree_parse(SLICE("f"), slice_view_cstr(rows[i].text), &arena, &report, &root);
        CHECK_ROW(rows[i].name, status == STATUS_OK);
        CHECK_ROW(rows[i].name, report.count == 1);
        if (report.count > 0) {
            CHECK_ROW(rows[i].name, str_eq(report.problems[0].code, rows[i].code));
            bool is_there = report.problems[0].line == rows[i].line &&
                            report.problems[0].column == rows[i].column;
            CHECK_ROW(rows[i].name, is_there);
            if (!is_there) {
                printf("    got %u:%u\n", report.problems[0].line, report.problems[0].column);
            }
        }
        arena_release(&arena);
    }
}

TEST(config_tree_knows_places_and_forms)
{
    struct arena arena;
    struct config_report report = {0};
    struct config_node *root;
    arena_init(&arena, ARENA_BYTES, NULL);
    struct slice text = SLICE("a: [1, 'two']\nb:\n  c: \"\\u00e9\"\n  d:\n  e: ~\n  f: '~'\n");
    CHECK(config_tree_parse(SLICE("f"), text, &arena, &report, &root) == STATUS_OK);
    CHECK(report.count == 0 && root != NULL && root->kind == CONFIG_NODE_MAP && root->count == 2);
    const struct config_node *a = config_node_member(root, SLICE("a"));
    const struct config_node *b = config_node_member(root, SLICE("b"));
    CHECK(a->kind == CONFIG_NODE_LIST && a->count == 2 && a->line == 1 && a->column == 4);
    CHECK(a->first->is_plain && !a->first->next->is_plain);
    CHECK(b->key_line == 2 && b->key_column == 1 && b->line == 3 && b->column == 3);
    CHECK(slice_eq(config_node_member(b, SLICE("c"))->text, SLICE("\xC3\xA9")));
    CHECK(config_node_member(b, SLICE("d"))->kind == CONFIG_NODE_NULL);
    CHECK(config_node_member(b, SLICE("e"))->kind == CONFIG_NODE_NULL);
    CHECK(config_node_member(b, SLICE("f"))->kind == CONFIG_NODE_TEXT);
    CHECK(config_node_member(b, SLICE("g")) == NULL);
    arena_release(&arena);
}

/* count times before, then after: texts at a bound and one past it. */
static enum status parse_repeated(struct arena *arena, const char *before, size_t count,
                                  const char *after, struct config_report *report)
{
    struct buf buf;
    struct config_node *root;
    buf_init(&buf, (size_t)1 << 20, NULL);
    for (size_t i = 0; i < count; i++) {
        buf_append(&buf, slice_view_cstr(before));
    }
    buf_append(&buf, slice_view_cstr(after));
    enum status status = config_tree_parse(SLICE("f"), buf_view(&buf), arena, report, &root);
    buf_release(&buf);
    return status;
}

TEST(config_tree_at_its_bounds)
{
    static const struct {
        const char *name, *before;
        size_t count;
        const char *after, *code;
    } rows[] = {
        {"deepest", "- ", CONFIG_DEPTH_MAX, "a", NULL},
        {"too deep", "- ", CONFIG_DEPTH_MAX + 1, "a", "config.too_deep"},
        {"far too deep", "[", 100000, "", "config.too_deep"},
        {"longest list", "- a\n", CONFIG_MEMBERS_MAX, "", NULL},
        {"list too long", "- a\n", CONFIG_MEMBERS_MAX + 1, "", "config.too_large"},
        {"too many nodes", "- [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a]\n", 1000, "",
         "config.too_large"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct config_report report = {0};
        arena_init(&arena, ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].name, parse_repeated(&arena, rows[i].before, rows[i].count, rows[i].after,
                                               &report) == STATUS_OK);
        CHECK_ROW(rows[i].name, report.count == (rows[i].code != NULL));
        if (report.count > 0) {
            CHECK_ROW(rows[i].name, str_eq(report.problems[0].code, rows[i].code));
        }
        arena_release(&arena);
    }
}

TEST(config_report_is_bounded_sorted_and_printable)
{
    struct arena arena;
    struct config_report report = {0};
    arena_init(&arena, ARENA_BYTES, NULL);
    for (uint32_t i = 0; i < CONFIG_PROBLEMS_MAX + 1; i++) {
        struct config_problem problem = {
            .file = SLICE("f"),
            .line = 1000 - i,
            .column = 1,
            .code = "config.value",
            .message = SLICE("a\nforged line"),
        };
        config_report_add(&report, &arena, &problem);
    }
    config_report_sort(&report);
    CHECK(report.count == CONFIG_PROBLEMS_MAX && report.is_cut && !report.failed);
    CHECK(report.problems[0].line < report.problems[1].line);
    CHECK(slice_eq(report.problems[0].message, SLICE("a?forged line")));
    arena_release(&arena);
}
