/* wire_name.h: what tools and prompts are called on an endpoint that stands for several servers.
 *
 * Usually "server__name". Clients take only [A-Za-z0-9_-]{1,64} and drop a whole list for one other
 * name, so a name that does not fit, or that could be read as another server's, gets an alias:
 * "server__begin_HASH". It depends on the two names alone, so it is the same on every loop, node
 * and day; what it stands for is found by asking the server for its list (resolve_stages.c).
 */
#ifndef AEGIS_CORE_GATEWAY_WIRE_NAME_H
#define AEGIS_CORE_GATEWAY_WIRE_NAME_H

#include "core/gateway/snapshot.h"
#include "core/ports/crypto.h"

#define WIRE_NAME_BYTES_MAX 64

struct wire_name {
    uint8_t text[WIRE_NAME_BYTES_MAX];
    size_t len;
};

/* The name on the wire of what the server calls name. */
void wire_name_make(const struct gateway_snapshot *snapshot, const struct port_crypto *crypto,
                    size_t server_index, struct slice name, struct wire_name *out);

struct slice wire_name_view(const struct wire_name *name);

/* Could the text be an alias? Plain names that look like one get an alias themselves. */
bool wire_name_is_alias(struct slice wire);

/* The server and its own name of a plain name; SIZE_MAX when no server begins it. *name is a view.
 */
size_t wire_name_split(const struct gateway_snapshot *snapshot, struct slice wire,
                       struct slice *name);

/* Does the name on the wire begin like those of this server? */
bool wire_name_belongs(const struct gateway_snapshot *snapshot, size_t server_index,
                       struct slice wire);

#endif
