/* What a server asks on the stream of its session, which belongs to no request of its client: an
 * operation that ends with its question. The client is asked on its standalone stream. */
#include "core/gateway/asking.h"
#include "core/gateway/operation.h"
#include "core/gateway/server_message.h"
#include "core/gateway/server_reply.h"

/* A server that breaks the protocol on its stream has no stream any more. */
static enum stage_result record_broken(struct operation *op)
{
    struct audit_record record = {0};
    operation_fill_record(op, &record);
    record.type = AUDIT_UPSTREAM_PROTOCOL;
    record.phase = AUDIT_EVENT;
    record.direction = SLICE("server");
    record.code = SLICE("upstream.protocol");
    record.reason = SLICE("a message on the stream of the session breaks the protocol");
    return operation_record_as(op, &record, false);
}

/* The server waits for something, whatever happens here. */
static void refuse_unasked(struct operation *op, const struct json_tape *tape)
{
    server_reply(op->session, json_raw(tape, json_member(tape, 0, SLICE("id"))),
                 SLICE("\"error\":{\"code\":-32603,\"message\":\"the question cannot be asked\"}"));
}

static enum stage_result stage_ask(struct operation *op)
{
    struct json_tape tape;
    if (json_parse(&op->gateway->parser, op->body, &op->arena, &tape, NULL) != STATUS_OK ||
        !server_message_is_rpc(&tape) || !server_message_is_question(&tape)) {
        return record_broken(op);
    }
    if (!operation_waits(op)) {
        refuse_unasked(op, &tape);
        return STAGE_DONE;
    }
    if (!asking_begin(op, &tape)) {
        refuse_unasked(op, &tape);
    }
    if (op->asking_count == 0) {
        child_cancel(&op->pause);
    }
    return op->children.count > 0 ? STAGE_WAIT : STAGE_DONE;
}

const struct stage OPERATION_STANDING_STAGES[] = {
    {"ask", stage_ask},
    {NULL, NULL},
};
