/* A policy set in one request environment, and a partial request in it. */
#include "cedar/partial/partial.h"
#include "cedar/schema/request.h"

struct preparing {
    struct prepared *prepared;
    struct arena *arena;
    struct cedar_diagnostics *reports; /* of one policy */
    struct diag *diag;
};

/* The types of a link's values. False when the schema does not have them. */
static bool set_slots(const struct cedar_schema *schema, const struct policy_link *link,
                      struct environment *environment)
{
    if (link != NULL && link->has_principal) {
        environment->principal_slot = schema_entity_find(schema, link->principal.type);
    }
    if (link != NULL && link->has_resource) {
        environment->resource_slot = schema_entity_find(schema, link->resource.type);
    }
    return link == NULL || ((!link->has_principal || environment->principal_slot != SCHEMA_NONE) &&
                            (!link->has_resource || environment->resource_slot != SCHEMA_NONE));
}

static enum status refuse(const struct preparing *preparing, const struct policy *policy)
{
    const struct cedar_diagnostics *reports = preparing->reports;
    if (reports->count > 0) {
        return diag_fail(preparing->diag, STATUS_INVALID, "cedar.policy",
                         "for this action and these types, %s", reports->items[0].message);
    }
    struct slice id = report_clip(policy->id);
    return diag_fail(preparing->diag, STATUS_INVALID, "cedar.policy",
                     "policy '%.*s' names a type that the schema does not declare", SLICE_ARG(id));
}

static enum status type_policy(struct preparing *preparing, const struct policy *policy,
                               struct prepared_policy *out)
{
    struct cedar_source source = {policy->source, policy->source_text};
    struct reporter reporter;
    struct typed typed;
    preparing->reports->count = 0;
    reporter_init(&reporter, &source, preparing->reports);
    out->policy = policy;
    TRY(lower_policy_whole(policy->surface, preparing->arena, &reporter, &out->whole));
    out->types =
        arena_alloc_zero(preparing->arena, out->whole.node_count, sizeof(const struct type *));
    if (out->types == NULL) {
        return STATUS_LIMIT;
    }
    struct typing typing = {.schema = preparing->prepared->schema,
                            .is_strict = true,
                            .environment = preparing->prepared->environment,
                            .arena = preparing->arena,
                            .reporter = &reporter,
                            .policy_id = policy->id,
                            .types = out->types};
    if (!set_slots(typing.schema, policy->link, &typing.environment)) {
        return refuse(preparing, policy);
    }
    TRY(typecheck(&typing, out->whole.expression, NULL, &typed));
    return typed.has_failed || typing.error_count > 0 ? refuse(preparing, policy) : STATUS_OK;
}

static enum status list_actions(struct prepared *prepared, struct arena *arena)
{
    struct cedar_entity_store *store = NULL;
    TRY(cedar_entity_store_new(arena, &store));
    TRY(cedar_schema_add_actions(prepared->schema, arena, store));
    TRY(cedar_entity_store_close(store));
    prepared->actions = cedar_entity_store_view(store);
    return STATUS_OK;
}

enum status partial_prepare(const struct cedar_partial_query *query, struct arena *arena,
                            struct prepared *out, struct diag *diag)
{
    const struct cedar_partial_request *request = query->request;
    struct preparing preparing = {.prepared = out, .arena = arena, .diag = diag};
    *out = (struct prepared){.set = query->set, .schema = query->schema};
    TRY(request_environment(query->schema, &request->principal, &request->action,
                            &request->resource, &out->environment, diag));
    TRY(list_actions(out, arena));
    preparing.reports = arena_alloc_zero(arena, 1, sizeof(*preparing.reports));
    out->policies = arena_alloc_zero(arena, query->set->count, sizeof(*out->policies));
    if (preparing.reports == NULL || out->policies == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < query->set->count; i++) {
        const struct policy *policy = &query->set->policies[i];
        if (!policy_is_template(policy)) {
            TRY(type_policy(&preparing, policy, &out->policies[i]));
        }
    }
    return STATUS_OK;
}

enum status partial_init(struct partial *p, const struct prepared *prepared,
                         const struct cedar_partial_request *request, struct arena *arena,
                         struct diag *diag)
{
    struct conformance c = {.schema = prepared->schema, .arena = arena};
    *p = (struct partial){.prepared = prepared};
    if (request->has_principal) {
        TRY(request_check_entity(&c, &request->principal, "cedar.principal", diag));
    }
    if (request->has_resource) {
        TRY(request_check_entity(&c, &request->resource, "cedar.resource", diag));
    }
    if (request->context.kind != CEDAR_UNKNOWN) {
        TRY(request_check_context(&c, prepared->environment.action, &request->context, diag));
    }
    TRY(partial_entities_init(&p->known, prepared, request, arena, diag));
    p->view = partial_entities_view(&p->known);
    partial_turn(p, request, arena);
    return STATUS_OK;
}

void partial_turn(struct partial *p, const struct cedar_partial_request *request,
                  struct arena *arena)
{
    /* An id that is not known is never asked for. */
    struct cedar_request known = {.principal = request->principal,
                                  .action = request->action,
                                  .resource = request->resource,
                                  .context = request->context,
                                  .entities = &p->view};
    p->request = request;
    p->arena = arena;
    evaluation_init(&p->evaluation, NULL, &known, arena);
}
