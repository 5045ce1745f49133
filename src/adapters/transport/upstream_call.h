/* upstream_call.h: what calls of all upstream adapters have in common; private to transport. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_UPSTREAM_CALL_H
#define AEGIS_ADAPTERS_TRANSPORT_UPSTREAM_CALL_H

#include "core/ports/upstream.h"

/* First member of the adapters' own structures; upstream_mux.h finds the adapter by it. */
struct upstream_call {
    bool is_shared; /* by children, stdio_upstream.h; else it is one of http_upstream.h */
    struct upstream_sink sink; /* a copy */
};

#endif
