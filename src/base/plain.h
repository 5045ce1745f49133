/* plain.h: where plain characters end, as slice_skip_plain says, for loops that cannot afford a
 * call: most texts are short. */
#ifndef AEGIS_BASE_PLAIN_H
#define AEGIS_BASE_PLAIN_H

#include "base/slice.h"

#if defined(__SSE2__)
#include <emmintrin.h>

/* A bit for each byte that is a control character, DEL, quote, backslash, or past ASCII. */
static inline unsigned plain_odd_bytes(__m128i bytes)
{
    __m128i is_sign = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    /* Counted from the space, control characters come behind '~' like all that are past ASCII. */
    __m128i from_space = _mm_sub_epi8(bytes, _mm_set1_epi8(' '));
    __m128i is_odd =
        _mm_cmpeq_epi8(_mm_max_epu8(from_space, _mm_set1_epi8(0x7F - ' ')), from_space);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(is_sign, is_odd));
}

/* Of the 16 bytes at ptr. */
static inline unsigned plain_odd_bytes_at(const uint8_t *ptr)
{
    return plain_odd_bytes(_mm_loadu_si128((const __m128i *)(const void *)ptr));
}
#endif

/* The first byte of at..end that is no plain character, or end. */
static inline const uint8_t *plain_end(const uint8_t *at, const uint8_t *end)
{
#if defined(__SSE2__)
    for (; end - at >= 16; at += 16) {
        unsigned odd = plain_odd_bytes_at(at);
        if (odd != 0) {
            return at + __builtin_ctz(odd);
        }
    }
#endif
    return at + slice_skip_plain(slice_of(at, (size_t)(end - at)), 0);
}

#endif
