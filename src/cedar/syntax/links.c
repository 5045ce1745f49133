/* Sets made of sets: templates linked, policies removed. */
#include "cedar/syntax/policy_set.h"
#include "cedar/value/uid_table.h"

static enum status bind_slot(struct arena *arena, const struct scope *slot_scope,
                             const struct cedar_uid *value, struct cedar_uid *copy,
                             struct scope *out)
{
    *out = *slot_scope;
    if (!slot_scope->has_slot) {
        return STATUS_OK;
    }
    TRY(arena_copy(arena, value->type, &copy->type));
    TRY(arena_copy(arena, value->id, &copy->id));
    out->has_slot = false;
    out->entities = copy;
    out->entity_count = 1;
    return STATUS_OK;
}

static enum status check_slot(const struct scope *scope, const struct cedar_uid *value,
                              const char *name, const struct cedar_link *link, struct diag *diag)
{
    struct slice id = report_clip(link->id);
    if (scope->has_slot && value == NULL) {
        return diag_fail(diag, STATUS_INVALID, "cedar.slot_missing",
                         "link '%.*s' gives no value for ?%s", SLICE_ARG(id), name);
    }
    if (!scope->has_slot && value != NULL) {
        return diag_fail(diag, STATUS_INVALID, "cedar.slot_unknown",
                         "link '%.*s' gives a value for ?%s, which its template does not have",
                         SLICE_ARG(id), name);
    }
    return STATUS_OK;
}

enum status policy_set_bind(struct cedar_policy_set *set, const struct policy *template,
                            const struct cedar_link *link, struct policy *out, struct diag *diag)
{
    struct arena *arena = &set->arena;
    struct policy_link *made = arena_alloc_zero(arena, 1, sizeof(*made));
    if (made == NULL) {
        return STATUS_LIMIT;
    }
    TRY(check_slot(&template->principal, link->principal, "principal", link, diag));
    TRY(check_slot(&template->resource, link->resource, "resource", link, diag));
    *out = *template;
    made->has_principal = link->principal != NULL;
    made->has_resource = link->resource != NULL;
    TRY(arena_copy(arena, link->template_id, &made->template_id));
    TRY(arena_copy(arena, link->id, &out->id));
    TRY(bind_slot(arena, &template->principal, link->principal, &made->principal, &out->principal));
    TRY(bind_slot(arena, &template->resource, link->resource, &made->resource, &out->resource));
    out->link = made;
    return STATUS_OK;
}

/* -- sets of sets -------------------------------------------------------------------------- */

struct deriving {
    const struct cedar_policy_set *from;
    struct cedar_policy_set *to;
    struct arena scratch;
    struct uid_table ids; /* of the set in work, to indexes in it; or of what is removed */
    struct diag *diag;
};

/* The policy with its links' texts in the new set, so that the old one may go. */
static enum status copy_policy(struct deriving *d, const struct policy *policy)
{
    struct policy *copy = NULL;
    TRY(policy_set_add(d->to, &copy));
    *copy = *policy;
    if (policy->link == NULL) {
        return STATUS_OK;
    }
    const struct policy_link *old = policy->link;
    struct cedar_link link = {.template_id = old->template_id,
                              .id = policy->id,
                              .principal = old->has_principal ? &old->principal : NULL,
                              .resource = old->has_resource ? &old->resource : NULL};
    struct policy template = *policy;
    template.principal.has_slot = old->has_principal;
    template.resource.has_slot = old->has_resource;
    return policy_set_bind(d->to, &template, &link, copy, d->diag);
}

static enum status remember_id(struct deriving *d, struct slice id, size_t index)
{
    struct cedar_uid key = {SLICE_EMPTY, id};
    if (uid_table_find(&d->ids, &key) != UID_TABLE_NONE) {
        struct slice shown = report_clip(id);
        return diag_fail(d->diag, STATUS_CONFLICT, "cedar.id_taken",
                         "the policy id '%.*s' is taken already", SLICE_ARG(shown));
    }
    return uid_table_add(&d->ids, &key, (uint32_t)index);
}

static bool is_removed(const struct deriving *d, struct slice id)
{
    struct cedar_uid key = {SLICE_EMPTY, id};
    return uid_table_find(&d->ids, &key) != UID_TABLE_NONE;
}

static enum status add_link(struct deriving *d, const struct cedar_link *link)
{
    struct cedar_uid key = {SLICE_EMPTY, link->template_id};
    uint32_t index = uid_table_find(&d->ids, &key);
    struct slice shown = report_clip(link->template_id);
    struct policy *added = NULL;
    bool is_template = index != UID_TABLE_NONE && policy_is_template(&d->to->policies[index]);
    if (!is_template) {
        return diag_fail(d->diag, STATUS_NOT_FOUND, "cedar.no_template",
                         "there is no template '%.*s'", SLICE_ARG(shown));
    }
    TRY(remember_id(d, link->id, d->to->count));
    TRY(policy_set_add(d->to, &added));
    struct policy template = d->to->policies[index];
    return policy_set_bind(d->to, &template, link, added, d->diag);
}

static enum status derive_linked(struct deriving *d, const struct cedar_link *links, size_t count)
{
    for (size_t i = 0; i < d->from->count; i++) {
        TRY(copy_policy(d, &d->from->policies[i]));
        TRY(remember_id(d, d->from->policies[i].id, i));
    }
    for (size_t i = 0; i < count; i++) {
        TRY(add_link(d, &links[i]));
    }
    return policy_set_close(d->to);
}

static enum status derive_without(struct deriving *d, const struct slice *ids, size_t count)
{
    size_t removed = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_removed(d, ids[i])) {
            TRY(remember_id(d, ids[i], removed++));
        }
    }
    for (size_t i = 0; i < d->from->count; i++) {
        const struct policy *policy = &d->from->policies[i];
        if (is_removed(d, policy->id)) {
            removed--;
            continue;
        }
        if (policy->link != NULL && is_removed(d, policy->link->template_id)) {
            struct slice shown = report_clip(policy->id);
            return diag_fail(d->diag, STATUS_CONFLICT, "cedar.template_linked",
                             "the template of '%.*s' cannot be removed before it",
                             SLICE_ARG(shown));
        }
        TRY(copy_policy(d, policy));
    }
    return removed == 0 ? policy_set_close(d->to)
                        : diag_fail(d->diag, STATUS_NOT_FOUND, "cedar.no_policy",
                                    "%zu of the ids to remove are not there", removed);
}

static enum status begin(struct deriving *d, const struct cedar_policy_set *set, struct diag *diag)
{
    *d = (struct deriving){.from = set, .to = policy_set_new(set->unit), .diag = diag};
    arena_init(&d->scratch, SIZE_MAX / 2, NULL);
    d->ids.arena = &d->scratch;
    return d->to == NULL ? STATUS_LIMIT : STATUS_OK;
}

static enum status finish(struct deriving *d, enum status status, struct cedar_policy_set **out)
{
    arena_release(&d->scratch);
    if (status != STATUS_OK) {
        cedar_policy_set_free(d->to);
        return status;
    }
    *out = d->to;
    return STATUS_OK;
}

enum status cedar_policy_set_link(const struct cedar_policy_set *set,
                                  const struct cedar_link *links, size_t count,
                                  struct cedar_policy_set **out, struct diag *diag)
{
    struct deriving d;
    enum status status = begin(&d, set, diag);
    return finish(&d, status == STATUS_OK ? derive_linked(&d, links, count) : status, out);
}

enum status cedar_policy_set_remove(const struct cedar_policy_set *set, const struct slice *ids,
                                    size_t count, struct cedar_policy_set **out, struct diag *diag)
{
    struct deriving d;
    enum status status = begin(&d, set, diag);
    return finish(&d, status == STATUS_OK ? derive_without(&d, ids, count) : status, out);
}
