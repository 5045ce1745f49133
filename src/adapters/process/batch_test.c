/* Programs run to their end. */
#include "adapters/process/batch.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define MEMORY_BYTES ((size_t)1 << 30)
#define OUTPUT_BYTES 1000
#define LONG_MS 600000 /* nothing here is waited for so long */

struct ran {
    enum status status;
    struct batch_end end;
    struct buf output, errors;
};

static struct ran run(const char *script, struct slice input, uint32_t time_ms)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const struct batch batch = {argv, input, time_ms, MEMORY_BYTES, OUTPUT_BYTES};
    struct ran ran = {0};
    buf_init(&ran.output, OUTPUT_BYTES, NULL);
    buf_init(&ran.errors, OUTPUT_BYTES, NULL);
    ran.status = batch_run(&batch, &ran.output, &ran.errors, &ran.end, NULL);
    return ran;
}

static void finish(struct ran *ran)
{
    buf_release(&ran->output);
    buf_release(&ran->errors);
}

TEST(batch_gives_input_and_takes_output_and_end)
{
    static const struct {
        const char *name, *script, *output, *errors;
        int code, signal_number;
    } rows[] = {
        {"its input", "cat", "in", "", 0, 0},
        {"its errors", "echo why >&2", "", "why\n", 0, 0},
        {"an exit code", "echo a; exit 3", "a\n", "", 3, 0},
        {"a signal", "kill -9 $$", "", "", 0, SIGKILL},
        {"no environment", "echo \"[$HOME]\"", "[]\n", "", 0, 0},
        {"no core", "ulimit -c", "0\n", "", 0, 0},
        {"bounded space", "ulimit -v", "1048576\n", "", 0, 0},
        {"only its streams", "ls /proc/self/fd | wc -l", "4\n", "", 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ran ran = run(rows[i].script, SLICE("in"), LONG_MS);
        CHECK_ROW(rows[i].name, ran.status == STATUS_OK && ran.end.process.error == 0);
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&ran.output), slice_view_cstr(rows[i].output)));
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&ran.errors), slice_view_cstr(rows[i].errors)));
        CHECK_ROW(rows[i].name, ran.end.process.code == rows[i].code &&
                                    ran.end.process.signal_number == rows[i].signal_number);
        CHECK_ROW(rows[i].name, !ran.end.is_late);
        finish(&ran);
    }
}

TEST(batch_names_a_program_that_there_is_not)
{
    const char *argv[] = {"/nonexistent/solver", NULL};
    const struct batch batch = {argv, SLICE_EMPTY, LONG_MS, MEMORY_BYTES, OUTPUT_BYTES};
    struct batch_end end;
    struct buf output;
    buf_init(&output, OUTPUT_BYTES, NULL);
    CHECK(batch_run(&batch, &output, NULL, &end, NULL) == STATUS_OK);
    CHECK(end.process.error == ENOENT && output.len == 0);
    buf_release(&output);
}

TEST(batch_ends_a_program_whose_time_is_over)
{
    struct ran ran = run("echo a; exec sleep 1000", SLICE_EMPTY, 300);
    CHECK(ran.status == STATUS_OK && ran.end.is_late);
    CHECK(ran.end.process.signal_number == SIGKILL);
    finish(&ran);
}

TEST(batch_bounds_what_a_program_writes)
{
    struct ran ran = run("exec head -c 5000 /dev/zero", SLICE_EMPTY, LONG_MS);
    CHECK(ran.status == STATUS_OK && ran.output.len == OUTPUT_BYTES);
    CHECK(ran.end.process.signal_number == SIGXFSZ);
    finish(&ran);
    ran = run("exec head -c 5000 /dev/zero >&2", SLICE_EMPTY, LONG_MS);
    CHECK(ran.status == STATUS_OK && ran.errors.len == OUTPUT_BYTES);
    CHECK(ran.end.process.signal_number == SIGXFSZ);
    finish(&ran);
}

/* The grandchild holds a lock on a file as long as it lives. */
TEST(batch_leaves_no_grandchild)
{
    char path[] = "/tmp/aegis-batch-XXXXXX";
    char script[128];
    int file = mkstemp(path);
    CHECK(file >= 0);
    (void)snprintf(script, sizeof(script), "exec 9>>%s; sleep 1000 & flock -n 9 && echo held",
                   path);
    struct ran ran = run(script, SLICE_EMPTY, LONG_MS);
    CHECK(slice_eq(buf_view(&ran.output), SLICE("held\n")));
    /* It was killed when the program was collected, and goes as soon as the kernel gets to it. */
    CHECK(flock(file, LOCK_EX) == 0);
    finish(&ran);
    (void)unlink(path);
    (void)close(file);
}
