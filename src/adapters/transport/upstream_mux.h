/* upstream_mux.h: one port_upstream for all servers, whatever they are reached by. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_UPSTREAM_MUX_H
#define AEGIS_ADAPTERS_TRANSPORT_UPSTREAM_MUX_H

#include "core/ports/upstream.h"

/* Filled by the owner; borrowed by the port. */
struct upstream_mux {
    struct port_upstream http;   /* http_upstream.h */
    struct port_upstream shared; /* stdio_upstream.h: requests that name a child */
};

struct port_upstream upstream_mux_port(struct upstream_mux *mux);

#endif
