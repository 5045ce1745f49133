#include "adapters/transport/upstream_mux.h"

#include "adapters/transport/upstream_call.h"

static const struct port_upstream *port_of(const struct upstream_mux *mux,
                                           const struct upstream_call *call)
{
    return call->is_shared ? &mux->shared : &mux->http;
}

static enum status start(void *context, const struct upstream_request *request,
                         const struct upstream_sink *sink, struct upstream_call **out,
                         struct diag *diag)
{
    const struct upstream_mux *mux = context;
    const struct port_upstream *port = request->child != 0 ? &mux->shared : &mux->http;
    return port->start(port->context, request, sink, out, diag);
}

static void cancel(void *context, struct upstream_call *call)
{
    const struct port_upstream *port = port_of(context, call);
    port->cancel(port->context, call);
}

static void excuse(void *context, struct upstream_call *call, bool is_excused)
{
    const struct port_upstream *port = port_of(context, call);
    port->excuse(port->context, call, is_excused);
}

static void set_paused(void *context, struct upstream_call *call, bool is_paused)
{
    const struct port_upstream *port = port_of(context, call);
    port->pause(port->context, call, is_paused);
}

static void close_child(void *context, uint32_t server, uint64_t child)
{
    const struct port_upstream *port = &((struct upstream_mux *)context)->shared;
    port->close_child(port->context, server, child);
}

struct port_upstream upstream_mux_port(struct upstream_mux *mux)
{
    return (struct port_upstream){.context = mux,
                                  .start = start,
                                  .cancel = cancel,
                                  .excuse = excuse,
                                  .pause = set_paused,
                                  .close_child = close_child};
}
