/* base64.h: RFC 4648, canonical forms only.
 *
 * Two texts never stand for the same bytes here: padding is exactly as the form says and unused
 * bits are zero, so nobody can vary a token or a header field without changing its meaning. */
#ifndef AEGIS_BASE_BASE64_H
#define AEGIS_BASE_BASE64_H

#include "base/buf.h"

enum base64_form {
    BASE64_STANDARD,     /* '+' '/', padded */
    BASE64_URL_UNPADDED, /* '-' '_', no padding */
};

/* Decode text into out. capacity of text.len bytes is always enough.
 * STATUS_INVALID for anything not canonical, STATUS_LIMIT when capacity is too small. */
NODISCARD enum status base64_decode(struct slice text, enum base64_form form, uint8_t *out,
                                    size_t capacity, size_t *len);

void base64_encode(struct buf *buf, struct slice bytes, enum base64_form form);

#endif
