/* Which resources, which actions? Many partial decisions over one set. */
#include "cedar/eval/growing.h"
#include "cedar/partial/partial.h"
#include "cedar/schema/conformance.h"

/* -- resources ----------------------------------------------------------------------------- */

static enum status decide_each(struct partial *p, const struct slice *ids, size_t count,
                               struct arena *scratch, enum cedar_partial_decision *out)
{
    struct cedar_partial_request request = *p->request;
    struct conformance c = {.schema = p->prepared->schema, .arena = scratch};
    request.has_resource = true;
    for (size_t i = 0; i < count; i++) {
        request.resource.id = ids[i];
        if (conformance_check_uid(&c, &request.resource)) {
            partial_turn(p, &request, scratch);
            TRY(partial_decide(p, NULL, NULL, &out[i]));
            arena_reset(scratch);
        }
    }
    return STATUS_OK;
}

enum status cedar_partial_resources(const struct cedar_partial_query *query,
                                    const struct slice *ids, size_t count, struct arena *arena,
                                    enum cedar_partial_decision *out, struct diag *diag)
{
    struct cedar_partial_request request = *query->request;
    struct cedar_partial_query of_type = {query->set, query->schema, &request};
    struct prepared prepared;
    struct partial p;
    struct arena scratch;
    request.has_resource = false;
    for (size_t i = 0; i < count; i++) {
        out[i] = CEDAR_PARTIAL_DENY;
    }
    TRY(partial_prepare(&of_type, arena, &prepared, diag));
    TRY(partial_init(&p, &prepared, &request, arena, diag));
    arena_init(&scratch, arena->limit_bytes, arena->account);
    enum status status = decide_each(&p, ids, count, &scratch, out);
    arena_release(&scratch);
    for (size_t i = 0; status != STATUS_OK && i < count; i++) {
        out[i] = CEDAR_PARTIAL_DENY;
    }
    return status;
}

/* -- actions ------------------------------------------------------------------------------- */

static enum status decide_action(const struct cedar_partial_query *query, struct arena *arena,
                                 enum cedar_partial_decision *out, struct diag *diag)
{
    struct prepared prepared;
    struct partial p;
    TRY(partial_prepare(query, arena, &prepared, diag));
    TRY(partial_init(&p, &prepared, query->request, arena, diag));
    return partial_decide(&p, NULL, NULL, out);
}

static bool applies(struct conformance *c, const struct schema_action_entity *action,
                    const struct cedar_partial_request *request)
{
    return schema_set_has(&action->principals,
                          schema_entity_find(c->schema, request->principal.type)) &&
           schema_set_has(&action->resources,
                          schema_entity_find(c->schema, request->resource.type)) &&
           (request->context.kind == CEDAR_UNKNOWN ||
            conformance_check(c, &request->context, action->context));
}

static enum status collect(const struct cedar_partial_query *query, struct arena *arena,
                           struct arena *scratch, struct growing *list, struct diag *diag)
{
    struct cedar_partial_request request = *query->request;
    struct cedar_partial_query of_action = {query->set, query->schema, &request};
    struct conformance c = {.schema = query->schema, .arena = scratch};
    for (size_t i = 0; i < query->schema->action_count; i++) {
        const struct schema_action_entity *action = &query->schema->actions[i];
        enum cedar_partial_decision decision = CEDAR_PARTIAL_DENY;
        request.action = action->uid;
        if (applies(&c, action, &request)) {
            TRY(decide_action(&of_action, scratch, &decision, diag));
        }
        arena_reset(scratch);
        if (decision == CEDAR_PARTIAL_DENY) {
            continue;
        }
        struct cedar_partial_action *added = growing_add(list, arena, sizeof(*added));
        if (added == NULL) {
            return STATUS_LIMIT;
        }
        *added = (struct cedar_partial_action){action->uid, decision};
    }
    return STATUS_OK;
}

static enum status check_declared(const struct cedar_schema *schema, const struct cedar_uid *uid,
                                  const char *code, struct diag *diag)
{
    return schema_entity_find(schema, uid->type) != SCHEMA_NONE
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, code,
                           "the schema does not declare the entity type '%.*s'",
                           SLICE_ARG(uid->type));
}

enum status cedar_partial_actions(const struct cedar_partial_query *query, struct arena *arena,
                                  const struct cedar_partial_action **out, size_t *count,
                                  struct diag *diag)
{
    struct growing list = {0};
    struct arena scratch;
    *count = 0;
    TRY(check_declared(query->schema, &query->request->principal, "cedar.principal", diag));
    TRY(check_declared(query->schema, &query->request->resource, "cedar.resource", diag));
    arena_init(&scratch, arena->limit_bytes, arena->account);
    enum status status = collect(query, arena, &scratch, &list, diag);
    arena_release(&scratch);
    TRY(status);
    *out = list.items;
    *count = list.count;
    return STATUS_OK;
}
