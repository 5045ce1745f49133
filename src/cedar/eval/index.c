#include "cedar/eval/index.h"

#include "cedar/eval/growing.h"

#include <string.h>

#define LEAF_POLICIES 3 /* so few are faster tried than told apart */
/* Policies with several keys lie in several places; this bounds how many more there are. */
#define COPIES_PER_POLICY 16

/* Recursion ends: each level of the tree uses up a dimension. */
struct builder {
    const struct demands *demands;
    struct arena *arena, *scratch;
    struct growing nodes, order, edges;
    uint32_t *uses; /* by symbol: in one split; cleared in between */
    size_t copies_left;
};

/* One way to split the policies of a node. */
struct split {
    uint32_t dimension;
    size_t cared, placed, largest; /* policies that care, their places, those of one key */
};

static const struct demand *find_demand(const struct builder *b, uint32_t policy,
                                        uint32_t dimension)
{
    const struct policy_demands *demands = &b->demands->policies[policy];
    for (size_t i = 0; i < demands->count; i++) {
        if (demands->items[i].dimension == dimension) {
            return &demands->items[i];
        }
    }
    return NULL;
}

static uint64_t dimensions_of(const struct builder *b, const uint32_t *policies, size_t count)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < count; i++) {
        const struct policy_demands *demands = &b->demands->policies[policies[i]];
        for (size_t k = 0; k < demands->count; k++) {
            mask |= UINT64_C(1) << demands->items[k].dimension;
        }
    }
    return mask;
}

static void clear_uses(struct builder *b, const uint32_t *policies, size_t count,
                       uint32_t dimension)
{
    for (size_t i = 0; i < count; i++) {
        const struct demand *demand = find_demand(b, policies[i], dimension);
        for (size_t k = 0; demand != NULL && k < demand->key_count; k++) {
            b->uses[demand->keys[k]] = 0;
        }
    }
}

static struct split measure(struct builder *b, const uint32_t *policies, size_t count,
                            uint32_t dimension)
{
    struct split split = {.dimension = dimension};
    for (size_t i = 0; i < count; i++) {
        const struct demand *demand = find_demand(b, policies[i], dimension);
        split.cared += demand != NULL ? 1 : 0;
        split.placed += demand != NULL ? demand->key_count : 0;
        for (size_t k = 0; demand != NULL && k < demand->key_count; k++) {
            uint32_t uses = ++b->uses[demand->keys[k]];
            split.largest = uses > split.largest ? uses : split.largest;
        }
    }
    clear_uses(b, policies, count, dimension);
    return split;
}

/* The split after which the worst request has the fewest policies left; false: none gains. */
static bool choose(struct builder *b, const uint32_t *policies, size_t count, uint64_t used,
                   struct split *best)
{
    uint64_t left = dimensions_of(b, policies, count) & ~used;
    size_t best_left = count;
    for (uint32_t dimension = 0; dimension < DIMENSIONS_MAX; dimension++) {
        if ((left >> dimension & 1) == 0) {
            continue;
        }
        struct split split = measure(b, policies, count, dimension);
        size_t remaining = count - split.cared + split.largest;
        bool is_affordable = split.placed <= split.cared + b->copies_left;
        if (remaining < best_left && is_affordable) {
            *best = split;
            best_left = remaining;
        }
    }
    return best_left < count;
}

/* -- splitting ----------------------------------------------------------------------------- */

struct group {
    uint32_t key;
    uint32_t *policies;
    size_t count;
};

struct groups {
    struct group *items; /* one per key */
    size_t count;
    uint32_t *rest;
    size_t rest_count;
};

/* Number the keys in b->uses, from 1. */
static enum status name_groups(struct builder *b, const uint32_t *policies, size_t count,
                               const struct split *split, struct groups *out)
{
    out->items = arena_alloc_zero(b->scratch, split->placed, sizeof(*out->items));
    out->rest = arena_alloc(b->scratch, (count - split->cared) * sizeof(*out->rest));
    if (out->items == NULL || out->rest == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        const struct demand *demand = find_demand(b, policies[i], split->dimension);
        for (size_t k = 0; demand != NULL && k < demand->key_count; k++) {
            uint32_t *use = &b->uses[demand->keys[k]];
            if (*use == 0) {
                out->items[out->count].key = demand->keys[k];
                *use = (uint32_t)++out->count;
            }
            out->items[*use - 1].count++;
        }
    }
    return STATUS_OK;
}

static enum status fill_groups(struct builder *b, const uint32_t *policies, size_t count,
                               const struct split *split, struct groups *out)
{
    TRY(name_groups(b, policies, count, split, out));
    for (size_t i = 0; i < out->count; i++) {
        struct group *group = &out->items[i];
        group->policies = arena_alloc(b->scratch, group->count * sizeof(*group->policies));
        group->count = 0;
        if (group->policies == NULL) {
            return STATUS_LIMIT;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct demand *demand = find_demand(b, policies[i], split->dimension);
        if (demand == NULL) {
            out->rest[out->rest_count++] = policies[i];
            continue;
        }
        for (size_t k = 0; k < demand->key_count; k++) {
            struct group *group = &out->items[b->uses[demand->keys[k]] - 1];
            /* `action in [A, A]` names one key twice. */
            if (group->count == 0 || group->policies[group->count - 1] != policies[i]) {
                group->policies[group->count++] = policies[i];
            }
        }
    }
    clear_uses(b, policies, count, split->dimension);
    return STATUS_OK;
}

static enum status new_node(struct builder *b, uint32_t *out)
{
    struct index_node *node = growing_add(&b->nodes, b->arena, sizeof(*node));
    if (node == NULL) {
        return STATUS_LIMIT;
    }
    *node = (struct index_node){.dimension = INDEX_NONE, .rest = INDEX_NONE};
    node->from = (uint32_t)b->order.count;
    *out = (uint32_t)b->nodes.count - 1;
    return STATUS_OK;
}

static struct index_node *node_at(const struct builder *b, uint32_t number)
{
    return (struct index_node *)b->nodes.items + number;
}

/* Where a used dimension is one of the policy's demands, one of its keys led here. */
static uint32_t scopes_left(const struct builder *b, uint32_t policy, uint64_t used)
{
    uint32_t scopes = b->demands->policies[policy].scopes;
    for (uint32_t variable = 0; variable < VARIABLE_COUNT; variable++) {
        const struct demand *demand = find_demand(b, policy, variable);
        if (demand != NULL && demand->is_whole && (used >> variable & 1) != 0) {
            scopes &= ~(UINT32_C(1) << variable);
        }
    }
    return scopes;
}

static enum status build_leaf(struct builder *b, const uint32_t *policies, size_t count,
                              uint64_t used, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        struct index_entry *entry = growing_add(&b->order, b->arena, sizeof(*entry));
        if (entry == NULL) {
            return STATUS_LIMIT;
        }
        *entry = (struct index_entry){.policy = policies[i],
                                      .code = b->demands->policies[policies[i]].code,
                                      .scopes = scopes_left(b, policies[i], used)};
    }
    node_at(b, number)->split = (uint32_t)b->order.count;
    node_at(b, number)->end = (uint32_t)b->order.count;
    return STATUS_OK;
}

/* The node relies on what all that demand something here rely on. */
static void set_dimension(struct builder *b, const uint32_t *policies, size_t count,
                          uint32_t dimension, uint32_t number)
{
    struct index_node *node = node_at(b, number);
    node->dimension = dimension;
    node->is_optional = true;
    for (size_t i = 0; i < count; i++) {
        const struct demand *demand = find_demand(b, policies[i], dimension);
        if (demand != NULL) {
            node->is_condition = node->is_condition || demand->is_condition;
            node->is_optional = node->is_optional && demand->is_optional;
            node->need_value |= demand->need_value;
            node->need_presence |= demand->need_presence;
        }
    }
}

static enum status build_node(struct builder *b, const uint32_t *policies, size_t count,
                              uint64_t used, uint32_t *out);

static struct index_edge edge_to(const struct builder *b, uint64_t from_key, uint32_t number)
{
    const struct index_node *node = node_at(b, number);
    return node->dimension == INDEX_NONE ? (struct index_edge){from_key, node->from, node->end}
                                         : (struct index_edge){from_key, number, INDEX_NONE};
}

static enum status build_groups(struct builder *b, const struct groups *groups, uint64_t used,
                                uint32_t number)
{
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        uint32_t child = 0;
        TRY(build_node(b, group->policies, group->count, used, &child));
        struct index_edge *edge = growing_add(&b->edges, b->scratch, sizeof(*edge));
        if (edge == NULL) {
            return STATUS_LIMIT;
        }
        *edge = edge_to(b, (uint64_t)number << 32 | group->key, child);
    }
    return STATUS_OK;
}

static enum status build_node(struct builder *b, const uint32_t *policies, size_t count,
                              uint64_t used, uint32_t *out)
{
    struct split split = {0};
    struct groups groups = {0};
    TRY(new_node(b, out));
    if (count <= LEAF_POLICIES || !choose(b, policies, count, used, &split)) {
        return build_leaf(b, policies, count, used, *out);
    }
    b->copies_left -= split.placed > split.cared ? split.placed - split.cared : 0;
    used |= UINT64_C(1) << split.dimension;
    set_dimension(b, policies, count, split.dimension, *out);
    TRY(fill_groups(b, policies, count, &split, &groups));
    TRY(build_groups(b, &groups, used, *out));
    node_at(b, *out)->split = (uint32_t)b->order.count;
    if (groups.rest_count > 0) {
        uint32_t rest = 0;
        TRY(build_node(b, groups.rest, groups.rest_count, used, &rest));
        node_at(b, *out)->rest = rest;
    }
    node_at(b, *out)->end = (uint32_t)b->order.count;
    return STATUS_OK;
}

/* -- edges --------------------------------------------------------------------------------- */

static enum status hash_edges(const struct builder *b, struct index *out)
{
    const struct index_edge *edges = b->edges.items;
    size_t capacity = 4;
    while (capacity < b->edges.count * 2) {
        capacity *= 2;
    }
    struct index_edge *places = arena_alloc(b->arena, capacity * sizeof(*places));
    if (places == NULL) {
        return STATUS_LIMIT;
    }
    out->edge_mask = capacity - 1;
    for (size_t i = 0; i < capacity; i++) {
        places[i] = (struct index_edge){.to = INDEX_NONE};
    }
    for (size_t i = 0; i < b->edges.count; i++) {
        size_t place = index_place(out, edges[i].from_key);
        while (places[place].to != INDEX_NONE) {
            place = (place + 1) & out->edge_mask;
        }
        places[place] = edges[i];
    }
    out->edges = places;
    return STATUS_OK;
}

/* Neighbours in the order become one. */
static void add_lead(struct index_edge *leads, uint32_t *count, uint32_t first,
                     const struct index_edge *edge)
{
    struct index_edge *last = *count > first ? &leads[*count - 1] : NULL;
    if (edge == NULL) {
        return;
    }
    if (last != NULL && last->end == edge->to && edge->end != INDEX_NONE) {
        last->end = edge->end;
    } else {
        leads[(*count)++] = *edge;
    }
}

enum status index_lead(const struct index *index, struct arena *arena, struct subject *subject)
{
    /* Of each variable there is one node at most, and a lead for each symbol and the type. */
    size_t most = VARIABLE_COUNT * ((size_t)subject->symbol_count + 1);
    struct index_edge *leads = arena_alloc(arena, most * sizeof(*leads));
    uint32_t count = 0;
    if (leads == NULL) {
        return STATUS_LIMIT;
    }
    for (uint32_t variable = 0; variable < VARIABLE_COUNT; variable++) {
        uint32_t first = count;
        uint32_t node = index->root;
        while (node != INDEX_NONE && index->nodes[node].dimension != variable) {
            node = index->nodes[node].rest;
        }
        for (uint32_t i = 0; node != INDEX_NONE && i < subject->symbol_count; i++) {
            add_lead(leads, &count, first, index_next(index, node, subject->symbols[i]));
        }
        if (node != INDEX_NONE && subject->type != SYMBOL_NONE) {
            add_lead(leads, &count, first, index_next(index, node, subject->type));
        }
        subject->lead_ends[variable] = count;
    }
    subject->leads = leads;
    return STATUS_OK;
}

enum status index_build(const struct demands *demands, uint32_t symbol_count, struct arena *arena,
                        struct arena *scratch, struct index *out)
{
    static const struct index_entry NONE = {0}; /* a pointer to none may not be reckoned with */
    struct builder b = {.demands = demands,
                        .arena = arena,
                        .scratch = scratch,
                        .copies_left = demands->policy_count * COPIES_PER_POLICY};
    uint32_t *policies = arena_alloc(scratch, demands->policy_count * sizeof(*policies));
    size_t count = 0;
    b.uses = arena_alloc_zero(scratch, symbol_count, sizeof(*b.uses));
    if (policies == NULL || b.uses == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < demands->policy_count; i++) {
        if (!demands->policies[i].is_template) {
            policies[count++] = (uint32_t)i;
        }
    }
    TRY(build_node(&b, policies, count, 0, &out->root));
    for (uint32_t node = out->root; node != INDEX_NONE; node = node_at(&b, node)->rest) {
        node_at(&b, node)->is_trunk = true;
    }
    out->nodes = b.nodes.items;
    out->order = b.order.items != NULL ? b.order.items : &NONE;
    memcpy(out->paths, demands->paths, sizeof(out->paths));
    return hash_edges(&b, out);
}
