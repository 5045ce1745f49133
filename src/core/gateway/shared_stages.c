#include "core/gateway/endpoint.h"
#include "core/gateway/operation.h"

#include <string.h>

static struct slice reason_of(struct operation *op, const struct diag *diag)
{
    struct slice reason = SLICE_EMPTY;
    (void)!arena_copy(&op->arena, slice_view_cstr(diag->message), &reason);
    return reason;
}

static enum stage_result refuse_token(struct operation *op, enum status status,
                                      const struct diag *diag)
{
    bool is_down = status == STATUS_UNAVAILABLE;
    return operation_refuse(
        op, &(struct operation_refusal){.type = AUDIT_AUTH_REJECT,
                                        .http_status = is_down ? 503 : 401,
                                        .text = SLICE("the access token is not valid"),
                                        .code = diag->code == NULL ? "token_invalid" : diag->code,
                                        .reason = reason_of(op, diag),
                                        .with_challenge = !is_down});
}

enum stage_result operation_stage_authenticate(struct operation *op)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    const struct gateway_snapshot *snapshot = op->gateway->snapshot;
    struct diag diag = {0};
    if (snapshot->local_principal != NULL) {
        op->principal = principal_ref(snapshot->local_principal);
    } else {
        struct identity_request request = {
            .snapshot = snapshot->identity,
            .cache = op->gateway->cache,
            .crypto = ports->crypto,
            .parser = &op->gateway->parser,
            .authorization = op->authorization,
            .now_s = ports->clock->wall_s(ports->clock->context),
            .arena = &op->arena,
        };
        enum status status = identity_authenticate(&request, &op->principal, &diag);
        if (status != STATUS_OK) {
            return refuse_token(op, status, &diag);
        }
    }
    op->caller_entry = caller_enter(op->gateway, op->principal->digest, &op->account);
    return op->caller_entry != NULL
               ? STAGE_DONE
               : operation_refuse_overload(op, "the principal's memory is used up");
}

static enum stage_result refuse_session(struct operation *op, int http_status, const char *code,
                                        struct slice text)
{
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_SESSION_MISMATCH,
                                                            .http_status = http_status,
                                                            .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                                            .text = text,
                                                            .code = code});
}

/* Legacy requests after the handshake must carry the session we sealed for this caller, and speak
 * the revision that was agreed there. Modern requests have no session: a stale id is ignored. */
enum stage_result operation_stage_session(struct operation *op)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    struct session_token token;
    if (mcp_revision_is_modern(op->revision)) {
        return STAGE_DONE;
    }
    if (!op->gateway->snapshot->legacy_enabled) {
        return operation_refuse(
            op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                            .http_status = 400,
                                            .rpc_code = MCP_ERROR_VERSION,
                                            .text = SLICE("unsupported protocol version"),
                                            .code = "mcp.version",
                                            .requested = mcp_revision_name(op->revision)});
    }
    if (op->message.session_id.len == 0) {
        return refuse_session(op, 400, "session.missing", SLICE("Mcp-Session-Id is missing"));
    }
    if (session_token_open(ports->crypto, op->gateway->session_key, op->message.session_id,
                           op->principal->digest, ports->clock->wall_s(ports->clock->context),
                           &token) != STATUS_OK) {
        return refuse_session(op, 404, "session.unknown", SLICE("session not found"));
    }
    if (op->revision != MCP_REVISION_NONE && op->revision != token.revision) {
        return refuse_session(op, 400, "session.revision",
                              SLICE("the session was agreed in another revision"));
    }
    op->revision = token.revision;
    return STAGE_DONE;
}

static enum stage_result refuse_unknown_target(struct operation *op, const char *code)
{
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_AUTHZ_DENY,
                                                            .http_status = 200,
                                                            .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                                            .text = SLICE("unknown target"),
                                                            .code = code});
}

/* "server__name" on the aggregated endpoint. */
static bool split_wire_name(struct operation *op, struct slice wire)
{
    for (size_t i = 1; i + 2 < wire.len; i++) {
        if (wire.ptr[i] != '_' || wire.ptr[i + 1] != '_') {
            continue;
        }
        size_t server = gateway_snapshot_server(op->gateway->snapshot, slice_sub(wire, 0, i));
        if (server != SIZE_MAX) {
            op->server_index = (uint32_t)server;
            op->name = slice_sub(wire, i + 2, wire.len);
            return true;
        }
    }
    return false;
}

/* Audit and policy say "server.name" for tools and prompts, the URI for resources. */
static bool set_audit_target(struct operation *op)
{
    op->audit_target = op->message.target;
    if (op->message.method->primitive == MCP_RESOURCE ||
        op->server_index == OPERATION_ALL_SERVERS || op->name.len == 0) {
        return true;
    }
    const struct slice parts[] = {operation_server(op)->name, SLICE("."), op->name};
    return arena_join(&op->arena, parts, COUNT_OF(parts), &op->audit_target) == STATUS_OK;
}

static bool take_endpoint(struct operation *op)
{
    const struct gateway_snapshot *snapshot = op->gateway->snapshot;
    struct slice name;
    if (!endpoint_parse(op->target_path, &name)) {
        return false;
    }
    if (name.len == 0) {
        op->server_index = snapshot->is_proxy ? 0 : OPERATION_ALL_SERVERS;
        return true;
    }
    size_t server = gateway_snapshot_server(snapshot, name);
    op->server_index = (uint32_t)server;
    return server != SIZE_MAX;
}

/* Which server, and what is the target called there? */
enum stage_result operation_stage_route(struct operation *op)
{
    if (!take_endpoint(op)) {
        return operation_refuse(op,
                                &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                            .http_status = 404,
                                                            .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                                            .text = SLICE("no such endpoint"),
                                                            .code = "route.unknown"});
    }
    op->name = op->message.target;
    bool needs_server = op->message.method->kind == MCP_KIND_CALL;
    if (needs_server && op->server_index == OPERATION_ALL_SERVERS) {
        /* A URI does not say which server it belongs to. */
        bool is_found = op->message.method->primitive != MCP_RESOURCE &&
                        split_wire_name(op, op->message.target);
        if (!is_found) {
            op->audit_target = op->message.target;
            op->server_index = OPERATION_ALL_SERVERS;
            return refuse_unknown_target(op, "target.unknown");
        }
    }
    return set_audit_target(op) ? STAGE_DONE
                                : operation_refuse_overload(op, "no memory for the target");
}

enum stage_result operation_stage_record_event(struct operation *op)
{
    return operation_record(op, AUDIT_EVENT, AUDIT_AUTHZ_ALLOW, false);
}

enum stage_result operation_stage_check_record(struct operation *op)
{
    if (op->wait_status == STATUS_OK) {
        return STAGE_DONE;
    }
    return operation_refuse(op,
                            &(struct operation_refusal){.type = AUDIT_SELF_FAULT,
                                                        .http_status = 503,
                                                        .rpc_code = OPERATION_CODE_AUDIT,
                                                        .text = SLICE("the audit is not available"),
                                                        .code = "audit_unavailable"});
}
