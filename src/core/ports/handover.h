/* handover.h: let another loop of this process serve an exchange. */
#ifndef AEGIS_CORE_PORTS_HANDOVER_H
#define AEGIS_CORE_PORTS_HANDOVER_H

#include "core/ports/exchange.h"

struct port_handover {
    void *context;
    /* Have the gateway of that loop (below the number of loops) begin with request, which is
     * copied. On STATUS_OK the exchange is no longer the caller's and on_gone not the caller's
     * either; STATUS_LIMIT: there is no memory, and nothing has changed. */
    enum status (*hand_over)(void *context, uint16_t loop, struct exchange *exchange,
                             const struct exchange_request *request);
};

#endif
