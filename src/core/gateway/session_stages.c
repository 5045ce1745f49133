/* What a client asks of its session without a message: its stream of events, and its end. */
#include "core/gateway/client_stream.h"
#include "core/gateway/operation.h"
#include "core/gateway/server_stream.h"

static enum stage_result refuse_stream(struct operation *op, int http_status, const char *code,
                                       struct slice text)
{
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                            .http_status = http_status,
                                                            .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                                            .text = text,
                                                            .code = code});
}

/* A second standalone stream would split what the client gets (as SDK servers answer). */
static enum stage_result stage_check_stream(struct operation *op)
{
    if (op->gateway->is_draining) {
        return operation_refuse_overload(op, "the gateway is stopping");
    }
    if (op->client->is_over) {
        return operation_refuse_session(op, "session.over");
    }
    if (op->last_event_id.len > 0) {
        return client_stream_find(op->client, op->last_event_id) != NULL
                   ? STAGE_DONE
                   : refuse_stream(op, 400, "stream.unknown", SLICE("nothing follows that event"));
    }
    if (op->client->stream == NULL || op->client->stream->exchange == NULL) {
        return STAGE_DONE;
    }
    return refuse_stream(op, 409, "stream.exists", SLICE("the session has a stream"));
}

struct client_listener operation_listener(const struct operation *op)
{
    return (struct client_listener){.principal = op->principal,
                                    .server_index = op->server_index,
                                    .target_path = op->target_path,
                                    .view = op->view,
                                    .peer_ip = op->peer_ip,
                                    .certificate = op->certificate,
                                    .is_tls = op->is_tls};
}

/* With another token, perhaps, and from another place. */
static enum stage_result resume_stream(struct operation *op)
{
    struct exchange *exchange = op->exchange;
    struct client_stream *stream = client_stream_find(op->client, op->last_event_id);
    struct client_listener listener = operation_listener(op);
    if (stream->is_standalone && client_stream_relisten(stream, &listener) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the stream");
    }
    operation_begin_stream(op);
    op->exchange = NULL;
    client_stream_resume(stream, op->last_event_id, exchange, &listener);
    server_streams_begin(op->client);
    return STAGE_DONE;
}

/* The stream outlives the operation. */
static enum stage_result stage_open_stream(struct operation *op)
{
    struct exchange *exchange = op->exchange;
    struct client_listener listener = operation_listener(op);
    if (op->client_gone) {
        return STAGE_DONE;
    }
    enum stage_result result = stage_check_stream(op);
    if (result != STAGE_DONE || op->last_event_id.len > 0) {
        return result != STAGE_DONE ? result : resume_stream(op);
    }
    if (client_stream_open(op->client, exchange, &listener) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the stream");
    }
    operation_begin_stream(op);
    op->exchange = NULL;
    server_streams_begin(op->client);
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
