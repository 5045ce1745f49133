/* buf.h: a growing run of bytes with a limit.
 *
 * For output whose size is not known in advance. Memory comes from the heap and is charged to an
 * account; a failed append latches, so a writer may append many pieces and look once at the end.
 */
#ifndef AEGIS_BASE_BUF_H
#define AEGIS_BASE_BUF_H

#include "base/arena.h"
#include "base/slice.h"

#include <assert.h>
#include <string.h>

struct buf {
    uint8_t *ptr;
    size_t len, capacity;
    size_t limit_bytes;
    struct account *account; /* borrowed, may be NULL */
    bool failed;             /* latched by the first append that found no room */
    bool is_secret;          /* no memory is given back before it is wiped */
};

void buf_init(struct buf *buf, size_t limit_bytes, struct account *account);

/* The same for what holds a secret: its memory is wiped before it is given back, also when the
 * buffer grows out of it. */
void buf_init_secret(struct buf *buf, size_t limit_bytes, struct account *account);

void buf_release(struct buf *buf);

/* buf_append when there is no room yet. */
void buf_append_growing(struct buf *buf, struct slice bytes);

/* Append; on failure nothing is appended and buf->failed is set. Here because most output is
 * written in pieces of a few bytes, which then cost no call. */
static inline void buf_append(struct buf *buf, struct slice bytes)
{
    if (bytes.len == 0) {
        return;
    }
    if (buf->failed || bytes.len > buf->capacity - buf->len) {
        buf_append_growing(buf, bytes);
        return;
    }
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
}

static inline void buf_append_byte(struct buf *buf, uint8_t byte)
{
    buf_append(buf, (struct slice){&byte, 1});
}

void buf_append_u64(struct buf *buf, uint64_t value);
void buf_append_i64(struct buf *buf, int64_t value);

/* Append a JSON string with its quotes; text must be valid UTF-8. Escapes control characters, DEL,
 * U+2028 and U+2029, so the result is one line for every reader. */
void buf_append_json_string(struct buf *buf, struct slice text);

/* buf_reserve when there is no room yet. */
NODISCARD uint8_t *buf_reserve_growing(struct buf *buf, size_t size);

/* Make room for size more bytes; NULL (and failed) when there is none. The caller writes up to size
 * bytes there and then calls buf_commit. */
NODISCARD static inline uint8_t *buf_reserve(struct buf *buf, size_t size)
{
    return buf->failed || size > buf->capacity - buf->len ? buf_reserve_growing(buf, size)
                                                          : buf->ptr + buf->len;
}

static inline void buf_commit(struct buf *buf, size_t size)
{
    assert(size <= buf->capacity - buf->len);
    buf->len += size;
}

/* Drop the first size bytes (a write went out). */
void buf_consume(struct buf *buf, size_t size);

/* Forget the contents and a latched failure, keep the memory. */
void buf_clear(struct buf *buf);

/* The same, but memory of more than kept_bytes_max is given back: for a buffer that serves one
 * message after the other, of which few are large. */
void buf_reuse(struct buf *buf, size_t kept_bytes_max);

struct slice buf_view(const struct buf *buf);

/* STATUS_OK, or STATUS_LIMIT when an append had failed. */
NODISCARD enum status buf_status(const struct buf *buf);

#endif
