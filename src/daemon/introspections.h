/* introspections.h: issuers asked about tokens that only they can read, as inquiries.h has it. */
#ifndef AEGIS_DAEMON_INTROSPECTIONS_H
#define AEGIS_DAEMON_INTROSPECTIONS_H

#include "core/identity/issuer_entry.h"
#include "daemon/config/config.h"

/* What an entry's answers are held to, by the configuration, and how long groups that were looked
 * up count; texts are borrowed. */
struct issuer_inquiry introspections_rules(const struct config_issuer *issuer);

#endif
