/* usage_table.h: the windows behind port_usage, as a bounded table.
 *
 * Knows no threads: who shares it between loops holds a lock around each call (daemon/usage.h).
 * When all windows are in use a further caller is refused: to count nobody would let him pass any
 * policy that counts. Beyond USAGE_TARGETS_MAX targets a window counts the others as one, which may
 * count too much, and never too little.
 */
#ifndef AEGIS_CORE_POLICY_USAGE_TABLE_H
#define AEGIS_CORE_POLICY_USAGE_TABLE_H

#include "base/diag.h"
#include "core/ports/usage.h"

#define USAGE_TARGETS_MAX 32
#define USAGE_LABEL_BYTES_MAX 64

struct usage_window;

struct usage_table {
    struct usage_window **buckets; /* by the caller's digest */
    size_t bucket_count;           /* a power of two */
    size_t window_count, windows_max;
    int64_t idle_ms; /* without a call a window ends */
    struct slice labels[USAGE_LABELS_MAX];
    size_t label_count;
    size_t swept; /* the bucket that is looked through next for windows that are over */
};

/* STATUS_LIMIT without memory. */
NODISCARD enum status usage_table_init(struct usage_table *table, size_t windows_max,
                                       int64_t idle_ms);
void usage_table_release(struct usage_table *table);

/* As in port_usage. */
NODISCARD enum status usage_table_look(struct usage_table *table, const struct usage_call *call,
                                       enum usage_act act, struct usage *out);
void usage_table_take_back(struct usage_table *table, const struct usage_call *call);
NODISCARD enum status usage_table_add_labels(struct usage_table *table,
                                             const struct usage_call *call,
                                             const struct slice *labels, size_t label_count);

#endif
