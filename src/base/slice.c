#include "base/slice.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static uint8_t ascii_lower(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

struct slice slice_view_cstr(const char *text)
{
    return text == NULL ? SLICE_EMPTY : slice_of(text, strlen(text));
}

static bool same_eight(const uint8_t *a, const uint8_t *b)
{
    uint64_t x = 0;
    uint64_t y = 0;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return x == y;
}

static bool same_four(const uint8_t *a, const uint8_t *b)
{
    uint32_t x = 0;
    uint32_t y = 0;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    return x == y;
}

/* Names and ids are short: two reads that may overlap cost less than a call of memcmp. */
bool slice_eq(struct slice a, struct slice b)
{
    size_t len = a.len;
    if (len != b.len) {
        return false;
    }
    if (len > 16) {
        return memcmp(a.ptr, b.ptr, len) == 0;
    }
    if (len >= 8) {
        return same_eight(a.ptr, b.ptr) && same_eight(a.ptr + len - 8, b.ptr + len - 8);
    }
    if (len >= 4) {
        return same_four(a.ptr, b.ptr) && same_four(a.ptr + len - 4, b.ptr + len - 4);
    }
    return len == 0 || (a.ptr[0] == b.ptr[0] && a.ptr[len / 2] == b.ptr[len / 2] &&
                        a.ptr[len - 1] == b.ptr[len - 1]);
}

bool slice_eq_ascii_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts_with(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len && slice_eq(slice_sub(text, 0, prefix.len), prefix);
}

bool slice_ends_with(struct slice text, struct slice suffix)
{
    return text.len >= suffix.len &&
           slice_eq(slice_sub(text, text.len - suffix.len, text.len), suffix);
}

struct slice slice_sub(struct slice text, size_t from, size_t to)
{
    if (to > text.len) {
        to = text.len;
    }
    if (from >= to) {
        return SLICE_EMPTY;
    }
    return slice_of(text.ptr + from, to - from);
}

size_t slice_find_byte(struct slice text, uint8_t byte)
{
    const uint8_t *hit = text.len == 0 ? NULL : memchr(text.ptr, byte, text.len);
    return hit == NULL ? text.len : (size_t)(hit - text.ptr);
}

struct slice slice_trim_ows(struct slice text)
{
    size_t from = 0;
    size_t to = text.len;
    while (from < to && (text.ptr[from] == ' ' || text.ptr[from] == '\t')) {
        from++;
    }
    while (to > from && (text.ptr[to - 1] == ' ' || text.ptr[to - 1] == '\t')) {
        to--;
    }
    return slice_sub(text, from, to);
}

int slice_compare(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool slice_eq_constant_time(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return false;
    }
    uint8_t difference = 0;
    for (size_t i = 0; i < a.len; i++) {
        difference = (uint8_t)(difference | (a.ptr[i] ^ b.ptr[i]));
    }
    return difference == 0;
}

enum status slice_to_i64(struct slice text, int64_t *out)
{
    size_t i = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    i += negative ? 1 : 0;
    if (i == text.len) {
        return STATUS_INVALID;
    }
    int64_t value = 0;
    bool overflow = false;
    for (; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte < '0' || byte > '9') {
            return STATUS_INVALID;
        }
        /* Counting downwards reaches INT64_MIN, which has no positive twin. */
        overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
                   __builtin_sub_overflow(value, byte - '0', &value);
    }
    if (overflow || (!negative && value == INT64_MIN)) {
        return STATUS_LIMIT;
    }
    *out = negative ? value : -value;
    return STATUS_OK;
}

size_t slice_skip_plain(struct slice text, size_t at)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    const __m128i del = _mm_set1_epi8(0x7F);
    while (text.len - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + at));
        __m128i is_sign =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        /* Signed "less than space" is true for control characters and for every byte >= 0x80. */
        __m128i is_odd = _mm_or_si128(_mm_cmplt_epi8(bytes, space), _mm_cmpeq_epi8(bytes, del));
        int mask = _mm_movemask_epi8(_mm_or_si128(is_sign, is_odd));
        if (mask != 0) {
            return at + (size_t)__builtin_ctz((unsigned)mask);
        }
        at += 16;
    }
#endif
    while (at < text.len) {
        uint8_t byte = text.ptr[at];
        if (byte < 0x20 || byte >= 0x7F || byte == '"' || byte == '\\') {
            return at;
        }
        at++;
    }
    return at;
}

/* Length of the UTF-8 sequence at text[i], or 0 when it is not well-formed (Unicode, table 3-7). */
static size_t utf8_sequence_len(struct slice text, size_t i)
{
    uint8_t lead = text.ptr[i];
    if (lead < 0x80) {
        return 1;
    }
    size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.len - i < len) {
        return 0;
    }
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (text.ptr[i + 1] < low || text.ptr[i + 1] > high) {
        return 0;
    }
    for (size_t k = 2; k < len; k++) {
        if ((text.ptr[i + k] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool slice_is_utf8(struct slice text)
{
    size_t i = 0;
    while (i < text.len) {
        size_t len = utf8_sequence_len(text, i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}
