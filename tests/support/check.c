#include "support/check.h"

#include "base/arena.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TESTS_MAX 2048
#define PATH_BYTES 1024
#define PREFIXES_MAX 8

struct test {
    const char *file, *name;
    check_test_fn run;
};

static struct test tests[TESTS_MAX];
static size_t test_count;
static const char *current_test;
static bool current_failed, current_skipped;
static uint64_t random_seed = 0x9E3779B97F4A7C15U, random_state;

void check_register(const char *file, const char *name, check_test_fn run)
{
    if (test_count == TESTS_MAX) {
        fprintf(stderr, "raise TESTS_MAX\n");
        abort();
    }
    tests[test_count++] = (struct test){file, name, run};
}

void check_report(bool ok, const char *file, int line, const char *row, const char *expression)
{
    if (ok) {
        return;
    }
    current_failed = true;
    printf("%s:%d: %s%s%s: failed: %s\n", file, line, current_test, row ? ": " : "", row ? row : "",
           expression);
}

const char *check_shared_path(const char *folder)
{
    static char path[PATH_BYTES];
    const char *root = getenv("AEGIS_SHARED");
    snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : "../shared", folder);
    if (access(path, R_OK) == 0) {
        return path;
    }
    printf("%s: corpus '%s' is absent; set AEGIS_SHARED\n", current_test, folder);
    const char *ci = getenv("CI");
    current_failed = current_failed || (ci != NULL && strcmp(ci, "true") == 0);
    current_skipped = true;
    return NULL;
}

uint64_t check_random(void)
{
    /* xorshift64*: reproducible everywhere, and good enough to choose splits. */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1DU;
}

static struct shortage {
    size_t left;
    bool lasts;
    bool has_begun;
} shortage;

static bool failures_paused;

static bool shortage_gate(void *context)
{
    (void)context;
    if (failures_paused) {
        return true;
    }
    if (shortage.left == 0 && (shortage.lasts || !shortage.has_begun)) {
        shortage.has_begun = true;
        return false;
    }
    shortage.left -= shortage.left > 0 ? 1 : 0;
    return true;
}

void check_begin_shortage(size_t left, bool lasts)
{
    shortage = (struct shortage){.left = left, .lasts = lasts};
    base_alloc_set_gate(shortage_gate, NULL);
}

bool check_end_shortage(void)
{
    base_alloc_set_gate(NULL, NULL);
    return shortage.has_begun;
}

void check_every_allocation(bool (*body)(void *context), void *context)
{
    for (size_t n = 0; n < 200000; n++) {
        check_begin_shortage(n / 2, n % 2 == 0);
        bool done = body(context);
        if (!check_end_shortage()) {
            CHECK(done);
            return;
        }
    }
    check_report(false, __FILE__, __LINE__, NULL, "the body succeeds with enough memory");
}

void check_pause_failures(bool is_paused)
{
    failures_paused = is_paused;
}

static struct slice watched;
static _Atomic size_t watched_count;

static void look_for_watched(const void *ptr)
{
    size_t size = malloc_usable_size((void *)(uintptr_t)ptr);
    watched_count += memmem(ptr, size, watched.ptr, watched.len) != NULL;
}

void check_watch_freed(struct slice secret)
{
    watched = secret;
    watched_count = 0;
    base_free_set_watch(look_for_watched);
}

size_t check_end_watch(void)
{
    base_free_set_watch(NULL);
    return watched_count;
}

/* Which tests a run takes: prefixes to leave out, a prefix to keep to, a part of the name. */
struct selection {
    const char *not_prefixes[PREFIXES_MAX], *only_prefix, *part;
    size_t not_count;
};

struct tally {
    size_t passed, failed, skipped;
};

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_selected(const struct selection *selection, const char *name)
{
    for (size_t i = 0; i < selection->not_count; i++) {
        if (has_prefix(name, selection->not_prefixes[i])) {
            return false;
        }
    }
    if (selection->only_prefix != NULL && !has_prefix(name, selection->only_prefix)) {
        return false;
    }
    return selection->part == NULL || strstr(name, selection->part) != NULL;
}

static bool read_selection(int argc, char **argv, struct selection *selection)
{
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--not") == 0 && has_value && selection->not_count < PREFIXES_MAX) {
            selection->not_prefixes[selection->not_count++] = argv[++i];
        } else if (strcmp(argv[i], "--only") == 0 && has_value) {
            selection->only_prefix = argv[++i];
        } else if (argv[i][0] != '-' && selection->part == NULL) {
            selection->part = argv[i];
        } else {
            fprintf(stderr, "usage: %s [--not PREFIX]... [--only PREFIX] [PART OF A NAME]\n",
                    argv[0]);
            return false;
        }
    }
    return true;
}

static void run_one(const struct test *test, struct tally *tally)
{
    current_test = test->name;
    current_failed = false;
    current_skipped = false;
    random_state = random_seed;
    test->run();
    if (current_failed) {
        printf("FAIL %s (%s), AEGIS_SEED=%" PRIu64 "\n", test->name, test->file, random_seed);
        tally->failed++;
    } else if (current_skipped) {
        tally->skipped++;
    } else {
        tally->passed++;
    }
}

int main(int argc, char **argv)
{
    struct selection selection = {0};
    if (!read_selection(argc, argv, &selection)) {
        return 2;
    }
    const char *seed = getenv("AEGIS_SEED");
    if (seed != NULL) {
        random_seed = strtoull(seed, NULL, 0) | 1;
    }
    struct tally tally = {0};
    for (size_t i = 0; i < test_count; i++) {
        if (is_selected(&selection, tests[i].name)) {
            run_one(&tests[i], &tally);
        }
    }
    printf("%zu passed, %zu failed, %zu skipped\n", tally.passed, tally.failed, tally.skipped);
    return tally.failed == 0 ? 0 : 1;
}
