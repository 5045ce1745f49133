/* listening.h: subscriptions/listen of a modern client (MCP 2026-07-28, subscriptions).
 *
 * One operation with a stream that stays open: it listens at the servers of the endpoint, at each
 * that speaks the same revision with a request and an id of its own, at a legacy one to what the
 * caller's session with it is told (listen_legacy.c), and tells its client under the client's id
 * what all of them say, as far as it was wished for and may be heard. It ends with its
 * client, with the token, when the last server has ended, and when the gateway stops.
 */
#ifndef AEGIS_CORE_GATEWAY_LISTENING_H
#define AEGIS_CORE_GATEWAY_LISTENING_H

#include "core/gateway/call.h"
#include "core/gateway/child.h"
#include "core/gateway/gateway.h"
#include "core/gateway/list_changes.h"
#include "core/gateway/listen_request.h"
#include "core/gateway/operation.h"

#define LISTENING_MS_MAX ((int64_t)24 * 3600000) /* whatever the token says */

struct server_session;

/* A resource that the client wants to hear of. */
struct listened {
    struct slice uri;      /* in normal form */
    uint32_t server_index; /* whose it is; OPERATION_ALL_SERVERS: nobody knows */
    size_t offer_count;    /* servers that have it, as far as they are asked */
    bool is_settled;       /* whose it is, or that it is left out */
    bool is_wanted;        /* and may be heard of */
    bool is_told;          /* to the session with a legacy server that is open, or opens */
    bool is_honoured;      /* its server has said so */
    bool is_denied;        /* the last news of it was, and that is recorded */
};

/* A task whose states the client wants to hear of. */
struct listened_task {
    struct operation *operation; /* that listens */
    struct slice id;             /* the client's, a JSON string */
    struct slice own_id;         /* the server's, decoded */
    struct slice own_text;       /* the same, a JSON string */
    struct slice tool;
    uint32_t server_index;
    bool is_wanted;    /* and may be heard of */
    bool is_honoured;  /* its server has said so */
    bool is_looked_at; /* an operation does, since its server told something */
    bool has_news;     /* since that has begun */
};

/* At one server. */
struct listener_at {
    struct child child; /* of the operation */
    struct operation *operation;
    struct server_session *session; /* held by the operation's part */
    uint32_t asked, honoured;       /* mcp_offer */
    bool is_acknowledged;
    struct upstream_call *handle; /* modern: our request */
    int64_t id;
    struct listener_at *next; /* legacy: of the session, newest first */
    struct call call;         /* one subscription after the other */
    size_t subscribed_count;
};

struct listening {
    uint32_t wanted; /* mcp_offer: of the lists */
    struct listened *resources;
    size_t resource_count;
    struct listened_task *tasks;
    size_t task_count;
    struct arena lists; /* of servers, by which it is found whose the resources are */
    struct listener_at *servers;
    size_t server_count, running_count;
    struct list_changes changes;
    struct operation *operation; /* that it is of */
    bool has_begun;              /* at all servers */
    bool is_told;                /* the client knows what is listened to */
    bool is_over;                /* end it, once who calls has returned */
};

/* The operation is over. */
void listening_end(struct operation *operation);

/* The loop is about to stop. */
void listening_drain(struct gateway *gateway);

/* listen_legacy.c: begin at a legacy server. False: it cannot tell, or there is no memory. */
bool listening_join(struct listener_at *at);

/* The session with a legacy server is told something; it cannot be told any more; it is opened
 * anew and knows of no subscription: one that it was not told yet counts as told from now on (NULL:
 * none). */
void listening_hear(struct server_session *session, const struct json_tape *tape);
void listening_lose(struct server_session *session);
void listening_forget(struct server_session *session);
struct listened *listening_next(struct server_session *session);

/* What a legacy server did wrong on the stream of its session, if somebody listens. */
void listening_record(struct server_session *session, struct slice method, struct slice code);

/* listen_resolve.c: on an endpoint of several servers, find whose the addresses are. */
enum stage_result listening_stage_resolve(struct operation *operation);
enum stage_result listening_stage_choose(struct operation *operation);
enum stage_result listening_stage_resolve_skill(struct operation *operation);
enum stage_result listening_stage_choose_skill(struct operation *operation);
enum stage_result listening_stage_resolve_template(struct operation *operation);
enum stage_result listening_stage_choose_template(struct operation *operation);

/* listen_tasks.c: read the tasks in a filter, an object (STATUS_LIMIT: too many, or no memory); may
 * they be heard of; has the server some of them; write those of a server, or what the client is
 * told (NULL); take those that a server agrees to. */
NODISCARD enum status listening_read_tasks(struct operation *operation, json_ref filter);
void listening_judge_tasks(struct operation *operation);
bool listening_has_tasks(const struct listener_at *at);
void listening_write_tasks(struct listen_filter *filter, const struct listening *listening,
                           const struct listener_at *at);
void listening_agree_tasks(struct listener_at *at, const struct json_tape *tape, json_ref filter,
                           struct arena *arena);

/* A server tells of a task: look at it. False: it is another notice. */
bool listening_take_state(struct listener_at *at, const struct json_tape *tape,
                          struct arena *arena);

/* That look, an operation of its own, found this state, without the brace at its end; it is over;
 * nobody listens any more. */
void listening_tell_state(struct listened_task *task, struct buf *params);
void listening_looked(struct operation *look);
void listening_forget_looks(struct operation *operation);

/* listen_stages.c, for these: send a message whose last member is `"_meta"`, which is written here
 * with the braces behind it. */
void listening_tell(struct operation *operation, struct buf *json);

/* listen_stages.c, for it: the question whether a client may hear of a resource, or of a part of
 * it, in the way of that method; record that it may not (code). */
struct policy_question listening_question(struct operation *operation, struct slice method,
                                          uint32_t server_index, struct slice uri);
void listening_record_denied(struct operation *operation, struct slice method,
                             const struct listened *resource, struct slice uri, struct slice code,
                             const struct policy_answer *answer);

/* listen_stages.c, for listen_legacy.c: tell the client, if it may hear it; say what is listened
 * to, once that is known; a listener is over; record. */
void listening_take_notice(struct listener_at *at, const struct json_tape *tape,
                           struct arena *arena);
void listening_acknowledge(struct operation *operation);
void listening_child_done(struct child *child, enum status status, const struct diag *diag);
void listening_record_at(const struct listener_at *at, struct slice method, struct slice code);

#endif
