/* resource.h: what clients hear of an endpoint as a protected resource: which scopes to ask for,
 * and what is missing (RFC 6750, RFC 9470, RFC 9728). */
#ifndef AEGIS_CORE_GATEWAY_RESOURCE_H
#define AEGIS_CORE_GATEWAY_RESOURCE_H

#include "core/gateway/operation.h"

#define RESOURCE_SCOPES_MAX 64 /* that are told of one endpoint; more are left out */

/* The scopes that a client of the endpoint asks for at first: those of all endpoints, and of the
 * one server that it stands for. Returns how many; borrowed from the snapshot. */
size_t resource_scopes(const struct gateway_snapshot *snapshot, struct slice target,
                       struct slice scopes[RESOURCE_SCOPES_MAX]);

/* Do issuers accept tokens that are bound to a key, and no others? And those that are bound to a
 * certificate, where clients can show one? */
struct resource_proofs {
    bool are_taken, are_needed, are_certificates_taken;
};
struct resource_proofs resource_proofs_of(const struct gateway_snapshot *snapshot);

/* Append the challenge for a request to target that lacks a good token. */
void resource_challenge_token(struct buf *out, const struct gateway_snapshot *snapshot,
                              struct slice target, enum challenge_kind kind);

/* Which challenge asks the operation's caller for what his denial demands? CHALLENGE_NONE where it
 * could not reach him, or his client would not know what to do with it. */
enum challenge_kind resource_challenge_of(const struct operation *operation);

/* Append that challenge. */
void resource_challenge_demand(struct buf *out, const struct operation *operation,
                               enum challenge_kind kind);

#endif
