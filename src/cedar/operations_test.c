/* Every operation of the library on one small world: with each allocation failing in turn, and from
 * several threads at once, which share all that is immutable. What the operations answer in detail
 * is tested elsewhere. */
#include "support/check.h"

#include "cedar/cedar.h"

#include <pthread.h>
#include <stdlib.h>

#define ARENA_BYTES ((size_t)16 << 20)
#define TEXT_BYTES ((size_t)1 << 20)
#define THREADS 4
#define ROUNDS 8

static const char SCHEMA[] =
    "namespace N { @doc(\"d\") entity Group in [Group]; entity Kind enum [\"a\", \"b\"];"
    " type Place = {address: ipaddr, since?: datetime};"
    " entity User in [Group] {name: String, age?: Long, boss?: User, place: Place, kind: Kind,"
    "  scores: Set<decimal>} tags Set<String>;"
    " action all; action read, write in [all] appliesTo {principal: User, resource: Group,"
    "  context: {who: User, when?: duration}}; }";

#define FIRST                                                                                      \
    "// first\n"                                                                                   \
    "@id(\"one\") permit(principal is N::User in N::Group::\"g\", action in "                      \
    "[N::Action::\"read\", N::Action::\"write\"], resource) when { principal has boss && "         \
    "principal.boss.name like \"v*\" && principal has age && [1, 2].contains(principal.age) "      \
    "}; // last\n"

#define PLAIN                                                                                      \
    FIRST                                                                                          \
    "@id(\"two\") forbid(principal, action, resource == N::Group::\"h\") unless { "                \
    "context.who has boss.name || context.who == principal && "                                    \
    "{a: principal.place.address}.a.isInRange(ip(\"10.0.0.0/8\")) };\n"                            \
    "@id(\"three\") permit(principal, action == N::Action::\"read\", resource) when { "            \
    "principal.hasTag(\"t\") && principal.getTag(\"t\").contains(\"b\") && context has when && "   \
    "context.when > duration(\"1h\") && principal in [resource, N::Group::\"h\"] };\n"

#define TEMPLATE                                                                                   \
    "@id(\"template\") permit(principal == ?principal, action, resource in ?resource) "            \
    "when { if context has when then true else principal has age && principal.age + 1 < 3 };\n"

static const char ENTITIES[] =
    "[{\"uid\": {\"type\": \"N::Group\", \"id\": \"g\"}, \"attrs\": {}, \"parents\": []},"
    " {\"uid\": {\"type\": \"N::User\", \"id\": \"v\"}, \"attrs\": {\"name\": \"v\\n\","
    "  \"place\": {\"address\": \"::1\"}, \"kind\": {\"type\": \"N::Kind\", \"id\": \"b\"},"
    "  \"scores\": []}, \"parents\": []},"
    " {\"uid\": {\"__entity\": {\"type\": \"N::User\", \"id\": \"u\"}}, \"attrs\": {"
    "  \"name\": \"u\", \"age\": 1, \"boss\": {\"__entity\": {\"type\": \"N::User\", \"id\": "
    "\"v\"}},"
    "  \"place\": {\"address\": \"10.1.2.3\", \"since\": {\"__extn\": {\"fn\": \"datetime\","
    "  \"arg\": \"2024-02-29\"}}}, \"kind\": {\"__entity\": {\"type\": \"N::Kind\", \"id\": "
    "\"a\"}},"
    "  \"scores\": [{\"__extn\": {\"fn\": \"decimal\", \"arg\": \"1.5\"}}]},"
    "  \"tags\": {\"t\": [\"a\", \"b\"]}, \"parents\": [{\"type\": \"N::Group\", \"id\": \"g\"}]}]";

static const char CONTEXT[] = "{\"who\": {\"__entity\": {\"type\": \"N::User\", \"id\": \"u\"}},"
                              " \"when\": {\"__extn\": {\"fn\": \"duration\", \"arg\": \"1d\"}}}";

static const struct cedar_uid USER = {SLICE_INIT("N::User"), SLICE_INIT("u")};
static const struct cedar_uid GROUP = {SLICE_INIT("N::Group"), SLICE_INIT("g")};
static const struct cedar_uid READ = {SLICE_INIT("N::Action"), SLICE_INIT("read")};

/* What the operations share; nothing of it changes. */
struct world {
    struct arena arena;
    struct cedar_schema *schema;
    struct cedar_policy_set *plain, *set; /* set has a template and a link of it as well */
    struct buf schema_json, set_json, policy_json;
    const struct cedar_expression *expression;
    struct cedar_entity_store *store;
    struct cedar_entities entities, all_prepared;
    struct cedar_request request, prepared, among_prepared;
    struct cedar_partial_request partial;
};

/* What one run of an operation has for itself. */
struct attempt {
    const struct world *world;
    struct arena arena;
    struct buf out;
    struct cedar_diagnostics diagnostics, warnings;
};

static struct cedar_source source_of(const char *text)
{
    return (struct cedar_source){SLICE("source"), slice_view_cstr(text)};
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status parse(struct attempt *a, const char *text)
{
    struct cedar_source source = source_of(text);
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse(&source, 1, true, &set, &a->diagnostics);
    cedar_policy_set_free(set);
    return status;
}

static enum status parse_policies(struct attempt *a)
{
    return parse(a, PLAIN TEMPLATE);
}

static enum status refuse_policies(struct attempt *a)
{
    return parse(a, "permit(principl, action, resource);\n"
                    "permit(principal, action, resource) when { principal.contain(1) };\n"
                    "forbid(principal, action, resource) when { \"\\q\" ? 1 };");
}

static enum status parse_json(struct attempt *a, struct slice text, enum cedar_json_form form)
{
    struct cedar_source source = {SLICE("source"), text};
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse_json(&source, form, &set, &a->diagnostics);
    cedar_policy_set_free(set);
    return status;
}

static enum status parse_policy_set_json(struct attempt *a)
{
    return parse_json(a, buf_view(&a->world->set_json), CEDAR_JSON_SET);
}

static enum status parse_policy_json(struct attempt *a)
{
    return parse_json(a, buf_view(&a->world->policy_json), CEDAR_JSON_POLICY);
}

static enum status refuse_policy_json(struct attempt *a)
{
    return parse_json(a, SLICE("{\"effect\": \"permt\", \"principal\": {\"op\": \"All\"}}"),
                      CEDAR_JSON_POLICY);
}

static enum status write_policies(struct attempt *a)
{
    const struct cedar_policy_set *set = a->world->set;
    for (size_t i = 0; i < cedar_policy_count(set); i++) {
        TRY(cedar_policy_to_text(set, i, &a->out));
        TRY(cedar_policy_to_json(set, i, &a->out));
    }
    TRY(cedar_policy_set_to_json(set, &a->out));
    return cedar_policy_set_to_text(a->world->plain, &a->out);
}

static enum status format(struct attempt *a)
{
    static const struct cedar_format_options NARROW = {.line_width = 20, .indent = 4};
    struct cedar_source source = source_of(FIRST);
    enum status status = cedar_format(&source, &NARROW, &a->out, &a->diagnostics);
    CHECK(status == STATUS_OK || a->out.len == 0);
    return status;
}

static enum status link_and_remove(struct attempt *a)
{
    static const struct cedar_link LINK = {SLICE_INIT("template"), SLICE_INIT("other"), &USER,
                                           &GROUP};
    static const struct slice GONE[] = {SLICE_INIT("one")};
    struct cedar_policy_set *linked = NULL;
    struct cedar_policy_set *fewer = NULL;
    TRY(cedar_policy_set_link(a->world->set, &LINK, 1, &linked, NULL));
    enum status status = cedar_policy_set_remove(linked, GONE, 1, &fewer, NULL);
    cedar_policy_set_free(linked);
    cedar_policy_set_free(fewer);
    return status;
}

/* -- schemas ------------------------------------------------------------------------------- */

static enum status parse_schema_in(struct attempt *a, struct slice text, enum cedar_form form)
{
    struct cedar_schema_source source = {{SLICE("source"), text}, form};
    struct cedar_schema *schema = NULL;
    enum status status = cedar_schema_parse(&source, 1, &schema, &a->diagnostics, &a->warnings);
    cedar_schema_free(schema);
    return status;
}

static enum status parse_schema(struct attempt *a)
{
    return parse_schema_in(a, slice_view_cstr(SCHEMA), CEDAR_FORM_TEXT);
}

static enum status parse_schema_json(struct attempt *a)
{
    return parse_schema_in(a, buf_view(&a->world->schema_json), CEDAR_FORM_JSON);
}

static enum status refuse_schema(struct attempt *a)
{
    return parse_schema_in(a,
                           SLICE("entity User in [Grup] {a: Strin};\nentity Group; type T = {x: T};"
                                 " action a in b appliesTo {principal: Usr, resource: Group};"),
                           CEDAR_FORM_TEXT);
}

/* From both forms. */
static enum status translate_schema(struct attempt *a, enum cedar_schema_style style)
{
    struct cedar_schema_source text = {source_of(SCHEMA), CEDAR_FORM_TEXT};
    struct cedar_schema_source json = {{SLICE("json"), buf_view(&a->world->schema_json)},
                                       CEDAR_FORM_JSON};
    TRY(cedar_schema_translate(&text, style, &a->out, &a->diagnostics));
    return cedar_schema_translate(&json, style, &a->out, &a->diagnostics);
}

static enum status translate_to_text(struct attempt *a)
{
    return translate_schema(a, CEDAR_SCHEMA_TEXT);
}

static enum status translate_to_json(struct attempt *a)
{
    return translate_schema(a, CEDAR_SCHEMA_JSON);
}

static enum status translate_to_resolved(struct attempt *a)
{
    return translate_schema(a, CEDAR_SCHEMA_JSON_RESOLVED);
}

static enum status validate_as(struct attempt *a, const struct cedar_policy_set *set,
                               struct cedar_validate_options options)
{
    return cedar_validate(set, a->world->schema, &options, &a->diagnostics, &a->warnings);
}

static enum status validate(struct attempt *a)
{
    TRY(validate_as(
        a, a->world->set,
        (struct cedar_validate_options){CEDAR_VALIDATE_STRICT, .has_level = true, .level = 2}));
    return validate_as(a, a->world->set,
                       (struct cedar_validate_options){.mode = CEDAR_VALIDATE_PERMISSIVE});
}

static enum status refuse_invalid(struct attempt *a)
{
    struct cedar_source source =
        source_of("permit(principal is N::Usr, action == N::Action::\"rea\", resource) when { "
                  "principal.nam == 1 || resource.getTag(\"t\") == [] };");
    struct cedar_policy_set *set = NULL;
    TRY(cedar_policy_set_parse(&source, 1, false, &set, &a->diagnostics));
    enum status status = validate_as(a, set, (struct cedar_validate_options){0});
    cedar_policy_set_free(set);
    return status;
}

/* -- data ---------------------------------------------------------------------------------- */

static enum status read_entities(struct attempt *a, const char *text,
                                 const struct cedar_schema *schema)
{
    struct cedar_source source = source_of(text);
    struct cedar_entity_store *store = NULL;
    TRY(cedar_entity_store_new(&a->arena, &store));
    TRY(cedar_entities_read(&source, schema, &a->arena, store, &a->diagnostics));
    return cedar_entity_store_close(store);
}

static enum status read_typed_entities(struct attempt *a)
{
    return read_entities(a, ENTITIES, a->world->schema);
}

static enum status read_plain_entities(struct attempt *a)
{
    return read_entities(a, ENTITIES, NULL);
}

static enum status refuse_entities(struct attempt *a)
{
    return read_entities(a,
                         "[{\"uid\": {\"type\": \"N::User\", \"id\": \"u\"}, \"attrs\": {\"nam\":"
                         " 1}, \"parents\": []}, {\"uid\": null}]",
                         a->world->schema);
}

static enum status read_partial_entities(struct attempt *a)
{
    struct cedar_source source = source_of(ENTITIES);
    const struct cedar_partial_entity *entities = NULL;
    size_t count = 0;
    return cedar_partial_entities_read(&source, a->world->schema, &a->arena, &entities, &count,
                                       &a->diagnostics);
}

static enum status store_entities(struct attempt *a)
{
    static const struct cedar_entity_data NOTHING = {0};
    struct cedar_entity_store *store = NULL;
    TRY(cedar_entity_store_new(&a->arena, &store));
    TRY(cedar_entity_store_add(store, &USER, &NOTHING, &GROUP, 1));
    TRY(cedar_entity_store_add(store, &GROUP, NULL, NULL, 0));
    TRY(cedar_schema_add_actions(a->world->schema, &a->arena, store));
    return cedar_entity_store_close(store);
}

static enum status read_context(struct attempt *a, const char *text)
{
    struct cedar_source source = source_of(text);
    struct cedar_value context;
    return cedar_context_read(&source, a->world->schema, &READ, &a->arena, &context,
                              &a->diagnostics);
}

static enum status read_good_context(struct attempt *a)
{
    return read_context(a, CONTEXT);
}

static enum status refuse_context(struct attempt *a)
{
    return read_context(a, "{\"when\": \"tomorrow\"}");
}

static enum status validate_request(struct attempt *a)
{
    return cedar_request_validate(a->world->schema, &a->world->request, &a->arena, NULL);
}

static enum status prepare_entity(struct attempt *a)
{
    const struct cedar_entities *entities = &a->world->entities;
    const struct cedar_prepared_entity *prepared = NULL;
    struct cedar_entity_data data;
    CHECK(entities->find(entities->context, &USER, &data));
    return cedar_prepare_entity(a->world->set, &USER, &data, &a->arena, &prepared);
}

static enum status prepare_entities(struct attempt *a)
{
    struct cedar_entities prepared;
    return cedar_prepare_entities(a->world->set, a->world->store, &a->arena, &prepared);
}

/* -- decisions ----------------------------------------------------------------------------- */

static enum status decide_as(struct attempt *a, const struct cedar_request *request)
{
    static const struct cedar_options STRICT = {.erroring_forbid_denies = true};
    struct cedar_response response = {.decision = CEDAR_ALLOW};
    enum status status = cedar_authorize(a->world->set, request, &STRICT, &a->arena, &response);
    CHECK((status == STATUS_OK) == (response.decision == CEDAR_ALLOW));
    CHECK(status != STATUS_OK || (response.reason_count == 3 && response.error_count == 0));
    return status;
}

static enum status decide(struct attempt *a)
{
    return decide_as(a, &a->world->request);
}

static enum status decide_prepared(struct attempt *a)
{
    return decide_as(a, &a->world->prepared);
}

static enum status decide_among_prepared(struct attempt *a)
{
    return decide_as(a, &a->world->among_prepared);
}

static enum status may_allow(struct attempt *a)
{
    struct cedar_request request = a->world->request;
    enum cedar_answer answer = CEDAR_ALWAYS;
    request.resource.id = SLICE("h");
    request.context.kind = CEDAR_UNKNOWN;
    enum status status = cedar_may_allow(a->world->set, &request, NULL, &a->arena, &answer);
    CHECK(answer == (status == STATUS_OK ? CEDAR_MAYBE : CEDAR_NEVER));
    return status;
}

static struct cedar_partial_query query_of(const struct attempt *a)
{
    const struct world *w = a->world;
    return (struct cedar_partial_query){w->set, w->schema, &w->partial};
}

static enum status decide_partially(struct attempt *a)
{
    struct cedar_partial_query query = query_of(a);
    struct cedar_partial_response response = {.decision = CEDAR_PARTIAL_ALLOW};
    struct cedar_policy_set *left = NULL;
    enum status status = cedar_partially_authorize(&query, &a->arena, &response, NULL);
    CHECK(response.decision == (status == STATUS_OK ? CEDAR_PARTIAL_OPEN : CEDAR_PARTIAL_DENY));
    TRY(status);
    TRY(cedar_partial_policies(a->world->set, &response, &left));
    cedar_policy_set_free(left);
    return STATUS_OK;
}

static enum status query_resources(struct attempt *a)
{
    static const struct slice IDS[] = {SLICE_INIT("g"), SLICE_INIT("h")};
    struct cedar_partial_query query = query_of(a);
    enum cedar_partial_decision decisions[COUNT_OF(IDS)];
    return cedar_partial_resources(&query, IDS, COUNT_OF(IDS), &a->arena, decisions, NULL);
}

static enum status query_actions(struct attempt *a)
{
    struct cedar_partial_query query = query_of(a);
    const struct cedar_partial_action *actions = NULL;
    size_t count = 0;
    return cedar_partial_actions(&query, &a->arena, &actions, &count, NULL);
}

static enum status read_untyped_context(struct attempt *a)
{
    struct cedar_source source =
        source_of("{\"who\": {\"__entity\": {\"type\": \"N::User\", \"id\": \"u\"}},"
                  " \"when\": {\"__extn\": {\"fn\": \"unknown\", \"arg\": \"w\"}}}");
    struct cedar_value context;
    return cedar_untyped_context_read(&source, &a->arena, &context, &a->diagnostics);
}

static enum status refuse_untyped_context(struct attempt *a)
{
    struct cedar_source source = source_of("{\"when\": {\"__extn\": {\"fn\": \"unknown\"}}}");
    struct cedar_value context;
    return cedar_untyped_context_read(&source, &a->arena, &context, &a->diagnostics);
}

static struct cedar_request without_resource(const struct attempt *a)
{
    struct cedar_request request = a->world->request;
    request.resource = (struct cedar_uid){SLICE_EMPTY, SLICE_EMPTY};
    return request;
}

static enum status validate_untyped_request(struct attempt *a)
{
    struct cedar_request request = without_resource(a);
    return cedar_untyped_request_validate(a->world->schema, &request, &a->arena, NULL);
}

static enum status decide_untyped(struct attempt *a)
{
    struct cedar_request request = without_resource(a);
    struct cedar_partial_response response = {.decision = CEDAR_PARTIAL_ALLOW};
    struct cedar_policy_set *left = NULL;
    enum status status = cedar_authorize_untyped(a->world->set, &request, &a->arena, &response);
    CHECK(response.decision == (status == STATUS_OK ? CEDAR_PARTIAL_OPEN : CEDAR_PARTIAL_DENY));
    TRY(status);
    TRY(cedar_partial_policies(a->world->set, &response, &left));
    cedar_policy_set_free(left);
    return STATUS_OK;
}

static enum status load(void *context, const struct cedar_uid *uids, size_t count,
                        struct arena *arena, struct cedar_loaded_entity *out, struct diag *diag)
{
    const struct cedar_entities *entities = context;
    (void)arena;
    (void)diag;
    for (size_t i = 0; i < count; i++) {
        out[i].exists = entities->find(entities->context, &uids[i], &out[i].data);
    }
    return STATUS_OK;
}

static enum status decide_batched(struct attempt *a)
{
    const struct world *w = a->world;
    struct cedar_entities entities = w->entities;
    struct cedar_entity_loader loader = {&entities, load};
    struct cedar_batched_query query = {w->set, w->schema, &w->request, &loader, 3};
    enum cedar_decision decision = CEDAR_ALLOW;
    enum status status = cedar_authorize_batched(&query, &a->arena, &decision, NULL);
    CHECK((status == STATUS_OK) == (decision == CEDAR_ALLOW));
    return status;
}

/* -- expressions --------------------------------------------------------------------------- */

static enum status parse_expression(struct attempt *a)
{
    struct cedar_source source = source_of("{a: [1, principal], b: \"\\n\"}");
    const struct cedar_expression *expression = NULL;
    return cedar_expression_parse(&source, &a->arena, &expression, &a->diagnostics);
}

static enum status evaluate(struct attempt *a)
{
    struct cedar_value value;
    struct cedar_policy_error error;
    TRY(cedar_expression_evaluate(a->world->expression, &a->world->request, &a->arena, &value,
                                  &error));
    TRY(cedar_value_to_text(&value, &a->arena, &a->out));
    CHECK(slice_eq(buf_view(&a->out),
                   SLICE("{\"a\": [1, N::User::\"u\"], \"b\": ip(\"10.1.2.3\")}")));
    return STATUS_OK;
}

static enum status parse_uid(struct attempt *a)
{
    struct cedar_source source = source_of("N::User::\"a\\u{e9}\"");
    struct cedar_uid uid;
    return cedar_uid_parse(&source, &a->arena, &uid, &a->diagnostics);
}

static enum status render(struct attempt *a)
{
    struct cedar_source source = source_of("permit(principal, action, resource) when { 1 + };");
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse(&source, 1, false, &set, &a->diagnostics);
    if (status == STATUS_INVALID) {
        cedar_diagnostic_render(&a->diagnostics.items[0], source.text, true, &a->out);
        status = buf_status(&a->out);
    }
    return status;
}

static const struct {
    const char *name;
    enum status (*run)(struct attempt *attempt);
    enum status expected;
} OPERATIONS[] = {
    {"parse policies", parse_policies, STATUS_OK},
    {"refuse policies", refuse_policies, STATUS_INVALID},
    {"parse a set in JSON", parse_policy_set_json, STATUS_OK},
    {"parse a policy in JSON", parse_policy_json, STATUS_OK},
    {"refuse a policy in JSON", refuse_policy_json, STATUS_INVALID},
    {"write policies", write_policies, STATUS_OK},
    {"format", format, STATUS_OK},
    {"link and remove", link_and_remove, STATUS_OK},
    {"parse a schema", parse_schema, STATUS_OK},
    {"parse a schema in JSON", parse_schema_json, STATUS_OK},
    {"refuse a schema", refuse_schema, STATUS_INVALID},
    {"translate a schema to text", translate_to_text, STATUS_OK},
    {"translate a schema to JSON", translate_to_json, STATUS_OK},
    {"translate a schema to JSON with all names", translate_to_resolved, STATUS_OK},
    {"validate", validate, STATUS_OK},
    {"refuse what is invalid", refuse_invalid, STATUS_INVALID},
    {"read entities", read_typed_entities, STATUS_OK},
    {"read entities without a schema", read_plain_entities, STATUS_OK},
    {"refuse entities", refuse_entities, STATUS_INVALID},
    {"read partial entities", read_partial_entities, STATUS_OK},
    {"store entities", store_entities, STATUS_OK},
    {"read a context", read_good_context, STATUS_OK},
    {"refuse a context", refuse_context, STATUS_INVALID},
    {"validate a request", validate_request, STATUS_OK},
    {"prepare an entity", prepare_entity, STATUS_OK},
    {"prepare entities", prepare_entities, STATUS_OK},
    {"decide", decide, STATUS_OK},
    {"decide for what is prepared", decide_prepared, STATUS_OK},
    {"decide among prepared entities", decide_among_prepared, STATUS_OK},
    {"may allow", may_allow, STATUS_OK},
    {"decide partially", decide_partially, STATUS_OK},
    {"decide for resources", query_resources, STATUS_OK},
    {"decide for actions", query_actions, STATUS_OK},
    {"read a context without a schema", read_untyped_context, STATUS_OK},
    {"refuse a context without a schema", refuse_untyped_context, STATUS_INVALID},
    {"validate a request of which parts are left out", validate_untyped_request, STATUS_OK},
    {"decide without types", decide_untyped, STATUS_OK},
    {"decide with a loader", decide_batched, STATUS_OK},
    {"parse an expression", parse_expression, STATUS_OK},
    {"evaluate", evaluate, STATUS_OK},
    {"parse a uid", parse_uid, STATUS_OK},
    {"render", render, STATUS_OK},
};

/* -- the world ----------------------------------------------------------------------------- */

static void open_policies(struct world *w)
{
    static struct cedar_diagnostics diagnostics;
    static const struct cedar_link LINK = {SLICE_INIT("template"), SLICE_INIT("link"), &USER,
                                           &GROUP};
    struct cedar_schema_source schema = {source_of(SCHEMA), CEDAR_FORM_TEXT};
    struct cedar_source plain = source_of(PLAIN);
    struct cedar_source all = source_of(PLAIN TEMPLATE);
    struct cedar_source expression = source_of("{a: [1, principal], b: principal.place.address}");
    struct cedar_policy_set *unlinked = NULL;
    CHECK(cedar_schema_parse(&schema, 1, &w->schema, &diagnostics, NULL) == STATUS_OK);
    CHECK(cedar_policy_set_parse(&plain, 1, true, &w->plain, &diagnostics) == STATUS_OK);
    CHECK(cedar_policy_set_parse(&all, 1, true, &unlinked, &diagnostics) == STATUS_OK);
    CHECK(cedar_policy_set_link(unlinked, &LINK, 1, &w->set, NULL) == STATUS_OK);
    CHECK(cedar_expression_parse(&expression, &w->arena, &w->expression, &diagnostics) ==
          STATUS_OK);
    CHECK(cedar_schema_translate(&schema, CEDAR_SCHEMA_JSON, &w->schema_json, &diagnostics) ==
          STATUS_OK);
    CHECK(cedar_policy_set_to_json(w->set, &w->set_json) == STATUS_OK);
    CHECK(cedar_policy_to_json(w->set, 0, &w->policy_json) == STATUS_OK);
    cedar_policy_set_free(unlinked);
}

static const struct cedar_prepared_entity *prepare(struct world *w, const struct cedar_uid *uid)
{
    const struct cedar_prepared_entity *prepared = NULL;
    struct cedar_entity_data data;
    bool exists = w->entities.find(w->entities.context, uid, &data);
    CHECK(cedar_prepare_entity(w->set, uid, exists ? &data : NULL, &w->arena, &prepared) ==
          STATUS_OK);
    return prepared;
}

static void open_data(struct world *w)
{
    static struct cedar_diagnostics diagnostics;
    struct cedar_source entities = source_of(ENTITIES);
    struct cedar_source context = source_of(CONTEXT);
    CHECK(cedar_entity_store_new(&w->arena, &w->store) == STATUS_OK);
    CHECK(cedar_entities_read(&entities, w->schema, &w->arena, w->store, &diagnostics) ==
          STATUS_OK);
    CHECK(cedar_entity_store_close(w->store) == STATUS_OK);
    CHECK(cedar_prepare_entities(w->set, w->store, &w->arena, &w->all_prepared) == STATUS_OK);
    w->entities = cedar_entity_store_view(w->store);
    w->request = (struct cedar_request){
        .principal = USER, .action = READ, .resource = GROUP, .entities = &w->entities};
    CHECK(cedar_context_read(&context, w->schema, &READ, &w->arena, &w->request.context,
                             &diagnostics) == STATUS_OK);
    w->prepared = w->request;
    w->prepared.prepared_principal = prepare(w, &USER);
    w->prepared.prepared_action = prepare(w, &READ);
    w->prepared.prepared_resource = prepare(w, &GROUP);
    w->among_prepared = w->request;
    w->among_prepared.entities = &w->all_prepared;
    w->among_prepared.prepared_principal = cedar_find_prepared(&w->all_prepared, &USER);
    w->partial = (struct cedar_partial_request){.principal = USER,
                                                .action = READ,
                                                .resource = GROUP,
                                                .has_principal = true,
                                                .context = {.kind = CEDAR_UNKNOWN}};
    CHECK(cedar_partial_entities_read(&entities, w->schema, &w->arena, &w->partial.entities,
                                      &w->partial.entity_count, &diagnostics) == STATUS_OK);
}

static void open_world(struct world *w)
{
    *w = (struct world){0};
    arena_init(&w->arena, ARENA_BYTES, NULL);
    buf_init(&w->schema_json, TEXT_BYTES, NULL);
    buf_init(&w->set_json, TEXT_BYTES, NULL);
    buf_init(&w->policy_json, TEXT_BYTES, NULL);
    open_policies(w);
    open_data(w);
}

static void close_world(struct world *w)
{
    cedar_policy_set_free(w->set);
    cedar_policy_set_free(w->plain);
    cedar_schema_free(w->schema);
    buf_release(&w->policy_json);
    buf_release(&w->set_json);
    buf_release(&w->schema_json);
    arena_release(&w->arena);
}

/* -- the tests ----------------------------------------------------------------------------- */

static enum status attempt(struct attempt *a, size_t operation)
{
    arena_init(&a->arena, ARENA_BYTES, NULL);
    buf_init(&a->out, TEXT_BYTES, NULL);
    enum status status = OPERATIONS[operation].run(a);
    buf_release(&a->out);
    arena_release(&a->arena);
    return status;
}

struct failing {
    struct attempt *attempt;
    size_t operation;
};

static bool attempt_with_failures(void *context)
{
    const struct failing *failing = context;
    enum status expected = OPERATIONS[failing->operation].expected;
    enum status status = attempt(failing->attempt, failing->operation);
    CHECK_ROW(OPERATIONS[failing->operation].name, status == expected || status == STATUS_LIMIT);
    return status == expected;
}

TEST(cedar_operations_survive_every_failed_allocation)
{
    struct world world;
    struct attempt *a = calloc(1, sizeof(*a));
    CHECK(a != NULL);
    open_world(&world);
    for (size_t i = 0; a != NULL && i < COUNT_OF(OPERATIONS); i++) {
        struct failing failing = {a, i};
        a->world = &world;
        check_every_allocation(attempt_with_failures, &failing);
    }
    close_world(&world);
    free(a);
}

struct worker {
    pthread_t thread;
    struct attempt attempt;
    size_t failed;
};

/* All operations from all threads, each thread beginning with another. */
static void *attempt_often(void *context)
{
    struct worker *worker = context;
    for (size_t i = 0; i < ROUNDS * COUNT_OF(OPERATIONS); i++) {
        size_t operation = i % COUNT_OF(OPERATIONS);
        worker->failed +=
            attempt(&worker->attempt, operation) == OPERATIONS[operation].expected ? 0 : 1;
    }
    return NULL;
}

TEST(cedar_operations_are_shared_by_threads)
{
    struct world world;
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    CHECK(workers != NULL);
    open_world(&world);
    for (size_t i = 0; workers != NULL && i < THREADS; i++) {
        workers[i].attempt.world = &world;
        CHECK(pthread_create(&workers[i].thread, NULL, attempt_often, &workers[i]) == 0);
    }
    for (size_t i = 0; workers != NULL && i < THREADS; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        CHECK(workers[i].failed == 0);
    }
    close_world(&world);
    free(workers);
}
