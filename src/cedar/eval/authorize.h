/* authorize.h: decisions with and without the index; private to src/cedar. The index changes no
 * answer, which tests check by asking both ways. */
#ifndef AEGIS_CEDAR_EVAL_AUTHORIZE_H
#define AEGIS_CEDAR_EVAL_AUTHORIZE_H

#include "cedar/cedar.h"

struct authorize_options {
    const struct cedar_options *rules; /* may be NULL */
    bool without_index;
};

/* As cedar_authorize and cedar_may_allow. */
NODISCARD enum status authorize(const struct cedar_policy_set *set,
                                const struct cedar_request *request,
                                const struct authorize_options *options, struct arena *arena,
                                struct cedar_response *out);
NODISCARD enum status may_allow(const struct cedar_policy_set *set,
                                const struct cedar_request *request,
                                const struct authorize_options *options, struct arena *arena,
                                enum cedar_answer *out);

#endif
