/* policies.h: the policy set of a configuration, checked beyond its syntax. */
#ifndef AEGIS_DAEMON_POLICIES_H
#define AEGIS_DAEMON_POLICIES_H

#include "cedar/cedar.h"
#include "daemon/config/policy_files.h"

/* Parse the files and check the policies; no files means no policies, which denies everything.
 *
 * STATUS_INVALID when the report has problems, STATUS_LIMIT when the arena is full. The caller
 * frees *out. */
NODISCARD enum status policies_load(const struct policy_files *files, struct arena *arena,
                                    struct cedar_policy_set **out, struct config_report *report);

#endif
