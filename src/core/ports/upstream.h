/* upstream.h: send one judged message to a server, receive its messages.
 *
 * The adapter hides HTTP, SSE and stdio: the core gives one JSON-RPC message and gets back whole
 * JSON texts, one a call, in order. Framing errors, wrong content types and time-outs end the call.
 * A request carries no field for the caller's token: it cannot be forwarded by mistake.
 */
#ifndef AEGIS_CORE_PORTS_UPSTREAM_H
#define AEGIS_CORE_PORTS_UPSTREAM_H

#include "base/diag.h"
#include "base/slice.h"
#include "wire/http_reader.h"

#define UPSTREAM_BATCH_MAX 100 /* messages that a server may send as one */

struct upstream_call;

struct upstream_request {
    uint32_t server;     /* index in the configuration's server list */
    struct slice body;   /* one line of JSON, copied */
    bool expects_answer; /* false: a notification; the call ends with the server's 202 */
    /* No body, but a GET that opens a stream of the session, or goes on with one: then
     * Last-Event-ID is among the fields. Without expects_answer it is the standalone stream of the
     * session, on which comes what belongs to no request; a child has one too, as long as it runs,
     * for what belongs to none of its calls. */
    bool is_get;
    bool is_delete;     /* HTTP only: no body, but a DELETE that ends the session */
    bool is_in_session; /* HTTP only: a 404 says that the session with the server is over */
    /* Our own integer id in body, for demultiplexing on shared byte streams; 0 for notifications.
     */
    int64_t id;
    /* HTTP only: MCP fields to send besides Content-Type, Accept and the credential. Copied. */
    const struct http_field *fields;
    size_t field_count;
    /* Credential field the broker chose; both empty when the server needs none. Copied, wiped. */
    struct slice credential_name, credential_value;
    /* Which child of the server, chosen by the session: a process of a stdio server, or a stream of
     * HTTP with SSE (MCP 2024-11-05) to a server with an address, which is then not asked by POST.
     * 0: none. */
    uint64_t child;
    /* Whose request it is, where callers share that child; 0: it is one caller's. */
    uint64_t caller;
    /* Sessions of others use that child, too: what it says without naming a call is nobody's. */
    bool has_others;
    struct slice path;  /* HTTP only, for adapters: a request target in place of the server's own */
    int64_t timeout_ms; /* without any byte from the server */
    int64_t deadline_ms; /* in all; 0 means none (listen streams) */
    bool is_listening;   /* its notifications name it, by the id of its subscription */
    /* Children only: from now on the server may pack messages into arrays, which are delivered one
     * by one (MCP 2025-03-26, the one revision with batches). Over HTTP an array comes whole. */
    bool has_batches;
};

/* The caller's side, copied by start. ticket says which call it is and is worth nothing after its
 * end, so user may outlive all calls and need not be the call itself. */
struct upstream_sink {
    /* A legacy server gave a session id with its answer (HTTP only). May be NULL. */
    void (*on_session)(const struct upstream_sink *sink, struct slice session_id);
    /* An event of the stream had an id (else empty) or a time to wait before going on with the
     * stream (else negative); HTTP only. May be NULL. */
    void (*on_position)(const struct upstream_sink *sink, struct slice event_id, int64_t retry_ms);
    /* HTTP only, for adapters: the server wants another credential (401, 403); value is one of its
     * fields WWW-Authenticate, and the call ends with STATUS_UNAUTHENTICATED upstream.challenge.
     * Called for each of them, and never to end the call. NULL: such an answer is like others. */
    void (*on_challenge)(const struct upstream_sink *sink, struct slice value);
    /* HTTP only, for adapters: the data of an event `endpoint`. May be NULL: there is none. */
    void (*on_endpoint)(const struct upstream_sink *sink, struct slice data);
    /* One whole JSON text, valid during the call. is_stream: it came as an event, more may follow.
     */
    void (*on_message)(const struct upstream_sink *sink, struct slice json, bool is_stream);
    /* The call is over, exactly once unless cancelled. http_status is 0 when there was no answer.
     * STATUS_OK: ended cleanly. STATUS_INVALID (upstream.protocol, upstream.content_type,
     * upstream.status), STATUS_TIMEOUT (upstream.timeout), STATUS_UNAVAILABLE (upstream.down),
     * STATUS_LIMIT (upstream.too_large), STATUS_NOT_FOUND (upstream.session). */
    void (*on_end)(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag);
    void *user;
    uint64_t ticket;
    int http_status; /* the adapter's, of its copy: that of the answer so far; 0: none */
};

struct port_upstream {
    void *context;
    /* On STATUS_OK *out is valid until on_end or cancel; on failure nothing will be called. */
    enum status (*start)(void *context, const struct upstream_request *request,
                         const struct upstream_sink *sink, struct upstream_call **out,
                         struct diag *diag);
    /* After this no function of the sink is called. The connection is not reused. */
    void (*cancel)(void *context, struct upstream_call *call);
    /* The server waits for an answer of ours, or no longer: until then its silence is no time-out.
     */
    void (*excuse)(void *context, struct upstream_call *call, bool is_excused);
    /* Stop and start reading, for back-pressure. */
    void (*pause)(void *context, struct upstream_call *call, bool paused);
    /* A session ended; its child is stopped. */
    void (*close_child)(void *context, uint32_t server, uint64_t child);
};

#endif
