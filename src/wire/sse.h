/* sse.h: server-sent events (WHATWG HTML, section 9.2), read in any split and written anew.
 *
 * The reader follows the standard where messages are concerned and is stricter where a message
 * could get lost: sizes are bounded, a byte order mark inside the stream and a retry value that
 * does not fit are errors, and so is a stream that ends inside an event.
 */
#ifndef AEGIS_WIRE_SSE_H
#define AEGIS_WIRE_SSE_H

#include "base/buf.h"
#include "base/diag.h"

#define SSE_RETRY_ABSENT (-1)

struct sse_event {
    struct slice name; /* empty: the default, "message" */
    struct slice data; /* data lines joined by LF */
    struct slice id;
    int64_t retry_ms; /* SSE_RETRY_ABSENT when not given */
    bool has_data, has_id;
};

enum sse_result {
    SSE_NEED_MORE,
    SSE_EVENT,
    SSE_ERROR,
};

struct sse_reader {
    struct buf line; /* the line so far, without its end */
    struct buf name, data, id;
    size_t event_bytes_max;
    int64_t retry_ms;
    bool has_data, has_id, has_any; /* of the pending event */
    bool after_cr;                  /* a LF right now belongs to the last line end */
    bool is_started, is_dispatched, is_failed;
};

/* event_bytes_max bounds a line and an event; account is borrowed, may be NULL. */
void sse_reader_init(struct sse_reader *reader, size_t event_bytes_max, struct account *account);
void sse_reader_release(struct sse_reader *reader);

/* The next event; the bytes it took are cut off *input. *event is valid until the next call. Events
 * without data are reported too when they carry an id or a retry value.
 * Codes: sse.too_large, sse.bom, sse.retry, sse.memory. */
enum sse_result sse_reader_next(struct sse_reader *reader, struct slice *input,
                                struct sse_event *event, struct diag *diag);

/* The stream ended: STATUS_INVALID with sse.truncated when that was inside an event. */
NODISCARD enum status sse_reader_finish(const struct sse_reader *reader, struct diag *diag);

/* Append one event with one data line. name and id may be empty; no argument may hold CR or LF. */
void sse_write_event(struct buf *buf, struct slice name, struct slice id, struct slice data);

/* Append a comment that keeps a quiet stream alive. */
void sse_write_comment(struct buf *buf);

#endif
