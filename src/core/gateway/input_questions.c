#include "base/base64.h"
#include "core/gateway/asking.h"
#include "core/gateway/input_shared.h"
#include "core/gateway/question_shape.h"
#include "json/writer.h"

#define ERROR_URL_REQUIRED (-32042) /* MCP 2025-11-25, elicitation */
#define PAGE_NAME_BYTES_MAX 64

static bool is_a(struct json_place place, enum json_type type)
{
    return place.ref != JSON_NONE && json_type(place.tape, place.ref) == type;
}

struct mcp_client_capabilities operation_offer(struct operation *op)
{
    struct mcp_client_capabilities offer = {0};
    bool may_ask = operation_may_ask(op) || op->message.method->kind == MCP_KIND_TASK;
    if (op->session->is_modern && may_ask && !mcp_capabilities_is_empty(&op->declared)) {
        struct policy_question scene = operation_question(op, op->server_index);
        offer = question_reduce(&scene, &op->declared, &op->gateway->scratch);
    }
    offer.extensions = operation_extensions(op, op->server_index);
    return offer;
}

/* One result with questions on its way to the client. */
struct round {
    struct operation *op;
    struct buf requests; /* members of inputRequests for the client */
    struct buf kept;     /* the same for the state, without what is long */
    struct buf ready;    /* members of inputResponses that the client is not asked for */
    bool is_of_error;    /* pages to open before the request is made again */
};

/* The questions themselves break the protocol: then the call has failed. */
static void fail_protocol(struct operation *op, const char *what)
{
    op->call.failure = diag_fail(&op->call.diag, STATUS_INVALID, "upstream.protocol", "%s", what);
}

/* Nothing more is to be judged. */
static bool is_decided(const struct operation *op)
{
    return op->input.next == INPUT_REFUSE || op->call.failure != STATUS_OK;
}

static void append_question(struct buf *out, struct json_place key, struct slice method,
                            struct slice params)
{
    input_append_key(out, key);
    buf_append(out, SLICE("{\"method\":"));
    buf_append_json_string(out, method);
    if (params.len > 0) {
        buf_append(out, SLICE(",\"params\":"));
        buf_append(out, params);
    }
    buf_append_byte(out, '}');
}

/* For the answer it matters what was asked, not what was said before. */
static enum status keep_question(struct round *round, struct json_place key, struct slice method,
                                 struct slice params)
{
    static const struct slice LONG[] = {SLICE_INIT("messages"), SLICE_INIT("systemPrompt")};
    struct operation *op = round->op;
    struct json_edit edits[COUNT_OF(LONG)];
    size_t count = 0;
    struct json_tape tape;
    struct buf text;
    if (params.len == 0) {
        append_question(&round->kept, key, method, params);
        return buf_status(&round->kept);
    }
    TRY(json_parse(&op->gateway->parser, params, &op->arena, &tape, NULL));
    for (size_t i = 0; i < COUNT_OF(LONG); i++) {
        json_ref ref = json_member(&tape, 0, LONG[i]);
        if (ref != JSON_NONE) {
            edits[count++] = (struct json_edit){JSON_EDIT_REMOVE, ref, SLICE_EMPTY};
        }
    }
    buf_init(&text, INPUT_TEXT_BYTES_MAX, &op->account);
    json_write(&text, &tape, 0, edits, count);
    append_question(&round->kept, key, method, buf_view(&text));
    enum status status = buf_status(&text) == STATUS_OK ? buf_status(&round->kept) : STATUS_LIMIT;
    buf_release(&text);
    return status;
}

/* Did the client answer before it was asked? What counts is what it would have got. */
static enum status take_early(struct round *round, struct json_place key,
                              const struct question *question, struct slice params, bool *is_taken)
{
    struct operation *op = round->op;
    struct question asked = *question;
    struct slice name = SLICE_EMPTY;
    struct json_tape tape;
    TRY(json_string(key.tape, key.ref, &op->arena, &name));
    struct json_place result = question_member(op->input.early, name);
    *is_taken = result.ref != JSON_NONE;
    if (!*is_taken) {
        return STATUS_OK;
    }
    asked.params = (struct json_place){NULL, JSON_NONE};
    if (params.len > 0) {
        TRY(json_parse(&op->gateway->parser, params, &op->arena, &tape, NULL));
        asked.params = (struct json_place){&tape, 0};
    }
    return input_judge_answer(op, &asked, key, result, &round->ready);
}

/* The question passed: it goes to the client, unless that has answered. */
static enum status pass_question(struct round *round, struct json_place key,
                                 const struct question *question, struct slice params)
{
    struct operation *op = round->op;
    bool is_taken = false;
    if (op->client != NULL) {
        return asking_add(op, json_raw(key.tape, key.ref), question, params) ? STATUS_OK
                                                                             : STATUS_LIMIT;
    }
    TRY(take_early(round, key, question, params, &is_taken));
    if (is_taken) {
        return STATUS_OK;
    }
    append_question(&round->requests, key, question->method->name, params);
    return keep_question(round, key, question->method->name, params);
}

static enum status judge_question(struct round *round, struct json_place key,
                                  const struct question *question)
{
    struct operation *op = round->op;
    struct slice no = question_refusal_result(question);
    struct input_note *note = input_add_note(op, question->method, false);
    struct buf params;
    if (note == NULL) {
        return STATUS_LIMIT;
    }
    buf_init(&params, INPUT_TEXT_BYTES_MAX, &op->account);
    enum status status =
        question_judge(question, &op->gateway->scratch, &op->arena, &params, &note->judgement);
    if (status == STATUS_OK) {
        status = input_note_parts(op, mcp_method_of_read(), false, note->judgement.carried);
    }
    if (status == STATUS_OK && note->judgement.is_allowed) {
        status = pass_question(round, key, question, buf_view(&params));
    } else if (status == STATUS_OK && no.len > 0) {
        input_append_key(&round->ready, key);
        buf_append(&round->ready, no);
    } else if (status == STATUS_OK) {
        /* A sampled message cannot say no (MCP 2026-07-28): the call ends here. */
        input_refuse_denied(op, &note->judgement.answer, note->judgement.reason);
    }
    buf_release(&params);
    return status;
}

/* Nobody has this decision id but the round, and no other question of it this number. */
static enum status name_page(struct operation *op, struct slice *out)
{
    struct buf text;
    buf_init(&text, PAGE_NAME_BYTES_MAX, &op->account);
    base64_encode(&text, slice_of(op->decision_id, sizeof(op->decision_id)), BASE64_URL_UNPADDED);
    buf_append_byte(&text, '-');
    buf_append_u64(&text, op->asked_count++);
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        status = arena_copy(&op->arena, buf_view(&text), out);
    }
    buf_release(&text);
    return status;
}

/* One member of inputRequests: a method, its parameters, nothing else. */
static enum status read_question(struct round *round, struct json_place key,
                                 struct json_place value)
{
    struct operation *op = round->op;
    struct json_place name = question_member(value, SLICE("method"));
    struct json_place params = question_member(value, SLICE("params"));
    uint32_t known = (name.ref == JSON_NONE ? 0U : 1U) + (params.ref == JSON_NONE ? 0U : 1U);
    struct slice text = SLICE_EMPTY;
    if (!is_a(value, JSON_OBJECT) || !is_a(name, JSON_STRING) ||
        json_count(value.tape, value.ref) != known) {
        fail_protocol(op, "a question of the server cannot be read");
        return STATUS_OK;
    }
    TRY(json_string(name.tape, name.ref, &op->arena, &text));
    const struct mcp_method *method = mcp_question_find(text);
    if (method == NULL) {
        fail_protocol(op, "the server asked for something that no client can be asked");
        return STATUS_OK;
    }
    struct question question = input_question(op, method, params);
    if (op->revision == MCP_2025_11_25) {
        TRY(name_page(op, &question.elicitation_id));
    }
    return judge_question(round, key, &question);
}

static enum status read_questions(struct round *round, struct json_place requests)
{
    struct operation *op = round->op;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (requests.ref == JSON_NONE) {
        return STATUS_OK;
    }
    json_iter_init(&iter, requests.tape, requests.ref);
    while (!is_decided(op) && json_iter_next(&iter, &key, &value)) {
        TRY(read_question(round, (struct json_place){requests.tape, key},
                          (struct json_place){requests.tape, value}));
    }
    return STATUS_OK;
}

static void write_state(const struct round *round, struct buf *out)
{
    const struct input_rounds *input = &round->op->input;
    buf_append(out, SLICE("{\"expires\":"));
    buf_append_i64(out, input_now_s(round->op) + INPUT_STATE_LIFETIME_S);
    buf_append(out, SLICE(",\"round\":"));
    buf_append_u64(out, input->count);
    if (round->is_of_error) {
        buf_append(out, SLICE(",\"pages\":true"));
    } else if (input->state.len > 0) {
        buf_append(out, SLICE(",\"state\":"));
        buf_append(out, input->state);
    }
    buf_append(out, SLICE(",\"asked\":{"));
    buf_append(out, buf_view(&round->kept));
    buf_append(out, SLICE("},\"ready\":{"));
    buf_append(out, buf_view(&round->ready));
    buf_append(out, SLICE("}}"));
}

/* The state goes to the client under our seal, always: only so is it known at the next round what
 * was asked, and of whom. The server gets its own back byte for byte. */
static enum status seal_state(const struct round *round)
{
    struct operation *op = round->op;
    struct buf text;
    buf_init(&text, INPUT_TEXT_BYTES_MAX, &op->account);
    write_state(round, &text);
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        status = input_seal(op, buf_view(&text), false, &op->input.sealed);
    }
    buf_release(&text);
    return status;
}

/* Ask the client what is left to ask; when nothing is, answer for it. */
static enum status finish_questions(struct round *round)
{
    struct operation *op = round->op;
    const struct slice no[] = {SLICE("{"), buf_view(&round->ready), SLICE("}")};
    TRY(buf_status(&round->requests));
    TRY(buf_status(&round->ready));
    if (round->requests.len == 0 && round->ready.len > 0 && op->asking_count == 0) {
        op->input.next = INPUT_REPEAT;
        return arena_join(&op->arena, no, COUNT_OF(no), &op->input.responses);
    }
    op->input.next = INPUT_ASK;
    if (op->client != NULL) {
        return arena_copy(&op->arena, buf_view(&round->ready), &op->input.ready);
    }
    TRY(arena_copy(&op->arena, buf_view(&round->requests), &op->input.requests));
    return seal_state(round);
}

static enum status judge_questions(struct round *round)
{
    struct operation *op = round->op;
    struct json_place result = {&op->call.answer, op->call.result};
    struct json_place requests = question_member(result, SLICE("inputRequests"));
    struct json_place state = question_member(result, SLICE("requestState"));
    bool has_requests = requests.ref != JSON_NONE;
    bool is_well_formed = (!has_requests || is_a(requests, JSON_OBJECT)) &&
                          (state.ref == JSON_NONE || is_a(state, JSON_STRING)) &&
                          (has_requests || state.ref != JSON_NONE);
    if (!is_well_formed || (has_requests && json_count(requests.tape, requests.ref) >
                                                op->gateway->limits.round_questions)) {
        fail_protocol(op, "the questions of the server cannot be read");
        return STATUS_OK;
    }
    if (++op->input.count > op->gateway->limits.question_rounds) {
        fail_protocol(op, "the server asked again and again");
        return STATUS_OK;
    }
    op->input.state = state.ref == JSON_NONE ? SLICE_EMPTY : json_raw(state.tape, state.ref);
    op->input.responses = SLICE_EMPTY;
    TRY(read_questions(round, requests));
    return is_decided(op) ? STATUS_OK : finish_questions(round);
}

static enum status judge_task(struct round *round, struct json_place requests)
{
    struct operation *op = round->op;
    struct json_place early = op->input.early;
    if (requests.ref != JSON_NONE &&
        json_count(requests.tape, requests.ref) > op->gateway->limits.round_questions) {
        fail_protocol(op, "the questions of the server cannot be read");
        return STATUS_OK;
    }
    TRY(read_questions(round, requests));
    if (is_decided(op)) {
        return STATUS_OK;
    }
    op->input.early = (struct json_place){NULL, JSON_NONE};
    TRY(early.tape == NULL ? STATUS_OK : input_note_unasked(op, requests, early));
    TRY(buf_status(&round->requests));
    TRY(buf_status(&round->ready));
    TRY(arena_copy(&op->arena, buf_view(&round->requests), &op->input.requests));
    const struct slice ready[] = {SLICE("{"), buf_view(&round->ready), SLICE("}")};
    return round->ready.len == 0
               ? STATUS_OK
               : arena_join(&op->arena, ready, COUNT_OF(ready), &op->input.responses);
}

static void init_round(struct round *round)
{
    buf_init(&round->requests, INPUT_TEXT_BYTES_MAX, &round->op->account);
    buf_init(&round->kept, INPUT_TEXT_BYTES_MAX, &round->op->account);
    buf_init(&round->ready, INPUT_TEXT_BYTES_MAX, &round->op->account);
}

static void release_round(struct round *round)
{
    buf_release(&round->requests);
    buf_release(&round->kept);
    buf_release(&round->ready);
}

/* of_task NULL: what is asked is in the answer to a call. */
static enum status take_questions(struct operation *op, const struct json_place *of_task)
{
    struct round round = {.op = op};
    init_round(&round);
    enum status status = of_task != NULL ? judge_task(&round, *of_task) : judge_questions(&round);
    release_round(&round);
    return status;
}

enum status input_judge_task(struct operation *op, struct json_place requests)
{
    return take_questions(op, &requests);
}

/* -- errors that ask ------------------------------------------------------------------------ */

/* A server that needs an address opened, and cannot be asked anything more: it is not shown. */
static enum status refuse_pages(struct operation *op)
{
    struct input_note *note =
        input_add_note(op, mcp_question_find(SLICE("elicitation/create")), false);
    if (note == NULL) {
        return STATUS_LIMIT;
    }
    note->judgement.code = "question.url_error";
    note->judgement.reason = SLICE("the server answered with addresses to open");
    input_refuse_denied(op, &note->judgement.answer, note->judgement.reason);
    return STATUS_OK;
}

/* The elements of an array as members of inputRequests, and nothing but pages. */
static enum status write_pages(struct operation *op, struct json_place pages, struct json_tape *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref page = JSON_NONE;
    int64_t number = 0;
    struct buf text;
    struct slice kept = SLICE_EMPTY;
    buf_init(&text, INPUT_TEXT_BYTES_MAX, &op->account);
    buf_append_byte(&text, '{');
    json_iter_init(&iter, pages.tape, pages.ref);
    while (json_iter_next(&iter, &key, &page)) {
        buf_append(&text, number == 0 ? SLICE("\"") : SLICE(",\""));
        buf_append_i64(&text, ++number);
        buf_append(&text, SLICE("\":{\"method\":\"elicitation/create\",\"params\":"));
        buf_append(&text, json_raw(pages.tape, page));
        buf_append_byte(&text, '}');
    }
    buf_append_byte(&text, '}');
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        status = arena_copy(&op->arena, buf_view(&text), &kept);
    }
    buf_release(&text);
    return status == STATUS_OK ? json_parse(&op->gateway->parser, kept, &op->arena, out, NULL)
                               : status;
}

static bool are_pages(const struct operation *op, struct json_place pages)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref page = JSON_NONE;
    if (!is_a(pages, JSON_ARRAY) || json_count(pages.tape, pages.ref) == 0 ||
        json_count(pages.tape, pages.ref) > op->gateway->limits.round_questions) {
        return false;
    }
    json_iter_init(&iter, pages.tape, pages.ref);
    while (json_iter_next(&iter, &key, &page)) {
        struct json_place mode =
            question_member((struct json_place){pages.tape, page}, SLICE("mode"));
        if (mode.ref == JSON_NONE || !json_string_eq(mode.tape, mode.ref, SLICE("url"))) {
            return false;
        }
    }
    return true;
}

/* The server cannot be told of a "no": one page that must not be opened ends the call. */
static enum status judge_pages(struct round *round, struct json_place pages)
{
    struct operation *op = round->op;
    struct json_place early = op->input.early;
    struct json_tape requests;
    TRY(write_pages(op, pages, &requests));
    op->input.early = (struct json_place){NULL, JSON_NONE};
    TRY(read_questions(round, (struct json_place){&requests, 0}));
    op->input.early = early;
    for (const struct input_note *note = op->input.notes; note != NULL; note = note->next) {
        if (!note->judgement.is_allowed && !is_decided(op)) {
            input_refuse_denied(op, &note->judgement.answer, note->judgement.reason);
        }
    }
    if (is_decided(op)) {
        return STATUS_OK;
    }
    op->input.next = INPUT_ASK;
    round->is_of_error = true;
    TRY(buf_status(&round->requests));
    TRY(arena_copy(&op->arena, buf_view(&round->requests), &op->input.requests));
    return seal_state(round);
}

/* MCP 2025-11-25: a legacy server's error with addresses to open before the request is made again.
 * A modern client is asked to, and makes it again. */
static enum status take_url_error(struct operation *op)
{
    struct json_place error = {&op->call.answer, op->call.error};
    struct json_place pages =
        question_member(question_member(error, SLICE("data")), SLICE("elicitations"));
    struct round round = {.op = op};
    if (op->call.is_modern || op->client != NULL || !operation_may_ask(op) ||
        !are_pages(op, pages) || ++op->input.count > op->gateway->limits.question_rounds) {
        return refuse_pages(op);
    }
    init_round(&round);
    enum status status = judge_pages(&round, pages);
    release_round(&round);
    return status;
}

/* What the server needs, the client has, and the server was not told: the name of the method, or
 * empty. */
static struct slice taken_method(const struct mcp_client_capabilities *needed,
                                 const struct mcp_client_capabilities *declared,
                                 const struct mcp_client_capabilities *offered)
{
    if ((needed->has_sampling && declared->has_sampling && !offered->has_sampling) ||
        (needed->has_sampling_tools && declared->has_sampling_tools &&
         !offered->has_sampling_tools)) {
        return SLICE("sampling/createMessage");
    }
    if (needed->has_roots && declared->has_roots && !offered->has_roots) {
        return SLICE("roots/list");
    }
    if ((needed->has_form && declared->has_form && !offered->has_form) ||
        (needed->has_url && declared->has_url && !offered->has_url)) {
        return SLICE("elicitation/create");
    }
    return SLICE_EMPTY;
}

/* The client does have it: that a policy took it away is ours to say (MCP reference, section 9). */
static enum status take_capability_error(struct operation *op)
{
    struct json_place error = {&op->call.answer, op->call.error};
    struct json_place needed_place =
        question_member(question_member(error, SLICE("data")), SLICE("requiredCapabilities"));
    struct mcp_client_capabilities needed =
        mcp_capabilities_read(needed_place.tape, needed_place.ref);
    if ((needed.extensions & op->declared.extensions & ~op->input.offered.extensions) != 0) {
        input_refuse_denied(op, &(struct policy_answer){0},
                            SLICE("the extension is not listed for the server"));
        return STATUS_OK;
    }
    struct slice method = taken_method(&needed, &op->declared, &op->input.offered);
    op->input.lacks_capability = method.len == 0 && mcp_revision_is_modern(op->revision);
    if (method.len == 0) {
        return STATUS_OK;
    }
    struct question question =
        input_question(op, mcp_question_find(method), (struct json_place){NULL, JSON_NONE});
    struct input_note *note = input_add_note(op, question.method, false);
    if (note == NULL) {
        return STATUS_LIMIT;
    }
    question_explain(&question, &op->gateway->scratch, &op->arena, &note->judgement);
    input_refuse_denied(op, &note->judgement.answer, note->judgement.reason);
    return STATUS_OK;
}

static enum status take_error(struct operation *op)
{
    struct json_place code =
        question_member((struct json_place){&op->call.answer, op->call.error}, SLICE("code"));
    int64_t number = 0;
    TRY(json_integer(code.tape, code.ref, &number));
    if (number == ERROR_URL_REQUIRED) {
        return take_url_error(op);
    }
    bool is_modern = op->call.is_modern || mcp_revision_is_modern(op->revision);
    if (is_modern && (number == MCP_ERROR_VERSION || number == MCP_ERROR_HEADER_MISMATCH)) {
        /* It speaks of our request. The client's had other fields, and perhaps another revision. */
        op->call.failure = diag_fail(&op->call.diag, STATUS_INVALID, "upstream.protocol",
                                     "the server does not take our revision or fields");
        return STATUS_OK;
    }
    return number == MCP_ERROR_CAPABILITY && op->call.is_modern ? take_capability_error(op)
                                                                : STATUS_OK;
}

static enum status take_answer(struct operation *op)
{
    if (op->call.failure != STATUS_OK) {
        return STATUS_OK;
    }
    if (op->call.error != JSON_NONE) {
        return take_error(op);
    }
    return op->call.asks ? take_questions(op, NULL) : STATUS_OK;
}

/* Answers that came too early and were not asked for now are dropped. */
static enum status drop_early(struct operation *op)
{
    struct json_place early = op->input.early;
    bool asks = op->call.failure == STATUS_OK && op->call.asks;
    struct json_place result = {&op->call.answer, asks ? op->call.result : JSON_NONE};
    op->input.early = (struct json_place){NULL, JSON_NONE};
    return early.tape == NULL
               ? STATUS_OK
               : input_note_unasked(op, question_member(result, SLICE("inputRequests")), early);
}

enum stage_result operation_stage_judge_questions(struct operation *op)
{
    op->call.failure = op->wait_status;
    diag_copy(&op->call.diag, &op->wait_diag);
    op->wait_status = STATUS_OK;
    enum status status = take_answer(op);
    if (status == STATUS_OK) {
        status = drop_early(op);
    }
    if (status == STATUS_UNAVAILABLE) {
        op->call.failure = diag_fail(&op->call.diag, status, "gateway.seal",
                                     "the state of the call could not be sealed");
    } else if (status != STATUS_OK) {
        op->call.failure = diag_fail(&op->call.diag, STATUS_LIMIT, "upstream.too_large",
                                     "the server asks for more than can be kept");
    }
    return STAGE_DONE;
}

void operation_write_questions(struct operation *op)
{
    operation_result_begin(op);
    buf_append(&op->reply, SLICE("\"resultType\":\"input_required\""));
    if (op->input.requests.len > 0) {
        buf_append(&op->reply, SLICE(",\"inputRequests\":{"));
        buf_append(&op->reply, op->input.requests);
        buf_append_byte(&op->reply, '}');
    }
    buf_append(&op->reply, SLICE(",\"requestState\":\""));
    buf_append(&op->reply, op->input.sealed);
    buf_append(&op->reply, SLICE("\"}}"));
}
