/* print.h: surface trees to Cedar syntax; private to src/cedar.
 *
 * The form of the official engine's printer: operands that are operators themselves stand in
 * parentheses, except the left one of a chain. What is printed parses to the same tree.
 */
#ifndef AEGIS_CEDAR_SYNTAX_PRINT_H
#define AEGIS_CEDAR_SYNTAX_PRINT_H

#include "cedar/syntax/surface.h"

void print_policy(struct buf *out, const struct policy *policy);
void print_expression(struct buf *out, const struct surface_node *node);

/* A string literal with its quotes. */
void print_string(struct buf *out, struct slice text);

/* A pattern with its quotes. */
void print_pattern(struct buf *out, const struct pattern_part *parts, size_t count);

/* Type::"id" */
void print_uid(struct buf *out, const struct cedar_uid *uid);

/* May the text stand as an identifier, outside of quotes? */
bool print_is_ident(struct slice text);

#endif
