/* http_second.h: llhttp's reading of a head; private to src/wire.
 *
 * Apart because llhttp's header defines names that clash with ours. */
#ifndef AEGIS_WIRE_HTTP_SECOND_H
#define AEGIS_WIRE_HTTP_SECOND_H

#include "base/slice.h"

/* Does llhttp accept the head and see the same framing of the body?
 *
 * content_length  -1 when not stated */
bool http_second_agrees(bool is_request, struct slice raw, int64_t content_length, bool is_chunked);

#endif
