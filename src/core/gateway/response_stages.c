/* What a client answers to a server's question. The answer to the answer is 202 whatever comes of
 * it: late, repeated and invented ones are dropped, and recorded. */
#include "core/gateway/asking.h"
#include "core/gateway/operation.h"

#include <string.h>

/* Each root that the server does not get has a record. */
static void record_stripped(struct operation *op, const struct question *question,
                            const struct question_judgement *judgement)
{
    for (const struct question_judgement *one = judgement->stripped; one != NULL; one = one->next) {
        struct audit_record record = {0};
        operation_fill_record(op, &record);
        question_describe(question, one, true, &record);
        (void)!operation_append_record(op, &record, NULL);
    }
}

/* The outcome for the server lands in the reply; empty: its client's "no". */
static enum status judge(struct operation *op, const struct question *question,
                         struct audit_record *record)
{
    struct json_place result = {&op->message.tape, op->message.result};
    struct question_judgement judgement;
    TRY(question_judge_answer(question, result, &op->gateway->scratch, &op->arena, &op->reply,
                              &judgement));
    if (!judgement.is_allowed) {
        buf_clear(&op->reply);
        op->answer = judgement.answer;
    }
    record_stripped(op, question, &judgement);
    question_describe(question, &judgement, true, record);
    return buf_status(&op->reply);
}

/* A client that could not answer, or whose user did not want to: the server hears "no". */
static void describe_error(const struct question *question, struct audit_record *record)
{
    struct question_judgement judgement = {.code = "client.error",
                                           .target = question->scene.server};
    question_describe(question, &judgement, true, record);
    record->type = AUDIT_AUTHZ_ALLOW;
    record->decision = AUDIT_DECISION_NONE;
}

static void describe_stray(struct audit_record *record)
{
    record->type = AUDIT_WIRE_REJECT;
    record->phase = AUDIT_EVENT;
    record->code = SLICE("response.unknown");
    record->reason = SLICE("no question waits for this answer");
}

static enum stage_result stage_judge_answer(struct operation *op)
{
    struct audit_record record = {0};
    struct question question;
    int64_t id = 0;
    if (slice_to_i64(op->message.answered_id, &id) == STATUS_OK) {
        asking_take(op->client, id, op);
    }
    if (op->asking == NULL) {
        operation_fill_record(op, &record);
        describe_stray(&record);
        return operation_record_as(op, &record, false);
    }
    /* Question and answer are told of under the decision about the call they belong to. */
    memcpy(op->decision_id, op->asking->operation->decision_id, sizeof(op->decision_id));
    operation_fill_record(op, &record);
    question = op->asking->question;
    question.scene = operation_question(op, op->asking->operation->server_index);
    if (op->message.result == JSON_NONE) {
        describe_error(&question, &record);
    } else if (judge(op, &question, &record) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the answer");
    }
    /* What the client tells leaves for the server: intent before effect. */
    return operation_record_as(op, &record, true);
}

static enum stage_result stage_send_answer(struct operation *op)
{
    asking_answer(op, buf_view(&op->reply));
    buf_clear(&op->reply);
    operation_answer(op, 202);
    return STAGE_DONE;
}

const struct stage OPERATION_RESPONSE_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"judge_answer", stage_judge_answer},
    {"check_record", operation_stage_check_record},
    {"send_answer", stage_send_answer},
    {NULL, NULL},
};
