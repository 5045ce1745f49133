/* remote_exchange.h: run an exchange on another loop than its client's.
 *
 * A session has a home loop, a client's connection arrives on any. The home loop sees an exchange
 * like any other; what it answers travels back in pieces, at most REMOTE_EXCHANGE_BYTES_MAX of them
 * under way. Each side lets go once, in whatever order things happen. The request is charged to the
 * account of the loop it arrived on, so what waits for another loop is bounded, too.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_REMOTE_EXCHANGE_H
#define AEGIS_ADAPTERS_TRANSPORT_REMOTE_EXCHANGE_H

#include "adapters/runtime/loop.h"
#include "core/ports/exchange.h"

#define REMOTE_EXCHANGE_BYTES_MAX 262144

typedef void (*remote_exchange_begin_fn)(void *context, struct exchange *exchange,
                                         const struct exchange_request *request);

/* Called in handler.begin on loop from; begin runs on loop to, with a copy of request.
 *
 * STATUS_LIMIT when there is no memory: the exchange is untouched and the caller answers it. */
NODISCARD enum status remote_exchange_forward(struct loop *from, struct loop *to,
                                              struct exchange *exchange,
                                              const struct exchange_request *request,
                                              remote_exchange_begin_fn begin, void *context);

#endif
