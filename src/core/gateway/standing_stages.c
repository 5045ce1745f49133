/* What a server asks or tells that belongs to no request of its client: an operation that ends with
 * it. The client gets it on its standalone stream. */
#include "core/gateway/asking.h"
#include "core/gateway/client_pages.h"
#include "core/gateway/listen_request.h"
#include "core/gateway/operation.h"
#include "core/gateway/server_message.h"
#include "core/gateway/subscription.h"
#include "core/gateway/unasked.h"
#include "core/mcp/resource_uri.h"

static enum stage_result record_odd(struct operation *op, struct slice code, struct slice reason)
{
    struct audit_record record = {0};
    operation_fill_record(op, &record);
    record.type = AUDIT_UPSTREAM_PROTOCOL;
    record.phase = AUDIT_EVENT;
    record.direction = SLICE("server");
    record.code = code;
    record.reason = reason;
    return operation_record_as(op, &record, false);
}

/* A server that breaks the protocol on its stream has no stream any more. */
static enum stage_result record_broken(struct operation *op)
{
    return record_odd(op, SLICE("upstream.protocol"),
                      SLICE("a message on the stream of the session breaks the protocol"));
}

/* The server waits for something, whatever happens here. */
static void refuse_unasked(struct operation *op, const struct json_tape *tape)
{
    unasked_refuse(op->session, tape, SLICE("gateway.memory"));
}

static enum stage_result ask(struct operation *op, const struct json_tape *tape)
{
    if (!operation_waits(op)) {
        refuse_unasked(op, tape);
        return STAGE_DONE;
    }
    if (!asking_begin(op, tape)) {
        refuse_unasked(op, tape);
    }
    if (op->asking_count == 0) {
        child_cancel(&op->pause);
    }
    return op->children.count > 0 ? STAGE_WAIT : STAGE_DONE;
}

/* Written anew: nothing that the server added goes on. */
static void tell_update(struct operation *op)
{
    buf_append(&op->reply, SLICE("{\"jsonrpc\":\"2.0\",\"method\":"));
    buf_append_json_string(&op->reply, op->message.method->name);
    buf_append(&op->reply, SLICE(",\"params\":{\"uri\":"));
    buf_append_json_string(&op->reply, op->name);
    buf_append(&op->reply, SLICE("}}"));
    if (buf_status(&op->reply) == STATUS_OK) {
        (void)client_session_tell(op->client, buf_view(&op->reply));
    }
}

/* The first of several in a row; the others say the same. */
static enum stage_result record_denied(struct operation *op, struct subscription *subscription)
{
    struct audit_record record = {0};
    if (subscription->is_denied) {
        return STAGE_DONE;
    }
    subscription->is_denied = true;
    operation_fill_record(op, &record);
    record.type = AUDIT_AUTHZ_DENY;
    record.phase = AUDIT_EVENT;
    record.decision = AUDIT_DECISION_DENY;
    record.direction = SLICE("server");
    record.code = SLICE("policy_denied");
    record.policies = op->answer.policies;
    record.policy_count = op->answer.policy_count;
    return operation_record_as(op, &record, false);
}

/* Who may not read a resource does not learn that it changes. */
static enum stage_result take_update(struct operation *op, const struct json_tape *tape)
{
    struct resource_uri uri;
    struct slice text;
    json_ref params = json_member(tape, 0, SLICE("params"));
    json_ref ref = params == JSON_NONE ? JSON_NONE : json_member(tape, params, SLICE("uri"));
    op->message.method = mcp_method_of_update();
    if (ref == JSON_NONE || json_string(tape, ref, &op->arena, &text) != STATUS_OK ||
        resource_uri_read(text, &op->arena, &uri, NULL) != STATUS_OK) {
        return STAGE_DONE;
    }
    struct subscription *subscription = subscription_find(op->client, op->server_index, uri.text);
    op->name = op->audit_target = uri.text;
    if (subscription == NULL || !operation_shows(op, MCP_RESOURCE, op->server_index, op->name)) {
        return STAGE_DONE;
    }
    struct policy_question question = operation_question(op, op->server_index);
    bool is_judged =
        policy_decide(&question, &op->gateway->scratch, &op->arena, &op->answer) == STATUS_OK;
    if (!is_judged || !op->answer.is_allowed) {
        return record_denied(op, subscription);
    }
    subscription->is_denied = false;
    tell_update(op);
    return STAGE_DONE;
}

/* Those of the client's subscriptions that an array of addresses names. */
static void mark_agreed(struct operation *op, const struct json_tape *tape, json_ref array)
{
    struct arena *scratch = &op->gateway->scratch;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref ref = JSON_NONE;
    json_iter_init(&iter, tape, array);
    for (size_t i = 0; i < op->gateway->limits.subscriptions && json_iter_next(&iter, &key, &ref);
         i++) {
        struct slice uri;
        struct subscription *at = op->client->subscriptions;
        bool is_read = listen_read_address(tape, ref, scratch, &uri) == STATUS_OK;
        for (; is_read && at != NULL; at = at->next) {
            at->is_agreed = at->is_agreed || (at->server_index == op->server_index &&
                                              slice_eq(slice_of(at->uri, at->len), uri));
        }
        arena_reset(scratch);
    }
}

static void record_unheard(struct operation *op, struct slice uri)
{
    struct audit_record record = {0};
    op->audit_target = uri;
    operation_fill_record(op, &record);
    record.type = AUDIT_UPSTREAM_PROTOCOL;
    record.phase = AUDIT_EVENT;
    record.direction = SLICE("server");
    record.method = SLICE("resources/subscribe");
    record.code = SLICE("subscription.refused");
    record.reason = SLICE("the server does not agree to tell of this resource");
    (void)!operation_append_record(op, &record, NULL);
}

/* A modern server says what it will tell of. The subscription stays: the next request asks again.
 */
static void take_acknowledgement(struct operation *op, const struct json_tape *tape)
{
    json_ref params = json_member(tape, 0, SLICE("params"));
    json_ref filter = json_member_object(tape, params, SLICE("notifications"));
    json_ref array = filter == JSON_NONE ? JSON_NONE : listen_addresses(tape, filter);
    struct subscription *at = op->client->subscriptions;
    for (; at != NULL; at = at->next) {
        at->is_agreed = at->is_agreed && at->server_index != op->server_index;
    }
    if (array != JSON_NONE) {
        mark_agreed(op, tape, array);
    }
    for (at = op->client->subscriptions; at != NULL; at = at->next) {
        if (at->server_index == op->server_index && at->is_told) {
            if (!at->is_agreed && !at->is_unheard) {
                record_unheard(op, slice_of(at->uri, at->len));
            }
            at->is_unheard = !at->is_agreed;
        }
    }
}

/* The state of a task goes on with the id that the client knows. */
static void tell_state(struct operation *op, const struct json_tape *tape)
{
    struct json_edit edit;
    json_ref params = json_member(tape, 0, SLICE("params"));
    if (params != JSON_NONE && task_state_edit(op, (struct json_place){tape, params}, &edit)) {
        json_write(&op->reply, tape, 0, &edit, 1);
        if (buf_status(&op->reply) == STATUS_OK) {
            (void)client_session_tell(op->client, buf_view(&op->reply));
        }
    }
}

static enum stage_result stage_later(struct operation *op)
{
    return operation_rest(op, 0);
}

static enum stage_result stage_take(struct operation *op)
{
    struct json_tape tape;
    struct slice method = SLICE_EMPTY;
    if (json_parse(&op->gateway->parser, op->body, &op->arena, &tape, NULL) != STATUS_OK ||
        !server_message_is_rpc(&tape)) {
        return record_broken(op);
    }
    if (server_message_is_question(&tape)) {
        return ask(op, &tape);
    }
    if (!server_message_is_notification(&tape) ||
        json_string(&tape, json_member(&tape, 0, SLICE("method")), &op->arena, &method) !=
            STATUS_OK) {
        return record_broken(op);
    }
    if (slice_eq(method, mcp_method_of_update()->name)) {
        return take_update(op, &tape);
    }
    const struct listen_list *list = listen_list_find(&tape);
    if (list != NULL) {
        list_changes_take(&op->client->changes, list);
    } else if (slice_eq(method, LISTEN_ACKNOWLEDGED_METHOD)) {
        take_acknowledgement(op, &tape);
    } else if (slice_eq(method, CLIENT_PAGES_METHOD)) {
        if (client_pages_complete(op, &tape, &op->reply)) {
            (void)client_session_tell(op->client, buf_view(&op->reply));
        }
    } else if (slice_eq(method, TASK_STATUS_METHOD)) {
        tell_state(op, &tape);
    } else {
        return record_odd(op, SLICE("notification.unknown"), method);
    }
    return STAGE_DONE;
}

const struct stage OPERATION_STANDING_STAGES[] = {
    {"later", stage_later},
    {"take", stage_take},
    {NULL, NULL},
};
