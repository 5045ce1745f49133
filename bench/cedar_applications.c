/* Time of one Cedar decision in an application; bench/cedar makes the cases and shows the figures.
 *
 * usage: bench_cedar_applications FOLDER DECISIONS
 *
 * FOLDER has policies.cedar, entities.json and requests.jsonl. The entities are prepared for the
 * policies when they are loaded. Each decision is timed alone: with requests in memory, with their
 * three entities looked up before, and from the request's JSON text. Prints median and p99 in ns
 * and the number of allowed decisions, for each of the three, and the time of reading the clock,
 * which is taken off: the median of as many times of nothing, each taken before a decision.
 */
#include "cedar/cedar.h"

#include "base/buf.h"
#include "json/tape.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ARENA_BYTES ((size_t)512 << 20)
#define REQUESTS_MAX 4096
#define FILE_BYTES_MAX ((size_t)64 << 20)
#define PATH_BYTES 1024

struct bench {
    struct arena arena; /* of everything but one decision */
    struct json_parser parser;
    struct cedar_policy_set *policies;
    struct cedar_entities entities;
    struct slice texts[REQUESTS_MAX];
    struct cedar_request requests[REQUESTS_MAX], prepared[REQUESTS_MAX];
    size_t count;
    uint32_t *times, *clocks; /* of each decision, and of nothing before it */
    size_t decisions;
};

static struct bench bench;
static struct cedar_diagnostics diagnostics;

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "cedar_applications: %s\n", what);
        exit(1);
    }
}

static struct slice read_file(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = arena_alloc(&bench.arena, FILE_BYTES_MAX);
    need(file != NULL && bytes != NULL, path);
    size_t len = fread(bytes, 1, FILE_BYTES_MAX, file);
    (void)fclose(file);
    need(len < FILE_BYTES_MAX, "a file is too large");
    return slice_of(bytes, len);
}

/* -- loading ------------------------------------------------------------------------------- */

static void read_uid(const struct json_tape *tape, struct slice name, struct arena *arena,
                     struct cedar_uid *out)
{
    json_ref ref = json_member(tape, 0, name);
    need(json_string(tape, json_member(tape, ref, SLICE("type")), arena, &out->type) == STATUS_OK &&
             json_string(tape, json_member(tape, ref, SLICE("id")), arena, &out->id) == STATUS_OK,
         "a request has no entity");
}

static void read_request(struct slice text, struct arena *arena, struct cedar_request *out)
{
    struct json_tape tape;
    need(json_parse(&bench.parser, text, arena, &tape, NULL) == STATUS_OK, "a request is no JSON");
    *out = (struct cedar_request){.entities = &bench.entities};
    read_uid(&tape, SLICE("principal"), arena, &out->principal);
    read_uid(&tape, SLICE("action"), arena, &out->action);
    read_uid(&tape, SLICE("resource"), arena, &out->resource);
    struct cedar_source context = {SLICE("context"),
                                   json_raw(&tape, json_member(&tape, 0, SLICE("context")))};
    need(cedar_context_read(&context, NULL, NULL, arena, &out->context, &diagnostics) == STATUS_OK,
         "a context cannot be read");
}

/* The entities of a request are those of the case, so all are found. */
static void prepare_request(const struct cedar_request *plain, struct cedar_request *out)
{
    *out = *plain;
    out->prepared_principal = cedar_find_prepared(&bench.entities, &plain->principal);
    out->prepared_action = cedar_find_prepared(&bench.entities, &plain->action);
    out->prepared_resource = cedar_find_prepared(&bench.entities, &plain->resource);
}

static void load(const char *folder)
{
    static const uint8_t SEED[16] = {1};
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    struct cedar_source policies = {SLICE("policies"), read_file(folder, "policies.cedar")};
    struct cedar_source entities = {SLICE("entities"), read_file(folder, "entities.json")};
    struct slice lines = read_file(folder, "requests.jsonl");
    struct cedar_entity_store *store = NULL;
    json_parser_init(&bench.parser, &LIMITS, SEED);
    need(cedar_policy_set_parse(&policies, 1, false, &bench.policies, &diagnostics) == STATUS_OK,
         "the policies do not parse");
    need(cedar_entity_store_new(&bench.arena, &store) == STATUS_OK &&
             cedar_entities_read(&entities, NULL, &bench.arena, store, &diagnostics) == STATUS_OK &&
             cedar_entity_store_close(store) == STATUS_OK &&
             cedar_prepare_entities(bench.policies, store, &bench.arena, &bench.entities) ==
                 STATUS_OK,
         "the entities cannot be read");
    while (lines.len > 0 && bench.count < REQUESTS_MAX) {
        size_t end = slice_find_byte(lines, '\n');
        bench.texts[bench.count] = slice_sub(lines, 0, end);
        read_request(bench.texts[bench.count], &bench.arena, &bench.requests[bench.count]);
        prepare_request(&bench.requests[bench.count], &bench.prepared[bench.count]);
        bench.count++;
        lines = slice_sub(lines, end + 1, lines.len);
    }
    need(bench.count > 0, "there are no requests");
}

/* -- measuring ----------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000U + (uint64_t)at.tv_nsec;
}

static int compare_times(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t sort_for_median(uint32_t *times)
{
    qsort(times, bench.decisions, sizeof(*times), compare_times);
    return times[bench.decisions / 2];
}

/* requests: NULL: from their texts. Returns the median time of reading the clock. */
static uint32_t measure(const struct cedar_request *requests)
{
    size_t warm = bench.decisions / 10;
    size_t allowed = 0;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    for (size_t i = 0; i < warm + bench.decisions; i++) {
        struct cedar_request read;
        struct cedar_response response;
        size_t at = i % bench.count;
        uint64_t before = now_ns();
        uint64_t from = now_ns();
        if (requests == NULL) {
            read_request(bench.texts[at], &arena, &read);
        }
        need(cedar_authorize(bench.policies, requests == NULL ? &read : &requests[at], NULL, &arena,
                             &response) == STATUS_OK,
             "a decision failed");
        uint64_t time = now_ns() - from;
        if (i >= warm) {
            bench.times[i - warm] = (uint32_t)time;
            bench.clocks[i - warm] = (uint32_t)(from - before);
            allowed += response.decision == CEDAR_ALLOW ? 1 : 0;
        }
        arena_reset(&arena);
    }
    arena_release(&arena);
    uint32_t clock = sort_for_median(bench.clocks);
    uint32_t median = sort_for_median(bench.times);
    printf("%" PRIu32 " %" PRIu32 " %zu ", median - clock,
           bench.times[bench.decisions / 100 * 99] - clock, allowed);
    return clock;
}

int main(int argc, char **argv)
{
    bench.decisions = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    need(bench.decisions >= 100, "usage: FOLDER DECISIONS, at least 100 of them");
    arena_init(&bench.arena, ARENA_BYTES, NULL);
    bench.times = calloc(bench.decisions, sizeof(*bench.times));
    bench.clocks = calloc(bench.decisions, sizeof(*bench.clocks));
    need(bench.times != NULL && bench.clocks != NULL, "no memory");
    load(argv[1]);
    uint32_t clock = measure(bench.requests);
    (void)measure(bench.prepared);
    (void)measure(NULL);
    printf("%" PRIu32 "\n", clock);
    free(bench.times);
    free(bench.clocks);
    cedar_policy_set_free(bench.policies);
    arena_release(&bench.arena);
    return 0;
}
