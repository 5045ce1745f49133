/* A schema's word on requests (reference, section 8), and its actions as entities. */
#include "cedar/schema/conformance.h"

enum status cedar_schema_add_actions(const struct cedar_schema *schema, struct arena *arena,
                                     struct cedar_entity_store *store)
{
    for (size_t i = 0; i < schema->action_count; i++) {
        const struct schema_action_entity *action = &schema->actions[i];
        struct cedar_uid *parents =
            arena_alloc_zero(arena, action->parents.count, sizeof(*parents));
        if (parents == NULL) {
            return STATUS_LIMIT;
        }
        for (size_t k = 0; k < action->parents.count; k++) {
            parents[k] = schema->actions[action->parents.items[k]].uid;
        }
        TRY(cedar_entity_store_add(store, &action->uid, NULL, parents, action->parents.count));
    }
    return STATUS_OK;
}

static enum status check_entity(struct conformance *c, const struct cedar_uid *uid,
                                const char *code, struct diag *diag)
{
    return conformance_check_uid(c, uid)
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, code, "'%.*s::\"%.*s\"' %s", SLICE_ARG(uid->type),
                           SLICE_ARG(uid->id), c->mismatch.what);
}

static enum status check_applies(const struct cedar_schema *schema, const struct schema_set *types,
                                 const struct cedar_uid *uid, const char *code, struct diag *diag)
{
    return schema_set_has(types, schema_entity_find(schema, uid->type))
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, code,
                           "the action does not apply to '%.*s'; see its appliesTo",
                           SLICE_ARG(uid->type));
}

enum status cedar_request_validate(const struct cedar_schema *schema,
                                   const struct cedar_request *request, struct arena *arena,
                                   struct diag *diag)
{
    struct conformance c = {.schema = schema, .arena = arena};
    TRY(check_entity(&c, &request->principal, "cedar.principal", diag));
    TRY(check_entity(&c, &request->resource, "cedar.resource", diag));
    uint32_t number = schema_action_find(schema, &request->action);
    if (number == SCHEMA_NONE) {
        return diag_fail(diag, STATUS_INVALID, "cedar.action",
                         "the schema does not declare the action '%.*s::\"%.*s\"'",
                         SLICE_ARG(request->action.type), SLICE_ARG(request->action.id));
    }
    const struct schema_action_entity *action = &schema->actions[number];
    TRY(check_applies(schema, &action->principals, &request->principal, "cedar.principal", diag));
    TRY(check_applies(schema, &action->resources, &request->resource, "cedar.resource", diag));
    if (!conformance_check(&c, &request->context, action->context)) {
        return diag_fail(diag, STATUS_INVALID, "cedar.context", "the context: %s %s",
                         c.mismatch.path, c.mismatch.what);
    }
    return STATUS_OK;
}
