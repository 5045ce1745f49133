/* key_reading.h: the keys of a configuration, read once: for commands. */
#ifndef AEGIS_DAEMON_KEY_READING_H
#define AEGIS_DAEMON_KEY_READING_H

#include "adapters/http_client/curl_client.h"
#include "daemon/key_loop.h"

/* Zeroed before the first use. */
struct key_reading {
    struct loop loop;
    struct curl_client *curl; /* NULL: no issuer is at an address */
    struct curl_client_user user;
    struct port_http_client client;
    struct port_random random;
    struct key_sets sets; /* have adopted the configuration and were read, as far as that went */
};

/* What cannot be read is told on stderr. parser, crypto and config are borrowed. Statuses of
 * key_sets_prepare, loop_init and curl_client_new: nothing was read. */
NODISCARD enum status key_reading_init(struct key_reading *self, const struct json_parser *parser,
                                       const struct port_crypto *crypto,
                                       const struct config *config, struct diag *diag);

/* Fine when key_reading_init failed or was not called. */
void key_reading_release(struct key_reading *self);

#endif
