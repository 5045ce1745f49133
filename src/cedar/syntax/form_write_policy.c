/* Policies and sets in JSON; their expressions are in form_write.c. */
#include "cedar/syntax/form_write.h"
#include "cedar/syntax/name_order.h"

static void write_reference(struct buf *out, struct slice slot, const struct scope *scope)
{
    if (scope->has_slot) {
        buf_append(out, SLICE("\"slot\":"));
        buf_append_json_string(out, slot);
    } else {
        buf_append(out, SLICE("\"entity\":"));
        form_write_uid(out, &scope->entities[0]);
    }
}

static void write_entities(struct buf *out, const struct scope *scope)
{
    buf_append(out, SLICE("\"entities\":["));
    for (size_t i = 0; i < scope->entity_count; i++) {
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(","));
        form_write_uid(out, &scope->entities[i]);
    }
    buf_append_byte(out, ']');
}

/* The scope comes from the policy, which has a link's values, and its form from the surface. */
static void write_scope(struct buf *out, const char *key, struct slice slot,
                        const struct scope *scope, enum surface_scope_kind kind)
{
    buf_append(out, slice_view_cstr(key));
    switch (kind) {
    case SURFACE_SCOPE_ANY:
        buf_append(out, SLICE("{\"op\":\"All\"}"));
        return;
    case SURFACE_SCOPE_EQUAL:
        buf_append(out, SLICE("{\"op\":\"==\","));
        write_reference(out, slot, scope);
        break;
    case SURFACE_SCOPE_IN_LIST:
    case SURFACE_SCOPE_IN:
        buf_append(out, SLICE("{\"op\":\"in\","));
        if (kind == SURFACE_SCOPE_IN_LIST && scope->entity_count != 1) {
            write_entities(out, scope);
        } else {
            write_reference(out, slot, scope);
        }
        break;
    case SURFACE_SCOPE_IS:
    case SURFACE_SCOPE_IS_IN:
        buf_append(out, SLICE("{\"op\":\"is\",\"entity_type\":"));
        buf_append_json_string(out, scope->type);
        if (kind == SURFACE_SCOPE_IS_IN) {
            buf_append(out, SLICE(",\"in\":{"));
            write_reference(out, slot, scope);
            buf_append_byte(out, '}');
        }
        break;
    }
    buf_append_byte(out, '}');
}

static struct slice annotation_key(const void *context, size_t index)
{
    const struct surface_policy *policy = context;
    return policy->annotations[index].key.text;
}

static enum status write_annotations(struct buf *out, const struct surface_policy *policy,
                                     struct arena *scratch)
{
    const uint32_t *order = NULL;
    if (policy->annotation_count == 0) {
        return STATUS_OK;
    }
    TRY(name_order(scratch, policy->annotation_count, annotation_key, policy, &order));
    buf_append(out, SLICE(",\"annotations\":{"));
    for (size_t i = 0; i < policy->annotation_count; i++) {
        const struct surface_annotation *annotation = &policy->annotations[order[i]];
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(","));
        buf_append_json_string(out, annotation->key.text);
        buf_append_byte(out, ':');
        if (annotation->has_value) {
            buf_append_json_string(out, annotation->value);
        } else {
            buf_append(out, SLICE("null"));
        }
    }
    buf_append_byte(out, '}');
    return STATUS_OK;
}

enum status form_write_policy(struct buf *out, const struct policy *policy, struct arena *scratch)
{
    const struct surface_policy *surface = policy->surface;
    buf_append(out, surface->effect == CEDAR_PERMIT ? SLICE("{\"effect\":\"permit\"")
                                                    : SLICE("{\"effect\":\"forbid\""));
    write_scope(out, ",\"principal\":", SLICE("?principal"), &policy->principal,
                surface->principal.kind);
    write_scope(out, ",\"action\":", SLICE_EMPTY, &policy->action, surface->action.kind);
    write_scope(out, ",\"resource\":", SLICE("?resource"), &policy->resource,
                surface->resource.kind);
    buf_append(out, SLICE(",\"conditions\":["));
    for (size_t i = 0; i < surface->condition_count; i++) {
        const struct surface_condition *condition = &surface->conditions[i];
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(","));
        buf_append(out, condition->is_unless ? SLICE("{\"kind\":\"unless\",\"body\":")
                                             : SLICE("{\"kind\":\"when\",\"body\":"));
        TRY(form_write_expression(out, condition->body, scratch));
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, ']');
    TRY(write_annotations(out, surface, scratch));
    buf_append_byte(out, '}');
    return buf_status(out);
}

/* -- sets ---------------------------------------------------------------------------------- */

static enum status write_policies(struct buf *out, const struct cedar_policy_set *set,
                                  bool are_templates, struct arena *scratch)
{
    bool is_first = true;
    buf_append_byte(out, '{');
    for (size_t i = 0; i < set->count; i++) {
        const struct policy *policy = &set->policies[i];
        if (policy->link != NULL || policy_is_template(policy) != are_templates) {
            continue;
        }
        buf_append(out, is_first ? SLICE_EMPTY : SLICE(","));
        buf_append_json_string(out, policy->id);
        buf_append_byte(out, ':');
        TRY(form_write_policy(out, policy, scratch));
        is_first = false;
    }
    buf_append_byte(out, '}');
    return STATUS_OK;
}

static void write_link(struct buf *out, const struct policy *policy)
{
    const struct policy_link *link = policy->link;
    buf_append(out, SLICE("{\"templateId\":"));
    buf_append_json_string(out, link->template_id);
    buf_append(out, SLICE(",\"newId\":"));
    buf_append_json_string(out, policy->id);
    buf_append(out, SLICE(",\"values\":{"));
    if (link->has_principal) {
        buf_append(out, SLICE("\"?principal\":"));
        form_write_uid(out, &link->principal);
    }
    buf_append(out, link->has_principal && link->has_resource ? SLICE(",") : SLICE_EMPTY);
    if (link->has_resource) {
        buf_append(out, SLICE("\"?resource\":"));
        form_write_uid(out, &link->resource);
    }
    buf_append(out, SLICE("}}"));
}

static enum status write_set(struct buf *out, const struct cedar_policy_set *set,
                             struct arena *scratch)
{
    bool is_first = true;
    buf_append(out, SLICE("{\"staticPolicies\":"));
    TRY(write_policies(out, set, false, scratch));
    buf_append(out, SLICE(",\"templates\":"));
    TRY(write_policies(out, set, true, scratch));
    buf_append(out, SLICE(",\"templateLinks\":["));
    for (size_t i = 0; i < set->count; i++) {
        if (set->policies[i].link != NULL) {
            buf_append(out, is_first ? SLICE_EMPTY : SLICE(","));
            write_link(out, &set->policies[i]);
            is_first = false;
        }
    }
    buf_append(out, SLICE("]}"));
    return buf_status(out);
}

enum status cedar_policy_to_json(const struct cedar_policy_set *set, size_t index, struct buf *out)
{
    struct arena scratch;
    arena_init(&scratch, SIZE_MAX / 2, NULL);
    enum status status = form_write_policy(out, &set->policies[index], &scratch);
    arena_release(&scratch);
    return status;
}

enum status cedar_policy_set_to_json(const struct cedar_policy_set *set, struct buf *out)
{
    struct arena scratch;
    arena_init(&scratch, SIZE_MAX / 2, NULL);
    enum status status = write_set(out, set, &scratch);
    arena_release(&scratch);
    return status;
}
