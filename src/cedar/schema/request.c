/* A schema's word on requests (reference, section 8), and its actions as entities. */
#include "cedar/schema/request.h"

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

enum status request_check_entity(struct conformance *c, const struct cedar_uid *uid,
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

static enum status find_action(const struct cedar_schema *schema, const struct cedar_uid *action,
                               uint32_t *out, struct diag *diag)
{
    *out = schema_action_find(schema, action);
    return *out != SCHEMA_NONE
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "cedar.action",
                           "the schema does not declare the action '%.*s::\"%.*s\"'",
                           SLICE_ARG(action->type), SLICE_ARG(action->id));
}

enum status request_environment(const struct cedar_schema *schema,
                                const struct cedar_uid *principal, const struct cedar_uid *action,
                                const struct cedar_uid *resource, struct environment *out,
                                struct diag *diag)
{
    uint32_t number = SCHEMA_NONE;
    TRY(find_action(schema, action, &number, diag));
    const struct schema_action_entity *declared = &schema->actions[number];
    TRY(check_applies(schema, &declared->principals, principal, "cedar.principal", diag));
    TRY(check_applies(schema, &declared->resources, resource, "cedar.resource", diag));
    *out = (struct environment){.principal = schema_entity_find(schema, principal->type),
                                .resource = schema_entity_find(schema, resource->type),
                                .action = number,
                                .principal_slot = SCHEMA_NONE,
                                .resource_slot = SCHEMA_NONE};
    return STATUS_OK;
}

enum status request_check_context(struct conformance *c, uint32_t action,
                                  const struct cedar_value *context, struct diag *diag)
{
    return conformance_check(c, context, c->schema->actions[action].context)
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "cedar.context", "the context: %s %s",
                           c->mismatch.path, c->mismatch.what);
}

enum status cedar_request_validate(const struct cedar_schema *schema,
                                   const struct cedar_request *request, struct arena *arena,
                                   struct diag *diag)
{
    struct conformance c = {.schema = schema, .arena = arena};
    struct environment environment = {0};
    TRY(request_check_entity(&c, &request->principal, "cedar.principal", diag));
    TRY(request_check_entity(&c, &request->resource, "cedar.resource", diag));
    TRY(request_environment(schema, &request->principal, &request->action, &request->resource,
                            &environment, diag));
    return request_check_context(&c, environment.action, &request->context, diag);
}

/* Is the entity allowed, and does the action apply to it? applies is NULL when that is not known.
 */
static enum status check_part(struct conformance *c, const struct cedar_uid *uid,
                              const struct schema_set *applies, const char *code, struct diag *diag)
{
    if (uid->type.len == 0) {
        return STATUS_OK;
    }
    TRY(request_check_entity(c, uid, code, diag));
    return applies == NULL ? STATUS_OK : check_applies(c->schema, applies, uid, code, diag);
}

enum status cedar_untyped_request_validate(const struct cedar_schema *schema,
                                           const struct cedar_request *request, struct arena *arena,
                                           struct diag *diag)
{
    struct conformance c = {.schema = schema, .arena = arena};
    const struct schema_action_entity *action = NULL;
    uint32_t number = SCHEMA_NONE;
    if (request->action.type.len > 0) {
        TRY(find_action(schema, &request->action, &number, diag));
        action = &schema->actions[number];
    }
    TRY(check_part(&c, &request->principal, action == NULL ? NULL : &action->principals,
                   "cedar.principal", diag));
    TRY(check_part(&c, &request->resource, action == NULL ? NULL : &action->resources,
                   "cedar.resource", diag));
    return action == NULL || request->context.kind == CEDAR_UNKNOWN
               ? STATUS_OK
               : request_check_context(&c, number, &request->context, diag);
}
