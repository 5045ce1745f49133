/* What policies demand of a request: their scopes, and those comparisons of their conditions that
 * are evaluated before anything could fail. */
#include "cedar/eval/compile.h"

#include <string.h>

#define ALTERNATIVES_MAX 256 /* literals that one attribute is compared with */
/* What comes before a demand may never use up the steps, or leaving the policy out would hide it.
 */
#define COST_MAX (CEDAR_STEPS_MAX / 2)

struct collector {
    struct compiler *c;
    struct arena *scratch;
    struct demands *out;
    uint32_t dimension_count;
    uint32_t *uses; /* of paths, while they are counted; NULL later */
    /* Of the policy at hand: */
    struct demand items[DEMANDS_MAX];
    size_t count;
    uint64_t need_value, need_presence;
    size_t cost;
    bool is_over; /* what comes next may fail, or be reached only after something that may */
};

/* The dimension of a path; false when it has none. */
static bool dimension_of(struct collector *g, uint32_t path, uint32_t *out)
{
    *out = VARIABLE_COUNT;
    if (g->uses != NULL && path != PATH_NONE) {
        g->uses[path]++;
        return true; /* any will do: what is demanded is forgotten after counting */
    }
    for (*out = 0; *out < g->dimension_count; (*out)++) {
        if (g->out->paths[*out] == path) {
            return true;
        }
    }
    return false;
}

static bool is_demanded(const struct collector *g, uint32_t dimension)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->items[i].dimension == dimension) {
            return true;
        }
    }
    return g->count == DEMANDS_MAX;
}

/* Without keys nothing fits: a scope like that is never true, and can be left out for good. A
 * condition may fail before it gets there, so it needs a place to be found at. */
static void demand(struct collector *g, uint32_t dimension, const uint32_t *keys, size_t key_count,
                   bool is_condition)
{
    uint64_t bit = UINT64_C(1) << dimension;
    bool has_place = key_count > 0 || !is_condition;
    if (has_place && !is_demanded(g, dimension)) {
        g->items[g->count++] = (struct demand){.dimension = dimension,
                                               .keys = keys,
                                               .key_count = key_count,
                                               .is_condition = is_condition,
                                               .is_optional = (g->need_presence & bit) != 0,
                                               .need_value = g->need_value,
                                               .need_presence = g->need_presence};
    }
}

/* -- conjuncts ----------------------------------------------------------------------------- */

/* More steps than evaluating the node can take, when it consists of what is understood here. */
static size_t cost_of(const struct node *node)
{
    size_t cost = 2;
    if (node->kind == NODE_VALUE && node->value.kind == CEDAR_SET) {
        cost += value_count(&node->value) * (2 + INDEX_ANCESTORS_MAX / 8);
    }
    for (size_t i = 0; i < node->item_count; i++) {
        cost += cost_of(node->items[i]);
    }
    return cost;
}

/* `attribute == literal`, either way round; NULL when the node is something else. */
static const struct node *compared(const struct node *node, const struct node **literal)
{
    if (node->kind != NODE_EQUAL) {
        return NULL;
    }
    bool is_swapped = node->items[0]->kind == NODE_VALUE;
    *literal = node->items[is_swapped ? 0 : 1];
    bool is_literal = (*literal)->kind == NODE_VALUE && symbols_can_hold((*literal)->value.kind);
    return is_literal ? node->items[is_swapped ? 1 : 0] : NULL;
}

/* The path of node as a dimension that has a value from here on. */
static enum status require(struct collector *g, const struct node *node, const uint32_t *keys,
                           size_t key_count)
{
    uint32_t path = 0;
    uint32_t steps = 0;
    uint32_t dimension = 0;
    TRY(compile_path(g->c, node, &path, &steps));
    if (!dimension_of(g, path, &dimension)) {
        g->is_over = true;
        return STATUS_OK;
    }
    demand(g, dimension, keys, key_count, true);
    if (dimension >= VARIABLE_COUNT) {
        g->need_value |= UINT64_C(1) << dimension;
    }
    return STATUS_OK;
}

static enum status take_equal(struct collector *g, const struct node *node)
{
    const struct node *literal = NULL;
    const struct node *attribute = compared(node, &literal);
    uint32_t *key = arena_alloc(g->scratch, sizeof(*key));
    if (key == NULL) {
        return STATUS_LIMIT;
    }
    if (attribute == NULL) {
        g->is_over = true;
        return STATUS_OK;
    }
    TRY(symbols_add_value(&g->c->program->symbols, &literal->value, key));
    return require(g, attribute, key, 1);
}

static enum status same_path(struct collector *g, const struct node *a, const struct node *b,
                             bool *out)
{
    uint32_t first = 0;
    uint32_t second = 0;
    uint32_t steps = 0;
    TRY(compile_path(g->c, a, &first, &steps));
    TRY(compile_path(g->c, b, &second, &steps));
    *out = first == second && first != PATH_NONE;
    return STATUS_OK;
}

/* `a == x || a == y`: the comparisons fail together or not at all. */
static enum status take_or(struct collector *g, const struct node *node)
{
    uint32_t *keys = arena_alloc_zero(g->scratch, node->item_count, sizeof(*keys));
    const struct node *attribute = NULL;
    if (keys == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < node->item_count; i++) {
        const struct node *literal = NULL;
        const struct node *other = compared(node->items[i], &literal);
        bool is_same = other != NULL && i < ALTERNATIVES_MAX;
        if (is_same && i > 0) {
            TRY(same_path(g, attribute, other, &is_same));
        }
        if (!is_same) {
            g->is_over = true;
            return STATUS_OK;
        }
        attribute = other;
        TRY(symbols_add_value(&g->c->program->symbols, &literal->value, &keys[i]));
    }
    return require(g, attribute, keys, node->item_count);
}

/* Symbols of a literal set; *out is NULL when there is one without. only is the kind that elements
 * must have, CEDAR_ERROR for any. */
static enum status keys_of_set(struct collector *g, const struct cedar_value *set,
                               enum cedar_kind only, uint32_t **out)
{
    size_t count = value_count(set);
    uint32_t *keys = arena_alloc_zero(g->scratch, count, sizeof(*keys));
    uint64_t cursor = 0;
    struct cedar_value item;
    struct slice name;
    *out = NULL;
    if (keys == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; value_next(set, &cursor, g->scratch, &name, &item); i++) {
        bool is_fit = symbols_can_hold(item.kind) && (only == CEDAR_ERROR || only == item.kind);
        if (!is_fit || count > ALTERNATIVES_MAX) {
            return STATUS_OK;
        }
        TRY(symbols_add_value(&g->c->program->symbols, &item, &keys[i]));
    }
    *out = keys;
    return STATUS_OK;
}

/* ["x", "y"].contains(a) */
static enum status take_contains(struct collector *g, const struct node *node)
{
    uint32_t *keys = NULL;
    bool is_fit = node->function == FUNCTION_CONTAINS && node->items[0]->kind == NODE_VALUE &&
                  node->items[0]->value.kind == CEDAR_SET;
    if (is_fit) {
        TRY(keys_of_set(g, &node->items[0]->value, CEDAR_ERROR, &keys));
    }
    if (keys == NULL) {
        g->is_over = true;
        return STATUS_OK;
    }
    return require(g, node->items[1], keys, value_count(&node->items[0]->value));
}

/* `principal in E`, `principal in [E, F]` */
static enum status take_in(struct collector *g, const struct node *node)
{
    const struct node *right = node->items[1];
    uint32_t *keys = arena_alloc(g->scratch, sizeof(*keys));
    size_t count = 1;
    if (keys == NULL) {
        return STATUS_LIMIT;
    }
    if (node_is_variable(node->items[0]) && right->kind == NODE_VALUE &&
        right->value.kind == CEDAR_ENTITY) {
        TRY(symbols_add_entity(&g->c->program->symbols, &right->value.as.uid, keys));
    } else if (node_is_variable(node->items[0]) && right->kind == NODE_VALUE &&
               right->value.kind == CEDAR_SET) {
        TRY(keys_of_set(g, &right->value, CEDAR_ENTITY, &keys));
        count = value_count(&right->value);
    } else {
        keys = NULL;
    }
    if (keys == NULL) {
        g->is_over = true;
        return STATUS_OK;
    }
    demand(g, node_variable(node->items[0]), keys, count, true);
    return STATUS_OK;
}

static enum status take_is(struct collector *g, const struct node *node)
{
    uint32_t *key = arena_alloc(g->scratch, sizeof(*key));
    if (key == NULL) {
        return STATUS_LIMIT;
    }
    if (!node_is_variable(node->items[0])) {
        g->is_over = true;
        return STATUS_OK;
    }
    TRY(symbols_add_type(&g->c->program->symbols, node->text, key));
    demand(g, node_variable(node->items[0]), key, 1, true);
    return STATUS_OK;
}

static enum status take_has(struct collector *g, const struct node *node)
{
    uint32_t path = 0;
    uint32_t steps = 0;
    uint32_t dimension = 0;
    TRY(compile_attribute_path(g->c, node->items[0], node->text, &path, &steps));
    if (!dimension_of(g, path, &dimension)) {
        g->is_over = true;
        return STATUS_OK;
    }
    g->need_presence |= UINT64_C(1) << dimension;
    return STATUS_OK;
}

static enum status take_conjunct(struct collector *g, const struct node *node)
{
    g->cost += cost_of(node);
    if (g->cost > COST_MAX) {
        g->is_over = true;
        return STATUS_OK;
    }
    switch ((int)node->kind) {
    case NODE_EQUAL:
        return take_equal(g, node);
    case NODE_OR:
        return take_or(g, node);
    case NODE_CALL:
        return take_contains(g, node);
    case NODE_IN:
        return take_in(g, node);
    case NODE_IS:
        return take_is(g, node);
    case NODE_HAS:
        return take_has(g, node);
    default:
        g->is_over = true;
        return STATUS_OK;
    }
}

/* Recursion ends: a tree has at most CEDAR_DEPTH_MAX levels. */
static enum status take_condition(struct collector *g, const struct node *node)
{
    if (node->kind != NODE_AND) {
        return take_conjunct(g, node);
    }
    for (size_t i = 0; i < node->item_count && !g->is_over; i++) {
        TRY(take_condition(g, node->items[i]));
    }
    return STATUS_OK;
}

/* -- policies ------------------------------------------------------------------------------ */

static enum status take_scope(struct collector *g, const struct compiled_scope *scope,
                              enum variable variable, struct policy_demands *out)
{
    size_t count = scope->end_entity - scope->first_entity;
    if (scope->kind == SCOPE_ANY) {
        return STATUS_OK;
    }
    out->scopes |= UINT32_C(1) << variable;
    if (scope->kind == SCOPE_IS && count == 0) {
        uint32_t *type = arena_alloc(g->scratch, sizeof(*type));
        if (type == NULL) {
            return STATUS_LIMIT;
        }
        *type = scope->type;
        demand(g, variable, type, 1, false);
        g->items[g->count - 1].is_whole = true;
        return STATUS_OK;
    }
    demand(g, variable, count > 0 ? g->c->program->lists + scope->first_entity : NULL, count,
           false);
    /* A key may be the type's or an ancestor's: `==` and `is in` ask for more. */
    g->items[g->count - 1].is_whole = scope->kind == SCOPE_IN;
    return STATUS_OK;
}

static enum status take_policy(struct collector *g, const struct policy *policy,
                               const struct compiled_policy *compiled, struct policy_demands *out)
{
    *out = (struct policy_demands){.code = compiled->code, .is_template = compiled->is_template};
    if (out->is_template) {
        return STATUS_OK;
    }
    g->count = 0;
    g->need_value = 0;
    g->need_presence = 0;
    g->cost = 0;
    g->is_over = false;
    for (enum variable variable = 0; variable < VARIABLE_COUNT; variable++) {
        TRY(take_scope(g, &compiled->scopes[variable], variable, out));
    }
    if (policy->condition != NULL) {
        TRY(take_condition(g, policy->condition));
    }
    struct demand *kept = arena_alloc_zero(g->scratch, g->count, sizeof(*kept));
    if (kept == NULL) {
        return STATUS_LIMIT;
    }
    memcpy(kept, g->items, g->count * sizeof(*kept));
    out->items = kept;
    out->count = g->count;
    return STATUS_OK;
}

static enum status take_all(struct collector *g, const struct cedar_policy_set *set,
                            struct policy_demands *out)
{
    for (size_t i = 0; i < set->count; i++) {
        TRY(take_policy(g, &set->policies[i], &g->c->program->policies[i], &out[i]));
    }
    return STATUS_OK;
}

/* The variables are dimensions of their own numbers, then come the paths that are used most. */
static void choose_dimensions(struct collector *g, uint32_t *uses)
{
    for (uint32_t variable = 0; variable < VARIABLE_COUNT; variable++) {
        g->out->paths[g->dimension_count++] = variable;
        uses[variable] = 0;
    }
    while (g->dimension_count < DIMENSIONS_MAX) {
        uint32_t most = 0;
        for (uint32_t path = 0; path < PATHS_MAX; path++) {
            most = uses[path] > uses[most] ? path : most;
        }
        if (uses[most] == 0) {
            return;
        }
        g->out->paths[g->dimension_count++] = most;
        uses[most] = 0;
    }
}

enum status guard_collect(struct compiler *c, const struct cedar_policy_set *set,
                          struct arena *scratch, struct demands *out)
{
    struct collector g = {.c = c, .scratch = scratch, .out = out};
    struct policy_demands *policies = arena_alloc_zero(scratch, set->count, sizeof(*policies));
    uint32_t *uses = arena_alloc_zero(scratch, PATHS_MAX, sizeof(*uses));
    *out = (struct demands){.policies = policies, .policy_count = set->count};
    if (policies == NULL || uses == NULL) {
        return STATUS_LIMIT;
    }
    g.uses = uses;
    TRY(take_all(&g, set, policies));
    g.uses = NULL;
    choose_dimensions(&g, uses);
    return take_all(&g, set, policies);
}
