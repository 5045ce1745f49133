/* compile.h: the state of compiling a policy set; private to src/cedar.
 *
 * compile.c turns conditions and scopes into code, guard.c finds what a policy demands of every
 * request it concerns; both name the same paths, symbols and values.
 */
#ifndef AEGIS_CEDAR_EVAL_COMPILE_H
#define AEGIS_CEDAR_EVAL_COMPILE_H

#include "cedar/eval/growing.h"
#include "cedar/eval/program.h"

struct compiler {
    struct arena *arena; /* borrowed, of the set */
    struct program *program;
    struct growing code, values, patterns, lists, paths;
    struct uid_table path_table; /* parent and name to path */
};

/* The path of a chain of attributes that begins with a variable, with the steps its evaluation
 * takes. *path is PATH_NONE when the node is none, or when there are PATHS_MAX. */
NODISCARD enum status compile_path(struct compiler *c, const struct node *node, uint32_t *path,
                                   uint32_t *steps);

/* The path of an attribute of an object that is a path itself, and steps of the object; likewise.
 */
NODISCARD enum status compile_attribute_path(struct compiler *c, const struct node *object,
                                             struct slice name, uint32_t *path, uint32_t *steps);

/* Is the node principal, action or resource? */
bool node_is_variable(const struct node *node);

/* What the policies demand of a request, one list each, and the paths that takes. */
NODISCARD enum status guard_collect(struct compiler *c, const struct cedar_policy_set *set,
                                    struct arena *scratch, struct demands *out);

#endif
