/* tcp.h: listening descriptors and numeric addresses. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_TCP_H
#define AEGIS_ADAPTERS_TRANSPORT_TCP_H

#include "base/diag.h"
#include "base/slice.h"

#include <sys/socket.h>

#define TCP_ADDRESS_TEXT_BYTES 64

/* Does nobody listen there? Two of our own processes could share a port without noticing, each with
 * a part of the clients. Statuses as of tcp_listen_fd. */
NODISCARD enum status tcp_check_free(struct slice address, uint16_t port, struct diag *diag);

/* Bind a numeric IPv4 or IPv6 address with SO_REUSEPORT, close-on-exec; not listening yet, the
 * server does that. port 0 picks one. STATUS_INVALID: listen.address; STATUS_UNAVAILABLE:
 * listen.bind. */
NODISCARD enum status tcp_listen_fd(struct slice address, uint16_t port, int *fd,
                                    struct diag *diag);

/* The port a descriptor is bound to; 0 when it is not. */
uint16_t tcp_local_port(int fd);

/* A numeric address, without brackets. STATUS_INVALID when it is a name. */
NODISCARD enum status tcp_address_parse(struct slice text, uint16_t port,
                                        struct sockaddr_storage *out);

/* The address of the peer of a connected socket, without port; empty when unknown. */
struct slice tcp_peer_text(int fd, char text[TCP_ADDRESS_TEXT_BYTES]);

#endif
