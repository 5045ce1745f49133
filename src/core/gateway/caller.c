#include "core/gateway/caller.h"

#include <string.h>

/* The digest is a cryptographic hash, so any of its bytes spreads well. */
static struct caller **bucket_of(struct gateway *gateway, const uint8_t *digest)
{
    return &gateway->callers[digest[0] % GATEWAY_CALLER_BUCKETS];
}

static struct caller *find_or_add(struct gateway *gateway, const uint8_t *digest)
{
    struct caller **bucket = bucket_of(gateway, digest);
    for (struct caller *caller = *bucket; caller != NULL; caller = caller->next) {
        if (memcmp(caller->digest, digest, CALLER_DIGEST_BYTES) == 0) {
            return caller;
        }
    }
    struct caller *caller = base_alloc(sizeof(*caller));
    if (caller == NULL) {
        return NULL;
    }
    *caller = (struct caller){
        .next = *bucket,
        .account = {.parent = &gateway->account, .limit_bytes = gateway->limits.principal_bytes}};
    memcpy(caller->digest, digest, CALLER_DIGEST_BYTES);
    *bucket = caller;
    return caller;
}

static void remove_caller(struct gateway *gateway, struct caller *caller)
{
    struct caller **at = bucket_of(gateway, caller->digest);
    while (*at != caller) {
        at = &(*at)->next;
    }
    *at = caller->next;
    base_free(caller);
}

struct caller *caller_enter(struct gateway *gateway, const uint8_t digest[CALLER_DIGEST_BYTES],
                            struct account *account)
{
    struct caller *caller = find_or_add(gateway, digest);
    if (caller == NULL) {
        return NULL;
    }
    caller->holder_count++;
    if (account_insert(account, &caller->account) != STATUS_OK) {
        caller_leave(gateway, caller);
        return NULL;
    }
    return caller;
}

void caller_leave(struct gateway *gateway, struct caller *caller)
{
    if (caller != NULL && --caller->holder_count == 0) {
        remove_caller(gateway, caller);
    }
}
