/* http_heads.h: do two heads say the same? */
#ifndef AEGIS_TESTS_SUPPORT_HTTP_HEADS_H
#define AEGIS_TESTS_SUPPORT_HTTP_HEADS_H

#include "wire/http_head.h"

static inline bool is_same_head(const struct http_head *a, const struct http_head *b)
{
    bool is_same = a->content_length == b->content_length && a->is_chunked == b->is_chunked &&
                   a->until_close == b->until_close && a->keep_alive == b->keep_alive &&
                   a->expect_continue == b->expect_continue && a->status_code == b->status_code &&
                   slice_eq(a->method, b->method) && slice_eq(a->target, b->target) &&
                   a->field_count == b->field_count;
    for (size_t i = 0; is_same && i < a->field_count; i++) {
        is_same = slice_eq(a->fields[i].name, b->fields[i].name) &&
                  slice_eq(a->fields[i].value, b->fields[i].value);
    }
    return is_same;
}

#endif
