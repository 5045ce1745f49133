/* Decisions over a policy set (Cedar reference, section 8), through the index or over all of it. */
#include "cedar/eval/authorize.h"

#include "cedar/eval/machine.h"
#include "cedar/eval/tally.h"

struct decision {
    const struct cedar_policy_set *set;
    struct tally tally;
    struct machine machine;
};

/* unsure: scopes to look at besides those that the entries name. */
static enum status count_entries(struct decision *d, const struct index_entry *from,
                                 const struct index_entry *end, uint32_t unsure)
{
    const struct compiled_policy *policies = d->set->program->policies;
    for (const struct index_entry *at = from; at < end; at++) {
        uint32_t scopes = at->scopes | unsure;
        if (scopes != 0 && !machine_scopes_match(&d->machine, &policies[at->policy], scopes)) {
            continue;
        }
        enum outcome outcome = machine_run(&d->machine, at->code);
        if (outcome != OUTCOME_FALSE) {
            TRY(tally_add(&d->tally, at->policy, policies[at->policy].effect, outcome,
                          &d->machine.evaluation.error));
        }
    }
    return STATUS_OK;
}

static enum status count_range(struct decision *d, uint32_t from, uint32_t end, uint32_t unsure)
{
    const struct index_entry *order = d->set->program->index.order;
    return count_entries(d, order + from, order + end, unsure);
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

/* Are the subjects such that demands of conditions can be relied on? */
static bool is_condition_sure(const struct decision *d)
{
    bool is_sure = true;
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        const struct subject *subject = d->machine.evaluation.subjects[i];
        is_sure = is_sure && subject->data.ancestor_count <= INDEX_ANCESTORS_MAX;
    }
    return is_sure;
}

static bool can_rely(struct decision *d, const struct index_node *node)
{
    const uint32_t *paths = d->set->program->index.paths;
    bool is_sure = !node->is_condition || is_condition_sure(d);
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

static inline enum status visit_edge(struct decision *d, const struct index_edge *edge)
{
    return edge->end == INDEX_NONE ? visit(d, edge->to) : count_range(d, edge->to, edge->end, 0);
}

static enum status visit_key(struct decision *d, uint32_t number, uint32_t key)
{
    const struct index_edge *edge = index_next(&d->set->program->index, number, key);
    return edge == NULL ? STATUS_OK : visit_edge(d, edge);
}

static enum status visit_subject(struct decision *d, uint32_t number, const struct index_node *node)
{
    uint32_t variable = node->dimension;
    const struct subject *subject = d->machine.evaluation.subjects[variable];
    if (node->is_trunk && subject->leads != NULL) {
        uint32_t first = variable == 0 ? 0 : subject->lead_ends[variable - 1];
        for (uint32_t i = first; i < subject->lead_ends[variable]; i++) {
            TRY(visit_edge(d, &subject->leads[i]));
        }
        return STATUS_OK;
    }
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
        return count_range(d, node->from, node->split, SCOPES_ALL);
    }
    if (node->dimension < VARIABLE_COUNT) {
        return visit_subject(d, number, node);
    }
    uint32_t path = d->set->program->index.paths[node->dimension];
    const struct slot *slot = machine_find(&d->machine, path);
    if (is_known(slot)) {
        return visit_key(d, number, machine_symbol(&d->machine, path));
    }
    if (node->is_optional && is_absent(slot)) {
        return STATUS_OK;
    }
    return count_range(d, node->from, node->split, SCOPES_ALL);
}

/* Recursion ends: every node on the way down has another dimension. */
static enum status visit(struct decision *d, uint32_t number)
{
    const struct index *index = &d->set->program->index;
    while (number != INDEX_NONE) {
        const struct index_node *node = &index->nodes[number];
        if (node->dimension == INDEX_NONE) {
            return count_range(d, node->from, node->end, 0);
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
    if (!options->without_index) {
        return visit(d, set->program->index.root);
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct compiled_policy *policy = &set->program->policies[i];
        const struct index_entry entry = {(uint32_t)i, policy->code, SCOPES_ALL};
        if (!policy->is_template) {
            TRY(count_entries(d, &entry, &entry + 1, 0));
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
