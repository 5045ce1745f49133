/* Time of one Cedar decision in memory, with full diagnostics, beside the reference evaluator.
 *
 * usage: cmake --preset release && ninja -C build/release bench_cedar_decide
 *        taskset -c 1 build/release/bench_cedar_decide [decisions per row, default 200000]
 *
 * Two kinds of sets, of 10 to 10,000 policies: `scope`, where each policy is about another team and
 * project, and `target`, where all policies are about the caller's role and each but one forbids
 * another tool by `context.target == "..."`. Requests are distinct and shuffled; the arena is reset
 * after each. "plain" names entities by their texts, "prepared" has them prepared for the set.
 * Each decision is timed alone; the time of reading the clock is taken off.
 */
#include "cedar/cedar.h"

#include "base/buf.h"
#include "cedar/eval/reference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUESTS 512
#define FIELDS 9
#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_BYTES_MAX ((size_t)8 << 20)
#define DECISIONS 200000
#define REFERENCE_POLICIES_PER_ROW 20000000 /* the reference looks at each policy */

struct question {
    struct cedar_uid uids[3];
    struct cedar_entity_data data[3];
    struct cedar_uid ancestors[3][4];
    struct cedar_field fields[FIELDS];
    struct cedar_list list;
    struct cedar_entities entities;
    struct cedar_request plain, prepared;
};

static struct question questions[REQUESTS];

static void fail(const char *what)
{
    fprintf(stderr, "cedar_decide: %s\n", what);
    exit(1);
}

static uint32_t random_number(void)
{
    static uint64_t state = 88172645463325252U;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static uint64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000U + (uint64_t)at.tv_nsec;
}

static bool find_entity(const void *context, const struct cedar_uid *uid,
                        struct cedar_entity_data *out)
{
    const struct question *question = context;
    for (size_t i = 0; i < 3; i++) {
        if (slice_eq(question->uids[i].id, uid->id) &&
            slice_eq(question->uids[i].type, uid->type)) {
            *out = question->data[i];
            return true;
        }
    }
    return false;
}

static struct slice text_of(struct arena *arena, const char *prefix, size_t number)
{
    struct slice text;
    if (arena_format(arena, &text, "%s%zu", prefix, number) != STATUS_OK) {
        fail("no memory");
    }
    return text;
}

/* -- policies and requests ----------------------------------------------------------------- */

static void write_scope_policy(struct buf *text, size_t number)
{
    char line[512];
    int len =
        snprintf(line, sizeof(line),
                 "%s (principal in Aegis::Team::\"team%zu\", action in "
                 "[Aegis::Action::\"tools/call\", Aegis::Action::\"prompts/get\"], resource in "
                 "Aegis::Project::\"project%zu\") when { context.hour < %zu };\n",
                 number % 10 == 9 ? "forbid" : "permit", number, number, 12 + number % 12);
    buf_append(text, slice_of(line, (size_t)len));
}

static void write_target_policy(struct buf *text, size_t number)
{
    char line[512];
    int len = snprintf(
        line, sizeof(line),
        number == 0 ? "permit (principal in Aegis::Role::\"Developers\", action, resource);\n"
                    : "forbid (principal in Aegis::Role::\"Developers\", action, resource)\n"
                      "when { context.target == \"bench.other%zu\" };\n",
        number);
    buf_append(text, slice_of(line, (size_t)len));
}

static struct cedar_policy_set *make_set(bool is_scope, size_t count)
{
    static struct cedar_diagnostics diagnostics;
    struct cedar_policy_set *set = NULL;
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    for (size_t i = 0; i < count; i++) {
        if (is_scope) {
            write_scope_policy(&text, i);
        } else {
            write_target_policy(&text, i);
        }
    }
    struct cedar_source source = {SLICE("bench"), buf_view(&text)};
    if (cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) != STATUS_OK) {
        fail("the policies do not parse");
    }
    buf_release(&text);
    return set;
}

static void make_context(struct question *question, struct arena *arena, size_t number)
{
    const struct cedar_field fields[FIELDS] = {
        {SLICE("primitive"), cedar_string(SLICE("tool"))},
        {SLICE("method"), cedar_string(SLICE("tools/call"))},
        /* Every eighth call is about a tool that a policy forbids. */
        {SLICE("target"),
         cedar_string(text_of(arena, number % 8 == 0 ? "bench.other" : "bench.tool",
                              number % 8 == 0 ? number % 100 : number))},
        {SLICE("direction"), cedar_string(SLICE("client_to_server"))},
        {SLICE("server"), cedar_entity(SLICE("Aegis::Server"), SLICE("bench"))},
        {SLICE("session"), cedar_string(SLICE("3f1e0000"))},
        {SLICE("client"), cedar_string(SLICE("bench"))},
        {SLICE("weekday"), cedar_long((int64_t)(number % 7))},
        {SLICE("hour"), cedar_long((int64_t)(number % 24))},
    };
    memcpy(question->fields, fields, sizeof(fields));
    question->list = (struct cedar_list){question->fields, FIELDS};
}

static void make_question(struct question *question, struct arena *arena, size_t number,
                          size_t policies)
{
    size_t team = random_number() % policies;
    *question = (struct question){
        .uids = {{SLICE("Aegis::User"), text_of(arena, "https://issuer.example|user", number)},
                 {SLICE("Aegis::Action"), text_of(arena, "bench.tool", number)},
                 {SLICE("Aegis::Tool"), text_of(arena, "bench.tool", number)}},
        .ancestors = {{{SLICE("Aegis::Role"), SLICE("Developers")},
                       {SLICE("Aegis::Team"), text_of(arena, "team", team)},
                       {SLICE("Aegis::Team"), text_of(arena, "team", (team + 1) % policies)},
                       {SLICE("Aegis::Tenant"), SLICE("tenant")}},
                      {{SLICE("Aegis::Action"), SLICE("tool")},
                       {SLICE("Aegis::Action"), SLICE("tools/call")}},
                      {{SLICE("Aegis::Server"), SLICE("bench")},
                       {SLICE("Aegis::Project"), text_of(arena, "project", team)}}},
    };
    make_context(question, arena, number);
    for (size_t i = 0; i < 3; i++) {
        question->data[i].ancestors = question->ancestors[i];
        question->data[i].ancestor_count = i == 0 ? 4 : 2;
        question->data[i].attributes = cedar_record(&question->list);
    }
    question->entities = (struct cedar_entities){.context = question, .find = find_entity};
    question->plain = (struct cedar_request){.principal = question->uids[0],
                                             .action = question->uids[1],
                                             .resource = question->uids[2],
                                             .context = cedar_record(&question->list),
                                             .entities = &question->entities};
}

static void prepare(struct question *question, const struct cedar_policy_set *set,
                    struct arena *arena)
{
    const struct cedar_prepared_entity *prepared[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        if (cedar_prepare_entity(set, &question->uids[i], &question->data[i], arena,
                                 &prepared[i]) != STATUS_OK) {
            fail("no memory");
        }
    }
    question->prepared = (struct cedar_request){.context = question->plain.context,
                                                .entities = &question->entities,
                                                .prepared_principal = prepared[0],
                                                .prepared_action = prepared[1],
                                                .prepared_resource = prepared[2]};
}

/* -- measuring ----------------------------------------------------------------------------- */

enum way { WAY_REFERENCE, WAY_PLAIN, WAY_PREPARED, WAY_COUNT };

static int compare_times(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t clock_cost(void)
{
    static uint32_t costs[10001];
    for (size_t i = 0; i < 10001; i++) {
        uint64_t from = now_ns();
        costs[i] = (uint32_t)(now_ns() - from);
    }
    qsort(costs, 10001, sizeof(costs[0]), compare_times);
    return costs[5000];
}

static void decide(const struct cedar_policy_set *set, enum way way,
                   const struct question *question, struct arena *arena,
                   struct cedar_response *response)
{
    static const struct cedar_options RULES = {.erroring_forbid_denies = true};
    enum status status =
        way == WAY_REFERENCE
            ? reference_authorize(set, &question->plain, &RULES, arena, response)
            : cedar_authorize(set, way == WAY_PLAIN ? &question->plain : &question->prepared,
                              &RULES, arena, response);
    if (status != STATUS_OK) {
        fail("a decision failed");
    }
}

static void measure(const struct cedar_policy_set *set, enum way way, const char *row,
                    uint32_t *times, size_t decisions)
{
    static const char *const NAMES[] = {"reference", "plain", "prepared"};
    struct cedar_response response;
    struct arena arena;
    uint64_t sum = 0;
    size_t allowed = 0;
    uint32_t cost = clock_cost();
    arena_init(&arena, ARENA_BYTES, NULL);
    for (size_t i = 0; i < decisions + REQUESTS; i++) {
        const struct question *question = &questions[random_number() % REQUESTS];
        uint64_t from = now_ns();
        decide(set, way, question, &arena, &response);
        uint64_t time = now_ns() - from;
        time = time > cost ? time - cost : 0;
        arena_reset(&arena);
        if (i >= REQUESTS) { /* the first ones warm up */
            times[i - REQUESTS] = (uint32_t)time;
            sum += time;
            allowed += response.decision == CEDAR_ALLOW ? 1 : 0;
        }
    }
    arena_release(&arena);
    qsort(times, decisions, sizeof(*times), compare_times);
    printf("| %s | %s | %" PRIu32 " | %" PRIu32 " | %" PRIu64 " | %zu%% |\n", row, NAMES[way],
           times[decisions / 2], times[decisions / 100 * 99], sum / decisions,
           allowed * 100 / decisions);
    fflush(stdout);
}

static void run(bool is_scope, size_t policies, uint32_t *times, size_t decisions)
{
    struct arena arena;
    char row[64];
    arena_init(&arena, ARENA_BYTES, NULL);
    uint64_t from = now_ns();
    struct cedar_policy_set *set = make_set(is_scope, policies);
    snprintf(row, sizeof(row), "%s | %zu | %.1f", is_scope ? "scope" : "target", policies,
             (double)(now_ns() - from) / 1e6);
    for (size_t i = 0; i < REQUESTS; i++) {
        make_question(&questions[i], &arena, i, policies);
        prepare(&questions[i], set, &arena);
    }
    for (enum way way = WAY_REFERENCE; way < WAY_COUNT; way++) {
        size_t most = REFERENCE_POLICIES_PER_ROW / policies;
        measure(set, way, row, times, way == WAY_REFERENCE && most < decisions ? most : decisions);
    }
    cedar_policy_set_free(set);
    arena_release(&arena);
}

int main(int argc, char **argv)
{
    static const size_t SIZES[] = {10, 100, 1000, 10000};
    size_t decisions = argc > 1 ? strtoul(argv[1], NULL, 10) : DECISIONS;
    uint32_t *times = decisions >= 100 ? malloc(decisions * sizeof(*times)) : NULL;
    if (times == NULL) {
        fail("give a number of decisions, at least 100");
    }
    printf("| set | policies | parse ms | way | median ns | p99 ns | mean ns | allowed |\n"
           "|---|---|---|---|---|---|---|---|\n");
    for (int scope = 1; scope >= 0; scope--) {
        for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
            run(scope == 1, SIZES[i], times, decisions);
        }
    }
    free(times);
    return 0;
}
