/* What a modern server asks of a legacy client: each question of a round goes to it as a request,
 * and when all of them are over, the call is made again with the answers (MCP reference, bridging
 * eras). What the client is not asked has its answer in input.ready by then. */
#include "core/gateway/asking.h"
#include "core/gateway/input_shared.h"

static bool is_round_of_legacy(const struct operation *op)
{
    return op->input.next == INPUT_ASK && op->client != NULL && op->call.failure == STATUS_OK;
}

enum stage_result operation_stage_ask_client(struct operation *op)
{
    op->wait_status = STATUS_OK;
    if (!is_round_of_legacy(op) || operation_is_stopped(op)) {
        return STAGE_DONE;
    }
    if (op->askings == NULL && op->input.ready.len == 0) {
        return operation_rest(op, INPUT_PAUSE_MS);
    }
    for (struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        asking_send(asking);
    }
    return op->asking_count > 0 ? STAGE_WAIT : STAGE_DONE;
}

/* A sampled message cannot say no (MCP 2026-07-28): without it the call ends. */
static enum stage_result refuse_unanswered(struct operation *op, const struct asking *asking)
{
    bool is_denied = asking->reason.len > 0;
    struct operation_refusal refusal = operation_refusal_of(PRODUCT_UNANSWERED, SLICE_EMPTY);
    refusal.text = is_denied ? asking->reason : refusal.text;
    refusal.as_tool_result =
        op->message.method->primitive == MCP_TOOL && !operation_server(op)->deny_as_error;
    op->has_outcome = false;
    return operation_refuse(op, &refusal);
}

enum stage_result operation_stage_gather_answers(struct operation *op)
{
    struct buf members;
    if (!is_round_of_legacy(op)) {
        return STAGE_DONE;
    }
    if (op->wait_status != STATUS_OK) {
        op->has_outcome = false;
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    buf_init(&members, INPUT_TEXT_BYTES_MAX, &op->account);
    buf_append(&members, op->input.ready);
    for (const struct asking *asking = op->askings; asking != NULL; asking = asking->next) {
        if (asking->result.len == 0) {
            buf_release(&members);
            return refuse_unanswered(op, asking);
        }
        buf_append(&members, members.len == 0 ? SLICE_EMPTY : SLICE(","));
        buf_append(&members, asking->server_id);
        buf_append_byte(&members, ':');
        buf_append(&members, asking->result);
    }
    asking_free_all(op);
    op->input.next = INPUT_REPEAT;
    const struct slice parts[] = {SLICE("{"), buf_view(&members), SLICE("}")};
    enum status status = buf_status(&members);
    if (status == STATUS_OK && members.len > 0) {
        status = arena_join(&op->arena, parts, COUNT_OF(parts), &op->input.responses);
    }
    buf_release(&members);
    return status == STATUS_OK ? STAGE_DONE
                               : operation_refuse_overload(op, "no memory for the answers");
}
