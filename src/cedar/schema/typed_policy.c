#include "cedar/schema/typed_policy.h"

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

static enum status refuse(const struct policy_typing *typing, const struct policy *policy)
{
    if (typing->reports->count > 0) {
        return diag_fail(typing->diag, STATUS_INVALID, "cedar.policy",
                         "for this action and these types, %s", typing->reports->items[0].message);
    }
    struct slice id = report_clip(policy->id);
    return diag_fail(typing->diag, STATUS_INVALID, "cedar.policy",
                     "policy '%.*s' names a type that the schema does not declare", SLICE_ARG(id));
}

enum status policy_typing_type(const struct policy_typing *typing, const struct policy *policy,
                               struct typed_policy *out)
{
    struct cedar_source source = {policy->source, policy->source_text};
    struct reporter reporter;
    struct typed typed;
    typing->reports->count = 0;
    reporter_init(&reporter, &source, typing->reports);
    *out = (struct typed_policy){.policy = policy};
    enum status status = lower_policy_whole(policy->surface, typing->arena, &reporter, &out->whole);
    if (status != STATUS_OK) {
        return status == STATUS_INVALID ? refuse(typing, policy) : status;
    }
    out->types =
        arena_alloc_zero(typing->arena, out->whole.node_count, sizeof(const struct type *));
    if (out->types == NULL) {
        return STATUS_LIMIT;
    }
    struct typing checking = {.schema = typing->schema,
                              .is_strict = true,
                              .environment = *typing->environment,
                              .arena = typing->arena,
                              .reporter = &reporter,
                              .policy_id = policy->id,
                              .types = out->types};
    if (!set_slots(checking.schema, policy->link, &checking.environment)) {
        return refuse(typing, policy);
    }
    TRY(typecheck(&checking, out->whole.expression, NULL, &typed));
    return typed.has_failed || checking.error_count > 0 ? refuse(typing, policy) : STATUS_OK;
}
