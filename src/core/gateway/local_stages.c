/* Messages the gateway answers itself: handshakes, discovery, ping, notifications. */
#include "core/gateway/operation.h"
#include "core/gateway/server_reply.h"

#include "core/mcp/offers.h"

static json_ref asked_version(const struct operation *op)
{
    const struct mcp_message *message = &op->message;
    return message->params == JSON_NONE
               ? JSON_NONE
               : json_member(&message->tape, message->params, SLICE("protocolVersion"));
}

/* The version a client asks for, when it is spoken; else the newest with a handshake that is.
 * MCP_REVISION_NONE: none is. */
static enum mcp_revision negotiate(const struct operation *op)
{
    json_ref asked = asked_version(op);
    enum mcp_revision newest = MCP_REVISION_NONE;
    for (enum mcp_revision i = MCP_REVISION_NONE + 1; i < MCP_REVISION_COUNT; i++) {
        if (mcp_revision_is_modern(i) || !operation_speaks(op, i)) {
            continue;
        }
        if (asked != JSON_NONE && json_string_eq(&op->message.tape, asked, mcp_revision_name(i))) {
            return i;
        }
        newest = i;
    }
    return newest;
}

static enum stage_result refuse_asked(struct operation *op)
{
    json_ref asked = asked_version(op);
    struct slice text = SLICE_EMPTY;
    if (asked != JSON_NONE &&
        json_string(&op->message.tape, asked, &op->arena, &text) != STATUS_OK) {
        text = SLICE_EMPTY;
    }
    return operation_refuse_version(op, text);
}

/* A handshake has no session, unless it comes over HTTP with SSE. */
static enum stage_result stage_link(struct operation *op)
{
    return op->is_linked ? operation_stage_session(op) : STAGE_DONE;
}

static enum stage_result stage_negotiate(struct operation *op)
{
    op->revision = negotiate(op);
    return op->revision != MCP_REVISION_NONE ? STAGE_DONE : refuse_asked(op);
}

/* The client may never hear of it: then it ends with the operation. */
enum stage_result operation_begin_session(struct operation *op)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    struct session_token token = {.revision = op->revision,
                                  .node = op->gateway->place.node,
                                  .loop = op->gateway->place.loop,
                                  .expires_at_s =
                                      ports->clock->wall_ms(ports->clock->context) / 1000 +
                                      SESSION_TOKEN_LIFETIME_S};
    if (ports->random->fill(ports->random->context, token.nonce, sizeof(token.nonce)) !=
        STATUS_OK) {
        return operation_refuse_overload(op, "no random bytes");
    }
    for (size_t i = 0; i < sizeof(token.caller); i++) {
        token.caller[i] = op->principal->digest[i];
    }
    session_token_seal(ports->crypto, gateway_sealing_key(op->gateway, 0), &token, &op->session_id);
    if (buf_status(&op->session_id) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the session");
    }
    if (client_session_new(op->gateway, &token, op->principal) == NULL) {
        return operation_refuse_overload(op, "too many sessions with clients");
    }
    op->client = client_session_enter(op->gateway, &token);
    op->client_is_new = true;
    return STAGE_DONE;
}

/* What the client says it can be asked is for the whole session. */
static void take_capabilities(struct operation *op)
{
    const struct mcp_message *message = &op->message;
    json_ref capabilities =
        message->params == JSON_NONE
            ? JSON_NONE
            : json_member(&message->tape, message->params, SLICE("capabilities"));
    struct mcp_client_capabilities declared = mcp_capabilities_read(&message->tape, capabilities);
    op->declared = mcp_capabilities_known(&declared, op->revision);
    op->client->capabilities = op->declared;
    op->drops_capability = op->declared.has_other;
}

/* A session that a stream has begun is agreed on now. */
static enum stage_result stage_begin_session(struct operation *op)
{
    if (!op->is_linked) {
        enum stage_result result = operation_begin_session(op);
        if (result == STAGE_DONE) {
            take_capabilities(op);
        }
        return result;
    }
    if (op->client->is_initialized) {
        return operation_refuse(
            op, &(struct operation_refusal){.type = AUDIT_SESSION_MISMATCH,
                                            .http_status = 200,
                                            .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                            .text = SLICE("the session has begun already"),
                                            .code = "session.begun"});
    }
    op->client->revision = op->revision;
    op->client->is_initialized = true;
    take_capabilities(op);
    return STAGE_DONE;
}

static enum stage_result stage_open_servers(struct operation *op)
{
    return operation_fetch_endpoint(op, NULL);
}

static void take_offers(struct operation *op, const struct list_part *part)
{
    const struct server_session *session = part->session;
    if (!part->is_complete) {
        return;
    }
    bool is_same_era = session->is_modern == mcp_revision_is_modern(op->revision);
    op->offers |= is_same_era ? session->offers : session->offers & ~MCP_OFFERS_ALL_OF_TASKS;
    op->drops_extension = op->drops_extension || session->drops_extension ||
                          operation_drops_extension(op, part->server_index);
    op->drops_capability = op->drops_capability || session->drops_capability;
}

/* What the servers of the endpoint can do, all of them together. Instructions are for the model and
 * speak of names as the server has them: on an endpoint of several they would be wrong. */
static enum stage_result stage_gather_offers(struct operation *op)
{
    operation_end_limit(op);
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    for (size_t i = 0; i < op->part_count; i++) {
        take_offers(op, &op->parts[i]);
    }
    if (op->server_index != OPERATION_ALL_SERVERS &&
        arena_copy(&op->arena, op->parts[0].session->instructions, &op->instructions) !=
            STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the instructions");
    }
    if (op->client != NULL) {
        op->client->offers = op->offers;
    }
    operation_leave_parts(op);
    return STAGE_DONE;
}

static void write_offers(struct operation *op)
{
    mcp_offers_write(&op->reply, op->offers, op->revision);
    if (op->instructions.len > 0) {
        buf_append(&op->reply, SLICE(",\"instructions\":"));
        buf_append(&op->reply, op->instructions);
    }
}

static enum stage_result stage_answer_initialize(struct operation *op)
{
    operation_result_begin(op);
    buf_append(&op->reply, SLICE("\"protocolVersion\":"));
    buf_append_json_string(&op->reply, mcp_revision_name(op->revision));
    buf_append_byte(&op->reply, ',');
    write_offers(op);
    buf_append(&op->reply, SLICE(",\"serverInfo\":{\"name\":\"aegis\",\"version\":\"0.1.0\"}"));
    operation_result_end(op);
    op->client_is_new = op->client_gone;
    operation_answer(op, 200);
    return STAGE_DONE;
}

static enum stage_result stage_answer_discover(struct operation *op)
{
    operation_result_begin(op);
    buf_append(&op->reply, SLICE("\"supportedVersions\":["));
    buf_append_json_string(&op->reply, mcp_revision_name(MCP_2026_07_28));
    buf_append(&op->reply, SLICE("],"));
    write_offers(op);
    buf_append(&op->reply, SLICE(",\"ttlMs\":0,\"cacheScope\":\"private\""));
    operation_result_end(op);
    operation_answer(op, 200);
    return STAGE_DONE;
}

static enum stage_result stage_answer_empty(struct operation *op)
{
    operation_result_begin(op);
    operation_result_end(op);
    operation_answer(op, 200);
    return STAGE_DONE;
}

/* The servers are told when they are called next, or now, when the client listens. */
static enum stage_result stage_set_log_level(struct operation *op)
{
    if ((op->client->offers & MCP_OFFERS_LOGGING) == 0) {
        return operation_refuse_method(op);
    }
    op->client->log_level = op->message.log_level;
    for (struct server_session *s = op->gateway->sessions; s != NULL; s = s->next) {
        if (s->client == op->client) {
            server_stream_tell_level(s);
        }
    }
    return STAGE_DONE;
}

static enum stage_result stage_accept(struct operation *op)
{
    operation_answer(op, 202);
    return STAGE_DONE;
}

/* Servers that heard at their handshake of roots that may change. They ask for them, or do not. */
static enum stage_result stage_tell_roots(struct operation *op)
{
    struct slice name = op->message.method->name;
    if (!slice_eq(name, SLICE("notifications/roots/list_changed")) || op->client == NULL) {
        return STAGE_DONE;
    }
    for (struct server_session *s = op->gateway->sessions; s != NULL; s = s->next) {
        bool is_told = s->client == op->client && !s->is_over && !s->is_modern &&
                       s->state == SERVER_SESSION_READY;
        if (is_told && s->client_offer.has_roots && s->client_offer.tells_roots) {
            server_reply_notify(s, name);
        }
    }
    return STAGE_DONE;
}

/* MCP 2025-11-25, cancellation: what does not fit anything that runs is ignored. Comes before the
 * record: it may be in time to keep a call from its server. */
static enum stage_result stage_cancel(struct operation *op)
{
    const struct mcp_message *message = &op->message;
    if (slice_eq(message->method->name, SLICE("notifications/cancelled")) &&
        message->params != JSON_NONE) {
        json_ref id = json_member(&message->tape, message->params, SLICE("requestId"));
        if (id != JSON_NONE) {
            operation_cancel_request(op, json_raw(&message->tape, id));
        }
    }
    return STAGE_DONE;
}

const struct stage OPERATION_INITIALIZE_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"link", stage_link},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"negotiate", stage_negotiate},
    {"begin_session", stage_begin_session},
    {"open_servers", stage_open_servers},
    {"check_opened", operation_stage_check_fetched},
    {"gather_offers", stage_gather_offers},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"answer", stage_answer_initialize},
    {NULL, NULL},
};

const struct stage OPERATION_DISCOVER_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"open_servers", stage_open_servers},
    {"check_opened", operation_stage_check_fetched},
    {"gather_offers", stage_gather_offers},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"answer", stage_answer_discover},
    {NULL, NULL},
};

const struct stage OPERATION_PING_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"answer", stage_answer_empty},
    {NULL, NULL},
};

const struct stage OPERATION_LOG_LEVEL_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"set_log_level", stage_set_log_level},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"answer", stage_answer_empty},
    {NULL, NULL},
};

const struct stage OPERATION_NOTIFICATION_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"cancel", stage_cancel},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"tell_roots", stage_tell_roots},
    {"accept", stage_accept},
    {NULL, NULL},
};
