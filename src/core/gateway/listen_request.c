#include "core/gateway/listen_request.h"

#include "core/gateway/server_message.h"
#include "core/gateway/server_session.h"
#include "core/mcp/resource_uri.h"

#define EXTENSION "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}"
#define ENVELOPE                                                                                   \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"aegis\",\"version\":\"0.1.0\"},"           \
    "\"io.modelcontextprotocol/clientCapabilities\":{"
#define SUBSCRIPTION_ID SLICE("io.modelcontextprotocol/subscriptionId")

const struct listen_list LISTEN_LIST[LISTEN_LISTS] = {
    {SLICE_INIT("toolsListChanged"), SLICE_INIT("notifications/tools/list_changed"),
     MCP_OFFERS_TOOLS_CHANGED, MCP_TOOL},
    {SLICE_INIT("promptsListChanged"), SLICE_INIT("notifications/prompts/list_changed"),
     MCP_OFFERS_PROMPTS_CHANGED, MCP_PROMPT},
    {SLICE_INIT("resourcesListChanged"), SLICE_INIT("notifications/resources/list_changed"),
     MCP_OFFERS_RESOURCES_CHANGED, MCP_RESOURCE},
};

const struct listen_list *listen_list_find(const struct json_tape *tape)
{
    json_ref method = json_member(tape, 0, SLICE("method"));
    for (size_t i = 0; i < LISTEN_LISTS; i++) {
        if (json_string_eq(tape, method, LISTEN_LIST[i].method)) {
            return &LISTEN_LIST[i];
        }
    }
    return NULL;
}

uint32_t listen_read_lists(const struct json_tape *tape, json_ref filter)
{
    uint32_t lists = 0;
    for (size_t i = 0; i < LISTEN_LISTS; i++) {
        json_ref wish = json_member(tape, filter, LISTEN_LIST[i].wish);
        bool is_wished = wish != JSON_NONE && json_type(tape, wish) == JSON_TRUE;
        lists |= is_wished ? LISTEN_LIST[i].offer : 0U;
    }
    return lists;
}

json_ref listen_addresses(const struct json_tape *tape, json_ref filter)
{
    json_ref array = json_member(tape, filter, SLICE("resourceSubscriptions"));
    return array != JSON_NONE && json_type(tape, array) == JSON_ARRAY ? array : JSON_NONE;
}

enum status listen_read_address(const struct json_tape *tape, json_ref ref, struct arena *arena,
                                struct slice *uri)
{
    struct slice text;
    struct resource_uri read;
    TRY(json_string(tape, ref, arena, &text));
    TRY(resource_uri_read(text, arena, &read, NULL));
    *uri = read.text;
    return STATUS_OK;
}

/* -- the filter ---------------------------------------------------------------------------- */

void listen_filter_begin(struct listen_filter *filter, struct buf *json, uint32_t lists)
{
    *filter = (struct listen_filter){.json = json};
    buf_append(json, SLICE("\"notifications\":{"));
    for (size_t i = 0; i < LISTEN_LISTS; i++) {
        if ((lists & LISTEN_LIST[i].offer) != 0) {
            buf_append(json, filter->has_member ? SLICE(",") : SLICE_EMPTY);
            buf_append_json_string(json, LISTEN_LIST[i].wish);
            buf_append(json, SLICE(":true"));
            filter->has_member = true;
        }
    }
}

void listen_filter_add(struct listen_filter *filter, struct slice uri)
{
    buf_append(filter->json, filter->has_member ? SLICE(",") : SLICE_EMPTY);
    buf_append(filter->json,
               filter->has_address ? SLICE_EMPTY : SLICE("\"resourceSubscriptions\":["));
    buf_append_json_string(filter->json, uri);
    filter->has_member = filter->has_address = true;
}

void listen_filter_add_task(struct listen_filter *filter, struct slice id)
{
    if (!filter->has_task) {
        buf_append(filter->json, filter->has_address ? SLICE("]") : SLICE_EMPTY);
        filter->has_address = false;
    }
    buf_append(filter->json, filter->has_member ? SLICE(",") : SLICE_EMPTY);
    buf_append(filter->json, filter->has_task ? SLICE_EMPTY : SLICE("\"taskIds\":["));
    buf_append(filter->json, id);
    filter->has_member = filter->has_task = true;
}

void listen_filter_end(struct listen_filter *filter)
{
    bool has_array = filter->has_address || filter->has_task;
    buf_append(filter->json, has_array ? SLICE("]},") : SLICE("},"));
}

/* -- the request --------------------------------------------------------------------------- */

static enum status start(struct server_session *session, int64_t id, struct slice body,
                         const struct upstream_sink *sink, struct upstream_call **handle)
{
    const struct port_upstream *port = session->gateway->ports.upstream;
    const struct gateway_server *server = server_session_server(session);
    const struct http_field fields[] = {
        {SLICE("MCP-Protocol-Version"), mcp_revision_name(MCP_2026_07_28)},
        {SLICE("Mcp-Method"), SLICE("subscriptions/listen")}};
    struct upstream_request request = {.server = session->server_index,
                                       .body = body,
                                       .expects_answer = true,
                                       .id = id,
                                       .fields = fields,
                                       .field_count = COUNT_OF(fields),
                                       .credential_name = server->credential_name,
                                       .credential_value = server->credential_value,
                                       .timeout_ms = LISTEN_SILENCE_MS,
                                       .is_listening = true};
    struct diag diag = {0};
    server_child_address(session, &request);
    return server->is_unavailable ? STATUS_UNAVAILABLE
                                  : port->start(port->context, &request, sink, handle, &diag);
}

enum status listen_start(struct server_session *session, int64_t id, const struct buf *filter,
                         bool has_tasks, const struct upstream_sink *sink,
                         struct upstream_call **handle)
{
    struct buf body;
    TRY(buf_status(filter));
    buf_init(&body, GATEWAY_OPERATION_BYTES_MAX, &session->gateway->account);
    buf_append(&body, SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
    buf_append_i64(&body, id);
    buf_append(&body, SLICE(",\"method\":\"subscriptions/listen\",\"params\":{"));
    buf_append(&body, buf_view(filter));
    buf_append(&body, SLICE(ENVELOPE));
    buf_append(&body, has_tasks ? SLICE(EXTENSION) : SLICE_EMPTY);
    buf_append(&body, SLICE("}}}}"));
    enum status status = buf_status(&body);
    if (status == STATUS_OK) {
        status = start(session, id, buf_view(&body), sink, handle);
    }
    buf_release(&body);
    return status;
}

/* -- what comes ---------------------------------------------------------------------------- */

/* Exact type and value, as for answers. */
static bool is_ours(const struct json_tape *tape, json_ref ref, int64_t id)
{
    int64_t value = 0;
    return ref != JSON_NONE && json_type(tape, ref) == JSON_NUMBER &&
           json_integer(tape, ref, &value) == STATUS_OK && value == id;
}

static bool has_our_id(const struct json_tape *tape, int64_t id)
{
    json_ref params = json_member_object(tape, 0, SLICE("params"));
    json_ref meta = json_member_object(tape, params, SLICE("_meta"));
    return meta != JSON_NONE && is_ours(tape, json_member(tape, meta, SUBSCRIPTION_ID), id);
}

enum listen_message listen_read(const struct json_tape *tape, int64_t id, bool is_acknowledged)
{
    if (!server_message_is_rpc(tape)) {
        return LISTEN_BROKEN;
    }
    json_ref method = json_member(tape, 0, SLICE("method"));
    if (method == JSON_NONE) {
        struct server_answer answer;
        return server_message_is_answer(tape, &answer) && is_ours(tape, answer.id, id)
                   ? LISTEN_ENDED
                   : LISTEN_BROKEN;
    }
    if (json_string_eq(tape, method, SLICE("notifications/cancelled"))) {
        return LISTEN_ENDED;
    }
    bool is_first = json_string_eq(tape, method, LISTEN_ACKNOWLEDGED_METHOD);
    if (!server_message_is_notification(tape) || !has_our_id(tape, id) ||
        is_first == is_acknowledged) {
        return LISTEN_BROKEN;
    }
    return is_first ? LISTEN_ACKNOWLEDGED : LISTEN_NOTICE;
}
