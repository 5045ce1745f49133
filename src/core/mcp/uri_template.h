/* uri_template.h: could this template give this address?
 *
 * Answers only which server an address belongs to, never what a caller may do. Reads all operators
 * and modifiers of RFC 6570 and ignores the names of variables: one variable in two places may get
 * two values.
 */
#ifndef AEGIS_CORE_MCP_URI_TEMPLATE_H
#define AEGIS_CORE_MCP_URI_TEMPLATE_H

#include "base/arena.h"

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

#endif
