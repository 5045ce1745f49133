/* shared_links.h: links that callers were given on any loop of the process (core/ports/links.h). */
#ifndef AEGIS_DAEMON_SHARED_LINKS_H
#define AEGIS_DAEMON_SHARED_LINKS_H

#include "core/gateway/link_table.h"

#include <pthread.h>

struct shared_links {
    pthread_mutex_t lock; /* guards table; held for a look at the places of one set */
    struct link_table table;
};

/* Bounds as of link_table_init. STATUS_LIMIT without memory. */
NODISCARD enum status shared_links_init(struct shared_links *links, size_t count);

/* Fine when it was never initialised but zero. */
void shared_links_release(struct shared_links *links);

struct port_links shared_links_port(struct shared_links *links);

#endif
