#include "core/gateway/snapshot.h"

struct gateway_snapshot *gateway_snapshot_ref(struct gateway_snapshot *snapshot)
{
    __atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
    return snapshot;
}

void gateway_snapshot_unref(struct gateway_snapshot *snapshot)
{
    if (snapshot == NULL || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    cedar_policy_set_free(snapshot->policies);
    identity_snapshot_unref(snapshot->identity);
    principal_unref(snapshot->local_principal);
    /* The snapshot itself may live in its arena: take it out first. */
    struct arena arena = snapshot->arena;
    arena_release(&arena);
}

size_t gateway_snapshot_server(const struct gateway_snapshot *snapshot, struct slice name)
{
    for (size_t i = 0; i < snapshot->server_count; i++) {
        if (slice_eq(snapshot->servers[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}
