#include "daemon/shared_failures.h"

#include "support/check.h"

#define THREADS 4
#define EACH 250

static struct shared_failures failures;

static void *fail_often(void *context)
{
    const struct port_failures *port = context;
    for (int i = 0; i < EACH; i++) {
        port->add(port->context, SLICE("10.0.0.1"), 1000);
    }
    return NULL;
}

/* However many loops count at once, none is lost. */
TEST(shared_failures_are_counted_together)
{
    const struct failure_rate rate = {.failures = THREADS * EACH + 1, .per_minute = 60000};
    pthread_t threads[THREADS];
    CHECK(shared_failures_init(&failures, &rate) == STATUS_OK);
    struct port_failures port = shared_failures_port(&failures);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, fail_often, &port) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(!failures_are_over(&port, SLICE("10.0.0.1"), 1000));
    port.add(port.context, SLICE("10.0.0.1"), 1000);
    CHECK(failures_are_over(&port, SLICE("10.0.0.1"), 1000));
    CHECK(!failures_are_over(&port, SLICE("10.0.0.2"), 1000));
    CHECK(!failures_are_over(&port, SLICE("10.0.0.1"), 1001));
    CHECK(!failures_are_over(NULL, SLICE("10.0.0.1"), 1000));
}
