/* record.h: one line of the audit, and the chain that ties it to the line before.
 *
 * Owns the names and the encoding of audit records. Keeping them is the journal port's business
 * (core/ports/journal.h), when to write which record the gateway's. A record has no field for a
 * secret: arguments appear as a keyed digest only, and no text gets in longer than
 * AUDIT_TEXT_BYTES_MAX or unescaped, so one record is one line for every reader.
 */
#ifndef AEGIS_CORE_AUDIT_RECORD_H
#define AEGIS_CORE_AUDIT_RECORD_H

#include "base/buf.h"
#include "base/slice.h"

#define AUDIT_HASH_BYTES 32
#define AUDIT_DECISION_ID_BYTES 16
#define AUDIT_TEXT_BYTES_MAX 1024 /* of one text field; longer ones are cut and end in "..." */
#define AUDIT_POLICIES_MAX 32     /* ids listed in one record */
#define AUDIT_RECORD_BYTES_MAX 262144

enum audit_type {
    AUDIT_WIRE_REJECT,
    AUDIT_AUTH_REJECT,
    AUDIT_SESSION_MISMATCH,
    AUDIT_AUTHZ_DENY,
    AUDIT_AUTHZ_ALLOW,
    AUDIT_QUARANTINE_HOLD,
    AUDIT_DRIFT_FOUND,
    AUDIT_FILTER_FINDING,
    AUDIT_UPSTREAM_PROTOCOL,
    AUDIT_LIMIT_HIT,
    AUDIT_CHILD_EVENT,
    AUDIT_CTL_CHANGE,
    AUDIT_CTL_REJECT,
    AUDIT_SECRET_USE,
    AUDIT_SECRET_ECHO,
    AUDIT_SELF_FAULT,
    AUDIT_CLOCK_STEP,
    AUDIT_SIGN_IN, /* a step of the front door */
    AUDIT_TYPE_COUNT,
};

enum audit_phase {
    AUDIT_INTENT,  /* written durably before the effect */
    AUDIT_OUTCOME, /* written before the answer, same decision id as its intent */
    AUDIT_EVENT,   /* stands alone */
};

enum audit_decision {
    AUDIT_DECISION_NONE,
    AUDIT_DECISION_DENY,
    AUDIT_DECISION_ALLOW,
};

/* All slices are borrowed; an empty slice, an all-zero digest and a zero number of an optional
 * field are left out of the line. */
struct audit_record {
    enum audit_type type;
    enum audit_phase phase;
    uint8_t decision_id[AUDIT_DECISION_ID_BYTES]; /* random; ties an intent to its outcome */
    int64_t wall_ms; /* since the Unix epoch; for people, order is by sequence */
    int64_t mono_ms; /* monotonic clock of the process */
    struct slice issuer, tenant, subject, client_id; /* the principal */
    struct slice session;   /* a keyed digest of the session id, never it */
    struct slice revision;  /* MCP revision, "2025-11-25" */
    struct slice direction; /* "client" or "server": who sent the message */
    struct slice primitive; /* "tool", "resource", "prompt" ... */
    struct slice method;    /* "tools/call" */
    struct slice target;    /* "server.name" */
    struct slice server;
    struct slice peer; /* address of the client */
    enum audit_decision decision;
    uint8_t policy_set[AUDIT_HASH_BYTES];
    const struct slice *policies; /* ids that decided; the first AUDIT_POLICIES_MAX are listed */
    size_t policy_count;
    struct slice code;                         /* stable, "token.expired" */
    struct slice reason;                       /* for people; precise, without secrets */
    uint8_t argument_digest[AUDIT_HASH_BYTES]; /* keyed */
    struct slice outcome;                      /* "ok", "error", "unknown", a status name ... */
    uint64_t request_bytes, response_bytes, events;
    int64_t latency_us;
    struct slice trace_id;
};

/* "authz.allow" and so on. */
struct slice audit_type_name(enum audit_type type);

/* False for a name that is none. */
bool audit_type_parse(struct slice name, enum audit_type *out);

/* "intent", "outcome", "event". */
struct slice audit_phase_name(enum audit_phase phase);

/* "", "deny", "allow". */
struct slice audit_decision_name(enum audit_decision decision);

/* Append an id of a decision as it stands in records: hexadecimal digits. */
void audit_append_decision_id(struct buf *out, const uint8_t id[AUDIT_DECISION_ID_BYTES]);

/* Append the record as one line of JSON without its line end. Members stand in a fixed order, so
 * equal records give equal bytes. Text that is no UTF-8 is kept readable with U+FFFD for the bad
 * bytes; control, C1 and bidirectional characters are escaped.
 *
 * STATUS_LIMIT when out is full. */
NODISCARD enum status audit_record_encode(const struct audit_record *record, struct buf *out);

/* SHA-256 over the concatenation of parts, by whichever crypto adapter is wired. False when the
 * crypto library failed: the record then counts as not kept. */
typedef bool (*audit_sha256_fn)(const struct slice *parts, size_t count,
                                uint8_t out[AUDIT_HASH_BYTES]);

/* chain = SHA-256(previous || payload). previous and chain may be the same storage.
 *
 * STATUS_INTERNAL when sha256 failed; chain is then unchanged. */
NODISCARD enum status audit_chain(audit_sha256_fn sha256, const uint8_t previous[AUDIT_HASH_BYTES],
                                  struct slice payload, uint8_t chain[AUDIT_HASH_BYTES]);

#endif
