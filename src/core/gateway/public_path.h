/* public_path.h: what is answered to anybody, without a token and without a record.
 *
 * Is the process alive, may it be sent requests, and the metadata of the endpoints (RFC 9728). None
 * of it tells who is served, or that a server exists.
 */
#ifndef AEGIS_CORE_GATEWAY_PUBLIC_PATH_H
#define AEGIS_CORE_GATEWAY_PUBLIC_PATH_H

#include "core/gateway/gateway.h"

/* Is it one of these paths? */
bool public_path_is(struct slice target);

/* Does it take the method? All take GET and HEAD; pages of any origin may read the metadata, so it
 * takes OPTIONS as well. */
bool public_path_takes(struct slice target, struct slice method);

/* Answer a method that the path takes; the caller releases the exchange. */
void public_path_answer(struct gateway *gateway, struct exchange *exchange, struct slice target,
                        struct slice method);

#endif
