/* batch.h: one program run to its end: bytes in, bytes out, within limits.
 *
 * For tools that are no servers, such as a solver. Input and output are files in memory, so neither
 * side can make the other wait, and what the program may write is bounded by the kernel. It has a
 * group of its own, which dies with it, and no environment.
 */
#ifndef AEGIS_ADAPTERS_PROCESS_BATCH_H
#define AEGIS_ADAPTERS_PROCESS_BATCH_H

#include "base/buf.h"
#include "core/ports/process.h"

struct batch {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in our PATH */
    struct slice input;      /* what it reads; borrowed */
    uint32_t time_ms_max;    /* of a steady clock; then it is killed. Not 0 */
    size_t memory_bytes_max; /* address space */
    size_t output_bytes_max; /* of standard output, and of standard error */
};

struct batch_end {
    struct process_end process; /* error: why it could not be started */
    bool is_late;               /* it was killed because its time was over */
};

/* Run the program. Blocks until it has ended, and whatever it started with it.
 *
 * output, errors  what it wrote, appended; errors may be NULL. More than output_bytes_max is cut,
 *                 and the program ended by SIGXFSZ
 * STATUS_OK whatever became of the program, see out; STATUS_IO with process.batch when it could not
 * be given its files; STATUS_LIMIT when output or errors is full. */
NODISCARD enum status batch_run(const struct batch *batch, struct buf *output, struct buf *errors,
                                struct batch_end *out, struct diag *diag);

#endif
