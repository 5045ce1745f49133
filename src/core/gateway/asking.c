#include "core/gateway/asking.h"

#include "core/gateway/client_pages.h"
#include "core/gateway/held_call.h"
#include "core/gateway/input_shared.h"
#include "core/gateway/server_reply.h"

#include <stddef.h>

#define OUTCOME_BYTES_MAX 512 /* of a refusal */

static struct asking *asking_of_record(struct child *child)
{
    return (struct asking *)((char *)child - offsetof(struct asking, record));
}

/* The call, or what stands for one. */
static bool is_running(const struct operation *op)
{
    return op->is_standing ? op->pause.owner != NULL : op->call.child.owner != NULL;
}

/* The server waits for us, or no longer. */
static void note_waiting(struct operation *op)
{
    if (!is_running(op)) {
        return;
    }
    if (!op->is_standing) {
        call_excuse(&op->call, op->asking_count > 0);
    } else if (op->asking_count == 0) {
        operation_wake(op);
    }
}

/* -- ending one ---------------------------------------------------------------------------- */

void asking_free_all(struct operation *op)
{
    while (op->askings != NULL) {
        struct asking *asking = op->askings;
        op->askings = asking->next;
        arena_release(&asking->arena);
        base_free(asking);
    }
}

static void unlink_asked(struct asking *asking)
{
    struct client_session *client = asking->operation->client;
    for (struct asking **at = client == NULL ? NULL : &client->asked; at != NULL && *at != NULL;
         at = &(*at)->next_asked) {
        if (*at == asking) {
            *at = asking->next_asked;
            return;
        }
    }
}

static void close_asking(struct asking *asking)
{
    struct operation *op = asking->operation;
    const struct port_timer *timer = op->gateway->ports.timer;
    if (asking->is_over) {
        return;
    }
    asking->is_over = true;
    timer->stop(timer->context, &asking->timeout);
    unlink_asked(asking);
    if (asking->answering != NULL) {
        asking->answering->asking = NULL;
    }
    op->asking_count--;
    note_waiting(op);
    if (asking->turn.owner != NULL) {
        /* The last one lets the operation go on, perhaps to its end. */
        child_end(&asking->turn, STATUS_OK, NULL);
    }
}

/* outcome: a member of the response. */
static void reply(struct asking *asking, const struct buf *outcome)
{
    if (buf_status(outcome) == STATUS_OK) {
        server_reply(asking->operation->session, asking->server_id, buf_view(outcome));
    }
}

static void answer_server(struct asking *asking, struct slice result)
{
    struct operation *op = asking->operation;
    struct buf outcome;
    if (asking->is_of_round) {
        /* Without memory there is no answer. */
        (void)!arena_copy(&asking->arena, result, &asking->result);
    } else {
        buf_init(&outcome, GATEWAY_OPERATION_BYTES_MAX, &op->account);
        buf_append(&outcome, SLICE("\"result\":"));
        buf_append(&outcome, result);
        reply(asking, &outcome);
        buf_release(&outcome);
    }
    close_asking(asking);
}

static void refuse_server(struct asking *asking)
{
    struct buf outcome;
    if (asking->is_of_round) {
        asking->result = question_refusal_result(&asking->question);
    } else {
        buf_init(&outcome, OUTCOME_BYTES_MAX, &asking->operation->gateway->account);
        question_write_refusal(&asking->question, &asking->judgement, &outcome);
        reply(asking, &outcome);
        buf_release(&outcome);
    }
    close_asking(asking);
}

/* An event after the decision; nothing waits for its record. */
static void tell(struct asking *asking, const char *code)
{
    struct audit_record record = {0};
    operation_fill_record(asking->operation, &record);
    question_describe(&asking->question, &asking->judgement, false, &record);
    record.type = AUDIT_LIMIT_HIT;
    record.decision = AUDIT_DECISION_NONE;
    record.code = slice_view_cstr(code);
    (void)!operation_append_record(asking->operation, &record, NULL);
}

void asking_finish(struct asking *asking, struct slice result)
{
    if (result.len > 0) {
        answer_server(asking, result);
    } else {
        refuse_server(asking);
    }
}

void asking_refuse(struct asking *asking, const char *code)
{
    tell(asking, code);
    refuse_server(asking);
}

/* -- the client ---------------------------------------------------------------------------- */

/* False when it did not get it. */
static bool send_client(struct operation *op, const struct buf *message)
{
    if (op->is_standing) {
        return buf_status(message) == STATUS_OK &&
               client_session_tell(op->client, buf_view(message));
    }
    bool has_stream =
        op->stream != NULL || (op->exchange != NULL && !op->exchange->takes_no_stream);
    if (op->client_gone || !has_stream || buf_status(message) != STATUS_OK) {
        return false;
    }
    if (!operation_send_event(op, buf_view(message))) {
        operation_lose_client(op);
    }
    return !op->client_gone;
}

static void cancel_at_client(struct asking *asking)
{
    struct operation *op = asking->operation;
    struct buf message;
    if (asking->id == 0 || op->client == NULL) {
        return;
    }
    buf_init(&message, OUTCOME_BYTES_MAX, &op->gateway->account);
    buf_append(&message, SLICE("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                               "\"params\":{\"requestId\":"));
    buf_append_i64(&message, asking->id);
    buf_append(&message, SLICE("}}"));
    (void)send_client(op, &message);
    buf_release(&message);
}

static void on_timeout(struct timer *timer)
{
    struct asking *asking = (struct asking *)((char *)timer - offsetof(struct asking, timeout));
    cancel_at_client(asking);
    asking_refuse(asking, "question.timeout");
}

static bool ask_client(struct asking *asking)
{
    struct operation *op = asking->operation;
    const struct port_timer *timer = op->gateway->ports.timer;
    struct buf message;
    asking->id = ++op->client->last_question_id;
    buf_init(&message, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    buf_append(&message, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append_i64(&message, asking->id);
    buf_append(&message, SLICE(",\"method\":"));
    buf_append_json_string(&message, asking->question.method->name);
    if (asking->params.len > 0) {
        buf_append(&message, SLICE(",\"params\":"));
        buf_append(&message, asking->params);
    }
    buf_append_byte(&message, '}');
    bool is_sent = send_client(op, &message);
    buf_release(&message);
    if (is_sent) {
        client_pages_note(op->client, op->server_index, &asking->question);
        asking->next_asked = op->client->asked;
        op->client->asked = asking;
        asking->timeout.fire = on_timeout;
        timer->start(timer->context, &asking->timeout, op->gateway->limits.question_timeout_ms);
    }
    return is_sent;
}

/* -- judging ------------------------------------------------------------------------------- */

/* The decision is recorded, or cannot be: then the server hears the "no". */
static void go_on(struct asking *asking, enum status recorded)
{
    struct operation *op = asking->operation;
    if (asking->is_over || !is_running(op)) {
        return;
    }
    if (recorded != STATUS_OK || !asking->judgement.is_allowed) {
        refuse_server(asking);
    } else if (op->client != NULL && !ask_client(asking)) {
        asking_refuse(asking, "client.gone");
    }
    if (op->client == NULL) {
        held_call_ask(op);
    }
}

static void on_record_done(struct child *child, enum status status, const struct diag *diag)
{
    (void)diag;
    go_on(asking_of_record(child), status);
}

/* What the journal has taken it completes: there is nothing to cancel. */
static const struct child_kind RECORD_CHILD = {NULL, on_record_done};

static void on_recorded(void *user, uint64_t ticket, enum status status)
{
    struct gateway *gateway = user;
    struct child *child = child_find(&gateway->children, ticket, &RECORD_CHILD);
    if (child != NULL) {
        child_end(child, status, NULL);
    }
}

/* The answer is judged by what the client was asked. */
static enum status keep_params(struct asking *asking, struct slice params)
{
    const struct json_parser *parser = &asking->operation->gateway->parser;
    TRY(arena_copy(&asking->arena, params, &asking->params));
    if (params.len == 0) {
        return STATUS_OK;
    }
    asking->question.params = (struct json_place){&asking->asked, 0};
    return json_parse(parser, asking->params, &asking->arena, &asking->asked, NULL);
}

static enum status judge(struct asking *asking)
{
    struct operation *op = asking->operation;
    const struct mcp_method *method = asking->question.method;
    json_ref params = json_member(&asking->message, 0, SLICE("params"));
    struct buf out;
    asking->question =
        input_question(op, method,
                       params == JSON_NONE ? (struct json_place){NULL, JSON_NONE}
                                           : (struct json_place){&asking->message, params});
    if (op->client == NULL && !op->message.method->may_ask) {
        asking->question.client = (struct mcp_client_capabilities){0};
    }
    buf_init(&out, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    enum status status = question_judge(&asking->question, &op->gateway->scratch, &asking->arena,
                                        &out, &asking->judgement);
    if (status == STATUS_OK) {
        status = keep_params(asking, buf_view(&out));
    }
    buf_release(&out);
    return status;
}

/* Each resource in the messages has a record; that of the question, which is waited for, follows.
 */
static void record_carried(struct asking *asking)
{
    struct question question = asking->question;
    const struct question_judgement *one = asking->judgement.carried;
    for (question.method = mcp_method_of_read(); one != NULL; one = one->next) {
        struct audit_record record = {0};
        operation_fill_record(asking->operation, &record);
        question_describe(&question, one, false, &record);
        (void)!operation_append_record(asking->operation, &record, NULL);
    }
}

static void record_judgement(struct asking *asking)
{
    struct operation *op = asking->operation;
    struct audit_record record = {0};
    struct record_waiter waiter = {&asking->record, &RECORD_CHILD, on_recorded, true};
    record_carried(asking);
    operation_fill_record(op, &record);
    question_describe(&asking->question, &asking->judgement, false, &record);
    enum status status = operation_append_record(op, &record, &waiter);
    if (status != STATUS_CONFLICT) {
        go_on(asking, status);
    }
}

static void enlist(struct asking *asking, struct operation *op)
{
    asking->operation = op;
    asking->next = op->askings;
    op->askings = asking;
    op->asking_count++;
}

static enum status keep_message(struct asking *asking, const struct json_tape *tape)
{
    const struct json_parser *parser = &asking->operation->gateway->parser;
    struct slice text;
    TRY(arena_copy(&asking->arena, json_raw(tape, 0), &text));
    TRY(json_parse(parser, text, &asking->arena, &asking->message, NULL));
    asking->server_id = json_raw(&asking->message, json_member(&asking->message, 0, SLICE("id")));
    return STATUS_OK;
}

static struct asking *new_asking(struct operation *op)
{
    struct asking *asking = base_alloc(sizeof(*asking));
    if (asking == NULL) {
        return NULL;
    }
    *asking = (struct asking){0};
    arena_init(&asking->arena, GATEWAY_OPERATION_BYTES_MAX, &op->caller_entry->account);
    enlist(asking, op);
    return asking;
}

/* What no method of ours asks for is refused, and recorded. */
static void refuse_unknown(struct operation *op, const struct json_tape *tape)
{
    struct audit_record record = {0};
    struct slice name = SLICE_EMPTY;
    json_ref method = json_member(tape, 0, SLICE("method"));
    (void)!json_string(tape, method, &op->arena, &name);
    operation_fill_record(op, &record);
    record.type = AUDIT_UPSTREAM_PROTOCOL;
    record.phase = AUDIT_EVENT;
    record.direction = SLICE("server");
    record.code = SLICE("question.unknown");
    record.reason = name;
    (void)!operation_append_record(op, &record, NULL);
    server_reply(op->session, json_raw(tape, json_member(tape, 0, SLICE("id"))),
                 SLICE(QUESTION_UNKNOWN));
}

bool asking_begin(struct operation *op, const struct json_tape *tape)
{
    struct slice name = SLICE_EMPTY;
    if (++op->asked_count > op->gateway->limits.call_questions ||
        json_string(tape, json_member(tape, 0, SLICE("method")), &op->arena, &name) != STATUS_OK) {
        return false;
    }
    const struct mcp_method *method = mcp_question_find(name);
    if (method == NULL) {
        refuse_unknown(op, tape);
        return true;
    }
    struct asking *asking = new_asking(op);
    if (asking == NULL) {
        return false;
    }
    asking->question.method = method;
    note_waiting(op);
    if (keep_message(asking, tape) != STATUS_OK || judge(asking) != STATUS_OK) {
        close_asking(asking);
        return false;
    }
    record_judgement(asking);
    return true;
}

/* -- of a round ---------------------------------------------------------------------------- */

static struct asking *asking_of_turn(struct child *child)
{
    return (struct asking *)((char *)child - offsetof(struct asking, turn));
}

static void cancel_turn(struct child *child)
{
    cancel_at_client(asking_of_turn(child));
    close_asking(asking_of_turn(child));
}

/* The operation looks at all of them when the last one is over. */
static void on_turn_done(struct child *child, enum status status, const struct diag *diag)
{
    (void)child;
    (void)status;
    (void)diag;
}

static const struct child_kind TURN_CHILD = {cancel_turn, on_turn_done};

bool asking_add(struct operation *op, struct slice key, const struct question *question,
                struct slice params)
{
    struct asking *asking = new_asking(op);
    if (asking == NULL) {
        return false;
    }
    asking->question = *question;
    asking->judgement.is_allowed = true;
    asking->is_of_round = true;
    if (arena_copy(&asking->arena, key, &asking->server_id) != STATUS_OK ||
        keep_params(asking, params) != STATUS_OK) {
        close_asking(asking);
        return false;
    }
    return true;
}

void asking_send(struct asking *asking)
{
    struct operation *op = asking->operation;
    bool begins = child_begin(&asking->turn, &op->children, &TURN_CHILD) == STATUS_OK;
    if (begins && ask_client(asking)) {
        return;
    }
    asking_refuse(asking, begins ? "client.gone" : "gateway.memory");
}

/* -- the end of a call --------------------------------------------------------------------- */

/* A child's questions do not say which call they are for (stdio_upstream.c). */
static bool shares_questions(const struct operation *op, const struct operation *other)
{
    return other == op || (op->session != NULL && op->session->child != 0 &&
                           other->session == op->session && other->client == op->client);
}

/* Another call that one of the questions may be for, or NULL. */
static struct operation *find_heir(const struct operation *op)
{
    struct operation *other = op->gateway->operations;
    while (other != NULL && (other == op || !shares_questions(op, other) || !is_running(other) ||
                             other->is_standing || other->stop != STATUS_OK)) {
        other = other->next;
    }
    return other;
}

/* A child has one stream for all: its question goes on to the client's own stream when no call is
 * left, unless it ended, too. */
static bool is_of_living_child(const struct operation *op)
{
    return !op->is_standing && op->session != NULL && op->session->child != 0 &&
           !op->session->is_modern && op->call.failure != STATUS_UNAVAILABLE;
}

/* The first of the operation's that is not over, or NULL. */
static struct asking *find_open(const struct operation *op)
{
    struct asking *asking = op->askings;
    while (asking != NULL && asking->is_over) {
        asking = asking->next;
    }
    return asking;
}

static void hand_down(struct asking *asking, struct operation *heir)
{
    struct operation *op = asking->operation;
    struct asking **at = &op->askings;
    while (*at != asking) {
        at = &(*at)->next;
    }
    *at = asking->next;
    op->asking_count--;
    enlist(asking, heir);
    asking->question.scene = operation_question(heir, heir->server_index);
    note_waiting(heir);
    if (heir->client == NULL) {
        /* To be asked anew, in a round of the other call. */
        asking->id = 0;
        asking->is_answered = false;
        asking->result = SLICE_EMPTY;
        held_call_ask(heir);
    }
}

/* False when nobody takes it over. */
static bool goes_over(struct asking *asking)
{
    struct operation *op = asking->operation;
    if (op->is_standing || asking->is_of_round || asking->record.owner != NULL) {
        return false;
    }
    struct operation *heir = find_heir(op);
    if (heir == NULL && op->client != NULL && is_of_living_child(op)) {
        heir = server_stream_carry(op->session);
    }
    if (heir != NULL) {
        hand_down(asking, heir);
    }
    return heir != NULL;
}

void asking_withdraw(struct operation *op, struct slice server_id)
{
    for (struct operation *other = op->gateway->operations; other != NULL; other = other->next) {
        struct asking *asking = shares_questions(op, other) ? other->askings : NULL;
        for (; asking != NULL; asking = asking->next) {
            if (!asking->is_over && slice_eq(asking->server_id, server_id)) {
                cancel_at_client(asking);
                close_asking(asking);
            }
        }
    }
}

void asking_end_all(struct operation *op)
{
    for (struct asking *open = find_open(op); open != NULL; open = find_open(op)) {
        if (goes_over(open)) {
            continue;
        }
        cancel_at_client(open);
        if (op->is_standing) {
            refuse_server(open); /* no call ends, that could tell it */
        } else if (is_of_living_child(op) && !open->is_of_round) {
            asking_refuse(open, "question.over");
        } else {
            close_asking(open);
        }
    }
}

void asking_lose(const struct server_session *session)
{
    for (struct operation *op = session->gateway->operations; op != NULL; op = op->next) {
        bool is_lost = op->is_standing && op->session == session;
        for (struct asking *open = is_lost ? find_open(op) : NULL; open != NULL;
             open = find_open(op)) {
            cancel_at_client(open);
            close_asking(open);
        }
    }
}

/* -- the answer ---------------------------------------------------------------------------- */

void asking_take(struct client_session *client, int64_t id, struct operation *by)
{
    struct asking *asking = client->asked;
    while (asking != NULL && asking->id != id) {
        asking = asking->next_asked;
    }
    if (asking != NULL) {
        const struct port_timer *timer = by->gateway->ports.timer;
        timer->stop(timer->context, &asking->timeout);
        unlink_asked(asking);
        asking->answering = by;
        by->asking = asking;
    }
}

void asking_answer(struct operation *by, struct slice result)
{
    struct asking *asking = by->asking;
    if (asking == NULL) {
        return;
    }
    if (result.len == 0) {
        (void)!arena_copy(&asking->arena, by->answer.reason, &asking->reason);
    }
    asking_finish(asking, result);
}
