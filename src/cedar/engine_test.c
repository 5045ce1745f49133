/* The compiled engine against the reference evaluator, on policies and requests made at random. */
#include "cedar/cedar.h"

#include "base/buf.h"
#include "support/check.h"
#include "support/same_answers.h"

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
            "principal.boss.s", "principal.boss.boss.s", "resource.team", "principal.teams",
            "context.gone", "action.s", "context");
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

/* What the compiler has instructions of its own for. */
static void put_reference(struct buf *out)
{
    PUT_ONE(out, "principal in resource.team", "principal in resource.teams",
            "resource in principal.teams", "principal in resource.boss.team",
            "principal in principal.boss.teams", "principal in context.teams",
            "resource.teams.contains(principal)", "principal.teams.contains(resource)",
            "context.teams.contains(action)", "resource.boss == principal",
            "principal.team == resource.team", "principal == context.e",
            "principal.boss.boss == resource.boss", "resource.teams == principal.teams");
}

static void put_relation(struct buf *out, unsigned depth)
{
    put(out, "(");
    switch (pick(12)) {
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
    case 8:
    case 9:
    case 10:
        put_reference(out);
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

static const struct cedar_uid ANCESTORS[] = {
    {SLICE_INIT("Group"), SLICE_INIT("g0")},  {SLICE_INIT("Group"), SLICE_INIT("g1")},
    {SLICE_INIT("Group"), SLICE_INIT("g2")},  {SLICE_INIT("Group"), SLICE_INIT("g7")},
    {SLICE_INIT("Action"), SLICE_INIT("ag")}, {SLICE_INIT("Folder"), SLICE_INIT("d0")},
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

static struct cedar_value random_entity_value(void)
{
    const struct cedar_uid *uid =
        pick(2) == 0 ? &ANCESTORS[pick(COUNT_OF(ANCESTORS))] : &UIDS[pick(ENTITIES)];
    return cedar_entity(uid->type, uid->id);
}

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

/* Mostly entities. */
static struct cedar_value random_teams(struct world *world)
{
    struct cedar_list *list = arena_alloc_zero(world->arena, 1, sizeof(*list));
    struct cedar_field *fields = arena_alloc_zero(world->arena, 5, sizeof(*fields));
    size_t count = pick(5);
    for (size_t i = 0; i < count; i++) {
        fields[i].value = pick(12) == 0 ? random_value(world, 0) : random_entity_value();
    }
    *list = (struct cedar_list){fields, count};
    return cedar_set(list);
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
    if (slice_eq(name, SLICE("team"))) {
        return random_entity_value();
    }
    if (slice_eq(name, SLICE("teams"))) {
        return random_teams(world);
    }
    return random_string();
}

static struct cedar_value random_record(struct world *world, unsigned depth)
{
    static const struct slice NAMES[] = {SLICE_INIT("s"),    SLICE_INIT("t"),    SLICE_INIT("n"),
                                         SLICE_INIT("b"),    SLICE_INIT("e"),    SLICE_INIT("r"),
                                         SLICE_INIT("set"),  SLICE_INIT("boss"), SLICE_INIT("team"),
                                         SLICE_INIT("teams")};
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

/* 1 + its place in ANCESTORS, or 0. */
static size_t rank_of(const struct cedar_uid *uid)
{
    for (size_t i = 0; i < COUNT_OF(ANCESTORS); i++) {
        if (slice_eq(ANCESTORS[i].type, uid->type) && slice_eq(ANCESTORS[i].id, uid->id)) {
            return i + 1;
        }
    }
    return 0;
}

/* The world as a store. Of the ancestors those are taken as parents that make no circle. */
static struct cedar_entity_store *store_of(const struct world *world)
{
    struct cedar_entity_store *store = NULL;
    CHECK(cedar_entity_store_new(world->arena, &store) == STATUS_OK);
    for (size_t i = 0; i < ENTITIES; i++) {
        const struct cedar_entity_data *data = &world->data[i];
        struct cedar_uid parents[COUNT_OF(ANCESTORS)];
        size_t count = 0;
        for (size_t k = 0; k < data->ancestor_count; k++) {
            if (rank_of(&data->ancestors[k]) > rank_of(&UIDS[i])) {
                parents[count++] = data->ancestors[k];
            }
        }
        CHECK(!world->exists[i] ||
              cedar_entity_store_add(store, &UIDS[i], data, parents, count) == STATUS_OK);
    }
    CHECK(cedar_entity_store_close(store) == STATUS_OK);
    return store;
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
        struct cedar_entities entities = {.context = &world, .find = find_entity};
        struct cedar_request request = {.principal = UIDS[pick(4)],
                                        .action = UIDS[5 + pick(2)],
                                        .resource = UIDS[7 + pick(3)],
                                        .context = random_context(&world),
                                        .entities = &entities};
        if (!same_answers("random policies", set, &request, &arena) ||
            !same_prepared_answers("random policies", set, &request, store_of(&world), &arena)) {
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
