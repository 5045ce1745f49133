/* What servers say of skills and folders (SEP-2640): judged before the outcome is recorded. */
#include "core/gateway/input_shared.h"
#include "core/gateway/question_shape.h"
#include "core/gateway/skill.h"

static enum stage_result fail(struct operation *op, enum status status, const char *code,
                              const char *why)
{
    op->call.failure = diag_fail(&op->call.diag, status, code, "%s", why);
    return STAGE_DONE;
}

static enum stage_result fail_protocol(struct operation *op, const char *why)
{
    return fail(op, STATUS_INVALID, "upstream.protocol", why);
}

static enum stage_result fail_memory(struct operation *op)
{
    return fail(op, STATUS_LIMIT, "upstream.too_large", "no memory to judge the answer");
}

/* -- skills ---------------------------------------------------------------------------------- */

struct reader {
    struct operation *operation;
    struct carried_rules rules;
    struct question_judgement judgement; /* of the last file */
    enum status status;
};

/* A file that an entry names is a link. */
static bool may_read(void *context, struct slice uri)
{
    struct reader *reader = context;
    struct operation *op = reader->operation;
    reader->status = carried_judge_link(&reader->rules, uri, &op->gateway->scratch, &op->arena,
                                        &reader->judgement);
    return reader->status == STATUS_OK && reader->judgement.is_allowed;
}

/* Without one of its files it would be another skill. The file has a record, the others none. */
static enum stage_result refuse_skill(struct operation *op, const struct reader *reader)
{
    const struct question_judgement *judgement = &reader->judgement;
    if (reader->status != STATUS_OK ||
        input_note_parts(op, mcp_method_of_read(), false, judgement) != STATUS_OK) {
        return fail_memory(op);
    }
    struct operation_refusal refusal =
        operation_refusal_of(PRODUCT_POLICY_DENIED, SLICE("a file of the skill may not be read"));
    if (judgement->answer.reason.len > 0) {
        refusal.text = judgement->answer.reason;
    }
    input_refuse(op, &refusal);
    return STAGE_DONE;
}

static enum stage_result judge_skill(struct operation *op)
{
    struct json_place result = {&op->call.answer, op->call.result};
    struct reader reader = {.operation = op, .rules = operation_carried_rules(op)};
    struct skill_rules rules = {may_read, &reader};
    struct json_place entry = question_member(result, SLICE("skill"));
    struct diag diag = {0};
    struct skill skill = {0};
    enum status status = skill_read(entry, &rules, &op->arena, &skill, &diag);
    if (status != STATUS_OK) {
        return status == STATUS_LIMIT ? fail_memory(op) : fail_protocol(op, diag.message);
    }
    if (!slice_eq(skill.uri, op->name)) {
        return fail_protocol(op, "the skill is another one than was asked for");
    }
    return skill.is_readable ? STAGE_DONE : refuse_skill(op, &reader);
}

/* -- directories ----------------------------------------------------------------------------- */

/* The answer as the one page of a list with one part. */
static enum status begin_directory(struct operation *op, struct json_place items)
{
    struct list_page *page = arena_alloc(&op->arena, sizeof(*page));
    op->parts = arena_alloc_zero(&op->arena, 1, sizeof(*op->parts));
    if (page == NULL || op->parts == NULL) {
        op->parts = NULL;
        return STATUS_LIMIT;
    }
    *page = (struct list_page){NULL, op->call.answer, items.ref};
    op->list = op->message.method;
    op->part_count = 1;
    op->parts[0] = (struct list_part){.operation = op,
                                      .server_index = op->server_index,
                                      .page_count = 1,
                                      .is_complete = true,
                                      .pages = page,
                                      .last_page = page};
    return STATUS_OK;
}

static enum stage_result judge_directory(struct operation *op)
{
    struct json_place result = {&op->call.answer, op->call.result};
    struct json_place items = question_member(result, op->message.method->list_member);
    bool has_more = false;
    if (items.ref == JSON_NONE || json_type(items.tape, items.ref) != JSON_ARRAY) {
        return fail_protocol(op, "the result is no list of what is in a directory");
    }
    if (operation_is_stopped(op)) {
        op->call.failure = op->wait_status;
        op->call.diag = op->wait_diag;
        return STAGE_DONE;
    }
    enum status status = op->judging == NULL ? begin_directory(op, items) : STATUS_OK;
    if (status == STATUS_OK) {
        status = operation_judge_items(op, &has_more);
    }
    if (status != STATUS_OK) {
        return fail_memory(op);
    }
    return has_more ? operation_pause(op) : STAGE_DONE;
}

enum stage_result operation_stage_judge_entries(struct operation *op)
{
    const struct mcp_method *method = op->message.method;
    if (method->extension == 0 || op->call.failure != STATUS_OK || op->call.result == JSON_NONE ||
        op->input.next != INPUT_NONE) {
        return STAGE_DONE;
    }
    return method->list_member.len > 0 ? judge_directory(op) : judge_skill(op);
}
