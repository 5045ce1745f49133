/* gateway.h: the rules between a client and the servers, one instance for each loop.
 *
 * Takes whole requests from a transport, runs each as an operation (operation.h) through the stages
 * of its kind, and answers. Owns what its loop remembers: sessions with servers, verified tokens.
 * Everything it decides by is in an immutable snapshot that the loop replaces by message.
 */
#ifndef AEGIS_CORE_GATEWAY_GATEWAY_H
#define AEGIS_CORE_GATEWAY_GATEWAY_H

#include "base/arena.h"
#include "core/audit/record.h"
#include "core/gateway/child.h"
#include "core/gateway/refusals.h"
#include "core/gateway/request_rate.h"
#include "core/gateway/server_child.h"
#include "core/gateway/sign_in_documents.h"
#include "core/gateway/snapshot.h"
#include "core/identity/identity.h"
#include "core/identity/identity_cache.h"
#include "core/ports/clock.h"
#include "core/ports/crypto.h"
#include "core/ports/exchange.h"
#include "core/ports/failures.h"
#include "core/ports/handover.h"
#include "core/ports/http_client.h"
#include "core/ports/inquiry.h"
#include "core/ports/journal.h"
#include "core/ports/keys.h"
#include "core/ports/links.h"
#include "core/ports/random.h"
#include "core/ports/replay.h"
#include "core/ports/timer.h"
#include "core/ports/upstream.h"
#include "core/ports/usage.h"
#include "core/ports/used_codes.h"
#include "json/tape.h"

#define GATEWAY_OPERATION_BYTES_MAX ((size_t)1 << 30) /* the most operation_bytes may be */
#define GATEWAY_BATCH_MAX 100                         /* messages that a client may send as one */
#define GATEWAY_STRANGER_BODY_BYTES_MAX 16384 /* a larger body is read for a known caller only */
#define GATEWAY_IDS_DRAWN 128                 /* decision ids fetched by one call of the system */
#define GATEWAY_CALLER_BUCKETS 256
#define GATEWAY_HEAD_FIELDS_MAX 6

/* Of the front door. */
struct sign_in_limits {
    int64_t request_s;     /* from the consent to the way back from the identity provider */
    int64_t code_s;        /* of a code */
    size_t document_bytes; /* of one client */
    int64_t document_s;    /* at most, before it is fetched again */
    size_t documents;      /* remembered */
    size_t fetches;        /* of them at a time */
    size_t answer_bytes;   /* of an identity provider */
};

#define SIGN_IN_LIMITS_DEFAULT                                                                     \
    {                                                                                              \
        .request_s = 600, .code_s = 60, .document_bytes = 16384, .document_s = 3600,               \
        .documents = 128, .fetches = 8, .answer_bytes = 131072                                     \
    }

/* Of one loop. Over budget an operation ends, never the process. */
struct gateway_limits {
    size_t loop_bytes;      /* all operations and sessions */
    size_t principal_bytes; /* all operations of one principal */
    size_t server_bytes;    /* what sessions with one server keep of it */
    size_t operation_bytes; /* one operation */
    size_t operations;      /* in flight */
    size_t sessions;        /* with servers */
    size_t client_sessions;
    size_t principal_sessions;   /* of these, one principal's */
    size_t client_session_bytes; /* what one of these keeps */
    size_t subscriptions;        /* of one of these, to resources; of one stream of changes */
    size_t listens;              /* streams of changes of modern clients */
    size_t principal_listens;    /* of these, one principal's */
    size_t session_tasks;        /* tasks that one of these remembers */
    size_t client_pages;         /* pages that it was asked to open, likewise */
    size_t stream_events;        /* kept of one stream of these, for who comes back */
    int64_t task_lifetime_s;     /* of the ids of tasks */
    int64_t operation_deadline_ms;
    int64_t question_timeout_ms; /* for a client's answer to what a server asks */
    size_t question_rounds;      /* of one call */
    size_t round_questions;      /* of one round */
    size_t call_questions;       /* of one call, in requests */
    size_t result_resources;     /* judged in one result, or in the messages of one question */
    size_t held_calls;           /* whose modern client is being asked */
    size_t principal_held_calls; /* of these, one principal's */
    int64_t list_timeout_ms;     /* servers that did not list by then are left out */
    size_t list_pages;           /* of one list of one server */
    size_t server_tools_bytes;   /* definitions of tools that one session keeps */
    size_t call_messages;        /* notifications and questions of a server during one call */
    int64_t list_changes_ms;     /* notices that a list changed go on as one */
    int64_t probe_timeout_ms;    /* for a program to say which versions it speaks */
    int64_t session_idle_ms;
    int64_t client_session_idle_ms;
    int64_t stream_keep_alive_ms;
    int64_t stream_replay_ms;     /* for a client to come back for what it missed */
    size_t token_bytes;           /* one bearer token */
    size_t token_cache_entries;   /* verified tokens remembered */
    struct request_rate requests; /* of one principal */
    struct refusal_rate refusals;
    struct sign_in_limits sign_in;
    struct json_limits json;
};

#define GATEWAY_LIMITS_DEFAULT                                                                     \
    {                                                                                              \
        .loop_bytes = (size_t)1 << 30, .principal_bytes = (size_t)256 << 20,                       \
        .server_bytes = (size_t)256 << 20, .operation_bytes = (size_t)32 << 20,                    \
        .operations = 4096, .sessions = 1024, .client_sessions = 16384, .principal_sessions = 256, \
        .client_session_bytes = (size_t)4 << 20, .subscriptions = 256, .listens = 1024,            \
        .principal_listens = 64, .operation_deadline_ms = 600000, .question_timeout_ms = 300000,   \
        .question_rounds = 16, .round_questions = 16, .call_questions = 64, .held_calls = 1024,    \
        .principal_held_calls = 64, .list_timeout_ms = 10000, .session_idle_ms = 1800000,          \
        .client_session_idle_ms = 14400000, .stream_keep_alive_ms = 15000,                         \
        .stream_replay_ms = 60000, .client_pages = 64, .stream_events = 256, .list_pages = 64,     \
        .server_tools_bytes = (size_t)8 << 20, .call_messages = 10000, .list_changes_ms = 200,     \
        .result_resources = 256, .probe_timeout_ms = 3000, .session_tasks = 256,                   \
        .task_lifetime_s = 86400, .token_bytes = 16384,                                            \
        .token_cache_entries = IDENTITY_CACHE_ENTRIES_DEFAULT, .json = JSON_LIMITS_DEFAULT,        \
        .requests = {.burst = 100}, .sign_in = SIGN_IN_LIMITS_DEFAULT, .refusals = {               \
            REFUSAL_RECORDS_DEFAULT,                                                               \
            REFUSAL_RECORDS_PER_S_DEFAULT                                                          \
        }                                                                                          \
    }

/* Borrowed from the loop; each outlives the gateway. */
struct gateway_ports {
    const struct port_clock *clock;
    const struct port_random *random;
    const struct port_crypto *crypto;
    const struct port_timer *timer;
    const struct port_upstream *upstream;
    const struct port_journal *journal;         /* NULL: no audit, as configured */
    const struct port_keys *keys;               /* NULL: nobody is told */
    const struct port_inquiry *inquiry;         /* NULL: no issuer can be asked */
    const struct port_handover *handover;       /* NULL: there is one loop */
    const struct port_usage *usage;             /* of all loops; NULL: nobody counts */
    const struct port_replay *replay;           /* of all loops; NULL: no proof is taken twice */
    const struct port_failures *failures;       /* of all loops; NULL: nobody counts */
    const struct port_links *links;             /* of all loops; NULL: none is remembered */
    const struct port_http_client *http_client; /* NULL: nothing at an address is configured */
    const struct port_used_codes *codes;        /* of all loops; NULL: no code is taken */
    struct port_poster *poster;                 /* of this loop */
    struct account *account;                    /* of this loop; NULL: nothing above ours */
};

/* Which of all the gateways this one is. */
struct gateway_place {
    uint64_t node;
    uint16_t loop, loop_count;                /* on this node */
    uint8_t nonce_key[PROOF_NONCE_KEY_BYTES]; /* of proofs, the same for all */
    /* Of all loops, by server: a legacy one was found that tells a session of changes, perhaps of
     * its own only. */
    _Atomic bool *tells_sessions;
};

struct server_session;
struct client_session;
struct operation;
struct caller;

/* What a program that is configured without a revision was found to speak with a client of one of
 * the eras; the next one is begun with that. */
enum program_era {
    PROGRAM_ERA_UNKNOWN = 0,
    PROGRAM_ERA_LEGACY,
    PROGRAM_ERA_MODERN,
};

struct program_eras {
    enum program_era with_modern, with_legacy;
};

/* What a loop knows of a server, whoever calls. */
struct gateway_at_server {
    struct account account;   /* what sessions with it keep */
    struct program_eras eras; /* of a stdio server */
    struct shared_child shared;
};

struct gateway {
    struct gateway_ports ports;
    struct json_parser parser;
    struct gateway_snapshot *snapshot; /* our reference */
    struct identity_cache *cache;
    struct token_hashes *token_hashes;
    struct account account;
    struct arena scratch;                               /* of one decision; empty in between */
    struct arena_spares operation_spares, block_spares; /* of operations and of their arenas */
    struct child_table children;                        /* all that ports have under way */
    struct children farewells; /* of these, what sessions that are gone have left behind */
    uint32_t farewell_count;
    struct gateway_limits limits;
    struct caller *callers[GATEWAY_CALLER_BUCKETS]; /* principals that have operations */
    struct gateway_at_server *at_servers;           /* server_count entries */
    size_t server_count;                            /* the same in all snapshots */
    struct server_session *sessions;                /* newest first */
    size_t session_count;
    struct timer sweep;                                     /* of idle sessions */
    struct client_session *clients[GATEWAY_CALLER_BUCKETS]; /* sessions of legacy clients */
    size_t client_count;
    struct timer client_sweep; /* of idle ones */
    struct refusals refusals;  /* of callers nobody knows yet */
    struct request_rates request_rates;
    struct sign_in_documents documents;
    struct operation *held;       /* calls whose modern client is being asked (held_call.h) */
    struct operation *operations; /* all that run, for draining and reload */
    size_t operation_count;
    int64_t next_upstream_id;
    uint64_t next_child;
    struct usage looked_at;  /* of the operation that was asked about last */
    struct buf params, body; /* of the request that is being given to a server */
    struct buf record;       /* the text of a record while it is handed to the journal */
    size_t gathered_count;   /* records that the owner has not ended a turn for, kept ones too */
    bool has_kept;           /* records that nobody waits for; the owner has them written soon */
    uint8_t ids[GATEWAY_IDS_DRAWN][AUDIT_DECISION_ID_BYTES];
    size_t id_count; /* not used yet, from the front */
    struct gateway_place place;
    bool is_draining;     /* begins no stream any more */
    bool is_closed;       /* begins nothing any more */
    struct buf head_text; /* of the last answer to a head; head_fields point into it */
    struct http_field head_fields[GATEWAY_HEAD_FIELDS_MAX];
};

/* Takes over one reference of snapshot. place and limits are copied. */
NODISCARD enum status gateway_init(struct gateway *gateway, const struct gateway_ports *ports,
                                   struct gateway_snapshot *snapshot,
                                   const struct gateway_place *place,
                                   const struct gateway_limits *limits);

/* The loop is about to stop: end the streams that would go on for ever. */
void gateway_drain(struct gateway *gateway);

/* Cancel what still runs, let go of all clients and end the sessions with servers. Operations whose
 * record is still being written end when it completes. */
void gateway_close(struct gateway *gateway);

/* After gateway_close, and after the journal completed what it had: give back everything. */
void gateway_release(struct gateway *gateway);

/* Decide by another snapshot from now on, with the same servers; takes over one reference.
 * Operations that wait go on with their stage and see the new snapshot at their next decision.
 * Whoever its revocations shut out loses what he has open (cut_off.h). */
void gateway_switch(struct gateway *gateway, struct gateway_snapshot *snapshot);

/* What a caller shows. */
struct gateway_presented {
    const struct exchange_request *request;
    bool is_first;       /* seen for the first time and to be served: its proof is used up */
    struct arena *arena; /* for decoding */
    const struct identity_answer *answer; /* of the token's issuer; NULL: it was not asked */
};

/* Is that refusal of gateway_authenticate no verdict, but a wish to come later? Then the answer is
 * PRODUCT_RATE_LIMITED. */
bool gateway_wants_later(const struct diag *diag);

/* Who calls? *out is one reference, set on STATUS_OK only. Codes as of identity_authenticate; miss
 * is set in any case. */
NODISCARD enum status gateway_authenticate(struct gateway *gateway,
                                           const struct gateway_presented *presented,
                                           struct principal **out, struct identity_miss *miss,
                                           struct diag *diag);

/* Append the nonce that proofs need now. */
void gateway_write_nonce(const struct gateway *gateway, struct buf *out);

/* What something may have been sealed with for clients, sealing_keys.h; the first one seals. */
const uint8_t *gateway_sealing_key(const struct gateway *gateway, size_t turn);

/* A new decision id. STATUS_UNAVAILABLE without random bytes. */
NODISCARD enum status gateway_draw_id(struct gateway *gateway,
                                      uint8_t out[AUDIT_DECISION_ID_BYTES]);

/* A child of a stdio server has ended; told by the adapter that had started it for a call. */
void gateway_child_gone(struct gateway *gateway, uint32_t server, uint64_t child);

/* One asks something while none of its calls can be meant. */
void gateway_child_asks(struct gateway *gateway, uint32_t server, uint64_t child,
                        struct slice json);

/* What the transport calls. */
struct exchange_handler gateway_handler(struct gateway *gateway);

/* Begin with what another loop handed over: it is served here, wherever its home may be. context is
 * the gateway. */
void gateway_begin_here(void *context, struct exchange *exchange,
                        const struct exchange_request *request);

#endif
