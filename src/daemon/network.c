#include "daemon/network.h"

#include "adapters/http_client/curl_library.h"
#include "adapters/transport/tls.h"
#include "daemon/lane.h"
#include "daemon/upstream_check.h"

static enum status open_tls(const struct config *config, struct tls_context **out,
                            struct diag *diag)
{
    const struct config_tls_server *tls = &config->listen.tls;
    const struct tls_client_rules rules = {
        .authority_files = tls->client_ca.items,
        .authority_file_count = tls->client_ca.count,
        .revocation_file = tls->client_crl.len > 0 ? (const char *)tls->client_crl.ptr : NULL,
        .is_required = tls->client_certificates == CONFIG_CLIENT_CERTIFICATES_REQUIRED};
    return tls->cert.len == 0
               ? STATUS_OK
               : tls_server_context_new((const char *)tls->cert.ptr, (const char *)tls->key.ptr,
                                        &rules, out, diag);
}

static enum status open_client(struct curl_client **out, struct diag *diag)
{
    return curl_library() == NULL ? STATUS_OK : curl_client_new(out, diag);
}

static enum status start_upstream(struct lane *lane, struct diag *diag)
{
    static const struct http_upstream_options DEFAULTS = HTTP_UPSTREAM_OPTIONS_DEFAULT;
    struct http_upstream_options options = DEFAULTS;
    const struct lane_shared *shared = lane->shared;
    const struct config_limits *limits = &shared->config->limits;
    options.message_bytes_max = (size_t)limits->event_bytes;
    options.calls_max = (uint32_t)limits->connections_upstream;
    options.connect_ms = limits->upstream_connect_timeout_ms;
    TRY(http_upstream_new(&lane->loop, shared->http_targets, shared->server_count, &options,
                          &lane->http, diag));
    lane->mux.http = http_upstream_port(lane->http);
    lane->curl_user = (struct curl_client_user){shared->curl_client, &lane->loop.poster};
    lane->http_client = curl_client_port(&lane->curl_user);
    if (shared->bearer != NULL) {
        TRY(bearer_upstream_new(&lane->loop, &lane->mux.http, shared->bearer, &lane->bearer));
        lane->mux.http = bearer_upstream_port(lane->bearer);
    }
    return STATUS_OK;
}

static void stop_upstream(struct lane *lane)
{
    bearer_upstream_free(lane->bearer);
    http_upstream_free(lane->http);
    lane->bearer = NULL;
    lane->http = NULL;
}

static enum status start_server(struct lane *lane, int fd, struct diag *diag)
{
    static const struct http_server_options DEFAULTS = HTTP_SERVER_OPTIONS_DEFAULT;
    const struct config_limits *limits = &lane->shared->config->limits;
    struct http_server_options options = DEFAULTS;
    options.limits.head_bytes_max = (size_t)limits->head_bytes;
    options.limits.fields_max = (size_t)limits->head_fields;
    options.limits.body_bytes_max = (size_t)limits->body_bytes;
    options.connections_max = lane->shared->connections_max;
    options.queue_bytes_max = (size_t)limits->stream_queue_bytes;
    options.header_ms = limits->head_timeout_ms;
    options.body_ms = limits->body_timeout_ms;
    options.idle_ms = limits->idle_timeout_ms;
    options.write_stall_ms = limits->write_timeout_ms;
    options.tls = lane->shared->tls;
    struct exchange_handler handler = gateway_handler(&lane->gateway);
    return http_server_start(&lane->server, &lane->loop, fd, &options, &handler, diag);
}

static void switch_tls(struct lane *lane, struct tls_context *tls)
{
    http_server_set_tls(&lane->server, tls);
}

static void drain_server(struct lane *lane, void (*done)(void *context))
{
    http_server_drain(&lane->server, done, lane);
}

static void close_server(struct lane *lane, void (*done)(void *context))
{
    http_server_close(&lane->server, done, lane);
}

const struct network *network_http(void)
{
    static const struct network HTTP = {.bind = listeners_bind,
                                        .open_tls = open_tls,
                                        .close_tls = tls_context_unref,
                                        .open_client = open_client,
                                        .close_client = curl_client_free,
                                        .client_port = curl_client_port,
                                        .start_upstream = start_upstream,
                                        .stop_upstream = stop_upstream,
                                        .start_server = start_server,
                                        .switch_tls = switch_tls,
                                        .drain_server = drain_server,
                                        .close_server = close_server,
                                        .check_upstreams = upstream_check_start};
    return &HTTP;
}
