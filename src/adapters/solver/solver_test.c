/* The port of a solver, over programs that are none. The real ones are run by tests/cedar. */
#include "adapters/solver/solver.h"

#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIME_MS 600000 /* nothing here is waited for so long */

struct asked {
    enum status status;
    struct buf answer;
    struct diag diag;
};

/* Ask a program that is this shell script. */
static struct asked ask(const char *script, enum cedar_solver_dialect dialect, uint32_t time_ms)
{
    char path[] = "/tmp/aegis-solver-XXXXXX";
    struct asked asked = {0};
    int file = mkstemp(path);
    CHECK(file >= 0);
    CHECK(dprintf(file, "#!/bin/sh\n%s\n", script) > 0 && fchmod(file, 0700) == 0);
    (void)close(file);
    const struct solver solver = {dialect, path, time_ms};
    const struct cedar_solver port = solver_port(&solver);
    buf_init(&asked.answer, CEDAR_SOLVER_ANSWER_BYTES_MAX, NULL);
    asked.status = port.run(port.context, SLICE("(check-sat)"), &asked.answer, &asked.diag);
    (void)unlink(path);
    return asked;
}

TEST(solver_gives_the_script_and_takes_the_answer)
{
    static const struct {
        const char *name, *script, *answer;
        enum cedar_solver_dialect dialect;
    } rows[] = {
        {"script", "cat", "(check-sat)", CEDAR_SOLVER_CVC5},
        {"options of cvc5", "echo \"$@\"", "--lang smt2 --quiet\n", CEDAR_SOLVER_CVC5},
        {"options of z3", "echo \"$@\"", "-in -smt2\n", CEDAR_SOLVER_Z3},
        {"exit code", "echo sat; exit 1", "sat\n", CEDAR_SOLVER_CVC5},
        {"not its errors", "echo a >&2; echo b", "b\n", CEDAR_SOLVER_CVC5},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asked asked = ask(rows[i].script, rows[i].dialect, TIME_MS);
        CHECK_ROW(rows[i].name, asked.status == STATUS_OK);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&asked.answer), slice_view_cstr(rows[i].answer)));
        buf_release(&asked.answer);
    }
}

TEST(solver_failures_have_names)
{
    static const struct {
        const char *name, *script;
        uint32_t time_ms;
        enum status status;
        const char *code;
    } rows[] = {
        {"nothing said", "exit 0", TIME_MS, STATUS_UNAVAILABLE, "cedar.solver_failed"},
        {"nothing but a code", "exit 3", TIME_MS, STATUS_UNAVAILABLE, "cedar.solver_failed"},
        {"killed", "echo sat; kill -9 $$", TIME_MS, STATUS_UNAVAILABLE, "cedar.solver_failed"},
        {"too much", "exec head -c 20000000 /dev/zero", TIME_MS, STATUS_LIMIT,
         "cedar.solver_failed"},
        {"too late", "echo unsat; exec sleep 1000", 1, STATUS_TIMEOUT, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asked asked = ask(rows[i].script, CEDAR_SOLVER_CVC5, rows[i].time_ms);
        CHECK_ROW(rows[i].name, asked.status == rows[i].status);
        CHECK_ROW(rows[i].name, str_eq(asked.diag.code, rows[i].code));
        buf_release(&asked.answer);
    }
}

TEST(solver_that_there_is_not)
{
    const struct solver solver = {CEDAR_SOLVER_Z3, "/nonexistent/solver", TIME_MS};
    const struct cedar_solver port = solver_port(&solver);
    struct diag diag = {0};
    struct buf answer;
    buf_init(&answer, CEDAR_SOLVER_ANSWER_BYTES_MAX, NULL);
    CHECK(port.run(port.context, SLICE("(check-sat)"), &answer, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "cedar.solver_missing"));
    CHECK(strstr(diag.message, "install the Debian package 'z3'") != NULL);
    CHECK(answer.len == 0);
    buf_release(&answer);
}
