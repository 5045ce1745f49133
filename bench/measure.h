/* measure.h: the time of one function call, from batches that are long against the clock. */
#ifndef AEGIS_BENCH_MEASURE_H
#define AEGIS_BENCH_MEASURE_H

#include <stdlib.h>
#include <time.h>

#define MEASURE_BATCHES 200
#define MEASURE_BATCH_NS 1000000.0

struct measure_result {
    double fastest_ns, median_ns; /* of one call, over the batches */
};

static inline double measure_batch(void (*run)(void *context), void *context, unsigned long calls)
{
    struct timespec from;
    struct timespec to;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (unsigned long i = 0; i < calls; i++) {
        run(context);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static inline int measure_order(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* On a machine that others use the fastest batch is the one they disturbed least. */
static inline struct measure_result measure(void (*run)(void *context), void *context)
{
    double times[MEASURE_BATCHES];
    unsigned long calls = 1;
    while (measure_batch(run, context, calls) < MEASURE_BATCH_NS) {
        calls *= 2;
    }
    for (int i = 0; i < MEASURE_BATCHES; i++) {
        times[i] = measure_batch(run, context, calls) / (double)calls;
    }
    qsort(times, MEASURE_BATCHES, sizeof(times[0]), measure_order);
    return (struct measure_result){times[0], times[MEASURE_BATCHES / 2]};
}

#endif
