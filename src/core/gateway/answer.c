#include "core/gateway/client_stream.h"
#include "core/gateway/resource.h"
#include "core/gateway/sign_in.h"
#include "core/mcp/cors.h"
#include "wire/sse.h"

#define EXTRA_FIELDS_MAX 2
#define REPLY_FIELDS_MAX (3 + EXTRA_FIELDS_MAX + CORS_FIELDS_MAX)
#define STREAM_FIELDS 3

static void reply(struct operation *op, int http_status, struct slice content_type,
                  const struct http_field *extra, size_t extra_count)
{
    struct http_field fields[REPLY_FIELDS_MAX] = {
        {SLICE("Content-Type"), content_type},
        {SLICE("Cache-Control"), SLICE("no-store")},
    };
    size_t count = 2;
    if (op->session_id.len > 0 && !op->is_refused) {
        fields[count++] = (struct http_field){SLICE("Mcp-Session-Id"), buf_view(&op->session_id)};
    }
    for (size_t i = 0; i < extra_count; i++) {
        fields[count++] = extra[i];
    }
    count += cors_fields(op->origin, fields + count);
    struct exchange_reply answer = {
        .status_code = http_status,
        .fields = content_type.len == 0 ? fields + 1 : fields,
        .field_count = content_type.len == 0 ? count - 1 : count,
        .body = buf_view(&op->reply),
    };
    op->exchange->vtable->reply(op->exchange, &answer);
}

void operation_begin_stream(struct operation *op)
{
    struct http_field fields[STREAM_FIELDS + CORS_FIELDS_MAX] = {
        {SLICE("Content-Type"), SLICE("text/event-stream")},
        {SLICE("Cache-Control"), SLICE("no-cache, no-transform")},
        {SLICE("X-Accel-Buffering"), SLICE("no")},
    };
    struct exchange_reply head = {.status_code = 200,
                                  .fields = fields,
                                  .field_count = STREAM_FIELDS +
                                                 cors_fields(op->origin, fields + STREAM_FIELDS)};
    op->stream_begun = true;
    op->exchange->vtable->stream_begin(op->exchange, &head);
}

/* A legacy client may come back for what it missed. On a link all is on one stream, which ends the
 * session. Without memory it is a stream like that of a modern client. */
static void keep_events(struct operation *op)
{
    struct client_session *session = op->client;
    if (session == NULL || session->is_linked || session->is_over || op->client_is_new) {
        return;
    }
    struct client_listener listener = operation_listener(op);
    op->stream = client_stream_begin(session, op->exchange, &listener);
    if (op->stream != NULL) {
        op->exchange = NULL;
        if (op->revision == MCP_2025_11_25) {
            client_stream_prime(op->stream);
        }
    }
}

bool operation_send_event(struct operation *op, struct slice json)
{
    struct buf event;
    bool has_place = op->stream != NULL || (op->exchange != NULL && !op->exchange->takes_no_stream);
    if (op->client_gone || !has_place) {
        return true;
    }
    if (!op->stream_begun) {
        operation_begin_stream(op);
        keep_events(op);
    }
    if (op->stream != NULL) {
        client_stream_send(op->stream, json);
        return true;
    }
    buf_init(&event, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    sse_write_event(&event, SLICE("message"), SLICE_EMPTY, json);
    enum status status = buf_status(&event);
    if (status == STATUS_OK) {
        status = op->exchange->vtable->stream_send(op->exchange, buf_view(&event));
    }
    buf_release(&event);
    return status == STATUS_OK;
}

void operation_lose_client(struct operation *op)
{
    if (op->stream != NULL) {
        client_stream_break(op->stream);
        op->stream = NULL;
    } else {
        op->exchange->vtable->abort(op->exchange);
    }
    op->client_gone = true;
}

void operation_answer(struct operation *op, int http_status)
{
    if (op->client_gone) {
        return;
    }
    if (buf_status(&op->reply) != STATUS_OK) {
        operation_lose_client(op);
        return;
    }
    if (op->stream != NULL) {
        client_stream_finish(op->stream, buf_view(&op->reply));
        op->stream = NULL;
        return;
    }
    if (!op->stream_begun) {
        bool may_retry = op->is_refused && op->refusal.may_retry;
        reply(op, http_status, op->reply.len > 0 ? SLICE("application/json") : SLICE_EMPTY,
              &PRODUCT_RETRY_AFTER, may_retry ? 1 : 0);
        return;
    }
    if (operation_send_event(op, buf_view(&op->reply))) {
        op->exchange->vtable->stream_end(op->exchange);
    } else {
        operation_lose_client(op);
    }
}

void operation_result_begin(struct operation *op)
{
    buf_clear(&op->reply);
    buf_append(&op->reply, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append(&op->reply, op->message.id);
    buf_append(&op->reply, SLICE(",\"result\":{"));
}

void operation_result_end(struct operation *op)
{
    /* Without memory there is nothing in the reply at all, and it is not sent. */
    bool is_empty = op->reply.len == 0 || op->reply.ptr[op->reply.len - 1] == '{';
    if (mcp_revision_is_modern(op->revision)) {
        buf_append(&op->reply, is_empty ? SLICE_EMPTY : SLICE(","));
        buf_append(&op->reply, SLICE("\"resultType\":\"complete\",\"_meta\":{"
                                     "\"io.modelcontextprotocol/serverInfo\":{"
                                     "\"name\":\"aegis\",\"version\":\"0.1.0\"}}"));
    }
    buf_append(&op->reply, SLICE("}}"));
}

/* A denied call as a result, so that the model reads why (DESIGN section 12). */
static void write_tool_result(struct operation *op)
{
    struct buf text;
    buf_init(&text, 8192, &op->account);
    buf_append(&text, op->refusal.text);
    operation_result_begin(op);
    buf_append(&op->reply, SLICE("\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":"));
    buf_append_json_string(&op->reply, buf_view(&text));
    /* The string is closed again to take the id, which needs no escapes. */
    op->reply.len -= op->reply.failed ? 0 : 1;
    buf_append(&op->reply, SLICE(" (decision "));
    audit_append_decision_id(&op->reply, op->decision_id);
    buf_append(&op->reply, SLICE(")\"}]"));
    operation_result_end(op);
    buf_release(&text);
}

/* MCP 2026-07-28: what discovery lists. Where that is nothing, the others, so that the client knows
 * to begin with a handshake. */
static void write_supported(struct operation *op)
{
    uint32_t spoken = op->gateway->snapshot->revisions;
    uint32_t told = (spoken & MCP_REVISIONS_MODERN) != 0 ? spoken & MCP_REVISIONS_MODERN : spoken;
    bool is_first = true;
    for (enum mcp_revision i = MCP_REVISION_NONE + 1; i < MCP_REVISION_COUNT; i++) {
        if ((told & MCP_REVISION_BIT(i)) != 0) {
            buf_append(&op->reply, is_first ? SLICE_EMPTY : SLICE(","));
            buf_append_json_string(&op->reply, mcp_revision_name(i));
            is_first = false;
        }
    }
}

static void write_error_data(struct operation *op)
{
    const struct operation_refusal *refusal = &op->refusal;
    if (refusal->rpc_code == MCP_ERROR_VERSION) {
        buf_append(&op->reply, SLICE(",\"data\":{\"supported\":["));
        write_supported(op);
        buf_append(&op->reply, SLICE("],\"requested\":"));
        buf_append_json_string(&op->reply, refusal->requested);
        buf_append_byte(&op->reply, '}');
    } else if (refusal->rpc_code == MCP_ERROR_CAPABILITY) {
        /* Of those that only a client can have, we need one. */
        buf_append(&op->reply, SLICE(",\"data\":{\"requiredCapabilities\":{\"extensions\":{"
                                     "\"" MCP_EXTENSION_TASKS_ID "\":{}}}}"));
    } else if (refusal->rpc_code > 0) {
        buf_append(&op->reply, SLICE(",\"data\":{\"code\":"));
        buf_append_json_string(&op->reply, slice_view_cstr(refusal->code));
        buf_append(&op->reply, SLICE(",\"reason\":"));
        buf_append_json_string(&op->reply, refusal->text);
        buf_append(&op->reply, SLICE(",\"decision_id\":\""));
        audit_append_decision_id(&op->reply, op->decision_id);
        buf_append_byte(&op->reply, '"');
        product_error_write_retry(&op->reply, refusal->may_retry);
        buf_append_byte(&op->reply, '}');
    }
}

static void write_error(struct operation *op)
{
    buf_clear(&op->reply);
    buf_append(&op->reply, SLICE("{\"jsonrpc\":\"2.0\""));
    if (op->message.id.len > 0) {
        buf_append(&op->reply, SLICE(",\"id\":"));
        buf_append(&op->reply, op->message.id);
    }
    buf_append(&op->reply, SLICE(",\"error\":{\"code\":"));
    buf_append_i64(&op->reply, op->refusal.rpc_code);
    buf_append(&op->reply, SLICE(",\"message\":"));
    buf_append_json_string(&op->reply, op->refusal.text);
    write_error_data(op);
    buf_append(&op->reply, SLICE("}}"));
}

static void answer_challenge(struct operation *op)
{
    struct buf text, nonce;
    enum challenge_kind kind = op->refusal.challenge;
    buf_init(&text, CHALLENGE_BYTES_MAX, &op->account);
    buf_init(&nonce, CHALLENGE_BYTES_MAX, &op->account);
    if (kind < CHALLENGE_SCOPES) {
        resource_challenge_token(&text, op->gateway->snapshot, op->target_path, kind);
    } else {
        resource_challenge_demand(&text, op, kind);
    }
    if (kind == CHALLENGE_NONCE) {
        gateway_write_nonce(op->gateway, &nonce);
    }
    struct http_field fields[EXTRA_FIELDS_MAX] = {{SLICE("WWW-Authenticate"), buf_view(&text)},
                                                  {SLICE("DPoP-Nonce"), buf_view(&nonce)}};
    buf_clear(&op->reply);
    reply(op, op->refusal.http_status, SLICE_EMPTY, fields, nonce.len > 0 ? 2 : 1);
    buf_release(&text);
    buf_release(&nonce);
}

void operation_answer_refusal(struct operation *op)
{
    if (op->client_gone) {
        return;
    }
    if (op->sign_in != NULL) {
        sign_in_answer_refusal(op);
        return;
    }
    if (op->refusal.challenge != CHALLENGE_NONE && !op->stream_begun) {
        answer_challenge(op);
        return;
    }
    if (op->refusal.http_status == 202) {
        buf_clear(&op->reply);
    } else if (op->refusal.as_tool_result) {
        write_tool_result(op);
    } else {
        write_error(op);
    }
    operation_answer(op, op->refusal.http_status);
}
