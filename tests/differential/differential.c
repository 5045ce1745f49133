/* Our Cedar engine against the official one, on cases made from numbers.
 *
 * usage: differential FIRST COUNT FOLDER ORACLE [ARGUMENT...]
 *
 * Takes the cases FIRST .. FIRST + COUNT - 1 and asks the program ORACLE, which is the official
 * engine. The first five cases that the engines judge differently are cut down, printed, and
 * written to FOLDER in the format of the corpus. The last line counts, the one before says what
 * there was to compare.
 */
#include "differential/compare.h"
#include "differential/generator.h"
#include "differential/keep.h"
#include "differential/oracle.h"
#include "differential/shrink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define LINE_BYTES_MAX ((size_t)64 << 20)
#define CASE_ARENA_BYTES ((size_t)256 << 20)
#define SHOWN_MAX 5
#define SHOWN_BYTES 600
#define STARTS_MAX 3 /* of the oracle for one case; a crash of it is none of ours */

/* A tenth of the cases, or the generator makes what both engines refuse. */
#define SHARE_MIN 10
#define SHARE_CASES_MIN 500

struct run {
    struct oracle oracle;
    char *const *command; /* of the oracle */
    const char *folder;
    struct buf line;
    struct tally tally;
    struct difference difference; /* what the last judgement found */
    struct slice answer;          /* of the oracle, to the last question */
    size_t passed, failed;
};

enum judgement {
    JUDGED_ALIKE,
    JUDGED_DIFFERENTLY,
    NO_JUDGE,
};

/* -- asking -------------------------------------------------------------------------------- */

static bool ask(struct run *run)
{
    for (int i = 0; i < STARTS_MAX; i++) {
        if (oracle_ask(&run->oracle, buf_view(&run->line), &run->answer)) {
            return true;
        }
        oracle_stop(&run->oracle);
        if (!oracle_start(&run->oracle, run->command)) {
            return false;
        }
    }
    return false;
}

static enum judgement judge(struct run *run, const struct differential_case *c, struct tally *tally)
{
    struct ours ours;
    enum judgement judgement = NO_JUDGE;
    ours_load(c, &ours);
    buf_clear(&run->line);
    ours_write_question(&ours, &run->line);
    if (ask(run)) {
        judgement = compare(&ours, run->answer, tally, &run->difference) ? JUDGED_DIFFERENTLY
                                                                         : JUDGED_ALIKE;
    }
    ours_release(&ours);
    return judgement;
}

struct wanted {
    struct run *run;
    const char *aspect;
};

static bool still_shows(const struct differential_case *c, void *context)
{
    struct wanted *wanted = context;
    return judge(wanted->run, c, NULL) == JUDGED_DIFFERENTLY &&
           wanted->run->difference.aspect == wanted->aspect;
}

/* -- reports ------------------------------------------------------------------------------- */

/* The part of a text around a place. */
static struct slice around(struct slice text, size_t at)
{
    size_t from = at > SHOWN_BYTES / 2 ? at - SHOWN_BYTES / 2 : 0;
    return slice_sub(text, from, from + SHOWN_BYTES);
}

static void print_difference(const struct run *run, uint64_t number)
{
    struct slice official = buf_view(&run->difference.official);
    struct slice ours = buf_view(&run->difference.ours);
    size_t at = 0;
    while (at < official.len && at < ours.len && official.ptr[at] == ours.ptr[at]) {
        at++;
    }
    printf("FAIL case %" PRIu64 ": %s\nofficial: %.*s\nours:     %.*s\n", number,
           run->difference.aspect, SLICE_ARG(around(official, at)), SLICE_ARG(around(ours, at)));
}

static void report(struct run *run, uint64_t number, struct differential_case *c,
                   struct arena *arena)
{
    struct wanted wanted = {run, run->difference.aspect};
    if (++run->failed > SHOWN_MAX) {
        printf("FAIL case %" PRIu64 ": %s\n", number, run->difference.aspect);
        return;
    }
    shrink(c, still_shows, &wanted, arena);
    if (judge(run, c, NULL) != JUDGED_DIFFERENTLY) {
        printf("FAIL case %" PRIu64 ": %s, but not once more\n", number, wanted.aspect);
        return;
    }
    print_difference(run, number);
    buf_clear(&run->line);
    case_write(c, &run->line);
    printf("case:     {%.*s}\n", SLICE_ARG(buf_view(&run->line)));
    keep_case(c, number, run->answer, run->folder);
    (void)fflush(stdout);
}

/* -- running ------------------------------------------------------------------------------- */

/* False when there is no oracle that answers. */
static bool run_number(struct run *run, uint64_t number)
{
    struct arena arena;
    arena_init(&arena, CASE_ARENA_BYTES, NULL);
    struct differential_case *c = generate_case(number, &arena);
    enum judgement judgement = c == NULL ? NO_JUDGE : judge(run, c, &run->tally);
    if (judgement == JUDGED_DIFFERENTLY) {
        report(run, number, c, &arena);
    } else if (judgement == JUDGED_ALIKE) {
        run->passed++;
    }
    arena_release(&arena);
    return judgement != NO_JUDGE;
}

static void print_tally(struct run *run)
{
    const struct tally *t = &run->tally;
    const uint64_t shares[] = {t->sets, t->schemas, t->valid, t->stores, t->decided, t->allowed};
    for (size_t i = 0; i < COUNT_OF(shares) && t->cases >= SHARE_CASES_MIN; i++) {
        if (shares[i] < t->cases / SHARE_MIN) {
            printf("FAIL: too little to compare, the next line counts what\n");
            run->failed++;
            break;
        }
    }
    printf("cases %" PRIu64 ", policy sets %" PRIu64 ", schemas %" PRIu64 ", valid %" PRIu64
           ", entity lists %" PRIu64 ", decisions %" PRIu64 ", allowed %" PRIu64
           ", partial decisions %" PRIu64 ", open %" PRIu64 "\n",
           t->cases, t->sets, t->schemas, t->valid, t->stores, t->decided, t->allowed, t->partial,
           t->open);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: differential FIRST COUNT FOLDER ORACLE [ARGUMENT...]\n");
        return 2;
    }
    struct run run = {.folder = argv[3], .command = argv + 4};
    uint64_t first = strtoull(argv[1], NULL, 10);
    uint64_t count = strtoull(argv[2], NULL, 10);
    if (mkdir(run.folder, 0777) != 0 && errno != EEXIST) {
        printf("cannot make %s\n", run.folder);
    }
    buf_init(&run.line, LINE_BYTES_MAX, NULL);
    difference_init(&run.difference);
    bool is_alive = oracle_start(&run.oracle, run.command);
    for (uint64_t i = 0; i < count && is_alive; i++) {
        is_alive = run_number(&run, first + i);
    }
    oracle_stop(&run.oracle);
    buf_release(&run.line);
    difference_release(&run.difference);
    if (!is_alive) {
        printf("FAIL: the oracle is gone\n");
        run.failed++;
    }
    print_tally(&run);
    printf("%zu passed, %zu failed, 0 skipped\n", run.passed, run.failed);
    return run.failed == 0 ? 0 : 1;
}
