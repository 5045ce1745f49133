/* used_codes.h: has a code of the front door been used before, on whichever loop? */
#ifndef AEGIS_CORE_PORTS_USED_CODES_H
#define AEGIS_CORE_PORTS_USED_CODES_H

#include "base/status.h"

#include <stdint.h>

struct used_code;

struct port_used_codes {
    void *context;
    /* Use a code that is not too old. STATUS_CONFLICT: it was used before; STATUS_LIMIT: so many
     * are remembered that no further one can be. */
    enum status (*take)(void *context, const struct used_code *code, int64_t now_s);
};

#endif
