/* links.h: which server said an address that no list has, in a result for a caller; on all loops
 * together. */
#ifndef AEGIS_CORE_PORTS_LINKS_H
#define AEGIS_CORE_PORTS_LINKS_H

#include "base/status.h"

#include <stdint.h>

#define LINKS_DIGEST_BYTES 32

struct said_link {
    uint8_t caller[LINKS_DIGEST_BYTES];  /* digest of the principal */
    uint8_t address[LINKS_DIGEST_BYTES]; /* SHA-256 of the normal form */
    uint32_t server_index;
};

struct port_links {
    void *context;
    /* A server said it to the caller. */
    void (*keep)(void *context, const struct said_link *link);
    /* Who said it? STATUS_NOT_FOUND: nobody, or it was forgotten; STATUS_CONFLICT: two did. */
    enum status (*find)(void *context, struct said_link *link);
};

#endif
