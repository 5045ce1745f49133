#include "base/slice.h"

#include "base/plain.h"

#include <string.h>

#define SHORT_BYTES_MAX 64 /* what is longer is worth a call of memcmp */
#define DIGITS_SAFE 18     /* a number that is not longer fits 64 bits */

/* Eight bytes each, that differ by the case of letters at most. */
static bool is_same_word(uint64_t a, uint64_t b)
{
    const uint64_t each = 0x0101010101010101;
    uint64_t differing = a ^ b;
    if (differing == 0) {
        return true;
    }
    uint64_t lower = (a | 0x20 * each) & 0x7F * each;
    /* The top bit of a byte says: at least 'a'; more than 'z'. */
    uint64_t from_a = lower + (0x80 - 'a') * each;
    uint64_t past_z = lower + (0x7F - 'z') * each;
    uint64_t is_letter = (from_a ^ past_z) & ~a & 0x80 * each;
    return (differing & ~(is_letter >> 2)) == 0;
}

struct slice slice_view_cstr(const char *text)
{
    return text == NULL ? SLICE_EMPTY : slice_of(text, strlen(text));
}

bool bytes_eq(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len > SHORT_BYTES_MAX) {
        return memcmp(a, b, len) == 0;
    }
    if (len >= 8) {
        for (size_t at = 0; len - at > 8; at += 8) {
            if (bytes_word(a + at) != bytes_word(b + at)) {
                return false;
            }
        }
        return bytes_word(a + len - 8) == bytes_word(b + len - 8);
    }
    if (len >= 4) {
        return bytes_half(a) == bytes_half(b) && bytes_half(a + len - 4) == bytes_half(b + len - 4);
    }
    return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

bool bytes_eq_ascii_nocase(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len < sizeof(uint64_t)) {
        uint64_t left = 0;
        uint64_t right = 0;
        for (size_t i = 0; i < len; i++) {
            left = left << 8 | a[i];
            right = right << 8 | b[i];
        }
        return is_same_word(left, right);
    }
    for (size_t at = 0; len - at > sizeof(uint64_t); at += sizeof(uint64_t)) {
        if (!is_same_word(bytes_word(a + at), bytes_word(b + at))) {
            return false;
        }
    }
    size_t last = len - sizeof(uint64_t);
    return is_same_word(bytes_word(a + last), bytes_word(b + last));
}

bool slice_ends_with(struct slice text, struct slice suffix)
{
    return text.len >= suffix.len &&
           slice_eq(slice_sub(text, text.len - suffix.len, text.len), suffix);
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
    bool may_overflow = text.len > DIGITS_SAFE;
    for (; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte < '0' || byte > '9') {
            return STATUS_INVALID;
        }
        if (!may_overflow) {
            value = value * 10 - (byte - '0');
            continue;
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

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

#if defined(__SSE2__)
/* The first odd byte, when `half` bytes at `at` and the last `half` ones, which may overlap, were
 * looked at. */
static size_t odd_of_two(struct slice text, size_t at, size_t half, unsigned odd)
{
    unsigned odd_first = odd & ((1U << half) - 1);
    if (odd == 0) {
        return text.len;
    }
    return odd_first != 0 ? at + (size_t)__builtin_ctz(odd_first)
                          : text.len - half + (size_t)__builtin_ctz(odd >> half);
}

/* Fewer than 16 bytes are left at `at`: what lies before them is loaded with them where there is
 * enough of it. */
static size_t skip_plain_end(struct slice text, size_t at)
{
    size_t left = text.len - at;
    if (text.len >= 16) {
        unsigned odd = plain_odd_bytes_at(text.ptr + text.len - 16) >> (16 - left);
        return odd == 0 ? text.len : at + (size_t)__builtin_ctz(odd);
    }
    if (left >= 8) {
        uint64_t first = bytes_word(text.ptr + at);
        uint64_t last = bytes_word(text.ptr + text.len - 8);
        __m128i both = _mm_set_epi64x((long long)last, (long long)first);
        return odd_of_two(text, at, 8, plain_odd_bytes(both));
    }
    if (left >= 4) {
        uint64_t both = bytes_half(text.ptr + at) | (uint64_t)bytes_half(text.ptr + text.len - 4)
                                                        << 32;
        return odd_of_two(text, at, 4, plain_odd_bytes(_mm_cvtsi64_si128((long long)both)) & 0xFF);
    }
    while (at < text.len && is_plain(text.ptr[at])) {
        at++;
    }
    return at;
}

size_t slice_skip_plain(struct slice text, size_t at)
{
    for (; text.len - at >= 16; at += 16) {
        unsigned odd = plain_odd_bytes_at(text.ptr + at);
        if (odd != 0) {
            return at + (size_t)__builtin_ctz(odd);
        }
    }
    return at == text.len ? at : skip_plain_end(text, at);
}
#else
size_t slice_skip_plain(struct slice text, size_t at)
{
    while (at < text.len && is_plain(text.ptr[at])) {
        at++;
    }
    return at;
}
#endif

size_t slice_find_control(struct slice text, size_t at)
{
#if defined(__SSE2__)
    const __m128i last = _mm_set1_epi8(0x1F);
    for (; text.len - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + at));
        int found = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, last), bytes));
        if (found != 0) {
            return at + (size_t)__builtin_ctz((unsigned)found);
        }
    }
#endif
    while (at < text.len && text.ptr[at] >= 0x20) {
        at++;
    }
    return at;
}

/* -- kinds of bytes, 16 at a time ---------------------------------------------------------- */

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef int8_t flags16 __attribute__((vector_size(16))); /* -1: true of that byte */

static bytes16 load16(const uint8_t *ptr)
{
    bytes16 bytes;
    memcpy(&bytes, ptr, sizeof(bytes));
    return bytes;
}

/* 1 to 15 bytes, some of them several times. */
static bytes16 load_few(const uint8_t *ptr, size_t len)
{
    uint64_t words[2];
    if (len >= 8) {
        words[0] = bytes_word(ptr);
        words[1] = bytes_word(ptr + len - 8);
    } else if (len >= 4) {
        words[0] = words[1] = bytes_half(ptr) | (uint64_t)bytes_half(ptr + len - 4) << 32;
    } else {
        uint64_t four = ptr[0] | (uint64_t)ptr[len / 2] << 8 | (uint64_t)ptr[len - 1] << 16 |
                        (uint64_t)ptr[0] << 24;
        words[0] = words[1] = four << 32 | four;
    }
    bytes16 bytes;
    memcpy(&bytes, words, sizeof(bytes));
    return bytes;
}

/* Of which some byte the kind is true. Looks at all of them whatever it finds. */
static inline bool has_kind(struct slice text, flags16 (*is_kind)(bytes16 bytes))
{
    flags16 found = {0};
    uint64_t halves[2];
    if (text.len >= 16) {
        for (size_t at = 0; text.len - at > 16; at += 16) {
            found |= is_kind(load16(text.ptr + at));
        }
        found |= is_kind(load16(text.ptr + text.len - 16));
    } else if (text.len > 0) {
        found = is_kind(load_few(text.ptr, text.len));
    }
    memcpy(halves, &found, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

static inline flags16 is_not_visible(bytes16 bytes)
{
    return (flags16)((bytes <= 0x20) | (bytes >= 0x7F));
}

bool slice_is_visible(struct slice text)
{
    return !has_kind(text, is_not_visible);
}

static inline flags16 ends_name(bytes16 bytes)
{
    return is_not_visible(bytes) | (flags16)(bytes == ':');
}

bool slice_is_visible_name(struct slice text)
{
    return !has_kind(text, ends_name);
}

static inline flags16 is_control(bytes16 bytes)
{
    return (flags16)(((bytes < 0x20) & (bytes != '\t')) | (bytes == 0x7F));
}

bool slice_has_control(struct slice text)
{
    return has_kind(text, is_control);
}

/* -- UTF-8 ---------------------------------------------------------------------------------- */

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
