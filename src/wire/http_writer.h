/* http_writer.h: HTTP/1.1 heads and chunks into a buffer.
 *
 * A field that could end its line early is refused here, whatever the callers checked before. */
#ifndef AEGIS_WIRE_HTTP_WRITER_H
#define AEGIS_WIRE_HTTP_WRITER_H

#include "base/buf.h"

/* method and target: visible ASCII without space, as the guard accepted or our own constants. */
void http_write_request_line(struct buf *buf, struct slice method, struct slice target);

/* status_code 100..599; the reason phrase comes from a table and may be empty. */
void http_write_status_line(struct buf *buf, int status_code);

/* STATUS_INVALID, and nothing written, when the name is no token or the value holds a control
 * character other than tab. */
NODISCARD enum status http_write_field(struct buf *buf, struct slice name, struct slice value);

void http_write_head_end(struct buf *buf);

/* One chunk; an empty slice writes nothing, because it would end the body. */
void http_write_chunk(struct buf *buf, struct slice bytes);

void http_write_last_chunk(struct buf *buf);

#endif
