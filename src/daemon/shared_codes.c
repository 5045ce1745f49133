#include "daemon/shared_codes.h"

enum status shared_codes_init(struct shared_codes *codes, size_t count_max)
{
    if (pthread_mutex_init(&codes->lock, NULL) != 0) {
        return STATUS_LIMIT;
    }
    return used_codes_init(&codes->used, count_max);
}

void shared_codes_release(struct shared_codes *codes)
{
    used_codes_release(&codes->used);
}

static enum status take(void *context, const struct used_code *code, int64_t now_s)
{
    struct shared_codes *codes = context;
    (void)pthread_mutex_lock(&codes->lock);
    enum status status = used_codes_take(&codes->used, code, now_s);
    (void)pthread_mutex_unlock(&codes->lock);
    return status;
}

struct port_used_codes shared_codes_port(struct shared_codes *codes)
{
    return (struct port_used_codes){codes, take};
}
