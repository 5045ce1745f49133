/* surface.h: policies as they were written; private to src/cedar.
 *
 * The loss-free tree between text or JSON and everything that works on policies: printer,
 * formatter, JSON writer, validator, lowering (lower.h, which makes the evaluator's tree of it). It
 * keeps every operator, separate conditions, the order of annotations and fields, and where each
 * piece stood. Trees are immutable, live in the arena of their set and are at most CEDAR_DEPTH_MAX
 * levels high, so a walk may recurse. White space and comments are not here: they stand between the
 * ranges, and lexing the bytes between two ranges again finds them.
 */
#ifndef AEGIS_CEDAR_SYNTAX_SURFACE_H
#define AEGIS_CEDAR_SYNTAX_SURFACE_H

#include "cedar/syntax/tree.h"

/* Bytes from..to of the source text; of the JSON value when the policy was read from JSON. */
struct surface_range {
    uint32_t from, to;
};

/* An identifier, a path (normalised: without white space) or a string used as a name. */
struct surface_name {
    struct slice text; /* unescaped */
    struct surface_range range;
    bool is_quoted; /* it was a string, or is none of an identifier's form */
};

/* Type::"id" */
struct surface_entity {
    struct surface_name type;
    struct slice id;
    struct surface_range id_range; /* the string, with its quotes */
    struct surface_range range;
};

enum surface_kind {
    SURFACE_BOOL,   /* as.boolean */
    SURFACE_LONG,   /* as.number; a '-' directly before the digits is part of it */
    SURFACE_STRING, /* as.text, unescaped */
    SURFACE_ENTITY, /* as.entity */
    SURFACE_PRINCIPAL,
    SURFACE_ACTION,
    SURFACE_RESOURCE,
    SURFACE_CONTEXT,
    SURFACE_IF,  /* items: condition, then, else */
    SURFACE_AND, /* items: two or more; a chain without parentheses is one node */
    SURFACE_OR,
    SURFACE_NOT, /* items: operand */
    SURFACE_NEGATE,
    SURFACE_EQUAL, /* items: left, right; the same for all binary operators */
    SURFACE_NOT_EQUAL,
    SURFACE_LESS,
    SURFACE_LESS_EQUAL,
    SURFACE_GREATER,
    SURFACE_GREATER_EQUAL,
    SURFACE_IN,
    SURFACE_ADD,
    SURFACE_SUBTRACT,
    SURFACE_MULTIPLY,
    SURFACE_ATTRIBUTE, /* items: object; names[0]; e["a"] when is_quoted, else e.a */
    SURFACE_HAS,       /* items: object; names: one, or the steps of a path */
    SURFACE_LIKE,      /* items: text; as.pattern */
    SURFACE_IS,        /* items: entity and, with `in`, the other entity; names[0]: the type */
    SURFACE_SET,       /* items */
    SURFACE_RECORD,    /* items with names, in the order of the source */
    SURFACE_CALL,      /* items: arguments, receiver first; as.function; names[0] as written */
};

struct surface_pattern {
    struct slice written; /* between the quotes; empty when read from JSON */
    const struct pattern_part *parts;
    size_t part_count;
    struct surface_range range; /* the string, with its quotes */
};

struct surface_node {
    enum surface_kind kind;
    bool is_value;        /* from JSON: a set, record or call that stood in a `Value` */
    uint16_t parentheses; /* pairs directly around the node */
    unsigned height;      /* levels of the tree below and with this node, 1..CEDAR_DEPTH_MAX */
    struct surface_range range; /* the node itself, without parentheses around it */
    struct surface_range outer; /* with them */
    /* What the official engine points at for this node: of `a.b.c` and `1 + 2 + 3` it knows no
     * parts, so each access or sum of a chain has the whole chain. */
    struct surface_range site;
    const struct surface_node **items;
    const struct surface_name *names;
    uint32_t item_count, name_count;
    union {
        bool boolean;
        int64_t number;
        struct slice text;
        struct surface_entity entity;
        enum function function;
        struct surface_pattern pattern;
    } as;
};

struct surface_annotation {
    struct surface_name key;
    struct slice value; /* empty without one */
    struct surface_range value_range, range;
    bool has_value;
};

enum surface_scope_kind {
    SURFACE_SCOPE_ANY,
    SURFACE_SCOPE_EQUAL,   /* entities[0] or slot */
    SURFACE_SCOPE_IN,      /* entities[0] or slot */
    SURFACE_SCOPE_IN_LIST, /* action in [entities] */
    SURFACE_SCOPE_IS,      /* type */
    SURFACE_SCOPE_IS_IN,   /* type; entities[0] or slot */
};

struct surface_scope {
    enum surface_scope_kind kind;
    bool has_slot;
    uint16_t parentheses;          /* pairs around the entity, slot or list */
    struct surface_range range;    /* the whole element */
    struct surface_range variable; /* principal, action or resource */
    struct surface_range right;    /* what follows `==` or `in`, with parentheses */
    struct surface_range slot;
    struct surface_name type;
    const struct surface_entity *entities;
    size_t entity_count;
};

struct surface_condition {
    bool is_unless;
    struct surface_range keyword, range; /* range: to the closing brace */
    const struct surface_node *body;
};

struct surface_policy {
    struct surface_range range; /* from the first annotation to the semicolon */
    struct surface_range effect_range;
    enum cedar_effect effect;
    const struct surface_annotation *annotations;
    size_t annotation_count;
    struct surface_scope principal, action, resource;
    const struct surface_condition *conditions;
    size_t condition_count;
};

/* The mark of a binary operator, the same in text and JSON. */
struct slice surface_mark(enum surface_kind kind);

/* False when no binary operator has this mark. */
bool surface_find_mark(struct slice mark, enum surface_kind *out);

/* A node with room for count items and all ranges as given; NULL without memory. */
struct surface_node *surface_node_new(struct arena *arena, enum surface_kind kind,
                                      struct surface_range range, size_t count);

/* Set the node's height once its items are set. False when it is higher than CEDAR_DEPTH_MAX. */
NODISCARD bool surface_node_close(struct surface_node *node);

/* Has it a slot? Then it is a template. */
static inline bool surface_is_template(const struct surface_policy *policy)
{
    return policy->principal.has_slot || policy->resource.has_slot;
}

#endif
