#include "core/gateway/tool_index.h"
#include "support/check.h"

static struct json_parser parser_of_test(void)
{
    static const uint8_t SEED[16] = {7};
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    struct json_parser parser;
    json_parser_init(&parser, &LIMITS, SEED);
    return parser;
}

static struct tool_page page_of(struct slice json, struct arena *arena, struct tool_page *next)
{
    struct json_parser parser = parser_of_test();
    struct tool_page page = {.next = next};
    CHECK(json_parse(&parser, json, arena, &page.tape, NULL) == STATUS_OK);
    return page;
}

static struct slice found(const struct tool_index *index, struct slice name, bool *is_ambiguous)
{
    struct json_place place = tool_index_find(index, name, is_ambiguous);
    return place.ref == JSON_NONE
               ? SLICE_EMPTY
               : json_raw(place.tape, json_member(place.tape, place.ref, SLICE("n")));
}

TEST(tool_index_finds_what_is_listed_once)
{
    struct arena arena;
    struct tool_index index;
    bool is_ambiguous = true;
    arena_init(&arena, 1 << 16, NULL);
    struct tool_page second = page_of(SLICE("[{\"name\":\"b\",\"n\":4},{\"name\":\"esc\\u0061ped\","
                                            "\"n\":5},{\"name\":\"\",\"n\":6}]"),
                                      &arena, NULL);
    struct tool_page first =
        page_of(SLICE("[{\"name\":\"c\",\"n\":1},{\"name\":\"b\",\"n\":2},"
                      "{\"n\":7},{\"name\":8,\"n\":8},{\"name\":\"a\",\"n\":3}]"),
                &arena, &second);
    CHECK(tool_index_build(&first, &arena, &index) == STATUS_OK);
    CHECK(index.count == 6);
    CHECK(slice_eq(found(&index, SLICE("a"), &is_ambiguous), SLICE("3")) && !is_ambiguous);
    CHECK(slice_eq(found(&index, SLICE("c"), &is_ambiguous), SLICE("1")) && !is_ambiguous);
    CHECK(slice_eq(found(&index, SLICE("escaped"), &is_ambiguous), SLICE("5")) && !is_ambiguous);
    CHECK(slice_eq(found(&index, SLICE_EMPTY, &is_ambiguous), SLICE("6")) && !is_ambiguous);
    CHECK(found(&index, SLICE("b"), &is_ambiguous).len == 0 && is_ambiguous);
    CHECK(found(&index, SLICE("d"), &is_ambiguous).len == 0 && !is_ambiguous);
    CHECK(found(&index, SLICE("A"), &is_ambiguous).len == 0 && !is_ambiguous);
    CHECK(found(&index, SLICE("0"), &is_ambiguous).len == 0 && !is_ambiguous);
    arena_release(&arena);
}

TEST(tool_index_of_nothing_finds_nothing)
{
    struct arena arena;
    struct tool_index index = {0};
    bool is_ambiguous = true;
    arena_init(&arena, 1 << 12, NULL);
    CHECK(found(&index, SLICE("a"), &is_ambiguous).len == 0 && !is_ambiguous);
    CHECK(tool_index_build(NULL, &arena, &index) == STATUS_OK);
    CHECK(found(&index, SLICE("a"), &is_ambiguous).len == 0 && !is_ambiguous);
    arena_release(&arena);
}

TEST(tool_index_needs_its_memory)
{
    struct arena room;
    struct arena tight;
    struct tool_index index;
    arena_init(&room, 1 << 16, NULL);
    arena_init(&tight, 64, NULL);
    struct tool_page page =
        page_of(SLICE("[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]"), &room, NULL);
    CHECK(tool_index_build(&page, &tight, &index) == STATUS_LIMIT);
    arena_release(&tight);
    arena_release(&room);
}
