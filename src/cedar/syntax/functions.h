/* functions.h: names, styles and arities of all functions and methods; private to src/cedar. */
#ifndef AEGIS_CEDAR_SYNTAX_FUNCTIONS_H
#define AEGIS_CEDAR_SYNTAX_FUNCTIONS_H

#include "cedar/syntax/tree.h"

#define FUNCTION_ARITY_FREE (-1)

struct function_info {
    struct slice name;
    bool is_method;
    bool is_extension; /* an extension type's: its JSON form is {"name": [arguments]} */
    int arity;         /* arguments besides the receiver; FREE: looked at when it is evaluated */
    int64_t unit_ms;   /* what it counts in a duration; 0: nothing */
};

/* FUNCTION_COUNT when there is none of that name. */
enum function function_find(struct slice name);

/* function < FUNCTION_COUNT */
const struct function_info *function_info(enum function function);

/* The function or method whose name is like this one; empty when none is. */
struct slice function_nearest(struct slice name, bool is_method);

#endif
