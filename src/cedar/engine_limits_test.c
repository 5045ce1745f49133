/* The compiled engine at its limits: steps, attributes, ancestors, depth, memory; and in threads.
 */
#include "cedar/cedar.h"

#include "base/buf.h"
#include "cedar/eval/reference.h"
#include "support/check.h"
#include "support/same_answers.h"

#include <pthread.h>

#define ARENA_BYTES ((size_t)64 << 20)

static const struct cedar_uid ANN = {SLICE_INIT("User"), SLICE_INIT("u0")};
static const struct cedar_uid ACTION = {SLICE_INIT("Action"), SLICE_INIT("a0")};
static const struct cedar_uid FILE_0 = {SLICE_INIT("File"), SLICE_INIT("f0")};
static struct cedar_diagnostics diagnostics;

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

/* The only entity is ANN, with the data that is the context. */
static bool find_ann(const void *context, const struct cedar_uid *uid,
                     struct cedar_entity_data *out)
{
    const struct cedar_entity_data *data = context;
    bool is_ann = slice_eq(uid->type, ANN.type) && slice_eq(uid->id, ANN.id);
    *out = is_ann ? *data : (struct cedar_entity_data){0};
    return is_ann;
}

/* -- steps --------------------------------------------------------------------------------- */

/* A long text that leaves few steps, and then all that the compiler treats in its own way. */
TEST(engine_uses_up_steps_where_the_reference_does)
{
    static const char *const TAILS[] = {
        "context.s == \"x\"",
        "\"x\" == context.s",
        "principal == User::\"u0\" && context.gone == 1",
        "principal in Group::\"g0\" || 1",
        "principal in [Group::\"g7\", Group::\"g8\", Group::\"g9\"] || 1",
        "principal is User && context has s && 1",
        "!(context.r.s == \"y\")",
        "(if context has gone then 1 else context.s) like \"x*\"",
        "[context.s, 1].contains({s: context.s})",
        "ip() == 1",
        "ip(1, 2, context.s) == 1",
        "-context.n + 1 < 2",
        "context.r.s has t",
    };
    static const struct cedar_field INNER[] = {{SLICE_INIT("s"), {.kind = CEDAR_STRING}}};
    static const struct cedar_list RECORD = {INNER, 1};
    static const uint8_t LONG[CEDAR_STEPS_MAX * 64]; /* 64 bytes are a step */
    struct buf text;
    struct cedar_policy_set *set = NULL;
    buf_init(&text, (size_t)1 << 20, NULL);
    for (size_t i = 0; i < COUNT_OF(TAILS); i++) {
        put(&text, "permit(principal, action, resource) when { context.long like \"y\" || (");
        put(&text, TAILS[i]);
        put(&text, ") };\n");
    }
    struct cedar_source source = {SLICE("steps"), buf_view(&text)};
    CHECK(cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    for (uint64_t left = 0; left < 14; left++) {
        struct arena arena;
        struct slice text_used = slice_of(LONG, (CEDAR_STEPS_MAX - 4 - left) * 64);
        const struct cedar_field fields[] = {{SLICE("s"), cedar_string(SLICE("x"))},
                                             {SLICE("n"), cedar_long(2)},
                                             {SLICE("r"), cedar_record(&RECORD)},
                                             {SLICE("long"), cedar_string(text_used)}};
        const struct cedar_list list = {fields, COUNT_OF(fields)};
        arena_init(&arena, ARENA_BYTES, NULL);
        const struct cedar_entity_data nothing = {0};
        struct cedar_entities entities = {.context = &nothing, .find = find_ann};
        struct cedar_request request = {.principal = ANN,
                                        .action = ACTION,
                                        .resource = FILE_0,
                                        .context = cedar_record(&list),
                                        .entities = &entities};
        CHECK(same_answers("steps", set, &request, &arena));
        arena_release(&arena);
    }
    cedar_policy_set_free(set);
    buf_release(&text);
}

/* -- limits -------------------------------------------------------------------------------- */

#define WIDE 1200   /* attributes: more than PATHS_MAX, and than there are dimensions */
#define CROWD 10000 /* ancestors: more than INDEX_ANCESTORS_MAX */

struct wide {
    struct arena arena;
    struct buf text;
    struct cedar_entity_data data; /* of the principal */
    struct cedar_uid *crowd;
    struct cedar_list context;
};

static struct slice numbered(struct arena *arena, const char *prefix, size_t number)
{
    struct slice text = SLICE_EMPTY;
    CHECK(arena_format(arena, &text, "%s%zu", prefix, number) == STATUS_OK);
    return text;
}

/* A context of attributes a0, a1, ...: "x", but each fifth is absent and each seventh unreadable;
 * and principal u0 in groups g0, g1, ... */
static void wide_init(struct wide *wide, size_t ancestors)
{
    struct arena *arena = &wide->arena;
    *wide = (struct wide){0};
    arena_init(arena, ARENA_BYTES, NULL);
    buf_init(&wide->text, (size_t)1 << 20, NULL);
    struct cedar_field *fields = arena_alloc_zero(arena, WIDE, sizeof(*fields));
    wide->crowd = arena_alloc_zero(arena, CROWD, sizeof(*wide->crowd));
    for (size_t i = 0; i < WIDE; i++) {
        if (i % 5 != 4) {
            struct cedar_field *field = &fields[wide->context.count++];
            field->name = numbered(arena, "a", i);
            field->value =
                i % 7 == 6 ? (struct cedar_value){0} : cedar_string(numbered(arena, "x", i % 2));
        }
    }
    wide->context.items = fields;
    for (size_t i = 0; i < ancestors; i++) {
        wide->crowd[i] = (struct cedar_uid){SLICE("Group"), numbered(arena, "g", ancestors - i)};
    }
    wide->data.ancestors = wide->crowd;
    wide->data.ancestor_count = ancestors;
}

static void wide_check(struct wide *wide, const char *row)
{
    struct cedar_policy_set *set = NULL;
    struct cedar_source source = {SLICE("wide"), buf_view(&wide->text)};
    struct cedar_entities entities = {.context = &wide->data, .find = find_ann};
    struct cedar_request request = {.principal = ANN,
                                    .action = ACTION,
                                    .resource = FILE_0,
                                    .context = cedar_record(&wide->context),
                                    .entities = &entities};
    CHECK_ROW(row, cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    if (set != NULL) {
        CHECK_ROW(row, same_answers(row, set, &request, &wide->arena));
    }
    cedar_policy_set_free(set);
    buf_release(&wide->text);
    arena_release(&wide->arena);
}

static void put_numbered(struct buf *out, const char *before, size_t number, const char *after)
{
    put(out, before);
    buf_append_u64(out, number);
    put(out, after);
}

TEST(engine_agrees_on_more_attributes_than_it_remembers)
{
    struct wide wide;
    wide_init(&wide, 3);
    for (size_t i = 0; i < WIDE; i++) {
        put_numbered(&wide.text, "permit(principal, action, resource) when { context.a", i,
                     " == \"x1\" };");
        put_numbered(&wide.text, "forbid(principal, action, resource) when { context has a", i,
                     " && context.a");
        put_numbered(&wide.text, "", i, " == \"x0\" && context.a3 == \"x1\" };");
    }
    /* More demands of one policy than are looked at. */
    put(&wide.text, "permit(principal, action, resource) when { context.a0 == \"x0\"");
    for (size_t i = 1; i < 40; i++) {
        put_numbered(&wide.text, " && context.a", i * 35, " == \"x1\"");
    }
    put(&wide.text, " };");
    wide_check(&wide, "attributes");
}

TEST(engine_agrees_on_many_ancestors)
{
    struct wide wide;
    static const size_t COUNTS[] = {15, 16, 17, 300};
    for (size_t k = 0; k < COUNT_OF(COUNTS); k++) {
        wide_init(&wide, COUNTS[k]);
        for (size_t i = 0; i < 310; i++) {
            put_numbered(&wide.text, "permit(principal in Group::\"g", i, "\", action, resource);");
            put_numbered(&wide.text,
                         "permit(principal, action, resource) when { principal in Group::\"g", i,
                         "\" && context.a0 == \"x0\" };");
        }
        wide_check(&wide, "ancestors");
    }
}

static void put_in(struct buf *out, size_t elements)
{
    put(out, "principal in [Group::\"g1\"");
    for (size_t i = 1; i < elements; i++) {
        put_numbered(out, ", Group::\"h", i, "\"");
    }
    put(out, "] && ");
}

/* `in` uses up the steps here, so what comes behind it must not leave a policy out. */
TEST(engine_agrees_on_ancestors_that_use_up_the_steps)
{
    static const size_t COUNTS[] = {4096, 4097, CROWD};
    for (size_t k = 0; k < COUNT_OF(COUNTS); k++) {
        struct wide wide;
        wide_init(&wide, COUNTS[k]);
        for (size_t elements = 10; elements < 260; elements += 30) {
            put(&wide.text, "forbid(principal, action, resource) when { ");
            put_in(&wide.text, elements);
            put_numbered(&wide.text, "context.a0 == \"none", elements, "\" };");
            put(&wide.text, "forbid(principal, action, resource) when { ");
            put_in(&wide.text, elements);
            put_in(&wide.text, elements);
            put_numbered(&wide.text, "context.a0 == \"none", elements, "\" };");
        }
        wide_check(&wide, "steps");
    }
}

TEST(engine_agrees_on_many_alternatives)
{
    struct wide wide;
    wide_init(&wide, 3);
    for (size_t i = 250; i < 262; i++) {
        put(&wide.text, "permit(principal, action, resource) when { [");
        for (size_t k = 0; k < i; k++) {
            put_numbered(&wide.text, k == 0 ? "\"y" : ", \"y", k, "\"");
        }
        put(&wide.text, ", \"x0\"].contains(context.a0) };");
        put(&wide.text, "permit(principal, action in [");
        for (size_t k = 0; k < i; k++) {
            put_numbered(&wide.text, k == 0 ? "Action::\"b" : ", Action::\"b", k, "\"");
        }
        put(&wide.text, ", Action::\"a0\"], resource);");
    }
    wide_check(&wide, "alternatives");
}

TEST(engine_agrees_on_the_deepest_conditions)
{
    static const struct {
        const char *open, *middle, *close;
        size_t levels;
    } rows[] = {
        {"(1 + ", "context.n", ")", 120},
        {"[", "context.a0", "]", 240},
        {"{s: ", "context.a0", "}", 240},
        {"", "context", ".a0", 240},
        {"(if context has a0 then ", "context.a1", " else 1)", 120},
        {"[1].contains(", "context.a0", ")", 200},
        {"(1 == ", "context.a0", ")", 120},
        {"(true && ", "context.a6 == 1", ")", 120},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wide wide;
        wide_init(&wide, 3);
        put(&wide.text, "permit(principal, action, resource) when { ");
        for (size_t k = 0; k < rows[i].levels; k++) {
            put(&wide.text, rows[i].open);
        }
        put(&wide.text, rows[i].middle);
        for (size_t k = 0; k < rows[i].levels; k++) {
            put(&wide.text, rows[i].close);
        }
        put(&wide.text, " == 1 };");
        wide_check(&wide, rows[i].middle);
    }
}

/* -- what is touched ------------------------------------------------------------------------ */

/* A context where every attribute is there: "t5". Counts how often it is asked. */
static bool count_reads(const void *object, uint64_t tag, struct slice name, struct arena *arena,
                        struct cedar_value *value)
{
    size_t *reads = *(size_t *const *)object;
    (void)tag;
    (void)name;
    (void)arena;
    (*reads)++;
    *value = cedar_string(SLICE("t5"));
    return true;
}

/* Many policies about others, about other targets, and about attributes nobody else asks for. */
TEST(engine_touches_only_what_may_apply)
{
    static const struct cedar_object_vtable COUNTING = {NULL, NULL, count_reads};
    struct cedar_policy_set *set = NULL;
    struct cedar_response response;
    struct arena arena;
    struct buf text;
    size_t reads = 0;
    size_t *const object = &reads;
    buf_init(&text, (size_t)1 << 20, NULL);
    for (size_t i = 0; i < 200; i++) {
        put_numbered(&text, "permit(principal == User::\"other", i, "\", action, resource)");
        put_numbered(&text, " when { context.odd", i, " == \"x\" };");
    }
    for (size_t i = 0; i < 200; i++) {
        put_numbered(&text, "forbid(principal, action, resource) when { context.target == \"t", i,
                     "\" && ");
        put_numbered(&text, "context.own", i, " like \"t*\" };");
    }
    struct cedar_source source = {SLICE("touched"), buf_view(&text)};
    CHECK(cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    arena_init(&arena, ARENA_BYTES, NULL);
    struct cedar_request request = {
        .principal = ANN,
        .action = ACTION,
        .resource = FILE_0,
        .context = {.kind = CEDAR_RECORD, .as.object = {&COUNTING, &object, 0}}};
    CHECK(cedar_authorize(set, &request, NULL, &arena, &response) == STATUS_OK);
    CHECK(response.reason_count == 1 && response.reasons[0] == 205);
    CHECK(reads == 2); /* target and own5 */
    arena_release(&arena);
    cedar_policy_set_free(set);
    buf_release(&text);
}

/* -- threads and memory -------------------------------------------------------------------- */

static const char SHARED_POLICIES[] =
    "permit(principal in Group::\"g0\", action, resource) when { context.s == \"x\" };"
    "permit(principal, action, resource) when { context.s == \"y\" };"
    "permit(principal, action, resource) when { context.s == \"z\" };"
    "permit(principal, action, resource) when { [context.s, {s: context.s}].contains(\"x\") };"
    "forbid(principal, action, resource) when { context.r.s == \"x\" };"
    "forbid(principal, action, resource) when { [context.t].contains(context.r.t) };"
    "forbid(principal, action, resource) unless { principal in resource.team &&"
    " resource.owners.contains(principal) && resource.boss.team == resource.team };";

struct shared {
    const struct cedar_policy_set *set;
    const struct cedar_prepared_entity *principal; /* NULL: it is to be found in entities */
    struct cedar_entities entities;
    size_t allowed;
};

static enum status decide_shared(const struct shared *shared, struct arena *arena,
                                 struct cedar_response *response)
{
    static const struct cedar_field INNER[] = {{SLICE_INIT("s"), {.kind = CEDAR_LONG}},
                                               {SLICE_INIT("t"), {.kind = CEDAR_LONG}}};
    static const struct cedar_list RECORD = {INNER, COUNT_OF(INNER)};
    const struct cedar_field fields[] = {{SLICE("s"), cedar_string(SLICE("x"))},
                                         {SLICE("t"), cedar_string(SLICE("t"))},
                                         {SLICE("r"), cedar_record(&RECORD)}};
    const struct cedar_list list = {fields, COUNT_OF(fields)};
    struct cedar_request request = {.principal = ANN,
                                    .action = ACTION,
                                    .resource = FILE_0,
                                    .context = cedar_record(&list),
                                    .entities = &shared->entities,
                                    .prepared_principal = shared->principal};
    return cedar_authorize(shared->set, &request, NULL, arena, response);
}

static void *decide_often(void *context)
{
    struct shared *shared = context;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    for (size_t i = 0; i < 2000; i++) {
        struct cedar_response response;
        bool is_decided = decide_shared(shared, &arena, &response) == STATUS_OK;
        shared->allowed += is_decided && response.decision == CEDAR_ALLOW ? 1 : 0;
        arena_reset(&arena);
    }
    arena_release(&arena);
    return NULL;
}

static const struct cedar_uid GROUP = {SLICE_INIT("Group"), SLICE_INIT("g0")};

/* A file whose team Ann belongs to, and which is hers. */
static enum status store_entities(struct arena *arena, struct cedar_entity_store **out)
{
    static const struct cedar_uid BOSS = {SLICE_INIT("User"), SLICE_INIT("boss")};
    struct cedar_field *fields = arena_alloc_zero(arena, 5, sizeof(*fields));
    struct cedar_list *lists = arena_alloc_zero(arena, 3, sizeof(*lists));
    if (fields == NULL || lists == NULL) {
        return STATUS_LIMIT;
    }
    lists[0] = (struct cedar_list){fields, 3};
    lists[1] = (struct cedar_list){fields + 3, 2}; /* owners */
    lists[2] = (struct cedar_list){fields, 1};     /* of the boss */
    fields[0] = (struct cedar_field){SLICE("team"), cedar_entity(GROUP.type, GROUP.id)};
    fields[1] = (struct cedar_field){SLICE("boss"), cedar_entity(BOSS.type, BOSS.id)};
    fields[2] = (struct cedar_field){SLICE("owners"), cedar_set(&lists[1])};
    fields[3].value = fields[1].value;
    fields[4].value = cedar_entity(ANN.type, ANN.id);
    struct cedar_entity_data file = {.attributes = cedar_record(&lists[0])};
    struct cedar_entity_data boss = {.attributes = cedar_record(&lists[2])};
    TRY(cedar_entity_store_new(arena, out));
    TRY(cedar_entity_store_add(*out, &ANN, NULL, &GROUP, 1));
    TRY(cedar_entity_store_add(*out, &FILE_0, &file, NULL, 0));
    TRY(cedar_entity_store_add(*out, &BOSS, &boss, NULL, 0));
    return cedar_entity_store_close(*out);
}

static enum status share(struct shared *out, struct cedar_policy_set **set, struct arena *arena)
{
    static const struct cedar_entity_data DATA = {.ancestors = &GROUP, .ancestor_count = 1};
    struct cedar_source source = {SLICE("shared"), slice_view_cstr(SHARED_POLICIES)};
    *set = NULL;
    struct cedar_entity_store *store = NULL;
    TRY(cedar_policy_set_parse(&source, 1, false, set, &diagnostics));
    out->set = *set;
    TRY(store_entities(arena, &store));
    TRY(cedar_prepare_entities(*set, store, arena, &out->entities));
    return cedar_prepare_entity(*set, &ANN, &DATA, arena, &out->principal);
}

/* For the thread sanitizer: a set and what is prepared for it are only read. */
TEST(engine_is_shared_by_threads)
{
    struct shared all[2] = {{0}};
    struct cedar_policy_set *set = NULL;
    struct arena arena;
    pthread_t threads[2];
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(share(&all[0], &set, &arena) == STATUS_OK);
    all[1] = all[0];
    all[1].principal = NULL;
    for (size_t i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, decide_often, &all[i]) == 0);
    }
    for (size_t i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(all[i].allowed == 2000);
    }
    cedar_policy_set_free(set);
    arena_release(&arena);
}

/* Without memory a decision fails or denies; only with all of it, it allows. */
static bool build_and_decide(void *context)
{
    struct shared shared = {0};
    struct cedar_policy_set *set = NULL;
    struct cedar_response response = {0};
    struct arena arena;
    (void)context;
    arena_init(&arena, ARENA_BYTES, NULL);
    bool is_done = share(&shared, &set, &arena) == STATUS_OK &&
                   decide_shared(&shared, &arena, &response) == STATUS_OK;
    CHECK(is_done || response.decision == CEDAR_DENY);
    shared.principal = NULL;
    is_done = is_done && decide_shared(&shared, &arena, &response) == STATUS_OK;
    CHECK(is_done || response.decision == CEDAR_DENY);
    cedar_policy_set_free(set);
    arena_release(&arena);
    return is_done && response.error_count == 0;
}

TEST(engine_survives_every_failed_allocation)
{
    check_every_allocation(build_and_decide, NULL);
}

static bool decide_without_memory(void *context)
{
    static const struct cedar_field FIELDS[] = {
        {SLICE_INIT("s"), {.kind = CEDAR_STRING, .as.text = SLICE_INIT("x")}}};
    static const struct cedar_list LIST = {FIELDS, COUNT_OF(FIELDS)};
    const struct cedar_request request = {
        .principal = ANN, .action = ACTION, .resource = FILE_0, .context = cedar_record(&LIST)};
    struct cedar_response responses[2] = {{0}};
    enum cedar_answer answers[2];
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status[] = {
        cedar_authorize(context, &request, NULL, &arena, &responses[0]),
        reference_authorize(context, &request, NULL, &arena, &responses[1]),
        cedar_may_allow(context, &request, NULL, &arena, &answers[0]),
        reference_may_allow(context, &request, NULL, &arena, &answers[1]),
    };
    bool is_done = true;
    for (size_t i = 0; i < COUNT_OF(status); i++) {
        CHECK(status[i] == STATUS_OK || status[i] == STATUS_LIMIT);
        CHECK(i < 2 ? responses[i].decision == CEDAR_DENY : answers[i - 2] == CEDAR_NEVER);
        CHECK(status[i] != STATUS_OK || i >= 2 || responses[i].reason_count == 1);
        is_done = is_done && status[i] == STATUS_OK;
    }
    arena_release(&arena);
    return is_done;
}

/* Under the official rules a forbid that fails is skipped; one that lacks memory must not be. */
TEST(engine_skips_no_forbid_for_want_of_memory)
{
    struct cedar_source source = {SLICE("forbids"),
                                  SLICE("permit(principal, action, resource);"
                                        "forbid(principal, action, resource) when {"
                                        " [context.s, {a: context.s}].contains(context.s) };")};
    struct cedar_policy_set *set = NULL;
    CHECK(cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK);
    check_every_allocation(decide_without_memory, set);
    cedar_policy_set_free(set);
}

TEST(engine_ignores_what_was_prepared_for_another_set)
{
    static const char *const TEXTS[] = {"permit(principal == User::\"u1\", action, resource);"
                                        "permit(principal == User::\"u0\", action, resource);",
                                        "forbid(principal == User::\"u9\", action, resource);"
                                        "permit(principal in Group::\"g0\", action, resource);"};
    struct cedar_policy_set *sets[2] = {NULL};
    struct shared shared = {0};
    struct cedar_policy_set *other = NULL;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(share(&shared, &other, &arena) == STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        struct cedar_source source = {SLICE("set"), slice_view_cstr(TEXTS[i])};
        struct cedar_response response;
        CHECK(cedar_policy_set_parse(&source, 1, false, &sets[i], &diagnostics) == STATUS_OK);
        shared.set = sets[i];
        CHECK(decide_shared(&shared, &arena, &response) == STATUS_OK);
        CHECK(response.decision == CEDAR_ALLOW && response.reasons[0] == 1);
        cedar_policy_set_free(sets[i]);
    }
    cedar_policy_set_free(other);
    arena_release(&arena);
}

static bool count_allocation(void *context)
{
    (*(size_t *)context)++;
    return true;
}

TEST(engine_allocates_nothing_once_it_is_warm)
{
    struct shared shared = {0};
    struct cedar_policy_set *set = NULL;
    struct cedar_response response;
    struct arena kept;
    struct arena arena;
    size_t allocations = 0;
    arena_init(&kept, ARENA_BYTES, NULL);
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK(share(&shared, &set, &kept) == STATUS_OK);
    for (size_t i = 0; i < 8; i++) {
        base_alloc_set_gate(i < 4 ? NULL : count_allocation, &allocations);
        CHECK(decide_shared(&shared, &arena, &response) == STATUS_OK);
        CHECK(response.decision == CEDAR_ALLOW);
        shared.principal = NULL;
        arena_reset(&arena);
    }
    base_alloc_set_gate(NULL, NULL);
    CHECK(allocations == 0);
    cedar_policy_set_free(set);
    arena_release(&arena);
    arena_release(&kept);
}
