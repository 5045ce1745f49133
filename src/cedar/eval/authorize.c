/* Decisions over a policy set (Cedar reference, section 8), through the index or over all of it. */
#include "cedar/eval/authorize.h"

#include "cedar/eval/machine.h"
#include "cedar/eval/tally.h"

struct decision {
    const struct cedar_policy_set *set;
    struct tally tally;
    bool is_condition_sure; /* the subjects are such that demands of conditions can be relied on */
    struct machine machine;
};

/* scopes: those that have to be looked at. */
static inline enum status count_policy(struct decision *d, uint32_t number, uint32_t scopes)
{
    const struct compiled_policy *policy = &d->set->program->policies[number];
    if (!machine_scopes_match(&d->machine, policy, scopes)) {
        return STATUS_OK;
    }
    enum outcome outcome = machine_run(&d->machine, policy);
    return outcome == OUTCOME_FALSE ? STATUS_OK
                                    : tally_add(&d->tally, number, policy->effect, outcome,
                                                &d->machine.evaluation.error);
}

/* All of a range of the index, none of whose scopes is known to match. */
static enum status count_range(struct decision *d, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++) {
        TRY(count_policy(d, d->set->program->index.order[i].policy, SCOPES_ALL));
    }
    return STATUS_OK;
}

static enum status count_leaf(struct decision *d, const struct index_node *leaf)
{
    const struct index_entry *order = d->set->program->index.order;
    for (uint32_t i = leaf->from; i < leaf->end; i++) {
        TRY(count_policy(d, order[i].policy, order[i].scopes));
    }
    return STATUS_OK;
}

/* -- through the index --------------------------------------------------------------------- */

static bool is_known(const struct slot *slot)
{
    return slot->found == FOUND_VALUE && slot->known->value.kind != CEDAR_UNKNOWN;
}

static bool is_absent(const struct slot *slot)
{
    return slot->found == FOUND_NOTHING || slot->found == FOUND_NO_ENTITY;
}

static bool can_rely(struct decision *d, const struct index_node *node)
{
    const uint32_t *paths = d->set->program->index.paths;
    bool is_sure = !node->is_condition || d->is_condition_sure;
    for (uint64_t left = node->need_value; left != 0 && is_sure; left &= left - 1) {
        is_sure = is_known(machine_find(&d->machine, paths[__builtin_ctzll(left)]));
    }
    for (uint64_t left = node->need_presence; left != 0 && is_sure; left &= left - 1) {
        const struct slot *slot = machine_find(&d->machine, paths[__builtin_ctzll(left)]);
        is_sure = slot->found == FOUND_VALUE || slot->found == FOUND_UNREADABLE || is_absent(slot);
    }
    return is_sure;
}

static enum status visit(struct decision *d, uint32_t number);

static enum status visit_key(struct decision *d, uint32_t number, uint32_t key)
{
    const struct index *index = &d->set->program->index;
    uint32_t next = index_next(index, number, key);
    if (next == INDEX_NONE) {
        return STATUS_OK;
    }
    bool is_leaf = index->nodes[next].dimension == INDEX_NONE;
    return is_leaf ? count_leaf(d, &index->nodes[next]) : visit(d, next);
}

static enum status visit_subject(struct decision *d, uint32_t number, const struct subject *subject)
{
    for (size_t i = 0; i < subject->symbol_count; i++) {
        TRY(visit_key(d, number, subject->symbols[i]));
    }
    return subject->type == SYMBOL_NONE ? STATUS_OK : visit_key(d, number, subject->type);
}

/* The policies that demand something of the node's dimension. */
static enum status visit_demanding(struct decision *d, uint32_t number,
                                   const struct index_node *node)
{
    if (!can_rely(d, node)) {
        return count_range(d, node->from, node->split);
    }
    if (node->dimension < VARIABLE_COUNT) {
        return visit_subject(d, number, d->machine.evaluation.subjects[node->dimension]);
    }
    uint32_t path = d->set->program->index.paths[node->dimension];
    const struct slot *slot = machine_find(&d->machine, path);
    if (is_known(slot)) {
        return visit_key(d, number, machine_symbol(&d->machine, path));
    }
    if (node->is_optional && is_absent(slot)) {
        return STATUS_OK;
    }
    return count_range(d, node->from, node->split);
}

/* Recursion ends: every node on the way down has another dimension. */
static enum status visit(struct decision *d, uint32_t number)
{
    const struct index *index = &d->set->program->index;
    while (number != INDEX_NONE) {
        const struct index_node *node = &index->nodes[number];
        if (node->dimension == INDEX_NONE) {
            return count_leaf(d, node);
        }
        TRY(visit_demanding(d, number, node));
        number = node->rest;
    }
    return STATUS_OK;
}

/* -- entry points -------------------------------------------------------------------------- */

static enum status count_all(struct decision *d, const struct cedar_policy_set *set,
                             const struct cedar_request *request,
                             const struct authorize_options *options, struct arena *arena)
{
    d->set = set;
    tally_init(&d->tally, options->rules, arena);
    TRY(machine_init(&d->machine, set, request, arena));
    d->is_condition_sure = true;
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        const struct subject *subject = d->machine.evaluation.subjects[i];
        d->is_condition_sure =
            d->is_condition_sure && subject->data.ancestor_count <= INDEX_ANCESTORS_MAX;
    }
    if (!options->without_index) {
        return visit(d, set->program->index.root);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (!set->program->policies[i].is_template) {
            TRY(count_policy(d, (uint32_t)i, SCOPES_ALL));
        }
    }
    return STATUS_OK;
}

enum status authorize(const struct cedar_policy_set *set, const struct cedar_request *request,
                      const struct authorize_options *options, struct arena *arena,
                      struct cedar_response *out)
{
    struct decision d; /* large, and filled as far as it is used */
    *out = (struct cedar_response){.decision = CEDAR_DENY};
    TRY(count_all(&d, set, request, options, arena));
    tally_respond(&d.tally, out);
    return STATUS_OK;
}

enum status may_allow(const struct cedar_policy_set *set, const struct cedar_request *request,
                      const struct authorize_options *options, struct arena *arena,
                      enum cedar_answer *out)
{
    struct decision d;
    *out = CEDAR_NEVER;
    TRY(count_all(&d, set, request, options, arena));
    *out = tally_answer(&d.tally);
    return STATUS_OK;
}

enum status cedar_authorize(const struct cedar_policy_set *set, const struct cedar_request *request,
                            const struct cedar_options *options, struct arena *arena,
                            struct cedar_response *out)
{
    return authorize(set, request, &(struct authorize_options){options, false}, arena, out);
}

enum status cedar_may_allow(const struct cedar_policy_set *set, const struct cedar_request *request,
                            const struct cedar_options *options, struct arena *arena,
                            enum cedar_answer *out)
{
    return may_allow(set, request, &(struct authorize_options){options, false}, arena, out);
}

const char *cedar_error_kind_name(enum cedar_error_kind kind)
{
    static const char *const NAMES[] = {
        [CEDAR_ERROR_TYPE] = "type",     [CEDAR_ERROR_OVERFLOW] = "overflow",
        [CEDAR_ERROR_ENTITY] = "entity", [CEDAR_ERROR_ATTRIBUTE] = "attribute",
        [CEDAR_ERROR_TAG] = "tag",       [CEDAR_ERROR_EXTENSION] = "extension",
        [CEDAR_ERROR_ARITY] = "arity",   [CEDAR_ERROR_UNREADABLE] = "unreadable",
        [CEDAR_ERROR_STEPS] = "steps",
    };
    return NAMES[kind];
}
