#include "daemon/listeners.h"

#include "adapters/transport/tcp.h"
#include "daemon/cores.h"

#include <stdio.h>
#include <unistd.h>

static size_t loops_wanted(const struct config *config)
{
    size_t wanted = config->threads > 0 ? (size_t)config->threads : cores_available();
    return wanted > LISTENERS_MAX ? LISTENERS_MAX : wanted;
}

static enum status bind_each(struct slice host, size_t wanted, struct listeners *out,
                             struct diag *diag)
{
    while (out->count < wanted) {
        TRY(tcp_listen_fd(host, out->port, &out->descriptors[out->count], diag));
        out->port = tcp_local_port(out->descriptors[out->count++]);
    }
    return STATUS_OK;
}

enum status listeners_bind(const struct config *config, struct listeners *out, struct diag *diag)
{
    const struct config_address *address = &config->listen.address;
    struct slice host =
        slice_eq(address->host, SLICE("localhost")) ? SLICE("127.0.0.1") : address->host;
    *out = (struct listeners){.port = address->port};
    enum status status = tcp_check_free(host, address->port, diag);
    if (status == STATUS_OK) {
        status = bind_each(host, loops_wanted(config), out, diag);
    }
    if (status != STATUS_OK) {
        listeners_close(out);
    }
    return status;
}

void listeners_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->descriptors[i] >= 0) {
            (void)close(listeners->descriptors[i]);
            listeners->descriptors[i] = -1;
        }
    }
}

void listeners_announce(const struct config *config, uint16_t port)
{
    struct slice host = config->listen.address.host;
    bool is_v6 = slice_find_byte(host, ':') < host.len;
    printf(is_v6 ? "{\"listening\":\"%s://[%.*s]:%u/mcp\"}\n"
                 : "{\"listening\":\"%s://%.*s:%u/mcp\"}\n",
           config->listen.tls.cert.len > 0 ? "https" : "http", SLICE_ARG(host), (unsigned)port);
    (void)fflush(stdout);
}
