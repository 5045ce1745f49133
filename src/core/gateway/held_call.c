#include "core/gateway/held_call.h"

#include "base/base64.h"
#include "core/gateway/asking.h"
#include "core/gateway/input_shared.h"
#include "core/gateway/question_shape.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define NAME_BYTES_MAX 32 /* of a decision id, in base64; of a number */

static struct operation *operation_of_record(struct child *child)
{
    return (struct operation *)((char *)child - offsetof(struct operation, held.record));
}

/* -- the table ----------------------------------------------------------------------------- */

static bool has_room(const struct operation *op)
{
    const struct gateway_limits *limits = &op->gateway->limits;
    size_t own = 0;
    size_t all = 0;
    for (const struct operation *one = op->gateway->held; one != NULL; one = one->held.next) {
        own += one->caller_entry == op->caller_entry ? 1 : 0;
        all++;
    }
    return own < limits->principal_held_calls && all < limits->held_calls;
}

static void hold(struct operation *op)
{
    /* A client that did not take the answer does not come back. */
    int64_t timeout_ms = op->client_gone ? 0 : op->gateway->limits.question_timeout_ms;
    operation_release_exchange(op);
    op->held.is_held = true;
    op->held.next = op->gateway->held;
    op->gateway->held = op;
    operation_limit_wait(op, timeout_ms);
}

static void unhold(struct operation *op)
{
    struct operation **at = &op->gateway->held;
    while (*at != op) {
        at = &(*at)->held.next;
    }
    *at = op->held.next;
    op->held.is_held = false;
}

/* A claim without a word to the server. */
static void release_claim(struct operation *by)
{
    struct operation *op = by->held.claim;
    if (op == NULL) {
        return;
    }
    for (struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        asking->is_answered = false;
        asking->result = SLICE_EMPTY;
    }
    op->held.claimed_by = NULL;
    by->held.claim = NULL;
}

void held_call_leave(struct operation *op)
{
    if (op->held.is_counted) {
        op->session->asking_count--;
        op->held.is_counted = false;
    }
    if (op->held.is_held) {
        unhold(op);
    }
    if (op->held.claimed_by != NULL) {
        op->held.claimed_by->held.claim = NULL;
        op->held.claimed_by = NULL;
    }
    release_claim(op);
}

void held_call_expire(struct operation *op)
{
    held_call_end(op, AUDIT_LIMIT_HIT,
                  op->client_gone ? SLICE("client.gone") : SLICE("question.timeout"));
}

void held_call_end(struct operation *op, enum audit_type type, struct slice code)
{
    struct audit_record record = {0};
    operation_fill_record(op, &record);
    record.type = type;
    record.phase = AUDIT_EVENT;
    record.code = code;
    (void)!operation_append_record(op, &record, NULL);
    operation_abort(op);
}

/* -- a round ------------------------------------------------------------------------------- */

/* Is there something to ask, and nothing that is still being judged? */
static bool has_round(const struct operation *op)
{
    bool has_open = false;
    for (const struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        if (!asking->is_over && asking->record.owner != NULL) {
            return false;
        }
        has_open = has_open || !asking->is_over;
    }
    return has_open;
}

static void append_question(struct operation *op, struct asking *asking, struct buf *out)
{
    if (asking->id == 0) {
        asking->id = ++op->held.last_id;
    }
    buf_append(out, out->len == 0 ? SLICE("\"") : SLICE(",\""));
    buf_append_i64(out, asking->id);
    buf_append(out, SLICE("\":{\"method\":"));
    buf_append_json_string(out, asking->question.method->name);
    if (asking->params.len > 0) {
        buf_append(out, SLICE(",\"params\":"));
        buf_append(out, asking->params);
    }
    buf_append_byte(out, '}');
}

static enum status write_requests(struct operation *op)
{
    struct buf out;
    buf_init(&out, INPUT_TEXT_BYTES_MAX, &op->account);
    for (struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        if (!asking->is_over) {
            append_question(op, asking, &out);
        }
    }
    enum status status = buf_status(&out);
    if (status == STATUS_OK) {
        status = arena_copy(&op->arena, buf_view(&out), &op->input.requests);
    }
    buf_release(&out);
    return status;
}

static enum status seal_state(struct operation *op)
{
    int64_t lifetime_s = op->gateway->limits.question_timeout_ms / 1000 + 1;
    struct buf text;
    buf_init(&text, INPUT_TEXT_BYTES_MAX, &op->account);
    buf_append(&text, SLICE("{\"expires\":"));
    buf_append_i64(&text, input_now_s(op) + lifetime_s);
    buf_append(&text, SLICE(",\"held\":\""));
    base64_encode(&text, slice_of(op->decision_id, sizeof(op->decision_id)), BASE64_URL_UNPADDED);
    buf_append(&text, SLICE("\"}"));
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        status = input_seal(op, buf_view(&text), true, &op->input.sealed);
    }
    buf_release(&text);
    return status;
}

static void count_in_session(struct operation *op)
{
    op->session->asking_count += op->held.is_counted ? 0 : 1;
    op->held.is_counted = true;
}

/* The server hears a "no" to all that is open. */
static void refuse_all(struct operation *op, const char *code)
{
    for (struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        if (!asking->is_over && asking->record.owner == NULL) {
            asking_refuse(asking, code);
        }
    }
}

static void answer_with_questions(struct operation *op)
{
    operation_write_questions(op);
    operation_answer(op, 200);
    buf_clear(&op->reply);
    hold(op);
}

/* From here on the round is over, also when the server is done by now: its answer is for the next
 * one. */
static void on_round_recorded(struct child *child, enum status status, const struct diag *diag)
{
    struct operation *op = operation_of_record(child);
    (void)diag;
    if (op->is_dead || op->client_gone || op->stop != STATUS_OK) {
        return;
    }
    if (status == STATUS_OK) {
        answer_with_questions(op);
    } else {
        refuse_all(op, "audit_unavailable");
    }
}

/* What the journal has taken it completes: there is nothing to cancel. */
static const struct child_kind ROUND_CHILD = {NULL, on_round_recorded};

static void on_recorded(void *user, uint64_t ticket, enum status status)
{
    struct gateway *gateway = user;
    struct child *child = child_find(&gateway->children, ticket, &ROUND_CHILD);
    if (child != NULL) {
        child_end(child, status, NULL);
    }
}

static void end_round(struct operation *op)
{
    struct record_waiter waiter = {&op->held.record, &ROUND_CHILD, on_recorded, false};
    enum status status = operation_record_round(op, &waiter);
    if (status == STATUS_OK) {
        answer_with_questions(op);
    } else if (status != STATUS_CONFLICT) {
        refuse_all(op, "audit_unavailable");
    }
}

void held_call_ask(struct operation *op)
{
    if (op->exchange == NULL || op->client_gone || op->stop != STATUS_OK ||
        op->held.record.owner != NULL || !has_round(op)) {
        return;
    }
    if (!has_room(op)) {
        refuse_all(op, "question.held_calls");
    } else if (op->held.round_count >= op->gateway->limits.question_rounds) {
        refuse_all(op, "question.rounds");
    } else if (write_requests(op) != STATUS_OK || seal_state(op) != STATUS_OK) {
        refuse_all(op, "gateway.memory");
    } else {
        op->held.round_count++;
        count_in_session(op);
        end_round(op);
    }
}

/* -- after the server ---------------------------------------------------------------------- */

static void leave_retry(struct child *child)
{
    (void)child;
}

/* How the call ended stands in wait_status, and stays. */
static void on_retry(struct child *child, enum status status, const struct diag *diag)
{
    (void)child;
    (void)status;
    (void)diag;
}

static const struct child_kind RETRY_CHILD = {leave_retry, on_retry};

/* The server may be done before the client comes with its answers. */
enum stage_result operation_stage_await_retry(struct operation *op)
{
    if (!op->held.is_held) {
        return STAGE_DONE;
    }
    if (child_begin(&op->held.retry, &op->children, &RETRY_CHILD) != STATUS_OK) {
        held_call_leave(op);
        op->client_gone = true;
        return STAGE_DONE;
    }
    return STAGE_WAIT;
}

/* -- the request with the answers ---------------------------------------------------------- */

static struct operation *find_held(const struct operation *by, struct json_place name)
{
    uint8_t id[NAME_BYTES_MAX];
    size_t len = 0;
    struct operation *op = by->gateway->held;
    struct slice raw = json_raw(name.tape, name.ref);
    if (raw.len < 2 || base64_decode(slice_sub(raw, 1, raw.len - 1), BASE64_URL_UNPADDED, id,
                                     sizeof(id), &len) != STATUS_OK) {
        return NULL;
    }
    while (op != NULL &&
           (len != sizeof(op->decision_id) || memcmp(op->decision_id, id, len) != 0)) {
        op = op->held.next;
    }
    return op;
}

/* Of the question that has that number, if it still waits. */
static enum status judge_answer(struct operation *by, struct asking *asking,
                                struct json_place result)
{
    struct question question = asking->question;
    struct input_note *note = input_add_note(by, question.method, true);
    struct buf text;
    if (note == NULL) {
        return STATUS_LIMIT;
    }
    question.scene = operation_question(by, by->server_index);
    buf_init(&text, INPUT_TEXT_BYTES_MAX, &by->account);
    enum status status = question_judge_answer(&question, result, &by->gateway->scratch, &by->arena,
                                               &text, &note->judgement);
    if (status == STATUS_OK && note->judgement.is_malformed) {
        by->input.is_noted = true;
        input_refuse_params(by, SLICE("an answer does not fit what was asked"),
                            note->judgement.code, note->judgement.reason);
    } else if (status == STATUS_OK) {
        asking->is_answered = true;
        status = input_note_parts(by, question.method, true, note->judgement.stripped);
    }
    if (status == STATUS_OK && note->judgement.is_allowed) {
        status = arena_copy(&by->arena, buf_view(&text), &asking->result);
    }
    buf_release(&text);
    return status;
}

static enum status judge_answers(struct operation *by, struct operation *op,
                                 struct json_place responses)
{
    for (struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        struct slice name = SLICE_EMPTY;
        if (asking->is_over || asking->id == 0) {
            continue;
        }
        TRY(arena_format(&by->arena, &name, "%" PRId64, asking->id));
        struct json_place result = question_member(responses, name);
        if (result.ref != JSON_NONE) {
            TRY(judge_answer(by, asking, result));
        }
        if (by->input.next == INPUT_REFUSE) {
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

/* Answers to what was not asked in the last round. */
static enum status note_unasked(struct operation *by, const struct operation *op,
                                struct json_place responses)
{
    const struct slice parts[] = {SLICE("{"), op->input.requests, SLICE("}")};
    struct slice text = SLICE_EMPTY;
    struct json_tape asked;
    TRY(arena_join(&by->arena, parts, COUNT_OF(parts), &text));
    TRY(json_parse(&by->gateway->parser, text, &by->arena, &asked, NULL));
    return input_note_unasked(by, (struct json_place){&asked, 0}, responses);
}

enum status held_call_claim(struct operation *by, struct json_place state,
                            struct json_place responses)
{
    struct operation *op = find_held(by, question_member(state, SLICE("held")));
    by->held.is_claim = true;
    if (op == NULL || op->held.claimed_by != NULL) {
        input_refuse_params(by,
                            SLICE("the call that waited for these answers is over; make it anew"),
                            "held.gone", SLICE_EMPTY);
        return STATUS_OK;
    }
    op->held.claimed_by = by;
    by->held.claim = op;
    TRY(note_unasked(by, op, responses));
    return judge_answers(by, op, responses);
}

/* -- going on ------------------------------------------------------------------------------ */

/* What outlives the request, in the memory of the call. */
static enum status copy_request(struct operation *op, const struct operation *by)
{
    struct slice token = held_call_progress_token(by);
    struct slice id = SLICE_EMPTY;
    TRY(arena_copy(&op->arena, by->message.id, &id));
    TRY(arena_copy(&op->arena, token, &token));
    TRY(arena_copy(&op->arena, by->peer_ip, &op->peer_ip));
    TRY(arena_copy(&op->arena, by->origin, &op->origin));
    op->message.id = id;
    op->held.progress_token = token;
    return STATUS_OK;
}

static void take_over(struct operation *op, struct operation *by)
{
    struct principal *principal = op->principal;
    struct client_certificate *certificate = op->certificate;
    op->principal = by->principal;
    by->principal = principal;
    op->certificate = by->certificate;
    by->certificate = certificate;
    op->exchange = by->exchange;
    by->exchange = NULL;
    op->exchange->operation = op;
    op->exchange->id = op->message.id;
    op->message.log_level = by->message.log_level;
    op->declared = by->declared;
    op->started_ms = by->started_ms;
    op->started_us = by->started_us;
    op->stream_begun = op->client_gone = false;
    memcpy(op->decision_id, by->decision_id, sizeof(op->decision_id));
    operation_limit_wait(op, op->gateway->limits.operation_deadline_ms);
}

static void give_answers(struct operation *op)
{
    for (struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        if (!asking->is_over && asking->is_answered) {
            asking_finish(asking, asking->result);
        }
    }
}

bool held_call_resume(struct operation *by)
{
    struct operation *op = by->held.claim;
    if (op == NULL) {
        by->wait_status = diag_fail(&by->wait_diag, STATUS_UNAVAILABLE, "held.gone",
                                    "the call that waited for these answers is over");
        return false;
    }
    if (copy_request(op, by) != STATUS_OK) {
        by->wait_status =
            diag_fail(&by->wait_diag, STATUS_LIMIT, "gateway.memory", "no memory to go on");
        return false;
    }
    unhold(op);
    take_over(op, by);
    give_answers(op);
    op->held.claimed_by = NULL;
    by->held.claim = NULL;
    held_call_ask(op);
    if (op->held.retry.owner != NULL) {
        /* The server is done: on to its answer, and perhaps to the end. */
        child_end(&op->held.retry, STATUS_OK, NULL);
    }
    return true;
}

struct slice held_call_progress_token(const struct operation *op)
{
    const struct mcp_message *message = &op->message;
    if (op->held.round_count > 0) {
        return op->held.progress_token;
    }
    return message->progress_token == JSON_NONE ? SLICE_EMPTY
                                                : json_raw(&message->tape, message->progress_token);
}
