#include "daemon/shared_failures.h"

enum status shared_failures_init(struct shared_failures *failures, const struct failure_rate *rate)
{
    failures->rate = *rate;
    return pthread_mutex_init(&failures->lock, NULL) != 0 ? STATUS_LIMIT : STATUS_OK;
}

static bool is_over(void *context, struct slice peer_ip, int64_t now_ms)
{
    struct shared_failures *failures = context;
    (void)pthread_mutex_lock(&failures->lock);
    bool is_over = failed_sources_is_over(&failures->sources, &failures->rate, peer_ip, now_ms);
    (void)pthread_mutex_unlock(&failures->lock);
    return is_over;
}

static void add(void *context, struct slice peer_ip, int64_t now_ms)
{
    struct shared_failures *failures = context;
    (void)pthread_mutex_lock(&failures->lock);
    failed_sources_add(&failures->sources, &failures->rate, peer_ip, now_ms);
    atomic_store_explicit(&failures->over_until_ms,
                          failed_sources_over_until_ms(&failures->sources, &failures->rate),
                          memory_order_relaxed);
    (void)pthread_mutex_unlock(&failures->lock);
}

struct port_failures shared_failures_port(struct shared_failures *failures)
{
    return (struct port_failures){failures, &failures->over_until_ms, is_over, add};
}
