/* link_table.h: links that callers were given, so that a read of one finds its server.
 *
 * Bounded and of one size from the start: callers share sets of places by their digests, so what a
 * server says to one caller makes few others forget anything. The place that was of no use for
 * longest is taken. What two servers said stays nobody's as long as it is remembered. Knows no
 * threads.
 */
#ifndef AEGIS_CORE_GATEWAY_LINK_TABLE_H
#define AEGIS_CORE_GATEWAY_LINK_TABLE_H

#include "core/ports/links.h"

#include <stddef.h>

#define LINK_TABLE_SET 64 /* places of a set */

struct link_table {
    struct link_place *places;
    size_t set_count; /* a power of two, or 0 */
    uint64_t turn;    /* grows with each use */
};

/* links: 64..1048576, rounded up to sets. STATUS_LIMIT without memory. */
NODISCARD enum status link_table_init(struct link_table *table, size_t links);
void link_table_release(struct link_table *table); /* fine for a zero table */

/* As port_links. */
void link_table_keep(struct link_table *table, const struct said_link *link);
NODISCARD enum status link_table_find(struct link_table *table, struct said_link *link);

#endif
