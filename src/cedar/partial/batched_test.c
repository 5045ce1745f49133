/* Batched evaluation: what is loaded when, what is refused, and that it decides like
 * cedar_authorize. */
#include "support/cedar_case.h"
#include "support/check.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define LOG_BYTES ((size_t)1 << 16)
#define ROUNDS 4

#define SCHEMA                                                                                     \
    "entity Group;"                                                                                \
    "entity User in [Group] {boss?: User, level: Long} tags Long;"                                 \
    "entity File in [Group] {owner: User, isPublic: Bool};"                                        \
    "action all; action read in all appliesTo {principal: User, resource: File,"                   \
    " context: {approver?: User}};"

#define ENTITIES                                                                                   \
    "[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"level\":1,"                           \
    "\"boss\":{\"type\":\"User\",\"id\":\"b\"}},\"parents\":[{\"type\":\"Group\",\"id\":\"g\"}]}," \
    "{\"uid\":{\"type\":\"User\",\"id\":\"b\"},\"attrs\":{\"level\":2},\"tags\":{\"t\":1},"        \
    "\"parents\":[]},"                                                                             \
    "{\"uid\":{\"type\":\"File\",\"id\":\"f\"},\"attrs\":{\"isPublic\":false,"                     \
    "\"owner\":{\"type\":\"User\",\"id\":\"b\"}},\"parents\":[]}]"

static struct cedar_diagnostics diagnostics;

struct world {
    struct arena arena;
    struct cedar_schema *schema;
    struct cedar_policy_set *set;
    struct cedar_entities entities;
    struct cedar_request request;
    struct cedar_entity_loader loader;
    struct cedar_batched_query query;
    struct buf log;       /* what was loaded: "User::a File::f; User::b" */
    enum status refusal;  /* of the loader */
    bool loads_malformed; /* users without what the schema requires */
};

static enum status load(void *context, const struct cedar_uid *uids, size_t count,
                        struct arena *arena, struct cedar_loaded_entity *out, struct diag *diag)
{
    static const struct cedar_list NOTHING = {NULL, 0};
    struct world *w = context;
    (void)arena;
    buf_append(&w->log, w->log.len > 0 ? SLICE("; ") : SLICE_EMPTY);
    for (size_t i = 0; i < count; i++) {
        buf_append(&w->log, i > 0 ? SLICE(" ") : SLICE_EMPTY);
        buf_append(&w->log, uids[i].type);
        buf_append(&w->log, SLICE("::"));
        buf_append(&w->log, uids[i].id);
        CHECK(!out[i].exists && out[i].data.ancestor_count == 0);
        out[i].exists = w->entities.find(w->entities.context, &uids[i], &out[i].data);
        if (w->loads_malformed) {
            out[i].data.attributes = cedar_record(&NOTHING);
        }
    }
    return w->refusal == STATUS_OK ? STATUS_OK
                                   : diag_fail(diag, w->refusal, "test.loader", "refused");
}

static struct cedar_uid uid(const char *type, const char *id)
{
    return (struct cedar_uid){slice_view_cstr(type), slice_view_cstr(id)};
}

static void open_world(struct world *w, const char *policies)
{
    static const struct cedar_list NOTHING = {NULL, 0};
    struct cedar_schema_source schema = {{SLICE("schema"), SLICE(SCHEMA)}, CEDAR_FORM_TEXT};
    struct cedar_source entities = {SLICE("entities"), SLICE(ENTITIES)};
    struct cedar_source source = {SLICE("policies"), slice_view_cstr(policies)};
    struct cedar_entity_store *store = NULL;
    *w = (struct world){.refusal = STATUS_OK};
    arena_init(&w->arena, ARENA_BYTES, NULL);
    buf_init(&w->log, LOG_BYTES, NULL);
    CHECK(cedar_schema_parse(&schema, 1, &w->schema, &diagnostics, NULL) == STATUS_OK);
    CHECK_ROW(policies,
              cedar_policy_set_parse(&source, 1, false, &w->set, &diagnostics) == STATUS_OK);
    CHECK(cedar_entity_store_new(&w->arena, &store) == STATUS_OK);
    CHECK(cedar_entities_read(&entities, w->schema, &w->arena, store, &diagnostics) == STATUS_OK);
    CHECK(cedar_entity_store_close(store) == STATUS_OK);
    w->entities = cedar_entity_store_view(store);
    w->loader = (struct cedar_entity_loader){w, load};
    w->request = (struct cedar_request){.principal = uid("User", "a"),
                                        .action = uid("Action", "read"),
                                        .resource = uid("File", "f"),
                                        .context = cedar_record(&NOTHING)};
    w->query = (struct cedar_batched_query){w->set, w->schema, &w->request, &w->loader, ROUNDS};
}

static void close_world(struct world *w)
{
    cedar_policy_set_free(w->set);
    cedar_schema_free(w->schema);
    buf_release(&w->log);
    arena_release(&w->arena);
}

/* -- rounds -------------------------------------------------------------------------------- */

#define ALL "(principal, action, resource)"

TEST(batched_loads_what_a_decision_needs)
{
    static const struct {
        const char *policies, *loaded;
        enum cedar_decision decision;
    } rows[] = {
        {"", "", CEDAR_DENY},
        {"permit" ALL ";", "", CEDAR_ALLOW},
        {"permit" ALL " when {principal == User::\"a\"};", "", CEDAR_ALLOW},
        {"permit(principal, action in Action::\"all\", resource);", "", CEDAR_ALLOW},
        {"permit(principal in User::\"a\", action, resource);", "", CEDAR_ALLOW},
        {"permit(principal in Group::\"g\", action, resource);", "User::a", CEDAR_ALLOW},
        {"permit(principal in Group::\"h\", action, resource);", "User::a", CEDAR_DENY},
        {"permit(principal, action, resource in Group::\"g\");", "File::f", CEDAR_DENY},
        {"permit" ALL " when {principal.level < 2};", "User::a", CEDAR_ALLOW},
        {"permit" ALL " when {resource.owner == User::\"b\"};", "File::f", CEDAR_ALLOW},
        {"permit" ALL " when {resource.owner.level == 2};", "File::f; User::b", CEDAR_ALLOW},
        {"permit" ALL " when {principal has boss && principal.boss == resource.owner};",
         "User::a File::f", CEDAR_ALLOW},
        {"permit" ALL " when {principal.level == 1 && resource.isPublic};", "User::a File::f",
         CEDAR_DENY},
        {"permit" ALL " when {principal has boss && principal.boss has boss};", "User::a; User::b",
         CEDAR_DENY},
        {"permit" ALL " when {User::\"b\".hasTag(\"t\") && User::\"b\".getTag(\"t\") == 1};",
         "User::b", CEDAR_ALLOW},
        {"permit" ALL " when {User::\"nobody\" has boss || User::\"nobody\".level == 1};",
         "User::nobody", CEDAR_DENY},
        {"permit" ALL " when {User::\"nobody\" in Group::\"g\"};", "User::nobody", CEDAR_DENY},
        /* Once it is decided nothing more is loaded. */
        {"forbid" ALL "; permit" ALL " when {principal.level == 1};", "", CEDAR_DENY},
        {"forbid" ALL " when {principal.level == 1}; permit" ALL
         " when {resource.owner.level == 2};",
         "User::a File::f", CEDAR_DENY},
        {"permit" ALL "; permit" ALL " when {principal.level == 1};", "", CEDAR_ALLOW},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world w;
        struct diag diag = {0};
        enum cedar_decision decision = CEDAR_DENY;
        open_world(&w, rows[i].policies);
        CHECK_ROW(rows[i].policies,
                  cedar_authorize_batched(&w.query, &w.arena, &decision, &diag) == STATUS_OK);
        CHECK_ROW(rows[i].policies, decision == rows[i].decision);
        CHECK_ROW(rows[i].policies, slice_eq(buf_view(&w.log), slice_view_cstr(rows[i].loaded)));
        close_world(&w);
    }
}

TEST(batched_loads_what_the_context_names)
{
    struct world w;
    struct diag diag = {0};
    enum cedar_decision decision = CEDAR_DENY;
    const struct cedar_field approver = {SLICE("approver"),
                                         cedar_entity(SLICE("User"), SLICE("b"))};
    const struct cedar_list fields = {&approver, 1};
    open_world(&w, "permit" ALL " when {context has approver && context.approver.level == 2};");
    w.request.context = cedar_record(&fields);
    CHECK(cedar_authorize_batched(&w.query, &w.arena, &decision, &diag) == STATUS_OK);
    CHECK(decision == CEDAR_ALLOW && slice_eq(buf_view(&w.log), SLICE("User::b")));
    close_world(&w);
}

/* -- refusals ------------------------------------------------------------------------------ */

#define DEEP "permit" ALL " when {resource.owner.level == 2};"

static void check_refusal(const char *name, struct world *w, enum status status, const char *code)
{
    struct diag diag = {0};
    enum cedar_decision decision = CEDAR_ALLOW;
    CHECK_ROW(name, cedar_authorize_batched(&w->query, &w->arena, &decision, &diag) == status);
    CHECK_ROW(name, str_eq(diag.code, code) && decision == CEDAR_DENY);
    close_world(w);
}

TEST(batched_ends_with_the_rounds)
{
    struct world w;
    for (size_t rounds = 0; rounds < 2; rounds++) {
        open_world(&w, DEEP);
        w.query.rounds_max = rounds;
        check_refusal("too few rounds", &w, STATUS_LIMIT, "cedar.rounds");
    }
    enum cedar_decision decision = CEDAR_DENY;
    open_world(&w, DEEP);
    w.query.rounds_max = 2;
    CHECK(cedar_authorize_batched(&w.query, &w.arena, &decision, NULL) == STATUS_OK);
    CHECK(decision == CEDAR_ALLOW);
    close_world(&w);
    open_world(&w, "permit" ALL " when {context has approver};");
    w.request.context = (struct cedar_value){.kind = CEDAR_UNKNOWN};
    check_refusal("a context that nobody loads", &w, STATUS_LIMIT, "cedar.rounds");
}

TEST(batched_refuses)
{
    struct world w;
    open_world(&w, DEEP);
    w.refusal = STATUS_UNAVAILABLE;
    check_refusal("the loader does", &w, STATUS_UNAVAILABLE, "test.loader");
    open_world(&w, DEEP);
    w.loads_malformed = true;
    check_refusal("an entity that does not fit the schema", &w, STATUS_INVALID, "cedar.entity");
    open_world(&w, DEEP);
    w.request.principal = uid("Person", "a");
    check_refusal("principal", &w, STATUS_INVALID, "cedar.principal");
    open_world(&w, DEEP);
    w.request.action = uid("Action", "write");
    check_refusal("action", &w, STATUS_INVALID, "cedar.action");
    open_world(&w, "permit" ALL " when {resource.owner.nmae == 2};");
    check_refusal("a policy with a type error", &w, STATUS_INVALID, "cedar.policy");
}

static bool try_batched(void *context)
{
    const struct world *w = context;
    enum cedar_decision decision = CEDAR_ALLOW;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = cedar_authorize_batched(&w->query, &arena, &decision, NULL);
    CHECK(status == STATUS_OK || (status == STATUS_LIMIT && decision == CEDAR_DENY));
    CHECK(status != STATUS_OK || decision == CEDAR_ALLOW);
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(batched_with_every_allocation_failing)
{
    struct world w;
    open_world(&w, DEEP);
    check_every_allocation(try_batched, &w);
    close_world(&w);
}

/* -- the official corpora ------------------------------------------------------------------ */

struct progress {
    size_t compared, loaded, allowed;
};

static struct cedar_entities store_of_case;
static struct progress progress;

static enum status load_from_case(void *context, const struct cedar_uid *uids, size_t count,
                                  struct arena *arena, struct cedar_loaded_entity *out,
                                  struct diag *diag)
{
    (void)context;
    (void)arena;
    (void)diag;
    for (size_t i = 0; i < count; i++) {
        out[i].exists = store_of_case.find(store_of_case.context, &uids[i], &out[i].data);
    }
    progress.loaded += count;
    return STATUS_OK;
}

static void check_request(struct cedar_case *c, json_ref item)
{
    static const struct cedar_entity_loader LOADER = {NULL, load_from_case};
    struct cedar_request request;
    struct cedar_response full;
    enum cedar_decision decision = CEDAR_DENY;
    bool is_good = cedar_case_request(c, item, &request) &&
                   cedar_request_validate(c->schema, &request, &c->arena, NULL) == STATUS_OK;
    if (!is_good) {
        return;
    }
    const struct cedar_batched_query query = {c->policies, c->schema, &request, &LOADER, 64};
    CHECK_ROW(c->name, cedar_authorize(c->policies, &request, NULL, &c->arena, &full) == STATUS_OK);
    CHECK_ROW(c->name, cedar_authorize_batched(&query, &c->arena, &decision, NULL) == STATUS_OK);
    CHECK_ROW(c->name, decision == full.decision);
    progress.compared++;
    progress.allowed += decision == CEDAR_ALLOW ? 1 : 0;
}

static void check_case(struct cedar_case *c, void *context)
{
    static const struct cedar_validate_options STRICT = {.mode = CEDAR_VALIDATE_STRICT};
    static struct cedar_diagnostics warnings;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    bool is_valid =
        c->policies != NULL && c->store != NULL &&
        cedar_validate(c->policies, c->schema, &STRICT, &diagnostics, &warnings) == STATUS_OK;
    (void)context;
    if (is_valid) {
        store_of_case = cedar_entity_store_view(c->store);
    }
    json_iter_init(&iter, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    while (is_valid && json_iter_next(&iter, &key, &item)) {
        check_request(c, item);
    }
}

TEST(corpus_cedar_batched_decides_like_full)
{
    if (cedar_case_each(cedar_case_stride(), check_case, NULL) > 0) {
        CHECK(progress.compared > 0 && progress.loaded > 0);
        CHECK(progress.allowed > 0 && progress.allowed < progress.compared);
    }
}
