#include "support/fake_poster.h"

#include <stddef.h>

static void post(void *context, struct posted *first)
{
    struct fake_poster *self = context;
    struct posted **link = &self->first;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = first;
}

void fake_poster_init(struct fake_poster *self)
{
    *self = (struct fake_poster){.port = {self, post}};
}

void fake_poster_run(struct fake_poster *self)
{
    while (self->first != NULL) {
        struct posted *item = self->first;
        self->first = item->next;
        item->next = NULL;
        item->run(item);
    }
}
