/* key_loop.h: key sets on a loop that does nothing else yet. */
#ifndef AEGIS_DAEMON_KEY_LOOP_H
#define AEGIS_DAEMON_KEY_LOOP_H

#include "adapters/runtime/loop.h"
#include "daemon/key_sets.h"

/* Turn the loop, which is the sets' own and has no thread, until all of them were read or wait_ms
 * have passed: keys that come soon are there for the first who needs them. */
void key_loop_wait(struct key_sets *sets, struct loop *loop, int64_t wait_ms);

#endif
