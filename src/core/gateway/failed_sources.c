#include "core/gateway/failed_sources.h"

#include <assert.h>
#include <string.h>

#define WAYS 8
#define GROUPS 8

/* -- addresses ----------------------------------------------------------------------------- */

static bool read_v4(struct slice text, uint8_t out[4])
{
    for (size_t i = 0; i < 4; i++) {
        int64_t number = 0;
        size_t end = slice_find_byte(text, '.');
        struct slice part = slice_sub(text, 0, end);
        if ((end == text.len) != (i == 3) || part.len > 3 ||
            slice_to_i64(part, &number) != STATUS_OK || number < 0 || number > 255) {
            return false;
        }
        out[i] = (uint8_t)number;
        text = slice_sub(text, end + 1, text.len);
    }
    return true;
}

static bool read_group(struct slice text, uint16_t *out)
{
    unsigned value = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        uint8_t lower = byte | 0x20;
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_digit && (lower < 'a' || lower > 'f')) {
            return false;
        }
        value = value * 16 + (is_digit ? byte - (unsigned)'0' : lower - (unsigned)'a' + 10);
    }
    *out = (uint16_t)value;
    return text.len > 0 && text.len <= 4;
}

/* RFC 4291 §2.2 as the transport writes it; -1 for what is none. gap: where "::" stood. */
static int read_groups(struct slice text, uint16_t groups[GROUPS], int *gap)
{
    int count = 0;
    *gap = -1;
    while (text.len > 0 && count < GROUPS) {
        size_t end = slice_find_byte(text, ':');
        uint8_t v4[4];
        if (slice_starts_with(text, SLICE("::"))) {
            if (*gap >= 0) {
                return -1;
            }
            *gap = count;
            text = slice_sub(text, 2, text.len);
            continue;
        }
        if (end == text.len && count < GROUPS - 1 && read_v4(text, v4)) {
            groups[count++] = (uint16_t)(v4[0] << 8 | v4[1]);
            groups[count++] = (uint16_t)(v4[2] << 8 | v4[3]);
            return count;
        }
        if (!read_group(slice_sub(text, 0, end), &groups[count++])) {
            return -1;
        }
        bool has_gap = slice_starts_with(slice_sub(text, end, text.len), SLICE("::"));
        text = slice_sub(text, has_gap ? end : end + 1, text.len);
    }
    return text.len == 0 ? count : -1;
}

static bool read_v6(struct slice text, struct failed_source *out)
{
    uint16_t read[GROUPS] = {0}, whole[GROUPS] = {0};
    int gap = -1;
    int count = read_groups(text, read, &gap);
    if (count < 0 || (gap < 0) != (count == GROUPS)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        whole[gap >= 0 && i >= gap ? GROUPS - count + i : i] = read[i];
    }
    bool is_mapped = whole[5] == 0xFFFF;
    for (int i = 0; i < 5; i++) {
        is_mapped = is_mapped && whole[i] == 0;
    }
    out->is_v6 = !is_mapped;
    for (int i = 0; i < (is_mapped ? 2 : 4); i++) {
        uint16_t group = whole[is_mapped ? 6 + i : i];
        out->address[2 * i] = (uint8_t)(group >> 8);
        out->address[2 * i + 1] = (uint8_t)group;
    }
    return true;
}

bool failed_source_read(struct slice peer_ip, struct failed_source *out)
{
    *out = (struct failed_source){0};
    /* A link-local address names its interface. */
    struct slice text = slice_sub(peer_ip, 0, slice_find_byte(peer_ip, '%'));
    return slice_find_byte(text, ':') < text.len ? read_v6(text, out) : read_v4(text, out->address);
}

/* -- budgets ------------------------------------------------------------------------------- */

static const struct failed_source *set_of(const struct failed_sources *sources,
                                          const struct failed_source *source)
{
    uint32_t hash = source->is_v6 ? 1 : 0;
    for (size_t i = 0; i < FAILED_SOURCE_BYTES; i++) {
        hash = (hash ^ source->address[i]) * 0x01000193U;
        hash ^= hash >> 15;
    }
    return &sources->sources[hash % (FAILED_SOURCES_MAX / WAYS) * WAYS];
}

static bool is_same(const struct failed_source *a, const struct failed_source *b)
{
    return a->is_v6 == b->is_v6 && memcmp(a->address, b->address, FAILED_SOURCE_BYTES) == 0;
}

static int64_t cost_ms(const struct failure_rate *rate)
{
    assert(rate->failures >= 1 && rate->per_minute >= 1 && rate->per_minute <= 60000);
    return 60000 / rate->per_minute;
}

int64_t failed_sources_over_until_ms(const struct failed_sources *sources,
                                     const struct failure_rate *rate)
{
    return sources->spent_until_ms - (rate->failures - 1) * cost_ms(rate);
}

bool failed_sources_is_over(const struct failed_sources *sources, const struct failure_rate *rate,
                            struct slice peer_ip, int64_t now_ms)
{
    struct failed_source source;
    int64_t most_ms = now_ms + (rate->failures - 1) * cost_ms(rate);
    if (failed_sources_over_until_ms(sources, rate) <= now_ms ||
        !failed_source_read(peer_ip, &source)) {
        return false;
    }
    const struct failed_source *set = set_of(sources, &source);
    for (size_t i = 0; i < WAYS; i++) {
        if (is_same(&set[i], &source)) {
            return set[i].spent_until_ms > most_ms;
        }
    }
    return false;
}

void failed_sources_add(struct failed_sources *sources, const struct failure_rate *rate,
                        struct slice peer_ip, int64_t now_ms)
{
    struct failed_source source;
    if (!failed_source_read(peer_ip, &source)) {
        return;
    }
    struct failed_source *set = &sources->sources[set_of(sources, &source) - sources->sources];
    struct failed_source *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (is_same(&set[i], &source)) {
            place = &set[i];
            break;
        }
        place = set[i].spent_until_ms < place->spent_until_ms ? &set[i] : place;
    }
    if (!is_same(place, &source)) {
        *place = source;
    }
    int64_t from_ms = place->spent_until_ms > now_ms ? place->spent_until_ms : now_ms;
    int64_t most_ms = now_ms + rate->failures * cost_ms(rate);
    place->spent_until_ms = from_ms + cost_ms(rate) < most_ms ? from_ms + cost_ms(rate) : most_ms;
    if (place->spent_until_ms > sources->spent_until_ms) {
        sources->spent_until_ms = place->spent_until_ms;
    }
}
