/* typed_policy.h: a policy as one expression with its types in one request environment; private to
 * src/cedar. For those who go on working with policies that are well typed. */
#ifndef AEGIS_CEDAR_SCHEMA_TYPED_POLICY_H
#define AEGIS_CEDAR_SCHEMA_TYPED_POLICY_H

#include "cedar/schema/typecheck.h"
#include "cedar/syntax/lower.h"

struct typed_policy {
    const struct policy *policy;
    struct lowered_policy whole;
    const struct type **types; /* by number of a node; NULL: not reached in this environment */
};

/* Where policies are typed, one after the other. */
struct policy_typing {
    const struct cedar_schema *schema;
    const struct environment *environment; /* slots are not looked at */
    struct arena *arena;                   /* of what is typed */
    struct cedar_diagnostics *reports;     /* of the last policy; borrowed, as all is */
    struct diag *diag;
};

/* Type a policy, which is no template, strictly. STATUS_INVALID with cedar.policy, STATUS_LIMIT. */
NODISCARD enum status policy_typing_type(const struct policy_typing *typing,
                                         const struct policy *policy, struct typed_policy *out);

#endif
