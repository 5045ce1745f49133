/* slice.h: a borrowed run of bytes, passed by value.
 *
 * The one text type of the code base. A slice owns nothing, carries its length and may hold NUL
 * bytes; C strings exist only where an adapter meets libc.
 */
#ifndef AEGIS_BASE_SLICE_H
#define AEGIS_BASE_SLICE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr; /* NULL only when len is 0 */
    size_t len;         /* bytes */
};

/* A slice of a string literal; SLICE_INIT is the form for static initialisers. */
#define SLICE(literal) ((struct slice){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        (const uint8_t *)("" literal), sizeof(literal) - 1                                         \
    }
#define SLICE_EMPTY ((struct slice){0})

/* For printf's "%.*s": precision and pointer, never NULL. Only for text already known to be
 * printable. */
#define SLICE_ARG(s) (int)(s).len, (s).len == 0 ? "" : (const char *)(s).ptr

/* A view of len bytes at ptr. */
static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

/* A view of a NUL-terminated string, without the NUL. NULL gives an empty slice. */
struct slice slice_view_cstr(const char *text);

/* Eight bytes in the machine's order, for comparing and hashing. */
static inline uint64_t bytes_word(const uint8_t *ptr)
{
    uint64_t word;
    memcpy(&word, ptr, sizeof(word));
    return word;
}

/* Four, likewise. */
static inline uint32_t bytes_half(const uint8_t *ptr)
{
    uint32_t half;
    memcpy(&half, ptr, sizeof(half));
    return half;
}

/* Two runs of len bytes. Names and ids are short: a few words, of which the last may overlap, cost
 * less than a call of memcmp. */
bool bytes_eq(const uint8_t *a, const uint8_t *b, size_t len);

/* Here, with the others that follow, because most texts differ in length already. */
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && bytes_eq(a.ptr, b.ptr, b.len);
}

/* Two runs of len bytes, equal after folding A-Z to a-z. */
bool bytes_eq_ascii_nocase(const uint8_t *a, const uint8_t *b, size_t len);

/* Equal after folding A-Z to a-z: for HTTP tokens, never for JSON names. Most texts of one length
 * differ in their first byte, by more than the bit that tells the cases apart. */
static inline bool slice_eq_ascii_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || ((a.ptr[0] ^ b.ptr[0]) & ~0x20) == 0) &&
           bytes_eq_ascii_nocase(a.ptr, b.ptr, b.len);
}

/* Bytes from..to of text; both are clamped, so the result always lies inside text. */
static inline struct slice slice_sub(struct slice text, size_t from, size_t to)
{
    to = to > text.len ? text.len : to;
    return from >= to ? SLICE_EMPTY : slice_of(text.ptr + from, to - from);
}

static inline bool slice_starts_with(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len && slice_eq(slice_sub(text, 0, prefix.len), prefix);
}

bool slice_ends_with(struct slice text, struct slice suffix);

/* Index of the first byte, or text.len when there is none. */
size_t slice_find_byte(struct slice text, uint8_t byte);

/* Without spaces and horizontal tabs on both sides (RFC 9110 OWS). */
struct slice slice_trim_ows(struct slice text);

/* <0, 0, >0 by bytes, then by length. */
int slice_compare(struct slice a, struct slice b);

/* Equal, in a time that depends on the lengths only. For secrets. */
bool slice_eq_constant_time(struct slice a, struct slice b);

/* The whole text as a decimal number: optional '-', then digits, nothing left over.
 * STATUS_INVALID on any other form, STATUS_LIMIT when it does not fit 64 bits. */
NODISCARD enum status slice_to_i64(struct slice text, int64_t *out);

/* Index of the first byte at or after `at` that is no plain character: a control character, DEL,
 * quote, backslash, or past ASCII. text.len when there is none. For writers and readers of JSON. */
size_t slice_skip_plain(struct slice text, size_t at);

/* Index of the first control character (below a space; DEL is none) at or after `at`; text.len when
 * there is none. */
size_t slice_find_control(struct slice text, size_t at);

/* Only visible ASCII, 0x21 to 0x7E? True for an empty text. */
bool slice_is_visible(struct slice text);

/* Only visible ASCII without a colon, which ends the name of a header field? True for an empty
 * text. */
bool slice_is_visible_name(struct slice text);

/* Is there a control character other than a tab? DEL is one here. */
bool slice_has_control(struct slice text);

/* True when the text is well-formed UTF-8 (no overlong forms, surrogates or code points past
 * U+10FFFF). */
bool slice_is_utf8(struct slice text);

#endif
