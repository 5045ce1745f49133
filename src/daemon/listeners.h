/* listeners.h: the sockets that clients connect to: one a loop, all on the same port. */
#ifndef AEGIS_DAEMON_LISTENERS_H
#define AEGIS_DAEMON_LISTENERS_H

#include "base/diag.h"
#include "daemon/config/config.h"

#define LISTENERS_MAX 64

struct listeners {
    int descriptors[LISTENERS_MAX]; /* -1: taken */
    size_t count;
    uint16_t port;
};

/* Bind one for each loop that the configuration asks for. A port that another program listens on is
 * refused, also when that is an Aegis of the same user. STATUS_UNAVAILABLE listen.bind,
 * STATUS_INVALID listen.address. */
NODISCARD enum status listeners_bind(const struct config *config, struct listeners *out,
                                     struct diag *diag);

void listeners_close(struct listeners *listeners);

/* Print the line {"listening":URL} on stdout. */
void listeners_announce(const struct config *config, uint16_t port);

#endif
