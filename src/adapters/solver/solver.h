/* solver.h: an SMT solver as a program behind struct cedar_solver.
 *
 * Every question starts the program anew: that costs a few milliseconds, and nothing of the last
 * one is left. The program is the user's choice, but neither its output nor its appetite is
 * trusted. Only commands run it; the worker of `aegis serve` cannot start programs.
 */
#ifndef AEGIS_ADAPTERS_SOLVER_SOLVER_H
#define AEGIS_ADAPTERS_SOLVER_SOLVER_H

#include "cedar/prove.h"

#define SOLVER_MEMORY_BYTES_MAX ((size_t)4 << 30)
#define SOLVER_GRACE_MS 1000 /* to answer "unknown" by itself, before it is killed */

struct solver {
    enum cedar_solver_dialect dialect;
    const char *path;     /* NULL: by its name in our PATH */
    uint32_t time_ms_max; /* of one question; not 0 */
};

/* The port; solver is borrowed. Its run fails with
 *   STATUS_UNAVAILABLE  cedar.solver_missing: it cannot be started; the message says what to
 * install cedar.solver_failed: it ended without an answer STATUS_TIMEOUT      it did not even give
 * up in time STATUS_LIMIT        it wrote too much */
struct cedar_solver solver_port(const struct solver *solver);

#endif
