/* policies.h: the policy set of a configuration, checked beyond its syntax. */
#ifndef AEGIS_DAEMON_POLICIES_H
#define AEGIS_DAEMON_POLICIES_H

#include "cedar/cedar.h"
#include "daemon/config/config.h"

/* Load all policies of the configuration; none named means none, which denies everything.
 *
 * STATUS_INVALID when the report has problems, STATUS_LIMIT when the arena is full. The caller
 * frees *out. */
NODISCARD enum status policies_load(const struct config *config, struct arena *arena,
                                    struct cedar_policy_set **out, struct config_report *report);

/* The same from one text, for the built-in packs. */
NODISCARD enum status policies_load_text(struct slice text, struct arena *arena,
                                         struct cedar_policy_set **out,
                                         struct config_report *report);

#endif
