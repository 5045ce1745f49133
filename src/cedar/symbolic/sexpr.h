/* sexpr.h: what a solver wrote, as a flat tree; private to src/cedar/symbolic.
 *
 * Nodes lie one after the other in the order of the text, a list before its parts, so that nothing
 * has to be nested to be walked. Reading needs no stack: a text of nothing but opening brackets is
 * as good as any.
 */
#ifndef AEGIS_CEDAR_SYMBOLIC_SEXPR_H
#define AEGIS_CEDAR_SYMBOLIC_SEXPR_H

#include "base/arena.h"
#include "base/diag.h"

#define SEXPR_NODES_MAX (1U << 20)

enum sexpr_kind {
    SEXPR_LIST,
    SEXPR_SYMBOL, /* text: also of numbers; without its bars */
    SEXPR_STRING, /* text: between the quotes, a quote in it doubled */
};

struct sexpr_node {
    enum sexpr_kind kind;
    uint32_t end; /* index of what follows the whole of it */
    struct slice text;
};

struct sexpr {
    const struct sexpr_node *nodes;
    uint32_t count;
};

/* Read all expressions of a text, which is borrowed. STATUS_INVALID with cedar.solver_answer when
 * brackets or quotes do not match; STATUS_LIMIT when there are too many nodes. */
NODISCARD enum status sexpr_read(struct slice text, struct arena *arena, struct sexpr *out,
                                 struct diag *diag);

/* Is the node this symbol? */
bool sexpr_is(const struct sexpr *sexpr, uint32_t node, struct slice symbol);

/* Is it a list of count parts at least, of which the first is this symbol? */
bool sexpr_is_call(const struct sexpr *sexpr, uint32_t node, struct slice symbol, uint32_t count);

/* The part of a list; sexpr->count when there is none. */
uint32_t sexpr_part(const struct sexpr *sexpr, uint32_t list, uint32_t index);

/* Parts of a list; 0 for other nodes. */
uint32_t sexpr_part_count(const struct sexpr *sexpr, uint32_t list);

#endif
