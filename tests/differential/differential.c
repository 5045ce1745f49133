/* Our Cedar engine against the official one, on cases made from numbers.
 *
 * usage: differential NODE FIRST COUNT [FOLDER]
 *
 * Takes the cases FIRST .. FIRST + COUNT - 1. The first five that the engines judge differently are
 * cut down, printed, and written to FOLDER in the format of the corpus. The last line counts.
 */
#include "differential/answers.h"
#include "differential/generator.h"
#include "differential/oracle.h"
#include "differential/shrink.h"

#include "support/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BLOCK 16 /* cases on their way; the answers must fit into a pipe */
#define LINES_BYTES_MAX ((size_t)64 << 20)
#define CASE_ARENA_BYTES ((size_t)256 << 20)
#define ASPECT_BYTES 64
#define SHOWN_MAX 5
#define STARTS_MAX 3 /* of the oracle for one block; a crash of it is none of ours */
#define PATH_BYTES 1024

struct run {
    struct oracle oracle;
    const char *node;
    struct buf lines;
    const char *folder;
    size_t passed, failed;
};

static bool engine_disagrees_with_itself;

/* For same_answers: this program reports cases, not tests. */
void check_report(bool ok, const char *file, int line, const char *row, const char *expression)
{
    (void)row;
    if (!ok) {
        engine_disagrees_with_itself = true;
        printf("%s:%d: failed: %s\n", file, line, expression);
    }
}

const char *check_shared_path(const char *folder)
{
    (void)folder;
    return NULL;
}

/* -- what differs -------------------------------------------------------------------------- */

/* The answer begins with the aspect that differs; true when there is one. */
static bool differs(struct slice answer, char aspect[static ASPECT_BYTES])
{
    struct slice text =
        slice_starts_with(answer, SLICE("[\"")) ? slice_sub(answer, 2, answer.len) : SLICE_EMPTY;
    snprintf(aspect, ASPECT_BYTES, "%.*s",
             SLICE_ARG(slice_sub(text, 0, slice_find_byte(text, '"'))));
    if (engine_disagrees_with_itself) {
        snprintf(aspect, ASPECT_BYTES, "our engine with itself");
    }
    return !slice_eq(answer, SLICE("[]")) || engine_disagrees_with_itself;
}

static void restart(struct run *run)
{
    oracle_stop(&run->oracle);
    (void)oracle_start(&run->oracle, run->node);
}

static bool ask(struct run *run, const struct differential_case *c, struct slice *answer)
{
    buf_clear(&run->lines);
    engine_disagrees_with_itself = false;
    answers_write(c, &run->lines);
    if (oracle_ask(&run->oracle, buf_view(&run->lines)) && oracle_answer(&run->oracle, answer)) {
        return true;
    }
    restart(run);
    return false;
}

struct wanted {
    struct run *run;
    char aspect[ASPECT_BYTES];
};

static bool still_shows(const struct differential_case *c, void *context)
{
    struct wanted *wanted = context;
    struct slice answer;
    char aspect[ASPECT_BYTES];
    return ask(wanted->run, c, &answer) && differs(answer, aspect) &&
           str_eq(aspect, wanted->aspect);
}

/* -- reports ------------------------------------------------------------------------------- */

static void write_file(const struct run *run, uint64_t number, const char *end, struct slice text)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%" PRIu64 "%s", run->folder, number, end);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text.ptr, 1, text.len, file) != text.len) {
        printf("cannot write %s\n", path);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void append(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

/* Names of the parts, then what the oracle expects, without its opening brace. */
static void write_test(struct run *run, const struct differential_case *c, uint64_t number)
{
    char head[PATH_BYTES];
    struct slice answer;
    buf_clear(&run->lines);
    append(&run->lines, "{\"expect\":{");
    case_write(c, &run->lines);
    append(&run->lines, "}}\n");
    if (!oracle_ask(&run->oracle, buf_view(&run->lines)) || !oracle_answer(&run->oracle, &answer)) {
        return;
    }
    snprintf(head, sizeof(head),
             "{\"policies\":\"%" PRIu64 ".cedar\",\"entities\":\"%" PRIu64
             ".entities.json\",\"schema\":\"%" PRIu64 ".cedarschema\",",
             number, number, number);
    buf_clear(&run->lines);
    append(&run->lines, head);
    buf_append(&run->lines, slice_sub(answer, 1, answer.len));
    write_file(run, number, ".json", buf_view(&run->lines));
}

static void write_case(struct run *run, const struct differential_case *c, uint64_t number)
{
    struct buf text;
    buf_init(&text, LINES_BYTES_MAX, NULL);
    for (size_t i = 0; i < CASE_POLICIES_MAX; i++) {
        buf_append(&text, c->policies[i]);
        append(&text, c->policies[i].len > 0 ? "\n" : "");
    }
    write_file(run, number, ".cedar", buf_view(&text));
    buf_clear(&text);
    append(&text, "[");
    for (size_t i = 0; i < CASE_ENTITIES_MAX; i++) {
        append(&text, i > 0 && c->entities[i].len > 0 ? ",\n" : "");
        buf_append(&text, c->entities[i]);
    }
    append(&text, "]\n");
    write_file(run, number, ".entities.json", buf_view(&text));
    write_file(run, number, ".cedarschema", c->schema);
    buf_release(&text);
    write_test(run, c, number);
}

static void report(struct run *run, struct differential_case *c, uint64_t number,
                   struct arena *arena)
{
    struct wanted wanted = {.run = run};
    struct slice answer;
    if (!ask(run, c, &answer) || !differs(answer, wanted.aspect)) {
        printf("case %" PRIu64 " differs only in its block\n", number);
        return;
    }
    shrink(c, still_shows, &wanted, arena);
    if (!ask(run, c, &answer)) {
        return;
    }
    printf("FAIL case %" PRIu64 ": %s (official, ours): %.*s\n", number, wanted.aspect,
           SLICE_ARG(answer));
    buf_clear(&run->lines);
    case_write(c, &run->lines);
    printf("{%.*s}\n", SLICE_ARG(buf_view(&run->lines)));
    if (run->folder != NULL) {
        write_case(run, c, number);
    }
    (void)fflush(stdout);
}

/* -- running ------------------------------------------------------------------------------- */

static void report_number(struct run *run, uint64_t number)
{
    struct arena arena;
    if (++run->failed > SHOWN_MAX) {
        printf("FAIL case %" PRIu64 "\n", number);
        return;
    }
    arena_init(&arena, CASE_ARENA_BYTES, NULL);
    struct differential_case *c = generate_case(number, &arena);
    if (c != NULL) {
        report(run, c, number, &arena);
    }
    arena_release(&arena);
}

/* Add which of the cases whose lines wait are judged differently. */
static bool ask_block(struct run *run, size_t count, bool *failed)
{
    bool is_alive = oracle_ask(&run->oracle, buf_view(&run->lines));
    for (size_t i = 0; i < count && is_alive; i++) {
        struct slice answer;
        char aspect[ASPECT_BYTES];
        is_alive = oracle_answer(&run->oracle, &answer);
        failed[i] = (is_alive && differs(answer, aspect)) || failed[i];
    }
    return is_alive;
}

/* False when there is no oracle that answers. */
static bool run_block(struct run *run, uint64_t first, size_t count)
{
    bool failed[BLOCK] = {false};
    bool is_done = false;
    struct arena arena;
    arena_init(&arena, CASE_ARENA_BYTES, NULL);
    buf_clear(&run->lines);
    for (size_t i = 0; i < count; i++) {
        struct differential_case *c = generate_case(first + i, &arena);
        engine_disagrees_with_itself = false;
        if (c != NULL) {
            answers_write(c, &run->lines);
        }
        failed[i] = c == NULL || engine_disagrees_with_itself;
        arena_reset(&arena);
    }
    arena_release(&arena);
    engine_disagrees_with_itself = false;
    for (int i = 0; i < STARTS_MAX && !is_done; i++) {
        is_done = ask_block(run, count, failed);
        if (!is_done) {
            restart(run);
        }
    }
    for (size_t i = 0; i < count && is_done; i++) {
        if (failed[i]) {
            report_number(run, first + i);
        } else {
            run->passed++;
        }
    }
    return is_done;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: differential NODE FIRST COUNT [FOLDER]\n");
        return 2;
    }
    struct run run = {.node = argv[1], .folder = argc > 4 ? argv[4] : NULL};
    uint64_t first = strtoull(argv[2], NULL, 10);
    uint64_t count = strtoull(argv[3], NULL, 10);
    if (run.folder != NULL && mkdir(run.folder, 0777) != 0 && errno != EEXIST) {
        run.folder = NULL;
    }
    buf_init(&run.lines, LINES_BYTES_MAX, NULL);
    bool is_alive = oracle_start(&run.oracle, run.node);
    for (uint64_t at = 0; at < count && is_alive; at += BLOCK) {
        is_alive = run_block(&run, first + at, count - at < BLOCK ? (size_t)(count - at) : BLOCK);
    }
    oracle_stop(&run.oracle);
    buf_release(&run.lines);
    if (!is_alive) {
        printf("the oracle is gone\n");
        run.failed++;
    }
    printf("%zu passed, %zu failed, 0 skipped\n", run.passed, run.failed);
    return run.failed == 0 ? 0 : 1;
}
