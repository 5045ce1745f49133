/* config_url.h: the syntax of URLs, host names and listening addresses in the configuration.
 *
 * Strict on purpose: what one program reads as a host another must not read as user information, so
 * only the plain forms pass. RFC 3986 §3, http and https only. Pure text, no resolving.
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_URL_H
#define AEGIS_DAEMON_CONFIG_CONFIG_URL_H

#include "daemon/config/config.h"

#define CONFIG_URL_BYTES_MAX 2048

/* Parse an absolute URL. All parts of out but path are borrowed from text; path too, or "/".
 * Returns NULL, or what is wrong, for a message; never a part of the text, which may hold a secret.
 */
const char *config_url_parse(struct slice text, struct config_url *out);

/* Parse "ADDRESS:PORT" with an IP address, [IPv6] or localhost. As config_url_parse. */
const char *config_address_parse(struct slice text, struct config_address *out);

/* Parse "host[:port]", as in the Host field. As config_url_parse. */
const char *config_host_parse(struct slice text, struct slice *host, uint16_t *port);

/* Parse a network like "10.1.0.0/16" or "fd00::/8": an address, whose bits behind the length are
 * zero. As config_url_parse. */
const char *config_network_parse(struct slice text, struct network_range *out);

/* Is the host this machine for sure: 127.0.0.0/8, ::1, localhost? */
bool config_host_is_loopback(struct slice host);

#endif
