#include "core/gateway/endpoint.h"
#include "core/gateway/operation.h"
#include "core/gateway/question.h"
#include "core/gateway/request_state.h"
#include "core/gateway/resource.h"
#include "core/gateway/wire_name.h"
#include "core/mcp/resource_uri.h"
#include "core/mcp/uri_template.h"

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
    if (status != STATUS_UNAUTHENTICATED || gateway_wants_later(diag)) {
        return operation_refuse_error(op, product_error_of_identity(status), reason_of(op, diag));
    }
    enum challenge_kind challenge = challenge_kind_of(diag->code);
    return operation_refuse(
        op, &(struct operation_refusal){.type = AUDIT_AUTH_REJECT,
                                        .http_status = challenge_http_status(challenge),
                                        .text = SLICE("the access token is not valid"),
                                        .code = diag->code,
                                        .reason = reason_of(op, diag),
                                        .challenge = challenge});
}

/* Each loop counts what it takes, handed over or not. What answers or tells something is no
 * request, and a batch is its elements. */
static bool is_too_much(const struct operation *op)
{
    struct gateway *gateway = op->gateway;
    const struct port_clock *clock = gateway->ports.clock;
    return op->message.id.len > 0 &&
           !request_rates_take(&gateway->request_rates, &gateway->limits.requests,
                               op->principal->digest, clock->mono_ms(clock->context));
}

enum stage_result operation_stage_authenticate(struct operation *op)
{
    struct diag diag = {0};
    struct identity_miss miss;
    struct exchange_request request = operation_request(op);
    struct gateway_presented presented = {.request = &request,
                                          .is_first = !op->was_handed_over,
                                          .arena = &op->arena,
                                          .answer = op->is_answered ? op->asked : NULL};
    if (op->asked != NULL && op->wait_status != STATUS_OK) {
        return refuse_token(op, op->wait_status, &op->wait_diag);
    }
    enum status status =
        gateway_authenticate(op->gateway, &presented, &op->principal, &miss, &diag);
    if (status != STATUS_OK && operation_wait_for_identity(op, &miss, &diag)) {
        return STAGE_WAIT;
    }
    if (status != STATUS_OK) {
        return refuse_token(op, status, &diag);
    }
    if (is_too_much(op)) {
        return operation_refuse_error(op, PRODUCT_RATE_LIMITED, SLICE_EMPTY);
    }
    op->caller_entry = caller_enter(op->gateway, op->principal->digest, &op->account);
    return op->caller_entry != NULL
               ? STAGE_DONE
               : operation_refuse_overload(op, "the principal's memory is used up");
}

bool operation_speaks(const struct operation *op, enum mcp_revision revision)
{
    return (op->gateway->snapshot->revisions & MCP_REVISION_BIT(revision)) != 0;
}

enum stage_result operation_refuse_version(struct operation *op, struct slice requested)
{
    return operation_refuse(
        op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                        .http_status = 400,
                                        .rpc_code = MCP_ERROR_VERSION,
                                        .text = SLICE("unsupported protocol version"),
                                        .code = "mcp.version",
                                        .requested = requested});
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

enum stage_result operation_refuse_session(struct operation *op, const char *code)
{
    return refuse_session(op, 404, code, SLICE("session not found"));
}

static bool opens_session(struct operation *op)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    int64_t now_s = ports->clock->wall_ms(ports->clock->context) / 1000;
    for (size_t turn = 0; turn < SEALING_KEYS; turn++) {
        if (session_token_open(ports->crypto, gateway_sealing_key(op->gateway, turn),
                               op->message.session_id, op->principal->digest, now_s,
                               &op->token) == STATUS_OK) {
            return true;
        }
    }
    return false;
}

/* Legacy requests after the handshake must carry the session we sealed for this caller, and speak
 * the revision that was agreed there. Modern requests have no session: a stale id is ignored. */
enum stage_result operation_stage_session(struct operation *op)
{
    if (mcp_revision_is_modern(op->revision)) {
        return STAGE_DONE;
    }
    if ((op->gateway->snapshot->revisions & MCP_REVISIONS_LEGACY) == 0) {
        return operation_refuse_version(op, mcp_revision_name(op->revision));
    }
    if (op->message.session_id.len == 0) {
        return refuse_session(op, 400, "session.missing", SLICE("Mcp-Session-Id is missing"));
    }
    if (!opens_session(op)) {
        return operation_refuse_session(op, "session.unknown");
    }
    /* The home may be gone: fewer loops since a restart, or the id of another node. */
    const struct gateway_place *place = &op->gateway->place;
    if (op->token.node != place->node || op->token.loop >= place->loop_count) {
        return operation_refuse_session(op, "session.home");
    }
    op->has_home = true;
    if (op->is_linked) {
        return STAGE_DONE; /* the revision was agreed after the session had begun */
    }
    if (op->revision != MCP_REVISION_NONE && op->revision != op->token.revision) {
        return refuse_session(op, 400, "session.revision",
                              SLICE("the session was agreed in another revision"));
    }
    op->revision = op->token.revision;
    /* The list may have become shorter since. */
    return operation_speaks(op, op->revision)
               ? STAGE_DONE
               : operation_refuse_version(op, mcp_revision_name(op->revision));
}

enum stage_result operation_refuse_method(struct operation *op)
{
    return operation_refuse(op, &(struct operation_refusal){
                                    .type = AUDIT_WIRE_REJECT,
                                    .http_status = mcp_revision_is_modern(op->revision) ? 404 : 200,
                                    .rpc_code = MCP_ERROR_METHOD_NOT_FOUND,
                                    .text = SLICE("method not found"),
                                    .code = "mcp.capability",
                                    .reason = SLICE("the server does not offer the method")});
}

enum stage_result operation_refuse_target(struct operation *op, const char *code,
                                          struct slice reason)
{
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_AUTHZ_DENY,
                                                            .http_status = 200,
                                                            .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                                            .text = SLICE("unknown target"),
                                                            .code = code,
                                                            .reason = reason});
}

bool operation_set_audit_target(struct operation *op)
{
    bool has_server = op->server_index != OPERATION_ALL_SERVERS && op->name.len > 0;
    if (op->message.method->primitive == MCP_RESOURCE || !has_server) {
        op->audit_target = op->name;
        return true;
    }
    const struct slice parts[] = {operation_server(op)->name, SLICE("."), op->name};
    return arena_join(&op->arena, parts, COUNT_OF(parts), &op->audit_target) == STATUS_OK;
}

static struct usage_call usage_call_of(const struct operation *op, struct slice target)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    struct usage_call call = {.target = target,
                              .now_ms = ports->clock->mono_ms(ports->clock->context)};
    memcpy(call.caller, op->principal->digest, sizeof(call.caller));
    return call;
}

/* Items of lists are judged without. */
static const struct usage *usage_of(const struct operation *op)
{
    const struct port_usage *port = op->gateway->ports.usage;
    if (op->is_counted) {
        return &op->usage;
    }
    if (port == NULL || op->message.method->kind == MCP_KIND_LIST) {
        return NULL;
    }
    struct usage_call call = usage_call_of(op, op->audit_target);
    return port->look(port->context, &call, USAGE_LOOKS, &op->gateway->looked_at) == STATUS_OK
               ? &op->gateway->looked_at
               : NULL;
}

const struct usage *operation_usage_at(const struct operation *op, struct slice uri)
{
    const struct port_usage *port = op->gateway->ports.usage;
    struct usage *usage = &op->gateway->looked_at;
    struct usage_call call = usage_call_of(op, uri);
    if (port == NULL || port->look(port->context, &call, USAGE_LOOKS, usage) != STATUS_OK) {
        return NULL;
    }
    if (op->is_counted) {
        int64_t target_calls = usage->target_calls;
        *usage = op->usage;
        usage->target_calls = target_calls;
    }
    return usage;
}

enum status operation_count(struct operation *op)
{
    const struct port_usage *port = op->gateway->ports.usage;
    if (port == NULL || op->is_counted) {
        return STATUS_OK;
    }
    struct usage_call call = usage_call_of(op, op->audit_target);
    TRY(port->look(port->context, &call, USAGE_COUNTS, &op->usage));
    op->is_counted = true;
    return STATUS_OK;
}

enum status operation_settle_count(struct operation *op, bool is_allowed)
{
    const struct port_usage *port = op->gateway->ports.usage;
    const struct gateway_server *server = operation_server(op);
    if (!op->is_counted) {
        return STATUS_OK;
    }
    struct usage_call call = usage_call_of(op, op->audit_target);
    if (is_allowed) {
        return port->add_labels(port->context, &call, server->labels, server->label_count);
    }
    port->take_back(port->context, &call);
    op->is_counted = false;
    return STATUS_OK;
}

struct policy_question operation_question(const struct operation *op, uint32_t server_index)
{
    const struct gateway_snapshot *snapshot = op->gateway->snapshot;
    const struct gateway_server *server = &snapshot->servers[server_index];
    const struct gateway_ports *ports = &op->gateway->ports;
    const struct mcp_method *method = op->message.method;
    /* Where the caller has no business no policy is asked, and that denies. */
    bool reaches = principal_reaches(op->principal, server->name);
    return (struct policy_question){
        .policies = reaches ? snapshot->policies : NULL,
        .lifted = reaches ? snapshot->lifted : NULL,
        .principal = op->principal,
        .server = server->name,
        .server_trust = server->trust,
        .server_labels = server->labels,
        .server_label_count = server->label_count,
        .method = method->judged_as.len > 0 ? method->judged_as : method->name,
        .within = method->within,
        .primitive = op->message.method->primitive,
        .name = op->name,
        .name_unknown = op->is_template,
        .definition = {NULL, JSON_NONE},
        .arguments = {&op->message.tape, op->message.arguments},
        .usage = usage_of(op),
        .peer_ip = op->peer_ip,
        .certificate = op->certificate,
        .is_tls = op->is_tls,
        .now_s = ports->clock->wall_ms(ports->clock->context) / 1000,
    };
}

void operation_offer_to(struct operation *op, struct server_session *session)
{
    if (session->state == SERVER_SESSION_READY || session->state == SERVER_SESSION_OPENING) {
        return;
    }
    session->client_offer = (struct mcp_client_capabilities){0};
    if (!mcp_capabilities_is_empty(&op->declared)) {
        struct policy_question scene = operation_question(op, session->server_index);
        session->client_offer = question_reduce(&scene, &op->declared, &op->gateway->scratch);
    }
    session->client_offer.extensions = operation_extensions(op, session->server_index);
}

bool operation_denies_as_result(const struct operation *op)
{
    const struct mcp_method *method = op->message.method;
    bool has_result =
        method->kind == MCP_KIND_CALL || slice_eq(method->name, SLICE("tasks/result"));
    return method->primitive == MCP_TOOL && has_result && !operation_server(op)->deny_as_error;
}

static bool reaches_server(const struct operation *op)
{
    return op->server_index == OPERATION_ALL_SERVERS ||
           principal_reaches(op->principal, operation_server(op)->name);
}

/* Denied for what a better token would bring. */
static enum stage_result refuse_with_demand(struct operation *op, enum challenge_kind kind)
{
    bool needs_scopes = kind == CHALLENGE_SCOPES;
    return operation_refuse(op, &(struct operation_refusal){
                                    .type = AUDIT_AUTHZ_DENY,
                                    .http_status = challenge_http_status(kind),
                                    .text = SLICE("the access token is not enough for this"),
                                    .code = needs_scopes ? "scope_missing" : "step_up",
                                    .reason = needs_scopes ? SLICE("the token lacks scopes")
                                                           : SLICE("another sign-in is asked for"),
                                    .challenge = kind});
}

enum stage_result operation_refuse_denied(struct operation *op)
{
    bool is_forbidden = op->answer.policy_count > 0;
    if (op->gateway->snapshot->policies == NULL) {
        return operation_refuse_error(op, PRODUCT_POLICY_UNAVAILABLE, SLICE_EMPTY);
    }
    enum challenge_kind challenge = resource_challenge_of(op);
    if (challenge != CHALLENGE_NONE) {
        return refuse_with_demand(op, challenge);
    }
    struct slice reason = is_forbidden          ? SLICE("forbidden by a policy")
                          : !reaches_server(op) ? SLICE("the caller's key is not for this server")
                                                : SLICE("no policy permits it");
    struct operation_refusal refusal = operation_refusal_of(PRODUCT_POLICY_DENIED, reason);
    if (op->answer.reason.len > 0) {
        refusal.text = op->answer.reason;
    }
    refusal.as_tool_result = operation_denies_as_result(op);
    return operation_refuse(op, &refusal);
}

static bool take_endpoint(struct operation *op)
{
    const struct gateway_snapshot *snapshot = op->gateway->snapshot;
    struct endpoint endpoint;
    if (!endpoint_parse(op->target_path, &endpoint)) {
        return false;
    }
    op->view = endpoint.view;
    if (op->view.len > 0 && gateway_snapshot_view(snapshot, op->view) == NULL) {
        return false;
    }
    if (endpoint.server.len == 0) {
        bool is_one = snapshot->is_proxy && op->view.len == 0;
        op->server_index = is_one ? 0 : OPERATION_ALL_SERVERS;
        return true;
    }
    size_t server = gateway_snapshot_server(snapshot, endpoint.server);
    op->server_index = (uint32_t)server;
    return server != SIZE_MAX;
}

/* One address has one name here, in policies, in the audit and at the server. */
static enum stage_result take_address(struct operation *op)
{
    struct resource_uri uri;
    struct diag diag = {0};
    if (op->message.method->is_completion && uri_template_is_sound(op->message.target) &&
        slice_find_byte(op->message.target, '{') < op->message.target.len) {
        op->is_template = true;
        return STAGE_DONE;
    }
    enum status status = resource_uri_read(op->message.target, &op->arena, &uri, &diag);
    if (status == STATUS_LIMIT) {
        return operation_refuse_overload(op, "no memory for the address");
    }
    if (status != STATUS_OK) {
        return operation_refuse_error(op, PRODUCT_RESOURCE_DENIED, reason_of(op, &diag));
    }
    op->name = uri.text;
    return STAGE_DONE;
}

const struct gateway_view *operation_view(const struct operation *op)
{
    return gateway_snapshot_view(op->gateway->snapshot, op->view);
}

/* MCP Apps: the pages that a client may show are the resources of this scheme. */
static bool is_page(enum mcp_primitive primitive, struct slice address)
{
    return primitive == MCP_RESOURCE &&
           slice_eq_ascii_nocase(slice_sub(address, 0, 3), SLICE("ui:"));
}

/* A view that is gone shows nothing. */
bool operation_shows(const struct operation *op, enum mcp_primitive primitive,
                     uint32_t server_index, struct slice name)
{
    const struct gateway_view *view = operation_view(op);
    if (is_page(primitive, name) &&
        (operation_extensions(op, server_index) & MCP_EXTENSION_UI) == 0) {
        return false;
    }
    return op->view.len == 0 || (view != NULL && view_has(view, primitive, server_index, name));
}

bool operation_covers(const struct operation *op, enum mcp_primitive primitive,
                      uint32_t server_index)
{
    const struct gateway_view *view = operation_view(op);
    const struct gateway_server *server = &op->gateway->snapshot->servers[server_index];
    return principal_reaches(op->principal, server->name) &&
           (op->view.len == 0 || (view != NULL && view_covers(view, primitive, server_index)));
}

/* A tool with a new name has no other one there. */
static bool is_called_otherwise(const struct operation *op)
{
    const struct gateway_view *view = operation_view(op);
    bool names_tool =
        op->message.method->primitive == MCP_TOOL && op->message.method->kind == MCP_KIND_CALL;
    struct slice renamed = view == NULL || !names_tool
                               ? SLICE_EMPTY
                               : view_text_of(&view->renames, op->server_index, op->name);
    return renamed.len > 0 && !slice_eq(renamed, op->message.target);
}

enum stage_result operation_stage_check_view(struct operation *op)
{
    return operation_shows(op, op->message.method->primitive, op->server_index, op->name) &&
                   !is_called_otherwise(op)
               ? STAGE_DONE
               : operation_refuse_target(op, "target.unknown",
                                         SLICE("the endpoint does not show it"));
}

static bool take_renamed(struct operation *op)
{
    const struct gateway_view *view = operation_view(op);
    const struct view_text *renamed = view == NULL || op->message.method->primitive != MCP_TOOL
                                          ? NULL
                                          : view_find_renamed(view, op->message.target);
    if (renamed == NULL) {
        return false;
    }
    op->server_index = renamed->server_index;
    return arena_copy(&op->arena, renamed->name, &op->name) == STATUS_OK;
}

/* Where the name alone cannot tell the server, the resolve stages will. */
static enum stage_result take_name(struct operation *op)
{
    if (op->message.method->primitive == MCP_RESOURCE) {
        return take_address(op);
    }
    if (take_renamed(op)) {
        return STAGE_DONE;
    }
    if (op->server_index != OPERATION_ALL_SERVERS || wire_name_is_alias(op->message.target)) {
        return STAGE_DONE;
    }
    size_t server = wire_name_split(op->gateway->snapshot, op->message.target, &op->name);
    if (server == SIZE_MAX) {
        return operation_refuse_target(op, "target.unknown", SLICE("no server has this name"));
    }
    op->server_index = (uint32_t)server;
    return STAGE_DONE;
}

/* Which server, and what is the target called there? */
enum stage_result operation_stage_route(struct operation *op)
{
    op->name = op->message.target;
    op->audit_target = op->message.target;
    if (!take_endpoint(op)) {
        return operation_refuse(op,
                                &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                            .http_status = 404,
                                                            .rpc_code = MCP_ERROR_INVALID_REQUEST,
                                                            .text = SLICE("no such endpoint"),
                                                            .code = "route.unknown"});
    }
    enum mcp_kind kind = op->message.method->kind;
    if (kind == MCP_KIND_CALL || kind == MCP_KIND_TASK) {
        enum stage_result result = kind == MCP_KIND_CALL ? take_name(op) : operation_take_task(op);
        if (result != STAGE_DONE) {
            return result;
        }
    }
    op->drops_extension = op->server_index != OPERATION_ALL_SERVERS &&
                          operation_drops_extension(op, op->server_index);
    if (!operation_set_audit_target(op)) {
        return operation_refuse_overload(op, "no memory for the target");
    }
    return reaches_server(op) ? STAGE_DONE : operation_refuse_denied(op);
}

/* A child process can live on one loop only, and what a legacy server tells comes where the
 * caller's session with it is. */
static bool binds(const struct operation *op, uint32_t server_index)
{
    return op->gateway->snapshot->servers[server_index].is_stdio ||
           op->gateway->place.tells_sessions[server_index];
}

/* May the operation need something that is on one loop only? Who listens may be the first to meet a
 * server that tells sessions. */
static bool is_bound(const struct operation *op)
{
    bool is_found = op->message.method->kind == MCP_KIND_LISTEN;
    if (op->server_index != OPERATION_ALL_SERVERS) {
        return is_found || binds(op, op->server_index);
    }
    for (uint32_t i = 0; i < op->gateway->server_count && !is_found; i++) {
        is_found = binds(op, i);
    }
    return is_found;
}

/* Does the request go on with a call that another loop holds? */
static bool names_loop(const struct operation *op, uint16_t *loop)
{
    json_ref state =
        op->message.params == JSON_NONE
            ? JSON_NONE
            : json_member(&op->message.tape, op->message.params, SLICE("requestState"));
    if (state == JSON_NONE || json_type(&op->message.tape, state) != JSON_STRING) {
        return false;
    }
    struct slice raw = json_raw(&op->message.tape, state);
    return request_state_loop(slice_sub(raw, 1, raw.len - 1), loop) &&
           *loop < op->gateway->place.loop_count;
}

/* A session is served where it was opened. Without one, all that a caller has children for, or that
 * may tell him of changes, goes to one loop, chosen by his digest: callers spread over the loops,
 * and a list over all servers finds everything of the caller in one place. The rest is served where
 * it arrived. */
static uint16_t home_of(const struct operation *op)
{
    const struct gateway_place *place = &op->gateway->place;
    uint16_t loop = 0;
    if (op->has_home) {
        return op->token.loop;
    }
    if (op->message.method->may_ask && names_loop(op, &loop)) {
        return loop;
    }
    if (!is_bound(op)) {
        return place->loop;
    }
    uint32_t hash = 0;
    memcpy(&hash, op->principal->digest, sizeof(hash));
    return (uint16_t)(hash % place->loop_count);
}

/* Here it is served, and here alone is known whether its session is still open. */
static enum stage_result enter_session(struct operation *op)
{
    if (!op->has_home) {
        return STAGE_DONE;
    }
    op->client = client_session_enter(op->gateway, &op->token);
    if (op->client == NULL) {
        return operation_refuse_session(op, "session.over");
    }
    op->declared = op->client->capabilities;
    if (op->client->is_linked != op->is_linked) {
        return operation_refuse_session(op, "session.transport");
    }
    enum stage_result result = op->is_linked ? operation_link(op) : STAGE_DONE;
    if (result != STAGE_DONE) {
        return result;
    }
    return op->revision < op->message.method->first_legacy ? operation_refuse_method(op)
                                                           : STAGE_DONE;
}

/* What was handed over stays, so that loops with different snapshots cannot pass it on for ever. */
enum stage_result operation_stage_home(struct operation *op)
{
    const struct port_handover *port = op->gateway->ports.handover;
    uint16_t home = home_of(op);
    if (op->was_handed_over || home == op->gateway->place.loop) {
        return enter_session(op);
    }
    struct exchange_request request = operation_request(op);
    if (port->hand_over(port->context, home, op->exchange, &request) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory to hand the request over");
    }
    op->exchange = NULL;
    return STAGE_LEAVE;
}

enum stage_result operation_stage_record_event(struct operation *op)
{
    return operation_record(op, AUDIT_EVENT, AUDIT_AUTHZ_ALLOW, false);
}

enum stage_result operation_stage_check_intent(struct operation *op)
{
    return op->wait_status == STATUS_OK
               ? STAGE_DONE
               : operation_refuse_error(op, PRODUCT_AUDIT_UNAVAILABLE, SLICE_EMPTY);
}

enum stage_result operation_stage_check_record(struct operation *op)
{
    return op->stop == STATUS_UNAUTHENTICATED ? operation_refuse_revoked(op)
                                              : operation_stage_check_intent(op);
}
