#include "core/gateway/snapshot.h"

#define DERIVED_BYTES_MAX ((size_t)1 << 20) /* texts of issuers */

struct gateway_snapshot *gateway_snapshot_ref(struct gateway_snapshot *snapshot)
{
    __atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
    return snapshot;
}

enum status gateway_snapshot_derive(struct gateway_snapshot *base, struct gateway_snapshot **out)
{
    struct arena arena;
    arena_init(&arena, DERIVED_BYTES_MAX, NULL);
    struct gateway_snapshot *snapshot = arena_alloc(&arena, sizeof(*snapshot));
    if (snapshot == NULL) {
        return STATUS_LIMIT;
    }
    *snapshot = *base;
    snapshot->references = 1;
    snapshot->arena = arena;
    snapshot->base = gateway_snapshot_ref(base->base != NULL ? base->base : base);
    snapshot->identity = NULL;
    (void)revocations_ref(snapshot->revocations);
    *out = snapshot;
    return STATUS_OK;
}

static void release(struct gateway_snapshot *snapshot)
{
    identity_snapshot_unref(snapshot->identity);
    revocations_unref(snapshot->revocations);
    if (snapshot->base != NULL) {
        gateway_snapshot_unref(snapshot->base);
    } else {
        cedar_policy_set_free(snapshot->policies);
        cedar_policy_set_free(snapshot->lifted);
        principal_unref(snapshot->local_principal);
    }
    /* The snapshot itself may live in its arena: take it out first. */
    struct arena arena = snapshot->arena;
    arena_release(&arena);
}

void gateway_snapshot_unref(struct gateway_snapshot *snapshot)
{
    if (snapshot != NULL && __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) == 0) {
        release(snapshot);
    }
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

const struct gateway_view *gateway_snapshot_view(const struct gateway_snapshot *snapshot,
                                                 struct slice name)
{
    for (size_t i = 0; i < snapshot->view_count; i++) {
        if (slice_eq(name, snapshot->views[i].name)) {
            return &snapshot->views[i];
        }
    }
    return NULL;
}

const struct gateway_front_door *
gateway_snapshot_front_door(const struct gateway_snapshot *snapshot, struct slice name)
{
    for (size_t i = 0; i < snapshot->front_door_count; i++) {
        if (slice_eq(name, snapshot->front_doors[i].name)) {
            return &snapshot->front_doors[i];
        }
    }
    return NULL;
}

bool gateway_front_door_is_open(const struct gateway_front_door *door)
{
    return door->authorization_endpoint.len > 0 && door->token_endpoint.len > 0;
}
