/* network.h: what a process needs to speak over the network: listeners, HTTP and TLS, in one table.
 *
 * Nothing else of the daemon names them, so a program that hands no table to its plan is linked
 * without: `aegis-wrap`, whose client and server are at standard streams.
 */
#ifndef AEGIS_DAEMON_NETWORK_H
#define AEGIS_DAEMON_NETWORK_H

#include "daemon/config/config.h"
#include "daemon/listeners.h"

struct curl_client;
struct curl_client_user;
struct lane;
struct tls_context;

struct network {
    enum status (*bind)(const struct config *config, struct listeners *out, struct diag *diag);
    /* Of the listener. *out stays NULL when it is plain. */
    enum status (*open_tls)(const struct config *config, struct tls_context **out,
                            struct diag *diag);
    void (*close_tls)(struct tls_context *tls); /* NULL is fine */
    /* For requests of our own. *out stays NULL without curl_library_load. */
    enum status (*open_client)(struct curl_client **out, struct diag *diag);
    void (*close_client)(struct curl_client *client); /* NULL is fine */
    struct port_http_client (*client_port)(struct curl_client_user *user);
    /* Servers with an address, as lane->mux.http, and lane->http_client. */
    enum status (*start_upstream)(struct lane *lane, struct diag *diag);
    void (*stop_upstream)(struct lane *lane);
    /* Clients that connect to fd; done is called with lane. */
    enum status (*start_server)(struct lane *lane, int fd, struct diag *diag);
    void (*switch_tls)(struct lane *lane, struct tls_context *tls); /* of new connections */
    void (*drain_server)(struct lane *lane, void (*done)(void *context));
    void (*close_server)(struct lane *lane, void (*done)(void *context));
    void (*check_upstreams)(const struct config *config); /* upstream_check.h */
};

/* The one there is. */
const struct network *network_http(void);

#endif
