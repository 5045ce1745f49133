/* snapshot.h: everything the gateway decides by, immutable and shared by all loops.
 *
 * Built by the daemon from configuration, policies and keys; replaced whole. */
#ifndef AEGIS_CORE_GATEWAY_SNAPSHOT_H
#define AEGIS_CORE_GATEWAY_SNAPSHOT_H

#include "base/arena.h"
#include "cedar/cedar.h"
#include "core/audit/record.h"
#include "core/gateway/sealing_keys.h"
#include "core/gateway/view.h"
#include "core/identity/identity.h"
#include "core/mcp/extensions.h"
#include "core/mcp/revision.h"
#include "core/sign_in/wishes.h"
#include "wire/network_range.h"

#define SIGN_IN_KEY_BYTES 32

/* How a server with an address is reached. */
enum server_transport {
    SERVER_TRANSPORT_ANY = 0, /* find out, in the order of MCP 2025-11-25, transports */
    SERVER_TRANSPORT_STREAMABLE,
    SERVER_TRANSPORT_SSE, /* HTTP with SSE, MCP 2024-11-05 */
};

struct gateway_server {
    struct slice name;
    struct slice trust; /* "internal", "partner" or "third-party" */
    const struct slice *labels;
    size_t label_count;
    const struct slice *scopes; /* that clients of its endpoint ask for, besides those of all */
    size_t scope_count;
    bool is_stdio;
    enum server_transport transport; /* of one that is not */
    bool is_needed;                  /* a merged list without it is none */
    bool is_unavailable;             /* its credential is missing: nothing is sent to it without */
    bool deny_as_error;         /* a denied tool call is a JSON-RPC error instead of a result */
    enum mcp_revision revision; /* MCP_REVISION_NONE: find out */
    uint32_t extensions;        /* that may be used with it, mcp_extension */
    int64_t timeout_ms;
    struct slice credential_name, credential_value; /* a field; empty when there is none */
};

/* The front door to an identity provider that registers no clients. */
struct gateway_front_door {
    struct slice name;      /* of the issuer's entry */
    struct slice issuer;    /* ours: "https://mcp.example.com/sign-in/NAME" */
    struct slice provider;  /* theirs: the exact "iss" */
    struct slice client_id; /* the one client that all clients are there, */
    struct slice client_secret;
    /* Empty: not known yet, and the door is closed (gateway_front_door_is_open). */
    struct slice authorization_endpoint, token_endpoint;
    bool is_local;     /* the token endpoint is on this machine and speaks plain HTTP */
    bool names_issuer; /* an answer of the provider without 'iss' is none (RFC 9207) */
    const struct network_range *ranges; /* that it may be in although they are not public */
    size_t range_count;
    struct slice authorities;  /* PEM, that it is verified by; empty: the system's */
    struct slice scope;        /* asked for whatever clients want; empty: none */
    struct wishes_offer offer; /* what more they may ask for */
    struct slice resource;     /* asked for, where the provider knows RFC 8707; empty: not named */
    bool hands_on_id_token;
    uint8_t key[SIGN_IN_KEY_BYTES]; /* seals what outlives the process */
};

/* How documents of clients are fetched; what is not set is the public internet's. */
struct gateway_documents {
    const struct network_range *ranges; /* that they may be in although they are not public */
    size_t range_count;
    struct slice authorities; /* PEM, instead of the system's */
    bool is_closed;           /* the authorities cannot be read: nothing is fetched */
};

struct gateway_snapshot {
    uint32_t references; /* atomic */
    struct arena arena;  /* holds all below, but for what base holds */
    struct gateway_snapshot
        *base; /* one reference: what is not said below is its own; NULL: none */
    const struct gateway_server *servers;
    size_t server_count;
    const struct gateway_view *views;
    size_t view_count;
    const struct gateway_front_door *front_doors; /* in its own arena, also with base */
    size_t front_door_count;
    struct gateway_documents documents;
    struct cedar_policy_set *policies;     /* owned; NULL denies everything */
    struct cedar_policy_set *lifted;       /* owned; of policy_lift_all */
    uint8_t policy_hash[AUDIT_HASH_BYTES]; /* of their sources; zero: none */
    struct identity_snapshot *identity;    /* one reference, also with base; NULL: every caller is
                                            * local_principal */
    struct revocations *revocations; /* one reference, also with base; NULL: nobody is shut out */
    bool are_revocations_stale;      /* there is a newer list, which cannot be read */
    struct sealing_keys sealing;
    struct principal *local_principal; /* with --no-auth: this OS user; else NULL */
    struct slice public_url;           /* "https://mcp.example.com", no trailing slash */
    const struct slice *origins;       /* allowed values of Origin */
    size_t origin_count;
    const struct slice *scopes; /* that clients ask for at first */
    size_t scope_count;
    const struct slice *hosts; /* allowed values of Host, with port */
    size_t host_count;
    uint32_t revisions;     /* spoken with clients, MCP_REVISION_BIT */
    bool asks_certificates; /* of clients, when they connect */
    bool is_proxy;          /* `aegis proxy`: /mcp is the one server, names unchanged */
};

struct gateway_snapshot *gateway_snapshot_ref(struct gateway_snapshot *snapshot);

/* A snapshot like base but without identity, which the caller fills in; with one reference, and one
 * of base and of its revocations. STATUS_LIMIT without memory. */
NODISCARD enum status gateway_snapshot_derive(struct gateway_snapshot *base,
                                              struct gateway_snapshot **out);

/* NULL is fine. The last one frees policies, identity and arena. */
void gateway_snapshot_unref(struct gateway_snapshot *snapshot);

/* NULL: there is none of that name. */
const struct gateway_view *gateway_snapshot_view(const struct gateway_snapshot *snapshot,
                                                 struct slice name);

/* The front door of an issuer's entry; NULL: it has none. */
const struct gateway_front_door *
gateway_snapshot_front_door(const struct gateway_snapshot *snapshot, struct slice name);

/* Can people sign in by it already? */
bool gateway_front_door_is_open(const struct gateway_front_door *door);

/* Index of the server, or SIZE_MAX. */
size_t gateway_snapshot_server(const struct gateway_snapshot *snapshot, struct slice name);

#endif
