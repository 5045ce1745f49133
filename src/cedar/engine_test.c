/* The compiled engine against the reference evaluator, on policies and requests made at random. */
#include "cedar/cedar.h"

#include "base/buf.h"
#include "support/check.h"
#include "support/same_answers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WORLD_ARENA_BYTES ((size_t)64 << 20)
#define ENTITIES 10
#define SETS 1000
#define REQUESTS 12
#define SETS_LONG 40000

static struct cedar_diagnostics diagnostics;

/* -- policies at random -------------------------------------------------------------------- */

static unsigned pick(unsigned count)
{
    return (unsigned)((check_random() >> 33) % count);
}

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

#define PUT_ONE(out, ...)                                                                          \
    do {                                                                                           \
        static const char *const CHOICES[] = {__VA_ARGS__};                                        \
        put(out, CHOICES[pick(COUNT_OF(CHOICES))]);                                                \
    } while (0)

static void put_bool(struct buf *out, unsigned depth);
static void put_any(struct buf *out, unsigned depth);

static void put_entity_literal(struct buf *out)
{
    PUT_ONE(out, "User::\"u0\"", "User::\"u1\"", "Group::\"g0\"", "Group::\"g1\"", "Group::\"g2\"",
            "Action::\"a0\"", "Action::\"ag\"", "File::\"f0\"", "File::\"f1\"", "Folder::\"d0\"");
}

static void put_string_literal(struct buf *out)
{
    PUT_ONE(out, "\"x\"", "\"y\"", "\"z\"", "\"xy\"", "\"\"");
}

static void put_path(struct buf *out)
{
    PUT_ONE(out, "context.s", "context.s", "context.t", "context.r.s", "context.r.t.s", "context.n",
            "context.b", "context.e", "context.e.s", "principal.s", "resource.n", "principal.boss",
            "principal.boss.s", "context.gone", "action.s", "context");
}

static void put_string(struct buf *out, unsigned depth)
{
    if (depth > 0 && pick(8) == 0) {
        put(out, "(if ");
        put_bool(out, depth - 1);
        put(out, " then ");
        put_string(out, depth - 1);
        put(out, " else ");
        put_string(out, depth - 1);
        put(out, ")");
    } else if (pick(6) == 0) {
        put(out, "principal.getTag(\"x\")");
    } else if (pick(3) == 0) {
        put_string_literal(out);
    } else {
        PUT_ONE(out, "context.s", "context.t", "context.r.s", "principal.s", "context.e.s");
    }
}

static void put_long(struct buf *out, unsigned depth)
{
    if (depth == 0 || pick(3) == 0) {
        PUT_ONE(out, "0", "1", "7", "-1", "9223372036854775807", "context.n", "resource.n",
                "context.r.n");
        return;
    }
    put(out, "(");
    if (pick(4) == 0) {
        put(out, "-");
        put_long(out, depth - 1);
    } else {
        put_long(out, depth - 1);
        PUT_ONE(out, " + ", " - ", " * ");
        put_long(out, depth - 1);
    }
    put(out, ")");
}

static void put_entity(struct buf *out)
{
    if (pick(3) == 0) {
        put_entity_literal(out);
    } else {
        PUT_ONE(out, "principal", "resource", "action", "context.e", "principal.boss");
    }
}

static void put_set(struct buf *out, unsigned depth)
{
    unsigned count = pick(4);
    if (pick(4) == 0) {
        PUT_ONE(out, "context.set", "context.set", "principal.set");
        return;
    }
    put(out, "[");
    for (unsigned i = 0; i < count; i++) {
        put(out, i > 0 ? ", " : "");
        if (pick(2) == 0) {
            put_string_literal(out);
        } else {
            put_any(out, depth > 0 ? depth - 1 : 0);
        }
    }
    put(out, "]");
}

static void put_entity_set(struct buf *out)
{
    unsigned count = pick(4);
    put(out, "[");
    for (unsigned i = 0; i < count; i++) {
        put(out, i > 0 ? ", " : "");
        if (pick(8) == 0) {
            put_any(out, 1);
        } else if (pick(6) == 0) {
            put_entity(out);
        } else {
            put_entity_literal(out);
        }
    }
    put(out, "]");
}

static void put_any(struct buf *out, unsigned depth)
{
    switch (pick(depth > 0 ? 9 : 4)) {
    case 0:
        put_string_literal(out);
        break;
    case 1:
        put_path(out);
        break;
    case 2:
        put_long(out, 0);
        break;
    case 3:
        put_entity(out);
        break;
    case 4:
        put_bool(out, depth - 1);
        break;
    case 5:
        put_set(out, depth - 1);
        break;
    case 6:
        put(out, "{s: ");
        put_any(out, depth - 1);
        put(out, ", n: ");
        put_any(out, depth - 1);
        put(out, "}");
        break;
    case 7:
        put_long(out, depth - 1);
        break;
    default:
        PUT_ONE(out, "ip(\"10.0.0.1\")", "ip(\"bad\")", "decimal(\"1.5\")", "ip()",
                "decimal(\"1.0\", context.s, 3)", "duration(\"1h\").toHours()", "unknown(\"q\")",
                "{s: \"x\"}.s", "ip(context.s)", "unknown(context.gone, 1, 2)");
        break;
    }
}

/* Comparisons that the index understands, and their near misses. */
static void put_guard(struct buf *out)
{
    switch (pick(10)) {
    case 0:
    case 1:
    case 2:
        put_path(out);
        put(out, " == ");
        put_string_literal(out);
        break;
    case 3:
        put_string_literal(out);
        put(out, " == ");
        put_path(out);
        break;
    case 4:
        PUT_ONE(out, "context.n == 7", "context.b == true", "context.e == User::\"u0\"",
                "context.n == \"7\"", "context.set == [\"x\"]", "principal == User::\"u0\"",
                "resource == \"f0\"", "action == Action::\"a0\"");
        break;
    case 5:
        put_path(out);
        PUT_ONE(out, " == \"x\" || context.s == ", " == \"x\" || context.t == ");
        put_string_literal(out);
        break;
    case 6:
        put(out, "[\"x\", ");
        put_any(out, 0);
        put(out, "].contains(");
        put_path(out);
        put(out, ")");
        break;
    case 7:
        PUT_ONE(out, "context has s", "context has t", "context has r.s", "context.r has s",
                "principal has s", "context has gone", "context.e has s", "context.s has s");
        break;
    case 8:
        PUT_ONE(out, "principal in ", "resource in ", "action in ");
        if (pick(2) == 0) {
            put_entity_literal(out);
        } else {
            put_entity_set(out);
        }
        break;
    default:
        PUT_ONE(out, "principal is User", "resource is Folder",
                "principal is User in Group::\"g0\"", "context.e is User", "true",
                "context has s && context.s == \"x\"");
        break;
    }
}

static void put_relation(struct buf *out, unsigned depth)
{
    put(out, "(");
    switch (pick(9)) {
    case 0:
        put_any(out, depth);
        put(out, " == ");
        put_any(out, depth);
        break;
    case 1:
        put_long(out, depth);
        PUT_ONE(out, " < ", " <= ", " > ", " >= ");
        put_long(out, depth);
        break;
    case 2:
        put_entity(out);
        put(out, " in ");
        if (pick(2) == 0) {
            put_entity(out);
        } else {
            put_entity_set(out);
        }
        break;
    case 3:
        put_string(out, depth);
        PUT_ONE(out, " like \"x*\"", " like \"*y*\"", " like \"\"");
        break;
    case 4:
        put_set(out, depth);
        PUT_ONE(out, ".contains(", ".containsAll(", ".containsAny(");
        if (pick(2) == 0) {
            put_set(out, depth);
        } else {
            put_any(out, depth);
        }
        put(out, ")");
        break;
    case 5:
        put_entity(out);
        PUT_ONE(out, ".hasTag(\"x\")", ".hasTag(context.s)", ".getTag(\"x\") == \"x\"");
        break;
    case 6:
        put_any(out, depth);
        PUT_ONE(out, " has s", " has t", " has s.t", " is User");
        break;
    case 7:
        put_path(out);
        PUT_ONE(out, " == {s: context.s}", " != \"x\"", ".isEmpty()", ".s == \"x\"");
        break;
    default:
        put_guard(out);
        break;
    }
    put(out, ")");
}

static void put_bool(struct buf *out, unsigned depth)
{
    unsigned kind = depth == 0 ? 9 : pick(12);
    if (kind < 3) {
        put(out, kind == 0 ? "!(" : "(");
        put_bool(out, depth - 1);
        put(out, kind == 0 ? ")" : kind == 1 ? " && " : " || ");
        if (kind > 0) {
            put_bool(out, depth - 1);
            put(out, ")");
        }
    } else if (kind == 3) {
        put(out, "(if ");
        put_bool(out, depth - 1);
        put(out, " then ");
        put_bool(out, depth - 1);
        put(out, " else ");
        put_any(out, depth - 1);
        put(out, ")");
    } else if (kind == 4) {
        PUT_ONE(out, "true", "false", "context.b", "1", "unknown(\"u\")", "context.gone");
    } else if (kind < 8) {
        put_relation(out, depth - 1);
    } else {
        put(out, "(");
        put_guard(out);
        put(out, ")");
    }
}

static void put_condition(struct buf *out)
{
    unsigned guards = pick(4);
    put(out, pick(6) == 0 ? " unless { " : " when { ");
    for (unsigned i = 0; i < guards; i++) {
        put(out, "(");
        put_guard(out);
        put(out, i + 1 < guards || pick(2) == 0 ? ") && " : ")");
        if (i + 1 == guards && buf_view(out).ptr[buf_view(out).len - 1] == ')') {
            put(out, " }");
            return;
        }
    }
    put_bool(out, 3);
    put(out, " }");
}

static void put_policy(struct buf *out)
{
    PUT_ONE(out, "permit", "permit", "forbid");
    PUT_ONE(out, "(principal", "(principal", "(principal", "(principal == User::\"u0\"",
            "(principal in Group::\"g0\"", "(principal in Group::\"g1\"", "(principal is User",
            "(principal is User in Group::\"g2\"", "(principal == ?principal");
    PUT_ONE(out, ", action", ", action", ", action == Action::\"a0\"", ", action in Action::\"ag\"",
            ", action in [Action::\"a0\", Action::\"a1\", Action::\"a0\"]", ", action in []");
    PUT_ONE(out, ", resource)", ", resource)", ", resource)", ", resource == File::\"f0\")",
            ", resource in Folder::\"d0\")", ", resource is Folder)",
            ", resource is File in Folder::\"d0\")");
    for (unsigned i = pick(3); i > 0; i--) {
        put_condition(out);
    }
    put(out, ";\n");
}

/* -- requests at random -------------------------------------------------------------------- */

struct world {
    struct arena *arena;
    struct cedar_uid uids[ENTITIES];
    struct cedar_entity_data data[ENTITIES];
    bool exists[ENTITIES];
};

static const struct cedar_uid UIDS[ENTITIES] = {
    {SLICE_INIT("User"), SLICE_INIT("u0")},   {SLICE_INIT("User"), SLICE_INIT("u1")},
    {SLICE_INIT("User"), SLICE_INIT("u9")},   {SLICE_INIT("Group"), SLICE_INIT("g0")},
    {SLICE_INIT("Group"), SLICE_INIT("g1")},  {SLICE_INIT("Action"), SLICE_INIT("a0")},
    {SLICE_INIT("Action"), SLICE_INIT("a1")}, {SLICE_INIT("File"), SLICE_INIT("f0")},
    {SLICE_INIT("Folder"), SLICE_INIT("d0")}, {SLICE_INIT("Robot"), SLICE_INIT("r0")},
};

static bool find_entity(const void *context, const struct cedar_uid *uid,
                        struct cedar_entity_data *out)
{
    const struct world *world = context;
    for (size_t i = 0; i < ENTITIES; i++) {
        if (world->exists[i] && slice_eq(UIDS[i].type, uid->type) &&
            slice_eq(UIDS[i].id, uid->id)) {
            *out = world->data[i];
            return true;
        }
    }
    return false;
}

static struct cedar_value random_record(struct world *world, unsigned depth);

static struct cedar_value random_set(struct world *world, unsigned depth);

static struct cedar_value random_string(void)
{
    static const struct slice TEXTS[] = {SLICE_INIT("x"),  SLICE_INIT("y"),     SLICE_INIT("z"),
                                         SLICE_INIT("xy"), SLICE_INIT("other"), SLICE_INIT("")};
    return cedar_string(TEXTS[pick(COUNT_OF(TEXTS))]);
}

static struct cedar_value random_value(struct world *world, unsigned depth)
{
    switch (pick(depth > 0 ? 12 : 9)) {
    case 0:
        return cedar_long(pick(2) == 0 ? 7 : INT64_MAX);
    case 1:
        return cedar_bool(pick(2) == 0);
    case 2:
        return cedar_entity(UIDS[pick(ENTITIES)].type, UIDS[pick(ENTITIES)].id);
    case 3:
        return (struct cedar_value){.kind = CEDAR_ERROR};
    case 4:
        return (struct cedar_value){.kind = CEDAR_UNKNOWN};
    case 9:
        return random_set(world, depth - 1);
    case 10:
    case 11:
        return random_record(world, depth - 1);
    default:
        return random_string();
    }
}

/* Mostly of the kind that the policies expect. */
static struct cedar_value typed_value(struct world *world, struct slice name, unsigned depth)
{
    size_t user = pick(3);
    if (pick(5) == 0) {
        return random_value(world, depth);
    }
    if (slice_eq(name, SLICE("n"))) {
        return cedar_long(pick(9));
    }
    if (slice_eq(name, SLICE("b"))) {
        return cedar_bool(pick(2) == 0);
    }
    if (slice_eq(name, SLICE("e")) || slice_eq(name, SLICE("boss"))) {
        return cedar_entity(UIDS[user].type, UIDS[user].id);
    }
    if (depth > 0 && (slice_eq(name, SLICE("r")) || slice_eq(name, SLICE("t")))) {
        return random_record(world, depth - 1);
    }
    if (depth > 0 && slice_eq(name, SLICE("set"))) {
        return random_set(world, depth - 1);
    }
    return random_string();
}

static struct cedar_value random_record(struct world *world, unsigned depth)
{
    static const struct slice NAMES[] = {SLICE_INIT("s"),   SLICE_INIT("t"),   SLICE_INIT("n"),
                                         SLICE_INIT("b"),   SLICE_INIT("e"),   SLICE_INIT("r"),
                                         SLICE_INIT("set"), SLICE_INIT("boss")};
    struct cedar_list *list = arena_alloc_zero(world->arena, 1, sizeof(*list));
    struct cedar_field *fields = arena_alloc_zero(world->arena, COUNT_OF(NAMES), sizeof(*fields));
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        if (pick(5) > 0) {
            fields[count++] = (struct cedar_field){NAMES[i], typed_value(world, NAMES[i], depth)};
        }
    }
    *list = (struct cedar_list){fields, count};
    return cedar_record(list);
}

static struct cedar_value random_set(struct world *world, unsigned depth)
{
    struct cedar_list *list = arena_alloc_zero(world->arena, 1, sizeof(*list));
    struct cedar_field *fields = arena_alloc_zero(world->arena, 4, sizeof(*fields));
    size_t count = pick(4);
    for (size_t i = 0; i < count; i++) {
        fields[i].value = random_value(world, depth);
    }
    *list = (struct cedar_list){fields, count};
    return cedar_set(list);
}

static void random_entity(struct world *world, size_t index)
{
    static const struct cedar_uid ANCESTORS[] = {
        {SLICE_INIT("Group"), SLICE_INIT("g0")},  {SLICE_INIT("Group"), SLICE_INIT("g1")},
        {SLICE_INIT("Group"), SLICE_INIT("g2")},  {SLICE_INIT("Group"), SLICE_INIT("g7")},
        {SLICE_INIT("Action"), SLICE_INIT("ag")}, {SLICE_INIT("Folder"), SLICE_INIT("d0")},
    };
    struct cedar_entity_data *data = &world->data[index];
    size_t count = pick(5);
    struct cedar_uid *ancestors = arena_alloc_zero(world->arena, count, sizeof(*ancestors));
    for (size_t i = 0; i < count; i++) {
        ancestors[i] = ANCESTORS[pick(COUNT_OF(ANCESTORS))]; /* may repeat */
    }
    *data = (struct cedar_entity_data){.ancestors = ancestors, .ancestor_count = count};
    data->attributes = random_record(world, 1);
    data->tags = random_record(world, 0);
    if (pick(12) == 0) {
        data->attributes = (struct cedar_value){.kind = pick(2) ? CEDAR_UNKNOWN : CEDAR_ERROR};
        data->tags = (struct cedar_value){.kind = pick(2) ? CEDAR_UNKNOWN : CEDAR_ERROR};
    }
    world->exists[index] = pick(5) > 0;
}

static struct cedar_value random_context(struct world *world)
{
    unsigned odd = pick(24);
    if (odd == 0) {
        return (struct cedar_value){.kind = CEDAR_UNKNOWN};
    }
    return odd == 1 ? random_value(world, 1) : random_record(world, 2);
}

static void check_requests(const struct cedar_policy_set *set, struct slice text)
{
    struct arena arena;
    arena_init(&arena, WORLD_ARENA_BYTES, NULL);
    for (size_t i = 0; i < REQUESTS; i++) {
        struct world world = {.arena = &arena};
        for (size_t k = 0; k < ENTITIES; k++) {
            random_entity(&world, k);
        }
        struct cedar_entities entities = {&world, find_entity};
        struct cedar_request request = {.principal = UIDS[pick(4)],
                                        .action = UIDS[5 + pick(2)],
                                        .resource = UIDS[7 + pick(3)],
                                        .context = random_context(&world),
                                        .entities = &entities};
        if (!same_answers("random policies", set, &request, &arena)) {
            printf("%.*s\n", SLICE_ARG(text));
            break;
        }
        arena_reset(&arena);
    }
    arena_release(&arena);
}

TEST(engine_agrees_with_the_reference_on_random_policies)
{
    size_t sets = getenv("AEGIS_LONG") != NULL ? SETS_LONG : SETS;
    size_t parsed = 0;
    for (size_t i = 0; i < sets; i++) {
        struct buf text;
        struct cedar_policy_set *set = NULL;
        buf_init(&text, (size_t)1 << 20, NULL);
        /* Few policies show what one does, many make an index of several levels. */
        for (unsigned k = 1 + pick(i % 8 == 0 ? 120 : i % 2 == 0 ? 12 : 5); k > 0; k--) {
            put_policy(&text);
        }
        struct cedar_source source = {SLICE("random"), buf_view(&text)};
        if (cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK) {
            parsed++;
            check_requests(set, buf_view(&text));
        } else if (parsed == 0) {
            printf("%s\n%.*s\n", diagnostics.items[0].message, SLICE_ARG(buf_view(&text)));
        }
        cedar_policy_set_free(set);
        buf_release(&text);
    }
    CHECK(parsed * 10 > sets * 9);
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
        arena_init(&arena, WORLD_ARENA_BYTES, NULL);
        struct world world = {.arena = &arena};
        struct cedar_entities entities = {&world, find_entity};
        struct cedar_request request = {.principal = UIDS[0],
                                        .action = UIDS[5],
                                        .resource = UIDS[7],
                                        .context = cedar_record(&list),
                                        .entities = &entities};
        CHECK(same_answers("steps", set, &request, &arena));
        arena_release(&arena);
    }
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
    "forbid(principal, action, resource) when { [context.t].contains(context.r.t) };";

struct shared {
    const struct cedar_policy_set *set;
    const struct cedar_prepared_entity *principal;
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
    struct cedar_request request = {.action = UIDS[5],
                                    .resource = UIDS[7],
                                    .context = cedar_record(&list),
                                    .prepared_principal = shared->principal};
    return cedar_authorize(shared->set, &request, NULL, arena, response);
}

static void *decide_often(void *context)
{
    struct shared *shared = context;
    struct arena arena;
    arena_init(&arena, WORLD_ARENA_BYTES, NULL);
    for (size_t i = 0; i < 2000; i++) {
        struct cedar_response response;
        bool is_decided = decide_shared(shared, &arena, &response) == STATUS_OK;
        shared->allowed += is_decided && response.decision == CEDAR_ALLOW ? 1 : 0;
        arena_reset(&arena);
    }
    arena_release(&arena);
    return NULL;
}

static enum status share(struct shared *out, struct cedar_policy_set **set, struct arena *arena)
{
    static const struct cedar_uid GROUP = {SLICE_INIT("Group"), SLICE_INIT("g0")};
    static const struct cedar_entity_data DATA = {.ancestors = &GROUP, .ancestor_count = 1};
    struct cedar_source source = {SLICE("shared"), slice_view_cstr(SHARED_POLICIES)};
    *set = NULL;
    TRY(cedar_policy_set_parse(&source, 1, false, set, &diagnostics));
    out->set = *set;
    return cedar_prepare_entity(*set, &UIDS[0], &DATA, arena, &out->principal);
}

/* For the thread sanitizer: a set and what is prepared for it are only read. */
TEST(engine_is_shared_by_threads)
{
    struct shared all[2] = {{0}};
    struct cedar_policy_set *set = NULL;
    struct arena arena;
    pthread_t threads[2];
    arena_init(&arena, WORLD_ARENA_BYTES, NULL);
    CHECK(share(&all[0], &set, &arena) == STATUS_OK);
    all[1] = all[0];
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
    arena_init(&arena, WORLD_ARENA_BYTES, NULL);
    bool is_done = share(&shared, &set, &arena) == STATUS_OK &&
                   decide_shared(&shared, &arena, &response) == STATUS_OK;
    CHECK(is_done || response.decision == CEDAR_DENY);
    cedar_policy_set_free(set);
    arena_release(&arena);
    return is_done && response.error_count == 0;
}

TEST(engine_survives_every_failed_allocation)
{
    check_every_allocation(build_and_decide, NULL);
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
    arena_init(&arena, WORLD_ARENA_BYTES, NULL);
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
