/* tree.h: a parsed policy set; private to src/cedar. Immutable after parsing. */
#ifndef AEGIS_CEDAR_SYNTAX_TREE_H
#define AEGIS_CEDAR_SYNTAX_TREE_H

#include "cedar/cedar.h"

enum node_kind {
    NODE_VALUE, /* value */
    NODE_PRINCIPAL,
    NODE_ACTION,
    NODE_RESOURCE,
    NODE_CONTEXT,
    NODE_IF,  /* items: condition, then, else */
    NODE_AND, /* items: two or more, in order */
    NODE_OR,
    NODE_NOT, /* items: operand */
    NODE_NEGATE,
    NODE_EQUAL, /* items: left, right; the same for all binary operators */
    NODE_LESS,
    NODE_LESS_EQUAL,
    NODE_IN,
    NODE_ADD,
    NODE_SUBTRACT,
    NODE_MULTIPLY,
    NODE_ATTRIBUTE, /* items: object; text: name */
    NODE_HAS,       /* items: object; text: name */
    NODE_LIKE,      /* items: text; pattern */
    NODE_IS,        /* items: entity; text: type */
    NODE_SET,       /* items */
    NODE_RECORD,    /* items with names, sorted by name */
    NODE_CALL,      /* items: arguments, receiver first; function */
};

enum function {
    FUNCTION_CONTAINS,
    FUNCTION_CONTAINS_ALL,
    FUNCTION_CONTAINS_ANY,
    FUNCTION_IS_EMPTY,
    FUNCTION_GET_TAG,
    FUNCTION_HAS_TAG,
    FUNCTION_DECIMAL, /* from here: extension functions, whose arity is checked at evaluation */
    FUNCTION_IP,
    FUNCTION_DATETIME,
    FUNCTION_DURATION,
    FUNCTION_LESS_THAN,
    FUNCTION_LESS_THAN_OR_EQUAL,
    FUNCTION_GREATER_THAN,
    FUNCTION_GREATER_THAN_OR_EQUAL,
    FUNCTION_IS_IPV4,
    FUNCTION_IS_IPV6,
    FUNCTION_IS_LOOPBACK,
    FUNCTION_IS_MULTICAST,
    FUNCTION_IS_IN_RANGE,
    FUNCTION_OFFSET,
    FUNCTION_DURATION_SINCE,
    FUNCTION_TO_DATE,
    FUNCTION_TO_TIME,
    FUNCTION_TO_MILLISECONDS,
    FUNCTION_TO_SECONDS,
    FUNCTION_TO_MINUTES,
    FUNCTION_TO_HOURS,
    FUNCTION_TO_DAYS,
    FUNCTION_UNKNOWN, /* unknown("x"): parses, and stays unknown */
    FUNCTION_COUNT,
};

/* A piece of a like pattern: literal bytes, or a wildcard. */
struct pattern_part {
    bool is_wildcard;
    struct slice literal;
};

struct node {
    enum node_kind kind;
    enum function function;
    struct slice text;
    struct cedar_value value;
    const struct node **items;
    struct slice *names;
    size_t item_count;
    uint32_t expanded; /* nodes below and with this one, each as often as it is walked */
    unsigned height;   /* levels of the tree below and with this node, 1..CEDAR_DEPTH_MAX */
    const struct pattern_part *parts;
    size_t part_count;
    uint32_t number;             /* in a whole policy (lower.h): rising from 0 */
    uint32_t from, to;           /* bytes of the source that it stands for */
    uint32_t name_from, name_to; /* of the type in an entity or after `is`, of an attribute */
};

struct annotation {
    struct slice key, value;
};

/* principal/action/resource constraint of the scope. */
enum scope_kind {
    SCOPE_ANY,
    SCOPE_EQUAL,
    SCOPE_IN, /* one of entities */
    SCOPE_IS, /* type, and in entities[0] when entity_count is 1 */
};

struct scope {
    enum scope_kind kind;
    struct slice type;
    const struct cedar_uid *entities;
    size_t entity_count;
    bool has_slot;
};

struct surface_policy;

struct policy {
    struct slice id, source; /* source: name of the file */
    struct slice source_text;
    uint32_t source_index;
    size_t offset; /* of its first token in the source */
    enum cedar_effect effect;
    uint32_t line;
    const struct annotation *annotations;
    size_t annotation_count;
    struct scope principal, action, resource;
    const struct node *condition;         /* NULL: none, true */
    const struct surface_policy *surface; /* as it was written; of a link: its template's */
    const struct policy_link *link;       /* NULL: no link */
};

/* What binds a link to its template. The scope of the policy has the values in their places. */
struct policy_link {
    struct slice template_id;
    bool has_principal, has_resource; /* slots of the template */
    struct cedar_uid principal, resource;
};

/* A template takes no part in decisions. */
static inline bool policy_is_template(const struct policy *policy)
{
    return policy->principal.has_slot || policy->resource.has_slot;
}

struct program;
struct policy_unit;

struct cedar_policy_set {
    struct arena arena;
    struct policy *policies;
    size_t count;
    const struct program *program; /* the policies compiled (eval/program.h) */
    struct policy_unit *unit;      /* memory of the trees, shared with sets made of this one */
};

#endif
