#include "cedar/syntax/policy_set.h"

#include "cedar/eval/program.h"

#include <string.h>

#define POLICIES_FIRST 64

static struct policy_unit *unit_new(void)
{
    struct policy_unit *unit = base_alloc(sizeof(*unit));
    if (unit != NULL) {
        atomic_init(&unit->references, 1);
        arena_init(&unit->arena, SIZE_MAX / 2, NULL);
    }
    return unit;
}

static void unit_unref(struct policy_unit *unit)
{
    if (atomic_fetch_sub(&unit->references, 1) == 1) {
        arena_release(&unit->arena);
        base_free(unit);
    }
}

struct cedar_policy_set *policy_set_new(struct policy_unit *unit)
{
    struct cedar_policy_set *set = base_alloc(sizeof(*set));
    struct policy_unit *own = unit == NULL ? unit_new() : unit;
    if (set == NULL || own == NULL) {
        base_free(set);
        base_free(unit == NULL ? own : NULL);
        return NULL;
    }
    if (unit != NULL) {
        atomic_fetch_add(&unit->references, 1);
    }
    *set = (struct cedar_policy_set){.unit = own};
    arena_init(&set->arena, SIZE_MAX / 2, NULL);
    return set;
}

void cedar_policy_set_free(struct cedar_policy_set *set)
{
    if (set != NULL) {
        unit_unref(set->unit);
        arena_release(&set->arena);
        base_free(set);
    }
}

enum status policy_set_add(struct cedar_policy_set *set, struct policy **out)
{
    bool is_full =
        set->count == 0 || (set->count >= POLICIES_FIRST && (set->count & (set->count - 1)) == 0);
    if (set->count >= CEDAR_POLICIES_MAX) {
        return STATUS_LIMIT;
    }
    if (is_full) {
        size_t wanted = set->count == 0 ? POLICIES_FIRST : set->count * 2;
        struct policy *more = arena_alloc_zero(&set->arena, wanted, sizeof(*more));
        if (more == NULL) {
            return STATUS_LIMIT;
        }
        if (set->count > 0) {
            memcpy(more, set->policies, set->count * sizeof(*more));
        }
        set->policies = more;
    }
    *out = &set->policies[set->count++];
    return STATUS_OK;
}

enum status policy_set_close(struct cedar_policy_set *set)
{
    return program_build(set);
}

size_t cedar_policy_count(const struct cedar_policy_set *set)
{
    return set->count;
}

struct cedar_policy_info cedar_policy_get(const struct cedar_policy_set *set, size_t index)
{
    const struct policy *policy = &set->policies[index];
    return (struct cedar_policy_info){
        .id = policy->id,
        .effect = policy->effect,
        .source = policy->source,
        .line = policy->line,
        .from = policy->surface->range.from,
        .to = policy->surface->range.to,
        .is_template = policy_is_template(policy),
        .is_link = policy->link != NULL,
        .template_id = policy->link == NULL ? SLICE_EMPTY : policy->link->template_id,
        .action_is_exact = policy->action.kind == SCOPE_EQUAL,
        .actions = policy->action.entities,
        .action_count = policy->action.entity_count,
    };
}

bool cedar_policy_find(const struct cedar_policy_set *set, struct slice id, size_t *index)
{
    for (size_t i = 0; i < set->count; i++) {
        if (slice_eq(set->policies[i].id, id)) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool cedar_policy_annotation(const struct cedar_policy_set *set, size_t index, struct slice key,
                             struct slice *value)
{
    const struct policy *policy = &set->policies[index];
    for (size_t i = 0; i < policy->annotation_count; i++) {
        if (slice_eq(policy->annotations[i].key, key)) {
            *value = policy->annotations[i].value;
            return true;
        }
    }
    return false;
}
