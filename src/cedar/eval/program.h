/* program.h: a policy set compiled; private to src/cedar. Immutable after program_build.
 *
 * The conditions are code for a machine with a stack (machine.h), scopes are symbols to compare,
 * and the attribute paths of all conditions together are one tree, so that each is read at most
 * once in a decision. The index (index.h) tells which policies a request may concern.
 *
 * The compiler reads struct policy and struct node and nothing else of the syntax.
 */
#ifndef AEGIS_CEDAR_EVAL_PROGRAM_H
#define AEGIS_CEDAR_EVAL_PROGRAM_H

#include "cedar/eval/index.h"
#include "cedar/eval/operators.h"
#include "cedar/eval/symbols.h"

#define PATHS_MAX 1024 /* remembered in a decision; attributes beyond them are read at each use */
#define PATH_NONE UINT32_MAX
#define CODE_NONE UINT32_MAX
/* A condition of n levels needs n places, for one operand waits at each; the first is never used.
 */
#define MACHINE_STACK_MAX (CEDAR_DEPTH_MAX + 3)

/* The first paths are principal, action, resource (enum variable) and context. */
enum {
    PATH_CONTEXT = VARIABLE_COUNT,
    PATH_ROOTS,
};

/* An attribute of what another path leads to. */
struct path {
    uint32_t parent; /* smaller than the path's own number */
    uint32_t root;   /* of the first paths, the one it begins with */
    struct slice name;
    const uint32_t *symbols; /* of all names from the root */
    uint32_t depth;          /* how many */
};

/* "Push": the result is put on the stack; "top" is the value there. Any can fail, which ends the
 * policy. They come in five groups, see machine_run. */
enum operation {
    /* Tests. What they tell is pushed unless it is used at once: */
    OPERATION_IN_PATH,       /* variable a in path b */
    OPERATION_IS_EQUAL,      /* variable a == the entity of symbol b */
    OPERATION_IS_IN,         /* variable a in the entity of symbol b */
    OPERATION_IS_IN_ANY,     /* variable a in the entities of lists[b + 1] to lists[b + lists[b]] */
    OPERATION_IS_TYPE,       /* variable a is the type of symbol b */
    OPERATION_HAS_PATH,      /* does path a lead anywhere? */
    OPERATION_EQUAL,         /* path a == values[b] */
    OPERATION_EQUAL_PATH,    /* path a == path b, which takes c steps */
    OPERATION_PATH_CONTAINS, /* path b .contains(variable a) */
    /* What pushes a value without looking at the stack: */
    OPERATION_VALUE, /* push values[a] */
    OPERATION_PATH,  /* push what path a leads to */
    OPERATION_LIST,  /* push a list for a elements */
    /* What changes top: */
    OPERATION_ATTRIBUTE, /* top.values[a] */
    OPERATION_HAS,       /* top has values[a] */
    OPERATION_LIKE,      /* top like patterns[a] */
    OPERATION_IS,        /* top is values[a] */
    OPERATION_UNARY,     /* of the node kind a */
    OPERATION_LIST_END,  /* the list becomes a value of the node kind a */
    OPERATION_CALL_LIST, /* function a of the elements of a list */
    OPERATION_CHAIN_END, /* the last operand of && or || */
    /* What drops values above the one it changes: */
    OPERATION_BINARY, /* the upper two values into one; of the node kind a */
    OPERATION_ITEM,   /* top becomes element a of the list below; its name is values[b], if any */
    OPERATION_CALL,   /* function a of the upper b <= 2 values; its name is values[c] */
    /* Where to go on: */
    OPERATION_CHAIN,  /* an operand of && (b is 0) or || (1): go to a if it decides, else drop it */
    OPERATION_BRANCH, /* drop top; go to a when it was false, to b when unknown */
    OPERATION_JUMP,   /* go to a */
    OPERATION_END,    /* top is the condition's value */
};

struct instruction {
    uint16_t operation;
    /* Of this node and of those around it that begin with it: so the same steps are used up at the
     * same places as in the reference evaluator. */
    uint16_t steps;
    uint32_t a, b, c;
};

struct pattern {
    const struct pattern_part *parts;
    size_t count;
};

/* One part of a policy's scope. */
struct compiled_scope {
    enum scope_kind kind;
    uint32_t type;                     /* SCOPE_IS */
    uint32_t first_entity, end_entity; /* in lists: of SCOPE_EQUAL, SCOPE_IN, SCOPE_IS with one */
};

struct compiled_policy {
    struct compiled_scope scopes[VARIABLE_COUNT];
    enum cedar_effect effect;
    bool is_template;
    uint32_t code; /* first instruction, or CODE_NONE: no condition */
};

struct program {
    struct symbols symbols;
    const struct compiled_policy *policies;
    const struct instruction *code;
    const struct cedar_value *values;
    uint32_t value_count;
    const struct pattern *patterns;
    const uint32_t *lists; /* of symbols */
    const struct path *paths;
    uint32_t path_count;
    struct index index;
};

/* Compile the parsed policies of a set, in its arena. STATUS_LIMIT without memory. */
NODISCARD enum status program_build(struct cedar_policy_set *set);

#endif
