/* A policy set in one request environment, and a partial request in it. */
#include "cedar/partial/partial.h"
#include "cedar/schema/request.h"

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
    struct policy_typing typing = {query->schema, &out->environment, arena, NULL, diag};
    *out = (struct prepared){.set = query->set, .schema = query->schema};
    TRY(request_environment(query->schema, &request->principal, &request->action,
                            &request->resource, &out->environment, diag));
    TRY(list_actions(out, arena));
    typing.reports = arena_alloc_zero(arena, 1, sizeof(*typing.reports));
    out->policies = arena_alloc_zero(arena, query->set->count, sizeof(*out->policies));
    if (typing.reports == NULL || out->policies == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < query->set->count; i++) {
        const struct policy *policy = &query->set->policies[i];
        if (!policy_is_template(policy)) {
            TRY(policy_typing_type(&typing, policy, &out->policies[i]));
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
