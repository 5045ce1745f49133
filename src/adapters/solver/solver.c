#include "adapters/solver/solver.h"

#include "adapters/process/batch.h"

#include <signal.h>
#include <string.h>

static const char *name_of(enum cedar_solver_dialect dialect)
{
    return dialect == CEDAR_SOLVER_Z3 ? "z3" : "cvc5";
}

static enum status look_at_end(const struct solver *solver, const char *program,
                               const struct batch_end *end, const struct buf *answer,
                               struct diag *diag)
{
    if (end->process.error != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "cedar.solver_missing",
                         "the solver '%s' cannot be started: %s; install the Debian package '%s'",
                         program, strerror(end->process.error), name_of(solver->dialect));
    }
    if (end->is_late || end->process.signal_number == SIGXCPU) {
        return STATUS_TIMEOUT;
    }
    if (answer->len == CEDAR_SOLVER_ANSWER_BYTES_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "cedar.solver_failed",
                         "the solver '%s' wrote %zu bytes, which is too much", program,
                         answer->len);
    }
    if (end->process.signal_number != 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "cedar.solver_failed",
                         "the solver '%s' was ended by signal %d; it may use %zu MiB", program,
                         end->process.signal_number, SOLVER_MEMORY_BYTES_MAX >> 20);
    }
    return STATUS_OK;
}

/* A nonzero exit code alone means nothing: z3 has one when there was no model to give. */
static enum status run(void *context, struct slice script, struct buf *answer, struct diag *diag)
{
    const struct solver *solver = context;
    const char *program = solver->path != NULL ? solver->path : name_of(solver->dialect);
    const char *cvc5[] = {program, "--lang", "smt2", "--quiet", NULL};
    const char *z3[] = {program, "-in", "-smt2", NULL};
    struct batch_end end;
    struct batch batch = {.argv = solver->dialect == CEDAR_SOLVER_Z3 ? z3 : cvc5,
                          .input = script,
                          .time_ms_max = solver->time_ms_max + SOLVER_GRACE_MS,
                          .memory_bytes_max = SOLVER_MEMORY_BYTES_MAX,
                          .output_bytes_max = CEDAR_SOLVER_ANSWER_BYTES_MAX};
    TRY(batch_run(&batch, answer, NULL, &end, diag));
    TRY(look_at_end(solver, program, &end, answer, diag));
    return answer->len > 0 ? STATUS_OK
                           : diag_fail(diag, STATUS_UNAVAILABLE, "cedar.solver_failed",
                                       "the solver '%s' ended with exit code %d and no answer",
                                       program, end.process.code);
}

struct cedar_solver solver_port(const struct solver *solver)
{
    return (struct cedar_solver){.context = (void *)(uintptr_t)solver,
                                 .dialect = solver->dialect,
                                 .time_ms_max = solver->time_ms_max,
                                 .run = run};
}
