/* scene.h: an operation as policies see it, read in place.
 *
 * Principal, action, target, server and context (DESIGN section 6) are views of the question: a
 * value is made when a policy reads it, so what no policy reads costs nothing.
 */
#ifndef AEGIS_CORE_POLICY_SCENE_H
#define AEGIS_CORE_POLICY_SCENE_H

#include "core/mcp/resource_uri.h"
#include "core/policy/decide.h"

/* Zero but for the first two. */
struct scene {
    const struct policy_question *question; /* borrowed */
    struct arena *arena;                    /* borrowed */
    struct cedar_uid principal, action, target, server;
    const struct cedar_uid *parents; /* of the principal */
    size_t parent_count;
    struct cedar_uid groups[3]; /* of the action */
    size_t group_count;
    struct slice name;       /* the target as policies call it: a resource by its normal address */
    struct resource_uri uri; /* of a resource, a root, or what an elicitation wants opened */
    struct cedar_entities entities;
};

/* Name what the question is about, and make the request that asks it. The scene must stay where it
 * is as long as *out is used.
 *
 * STATUS_INVALID when the address of a resource has no normal form, STATUS_LIMIT without memory. */
NODISCARD enum status scene_request(struct scene *scene, struct cedar_request *out);

#endif
