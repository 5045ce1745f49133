/* list_changes.h: notices that a list has changed, on their way to one client: several as one.
 *
 * The first of a kind goes on at once. What follows within a moment, from other servers too, goes
 * on as one notice at the end of it: nothing waits for nothing, and the last change is never lost.
 */
#ifndef AEGIS_CORE_GATEWAY_LIST_CHANGES_H
#define AEGIS_CORE_GATEWAY_LIST_CHANGES_H

#include "core/gateway/listen_request.h"
#include "core/ports/timer.h"

/* Zeroed but for port, moment_ms and tell: there was no notice yet. */
struct list_changes {
    const struct port_timer *port;
    int64_t moment_ms;
    /* lists: mcp_offer. May end it, and free what it is part of. */
    void (*tell)(struct list_changes *changes, uint32_t lists);
    struct timer timer;     /* armed for that moment after a notice */
    uint32_t told, waiting; /* meanwhile: mcp_offer */
};

/* That list has changed: tell now, or at the end of the moment. */
void list_changes_take(struct list_changes *changes, const struct listen_list *list);

/* Nothing is told any more. */
void list_changes_end(struct list_changes *changes);

#endif
