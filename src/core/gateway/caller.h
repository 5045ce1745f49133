/* caller.h: the memory that all operations and sessions of one principal hold on one loop, as one
 * account. */
#ifndef AEGIS_CORE_GATEWAY_CALLER_H
#define AEGIS_CORE_GATEWAY_CALLER_H

#include "core/gateway/gateway.h"

#define CALLER_DIGEST_BYTES 32

struct caller {
    struct caller *next; /* in its bucket */
    struct account account;
    size_t holder_count;                 /* operations and sessions */
    uint8_t digest[CALLER_DIGEST_BYTES]; /* of the principal */
};

/* Charge account to that principal from now on, too; account's parent is the loop's. Ends with
 * caller_leave, after account was emptied.
 *
 * NULL when the principal's budget is exhausted or there is no memory. */
struct caller *caller_enter(struct gateway *gateway, const uint8_t digest[CALLER_DIGEST_BYTES],
                            struct account *account);

/* NULL is fine. */
void caller_leave(struct gateway *gateway, struct caller *caller);

#endif
