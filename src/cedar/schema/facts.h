/* facts.h: what is known to hold at a place in an expression (reference, 11.3): that an expression
 * has an attribute or a tag. Private to src/cedar/schema.
 *
 * Lists are immutable and share their ends, so learning something costs one node.
 */
#ifndef AEGIS_CEDAR_SCHEMA_FACTS_H
#define AEGIS_CEDAR_SCHEMA_FACTS_H

#include "cedar/syntax/tree.h"

struct fact {
    const struct fact *next;
    const struct node *object;
    struct slice attribute; /* when tag is NULL */
    const struct node *tag; /* the expression of the tag's name */
};

/* facts and one more. STATUS_LIMIT without memory. */
NODISCARD enum status facts_add(struct arena *arena, const struct fact *facts,
                                const struct node *object, struct slice attribute,
                                const struct node *tag, const struct fact **out);

/* Those of a and those of b. */
NODISCARD enum status facts_union(struct arena *arena, const struct fact *a, const struct fact *b,
                                  const struct fact **out);

/* Those of a that are in b too. */
NODISCARD enum status facts_common(struct arena *arena, const struct fact *a, const struct fact *b,
                                   const struct fact **out);

bool facts_has_attribute(const struct fact *facts, const struct node *object,
                         struct slice attribute);
bool facts_has_tag(const struct fact *facts, const struct node *object, const struct node *tag);

/* Are the two the same expression, wherever they stand? */
bool node_same(const struct node *a, const struct node *b);

#endif
