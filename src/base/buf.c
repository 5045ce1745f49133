#include "base/buf.h"

#include <assert.h>
#include <string.h>

#define BUF_BYTES_MIN 512
#define DIGITS_MAX 20 /* of a number of 64 bits */

void buf_init(struct buf *buf, size_t limit_bytes, struct account *account)
{
    *buf = (struct buf){.limit_bytes = limit_bytes, .account = account};
}

void buf_init_secret(struct buf *buf, size_t limit_bytes, struct account *account)
{
    buf_init(buf, limit_bytes, account);
    buf->is_secret = true;
}

/* What was cleared or consumed is still there, so all of it. */
static void wipe(struct buf *buf)
{
    if (buf->is_secret && buf->capacity > 0) {
        explicit_bzero(buf->ptr, buf->capacity);
    }
}

void buf_release(struct buf *buf)
{
    bool is_secret = buf->is_secret;
    wipe(buf);
    account_release(buf->account, buf->capacity);
    base_free(buf->ptr);
    buf_init(buf, buf->limit_bytes, buf->account);
    buf->is_secret = is_secret;
}

/* Reallocating would leave the bytes behind where they were. */
static uint8_t *move(struct buf *buf, size_t capacity)
{
    if (!buf->is_secret) {
        return base_realloc(buf->ptr, capacity);
    }
    uint8_t *memory = base_alloc(capacity);
    if (memory != NULL && buf->len > 0) {
        memcpy(memory, buf->ptr, buf->len);
    }
    if (memory != NULL) {
        wipe(buf);
        base_free(buf->ptr);
    }
    return memory;
}

static bool grow(struct buf *buf, size_t needed)
{
    size_t capacity = buf->capacity == 0 ? BUF_BYTES_MIN : buf->capacity * 2;
    capacity = capacity < needed ? needed : capacity;
    capacity = capacity > buf->limit_bytes ? buf->limit_bytes : capacity;
    size_t more = capacity - buf->capacity;
    if (needed > capacity || account_charge(buf->account, more) != STATUS_OK) {
        return false;
    }
    uint8_t *memory = move(buf, capacity);
    if (memory == NULL) {
        account_release(buf->account, more);
        return false;
    }
    buf->ptr = memory;
    buf->capacity = capacity;
    return true;
}

uint8_t *buf_reserve_growing(struct buf *buf, size_t size)
{
    size_t needed = buf->len + size;
    if (buf->failed || needed < size || (needed > buf->capacity && !grow(buf, needed))) {
        buf->failed = true;
        return NULL;
    }
    return buf->ptr + buf->len;
}

void buf_append_growing(struct buf *buf, struct slice bytes)
{
    uint8_t *room = buf_reserve_growing(buf, bytes.len);
    if (room != NULL) {
        memcpy(room, bytes.ptr, bytes.len);
        buf->len += bytes.len;
    }
}

void buf_append_u64(struct buf *buf, uint64_t value)
{
    static const char PAIRS[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    /* The second half is there to be copied with the first. */
    uint8_t digits[2 * DIGITS_MAX] = {0};
    size_t at = DIGITS_MAX;
    for (; value >= 10; value /= 100) {
        const char *pair = PAIRS + 2 * (value % 100);
        digits[--at] = (uint8_t)pair[1];
        digits[--at] = (uint8_t)pair[0];
    }
    /* One digit is left when their number is odd. */
    if (value != 0 || at == DIGITS_MAX) {
        digits[--at] = (uint8_t)('0' + value);
    }
    if (!buf->failed && buf->capacity - buf->len >= DIGITS_MAX) {
        memcpy(buf->ptr + buf->len, digits + at, DIGITS_MAX);
        buf->len += DIGITS_MAX - at;
    } else {
        buf_append(buf, slice_of(digits + at, DIGITS_MAX - at));
    }
}

void buf_append_i64(struct buf *buf, int64_t value)
{
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        buf_append_byte(buf, '-');
        magnitude = 0 - magnitude;
    }
    buf_append_u64(buf, magnitude);
}

static const char HEX[] = "0123456789abcdef";

static void append_unicode_escape(struct buf *buf, unsigned code)
{
    uint8_t escape[6] = {'\\',
                         'u',
                         (uint8_t)HEX[code >> 12 & 15],
                         (uint8_t)HEX[code >> 8 & 15],
                         (uint8_t)HEX[code >> 4 & 15],
                         (uint8_t)HEX[code & 15]};
    buf_append(buf, slice_of(escape, sizeof(escape)));
}

/* Bytes at text[i] that need an escape: 0 when none does. */
static size_t needs_escape(struct slice text, size_t i)
{
    uint8_t byte = text.ptr[i];
    if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7F) {
        return 1;
    }
    /* U+2028 and U+2029 end a line for some readers of logs and event streams. */
    bool is_separator = byte == 0xE2 && text.len - i >= 3 && text.ptr[i + 1] == 0x80 &&
                        (text.ptr[i + 2] == 0xA8 || text.ptr[i + 2] == 0xA9);
    return is_separator ? 3 : 0;
}

static void append_escape(struct buf *buf, struct slice text, size_t i, size_t len)
{
    uint8_t byte = text.ptr[i];
    if (byte == '"' || byte == '\\') {
        buf_append_byte(buf, '\\');
        buf_append_byte(buf, byte);
    } else if (byte == '\n') {
        buf_append(buf, SLICE("\\n"));
    } else if (byte == '\r') {
        buf_append(buf, SLICE("\\r"));
    } else if (byte == '\t') {
        buf_append(buf, SLICE("\\t"));
    } else {
        append_unicode_escape(buf, len == 3 ? 0x2000U + (text.ptr[i + 2] & 0x3FU) : byte);
    }
}

void buf_append_json_string(struct buf *buf, struct slice text)
{
    buf_append_byte(buf, '"');
    size_t plain = 0;
    for (size_t i = slice_skip_plain(text, 0); i < text.len; i = slice_skip_plain(text, i)) {
        size_t len = needs_escape(text, i);
        if (len == 0) {
            i++;
            continue;
        }
        buf_append(buf, slice_sub(text, plain, i));
        append_escape(buf, text, i, len);
        i += len;
        plain = i;
    }
    buf_append(buf, slice_sub(text, plain, text.len));
    buf_append_byte(buf, '"');
}

void buf_consume(struct buf *buf, size_t size)
{
    assert(size <= buf->len);
    buf->len -= size;
    if (buf->len > 0) {
        memmove(buf->ptr, buf->ptr + size, buf->len);
    }
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void buf_reuse(struct buf *buf, size_t kept_bytes_max)
{
    if (buf->capacity > kept_bytes_max) {
        buf_release(buf);
    } else {
        buf_clear(buf);
    }
}

struct slice buf_view(const struct buf *buf)
{
    return slice_of(buf->ptr, buf->len);
}

enum status buf_status(const struct buf *buf)
{
    return buf->failed ? STATUS_LIMIT : STATUS_OK;
}
