/* policy_set.h: how sets are put together; private to src/cedar.
 *
 * Trees and sources live in a unit, the arena of one parse; sets made of a set (links.c) share it.
 * What belongs to one set alone, its list of policies, links and index, lives in the set's arena.
 */
#ifndef AEGIS_CEDAR_SYNTAX_POLICY_SET_H
#define AEGIS_CEDAR_SYNTAX_POLICY_SET_H

#include "cedar/syntax/report.h"

#include <stdatomic.h>

struct policy_unit {
    atomic_size_t references;
    struct arena arena;
};

/* An empty set with a unit of its own (unit NULL) or a share in another's; NULL without memory. */
struct cedar_policy_set *policy_set_new(struct policy_unit *unit);

/* A new, cleared policy at the end of the set. STATUS_LIMIT without memory or when it has
 * CEDAR_POLICIES_MAX. */
NODISCARD enum status policy_set_add(struct cedar_policy_set *set, struct policy **out);

/* To be called once, when all policies are there. */
NODISCARD enum status policy_set_close(struct cedar_policy_set *set);

/* A link's policy: the template with values in its slots. Texts of id and values are copied into
 * the set's arena. STATUS_INVALID with diag, STATUS_LIMIT. */
NODISCARD enum status policy_set_bind(struct cedar_policy_set *set, const struct policy *template,
                                      const struct cedar_link *link, struct policy *out,
                                      struct diag *diag);

#endif
