/* cut_off.h: what callers have open when they are shut out.
 *
 * New requests are refused where they are authenticated. This ends the rest at once, when a list of
 * revocations comes into force: operations that run or wait, calls that are held for an answer,
 * sessions, and streams that were opened with a token that is none any more.
 */
#ifndef AEGIS_CORE_GATEWAY_CUT_OFF_H
#define AEGIS_CORE_GATEWAY_CUT_OFF_H

#include "core/gateway/gateway.h"

/* By the revocations of the snapshot in force. */
void cut_off_revoked(struct gateway *gateway);

#endif
