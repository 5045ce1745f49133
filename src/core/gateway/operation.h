/* operation.h: one message of a client on its way through the stages of its kind.
 *
 * A resumable state machine: a table of stages, each of which is done, refuses, or waits for a port
 * and is resumed by its completion. A refusal leaves the table for two last stages, which record it
 * and answer. Everything an operation needs lives in its arena and goes with it.
 */
#ifndef AEGIS_CORE_GATEWAY_OPERATION_H
#define AEGIS_CORE_GATEWAY_OPERATION_H

#include "core/audit/record.h"
#include "core/gateway/call.h"
#include "core/gateway/caller.h"
#include "core/gateway/client_session.h"
#include "core/gateway/client_stream.h"
#include "core/gateway/gateway.h"
#include "core/gateway/held_call.h"
#include "core/gateway/input_rounds.h"
#include "core/gateway/product_error.h"
#include "core/gateway/server_session.h"
#include "core/gateway/session_token.h"
#include "core/gateway/task_making.h"
#include "core/identity/challenge.h"
#include "core/mcp/message.h"
#include "core/mcp/uri_template.h"
#include "core/policy/decide.h"

#include <assert.h>
#include <stddef.h>

#define OPERATION_ALL_SERVERS UINT32_MAX

enum stage_result {
    STAGE_DONE,
    STAGE_REFUSE,
    STAGE_LEAVE, /* another loop goes on with it: end without a trace */
    STAGE_WAIT,  /* for a child: the next stage runs when the last of them is over */
};

/* A refusal: what the caller gets and what the audit says. */
struct operation_refusal {
    enum audit_type type;
    int http_status;
    int rpc_code;                  /* 0: no JSON-RPC body */
    struct slice text;             /* neutral, for the caller */
    const char *code;              /* stable name */
    struct slice reason;           /* precise, for the audit */
    bool as_tool_result;           /* denied tools/call: a result the model can read */
    enum challenge_kind challenge; /* answered with it instead of a body */
    bool may_retry;                /* later; the answer says so */
    struct slice requested;        /* version the client asked for */
};

/* One answer of a server to a list request. */
struct list_page {
    struct list_page *next;
    struct json_tape tape;
    json_ref items; /* the array */
};

struct client_stream;
struct list_judging; /* list_stages.c */
struct asking;
struct listening;
struct sign_in;

/* One server's part of a list. */
struct list_part {
    struct session_waiter waiter;
    struct operation *operation;
    struct server_session *session;
    struct json_place definition; /* of the tool, in the session; until the first wait after it */
    struct call call;
    uint32_t server_index;
    uint32_t page_count;
    bool was_repeated;                   /* in a new session with the server */
    bool is_complete;                    /* all of its pages are there */
    struct list_page *pages, *last_page; /* in the server's order */
};

struct operation {
    struct operation *next, *previous;
    struct gateway *gateway;
    struct exchange *exchange;    /* NULL once released, or with stream */
    struct client_stream *stream; /* has taken the exchange over: legacy clients may come back */
    struct account account;       /* of all this operation holds */
    struct arena arena;
    struct mcp_message message;
    const struct stage *stages;
    size_t stage;
    bool is_refused, is_waiting, client_gone, stream_begun;
    bool is_dead;         /* frees itself when what cannot be called back completes */
    bool has_missed;      /* it has waited for keys */
    bool awaits_identity; /* it waits for either now, to be authenticated again by its fields */
    bool owns_fields;     /* copies of the transport's, made for that */
    bool has_outcome;     /* what happened is recorded: a refusal needs no record of its own */
    bool was_handed_over;
    bool is_standing;  /* of no request: a server asks on the stream of its session */
    bool is_linked;    /* HTTP with SSE: posted to the messages of a stream, where it is answered */
    bool has_home;     /* token names it: the client is a legacy one */
    bool was_repeated; /* in a new session with the server */
    bool has_subscribed; /* its client's session to its target, if the server agrees */
    struct session_token token;
    struct client_session *client; /* held; on its home loop */
    bool client_is_new;            /* nobody has its id yet: it ends with the operation */
    enum status stop;              /* not OK: begin nothing any more, because of this */
    bool is_cut_off;               /* its caller is shut out, and it has not been stopped yet */

    struct slice http_method, target_path, peer_ip, body;
    const struct http_field *fields; /* the transport's, until the first wait */
    size_t field_count;
    struct http_field *sent_parameters; /* the client's, of a call's arguments */
    struct http_field *parameters;      /* and ours */
    size_t sent_parameter_count, parameter_count;
    struct slice last_event_id;             /* of a GET; empty: none */
    struct slice origin;                    /* of the page that asks; empty: none */
    struct client_certificate *certificate; /* one reference; NULL: none */
    bool is_tls, is_stdio;
    int64_t started_ms, started_us;
    struct timer deadline;

    struct principal *principal;             /* one reference */
    struct identity_answer *asked;           /* what the token's issuer was asked, and with */
    bool is_answered;                        /* what it said; NULL: it was not asked */
    struct caller *caller_entry;             /* NULL before authentication */
    enum mcp_revision revision;              /* agreed with the client */
    struct mcp_client_capabilities declared; /* with the request, or by the client's session */
    uint32_t server_index;                   /* or OPERATION_ALL_SERVERS */
    struct slice view;                       /* name of the endpoint's; empty: it is no view */
    bool is_template;                        /* of an address, which a completion may refer to */
    struct slice name;                       /* the server's own name of the target */
    struct slice audit_target;               /* "server.name" */
    uint8_t decision_id[AUDIT_DECISION_ID_BYTES];
    struct policy_answer answer;
    struct usage usage; /* of the caller before this call, once is_counted */
    bool is_counted;
    struct operation_refusal refusal;

    struct sign_in *sign_in; /* of the front door: there is no message; else NULL */

    struct children children;
    struct child record, pause, identity;
    struct timer pause_end;
    struct session_waiter waiter;
    struct server_session *session;
    struct json_place definition; /* of the tool, in the session; until the first wait after it */
    struct call call;
    struct listening *listening;      /* of subscriptions/listen */
    struct asking *askings;           /* of the call's server, newest first */
    size_t asking_count, asked_count; /* of these, not over; in all */
    struct asking *asking;            /* which the message answers */
    enum status wait_status;          /* of the child that was waited for */
    struct input_rounds input;
    struct json_edit withheld; /* of the answer: says what is not let through; text empty: none */
    struct operation_task task;
    struct held_call held;
    const struct mcp_method *list; /* what the parts ask for; NULL: nothing */
    struct list_part *parts;
    size_t part_count;
    struct arena *list_arena; /* of their pages, and goes with them; NULL: arena */
    struct slice left_out;    /* names of servers that gave no part */
    struct uri_search search; /* of the server whose template fits */
    bool lacks_list;          /* one that may have had the target did not come */
    struct list_judging *judging;
    size_t list_from;          /* the first item of the page the client asks for */
    uint32_t offers;           /* of the endpoint's servers, mcp_offer */
    bool drops_extension;      /* a side has one that is not let through */
    bool drops_capability;     /* a side says that it has one that is not let through */
    struct slice instructions; /* of the endpoint's one server, a JSON string, or empty */
    struct buf reply;          /* JSON to answer */
    struct buf session_id;     /* to give to a legacy client; else empty */
    struct diag wait_diag;     /* of wait_status; not cleared as a whole with the rest */
};

static_assert(offsetof(struct operation, wait_diag) + sizeof(struct diag) ==
                  sizeof(struct operation),
              "a member behind it would not be cleared");

typedef enum stage_result (*stage_fn)(struct operation *operation);

struct stage {
    const char *name;
    stage_fn run; /* NULL ends the table */
};

/* The request that the operation was begun with, until the first wait. */
struct exchange_request operation_request(const struct operation *operation);

/* Begin with a whole request; the operation frees itself at its end. */
void operation_begin(struct gateway *gateway, struct exchange *exchange,
                     const struct exchange_request *request, bool was_handed_over);

/* Let others of the loop have their turn, then run the same stage again. */
enum stage_result operation_pause(struct operation *operation);

/* Wait for so long, then go on with the next stage. */
enum stage_result operation_rest(struct operation *operation, int64_t after_ms);

/* Wait, in a stage of an operation of no request, until it is woken. False: no memory. */
bool operation_waits(struct operation *operation);

/* It may go on, once who calls has returned. */
void operation_wake(struct operation *operation);

/* Begin with what a server asks or tells that belongs to no request, on behalf of the client that
 * listens: an operation of its own. is_later: not before who calls has returned. STATUS_LIMIT: no
 * memory, STATUS_UNAVAILABLE: no random bytes; then it has not begun. */
NODISCARD enum status operation_begin_standing(struct server_session *session, struct slice json,
                                               bool is_later);

/* Begin what carries questions that the server has asked already, on behalf of that client: it
 * waits until none is left. NULL: no memory, or no random bytes. */
struct operation *operation_begin_carrying(struct server_session *session);

/* Begin to look at a task for who listens to it, as if he had asked with tasks/get: an operation of
 * its own, whose answer is told. Statuses as above. */
NODISCARD enum status operation_begin_look(struct listened_task *task);

/* Keep how a child ended, for the stage that runs when all are over. diag may be NULL. */
void operation_note(struct operation *operation, enum status status, const struct diag *diag);

/* End by after_ms from now what the operation is about to wait for, if the deadline is not sooner.
 */
void operation_limit_wait(struct operation *operation, int64_t after_ms);

/* After a limited wait: what was not over in that time is cancelled, the operation goes on. */
void operation_end_limit(struct operation *operation);

/* Before a stage begins something: has the operation been stopped meanwhile? Then why is noted. */
bool operation_is_stopped(struct operation *operation);

/* identity_wait.c: true: it waits for what its token needs, a key or what the issuer says of it,
 * and this stage runs again. False: that is not to be had, diag may say why. */
bool operation_wait_for_identity(struct operation *operation, const struct identity_miss *miss,
                                 struct diag *diag);

/* identity_wait.c: the fields are of no use any more. */
void operation_drop_fields(struct operation *operation);

/* End what it waits for, but for what cannot be called back: it may be over behind this.
 * STATUS_UNAUTHENTICATED: its caller is shut out, and gets no answer but that. */
void operation_stop(struct operation *operation, enum status why);

/* by, of a legacy client, takes back the request with that id (a JSON lexeme) of its own session.
 * What does not run, or has been answered by now, is not cancelled. */
void operation_cancel_request(const struct operation *by, struct slice id);

/* The session ends: cancel all that runs for it. */
void operation_cancel_session(const struct client_session *session);

/* The exchange is answered, and the operation goes on without one. */
void operation_release_exchange(struct operation *operation);

/* Cancel whatever it waits for and let go of the client; for shutdown. Frees it now, or when the
 * record it waits for completes. */
void operation_abort(struct operation *operation);

/* Refuse with the given refusal; returns STAGE_REFUSE. */
COLD enum stage_result operation_refuse(struct operation *operation,
                                        const struct operation_refusal *refusal);

/* The refusal for an error of ours; reason is for the audit. */
COLD struct operation_refusal operation_refusal_of(enum product_error error, struct slice reason);

/* Refuse with that; returns STAGE_REFUSE. */
COLD enum stage_result operation_refuse_error(struct operation *operation, enum product_error error,
                                              struct slice reason);

/* Refuse because of a server, or of what leads to it (product_error.h). */
COLD enum stage_result operation_refuse_upstream(struct operation *operation, enum status status,
                                                 const struct diag *diag);

/* Refuse because the caller has been shut out since he was let in. */
enum stage_result operation_refuse_revoked(struct operation *operation);

/* Refuse because memory or another bound is exhausted. */
COLD enum stage_result operation_refuse_overload(struct operation *operation, const char *what);

/* session_stages.c: who opens a stream of what servers say without being asked; borrowed from the
 * operation. */
struct client_listener operation_listener(const struct operation *operation);

/* answer.c: what the client gets. */

/* Send operation->reply as the whole answer: JSON, or the last event of the stream. */
void operation_answer(struct operation *operation, int http_status);

/* Send one message as an event; begins the stream. False: the client is too slow. */
bool operation_send_event(struct operation *operation, struct slice json);

/* The client did not take an event: break off, and go on without it. */
void operation_lose_client(struct operation *operation);

/* Begin a stream of events. */
void operation_begin_stream(struct operation *operation);

/* Answer the refusal. */
void operation_answer_refusal(struct operation *operation);

/* Begin a result object: `{"jsonrpc":"2.0","id":X,"result":{`; the end closes both braces and adds
 * what the revision wants on every result. */
void operation_result_begin(struct operation *operation);
void operation_result_end(struct operation *operation);

/* Who waits for a record: a child that is begun with it, and completed by done. */
struct record_waiter {
    struct child *child;
    const struct child_kind *kind;
    void (*done)(void *user, uint64_t ticket, enum status status);
    bool is_durable;
};

/* record.c: STAGE_WAIT, or STAGE_REFUSE when the journal takes nothing; STAGE_DONE without audit.
 */
enum stage_result operation_record(struct operation *operation, enum audit_phase phase,
                                   enum audit_type type, bool durable);

/* The outcome of a round that ended with questions, while the call goes on; returns as
 * operation_append_record. */
NODISCARD enum status operation_record_round(struct operation *operation,
                                             const struct record_waiter *waiter);

/* The same for a judgement about what a call is asked or carries: an event of its own. Its child
 * runs for as long as the journal has it; a record that is not kept is noted in the operation. */
NODISCARD enum status operation_record_note(struct operation *operation, struct input_note *note);

/* All that a record says of the operation, whatever it is about. */
void operation_fill_record(const struct operation *operation, struct audit_record *record);

/* Write another record than that of the operation's own message. waiter NULL: nobody waits for it.
 * STATUS_CONFLICT: the waiter's child runs; STATUS_OK: nothing to wait for; else it is not kept. */
NODISCARD enum status operation_append_record(struct operation *operation,
                                              struct audit_record *record,
                                              const struct record_waiter *waiter);

/* Write that in place of the operation's own record; returns as operation_record. */
enum stage_result operation_record_as(struct operation *operation, struct audit_record *record,
                                      bool is_durable);

/* list_fetch.c: open sessions with servers and ask them for a list; their pages land in the
 * operation's parts, which replace those of the list before. With list NULL nothing is asked.
 * STAGE_DONE when nothing is awaited. */
enum stage_result operation_fetch(struct operation *operation, const struct mcp_method *list,
                                  const uint32_t *servers, size_t count);

/* Refuse because of a server that did not give its list. */
COLD enum stage_result operation_refuse_unfetched(struct operation *operation);

/* The same for all servers that the endpoint stands for; and after it: refuse when not one of them
 * answered. */
enum stage_result operation_fetch_endpoint(struct operation *operation,
                                           const struct mcp_method *list);
enum stage_result operation_stage_check_fetched(struct operation *operation);

/* Leave the sessions of all parts and forget the parts. */
void operation_leave_parts(struct operation *operation);

/* Walk the items of a part in the server's order: objects only. Begin with a zero walk. */
struct list_walk {
    const struct list_page *page;
    struct json_iter iter;
    bool has_begun;
};
bool list_walk_next(struct list_walk *walk, const struct list_part *part, struct json_place *item);

/* list_stages.c: judge some of the items in the operation's parts, for others of the loop to have
 * their turn before the next. STATUS_LIMIT: no memory. */
NODISCARD enum status operation_judge_items(struct operation *operation, bool *has_more);

/* The result that lists what passed: of a list in pages of ours, of a directory as its server's
 * page, with the cursor of operation->call. */
void operation_write_list(struct operation *operation);

/* Is that tool, prompt or resource of the server on the operation's endpoint? Pages of MCP Apps are
 * for clients that may have them. */
bool operation_shows(const struct operation *operation, enum mcp_primitive primitive,
                     uint32_t server_index, struct slice name);

/* Has the endpoint anything of that kind of the server? */
bool operation_covers(const struct operation *operation, enum mcp_primitive primitive,
                      uint32_t server_index);

/* Is the method of the protocol, or of an extension that may be used with that server? */
bool operation_may_extend(const struct operation *operation, const struct mcp_method *method,
                          uint32_t server_index);

/* The same, of any server of an endpoint that stands for several. */
bool operation_may_extend_somewhere(const struct operation *operation,
                                    const struct mcp_method *method);

/* The operation's view, or NULL: it has none, or none any more. Not across a wait. */
const struct gateway_view *operation_view(const struct operation *operation);

/* Refuse a target that the endpoint does not show. */
enum stage_result operation_stage_check_view(struct operation *operation);

/* resolve_stages.c: on an endpoint of several servers, find the one the target belongs to. */
enum stage_result operation_stage_resolve(struct operation *operation);
enum stage_result operation_stage_choose(struct operation *operation);
enum stage_result operation_stage_resolve_skill(struct operation *operation);
enum stage_result operation_stage_choose_skill(struct operation *operation);
enum stage_result operation_stage_resolve_template(struct operation *operation);
enum stage_result operation_stage_choose_template(struct operation *operation);

/* "server.name" for tools and prompts, the address for resources. False: no memory. */
bool operation_set_audit_target(struct operation *operation);

/* Is that revision spoken with clients? */
bool operation_speaks(const struct operation *operation, enum mcp_revision revision);

/* The client asks for a revision that is not spoken. */
COLD enum stage_result operation_refuse_version(struct operation *operation,
                                                struct slice requested);

/* A method that the servers do not offer is none. */
COLD enum stage_result operation_refuse_method(struct operation *operation);

/* The caller names something that is not there. */
COLD enum stage_result operation_refuse_target(struct operation *operation, const char *code,
                                               struct slice reason);

/* input_asked.c: what a modern server asks of a legacy client. */
enum stage_result operation_stage_ask_client(struct operation *operation);
enum stage_result operation_stage_gather_answers(struct operation *operation);

/* held_call.c: wait for the client that was asked. */
enum stage_result operation_stage_await_retry(struct operation *operation);

/* call_stages.c: the stages that all calls of a target share. */
enum stage_result operation_stage_authorize_early(struct operation *operation);
enum stage_result operation_stage_open_session(struct operation *operation);
enum stage_result operation_stage_check_session(struct operation *operation);
enum stage_result operation_stage_check_offer(struct operation *operation);
enum stage_result operation_stage_record_intent(struct operation *operation);
enum stage_result operation_stage_record_outcome(struct operation *operation);

/* Denied whatever the arguments are? Then operation->answer says by what. */
bool operation_is_never_allowed(struct operation *operation);

/* May something be sent to the server of the operation now? If not, why is noted. */
bool operation_may_send(struct operation *operation);

/* Start operation->call with params, the JSON object in a buffer of the gateway's, and what every
 * call says in its metadata; of request those members are set that differ between methods.
 * STAGE_WAIT, or STAGE_DONE when it was not sent: why is noted. */
enum stage_result operation_send(struct operation *operation, struct call_request *request,
                                 struct buf *params);

/* The outcome of operation->call is recorded: answer with what write appends to the reply, or go
 * back to do it once more, or refuse. */
enum stage_result operation_answer_call(struct operation *operation,
                                        void (*write)(struct operation *operation));

/* task_making.c: may the call be the task that the client wishes? And is its answer one? */
enum stage_result operation_stage_check_wish(struct operation *operation);
enum stage_result operation_stage_take_task(struct operation *operation);

/* task_stages.c: which task does the message name, which tool has made it, and of which server? */
enum stage_result operation_take_task(struct operation *operation);

/* Append the parameters without what questions and tasks add, and without the brace at their end.
 */
void operation_write_params(const struct operation *operation, struct buf *params);

/* input_shared.c: may the answer be questions, as far as method and client go? */
bool operation_may_ask(const struct operation *operation);

/* input_shared.c: the extensions that the client has and may use with that server, mcp_extension.
 */
uint32_t operation_extensions(const struct operation *operation, uint32_t server_index);

/* Does the client have others than may be used with that server? */
bool operation_drops_extension(const struct operation *operation, uint32_t server_index);

/* input_questions.c: what the server of the operation may be told that the client can be asked for.
 */
struct mcp_client_capabilities operation_offer(struct operation *operation);

/* input_answers.c: the client comes back with answers: judge them; then record all, then refuse if
 * one did not pass. */
enum stage_result operation_stage_read_answers(struct operation *operation);
enum stage_result operation_stage_record_notes(struct operation *operation);
enum stage_result operation_stage_check_answers(struct operation *operation);

/* The call is over: judge what its answer asks for, and say in operation->input how to go on. */
enum stage_result operation_stage_judge_questions(struct operation *operation);

/* Write the reply that asks the client. */
void operation_write_questions(struct operation *operation);

/* What the policies leave of the client's capabilities is what the server of a session will hear of
 * when the session is opened. */
void operation_offer_to(struct operation *operation, struct server_session *session);

/* Is a denial told in the result of a tool, where the model reads it? */
bool operation_denies_as_result(const struct operation *operation);

/* Denied by operation->answer. */
COLD enum stage_result operation_refuse_denied(struct operation *operation);

/* Count the call for what policies know of its caller, once. STATUS_LIMIT: it cannot be counted. */
NODISCARD enum status operation_count(struct operation *operation);

/* It was decided: a denied call is taken back, an allowed one leaves the labels of its server.
 * STATUS_LIMIT: they cannot be kept. */
NODISCARD enum status operation_settle_count(struct operation *operation, bool is_allowed);

/* What a policy is asked about the target on a server. */
struct policy_question operation_question(const struct operation *operation, uint32_t server_index);

/* What its caller had done before the call, as if that were a read of the address; borrowed from
 * the gateway, until the next look. NULL: not known. */
const struct usage *operation_usage_at(const struct operation *operation, struct slice uri);

/* carried_stages.c: what a policy is asked about a read of an address, in its normal form. False:
 * the endpoint does not show it. */
bool operation_ask_read(const struct operation *operation, uint32_t server_index, struct slice uri,
                        struct policy_question *out);

/* carried_stages.c: how resources are judged that something else carries; good as long as the
 * operation. */
struct carried_rules operation_carried_rules(struct operation *operation);

/* Judge those in the answer, and note each judgement; operation->withheld is the edit then. */
enum stage_result operation_stage_judge_carried(struct operation *operation);

/* skill_stages.c: the same for the entry of a skill, which passes whole or not at all, and for the
 * entries of a directory, of which those stay that a list would show. */
enum stage_result operation_stage_judge_entries(struct operation *operation);

/* Could the caller ever read the address, in its normal form, from that server? */
bool operation_may_ever_read(const struct operation *operation, uint32_t server_index,
                             struct slice uri);

/* Remember that the operation's server has said the address to its caller, in a result on an
 * endpoint of several servers; elsewhere nothing is done. */
void operation_keep_link(const struct operation *operation, struct slice uri);

/* Which server said the address to the caller, in a result on an endpoint of several servers?
 * STATUS_NOT_FOUND, or STATUS_CONFLICT when two did. */
NODISCARD enum status operation_find_link(const struct operation *operation, struct slice uri,
                                          uint32_t *server_index);

/* input_shared.c: does the endpoint stand for several servers? */
bool operation_is_of_several(const struct operation *operation);

/* The edits that leave out what was not let through. Returns how many, 1 at most. */
size_t operation_withheld_edit(const struct operation *operation, struct json_edit *edit);

/* call_stages.c, list_stages.c, local_stages.c, session_stages.c, response_stages.c: the
 * tables. */
extern const struct stage OPERATION_CALL_STAGES[];
extern const struct stage OPERATION_TASK_STAGES[];
extern const struct stage OPERATION_LOOK_STAGES[];
extern const struct stage OPERATION_LIST_STAGES[];
extern const struct stage OPERATION_INITIALIZE_STAGES[];
extern const struct stage OPERATION_DISCOVER_STAGES[];
extern const struct stage OPERATION_PING_STAGES[];
extern const struct stage OPERATION_BATCH_STAGES[];
extern const struct stage OPERATION_LOG_LEVEL_STAGES[];
extern const struct stage OPERATION_LISTEN_STAGES[];
extern const struct stage OPERATION_NOTIFICATION_STAGES[];
extern const struct stage OPERATION_STREAM_STAGES[];
extern const struct stage OPERATION_LINK_STAGES[];
extern const struct stage OPERATION_DELETE_STAGES[];
extern const struct stage OPERATION_RESPONSE_STAGES[];
extern const struct stage OPERATION_STANDING_STAGES[];

/* sse_link.c: HTTP with SSE (MCP 2024-11-05). */

/* Begin a session for the caller: op->client and the text of its id. */
enum stage_result operation_begin_session(struct operation *operation);

/* The session of an operation was found: accept the POST, and answer on the session's stream. */
enum stage_result operation_link(struct operation *operation);

/* Shared first stages. */
enum stage_result operation_stage_authenticate(struct operation *operation);
enum stage_result operation_stage_session(struct operation *operation);
enum stage_result operation_stage_route(struct operation *operation);
enum stage_result operation_stage_home(struct operation *operation);
enum stage_result operation_stage_record_event(struct operation *operation);

/* Refuse when the record before was not kept: no record, no effect. */
enum stage_result operation_stage_check_intent(struct operation *operation);

/* The same for the last record: no answer. Who was shut out meanwhile gets none either. */
enum stage_result operation_stage_check_record(struct operation *operation);

/* There is no such session, any more or at all; to the outside these are one. */
COLD enum stage_result operation_refuse_session(struct operation *operation, const char *code);

/* The snapshot's server of the operation. */
const struct gateway_server *operation_server(const struct operation *operation);

#endif
