#include "core/gateway/held_call.h"
#include "core/gateway/input_shared.h"
#include "core/gateway/question_shape.h"

static bool is_a(struct json_place place, enum json_type type)
{
    return place.ref != JSON_NONE && json_type(place.tape, place.ref) == type;
}

/* A client's answers against the state that says what was asked. */
struct answering {
    struct operation *op;
    struct json_tape state;
    struct json_place asked, responses;
    struct buf out; /* members of inputResponses for the server */
};

static enum status open_state(struct operation *op, struct slice sealed, struct json_tape *out)
{
    struct request_state_use use;
    struct buf params;
    struct slice text = SLICE_EMPTY;
    buf_init(&params, INPUT_TEXT_BYTES_MAX, &op->account);
    enum status status = input_use(op, &params, &use);
    if (status == STATUS_OK) {
        status = request_state_open(op->gateway, &use, sealed, &op->arena, &text);
    }
    if (status == STATUS_OK) {
        status = json_parse(&op->gateway->parser, text, &op->arena, out, NULL);
    }
    buf_release(&params);
    return status;
}

static int64_t number_of(struct json_place object, struct slice name)
{
    struct json_place place = question_member(object, name);
    int64_t number = 0;
    bool is_number =
        place.ref != JSON_NONE && json_integer(place.tape, place.ref, &number) == STATUS_OK;
    return is_number ? number : 0;
}

/* Take what the state says. STATUS_INVALID: it is not for this call, or not any more. */
static enum status take_state(struct answering *answering, struct slice sealed)
{
    struct operation *op = answering->op;
    struct json_place state = {&answering->state, 0};
    TRY(open_state(op, sealed, &answering->state));
    if (input_now_s(op) >= number_of(state, SLICE("expires"))) {
        return STATUS_INVALID;
    }
    struct json_place own = question_member(state, SLICE("state"));
    op->input.state = own.ref == JSON_NONE ? SLICE_EMPTY : json_raw(own.tape, own.ref);
    op->input.count = (uint32_t)number_of(state, SLICE("round"));
    answering->asked = question_member(state, SLICE("asked"));
    return STATUS_OK;
}

/* The client's answer did not pass: what the server gets in its place. */
static void answer_no(struct operation *op, const struct question *question, struct json_place key,
                      const struct question_judgement *judgement, struct buf *out)
{
    struct slice no = question_refusal_result(question);
    op->input.is_noted = true;
    if (judgement->is_malformed) {
        input_refuse_params(op, SLICE("an answer does not fit what was asked"), judgement->code,
                            judgement->reason);
    } else if (no.len == 0) {
        input_refuse_denied(op, &judgement->answer, judgement->reason);
    } else {
        input_append_key(out, key);
        buf_append(out, no);
    }
}

enum status input_judge_answer(struct operation *op, const struct question *question,
                               struct json_place key, struct json_place result, struct buf *out)
{
    struct buf text;
    struct input_note *note = input_add_note(op, question->method, true);
    if (note == NULL) {
        return STATUS_LIMIT;
    }
    buf_init(&text, INPUT_TEXT_BYTES_MAX, &op->account);
    enum status status = question_judge_answer(question, result, &op->gateway->scratch, &op->arena,
                                               &text, &note->judgement);
    if (status == STATUS_OK && note->judgement.is_allowed) {
        input_append_key(out, key);
        buf_append(out, buf_view(&text));
        status = input_note_parts(op, question->method, true, note->judgement.stripped);
    } else if (status == STATUS_OK) {
        answer_no(op, question, key, &note->judgement, out);
    }
    buf_release(&text);
    return status;
}

/* The answer to one of the questions in the state. */
static enum status judge_answer(struct answering *answering, struct json_place key,
                                struct json_place asked, struct json_place result)
{
    struct operation *op = answering->op;
    struct json_place name = question_member(asked, SLICE("method"));
    struct slice method = SLICE_EMPTY;
    TRY(json_string(name.tape, name.ref, &op->arena, &method));
    struct question question =
        input_question(op, mcp_question_find(method), question_member(asked, SLICE("params")));
    return input_judge_answer(op, &question, key, result, &answering->out);
}

/* What is missing the server asks for again. */
static enum status judge_answers(struct answering *answering)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref asked = JSON_NONE;
    const struct json_tape *state = &answering->state;
    json_iter_init(&iter, state, answering->asked.ref);
    while (answering->op->input.next != INPUT_REFUSE && json_iter_next(&iter, &key, &asked)) {
        struct json_place name = {state, key};
        struct slice text = SLICE_EMPTY;
        TRY(json_string(state, key, &answering->op->arena, &text));
        struct json_place result = question_member(answering->responses, text);
        if (result.ref != JSON_NONE) {
            TRY(judge_answer(answering, name, (struct json_place){state, asked}, result));
        }
    }
    return STATUS_OK;
}

enum status input_note_unasked(struct operation *op, struct json_place asked,
                               struct json_place responses)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (responses.ref == JSON_NONE) {
        return STATUS_OK;
    }
    json_iter_init(&iter, responses.tape, responses.ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice name = SLICE_EMPTY;
        TRY(json_string(responses.tape, key, &op->arena, &name));
        if (question_member(asked, name).ref != JSON_NONE) {
            continue;
        }
        struct input_note *note = input_add_note(op, NULL, true);
        if (note == NULL) {
            return STATUS_LIMIT;
        }
        note->judgement.code = "question.unsolicited";
        note->judgement.reason = SLICE("the client answered what was not asked");
        return STATUS_OK;
    }
    return STATUS_OK;
}

/* Members of inputResponses as they go to the server: the client's, and what the gateway kept for
 * now. */
static enum status finish_answers(struct answering *answering)
{
    struct operation *op = answering->op;
    struct json_place ready =
        question_member((struct json_place){&answering->state, 0}, SLICE("ready"));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, &answering->state, ready.ref);
    while (json_iter_next(&iter, &key, &value)) {
        input_append_key(&answering->out, (struct json_place){&answering->state, key});
        buf_append(&answering->out, json_raw(&answering->state, value));
    }
    const struct slice parts[] = {SLICE("{"), buf_view(&answering->out), SLICE("}")};
    TRY(buf_status(&answering->out));
    return answering->out.len == 0
               ? STATUS_OK
               : arena_join(&op->arena, parts, COUNT_OF(parts), &op->input.responses);
}

/* The server hears nothing of it: it must be a "yes", or the request is not made again. */
static enum status check_pages(struct answering *answering)
{
    struct operation *op = answering->op;
    const struct slice parts[] = {SLICE("{"), buf_view(&answering->out), SLICE("}")};
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref asked = JSON_NONE;
    struct json_tape judged;
    struct slice text = SLICE_EMPTY;
    TRY(arena_join(&op->arena, parts, COUNT_OF(parts), &text));
    TRY(json_parse(&op->gateway->parser, text, &op->arena, &judged, NULL));
    json_iter_init(&iter, answering->asked.tape, answering->asked.ref);
    while (json_iter_next(&iter, &key, &asked)) {
        TRY(json_string(answering->asked.tape, key, &op->arena, &text));
        struct json_place action = question_member(
            question_member((struct json_place){&judged, 0}, text), SLICE("action"));
        if (action.ref == JSON_NONE || !json_string_eq(action.tape, action.ref, SLICE("accept"))) {
            struct operation_refusal refusal =
                operation_refusal_of(PRODUCT_UNANSWERED, SLICE_EMPTY);
            refusal.as_tool_result = operation_denies_as_result(op);
            input_refuse(op, &refusal);
        }
    }
    return STATUS_OK;
}

static enum status read_answers(struct answering *answering, struct json_place sealed)
{
    struct operation *op = answering->op;
    struct slice text = SLICE_EMPTY;
    if (sealed.ref == JSON_NONE) {
        op->input.early = answering->responses;
        return STATUS_OK;
    }
    TRY(json_string(sealed.tape, sealed.ref, &op->arena, &text));
    enum status status = take_state(answering, text);
    if (status == STATUS_INVALID) {
        input_refuse_params(
            op, SLICE("the request state is not valid"), "state.unknown",
            SLICE("the state is not of this caller, server, target and arguments, or it "
                  "has expired"));
        return STATUS_OK;
    }
    TRY(status);
    struct json_place state = {&answering->state, 0};
    if (question_member(state, SLICE("held")).ref != JSON_NONE) {
        return held_call_claim(op, state, answering->responses);
    }
    TRY(input_note_unasked(op, answering->asked, answering->responses));
    TRY(judge_answers(answering));
    if (question_member(state, SLICE("pages")).ref != JSON_NONE) {
        return op->input.next == INPUT_REFUSE ? STATUS_OK : check_pages(answering);
    }
    return op->input.next == INPUT_REFUSE ? STATUS_OK : finish_answers(answering);
}

enum stage_result operation_stage_read_answers(struct operation *op)
{
    static const struct slice NAMES[] = {SLICE_INIT("requestState"), SLICE_INIT("inputResponses")};
    const struct json_tape *tape = &op->message.tape;
    json_ref values[COUNT_OF(NAMES)];
    (void)json_members(tape, op->message.params, NAMES, COUNT_OF(NAMES), values);
    struct json_place sealed = {tape, values[0]};
    struct answering answering = {
        .op = op, .asked = {NULL, JSON_NONE}, .responses = {tape, values[1]}};
    bool is_repeated = op->input.next == INPUT_REPEAT;
    op->input.next = INPUT_NONE;
    if (is_repeated || !operation_may_ask(op) ||
        (sealed.ref == JSON_NONE && answering.responses.ref == JSON_NONE)) {
        return STAGE_DONE;
    }
    if ((sealed.ref != JSON_NONE && !is_a(sealed, JSON_STRING)) ||
        (answering.responses.ref != JSON_NONE && !is_a(answering.responses, JSON_OBJECT))) {
        input_refuse_params(op, SLICE("the answers must be an object, the request state a text"),
                            "mcp.params", SLICE_EMPTY);
        return STAGE_REFUSE;
    }
    buf_init(&answering.out, INPUT_TEXT_BYTES_MAX, &op->account);
    enum status status = read_answers(&answering, sealed);
    buf_release(&answering.out);
    op->wait_status = STATUS_OK;
    return status == STATUS_OK ? STAGE_DONE
                               : operation_refuse_overload(op, "no memory for the answers");
}

/* A refusal of answers is recorded with them; one without a note has a record of its own. */
enum stage_result operation_stage_check_answers(struct operation *op)
{
    if (op->input.next != INPUT_REFUSE) {
        return STAGE_DONE;
    }
    op->has_outcome = op->input.is_noted;
    return STAGE_REFUSE;
}
