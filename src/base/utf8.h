/* utf8.h: characters and their bytes. Whether a text is well-formed asks slice_is_utf8, at the
 * edge. */
#ifndef AEGIS_BASE_UTF8_H
#define AEGIS_BASE_UTF8_H

#include "base/slice.h"

#define UTF8_BYTES_MAX 4

/* The character at the start of text, which is well-formed and not empty. Returns its bytes, never
 * more than there are. */
size_t utf8_decode(struct slice text, uint32_t *code);

/* The bytes of a code point up to U+10FFFF; returns how many. */
size_t utf8_encode(uint32_t code, uint8_t out[UTF8_BYTES_MAX]);

#endif
