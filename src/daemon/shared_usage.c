#include "daemon/shared_usage.h"

enum status shared_usage_init(struct shared_usage *usage, size_t windows_max, int64_t idle_ms)
{
    if (pthread_mutex_init(&usage->lock, NULL) != 0) {
        return STATUS_LIMIT;
    }
    return usage_table_init(&usage->table, windows_max, idle_ms);
}

void shared_usage_release(struct shared_usage *usage)
{
    usage_table_release(&usage->table);
}

static enum status look(void *context, const struct usage_call *call, enum usage_act act,
                        struct usage *out)
{
    struct shared_usage *usage = context;
    (void)pthread_mutex_lock(&usage->lock);
    enum status status = usage_table_look(&usage->table, call, act, out);
    (void)pthread_mutex_unlock(&usage->lock);
    return status;
}

static void take_back(void *context, const struct usage_call *call)
{
    struct shared_usage *usage = context;
    (void)pthread_mutex_lock(&usage->lock);
    usage_table_take_back(&usage->table, call);
    (void)pthread_mutex_unlock(&usage->lock);
}

static enum status add_labels(void *context, const struct usage_call *call,
                              const struct slice *labels, size_t label_count)
{
    struct shared_usage *usage = context;
    if (label_count == 0) {
        return STATUS_OK;
    }
    (void)pthread_mutex_lock(&usage->lock);
    enum status status = usage_table_add_labels(&usage->table, call, labels, label_count);
    (void)pthread_mutex_unlock(&usage->lock);
    return status;
}

struct port_usage shared_usage_port(struct shared_usage *usage)
{
    return (struct port_usage){usage, look, take_back, add_labels};
}
