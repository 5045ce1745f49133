#include "cedar/schema/characters.h"

#include "base/utf8.h"
#include "cedar/schema/character_table.h"

/* The explicit formatting characters of the bidirectional algorithm (UAX #9, section 2). */
static bool turns_direction(uint32_t character)
{
    return (character >= 0x202A && character <= 0x202E) ||
           (character >= 0x2066 && character <= 0x2069);
}

static bool is_allowed(uint32_t character)
{
    size_t low = 0;
    size_t high = ALLOWED_RANGE_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ALLOWED_RANGES[middle].last < character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ALLOWED_RANGE_COUNT && ALLOWED_RANGES[low].first <= character;
}

/* NULL: of no script, as is what Unicode has not assigned and what is for private use. */
static const struct script_set *scripts_of(uint32_t character)
{
    size_t low = 0;
    size_t high = SCRIPT_RANGE_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (SCRIPT_RANGES[middle].range.last < character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_known = low < SCRIPT_RANGE_COUNT && SCRIPT_RANGES[low].range.first <= character;
    return is_known ? &SCRIPT_SETS[SCRIPT_RANGES[low].set] : NULL;
}

static void read_character(struct characters *characters, uint32_t character)
{
    bool is_printable_ascii = character >= ' ' && character <= '~';
    const struct script_set *scripts = scripts_of(character);
    if (characters->turns == 0 && turns_direction(character)) {
        characters->turns = character;
    }
    if (!characters->has_unusual && !is_printable_ascii && !is_allowed(character)) {
        characters->has_unusual = true;
        characters->unusual = character;
    }
    for (size_t i = 0; i < SCRIPT_SET_WORDS; i++) {
        characters->excluded[i] |= scripts == NULL ? UINT64_MAX : ~scripts->words[i];
    }
}

void characters_read(struct characters *characters, struct slice text)
{
    uint32_t character = 0;
    for (size_t at = 0; at < text.len;) {
        at += utf8_decode(slice_sub(text, at, text.len), &character);
        read_character(characters, character);
    }
}

bool characters_are_mixed(const struct characters *characters)
{
    uint64_t all = UINT64_MAX;
    for (size_t i = 0; i < SCRIPT_SET_WORDS; i++) {
        all &= characters->excluded[i];
    }
    return all == UINT64_MAX;
}
