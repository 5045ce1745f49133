/* scan.h: the characters of JSON strings; private to src/json. */
#ifndef AEGIS_JSON_SCAN_H
#define AEGIS_JSON_SCAN_H

#include "base/slice.h"

enum scan_result {
    SCAN_OK,
    SCAN_UNTERMINATED,
    SCAN_CONTROL,
    SCAN_ESCAPE,
    SCAN_SURROGATE,
    SCAN_UTF8,
};

struct scanned {
    const uint8_t *end; /* SCAN_OK: behind the closing quote; else the offending byte */
    enum scan_result result;
    bool has_escapes;
};

/* Check the rest of a string, from its first byte that is no plain character; the text ends at
 * end. */
struct scanned scan_string(const uint8_t *at, const uint8_t *end);

/* Reads the content of a checked string character by character. */
struct scan_text {
    const uint8_t *at, *end;
    uint8_t pending[4]; /* of an escape, as UTF-8 */
    uint8_t pending_count, pending_at;
};

/* content: between the quotes. */
void scan_text_init(struct scan_text *scan, struct slice content);

/* The next byte of the text the string stands for, or -1 at its end. */
int scan_text_next(struct scan_text *scan);

#endif
