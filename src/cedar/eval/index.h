/* index.h: which policies a request may concern; private to src/cedar.
 *
 * A tree over what policies demand: a scope, or a condition that begins with an attribute being
 * equal to a literal. A node asks for one thing, and what the request answers leads on to the
 * policies that demand just that; those that do not care lie apart and are always gone on to. So a
 * decision touches few policies, whatever the size of the set.
 *
 * A policy that is left out can neither apply, fail nor be unknown: a scope that does not match
 * never fails, and a condition is left out only if all that is evaluated before the comparison is
 * sure to be a known boolean in this request. Where that is not sure, all are visited.
 */
#ifndef AEGIS_CEDAR_EVAL_INDEX_H
#define AEGIS_CEDAR_EVAL_INDEX_H

#include "cedar/eval/evaluation.h"

#define INDEX_NONE UINT32_MAX
#define DIMENSIONS_MAX 64 /* the three variables, and the paths that conditions compare most */
#define DEMANDS_MAX 16    /* looked at in one policy */
/* Beyond this many ancestors `in` may use up the steps, so only scopes are relied on. */
#define INDEX_ANCESTORS_MAX 4096

/* What a request has to be like, or the policy is false. */
struct demand {
    uint32_t dimension;   /* enum variable, or an index into paths */
    const uint32_t *keys; /* symbols, one of which it has to be; may repeat */
    size_t key_count;
    bool is_condition; /* as opposed to a scope */
    bool is_whole;     /* a scope that matches whenever the subject has one of the keys */
    bool is_optional;  /* the condition asked `has` before, so absence makes it false too */
    /* Dimensions on which the demand can be relied only when their value is known, or when it is
     * known whether there is one: they are evaluated before. */
    uint64_t need_value, need_presence;
};

struct policy_demands {
    const struct demand *items;
    size_t count;
    uint32_t scopes; /* bits of enum variable: those that demand anything */
    uint32_t code;   /* as in struct compiled_policy */
    bool is_template;
};

/* Those of a whole set. */
struct demands {
    const struct policy_demands *policies;
    size_t policy_count;
    uint32_t paths[DIMENSIONS_MAX]; /* of a dimension that is no variable */
};

struct index_node {
    uint32_t from, split, end; /* in order: all below that demand something here, then the rest */
    uint32_t rest;             /* node of the rest; INDEX_NONE */
    uint64_t need_value, need_presence;
    uint32_t dimension; /* INDEX_NONE: a leaf */
    bool is_condition, is_optional;
    bool is_trunk; /* the root, or the rest of one of the trunk: every decision comes by */
};

struct index_entry {
    uint32_t policy;
    uint32_t code;   /* of its condition */
    uint32_t scopes; /* as above: those that the way through the tree leaves to be checked */
};

/* To a leaf's entries, or to another node. */
struct index_edge {
    uint64_t from_key; /* node and symbol */
    uint32_t to;       /* INDEX_NONE: the place is free */
    uint32_t end;      /* INDEX_NONE: to is a node, otherwise the leaf's first entry */
};

struct index {
    const struct index_node *nodes;
    const struct index_entry *order;
    const struct index_edge *edges;
    size_t edge_mask; /* places - 1, of a power of two */
    uint32_t paths[DIMENSIONS_MAX];
    uint32_t root;
};

/* Build the index in arena; scratch is used up. STATUS_LIMIT without memory. */
NODISCARD enum status index_build(const struct demands *demands, uint32_t symbol_count,
                                  struct arena *arena, struct arena *scratch, struct index *out);

/* Find out where the trunk leads a subject that has its symbols, in arena. STATUS_LIMIT without
 * memory. */
NODISCARD enum status index_lead(const struct index *index, struct arena *arena,
                                 struct subject *subject);

static inline size_t index_place(const struct index *index, uint64_t from_key)
{
    uint64_t hash = from_key * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32) & index->edge_mask;
}

/* Where `key` leads from a node; NULL when no policy demands it. */
static inline const struct index_edge *index_next(const struct index *index, uint32_t node,
                                                  uint32_t key)
{
    uint64_t from_key = (uint64_t)node << 32 | key;
    const struct index_edge *edge = &index->edges[index_place(index, from_key)];
    while (edge->to != INDEX_NONE && edge->from_key != from_key) {
        edge = edge == &index->edges[index->edge_mask] ? index->edges : edge + 1;
    }
    return edge->to == INDEX_NONE ? NULL : edge;
}

#endif
