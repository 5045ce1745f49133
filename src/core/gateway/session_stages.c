/* What a client asks of its session without a message: its stream of events, and its end. */
#include "core/gateway/client_stream.h"
#include "core/gateway/operation.h"

/* Another one would split what the client gets between two streams (as SDK servers answer). */
static enum stage_result stage_check_stream(struct operation *op)
{
    if (op->gateway->is_draining) {
        return operation_refuse_overload(op, "the gateway is stopping");
    }
    if (op->client->is_over) {
        return operation_refuse_session(op, "session.over");
    }
    if (op->client->stream == NULL) {
        return STAGE_DONE;
    }
    return operation_refuse(op,
                            &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                        .http_status = 409,
                                                        .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                                        .text = SLICE("the session has a stream"),
                                                        .code = "stream.exists"});
}

/* The stream outlives the operation. */
static enum stage_result stage_open_stream(struct operation *op)
{
    struct exchange *exchange = op->exchange;
    if (op->client_gone) {
        return STAGE_DONE;
    }
    enum stage_result result = stage_check_stream(op);
    if (result != STAGE_DONE) {
        return result;
    }
    if (client_stream_open(op->client, exchange, op->principal->expires_at_s) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the stream");
    }
    operation_begin_stream(op);
    op->exchange = NULL;
    return STAGE_DONE;
}

static enum stage_result stage_end_session(struct operation *op)
{
    if (op->client->is_over) {
        return operation_refuse_session(op, "session.over");
    }
    client_session_end(op->client);
    operation_answer(op, 200);
    return STAGE_DONE;
}

const struct stage OPERATION_STREAM_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"check_stream", stage_check_stream},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"open_stream", stage_open_stream},
    {NULL, NULL},
};

const struct stage OPERATION_DELETE_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"end_session", stage_end_session},
    {NULL, NULL},
};
