#include "cedar/eval/policy_index.h"

#include "cedar/value/uid_table.h"

#include <string.h>

#define LIST_FIRST 4

/* From the most to the least selective. */
enum bucket {
    BUCKET_RESOURCE_EQUAL,
    BUCKET_PRINCIPAL_EQUAL,
    BUCKET_RESOURCE_IN,
    BUCKET_PRINCIPAL_IN,
    BUCKET_ACTION_EQUAL,
    BUCKET_ACTION_IN,
    BUCKET_RESOURCE_IS,
    BUCKET_PRINCIPAL_IS,
    BUCKET_ANY,
    BUCKET_COUNT,
};

struct policy_list {
    uint32_t *items;
    size_t count, capacity;
};

struct policy_index {
    struct uid_table tables[BUCKET_COUNT]; /* key to number of list */
    struct policy_list *lists;
    size_t list_count, list_capacity;
};

static const struct scope *scope_of(const struct policy *policy, enum bucket bucket)
{
    switch (bucket) {
    case BUCKET_RESOURCE_EQUAL:
    case BUCKET_RESOURCE_IN:
    case BUCKET_RESOURCE_IS:
        return &policy->resource;
    case BUCKET_PRINCIPAL_EQUAL:
    case BUCKET_PRINCIPAL_IN:
    case BUCKET_PRINCIPAL_IS:
        return &policy->principal;
    case BUCKET_ACTION_EQUAL:
    case BUCKET_ACTION_IN:
    case BUCKET_ANY:
    case BUCKET_COUNT:
        break;
    }
    return &policy->action;
}

static const struct subject *subject_of(const struct evaluation *e, enum bucket bucket)
{
    switch (bucket) {
    case BUCKET_RESOURCE_EQUAL:
    case BUCKET_RESOURCE_IN:
    case BUCKET_RESOURCE_IS:
        return &e->resource;
    case BUCKET_PRINCIPAL_EQUAL:
    case BUCKET_PRINCIPAL_IN:
    case BUCKET_PRINCIPAL_IS:
        return &e->principal;
    case BUCKET_ACTION_EQUAL:
    case BUCKET_ACTION_IN:
    case BUCKET_ANY:
    case BUCKET_COUNT:
        break;
    }
    return &e->action;
}

static bool is_group_bucket(enum bucket bucket)
{
    return bucket == BUCKET_RESOURCE_IN || bucket == BUCKET_PRINCIPAL_IN ||
           bucket == BUCKET_ACTION_IN;
}

static bool is_type_bucket(enum bucket bucket)
{
    return bucket == BUCKET_RESOURCE_IS || bucket == BUCKET_PRINCIPAL_IS;
}

static bool belongs(const struct policy *policy, enum bucket bucket)
{
    const struct scope *scope = scope_of(policy, bucket);
    if (bucket == BUCKET_ANY) {
        return true;
    }
    if (is_type_bucket(bucket)) {
        return scope->kind == SCOPE_IS && scope->entity_count == 0;
    }
    if (is_group_bucket(bucket)) {
        return scope->kind == SCOPE_IN || (scope->kind == SCOPE_IS && scope->entity_count > 0);
    }
    return scope->kind == SCOPE_EQUAL;
}

/* -- building ------------------------------------------------------------------------------ */

static enum status append(struct arena *arena, struct policy_list *list, uint32_t policy)
{
    /* `action in [A, A]` names one bucket twice. */
    if (list->count > 0 && list->items[list->count - 1] == policy) {
        return STATUS_OK;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? LIST_FIRST : list->capacity * 2;
        uint32_t *items = arena_alloc_zero(arena, capacity, sizeof(*items));
        if (items == NULL) {
            return STATUS_LIMIT;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof(*items));
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = policy;
    return STATUS_OK;
}

static enum status new_list(struct arena *arena, struct policy_index *index, uint32_t *out)
{
    if (index->list_count == index->list_capacity) {
        size_t capacity = index->list_capacity == 0 ? LIST_FIRST : index->list_capacity * 2;
        struct policy_list *lists = arena_alloc_zero(arena, capacity, sizeof(*lists));
        if (lists == NULL) {
            return STATUS_LIMIT;
        }
        if (index->list_count > 0) {
            memcpy(lists, index->lists, index->list_count * sizeof(*lists));
        }
        index->lists = lists;
        index->list_capacity = capacity;
    }
    *out = (uint32_t)index->list_count++;
    return STATUS_OK;
}

static enum status put(struct cedar_policy_set *set, enum bucket bucket,
                       const struct cedar_uid *key, uint32_t policy)
{
    struct policy_index *index = set->index;
    struct uid_table *table = &index->tables[bucket];
    uint32_t number = uid_table_find(table, key);
    if (number == UID_TABLE_NONE) {
        TRY(new_list(&set->arena, index, &number));
        TRY(uid_table_add(table, key, number));
    }
    return append(&set->arena, &index->lists[number], policy);
}

static enum status put_policy(struct cedar_policy_set *set, uint32_t number)
{
    const struct policy *policy = &set->policies[number];
    enum bucket bucket = BUCKET_RESOURCE_EQUAL;
    while (!belongs(policy, bucket)) {
        bucket++;
    }
    const struct scope *scope = scope_of(policy, bucket);
    if (bucket == BUCKET_ANY || is_type_bucket(bucket)) {
        struct cedar_uid key = {bucket == BUCKET_ANY ? SLICE_EMPTY : scope->type, SLICE_EMPTY};
        return put(set, bucket, &key, number);
    }
    for (size_t i = 0; i < scope->entity_count; i++) {
        TRY(put(set, bucket, &scope->entities[i], number));
    }
    return STATUS_OK;
}

enum status policy_index_build(struct cedar_policy_set *set)
{
    set->index = arena_alloc_zero(&set->arena, 1, sizeof(*set->index));
    if (set->index == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        set->index->tables[i].arena = &set->arena;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (!set->policies[i].principal.has_slot && !set->policies[i].resource.has_slot) {
            TRY(put_policy(set, (uint32_t)i));
        }
    }
    return STATUS_OK;
}

/* -- visiting ------------------------------------------------------------------------------ */

static bool scope_matches(const struct scope *scope, const struct subject *subject)
{
    switch (scope->kind) {
    case SCOPE_ANY:
        return true;
    case SCOPE_EQUAL:
        return uid_eq(subject->uid, &scope->entities[0]);
    case SCOPE_IS:
        if (!slice_eq(subject->uid->type, scope->type) || scope->entity_count == 0) {
            return slice_eq(subject->uid->type, scope->type);
        }
        break;
    case SCOPE_IN:
        break;
    }
    for (size_t i = 0; i < scope->entity_count; i++) {
        if (subject_is_in(subject, &scope->entities[i])) {
            return true;
        }
    }
    return false;
}

struct visit {
    const struct cedar_policy_set *set;
    const struct evaluation *e;
    policy_visit_fn visit;
    void *context;
};

/* A policy with several groups lies in several buckets; it counts in that of the first that
 * matches. */
static bool is_first_match(const struct scope *scope, const struct subject *subject,
                           const struct cedar_uid *key)
{
    for (size_t i = 0; i < scope->entity_count; i++) {
        if (subject_is_in(subject, &scope->entities[i])) {
            return uid_eq(&scope->entities[i], key);
        }
    }
    return false;
}

static enum status visit_key(const struct visit *v, enum bucket bucket, const struct cedar_uid *key)
{
    uint32_t number = uid_table_find(&v->set->index->tables[bucket], key);
    if (number == UID_TABLE_NONE) {
        return STATUS_OK;
    }
    const struct policy_list *list = &v->set->index->lists[number];
    for (size_t i = 0; i < list->count; i++) {
        const struct policy *policy = &v->set->policies[list->items[i]];
        bool is_repeated = bucket == BUCKET_ACTION_IN && policy->action.entity_count > 1 &&
                           !is_first_match(&policy->action, &v->e->action, key);
        if (!is_repeated && scope_matches(&policy->action, &v->e->action) &&
            scope_matches(&policy->principal, &v->e->principal) &&
            scope_matches(&policy->resource, &v->e->resource)) {
            TRY(v->visit(v->context, list->items[i]));
        }
    }
    return STATUS_OK;
}

enum status policy_index_visit(const struct cedar_policy_set *set, const struct evaluation *e,
                               policy_visit_fn visit, void *context)
{
    const struct visit v = {set, e, visit, context};
    for (enum bucket bucket = 0; bucket < BUCKET_COUNT; bucket++) {
        const struct subject *subject = subject_of(e, bucket);
        struct cedar_uid key = *subject->uid;
        if (set->index->tables[bucket].count == 0) {
            continue;
        }
        if (bucket == BUCKET_ANY || is_type_bucket(bucket)) {
            key.type = bucket == BUCKET_ANY ? SLICE_EMPTY : key.type;
            key.id = SLICE_EMPTY;
        }
        TRY(visit_key(&v, bucket, &key));
        for (size_t i = 0; is_group_bucket(bucket) && i < subject->data.ancestor_count; i++) {
            TRY(visit_key(&v, bucket, &subject->data.ancestors[i]));
        }
    }
    return STATUS_OK;
}
