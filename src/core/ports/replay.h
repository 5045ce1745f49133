/* replay.h: was this proof shown before, to any loop of the process? */
#ifndef AEGIS_CORE_PORTS_REPLAY_H
#define AEGIS_CORE_PORTS_REPLAY_H

#include "base/diag.h"

#include <stdint.h>

#define REPLAY_PROOF_BYTES 32

struct port_replay {
    void *context;
    /* Keep the hash of a proof until that second, and that one included.
     *
     * STATUS_OK: it is new. STATUS_CONFLICT: it was kept before and its time is not over.
     * STATUS_LIMIT: there is no room, so nobody could tell; it is not accepted. */
    enum status (*take)(void *context, const uint8_t proof[REPLAY_PROOF_BYTES], int64_t until_s,
                        int64_t now_s);
};

#endif
