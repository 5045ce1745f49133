#include "core/gateway/server_session.h"

#include "core/gateway/client_session.h"
#include "core/gateway/server_reply.h"
#include "core/mcp/message.h"

#include <string.h>

#define INITIALIZE_BYTES_MAX 1024

static void start_step(struct server_session *session, enum server_session_step step,
                       struct slice cursor);

static struct server_session *session_of_call(struct call *call)
{
    return (struct server_session *)((char *)call - offsetof(struct server_session, call));
}

const struct gateway_server *server_session_server(const struct server_session *session)
{
    return &session->gateway->snapshot->servers[session->server_index];
}

static struct session_waiter *waiter_of(struct child *child)
{
    return (struct session_waiter *)((char *)child - offsetof(struct session_waiter, child));
}

static bool unqueue(struct session_waiter **queue, struct session_waiter *waiter)
{
    for (struct session_waiter **at = queue; *at != NULL; at = &(*at)->next) {
        if (*at == waiter) {
            *at = waiter->next;
            return true;
        }
    }
    return false;
}

static void leave_queue(struct child *child)
{
    struct session_waiter *waiter = waiter_of(child);
    if (!unqueue(&waiter->session->waiters, waiter)) {
        (void)unqueue(&waiter->session->waking, waiter);
    }
}

static void on_waiter_done(struct child *child, enum status status, const struct diag *diag)
{
    waiter_of(child)->ready(waiter_of(child), status, diag);
}

static const struct child_kind WAITER_CHILD = {leave_queue, on_waiter_done};

/* Tell all waiters, the oldest first. One of them may queue anew, or cancel another, so each is
 * taken out before it is told. Whoever is told may evict idle sessions: not this one. */
static void wake(struct server_session *session, enum status status)
{
    session->user_count++;
    while (session->waiters != NULL) {
        struct session_waiter *newest = session->waiters;
        session->waiters = newest->next;
        newest->next = session->waking;
        session->waking = newest;
    }
    while (session->waking != NULL) {
        struct session_waiter *waiter = session->waking;
        session->waking = waiter->next;
        child_end(&waiter->child, status, &session->diag);
    }
    session->user_count--;
}

/* HTTP with SSE, MCP 2024-11-05. */
static bool is_sse(const struct server_session *session)
{
    return session->child != 0 && !server_session_server(session)->is_stdio;
}

static void leave_child(struct server_session *session)
{
    const struct port_upstream *port = session->gateway->ports.upstream;
    if (session->child != 0) {
        port->close_child(port->context, session->server_index, session->child);
    }
}

static void fail_opening(struct server_session *session, enum status status)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    if (is_sse(session) && server_session_server(session)->transport == SERVER_TRANSPORT_ANY) {
        /* It may be another server by the next time. */
        leave_child(session);
        session->child = 0;
    }
    session->state = SERVER_SESSION_FAILED;
    session->failed_ms = clock->mono_ms(clock->context);
    session->diag.status = status;
    wake(session, status);
}

static void finish_opening(struct server_session *session)
{
    if (tool_index_build(session->pages, &session->arena, &session->tools) != STATUS_OK) {
        (void)!diag_fail(&session->diag, STATUS_LIMIT, "gateway.memory",
                         "the server's list of tools needs too much memory");
        fail_opening(session, STATUS_LIMIT);
        return;
    }
    session->state = SERVER_SESSION_READY;
    session->late_ms = 0;
    wake(session, STATUS_OK);
    server_stream_begin(session);
}

/* Of a handshake's result. */
static void take_offers(struct server_session *session)
{
    const struct call *call = &session->call;
    json_ref text = json_member(&call->answer, call->result, SLICE("instructions"));
    session->offers =
        mcp_offers_read(&call->answer, call->result, session->revision,
                        server_session_server(session)->extensions, &session->drops_extension);
    session->instructions = SLICE_EMPTY;
    if (text != JSON_NONE && json_type(&call->answer, text) == JSON_STRING &&
        json_raw(&call->answer, text).len <= SERVER_SESSION_INSTRUCTIONS_BYTES_MAX) {
        session->instructions = json_raw(&call->answer, text);
    }
}

/* MCP 2024-11-05 has the method and no capability for it. */
static void add_unsaid_offers(struct server_session *session)
{
    if (session->revision == MCP_2024_11_05) {
        session->offers |= MCP_OFFERS_COMPLETIONS;
    }
}

static void start_tools_or_finish(struct server_session *session)
{
    if ((session->offers & MCP_OFFERS_TOOLS) != 0) {
        start_step(session, SERVER_STEP_TOOLS, SLICE_EMPTY);
    } else {
        finish_opening(session);
    }
}

/* Is our modern revision in an array of versions? */
static bool lists_modern(const struct json_tape *tape, json_ref versions)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref version = JSON_NONE;
    if (versions == JSON_NONE || json_type(tape, versions) != JSON_ARRAY) {
        return false;
    }
    json_iter_init(&iter, tape, versions);
    while (json_iter_next(&iter, &key, &version)) {
        if (json_string_eq(tape, version, mcp_revision_name(MCP_2026_07_28))) {
            return true;
        }
    }
    return false;
}

static bool discovers_modern(const struct call *call)
{
    return call->result != JSON_NONE &&
           lists_modern(&call->answer,
                        json_member(&call->answer, call->result, SLICE("supportedVersions")));
}

/* MCP 2026-07-28: a version is refused with those that are spoken, and the client asks again with
 * one of them. Ours is the only one we have, so again means once more. */
static bool wants_to_be_asked_again(const struct server_session *session)
{
    const struct json_tape *answer = &session->call.answer;
    json_ref error = session->call.error;
    int64_t code = 0;
    if (session->was_asked_again || error == JSON_NONE ||
        json_integer(answer, json_member(answer, error, SLICE("code")), &code) != STATUS_OK ||
        code != MCP_ERROR_VERSION) {
        return false;
    }
    json_ref data = json_member(answer, error, SLICE("data"));
    return data != JSON_NONE && lists_modern(answer, json_member(answer, data, SLICE("supported")));
}

/* MCP 2025-11-25, transports: a server that refuses a POST of initialize in one of these ways may
 * be one of MCP 2024-11-05, where a GET opens a stream. */
static void note_refusal(struct server_session *session, enum status status)
{
    const struct call *call = &session->call;
    const struct gateway_server *server = server_session_server(session);
    bool has_refused =
        status == STATUS_INVALID || (status == STATUS_OK && call->error != JSON_NONE);
    session->may_be_sse =
        has_refused && session->child == 0 && server->transport == SERVER_TRANSPORT_ANY &&
        !mcp_revision_is_modern(server->revision) &&
        (call->http_status == 400 || call->http_status == 404 || call->http_status == 405);
}

static void try_sse_or_fail(struct server_session *session, enum status status)
{
    if (session->may_be_sse) {
        session->may_be_sse = false;
        session->child = ++session->gateway->next_child;
        start_step(session, SERVER_STEP_INITIALIZE, SLICE_EMPTY);
    } else {
        fail_opening(session, status);
    }
}

static void on_discovered(struct server_session *session, enum status status)
{
    /* A server that is down or too slow stays what it is: only an answer tells a legacy server. */
    bool is_down = status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
    bool must_be_modern =
        session->has_tried || server_session_server(session)->revision == MCP_2026_07_28;
    if (status == STATUS_OK && discovers_modern(&session->call)) {
        session->is_modern = true;
        session->revision = MCP_2026_07_28;
        take_offers(session);
        start_tools_or_finish(session);
    } else if (status == STATUS_OK && wants_to_be_asked_again(session)) {
        session->was_asked_again = true;
        start_step(session, SERVER_STEP_DISCOVER, SLICE_EMPTY);
    } else if (is_down || must_be_modern) {
        try_sse_or_fail(session, status == STATUS_OK ? STATUS_INVALID : status);
    } else {
        session->has_tried = true;
        start_step(session, SERVER_STEP_INITIALIZE, SLICE_EMPTY);
    }
}

/* A server without a handshake says so, in one way or another. */
static bool may_be_modern(const struct server_session *session, enum status status)
{
    bool has_refused =
        status == STATUS_INVALID || (status == STATUS_OK && session->call.error != JSON_NONE);
    return has_refused && !session->has_tried && !is_sse(session) &&
           server_session_server(session)->revision == MCP_REVISION_NONE;
}

static void on_initialized(struct server_session *session, enum status status)
{
    const struct call *call = &session->call;
    struct slice text = SLICE_EMPTY;
    json_ref version = JSON_NONE;
    if (status == STATUS_OK && call->result != JSON_NONE) {
        version = json_member(&call->answer, call->result, SLICE("protocolVersion"));
    }
    if (version != JSON_NONE &&
        json_string(&call->answer, version, &session->arena, &text) == STATUS_OK) {
        session->revision = mcp_revision_parse(text);
    }
    note_refusal(session, status);
    if (may_be_modern(session, status)) {
        session->has_tried = true;
        start_step(session, SERVER_STEP_DISCOVER, SLICE_EMPTY);
        return;
    }
    if (session->revision == MCP_REVISION_NONE || mcp_revision_is_modern(session->revision)) {
        if (status == STATUS_OK) {
            (void)!diag_fail(&session->diag, STATUS_INVALID, "upstream.protocol",
                             "the server did not agree on a protocol revision that Aegis speaks");
        }
        try_sse_or_fail(session, status == STATUS_OK ? STATUS_INVALID : status);
        return;
    }
    take_offers(session);
    add_unsaid_offers(session);
    start_step(session, SERVER_STEP_INITIALIZED, SLICE_EMPTY);
}

static bool add_page(struct server_session *session)
{
    const struct call *call = &session->call;
    struct tool_page *page = arena_alloc(&session->arena, sizeof(*page));
    json_ref tools = call->result == JSON_NONE
                         ? JSON_NONE
                         : json_member(&call->answer, call->result, SLICE("tools"));
    if (page == NULL || tools == JSON_NONE || json_type(&call->answer, tools) != JSON_ARRAY ||
        ++session->page_count > SERVER_SESSION_PAGES_MAX) {
        return false;
    }
    *page = (struct tool_page){NULL, call->answer, tools,
                               parameter_fields_are_in(&call->answer, tools)};
    struct tool_page **at = &session->pages;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = page;
    return true;
}

static void on_tools(struct server_session *session, enum status status)
{
    const struct call *call = &session->call;
    if (status != STATUS_OK || !add_page(session)) {
        if (status == STATUS_OK) {
            (void)!diag_fail(&session->diag, STATUS_INVALID, "upstream.protocol",
                             "the server's list of tools cannot be read");
        }
        fail_opening(session, status == STATUS_OK ? STATUS_INVALID : status);
        return;
    }
    json_ref next = json_member(&call->answer, call->result, SLICE("nextCursor"));
    if (next != JSON_NONE && json_type(&call->answer, next) == JSON_STRING) {
        start_step(session, SERVER_STEP_TOOLS, json_raw(&call->answer, next));
        return;
    }
    finish_opening(session);
}

static void on_step_done(struct call *call, enum status status)
{
    struct server_session *session = session_of_call(call);
    if (status != STATUS_OK) {
        session->diag = call->diag;
    }
    switch (session->step) {
    case SERVER_STEP_DISCOVER:
        on_discovered(session, status);
        return;
    case SERVER_STEP_INITIALIZE:
        on_initialized(session, status);
        return;
    case SERVER_STEP_INITIALIZED:
        if (status == STATUS_OK) {
            start_tools_or_finish(session);
        } else {
            fail_opening(session, status);
        }
        return;
    case SERVER_STEP_TOOLS:
        on_tools(session, status);
        return;
    }
}

/* cursor: a JSON string lexeme, or empty for the first page. */
static enum status tools_params(struct server_session *session, struct slice cursor,
                                struct slice *out)
{
    if (cursor.len == 0) {
        *out = SLICE_EMPTY;
        return STATUS_OK;
    }
    return arena_format(&session->arena, out, "{\"cursor\":%.*s}", SLICE_ARG(cursor));
}

/* A server's own revision says which capabilities it can understand; before it has said which that
 * is, the newest one is assumed that is offered. */
static enum status initialize_params(struct server_session *session, struct slice *out)
{
    enum mcp_revision revision = server_session_server(session)->revision;
    struct buf text;
    if (revision == MCP_REVISION_NONE || mcp_revision_is_modern(revision)) {
        revision = MCP_2025_11_25;
    }
    buf_init(&text, INITIALIZE_BYTES_MAX, NULL);
    buf_append(&text, SLICE("{\"protocolVersion\":"));
    buf_append_json_string(&text, mcp_revision_name(revision));
    buf_append(&text, SLICE(",\"capabilities\":"));
    mcp_capabilities_write(&session->client_offer, revision, &text);
    buf_append(&text, SLICE(",\"clientInfo\":{\"name\":\"aegis\",\"version\":\"0.1.0\"}}"));
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        status = arena_copy(&session->arena, buf_view(&text), out);
    }
    buf_release(&text);
    return status;
}

static enum status step_params(struct server_session *session, enum server_session_step step,
                               struct slice cursor, struct slice *out)
{
    if (step == SERVER_STEP_INITIALIZE) {
        return initialize_params(session, out);
    }
    return step == SERVER_STEP_TOOLS ? tools_params(session, cursor, out) : STATUS_OK;
}

static void start_step(struct server_session *session, enum server_session_step step,
                       struct slice cursor)
{
    static const struct slice METHODS[] = {
        [SERVER_STEP_DISCOVER] = SLICE_INIT("server/discover"),
        [SERVER_STEP_INITIALIZE] = SLICE_INIT("initialize"),
        [SERVER_STEP_INITIALIZED] = SLICE_INIT("notifications/initialized"),
        [SERVER_STEP_TOOLS] = SLICE_INIT("tools/list"),
    };
    struct call_request request = {
        .owner = &session->children,
        .arena = &session->arena,
        .session = session,
        .method = METHODS[step],
        .is_modern = session->is_modern || step == SERVER_STEP_DISCOVER,
        .is_notification = step == SERVER_STEP_INITIALIZED,
        .is_handshake = step == SERVER_STEP_INITIALIZE,
        /* Whoever comes may have them: what is kept of the tools is all of it. */
        .capabilities = {.extensions = server_session_server(session)->extensions},
    };
    session->step = step;
    enum status status = step_params(session, step, cursor, &request.params);
    session->call = (struct call){.on_done = on_step_done};
    if (status == STATUS_OK) {
        status = call_start(&session->call, &request);
    }
    if (status != STATUS_OK) {
        session->diag = session->call.diag;
        fail_opening(session, status);
    }
}

static void start_opening(struct server_session *session)
{
    const struct gateway_server *server = server_session_server(session);
    bool is_known = server->revision != MCP_REVISION_NONE;
    /* Some stdio servers exit on any request before initialize, so they are asked for that first. A
     * legacy client meets a server of both eras in its own: there it can be asked as it is used to.
     */
    bool begins_legacy = is_known ? !mcp_revision_is_modern(server->revision)
                                  : session->child != 0 || session->client != NULL;
    /* Calls of others may still run in the old session; then it is left to the server. */
    if (session->user_count <= 1) {
        server_reply_end(session);
    }
    arena_release(&session->arena);
    buf_clear(&session->session_id);
    session->pages = NULL;
    session->page_count = 0;
    session->tools = (struct tool_index){0};
    session->is_modern = session->has_tried = session->is_lost = session->may_be_sse = false;
    session->was_asked_again = false;
    session->offers = 0;
    session->drops_extension = false;
    session->log_level = MCP_LOG_NONE;
    session->instructions = SLICE_EMPTY;
    session->revision = MCP_REVISION_NONE;
    session->diag = (struct diag){0};
    session->state = SERVER_SESSION_OPENING;
    start_step(session, begins_legacy ? SERVER_STEP_INITIALIZE : SERVER_STEP_DISCOVER, SLICE_EMPTY);
}

enum status server_session_open(struct server_session *session, struct children *owner,
                                struct session_waiter *waiter, struct diag *diag)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    int64_t now_ms = clock->mono_ms(clock->context);
    session->used_ms = now_ms;
    if (session->state == SERVER_SESSION_READY) {
        return STATUS_OK;
    }
    if (session->state == SERVER_SESSION_FAILED &&
        now_ms - session->failed_ms < SERVER_SESSION_RETRY_MS) {
        *diag = session->diag;
        return session->diag.status;
    }
    if (session->state != SERVER_SESSION_OPENING) {
        start_opening(session);
    }
    if (session->state == SERVER_SESSION_FAILED) {
        *diag = session->diag;
        return session->diag.status;
    }
    if (child_begin(&waiter->child, owner, &WAITER_CHILD) != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "gateway.memory", "too much is under way");
    }
    waiter->session = session;
    waiter->next = session->waiters;
    session->waiters = waiter;
    return STATUS_CONFLICT;
}

bool server_session_is_usable(const struct server_session *session, struct diag *diag)
{
    if (session->state == SERVER_SESSION_READY || session->state == SERVER_SESSION_NEW) {
        return true;
    }
    (void)!diag_fail(diag, STATUS_UNAVAILABLE, "upstream.down",
                     "the session with the server ended");
    return false;
}

bool server_session_has_parameters(const struct server_session *session, struct json_place tool)
{
    for (const struct tool_page *page = session->pages; page != NULL; page = page->next) {
        if (&page->tape == tool.tape) {
            return page->has_parameters;
        }
    }
    return true;
}

size_t server_session_fields(const struct server_session *session,
                             struct http_field fields[SERVER_SESSION_FIELDS_MAX])
{
    size_t count = 0;
    fields[count++] =
        (struct http_field){SLICE("MCP-Protocol-Version"), mcp_revision_name(session->revision)};
    if (session->session_id.len > 0) {
        fields[count++] =
            (struct http_field){SLICE("Mcp-Session-Id"), buf_view(&session->session_id)};
    }
    return count;
}

void server_session_take_id(struct server_session *session, struct slice session_id)
{
    if (session->is_modern || session_id.len == 0 || session_id.len > SERVER_SESSION_ID_BYTES_MAX ||
        session->session_id.len > 0) {
        return;
    }
    buf_append(&session->session_id, session_id);
}

static int64_t now_ms(const struct server_session *session)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    return clock->mono_ms(clock->context);
}

void server_session_note_late(struct server_session *session)
{
    session->late_ms = now_ms(session);
}

bool server_session_is_late(const struct server_session *session)
{
    return session->late_ms != 0 && (session->state == SERVER_SESSION_OPENING ||
                                     now_ms(session) - session->late_ms < SERVER_SESSION_LATE_MS);
}

void server_session_forget(struct server_session *session)
{
    if (session->state == SERVER_SESSION_READY) {
        session->state = SERVER_SESSION_NEW;
        server_stream_end(session);
    }
}

void server_session_child_gone(struct gateway *gateway, uint32_t server_index, uint64_t child)
{
    for (struct server_session *s = gateway->sessions; s != NULL; s = s->next) {
        if (s->server_index == server_index && s->child == child) {
            server_session_forget(s);
        }
    }
}

static void free_session(struct server_session *session)
{
    server_stream_end(session);
    (void)children_cancel(&session->children);
    server_reply_end(session);
    leave_child(session);
    buf_release(&session->session_id);
    arena_release(&session->arena);
    base_free(session);
}

static bool is_idle(const struct server_session *session)
{
    return session->state != SERVER_SESSION_OPENING && session->user_count == 0;
}

static void evict(struct server_session **at)
{
    struct server_session *session = *at;
    *at = session->next;
    session->gateway->session_count--;
    free_session(session);
}

/* Does somebody listen to what its server says? */
static bool has_stream(const struct server_session *session)
{
    return session->stream.child.owner != NULL;
}

static bool is_better_to_evict(const struct server_session *session,
                               const struct server_session *than)
{
    return has_stream(session) != has_stream(than) ? has_stream(than)
                                                   : session->used_ms < than->used_ms;
}

/* Make room: of those that nobody listens to, or else of all, the one goes that was idle longest.
 */
static bool evict_one(struct gateway *gateway)
{
    struct server_session **oldest = NULL;
    for (struct server_session **at = &gateway->sessions; *at != NULL; at = &(*at)->next) {
        if (is_idle(*at) && (oldest == NULL || is_better_to_evict(*at, *oldest))) {
            oldest = at;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    evict(oldest);
    return true;
}

/* End what was idle for too long, and come back when the next one may be. */
static void on_sweep(struct timer *timer)
{
    struct gateway *gateway = (struct gateway *)((char *)timer - offsetof(struct gateway, sweep));
    const struct gateway_ports *ports = &gateway->ports;
    int64_t now_ms = ports->clock->mono_ms(ports->clock->context);
    int64_t next_ms = gateway->limits.session_idle_ms;
    for (struct server_session **at = &gateway->sessions; *at != NULL;) {
        int64_t left_ms = (*at)->used_ms + gateway->limits.session_idle_ms - now_ms;
        bool is_left = left_ms <= 0 && !has_stream(*at);
        if (is_idle(*at) && (is_left || (*at)->is_over)) {
            evict(at);
            continue;
        }
        next_ms = left_ms > 0 && left_ms < next_ms ? left_ms : next_ms;
        at = &(*at)->next;
    }
    if (gateway->sessions != NULL) {
        ports->timer->start(ports->timer->context, &gateway->sweep, next_ms);
    }
}

static void start_sweep(struct gateway *gateway)
{
    const struct port_timer *port = gateway->ports.timer;
    if (gateway->sweep.due_ms == 0) {
        gateway->sweep.fire = on_sweep;
        port->start(port->context, &gateway->sweep, gateway->limits.session_idle_ms);
    }
}

static void remove_session(struct server_session *session)
{
    struct server_session **at = &session->gateway->sessions;
    while (*at != session) {
        at = &(*at)->next;
    }
    evict(at);
}

void server_session_leave(struct server_session *session)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    session->user_count--;
    session->used_ms = clock->mono_ms(clock->context);
    if (session->is_over && session->user_count == 0) {
        remove_session(session);
    }
}

void server_sessions_end(struct client_session *client)
{
    struct server_session *next = NULL;
    for (struct server_session *s = client->gateway->sessions; s != NULL; s = next) {
        next = s->next;
        if (s->client == client) {
            s->client = NULL;
            s->is_over = true;
            if (s->user_count == 0) {
                remove_session(s);
            }
        }
    }
}

/* Is what the client can be asked said in the session, or with each request? */
static bool tells(const struct server_session *session,
                  const struct mcp_client_capabilities *declared)
{
    return session->client != NULL || session->is_modern ||
           server_session_server(session)->revision == MCP_2026_07_28 ||
           mcp_capabilities_are_same(&session->declared, declared);
}

static struct server_session *find_session(const struct gateway *gateway, uint32_t server_index,
                                           const uint8_t caller[32],
                                           const struct client_session *client,
                                           const struct mcp_client_capabilities *declared)
{
    for (struct server_session *s = gateway->sessions; s != NULL; s = s->next) {
        if (s->server_index == server_index && s->client == client && !s->is_over &&
            memcmp(s->caller, caller, sizeof(s->caller)) == 0 && tells(s, declared)) {
            return s;
        }
    }
    return NULL;
}

bool server_session_is_ready(const struct gateway *gateway, uint32_t server_index,
                             const uint8_t caller[32], const struct client_session *client,
                             const struct mcp_client_capabilities *declared)
{
    const struct server_session *session =
        find_session(gateway, server_index, caller, client, declared);
    return session != NULL && session->state == SERVER_SESSION_READY;
}

struct server_session *server_session_get(struct gateway *gateway, uint32_t server_index,
                                          const uint8_t caller[32], struct client_session *client,
                                          const struct mcp_client_capabilities *declared)
{
    struct server_session *found = find_session(gateway, server_index, caller, client, declared);
    if (found != NULL) {
        return found;
    }
    if (gateway->session_count >= gateway->limits.sessions && !evict_one(gateway)) {
        return NULL;
    }
    struct server_session *session = base_alloc(sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    *session = (struct server_session){
        .next = gateway->sessions,
        .gateway = gateway,
        .server_index = server_index,
        .client = client,
        .declared = *declared,
        .children = {.table = &gateway->children},
    };
    memcpy(session->caller, caller, sizeof(session->caller));
    /* A server that tells much must not use up what the others need. */
    struct account *account = &gateway->server_accounts[server_index];
    arena_init(&session->arena, SERVER_SESSION_TOOLS_BYTES_MAX, account);
    buf_init(&session->session_id, SERVER_SESSION_ID_BYTES_MAX, account);
    if (server_session_server(session)->is_stdio ||
        server_session_server(session)->transport == SERVER_TRANSPORT_SSE) {
        session->child = ++gateway->next_child;
    }
    gateway->sessions = session;
    gateway->session_count++;
    start_sweep(gateway);
    return session;
}

void server_sessions_release(struct gateway *gateway)
{
    gateway->ports.timer->stop(gateway->ports.timer->context, &gateway->sweep);
    while (gateway->sessions != NULL) {
        struct server_session *session = gateway->sessions;
        gateway->sessions = session->next;
        free_session(session);
    }
    gateway->session_count = 0;
}
