/* Proofs with a solver that says what the test wants. The real ones are run by tests/cedar. */
#include "cedar/prove.h"

#include "support/check.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)

static const char SCHEMA[] =
    "entity Group in [Group]; entity User in [Group] { age: Long, boss?: User } tags String;"
    "entity Color enum [\"red\"]; entity File { color: Color };"
    "action read appliesTo { principal: User, resource: File, context: { n: Long } };";

/* What the solver answers; '%' stands for the function of ancestors of groups, '$' for the
 * constructor of a group. */
struct fake_solver {
    const char *answer;
    enum status status;
    size_t run_count;
};

static struct slice after(struct slice text, const char *word)
{
    struct slice wanted = slice_view_cstr(word);
    for (size_t i = 0; i + wanted.len <= text.len; i++) {
        struct slice rest = slice_sub(text, i, text.len);
        if (slice_starts_with(rest, wanted)) {
            return slice_sub(rest, wanted.len, rest.len);
        }
    }
    return SLICE_EMPTY;
}

/* In "(declare-fun ancestors_5_7 (E5) (Set E5))" the name, and the number of the type. */
static struct slice group_function(struct slice script, struct slice *type)
{
    for (;;) {
        script = after(script, "(declare-fun ");
        struct slice name = slice_sub(script, 0, slice_find_byte(script, ' '));
        struct slice from = after(script, "(E");
        *type = slice_sub(from, 0, slice_find_byte(from, ')'));
        struct slice to = after(from, "(Set E");
        to = slice_sub(to, 0, slice_find_byte(to, ')'));
        if (script.len == 0 ||
            (slice_starts_with(name, SLICE("ancestors")) && slice_eq(*type, to))) {
            return name;
        }
    }
}

static enum status run(void *context, struct slice script, struct buf *answer, struct diag *diag)
{
    struct fake_solver *solver = context;
    struct slice text = slice_view_cstr(solver->answer);
    struct slice type;
    struct slice function = group_function(script, &type);
    solver->run_count++;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '$') {
            buf_append(answer, SLICE("e"));
            buf_append(answer, type);
        } else if (text.ptr[i] == '%') {
            buf_append(answer, function);
        } else {
            buf_append_byte(answer, text.ptr[i]);
        }
    }
    return solver->status == STATUS_UNAVAILABLE
               ? diag_fail(diag, solver->status, "cedar.solver_missing", "there is none")
               : solver->status;
}

struct fixture {
    struct cedar_schema *schema;
    struct cedar_policy_set *sets[2];
    struct arena arena;
    struct fake_solver fake;
    struct diag diag;
    struct cedar_proof proof;
};

static struct cedar_diagnostics diagnostics;

static void set_up(struct fixture *f, const char *first, const char *second)
{
    const char *texts[] = {first, second};
    const struct cedar_schema_source schema = {{SLICE("schema"), slice_view_cstr(SCHEMA)},
                                               CEDAR_FORM_TEXT};
    *f = (struct fixture){0};
    CHECK(cedar_schema_parse(&schema, 1, &f->schema, &diagnostics, NULL) == STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        const struct cedar_source source = {SLICE("policies"), slice_view_cstr(texts[i])};
        CHECK_ROW(texts[i], cedar_policy_set_parse(&source, 1, false, &f->sets[i], &diagnostics) ==
                                STATUS_OK);
    }
    arena_init(&f->arena, ARENA_BYTES_MAX, NULL);
}

static void tear_down(struct fixture *f)
{
    arena_release(&f->arena);
    cedar_policy_set_free(f->sets[0]);
    cedar_policy_set_free(f->sets[1]);
    cedar_schema_free(f->schema);
}

static struct cedar_proof_query query_of(const struct fixture *f, enum cedar_question question)
{
    return (struct cedar_proof_query){.question = question,
                                      .sets = {f->sets[0], f->sets[1]},
                                      .schema = f->schema,
                                      .principal_type = SLICE("User"),
                                      .resource_type = SLICE("File"),
                                      .action = {SLICE("Action"), SLICE("read")}};
}

static enum status prove(struct fixture *f, enum cedar_question question, const char *answer,
                         enum status status)
{
    const struct cedar_proof_query query = query_of(f, question);
    f->fake = (struct fake_solver){.answer = answer, .status = status};
    const struct cedar_solver solver = {&f->fake, CEDAR_SOLVER_CVC5, 1000, run};
    f->diag = (struct diag){0};
    return cedar_prove(&query, &solver, &f->arena, &f->proof, &f->diag);
}

#define ADULT "permit(principal, action, resource) when { principal.age >= 18 };"
#define SUM "permit(principal, action, resource) when { context.n + principal.age > 0 };"

TEST(prove_takes_verdicts_but_believes_no_example)
{
    static const struct {
        const char *name, *policy, *answer;
        enum status solver_status, status;
        enum cedar_verdict verdict;
        const char *code;
        enum cedar_question question;
    } rows[] = {
        {"holds", ADULT, "unsat", STATUS_OK, STATUS_OK, CEDAR_HOLDS, NULL, CEDAR_ALWAYS_DENIES},
        {"everybody is 0 years old", ADULT, "sat ()", STATUS_OK, STATUS_OK, CEDAR_FAILS, NULL,
         CEDAR_ALWAYS_ALLOWS},
        {"a lie", ADULT, "sat ()", STATUS_OK, STATUS_INVALID, CEDAR_UNKNOWN_YET,
         "cedar.solver_answer", CEDAR_ALWAYS_DENIES},
        {"another lie", SUM, "sat ()", STATUS_OK, STATUS_INVALID, CEDAR_UNKNOWN_YET,
         "cedar.solver_answer", CEDAR_NEVER_ERRORS},
        {"unknown", SUM, "unknown", STATUS_OK, STATUS_OK, CEDAR_UNKNOWN_YET, NULL,
         CEDAR_NEVER_ERRORS},
        {"too late", SUM, "uns", STATUS_TIMEOUT, STATUS_OK, CEDAR_UNKNOWN_YET, NULL,
         CEDAR_NEVER_ERRORS},
        {"no solver", SUM, "", STATUS_UNAVAILABLE, STATUS_UNAVAILABLE, CEDAR_UNKNOWN_YET,
         "cedar.solver_missing", CEDAR_NEVER_ERRORS},
        {"no sense", SUM, "(error \"unsat\")", STATUS_OK, STATUS_INVALID, CEDAR_UNKNOWN_YET,
         "cedar.solver_answer", CEDAR_NEVER_ERRORS},
        {"not a word", SUM, "", STATUS_OK, STATUS_INVALID, CEDAR_UNKNOWN_YET, "cedar.solver_answer",
         CEDAR_NEVER_ERRORS},
        {"half a model", SUM, "sat ((define-fun t0 () E0 ", STATUS_OK, STATUS_INVALID,
         CEDAR_UNKNOWN_YET, "cedar.solver_answer", CEDAR_NEVER_ERRORS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        set_up(&f, rows[i].policy, "");
        enum status status = prove(&f, rows[i].question, rows[i].answer, rows[i].solver_status);
        CHECK_ROW(rows[i].name, status == rows[i].status);
        CHECK_ROW(rows[i].name, f.proof.verdict == rows[i].verdict);
        CHECK_ROW(rows[i].name, str_eq(f.diag.code, rows[i].code));
        CHECK_ROW(rows[i].name, f.fake.run_count == 1);
        tear_down(&f);
    }
}

#define ALL "permit(principal, action, resource);"
#define NOBODY "forbid(principal, action, resource);"

/* Every question once with yes and once with no, where formulas fold. */
TEST(prove_asks_no_solver_what_is_plain)
{
    static const struct {
        enum cedar_question question;
        const char *first, *second;
        enum cedar_verdict verdict;
    } rows[] = {
        {CEDAR_NEVER_ERRORS, ADULT, "", CEDAR_HOLDS},
        {CEDAR_ALWAYS_MATCHES, ALL, "", CEDAR_HOLDS},
        {CEDAR_ALWAYS_MATCHES, NOBODY, "", CEDAR_HOLDS},
        {CEDAR_NEVER_MATCHES, ALL, "", CEDAR_FAILS},
        {CEDAR_MATCHES_EQUIVALENT, ALL, NOBODY, CEDAR_HOLDS},
        {CEDAR_MATCHES_EQUIVALENT, ADULT, ADULT, CEDAR_HOLDS},
        {CEDAR_MATCHES_IMPLIES, ADULT, ALL, CEDAR_HOLDS},
        {CEDAR_MATCHES_DISJOINT, ALL, NOBODY, CEDAR_FAILS},
        {CEDAR_ALWAYS_ALLOWS, ALL, "", CEDAR_HOLDS},
        {CEDAR_ALWAYS_ALLOWS, ALL NOBODY, "", CEDAR_FAILS},
        {CEDAR_ALWAYS_DENIES, ALL NOBODY, "", CEDAR_HOLDS},
        {CEDAR_ALWAYS_DENIES, ALL, "", CEDAR_FAILS},
        {CEDAR_ALWAYS_DENIES, "", "", CEDAR_HOLDS},
        {CEDAR_EQUIVALENT, "", NOBODY, CEDAR_HOLDS},
        {CEDAR_EQUIVALENT, ALL, NOBODY, CEDAR_FAILS},
        {CEDAR_IMPLIES, NOBODY, ALL, CEDAR_HOLDS},
        {CEDAR_IMPLIES, ALL, "", CEDAR_FAILS},
        {CEDAR_DISJOINT, ALL, ALL NOBODY, CEDAR_HOLDS},
        {CEDAR_DISJOINT, ALL, ALL, CEDAR_FAILS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        set_up(&f, rows[i].first, rows[i].second);
        CHECK_ROW(rows[i].first, prove(&f, rows[i].question, "", STATUS_INTERNAL) == STATUS_OK);
        CHECK_ROW(rows[i].first, f.proof.verdict == rows[i].verdict);
        CHECK_ROW(rows[i].first, f.fake.run_count == 0);
        tear_down(&f);
    }
}

static const struct cedar_example_entity *find(const struct cedar_example *example,
                                               const char *type, const char *id)
{
    for (size_t i = 0; i < example->count; i++) {
        if (slice_eq(example->items[i].uid.type, slice_view_cstr(type)) &&
            slice_eq(example->items[i].uid.id, slice_view_cstr(id))) {
            return &example->items[i];
        }
    }
    return NULL;
}

/* The example is complete: what the schema requires is there, whoever is mentioned as well. */
TEST(prove_shows_a_whole_example)
{
    struct fixture f;
    set_up(&f, "permit(principal in Group::\"a\", action, resource) when { principal.age >= 18 };",
           "");
    CHECK(prove(&f, CEDAR_ALWAYS_ALLOWS, "sat ()", STATUS_OK) == STATUS_OK);
    const struct cedar_example *example = &f.proof.example;
    const struct cedar_example_entity *user = find(example, "User", "");
    CHECK(f.proof.verdict == CEDAR_FAILS);
    CHECK(user != NULL);
    if (user == NULL) {
        tear_down(&f);
        return;
    }
    struct cedar_value age = {0};
    CHECK(user->data.attributes.as.object.vtable->get(user->data.attributes.as.object.object,
                                                      user->data.attributes.as.object.tag,
                                                      SLICE("age"), &f.arena, &age));
    CHECK(age.kind == CEDAR_LONG && age.as.number == 0);
    CHECK(user->data.tags.kind == CEDAR_RECORD && user->data.ancestor_count == 0);
    CHECK(find(example, "File", "") != NULL && find(example, "Color", "red") != NULL);
    CHECK(find(example, "Group", "a") != NULL && example->count == 4);
    CHECK(slice_eq(example->request.action.id, SLICE("read")));
    CHECK(example->request.context.kind == CEDAR_RECORD);
    struct cedar_entity_data data;
    CHECK(example->entities.find(example->entities.context, &example->request.action, &data));
    tear_down(&f);
}

#define NESTED                                                                                     \
    "permit(principal, action, resource) when { Group::\"a\" in Group::\"b\" && "                  \
    "(Group::\"b\" in Group::\"c\" || principal.age > 5) };"

/* Hierarchies of what no policy looks at may go in circles in a model; those of others may not. */
TEST(prove_repairs_hierarchies)
{
    static const struct {
        const char *name, *body;
        enum status status;
        size_t ancestors; /* of Group::"a" */
    } rows[] = {
        {"of others in a circle",
         "(ite (= g ($ \"a\")) (set.singleton ($ \"c\")) (set.insert ($ \"c\") ($ \"d\") "
         "(as set.empty S)))",
         STATUS_OK, 1},
        {"of both in a circle",
         "(ite (= g ($ \"a\")) (set.singleton ($ \"b\")) (set.singleton ($ \"a\")))",
         STATUS_INVALID, 0},
        {"of itself", "(set.singleton ($ \"a\"))", STATUS_INVALID, 0},
        {"of another type", "(set.singleton (e99 \"a\"))", STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        struct buf answer;
        set_up(&f, NESTED, "");
        buf_init(&answer, 1000, NULL);
        buf_append(&answer, SLICE("sat ((define-fun % ((g E)) S "));
        buf_append(&answer, slice_view_cstr(rows[i].body));
        buf_append(&answer, SLICE("))"));
        buf_append_byte(&answer, '\0');
        CHECK_ROW(rows[i].name, prove(&f, CEDAR_ALWAYS_ALLOWS, (const char *)answer.ptr,
                                      STATUS_OK) == rows[i].status);
        const struct cedar_example_entity *group = find(&f.proof.example, "Group", "a");
        CHECK_ROW(rows[i].name, (group != NULL) == (rows[i].status == STATUS_OK));
        CHECK_ROW(rows[i].name, group == NULL || group->data.ancestor_count == rows[i].ancestors);
        buf_release(&answer);
        tear_down(&f);
    }
}

TEST(prove_refuses_what_cannot_be_asked)
{
    static const struct {
        const char *policy, *principal, *action, *code;
    } rows[] = {
        {ADULT, "Users", "read", "cedar.principal"},
        {ADULT, "Group", "read", "cedar.principal"},
        {ADULT, "User", "write", "cedar.action"},
        {"permit(principal, action, resource) when { principal.ages > 1 };", "User", "read",
         "cedar.policy"},
        {"permit(principal, action, resource) when { [] == [] };", "User", "read", "cedar.policy"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        set_up(&f, rows[i].policy, "");
        struct cedar_proof_query query = query_of(&f, CEDAR_ALWAYS_DENIES);
        const struct cedar_solver solver = {&f.fake, CEDAR_SOLVER_CVC5, 1000, run};
        query.principal_type = slice_view_cstr(rows[i].principal);
        query.action.id = slice_view_cstr(rows[i].action);
        f.fake.answer = "unsat";
        CHECK_ROW(rows[i].policy,
                  cedar_prove(&query, &solver, &f.arena, &f.proof, &f.diag) == STATUS_INVALID);
        CHECK_ROW(rows[i].policy, str_eq(f.diag.code, rows[i].code));
        CHECK_ROW(rows[i].policy, f.proof.verdict == CEDAR_UNKNOWN_YET && f.fake.run_count == 0);
        tear_down(&f);
    }
}

static bool prove_once(void *context)
{
    struct fixture *f = context;
    const struct cedar_proof_query query = query_of(f, CEDAR_ALWAYS_ALLOWS);
    const struct cedar_solver solver = {&f->fake, CEDAR_SOLVER_CVC5, 1000, run};
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    enum status status = cedar_prove(&query, &solver, &arena, &f->proof, NULL);
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    CHECK(f->proof.verdict == (status == STATUS_OK ? CEDAR_FAILS : CEDAR_UNKNOWN_YET));
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(prove_survives_every_failed_allocation)
{
    struct fixture f;
    set_up(&f, ADULT, "");
    f.fake.answer = "sat ()";
    check_every_allocation(prove_once, &f);
    tear_down(&f);
}
