#include "cedar/symbolic/symbolic.h"

#include "cedar/value/entity_store.h"
#include "support/check.h"
#include "support/known_world.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)256 << 20)

static const char SCHEMA[] =
    "entity Group in [Group]; entity Color enum [\"red\", \"blue\"];"
    "entity User in [Group] {age?: Long, name: String, boss?: User, color: Color} tags Long;"
    "entity Photo {owner: User, size: Long, seen: datetime}; action all;"
    "action view in all appliesTo {principal: User, resource: Photo,"
    " context: {n: Long, groups: Set<Group>, ip: ipaddr}};"
    "action group appliesTo {principal: Group, resource: Group};";

/* A schema, policies and an environment in it. */
struct fixture {
    struct arena arena;
    struct cedar_schema *schema;
    struct cedar_policy_set *set;
    struct cedar_diagnostics diagnostics;
    struct symbolic s;
};

/* Not opened when memory is refused. */
static enum status open_environment(struct fixture *f, const char *action)
{
    bool is_view = str_eq(action, "view");
    struct symbolic_environment environment = {f->schema,
                                               is_view ? SLICE("User") : SLICE("Group"),
                                               is_view ? SLICE("Photo") : SLICE("Group"),
                                               {SLICE("Action"), slice_view_cstr(action)}};
    return symbolic_open(&f->s, &environment, &f->arena, NULL);
}

static void set_up(struct fixture *f, const char *policies)
{
    struct cedar_schema_source schema = {{SLICE("schema"), slice_view_cstr(SCHEMA)},
                                         CEDAR_FORM_TEXT};
    struct cedar_source source = {SLICE("policies"), slice_view_cstr(policies)};
    arena_init(&f->arena, ARENA_BYTES, NULL);
    CHECK(cedar_schema_parse(&schema, 1, &f->schema, &f->diagnostics, NULL) == STATUS_OK);
    CHECK(cedar_policy_set_parse(&source, 1, false, &f->set, &f->diagnostics) == STATUS_OK);
    CHECK(open_environment(f, "view") == STATUS_OK);
}

static void tear_down(struct fixture *f)
{
    cedar_policy_set_free(f->set);
    cedar_schema_free(f->schema);
    arena_release(&f->arena);
}

static struct fixture fixture;

/* -- environments -------------------------------------------------------------------------- */

static const struct {
    const char *name, *principal, *action, *resource, *code;
} ENVIRONMENTS[] = {
    {"declared", "User", "view", "Photo", NULL},
    {"unknown action", "User", "edit", "Photo", "cedar.action"},
    {"a group of actions applies to nothing", "User", "all", "Photo", "cedar.principal"},
    {"unknown principal type", "Robot", "view", "Photo", "cedar.principal"},
    {"principal does not apply", "Photo", "view", "Photo", "cedar.principal"},
    {"resource does not apply", "User", "view", "User", "cedar.resource"},
    {"no resource type", "User", "view", "", "cedar.resource"},
};

TEST(symbolic_environments_are_the_schemas)
{
    struct fixture *f = &fixture;
    set_up(f, "");
    for (size_t i = 0; i < COUNT_OF(ENVIRONMENTS); i++) {
        struct symbolic s;
        struct diag diag = {0};
        struct symbolic_environment environment = {
            f->schema,
            slice_view_cstr(ENVIRONMENTS[i].principal),
            slice_view_cstr(ENVIRONMENTS[i].resource),
            {SLICE("Action"), slice_view_cstr(ENVIRONMENTS[i].action)}};
        enum status status = symbolic_open(&s, &environment, &f->arena, &diag);
        CHECK_ROW(ENVIRONMENTS[i].name, str_eq(diag.code, ENVIRONMENTS[i].code));
        CHECK_ROW(ENVIRONMENTS[i].name,
                  status == (ENVIRONMENTS[i].code == NULL ? STATUS_OK : STATUS_INVALID));
    }
    tear_down(f);
}

/* -- what is refused ----------------------------------------------------------------------- */

static const struct {
    const char *policy, *code, *message; /* message: a part of it */
} POLICIES[] = {
    {"permit(principal, action, resource);", NULL, NULL},
    {"permit(principal == ?principal, action, resource);", "cedar.template", "'policy0'"},
    {"permit(principal in ?principal, action, resource in ?resource);", "cedar.template", ""},
    {"permit(principal, action, resource) when { [] == [] };", "cedar.policy", "empty set"},
    {"permit(principal, action, resource) when { principal.age > 1 };", "cedar.policy", "optional"},
    {"permit(principal, action, resource) when { principal.nme == \"\" };", "cedar.policy",
     "no attribute"},
    {"permit(principal, action, resource) when { principal.name == 1 };", "cedar.policy",
     "do not go together"},
    {"permit(principal, action, resource) when { principal.getTag(\"x\") == 1 };", "cedar.policy",
     "tag"},
    {"permit(principal, action, resource) when { 1 };", "cedar.policy", "Bool"},
    {"permit(principal, action, resource) when { ip(principal.name).isIpv4() };", "cedar.policy",
     "literal"},
    {"permit(principal == Robot::\"x\", action, resource);", "cedar.policy", "does not declare"},
    {"permit(principal, action, resource) when { principal.color == Color::\"red\" };", NULL, NULL},
    {"permit(principal, action, resource) when { principal.color == Color::\"green\" };",
     "cedar.policy", "no id 'green'"},
    {"permit(principal, action, resource) when { principal.name == \"\xF0\xAF\xBF\xBF\" };", NULL,
     NULL},
    {"permit(principal, action, resource) when { principal.name == \"\xF0\xB0\x80\x80\" };",
     "cedar.symbolic", "U+2FFFF"},
    {"permit(principal, action, resource) when { principal.name like \"*\xF4\x8F\xBF\xBF\" };",
     "cedar.symbolic", "U+2FFFF"},
    {"permit(principal == User::\"\xF0\xB0\x80\x80\", action, resource);", "cedar.symbolic", ""},
    /* What is not reached in this environment need not be right, nor expressible. */
    {"permit(principal is Group, action, resource) when { principal.name == 1 };", NULL, NULL},
    {"permit(principal, action == Action::\"group\", resource) when { context.x };", NULL, NULL},
    {"permit(principal, action, resource) when { true || principal.name == \"\xF0\xB0\x80\x80\" };",
     NULL, NULL},
};

static bool has_text(const char *message, const char *part)
{
    return part == NULL || strstr(message, part) != NULL;
}

TEST(symbolic_refuses_what_has_no_meaning)
{
    struct fixture *f = &fixture;
    for (size_t i = 0; i < COUNT_OF(POLICIES); i++) {
        struct symbolic_policy policy;
        struct diag diag = {0};
        set_up(f, POLICIES[i].policy);
        enum status status = symbolic_compile(&f->s, f->set, 0, &policy, &diag);
        CHECK_ROW(POLICIES[i].policy, str_eq(diag.code, POLICIES[i].code));
        CHECK_ROW(POLICIES[i].policy, has_text(diag.message, POLICIES[i].message));
        CHECK_ROW(POLICIES[i].policy,
                  status == (POLICIES[i].code == NULL ? STATUS_OK : STATUS_INVALID));
        tear_down(f);
    }
}

TEST(symbolic_sets_leave_templates_out)
{
    struct fixture *f = &fixture;
    struct symbolic_policies all;
    set_up(f, "permit(principal == ?principal, action, resource);"
              "forbid(principal, action, resource);");
    CHECK(symbolic_compile_set(&f->s, f->set, &all, NULL) == STATUS_OK && all.count == 1);
    CHECK(all.items[0].effect == CEDAR_FORBID);
    tear_down(f);
    set_up(f,
           "forbid(principal, action, resource); permit(principal, action, resource) when { 1 };");
    CHECK(symbolic_compile_set(&f->s, f->set, &all, NULL) == STATUS_INVALID);
    tear_down(f);
}

TEST(symbolic_refuses_links)
{
    struct fixture *f = &fixture;
    struct cedar_uid ann = {SLICE("User"), SLICE("ann")};
    struct cedar_link link = {SLICE("policy0"), SLICE("ann"), &ann, NULL};
    struct cedar_policy_set *linked = NULL;
    struct symbolic_policy policy;
    struct diag diag = {0};
    size_t index = 0;
    set_up(f, "permit(principal == ?principal, action, resource);");
    CHECK(cedar_policy_set_link(f->set, &link, 1, &linked, NULL) == STATUS_OK);
    CHECK(cedar_policy_find(linked, SLICE("ann"), &index));
    CHECK(symbolic_compile(&f->s, linked, index, &policy, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "cedar.link") && has_text(diag.message, "'ann'"));
    cedar_policy_set_free(linked);
    tear_down(f);
}

/* -- what needs no solver ------------------------------------------------------------------ */

enum answer {
    ANSWER_YES, /* nothing refutes it: a false assertion */
    ANSWER_NO,  /* anything does: no assertion */
    ANSWER_OPEN,
};

static const struct {
    const char *left, *right; /* conditions */
    enum cedar_question question;
    enum answer answer;
} ANSWERS[] = {
    {"true", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"true", NULL, CEDAR_NEVER_MATCHES, ANSWER_NO},
    {"true", NULL, CEDAR_NEVER_ERRORS, ANSWER_YES},
    {"false", NULL, CEDAR_NEVER_MATCHES, ANSWER_YES},
    {"1 + 1 == 2", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"9223372036854775807 + 1 == 2", NULL, CEDAR_NEVER_ERRORS, ANSWER_NO},
    {"9223372036854775807 + 1 == 2", NULL, CEDAR_NEVER_MATCHES, ANSWER_YES},
    {"context.n + 1 > 0", NULL, CEDAR_NEVER_ERRORS, ANSWER_OPEN},
    {"context.n * 0 == 0", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_OPEN},
    {"principal has age && principal.age > 1", NULL, CEDAR_NEVER_ERRORS, ANSWER_YES},
    {"principal.name == \"a\" && principal has age && principal.age > 1 && principal has boss && "
     "principal.boss.name == \"b\"",
     NULL, CEDAR_NEVER_ERRORS, ANSWER_YES},
    {"if principal has age then principal.age > 1 else true", NULL, CEDAR_NEVER_ERRORS, ANSWER_YES},
    {"principal.hasTag(\"a\") && principal.getTag(\"a\") > 1", NULL, CEDAR_NEVER_ERRORS,
     ANSWER_YES},
    {"resource.seen.toDate() == resource.seen", NULL, CEDAR_NEVER_ERRORS, ANSWER_OPEN},
    {"action in Action::\"all\"", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"action == Action::\"group\"", NULL, CEDAR_NEVER_MATCHES, ANSWER_YES},
    {"principal is User", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"resource in Group::\"a\"", NULL, CEDAR_NEVER_MATCHES, ANSWER_YES},
    {"principal == principal", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"principal in principal", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"context.groups.containsAll(context.groups)", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"[1, 2].containsAny([context.n, 2])", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"principal.name like \"*\"", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"ip(\"10.0.0.0/8\").isInRange(ip(\"10.0.0.0/7\"))", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_YES},
    {"context.n > 1", NULL, CEDAR_ALWAYS_MATCHES, ANSWER_OPEN},
    {"context.n > 1", NULL, CEDAR_NEVER_MATCHES, ANSWER_OPEN},
    {"context.n > 1", "!(context.n <= 1)", CEDAR_MATCHES_EQUIVALENT, ANSWER_YES},
    {"context.n > 1", "context.n <= 1", CEDAR_MATCHES_DISJOINT, ANSWER_YES},
    {"context.n > 1", "context.n <= 1", CEDAR_MATCHES_EQUIVALENT, ANSWER_NO},
    {"context.n > 1 && principal has age", "principal has age", CEDAR_MATCHES_IMPLIES, ANSWER_YES},
    {"principal has age", "context.n > 1 && principal has age", CEDAR_MATCHES_IMPLIES, ANSWER_OPEN},
    {"principal.name == \"a\"", "principal.name == \"b\"", CEDAR_MATCHES_DISJOINT, ANSWER_OPEN},
    {"true", NULL, CEDAR_ALWAYS_ALLOWS, ANSWER_YES},
    {"true", NULL, CEDAR_ALWAYS_DENIES, ANSWER_NO},
    {"false", NULL, CEDAR_ALWAYS_DENIES, ANSWER_YES},
    {"context.n > 1", NULL, CEDAR_ALWAYS_DENIES, ANSWER_OPEN},
    {"context.n > 1", "!(context.n <= 1)", CEDAR_EQUIVALENT, ANSWER_YES},
    {"context.n > 1", "1 < context.n", CEDAR_EQUIVALENT, ANSWER_OPEN},
    {"context.n > 1", "true", CEDAR_IMPLIES, ANSWER_YES},
    {"true", "context.n > 1", CEDAR_IMPLIES, ANSWER_OPEN},
    {"true", "true", CEDAR_DISJOINT, ANSWER_NO},
    {"true", "false", CEDAR_DISJOINT, ANSWER_YES},
};

static enum answer answer_of(const struct symbolic_query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        bool is_known = query->assertions[i]->kind == TERM_TRUTH;
        if (is_known) {
            CHECK(query->count == 1 && !query->assertions[i]->as.truth);
            return ANSWER_YES;
        }
    }
    return query->count == 0 ? ANSWER_NO : ANSWER_OPEN;
}

TEST(symbolic_answers_what_folds)
{
    struct fixture *f = &fixture;
    for (size_t i = 0; i < COUNT_OF(ANSWERS); i++) {
        char text[1024];
        struct symbolic_policies both = {0};
        struct symbolic_query query;
        const char *right = ANSWERS[i].right == NULL ? "true" : ANSWERS[i].right;
        snprintf(text, sizeof(text),
                 "permit(principal, action, resource) when { %s };"
                 "permit(principal, action, resource) when { %s };",
                 ANSWERS[i].left, right);
        set_up(f, text);
        CHECK_ROW(ANSWERS[i].left,
                  symbolic_compile_set(&f->s, f->set, &both, NULL) == STATUS_OK && both.count == 2);
        struct symbolic_policies one = {both.items, 1};
        struct symbolic_policies other = {both.items + 1, 1};
        CHECK_ROW(ANSWERS[i].left,
                  cedar_question_has_two_sides(ANSWERS[i].question) == (ANSWERS[i].right != NULL));
        CHECK_ROW(ANSWERS[i].left,
                  symbolic_ask(&f->s, ANSWERS[i].question, &one,
                               ANSWERS[i].right == NULL ? NULL : &other, &query) == STATUS_OK);
        CHECK_ROW(ANSWERS[i].left, answer_of(&query) == ANSWERS[i].answer);
        tear_down(f);
    }
}

TEST(symbolic_sets_follow_the_rules_of_decisions)
{
    struct fixture *f = &fixture;
    struct symbolic_policies all;
    struct symbolic_query query;
    set_up(f, "permit(principal, action, resource);"
              "forbid(principal, action, resource) when { context.n > 1 };"
              "forbid(principal, action, resource) when { 9223372036854775807 + 1 == 0 };"
              "forbid(principal, action, resource);");
    CHECK(symbolic_compile_set(&f->s, f->set, &all, NULL) == STATUS_OK && all.count == 4);
    struct symbolic_policies none = {all.items, 0};
    struct symbolic_policies permit = {all.items, 1};
    struct symbolic_policies some = {all.items, 2};
    struct symbolic_policies erring[] = {{all.items + 2, 1}, {all.items, 1}};
    CHECK(symbolic_ask(&f->s, CEDAR_ALWAYS_DENIES, &none, NULL, &query) == STATUS_OK &&
          answer_of(&query) == ANSWER_YES);
    CHECK(symbolic_ask(&f->s, CEDAR_ALWAYS_DENIES, &all, NULL, &query) == STATUS_OK &&
          answer_of(&query) == ANSWER_YES);
    CHECK(symbolic_ask(&f->s, CEDAR_ALWAYS_ALLOWS, &some, NULL, &query) == STATUS_OK &&
          answer_of(&query) == ANSWER_OPEN);
    CHECK(symbolic_ask(&f->s, CEDAR_IMPLIES, &some, &permit, &query) == STATUS_OK &&
          answer_of(&query) == ANSWER_YES);
    CHECK(symbolic_ask(&f->s, CEDAR_IMPLIES, &permit, &some, &query) == STATUS_OK &&
          answer_of(&query) == ANSWER_OPEN);
    CHECK(symbolic_ask(&f->s, CEDAR_NEVER_MATCHES, &erring[0], NULL, &query) == STATUS_OK &&
          answer_of(&query) == ANSWER_YES);
    tear_down(f);
}

/* -- hierarchies --------------------------------------------------------------------------- */

TEST(symbolic_footprints_are_what_is_searched)
{
    struct fixture *f = &fixture;
    struct symbolic_policies p;
    set_up(f, "permit(principal == User::\"a\", action, resource);"
              "permit(principal in Group::\"a\", action, resource);"
              "permit(principal, action, resource) when { principal has boss &&"
              " (if context.n > 1 then principal.boss else resource.owner) in context.groups };");
    CHECK(symbolic_compile_set(&f->s, f->set, &p, NULL) == STATUS_OK && p.count == 3);
    CHECK(p.items[0].footprint_count == 0);
    CHECK(p.items[1].footprint_count == 1 && p.items[1].footprint[0].value == f->s.principal);
    /* Also principal and resource, although only their attributes are searched for. */
    CHECK(p.items[2].footprint_count == 4);
    size_t failing = 0;
    for (size_t i = 0; i < p.items[2].footprint_count; i++) {
        CHECK(p.items[2].footprint[i].value->type->kind == TERM_TYPE_ENTITY);
        failing += p.items[2].footprint[i].fails->kind == TERM_TRUTH ? 0 : 1;
    }
    CHECK(failing == 1);
    tear_down(f);
}

static const char ENTITIES[] =
    "[{\"uid\": {\"type\": \"Group\", \"id\": \"low\"}, \"attrs\": {}, \"parents\": [{\"type\":"
    " \"Group\", \"id\": \"mid\"}]}, {\"uid\": {\"type\": \"Group\", \"id\": \"mid\"}, \"attrs\":"
    " {}, \"parents\": [{\"type\": \"Group\", \"id\": \"top\"}]}, {\"uid\": {\"type\": \"Group\","
    " \"id\": \"top\"}, \"attrs\": {}, \"parents\": []}]";

/* low is in mid, and mid is in top. */
enum damage {
    WHOLE,
    CUT,  /* low is not in top */
    RING, /* mid and top are in themselves and each other */
};

static const struct {
    const char *name, *condition;
    enum damage damage;
    bool matches, is_counterexample; /* the policy matches there; all assertions hold */
} STORES[] = {
    {"whole", "principal in Group::\"mid\" && Group::\"mid\" in resource", WHOLE, true, true},
    {"whole, other way", "resource in Group::\"mid\"", WHOLE, false, false},
    {"cut", "principal in Group::\"mid\" && Group::\"mid\" in resource && !(principal in resource)",
     CUT, true, false},
    {"cut, but nobody asks", "principal in Group::\"mid\" && !(principal in resource)", CUT, true,
     true},
    {"ring",
     "Group::\"mid\" in resource && resource in Group::\"mid\" && resource != Group::\"mid\"", RING,
     true, false},
    {"ring, but nobody asks", "principal in Group::\"mid\"", RING, true, true},
};

static void set_ancestors(struct fixture *f, struct stored_entity *item, const char *first,
                          const char *second)
{
    struct cedar_uid *ancestors = arena_alloc_zero(&f->arena, 2, sizeof(*ancestors));
    ancestors[0] = (struct cedar_uid){SLICE("Group"), slice_view_cstr(first)};
    ancestors[1] = (struct cedar_uid){SLICE("Group"), slice_view_cstr(second)};
    item->data.ancestors = ancestors;
    item->data.ancestor_count = second == NULL ? 1 : 2;
}

/* What a closed store never is, and a solver might make up. */
static void damage(struct fixture *f, struct cedar_entity_store *store, enum damage kind)
{
    for (size_t i = 0; i < store->count; i++) {
        struct stored_entity *item = &store->items[i];
        bool is_low = slice_eq(item->uid.id, SLICE("low"));
        if (kind == CUT && is_low) {
            set_ancestors(f, item, "mid", NULL);
        } else if (kind == RING && !is_low && slice_eq(item->uid.type, SLICE("Group"))) {
            set_ancestors(f, item, "mid", "top");
        }
    }
}

static struct cedar_entity_store *read_store(struct fixture *f)
{
    struct cedar_entity_store *store = NULL;
    struct cedar_source source = {SLICE("entities"), slice_view_cstr(ENTITIES)};
    CHECK(cedar_entity_store_new(&f->arena, &store) == STATUS_OK &&
          cedar_entities_read(&source, f->schema, &f->arena, store, &f->diagnostics) == STATUS_OK &&
          cedar_entity_store_close(store) == STATUS_OK);
    return store;
}

static void check_store(struct fixture *f, size_t row)
{
    static const struct cedar_list NOTHING = {NULL, 0};
    struct cedar_entity_store *store = read_store(f);
    struct cedar_entities view = cedar_entity_store_view(store);
    struct cedar_request request = {.principal = {SLICE("Group"), SLICE("low")},
                                    .action = {SLICE("Action"), SLICE("group")},
                                    .resource = {SLICE("Group"), SLICE("top")},
                                    .context = cedar_record(&NOTHING),
                                    .entities = &view};
    struct known_world w;
    struct symbolic_policies policies;
    struct symbolic_query query;
    const char *name = STORES[row].name;
    bool all = true;
    damage(f, store, STORES[row].damage);
    CHECK_ROW(name, known_world_open(&w, f->schema, &request, &f->arena) == STATUS_OK);
    CHECK_ROW(name, symbolic_compile_set(&w.s, f->set, &policies, NULL) == STATUS_OK);
    CHECK_ROW(name, symbolic_ask(&w.s, CEDAR_NEVER_MATCHES, &policies, NULL, &query) == STATUS_OK);
    CHECK_ROW(name, known_world_fill(&w) == STATUS_OK);
    for (size_t i = 0; i < query.count; i++) {
        all = all && known_world_value(&w, query.assertions[i]) == term_truth(&w.s.terms, true);
    }
    CHECK_ROW(name, known_world_value(&w, policies.items[0].matches) ==
                        term_truth(&w.s.terms, STORES[row].matches));
    CHECK_ROW(name, all == STORES[row].is_counterexample);
}

TEST(symbolic_refutes_with_well_formed_stores_only)
{
    struct fixture *f = &fixture;
    for (size_t i = 0; i < COUNT_OF(STORES); i++) {
        char text[512];
        snprintf(text, sizeof(text), "permit(principal, action, resource) when { %s };",
                 STORES[i].condition);
        set_up(f, text);
        check_store(f, i);
        tear_down(f);
    }
}

/* -- limits -------------------------------------------------------------------------------- */

static void put(struct buf *out, const char *text)
{
    buf_append(out, slice_view_cstr(text));
}

static enum status compile_text(struct fixture *f, struct buf *text, struct symbolic_query *query)
{
    struct symbolic_policies all;
    buf_append_byte(text, 0);
    set_up(f, (const char *)text->ptr);
    enum status status = symbolic_compile_set(&f->s, f->set, &all, NULL);
    return status != STATUS_OK ? status
                               : symbolic_ask(&f->s, CEDAR_ALWAYS_DENIES, &all, NULL, query);
}

TEST(symbolic_has_no_bound_on_the_size_of_a_set)
{
    struct fixture *f = &fixture;
    struct symbolic_query query;
    struct buf text;
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    for (int i = 0; i < 1000; i++) {
        put(&text, "permit(principal == User::\"");
        buf_append_i64(&text, i);
        put(&text, "\", action, resource) when { principal in Group::\"");
        buf_append_i64(&text, i);
        put(&text, "\" };");
    }
    CHECK(compile_text(f, &text, &query) == STATUS_OK);
    CHECK(answer_of(&query) == ANSWER_OPEN && query.footprint_count == 1);
    tear_down(f);
    buf_release(&text);
}

#define DEPTH 120 /* each level of these shapes is two of the parser */

TEST(symbolic_compiles_the_deepest_policies)
{
    static const char *const SHAPES[][3] = {
        {"!(", "context.n > 1", ")"},
        {"(true && ", "context.n > 1", ")"},
        {"(if context.n > 2 then context.n > 3 else ", "context.n > 1", ")"},
    };
    struct fixture *f = &fixture;
    for (size_t i = 0; i < COUNT_OF(SHAPES); i++) {
        struct symbolic_query query;
        struct buf text;
        buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
        put(&text, "permit(principal, action, resource) when { ");
        for (int k = 0; k < DEPTH; k++) {
            put(&text, SHAPES[i][0]);
        }
        put(&text, SHAPES[i][1]);
        for (int k = 0; k < DEPTH; k++) {
            put(&text, SHAPES[i][2]);
        }
        put(&text, " };");
        CHECK_ROW(SHAPES[i][0], compile_text(f, &text, &query) == STATUS_OK);
        CHECK_ROW(SHAPES[i][0], answer_of(&query) == ANSWER_OPEN);
        tear_down(f);
        buf_release(&text);
    }
}

TEST(symbolic_stops_at_the_limit_on_terms)
{
    struct fixture *f = &fixture;
    struct symbolic_policy policy;
    set_up(f, "permit(principal, action, resource) when { context.n + 1 > 2 };");
    f->s.terms.limit = f->s.terms.count + 3;
    CHECK(symbolic_compile(&f->s, f->set, 0, &policy, NULL) == STATUS_LIMIT);
    f->s.terms.limit = TERMS_MAX;
    CHECK(symbolic_compile(&f->s, f->set, 0, &policy, NULL) == STATUS_OK);
    tear_down(f);
}

/* -- memory -------------------------------------------------------------------------------- */

static const char EVERYTHING[] =
    "permit(principal in Group::\"a\", action in Action::\"all\", resource) when {"
    " principal has boss && principal.boss in context.groups && principal.boss.hasTag(\"t\") &&"
    " principal.boss.getTag(\"t\") + 1 > -context.n && principal.name like \"a*\" &&"
    " {a: [context.n]} == {a: [1]} && context.ip.isInRange(ip(\"10.0.0.0/8\")) &&"
    " resource.seen.toDate() < datetime(\"2024-01-01\") && context.groups.isEmpty() &&"
    " (if principal.color == Color::\"red\" then resource.size else 2) * 3 == 4 };";

static bool ask_everything(void *context)
{
    struct fixture *f = context;
    struct symbolic_policies all;
    struct symbolic_query query;
    arena_release(&f->arena);
    enum status status = open_environment(f, "view");
    if (status == STATUS_OK) {
        status = symbolic_compile_set(&f->s, f->set, &all, NULL);
    }
    if (status == STATUS_OK) {
        status = symbolic_ask(&f->s, CEDAR_EQUIVALENT, &all, &all, &query);
    }
    if (status == STATUS_OK) {
        status = symbolic_ask(&f->s, CEDAR_ALWAYS_ALLOWS, &all, NULL, &query);
    }
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    return status == STATUS_OK;
}

TEST(symbolic_fails_every_allocation)
{
    struct fixture *f = &fixture;
    set_up(f, EVERYTHING);
    check_every_allocation(ask_everything, f);
    tear_down(f);
}
