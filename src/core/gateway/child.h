/* child.h: what an operation or a session has under way at a port, and how it comes back.
 *
 * A child begins under its owner and is over exactly once: it completed, or it was cancelled, at
 * the latest with its owner. A port never gets a pointer to a child but a ticket, which is worth
 * nothing once the child is over: a completion that comes late or twice finds nobody, whatever the
 * memory is used for by then, and is counted. When the last child of an owner has completed, the
 * owner is told.
 */
#ifndef AEGIS_CORE_GATEWAY_CHILD_H
#define AEGIS_CORE_GATEWAY_CHILD_H

#include "base/diag.h"

#include <stdint.h>

#define CHILD_TICKETS_MAX ((uint32_t)1 << 22) /* children of one loop at a time */

struct child;

/* Which child a ticket stands for; one table for each loop. Zeroed: empty. */
struct child_table {
    struct child_slot *slots;
    uint32_t slot_count, capacity;
    uint32_t free_slot;   /* 1-based; 0: none */
    uint64_t stray_count; /* completions that found no child: an adapter broke its contract */
};

struct children {
    struct child_table *table;
    struct child *newest;
    size_t count;
    /* The last child completed and its done began no other. May free the owner; may be NULL. */
    void (*settled)(struct children *children);
};

struct child_kind {
    /* Stop at the port. NULL: the port cannot be called back, the completion will come. */
    void (*cancel)(struct child *child);
    /* Completed. May begin other children of the owner, must not free it. */
    void (*done)(struct child *child, enum status status, const struct diag *diag);
};

/* Embedded in what the owner keeps; zeroed: does not run. */
struct child {
    struct child *next, *previous;
    struct children *owner; /* NULL when it does not run */
    const struct child_kind *kind;
    uint64_t ticket; /* for the port */
};

/* Begin under owner. STATUS_LIMIT: it does not run. */
NODISCARD enum status child_begin(struct child *child, struct children *owner,
                                  const struct child_kind *kind);

/* The port did not take it: it never began. */
void child_abandon(struct child *child);

/* It completed: calls done, and settled of the owner when it was the last. diag may be NULL. */
void child_end(struct child *child, enum status status, const struct diag *diag);

/* It is over without done and without settled. Fine when it does not run. */
void child_cancel(struct child *child);

/* Cancel all that can be cancelled, and return how many those were. */
size_t children_cancel(struct children *children);

/* The running child of that ticket and kind, or NULL: then the completion is a stray. */
struct child *child_find(struct child_table *table, uint64_t ticket, const struct child_kind *kind);

/* Nothing runs any more. */
void child_table_release(struct child_table *table);

#endif
