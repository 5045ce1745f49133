/* call.h: one request to a server and its one answer, judged byte by byte.
 *
 * A child (child.h) of an operation or of a session. Writes the request with an id of our own,
 * takes every message the server sends on it, and holds the answer back until the server has ended
 * cleanly: what follows an answer could contradict it. A message that must not be there ends the
 * call. A legacy server may ask something meanwhile: pings are answered here, what nobody takes is
 * refused. A stream of a legacy server that ends before the answer is gone on with, when the server
 * has said where.
 */
#ifndef AEGIS_CORE_GATEWAY_CALL_H
#define AEGIS_CORE_GATEWAY_CALL_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/gateway/child.h"
#include "core/gateway/gateway.h"
#include "core/gateway/parameter_fields.h"
#include "core/mcp/capabilities.h"

#define CALL_EVENT_ID_BYTES_MAX 512
#define CALL_RESUMES_MAX 8  /* in a row, without an event */
#define CALL_RESUME_MS 1000 /* before going on, when the server does not say how long */
#define CALL_RESUME_MS_MAX 60000

struct server_session;

struct call {
    struct child child;
    struct gateway *gateway;
    struct arena *arena; /* of the owner */
    struct server_session *session;
    struct upstream_call *handle; /* the port's, while the child runs */
    int64_t id;                   /* of the request; 0 for a notification */
    bool is_modern, is_excused;
    bool may_ask;       /* the result may be questions to the client (MCP 2026-07-28) */
    bool may_make_task; /* and a task of the extension */
    bool is_patient;    /* the owner's time is its own: silence is no time-out */
    bool is_resumed;    /* it goes on with a stream that the server left */
    bool has_answer;
    bool asks, is_task; /* and it is */
    uint8_t *event_id;  /* of the last event, CALL_EVENT_ID_BYTES_MAX in arena; NULL: none */
    size_t event_id_len;
    int64_t resume_ms;
    uint32_t resume_count;
    struct timer resume;
    struct json_tape answer; /* in arena */
    json_ref result;         /* JSON_NONE when the server answered with an error */
    json_ref error;
    uint32_t notification_count;
    struct slice unknown_notice; /* the first that no revision has, in arena; empty: none */
    int http_status;  /* of the answer; 0: there was none, or it did not come over HTTP */
    struct diag diag; /* of the failure */
    enum status failure;

    /* A progress or log notification, a task's new state, that a page is done, or a question that
     * is taken back; tape lives during the call. May be NULL: dropped. */
    void (*on_notification)(struct call *call, const struct json_tape *tape);
    /* A request of a legacy server, well-formed; tape is in arena. May be NULL: refused. */
    void (*on_question)(struct call *call, const struct json_tape *tape);
    /* Once, unless cancelled. On STATUS_OK a request has its answer. */
    void (*on_done)(struct call *call, enum status status);
};

struct call_request {
    struct children *owner;
    struct arena *arena; /* the owner's; messages of the server are kept there */
    struct server_session *session;
    struct slice method;
    struct slice name;                   /* for Mcp-Name; empty when the method names nothing */
    const struct http_field *parameters; /* a modern tool call's, PARAMETER_FIELDS_MAX at most */
    size_t parameter_count;
    struct slice params; /* JSON object text without _meta, or empty */
    struct slice meta;   /* members to add to _meta, `"a":1,"b":2`; may be empty */
    bool is_notification;
    bool is_handshake;  /* initialize: no version field, no session yet */
    bool is_modern;     /* the envelope to write */
    bool may_ask;       /* as in struct call */
    bool may_make_task; /* a task, if it has the extension */
    bool is_patient;    /* as in struct call */
    int64_t limit_ms;   /* for the answer; 0: as long as the server may take */
    /* What the client can be asked for; nothing for requests of our own. */
    struct mcp_client_capabilities capabilities;
};

/* Start. on_done (and the others, where they are wanted) must be set, the rest of call zero.
 * STATUS_OK: on_done will come, never from inside this function. Otherwise nothing happens later.
 */
NODISCARD enum status call_start(struct call *call, const struct call_request *request);

/* The server of a call that runs waits for us, or no longer: its silence is no time-out. */
void call_excuse(struct call *call, bool is_excused);

#endif
