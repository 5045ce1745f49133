/* Lists: asked of every server the endpoint stands for, filtered by what the caller could ever use,
 * merged into one page. */
#include "core/gateway/operation.h"
#include "json/writer.h"

#define LIST_PAGES_MAX 64
#define WIRE_NAME_BYTES_MAX 256

struct list_page {
    struct list_page *next;
    struct json_tape tape;
    json_ref items;
};

static void start_page(struct list_part *part, struct slice cursor);

static struct list_part *part_of_call(struct call *call)
{
    return (struct list_part *)((char *)call - offsetof(struct list_part, call));
}

static bool add_page(struct list_part *part)
{
    struct operation *op = part->operation;
    const struct call *call = &part->call;
    struct list_page *page = arena_alloc(&op->arena, sizeof(*page));
    json_ref items = call->result == JSON_NONE ? JSON_NONE
                                               : json_member(&call->answer, call->result,
                                                             op->message.method->list_member);
    if (page == NULL || items == JSON_NONE || json_type(&call->answer, items) != JSON_ARRAY ||
        ++part->page_count > LIST_PAGES_MAX) {
        return false;
    }
    *page = (struct list_page){part->pages, call->answer, items};
    part->pages = page;
    return true;
}

static void on_page(struct call *call, enum status status)
{
    struct list_part *part = part_of_call(call);
    if (status != STATUS_OK || !add_page(part)) {
        part->operation->wait_diag = call->diag;
        return;
    }
    json_ref next = json_member(&call->answer, call->result, SLICE("nextCursor"));
    if (next != JSON_NONE && json_type(&call->answer, next) == JSON_STRING) {
        start_page(part, json_raw(&call->answer, next));
    } else {
        part->is_complete = true;
    }
}

/* cursor: a JSON string lexeme, or empty. */
static void start_page(struct list_part *part, struct slice cursor)
{
    struct operation *op = part->operation;
    struct slice params = SLICE_EMPTY;
    enum status status = STATUS_OK;
    if (cursor.len > 0) {
        status = arena_format(&op->arena, &params, "{\"cursor\":%.*s}", SLICE_ARG(cursor));
    }
    struct call_request request = {.owner = &op->children,
                                   .arena = &op->arena,
                                   .session = part->session,
                                   .method = op->message.method->name,
                                   .params = params,
                                   .is_modern = part->session->is_modern};
    part->call = (struct call){.on_done = on_page};
    if (status == STATUS_OK) {
        status = call_start(&part->call, &request);
    }
    if (status != STATUS_OK) {
        op->wait_diag = part->call.diag;
    }
}

static bool has_primitive(const struct list_part *part)
{
    switch (part->operation->message.method->primitive) {
    case MCP_TOOL:
        return part->session->has_tools;
    case MCP_RESOURCE:
        return part->session->has_resources;
    case MCP_PROMPT:
        return part->session->has_prompts;
    case MCP_LIFECYCLE:
        break;
    }
    return false;
}

static void start_part(struct list_part *part)
{
    if (has_primitive(part)) {
        start_page(part, SLICE_EMPTY);
    } else {
        part->is_complete = true;
    }
}

static void on_session_ready(struct session_waiter *waiter, enum status status,
                             const struct diag *diag)
{
    struct list_part *part =
        (struct list_part *)((char *)waiter - offsetof(struct list_part, waiter));
    if (status == STATUS_OK) {
        start_part(part);
    } else {
        part->operation->wait_diag = *diag;
    }
}

static void open_part(struct list_part *part)
{
    struct operation *op = part->operation;
    part->session = server_session_get(op->gateway, part->server_index, op->principal->digest);
    if (part->session == NULL) {
        return;
    }
    part->session->user_count++;
    part->waiter.ready = on_session_ready;
    if (server_session_open(part->session, &op->children, &part->waiter, &op->wait_diag) ==
        STATUS_OK) {
        start_part(part);
    }
}

static enum stage_result stage_fetch(struct operation *op)
{
    bool is_all = op->server_index == OPERATION_ALL_SERVERS;
    if (operation_is_stopped(op)) {
        return STAGE_DONE;
    }
    op->part_count = is_all ? op->gateway->snapshot->server_count : 1;
    op->parts = arena_alloc_zero(&op->arena, op->part_count, sizeof(*op->parts));
    if (op->parts == NULL) {
        op->part_count = 0;
        return operation_refuse_overload(op, "no memory for the list");
    }
    for (size_t i = 0; i < op->part_count; i++) {
        op->parts[i] = (struct list_part){.operation = op,
                                          .server_index = is_all ? (uint32_t)i : op->server_index};
    }
    if (op->part_count > 1) {
        /* One slow server must not keep the others' items from the client. */
        operation_limit_wait(op, op->gateway->limits.list_timeout_ms);
    }
    for (size_t i = 0; i < op->part_count; i++) {
        open_part(&op->parts[i]);
    }
    op->wait_status = STATUS_OK;
    return op->children.count > 0 ? STAGE_WAIT : STAGE_DONE;
}

/* A server that is down takes only its own part away, unless it was all there is. */
static enum stage_result stage_check(struct operation *op)
{
    size_t failed = 0;
    if (op->wait_status == STATUS_CANCELLED) {
        return STAGE_DONE;
    }
    for (size_t i = 0; i < op->part_count; i++) {
        failed += op->parts[i].is_complete ? 0 : 1;
    }
    if (failed == 0 || failed < op->part_count) {
        return STAGE_DONE;
    }
    enum status status =
        op->wait_diag.status == STATUS_OK ? STATUS_UNAVAILABLE : op->wait_diag.status;
    return operation_refuse_upstream(op, status, &op->wait_diag);
}

static bool item_is_visible(struct operation *op, const struct list_part *part,
                            const struct json_tape *tape, json_ref item, struct slice name)
{
    const struct gateway_snapshot *snapshot = op->gateway->snapshot;
    const struct gateway_server *server = &snapshot->servers[part->server_index];
    const struct gateway_ports *ports = &op->gateway->ports;
    static const struct slice CALLS[] = {
        [MCP_LIFECYCLE] = SLICE_INIT(""),
        [MCP_TOOL] = SLICE_INIT("tools/call"),
        [MCP_RESOURCE] = SLICE_INIT("resources/read"),
        [MCP_PROMPT] = SLICE_INIT("prompts/get"),
    };
    struct policy_question question = {
        .policies = snapshot->policies,
        .principal = op->principal,
        .server = server->name,
        .server_trust = server->trust,
        .server_labels = server->labels,
        .server_label_count = server->label_count,
        .method = CALLS[op->message.method->primitive],
        .primitive = op->message.method->primitive,
        .name = name,
        .definition = {tape, item},
        .arguments = {tape, JSON_NONE},
        .arguments_unknown = true,
        .peer_ip = op->peer_ip,
        .is_tls = op->is_tls,
        .now_s = ports->clock->wall_s(ports->clock->context),
    };
    return policy_may_ever_allow(&question, &op->arena);
}

/* Names of the aggregated endpoint carry their server: server__name. */
static enum status wire_name(struct operation *op, const struct list_part *part, struct slice name,
                             struct slice *out)
{
    struct buf text;
    buf_init(&text, WIRE_NAME_BYTES_MAX * 8, &op->account);
    buf_append(&text, op->gateway->snapshot->servers[part->server_index].name);
    buf_append(&text, SLICE("__"));
    buf_append(&text, name);
    struct buf json;
    buf_init(&json, WIRE_NAME_BYTES_MAX * 64, &op->account);
    buf_append_json_string(&json, buf_view(&text));
    enum status status = buf_status(&text) == STATUS_OK ? buf_status(&json) : STATUS_LIMIT;
    if (status == STATUS_OK) {
        status = arena_copy(&op->arena, buf_view(&json), out);
    }
    buf_release(&json);
    buf_release(&text);
    return status;
}

/* The member that names an item, and whether a list may hold it at all. A template names no
 * resource yet, so it is listed; what it leads to is decided when it is read. */
static void write_item(struct operation *op, const struct list_part *part,
                       const struct json_tape *tape, json_ref item, bool *has_item)
{
    bool is_resource = op->message.method->primitive == MCP_RESOURCE;
    bool is_template = slice_eq(op->message.method->list_member, SLICE("resourceTemplates"));
    struct slice name = SLICE_EMPTY;
    struct json_edit edit = {JSON_EDIT_REPLACE, JSON_NONE, SLICE_EMPTY};
    size_t edit_count = 0;
    if (json_type(tape, item) != JSON_OBJECT) {
        return;
    }
    json_ref ref = json_member(tape, item, is_resource ? SLICE("uri") : SLICE("name"));
    if (!is_template) {
        if (ref == JSON_NONE || json_string(tape, ref, &op->arena, &name) != STATUS_OK ||
            !item_is_visible(op, part, tape, item, name)) {
            return;
        }
    }
    if (!is_resource && op->server_index == OPERATION_ALL_SERVERS) {
        edit.ref = ref;
        if (wire_name(op, part, name, &edit.text) != STATUS_OK) {
            return;
        }
        edit_count = 1;
    }
    buf_append(&op->reply, *has_item ? SLICE(",") : SLICE_EMPTY);
    *has_item = true;
    json_write(&op->reply, tape, item, &edit, edit_count);
}

/* Pages stand newest first; a list keeps the server's order. */
static void write_pages(struct operation *op, const struct list_part *part,
                        const struct list_page *page, bool *has_item)
{
    const struct list_page *ordered[LIST_PAGES_MAX];
    size_t count = 0;
    for (; page != NULL && count < LIST_PAGES_MAX; page = page->next) {
        ordered[count++] = page;
    }
    while (count > 0) {
        const struct list_page *next = ordered[--count];
        struct json_iter iter;
        json_ref key = JSON_NONE;
        json_ref item = JSON_NONE;
        json_iter_init(&iter, &next->tape, next->items);
        while (json_iter_next(&iter, &key, &item)) {
            write_item(op, part, &next->tape, item, has_item);
        }
    }
}

static enum stage_result stage_answer(struct operation *op)
{
    bool has_item = false;
    if (op->client_gone) {
        return STAGE_DONE;
    }
    operation_result_begin(op);
    buf_append_json_string(&op->reply, op->message.method->list_member);
    buf_append(&op->reply, SLICE(":["));
    for (size_t i = 0; i < op->part_count; i++) {
        write_pages(op, &op->parts[i], op->parts[i].pages, &has_item);
    }
    buf_append_byte(&op->reply, ']');
    if (mcp_revision_is_modern(op->revision)) {
        buf_append(&op->reply, SLICE(",\"ttlMs\":0,\"cacheScope\":\"private\""));
    }
    operation_result_end(op);
    operation_answer(op, 200);
    return STAGE_DONE;
}

/* All pages are merged into one, so no cursor was ever given out. */
static enum stage_result stage_check_cursor(struct operation *op)
{
    const struct mcp_message *message = &op->message;
    if (message->params == JSON_NONE ||
        json_member(&message->tape, message->params, SLICE("cursor")) == JSON_NONE) {
        return STAGE_DONE;
    }
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                            .http_status = 200,
                                                            .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                                            .text = SLICE("unknown cursor"),
                                                            .code = "list.cursor"});
}

const struct stage OPERATION_LIST_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"check_cursor", stage_check_cursor},
    {"fetch", stage_fetch},
    {"check", stage_check},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"answer", stage_answer},
    {NULL, NULL},
};
