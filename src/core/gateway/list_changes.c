#include "core/gateway/list_changes.h"

#include <stddef.h>

static void on_moment(struct timer *timer)
{
    struct list_changes *changes =
        (struct list_changes *)((char *)timer - offsetof(struct list_changes, timer));
    changes->told = changes->waiting;
    changes->waiting = 0;
    if (changes->told != 0) {
        changes->port->start(changes->port->context, timer, changes->moment_ms);
        changes->tell(changes, changes->told);
    }
}

void list_changes_take(struct list_changes *changes, const struct listen_list *list)
{
    if (changes->timer.due_ms != 0 && (changes->told & list->offer) != 0) {
        changes->waiting |= list->offer;
        return;
    }
    if (changes->timer.due_ms == 0) {
        changes->told = 0;
        changes->timer.fire = on_moment;
        changes->port->start(changes->port->context, &changes->timer, changes->moment_ms);
    }
    changes->told |= list->offer;
    changes->tell(changes, list->offer);
}

void list_changes_end(struct list_changes *changes)
{
    if (changes->port != NULL) {
        changes->port->stop(changes->port->context, &changes->timer);
    }
}
