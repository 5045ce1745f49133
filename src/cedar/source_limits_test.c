/* What is read at once: at the bound, and one past it. */
#include "cedar/cedar.h"

#include "support/check.h"

#include <string.h>

#define ARENA_BYTES ((size_t)256 << 20)
#define POLICY "permit(principal,action,resource);"

static struct cedar_diagnostics diagnostics;

TEST(policies_of_one_set_are_bounded)
{
    struct buf text;
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    for (size_t i = 0; i < CEDAR_POLICIES_MAX; i++) {
        buf_append(&text, SLICE(POLICY));
    }
    for (size_t over = 0; over < 2; over++) {
        struct cedar_policy_set *set = NULL;
        const struct cedar_source source = {SLICE("many"), buf_view(&text)};
        enum status status = cedar_policy_set_parse(&source, 1, false, &set, &diagnostics);
        CHECK(status == (over == 0 ? STATUS_OK : STATUS_LIMIT));
        CHECK(over == 1 || cedar_policy_count(set) == CEDAR_POLICIES_MAX);
        cedar_policy_set_free(set);
        buf_append(&text, SLICE(POLICY));
    }
    buf_release(&text);
}

static enum status read_policies(const struct cedar_source *source)
{
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse(source, 1, false, &set, &diagnostics);
    cedar_policy_set_free(set);
    return status;
}

static enum status read_json(const struct cedar_source *source)
{
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse_json(source, CEDAR_JSON_SET, &set, &diagnostics);
    cedar_policy_set_free(set);
    return status;
}

static enum status read_expression(const struct cedar_source *source)
{
    const struct cedar_expression *expression = NULL;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = cedar_expression_parse(source, &arena, &expression, &diagnostics);
    arena_release(&arena);
    return status;
}

static enum status read_schema(const struct cedar_source *source)
{
    const struct cedar_schema_source text = {.source = *source};
    struct cedar_schema *schema = NULL;
    enum status status = cedar_schema_parse(&text, 1, &schema, &diagnostics, NULL);
    cedar_schema_free(schema);
    return status;
}

TEST(sources_are_bounded)
{
    static const struct {
        const char *text;
        enum status (*read)(const struct cedar_source *source);
    } rows[] = {
        {POLICY, read_policies},
        {"{\"staticPolicies\":{},\"templates\":{},\"templateLinks\":[]}", read_json},
        {"1", read_expression},
        {"entity User;", read_schema},
    };
    static uint8_t spaces[CEDAR_SOURCE_BYTES_MAX + 1];
    memset(spaces, ' ', sizeof(spaces));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf text;
        buf_init(&text, sizeof(spaces), NULL);
        buf_append(&text, slice_view_cstr(rows[i].text));
        size_t room = CEDAR_SOURCE_BYTES_MAX + 1 - text.len;
        buf_append(&text, slice_of(spaces, room));
        struct cedar_source source = {SLICE("long"),
                                      slice_sub(buf_view(&text), 0, CEDAR_SOURCE_BYTES_MAX)};
        CHECK_ROW(rows[i].text, rows[i].read(&source) == STATUS_OK);
        source.text = buf_view(&text);
        CHECK_ROW(rows[i].text, rows[i].read(&source) == STATUS_INVALID);
        buf_release(&text);
    }
}

/* count times before, the innermost, count times after. */
static void nest(struct buf *out, const char *before, const char *inner, const char *after,
                 size_t count)
{
    buf_clear(out);
    for (size_t i = 0; i < 2 * count + 1; i++) {
        buf_append(out, slice_view_cstr(i < count ? before : i == count ? inner : after));
    }
}

TEST(expressions_are_so_deep)
{
    static const struct {
        const char *name, *before, *inner, *after;
        size_t most;
    } rows[] = {
        {"lists", "[", "1", "]", CEDAR_DEPTH_MAX - 1},
        {"records", "{a:", "1", "}", CEDAR_DEPTH_MAX - 1},
        {"parentheses", "(", "1", ")", CEDAR_DEPTH_MAX - 1},
        {"conditions", "if true then ", "1", " else 1", CEDAR_DEPTH_MAX - 1},
        {"sums", "", "1", " + 1", CEDAR_DEPTH_MAX - 1},
        {"members", "", "context", ".a", CEDAR_DEPTH_MAX - 1},
    };
    struct buf text;
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_source source = {.name = SLICE("deep")};
        nest(&text, rows[i].before, rows[i].inner, rows[i].after, rows[i].most);
        source.text = buf_view(&text);
        CHECK_ROW(rows[i].name, read_expression(&source) == STATUS_OK);
        nest(&text, rows[i].before, rows[i].inner, rows[i].after, rows[i].most + 1);
        source.text = buf_view(&text);
        CHECK_ROW(rows[i].name, read_expression(&source) == STATUS_INVALID);
    }
    buf_release(&text);
}

/* As attributes of an entity, which is a level itself. */
TEST(types_of_schemas_are_so_deep)
{
    static const struct {
        const char *name, *before, *after;
    } rows[] = {{"sets", "Set<", ">"}, {"records", "{a: ", "}"}};
    struct buf types, text;
    buf_init(&types, CEDAR_SOURCE_BYTES_MAX, NULL);
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const char *name = rows[i / 2].name;
        nest(&types, rows[i / 2].before, "Long", rows[i / 2].after, CEDAR_DEPTH_MAX - 2 + i % 2);
        buf_clear(&text);
        buf_append(&text, SLICE("entity User {deep: "));
        buf_append(&text, buf_view(&types));
        buf_append(&text, SLICE("};"));
        const struct cedar_source source = {SLICE("deep"), buf_view(&text)};
        CHECK_ROW(name, read_schema(&source) == (i % 2 == 0 ? STATUS_OK : STATUS_INVALID));
    }
    buf_release(&types);
    buf_release(&text);
}

static void name_type(struct buf *out, size_t number)
{
    buf_append(out, SLICE("type T"));
    buf_append_u64(out, number);
    if (number == 0) {
        buf_append(out, SLICE(" = Long;"));
        return;
    }
    buf_append(out, SLICE(" = Set<T"));
    buf_append_u64(out, number - 1);
    buf_append(out, SLICE(">;"));
}

/* By their names, which are levels, too: whichever comes first. */
TEST(types_of_schemas_are_so_deep_by_name)
{
    struct buf text;
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    for (size_t i = 0; i < 4; i++) {
        size_t count = (CEDAR_DEPTH_MAX + 1) / 2 + i / 2;
        buf_clear(&text);
        for (size_t k = 0; k < count; k++) {
            name_type(&text, i % 2 == 0 ? k : count - 1 - k);
        }
        const struct cedar_source source = {SLICE("deep"), buf_view(&text)};
        CHECK(read_schema(&source) == (i < 2 ? STATUS_OK : STATUS_INVALID));
    }
    buf_release(&text);
}
