#include "daemon/shared_links.h"

enum status shared_links_init(struct shared_links *links, size_t count)
{
    return pthread_mutex_init(&links->lock, NULL) != 0 ? STATUS_LIMIT
                                                       : link_table_init(&links->table, count);
}

void shared_links_release(struct shared_links *links)
{
    link_table_release(&links->table);
}

static void keep(void *context, const struct said_link *link)
{
    struct shared_links *links = context;
    (void)pthread_mutex_lock(&links->lock);
    link_table_keep(&links->table, link);
    (void)pthread_mutex_unlock(&links->lock);
}

static enum status find(void *context, struct said_link *link)
{
    struct shared_links *links = context;
    (void)pthread_mutex_lock(&links->lock);
    enum status status = link_table_find(&links->table, link);
    (void)pthread_mutex_unlock(&links->lock);
    return status;
}

struct port_links shared_links_port(struct shared_links *links)
{
    return (struct port_links){links, keep, find};
}
