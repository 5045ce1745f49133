#include "adapters/transport/upstream_mux.h"

#include "adapters/transport/upstream_call.h"

static const struct port_upstream *choose(const struct upstream_mux *mux, uint32_t server)
{
    bool is_stdio = server < mux->server_count && mux->is_stdio[server];
    return is_stdio ? &mux->stdio : &mux->http;
}

static enum status start(void *context, const struct upstream_request *request,
                         const struct upstream_sink *sink, struct upstream_call **out,
                         struct diag *diag)
{
    const struct port_upstream *port = choose(context, request->server);
    return port->start(port->context, request, sink, out, diag);
}

static void cancel(void *context, struct upstream_call *call)
{
    const struct port_upstream *port = choose(context, call->server);
    port->cancel(port->context, call);
}

static void excuse(void *context, struct upstream_call *call, bool is_excused)
{
    const struct port_upstream *port = choose(context, call->server);
    port->excuse(port->context, call, is_excused);
}

static void set_paused(void *context, struct upstream_call *call, bool is_paused)
{
    const struct port_upstream *port = choose(context, call->server);
    port->pause(port->context, call, is_paused);
}

static void close_child(void *context, uint32_t server, uint64_t child)
{
    const struct port_upstream *port = choose(context, server);
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
