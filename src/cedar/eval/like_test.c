#include "cedar/eval/like.h"

#include "support/check.h"

#define PARTS_MAX 7
#define TEXT_MAX 9

/* What a pattern means, tried in every way. */
static bool matches_slowly(const struct pattern_part *parts, size_t count, struct slice text)
{
    if (count == 0) {
        return text.len == 0;
    }
    if (!parts[0].is_wildcard) {
        return slice_starts_with(text, parts[0].literal) &&
               matches_slowly(parts + 1, count - 1,
                              slice_sub(text, parts[0].literal.len, text.len));
    }
    for (size_t at = 0; at <= text.len; at++) {
        if (matches_slowly(parts + 1, count - 1, slice_sub(text, at, text.len))) {
            return true;
        }
    }
    return false;
}

static const struct slice LITERALS[] = {SLICE_INIT("a"), SLICE_INIT("b"), SLICE_INIT("ab"),
                                        SLICE_INIT("aab"), SLICE_INIT("\xC3\xA9")};

static size_t random_pattern(struct pattern_part parts[PARTS_MAX])
{
    size_t count = check_random() % (PARTS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct pattern_part){.is_wildcard = check_random() % 2 == 0};
        if (!parts[i].is_wildcard) {
            parts[i].literal = LITERALS[check_random() % COUNT_OF(LITERALS)];
        }
    }
    return count;
}

TEST(like_agrees_with_its_meaning)
{
    size_t matches = 0;
    for (int run = 0; run < 200000; run++) {
        struct pattern_part parts[PARTS_MAX];
        char bytes[TEXT_MAX + 1];
        size_t count = random_pattern(parts);
        size_t len = check_random() % (TEXT_MAX + 1);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = "aab\xC3\xA9"[check_random() % 5];
        }
        bytes[len] = '\0';
        struct slice text = slice_of(bytes, len);
        bool is_match = like_matches(parts, count, text);
        CHECK_ROW(bytes, is_match == matches_slowly(parts, count, text));
        matches += is_match;
    }
    CHECK(matches > 1000);
}
