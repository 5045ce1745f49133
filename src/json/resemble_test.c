#include "support/check.h"
#include "json/resemble.h"

#define TEST_ARENA_BYTES ((size_t)1 << 20)

/* The value of the text [A,B], whose elements are compared both ways. */
static bool both_resemble(const char *text, struct arena *arena)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {1};
    struct json_parser parser;
    struct json_tape tape;
    json_parser_init(&parser, &LIMITS, SEED);
    CHECK(json_parse(&parser, slice_view_cstr(text), arena, &tape, NULL) == STATUS_OK);
    bool forth = json_string_resembles(&tape, 1, &tape, 2);
    CHECK(json_string_resembles(&tape, 2, &tape, 1) == forth);
    return forth;
}

TEST(json_string_resembles_what_folds_to_it)
{
    static const struct {
        const char *text;
        bool resembles;
    } rows[] = {
        {"[\"path\",\"path\"]", true},
        {"[\"path\",\"Path\"]", true},
        {"[\"path\",\"PATH\"]", true},
        {"[\"path\",\"\\u0050ath\"]", true},
        {"[\"path\",\"\\u0000path\"]", true},
        {"[\"path\",\"pa\\u001fth\"]", true},
        {"[\"path\",\"\x7Fpath\"]", true},
        {"[\"path\",\"path\x7F\"]", true},
        {"[\"\",\"\x7F\"]", true},
        {"[\"\",\"\"]", true},
        {"[\"size\",\"\xC5\xBFize\"]", true},
        {"[\"size\",\"\\u017Fize\"]", true},
        {"[\"key\",\"\xE2\x84\xAA"
         "ey\"]",
         true},
        {"[\"inputRequests\",\"inputRequest\xC5\xBF\"]", true},
        {"[\"inputRequests\",\"input\\u0052equests\"]", true},
        {"[\"path\",\"bath\"]", false},
        {"[\"path\",\"paTs\"]", false},
        {"[\"pa@h\",\"pa`h\"]", false},
        {"[\"path\",\"0ath\"]", false},
        {"[\"path\",\"paths\"]", false},
        {"[\"path\",\"pat\"]", false},
        {"[\"path\",\"\"]", false},
        {"[\"path\",\" path\"]", false},
        {"[\"@a\",\"`a\"]", false},
        {"[\"[a\",\"{a\"]", false},
        {"[\"size\",\"\xC5\x9Fize\"]", false},
        {"[\"path\",\"\\\\path\"]", false},
        {"[\"path\",1]", false},
        {"[null,null]", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        CHECK_ROW(rows[i].text, both_resemble(rows[i].text, &arena) == rows[i].resembles);
        arena_release(&arena);
    }
}

TEST(json_string_resembles_name_of_any_spelling)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {1};
    struct json_parser parser;
    struct json_tape tape;
    struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    json_parser_init(&parser, &LIMITS, SEED);
    struct slice text =
        SLICE("[\"Resulttype\",\"\\u0072ESULTTYPE\",\"resultTypes\",\"esultType\",7]");
    CHECK(json_parse(&parser, text, &arena, &tape, NULL) == STATUS_OK);
    CHECK(json_string_resembles_name(&tape, 1, SLICE("resultType")));
    CHECK(json_string_resembles_name(&tape, 2, SLICE("resultType")));
    CHECK(!json_string_resembles_name(&tape, 3, SLICE("resultType")));
    CHECK(!json_string_resembles_name(&tape, 4, SLICE("resultType")));
    CHECK(!json_string_resembles_name(&tape, 5, SLICE("resultType")));
    arena_release(&arena);
}
