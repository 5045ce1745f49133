/* uri_template.h: could this template give this address, and which one does it give?
 *
 * Matching answers only which server an address belongs to, never what a caller may do. It reads
 * all operators and modifiers of RFC 6570 and ignores the names of variables: one variable in two
 * places may get two values.
 */
#ifndef AEGIS_CORE_MCP_URI_TEMPLATE_H
#define AEGIS_CORE_MCP_URI_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"

#define URI_TEMPLATE_BYTES_MAX 1024
#define URI_TEMPLATE_STEPS_MAX ((size_t)4 << 20) /* what one search may cost */

/* A search for one address among many templates, with one budget. */
struct uri_search {
    struct slice uri;        /* borrowed */
    uint8_t *reached, *next; /* a flag for each length of the address */
    size_t steps_left;
};

/* uri: a normal form (resource_uri.h). STATUS_LIMIT when the arena is full. */
NODISCARD enum status uri_search_init(struct uri_search *search, struct slice uri,
                                      struct arena *arena);

/* False also when the budget is spent, and when the template is malformed or longer than
 * URI_TEMPLATE_BYTES_MAX. */
bool uri_template_matches(struct uri_search *search, struct slice uri_template);

/* Is it made of the characters of an address, and of braces that open and close? */
bool uri_template_is_sound(struct slice uri_template);

/* The value of a variable; false when it has none. */
typedef bool (*uri_variable_fn)(void *context, struct slice name, struct slice *value);

/* Append the address that a sound template gives with these variables. False when it is not known
 * in full: a variable has no value, or an expression has several, or a modifier. Source: RFC 6570
 * section 3.2. */
bool uri_template_expand(struct slice uri_template, uri_variable_fn variable, void *context,
                         struct buf *out);

#endif
