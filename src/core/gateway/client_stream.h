/* client_stream.h: a stream of events to a legacy client that no request of his waits for.
 *
 * Owns the exchange of a GET from the moment it was admitted: the operation that judged it is over
 * by then. A comment now and then keeps the connection alive and finds clients that are gone. A
 * client that does not keep up loses the stream, never the memory of the gateway; he may open it
 * anew. It ends when the token it was opened with expires.
 */
#ifndef AEGIS_CORE_GATEWAY_CLIENT_STREAM_H
#define AEGIS_CORE_GATEWAY_CLIENT_STREAM_H

#include "core/gateway/client_session.h"

struct client_stream {
    struct client_session *session; /* held */
    struct exchange *exchange;
    int64_t expires_at_s; /* of the caller's token */
    struct timer keep_alive;
};

/* Begin the standalone stream of a session that has none: takes over the exchange, which has begun
 * its answer. STATUS_LIMIT: no memory, and nothing has changed. */
NODISCARD enum status client_stream_open(struct client_session *session, struct exchange *exchange,
                                         int64_t expires_at_s);

/* Send one message. The client that is too slow for it has lost the stream when this returns. */
void client_stream_send(struct client_stream *stream, struct slice json);

/* Send bytes that are events already; otherwise as client_stream_send. */
void client_stream_pass(struct client_stream *stream, struct slice events);

/* End it cleanly and free it. */
void client_stream_end(struct client_stream *stream);

#endif
