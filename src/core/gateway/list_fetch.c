/* A list of several servers at once: each part opens its session, reads all pages and ends by
 * itself, so that a server that is slow or down takes only its own part away. */
#include "core/gateway/operation.h"

static void start_page(struct list_part *part, struct slice cursor);
static void open_part(struct list_part *part);

static struct arena *arena_of(struct operation *op)
{
    return op->list_arena != NULL ? op->list_arena : &op->arena;
}

static struct list_part *part_of_call(struct call *call)
{
    return (struct list_part *)((char *)call - offsetof(struct list_part, call));
}

static bool add_page(struct list_part *part)
{
    struct operation *op = part->operation;
    const struct call *call = &part->call;
    struct list_page *page = arena_alloc(arena_of(op), sizeof(*page));
    json_ref items = call->result == JSON_NONE
                         ? JSON_NONE
                         : json_member(&call->answer, call->result, op->list->list_member);
    if (page == NULL || items == JSON_NONE || json_type(&call->answer, items) != JSON_ARRAY ||
        ++part->page_count > op->gateway->limits.list_pages) {
        return false;
    }
    *page = (struct list_page){NULL, call->answer, items};
    if (part->last_page == NULL) {
        part->pages = page;
    } else {
        part->last_page->next = page;
    }
    part->last_page = page;
    return true;
}

/* A server that never heard of the list has nothing to list. */
static bool knows_no_list(const struct call *call)
{
    int64_t code = 0;
    return call->error != JSON_NONE &&
           json_integer(&call->answer, json_member(&call->answer, call->error, SLICE("code")),
                        &code) == STATUS_OK &&
           code == MCP_ERROR_METHOD_NOT_FOUND;
}

/* MCP 2025-11-25, session management: the session is over. Once, the list is asked for in a new
 * one, from the start. */
static void repeat_part(struct list_part *part)
{
    part->was_repeated = true;
    part->pages = part->last_page = NULL;
    part->page_count = 0;
    server_session_forget(part->session);
    server_session_leave(part->session);
    open_part(part);
}

static void on_page(struct call *call, enum status status)
{
    struct list_part *part = part_of_call(call);
    if (status == STATUS_OK && knows_no_list(call)) {
        part->is_complete = true;
        return;
    }
    if (status == STATUS_NOT_FOUND && !part->was_repeated) {
        repeat_part(part);
        return;
    }
    if (status != STATUS_OK) {
        part->operation->wait_diag = call->diag;
        return;
    }
    if (!add_page(part)) {
        (void)!diag_fail(&part->operation->wait_diag, STATUS_INVALID, "upstream.protocol",
                         "the server's list cannot be read, or has too many pages");
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
        status = arena_format(arena_of(op), &params, "{\"cursor\":%.*s}", SLICE_ARG(cursor));
    }
    struct call_request request = {
        .owner = &op->children,
        .arena = arena_of(op),
        .session = part->session,
        .method = op->list->name,
        .params = params,
        .is_modern = part->session->is_modern,
        .capabilities = {.extensions = operation_extensions(op, part->server_index)}};
    part->call = (struct call){.on_done = on_page};
    if (status == STATUS_OK) {
        status = call_start(&part->call, &request);
    }
    if (status != STATUS_OK) {
        op->wait_diag = part->call.diag;
    }
}

/* A session was all that was wanted, or the server has nothing to list. */
static void start_part(struct list_part *part)
{
    const struct mcp_method *list = part->operation->list;
    if (list != NULL && (part->session->offers & list->needs) == list->needs) {
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
    part->session = server_session_get(op->gateway, part->server_index, op->principal, op->client,
                                       &op->declared);
    if (part->session == NULL) {
        return;
    }
    operation_offer_to(op, part->session);
    part->session->user_count++;
    if (op->part_count > 1 && server_session_is_late(part->session)) {
        (void)!diag_fail(&op->wait_diag, STATUS_TIMEOUT, "upstream.timeout",
                         "the server did not list in time a moment ago");
        return;
    }
    part->waiter.ready = on_session_ready;
    if (server_session_open(part->session, &op->children, &part->waiter, &op->wait_diag) ==
        STATUS_OK) {
        start_part(part);
    }
}

void operation_leave_parts(struct operation *op)
{
    for (size_t i = 0; i < op->part_count; i++) {
        if (op->parts[i].session != NULL) {
            server_session_leave(op->parts[i].session);
        }
    }
    op->parts = NULL;
    op->part_count = 0;
    if (op->list_arena != NULL) {
        arena_release(op->list_arena);
    }
}

enum stage_result operation_fetch(struct operation *op, const struct mcp_method *list,
                                  const uint32_t *servers, size_t count)
{
    operation_leave_parts(op);
    if (operation_is_stopped(op)) {
        return STAGE_DONE;
    }
    op->list = list;
    op->parts = arena_alloc_zero(&op->arena, count, sizeof(*op->parts));
    if (op->parts == NULL) {
        return operation_refuse_overload(op, "no memory for the list");
    }
    op->part_count = count;
    for (size_t i = 0; i < count; i++) {
        op->parts[i] = (struct list_part){.operation = op, .server_index = servers[i]};
    }
    if (count > 1) {
        /* One slow server must not keep the others' items from the client. */
        operation_limit_wait(op, op->gateway->limits.list_timeout_ms);
    }
    operation_note(op, STATUS_OK, NULL);
    for (size_t i = 0; i < count; i++) {
        open_part(&op->parts[i]);
    }
    op->wait_status = STATUS_OK;
    return op->children.count > 0 ? STAGE_WAIT : STAGE_DONE;
}

enum stage_result operation_refuse_unfetched(struct operation *op)
{
    enum status status =
        op->wait_diag.status == STATUS_OK ? STATUS_UNAVAILABLE : op->wait_diag.status;
    return operation_refuse_upstream(op, status, &op->wait_diag);
}

enum stage_result operation_fetch_endpoint(struct operation *op, const struct mcp_method *list)
{
    enum mcp_primitive primitive = list == NULL ? MCP_LIFECYCLE : list->primitive;
    size_t server_count = op->gateway->snapshot->server_count;
    uint32_t *servers = arena_alloc_zero(&op->arena, server_count, sizeof(*servers));
    size_t count = 0;
    if (servers == NULL) {
        return operation_refuse_overload(op, "no memory for the list");
    }
    for (uint32_t i = 0; i < server_count; i++) {
        bool is_meant = op->server_index == OPERATION_ALL_SERVERS || op->server_index == i;
        if (is_meant && operation_covers(op, primitive, i) &&
            (list == NULL || operation_may_extend(op, list, i))) {
            servers[count++] = i;
        }
    }
    return operation_fetch(op, list, servers, count);
}

/* For the record: an item that is not there has its reason. What does not fit is left out there,
 * too. */
static void note_left_out(struct operation *op, const struct gateway_server *server)
{
    struct slice before = op->left_out;
    (void)!arena_format(&op->arena, &op->left_out, "%.*s%s%.*s", SLICE_ARG(before),
                        before.len > 0 ? ", " : "", SLICE_ARG(server->name));
}

/* A server that is down takes only its own part away, unless it was all there is, or its entry says
 * that a list without it is none. */
enum stage_result operation_stage_check_fetched(struct operation *op)
{
    size_t failed = 0;
    bool is_needed = false;
    if (op->wait_status == STATUS_CANCELLED) {
        return STAGE_DONE;
    }
    op->left_out = SLICE_EMPTY;
    for (size_t i = 0; i < op->part_count; i++) {
        const struct list_part *part = &op->parts[i];
        const struct gateway_server *server = &op->gateway->snapshot->servers[part->server_index];
        if (part->is_complete) {
            continue;
        }
        failed++;
        is_needed = is_needed || server->is_needed;
        note_left_out(op, server);
        if (part->session != NULL && op->stop == STATUS_TIMEOUT && op->part_count > 1) {
            server_session_note_late(part->session);
        }
    }
    bool is_whole = failed == 0 || (failed < op->part_count && !is_needed);
    return is_whole ? STAGE_DONE : operation_refuse_unfetched(op);
}

bool list_walk_next(struct list_walk *walk, const struct list_part *part, struct json_place *item)
{
    json_ref key = JSON_NONE;
    if (!walk->has_begun) {
        walk->has_begun = true;
        walk->page = part->pages;
        if (walk->page != NULL) {
            json_iter_init(&walk->iter, &walk->page->tape, walk->page->items);
        }
    }
    while (walk->page != NULL) {
        while (json_iter_next(&walk->iter, &key, &item->ref)) {
            if (json_type(&walk->page->tape, item->ref) == JSON_OBJECT) {
                item->tape = &walk->page->tape;
                return true;
            }
        }
        walk->page = walk->page->next;
        if (walk->page != NULL) {
            json_iter_init(&walk->iter, &walk->page->tape, walk->page->items);
        }
    }
    return false;
}
