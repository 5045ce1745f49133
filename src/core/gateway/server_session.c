#include "core/gateway/server_session.h"

#include "core/gateway/asking.h"
#include "core/gateway/client_session.h"
#include "core/gateway/listening.h"
#include "core/gateway/server_reply.h"
#include "core/gateway/subscription.h"
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

static bool is_unknown_program(const struct server_session *session)
{
    const struct gateway_server *server = server_session_server(session);
    return server->is_stdio && server->revision == MCP_REVISION_NONE;
}

/* Where is remembered what the server's programs speak with clients as this one's. */
static enum program_era *remembered_era(const struct server_session *session)
{
    struct program_eras *eras = &session->gateway->at_servers[session->server_index].eras;
    return session->client == NULL ? &eras->with_modern : &eras->with_legacy;
}

/* What has no other era than the one that its clients prefer less has no other for the rest. */
static void remember_era(struct server_session *session, enum program_era era)
{
    struct program_eras *eras = &session->gateway->at_servers[session->server_index].eras;
    *remembered_era(session) = era;
    if (session->client == NULL && era == PROGRAM_ERA_LEGACY) {
        eras->with_legacy = era;
    } else if (session->client != NULL && era == PROGRAM_ERA_MODERN) {
        eras->with_modern = era;
    }
}

static void fail_opening(struct server_session *session, enum status status)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    if (is_sse(session) && server_session_server(session)->transport == SERVER_TRANSPORT_ANY) {
        /* It may be another server by the next time. */
        server_child_leave(session);
    }
    if (status == STATUS_TIMEOUT || *remembered_era(session) == PROGRAM_ERA_MODERN) {
        *remembered_era(session) = PROGRAM_ERA_UNKNOWN; /* it may be another program by now */
    }
    session->state = SERVER_SESSION_FAILED;
    session->is_rereading = false;
    server_stream_renew(session);
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
    if (!session->is_rereading) {
        server_stream_end(session); /* what is known of it was of another session */
    }
    session->is_rereading = false;
    remember_era(session, session->is_modern ? PROGRAM_ERA_MODERN : PROGRAM_ERA_LEGACY);
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
    session->drops_capability =
        mcp_offers_have_other(&call->answer, call->result, session->revision);
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

/* What the server's session is to be told of and was not yet; empty: nothing. */
static struct slice next_subscription(struct server_session *session)
{
    if (session->is_modern || (session->offers & MCP_OFFERS_SUBSCRIBE) == 0) {
        return SLICE_EMPTY;
    }
    if (session->client == NULL) {
        const struct listened *resource = listening_next(session);
        return resource == NULL ? SLICE_EMPTY : resource->uri;
    }
    const struct subscription *next = subscription_next(session->client, session->server_index);
    return next == NULL ? SLICE_EMPTY : slice_of(next->uri, next->len);
}

/* What the server's last session was told, this one is told too; it answers as it likes. */
static void subscribe_or_finish(struct server_session *session)
{
    struct slice uri = next_subscription(session);
    if (uri.len > 0) {
        start_step(session, SERVER_STEP_SUBSCRIBE, uri);
    } else {
        finish_opening(session);
    }
}

static void start_tools_or_finish(struct server_session *session)
{
    if (!server_stream_is_possible(session)) {
        session->offers &= ~MCP_OFFERS_CHANGES;
    } else if (!session->is_modern && (session->offers & MCP_OFFERS_CHANGES) != 0) {
        session->gateway->place.tells_sessions[session->server_index] = true;
    }
    if ((session->offers & MCP_OFFERS_TOOLS) != 0) {
        start_step(session, SERVER_STEP_TOOLS, SLICE_EMPTY);
    } else {
        subscribe_or_finish(session);
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
        server_child_begin(session);
        start_step(session, SERVER_STEP_INITIALIZE, SLICE_EMPTY);
    } else {
        fail_opening(session, status);
    }
}

/* MCP 2026-07-28, stdio: some programs end over any request before their handshake, and some over a
 * handshake that they do not know. Another one then gets no question but the right one. */
static bool begin_again(struct server_session *session, enum status status)
{
    bool has_ended = status == STATUS_UNAVAILABLE &&
                     slice_eq(slice_view_cstr(session->diag.code), SLICE("upstream.down"));
    if (!has_ended || !session->may_end_over_probe) {
        return false;
    }
    bool is_modern = session->probe == SERVER_PROBE_GOOD;
    server_child_begin(session);
    session->probe = SERVER_PROBE_NONE;
    session->may_end_over_probe = false;
    session->has_tried = true;
    remember_era(session, is_modern ? PROGRAM_ERA_MODERN : PROGRAM_ERA_LEGACY);
    start_step(session, is_modern ? SERVER_STEP_DISCOVER : SERVER_STEP_INITIALIZE, SLICE_EMPTY);
    return true;
}

/* After the first question to an unknown program: is nothing to be concluded before it has got a
 * handshake, too? */
static bool needs_handshake(struct server_session *session, enum status status)
{
    bool is_good = status == STATUS_OK && discovers_modern(&session->call);
    if (session->probe != SERVER_PROBE_ASKING) {
        return false;
    }
    session->probe = SERVER_PROBE_NONE;
    if (status == STATUS_TIMEOUT) {
        session->probe = SERVER_PROBE_SILENT;
    } else if (is_good && session->client != NULL) {
        session->probe = SERVER_PROBE_GOOD;
    }
    return session->probe != SERVER_PROBE_NONE;
}

static void on_discovered(struct server_session *session, enum status status)
{
    /* A server that is down or too slow stays what it is: only an answer tells a legacy server. */
    bool is_down = status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
    bool must_be_modern =
        session->has_tried || server_session_server(session)->revision == MCP_2026_07_28;
    if (begin_again(session, status)) {
        return;
    }
    bool is_asked_again = status == STATUS_OK && wants_to_be_asked_again(session);
    bool is_left_open = !is_asked_again && needs_handshake(session, status);
    if (is_asked_again) {
        session->was_asked_again = true;
        start_step(session, SERVER_STEP_DISCOVER, SLICE_EMPTY);
    } else if (!is_left_open && status == STATUS_OK && discovers_modern(&session->call)) {
        session->may_end_over_probe = false;
        session->is_modern = true;
        session->revision = MCP_2026_07_28;
        if (server_session_server(session)->is_stdio) {
            server_child_share(session);
        }
        take_offers(session);
        start_tools_or_finish(session);
    } else if (!is_left_open && (is_down || must_be_modern)) {
        try_sse_or_fail(session, status == STATUS_OK ? STATUS_INVALID : status);
    } else {
        session->has_tried = true;
        if (session->shares_child) {
            server_child_begin(session); /* it is another program by now: a handshake is its own */
        }
        start_step(session, SERVER_STEP_INITIALIZE, SLICE_EMPTY);
    }
}

/* A server without a handshake says so, in one way or another; one that has said already that it is
 * modern may be silent. */
static bool may_be_modern(const struct server_session *session, enum status status)
{
    bool has_refused =
        status == STATUS_INVALID || (status == STATUS_OK && session->call.error != JSON_NONE);
    bool is_silent = status == STATUS_TIMEOUT && session->probe == SERVER_PROBE_GOOD;
    bool may_be_asked = !session->has_tried || session->probe != SERVER_PROBE_NONE;
    return (has_refused || is_silent) && may_be_asked && !is_sse(session) &&
           server_session_server(session)->revision == MCP_REVISION_NONE;
}

static void take_revision(struct server_session *session, enum status status)
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
}

static void on_initialized(struct server_session *session, enum status status)
{
    if (begin_again(session, status)) {
        return;
    }
    session->may_end_over_probe = false;
    take_revision(session, status);
    note_refusal(session, status);
    bool is_modern = may_be_modern(session, status);
    session->probe = SERVER_PROBE_NONE;
    if (is_modern) {
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
        ++session->page_count > session->gateway->limits.list_pages) {
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
    subscribe_or_finish(session);
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
    case SERVER_STEP_SUBSCRIBE:
        if (status == STATUS_OK) {
            subscribe_or_finish(session);
        } else {
            fail_opening(session, status);
        }
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

static enum status subscribe_params(struct server_session *session, struct slice uri,
                                    struct slice *out)
{
    struct buf text;
    buf_init(&text, GATEWAY_OPERATION_BYTES_MAX, session->arena.account);
    buf_append(&text, SLICE("{\"uri\":"));
    buf_append_json_string(&text, uri);
    buf_append_byte(&text, '}');
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
    if (step == SERVER_STEP_SUBSCRIBE) {
        return subscribe_params(session, cursor, out);
    }
    return step == SERVER_STEP_TOOLS ? tools_params(session, cursor, out) : STATUS_OK;
}

/* Does it lose little by not answering? */
static bool is_quick(const struct server_session *session)
{
    return session->probe == SERVER_PROBE_ASKING || session->probe == SERVER_PROBE_GOOD;
}

static void start_step(struct server_session *session, enum server_session_step step,
                       struct slice cursor)
{
    static const struct slice METHODS[] = {
        [SERVER_STEP_DISCOVER] = SLICE_INIT("server/discover"),
        [SERVER_STEP_INITIALIZE] = SLICE_INIT("initialize"),
        [SERVER_STEP_INITIALIZED] = SLICE_INIT("notifications/initialized"),
        [SERVER_STEP_TOOLS] = SLICE_INIT("tools/list"),
        [SERVER_STEP_SUBSCRIBE] = SLICE_INIT("resources/subscribe"),
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
        .limit_ms = is_quick(session) ? session->gateway->limits.probe_timeout_ms : 0,
    };
    session->step = step;
    enum status status = step_params(session, step, cursor, &request.params);
    session->call = (struct call){.on_done = on_step_done};
    if (status == STATUS_OK) {
        status = call_start(&session->call, &request);
    }
    if (status != STATUS_OK) {
        session->diag = session->call.diag;
        if (!begin_again(session, status)) {
            fail_opening(session, status);
        }
    }
}

/* Who is not known to speak the modern revision may come to know its client by the child. */
static void take_child(struct server_session *session)
{
    const struct gateway_server *server = server_session_server(session);
    bool is_modern = server->revision == MCP_REVISION_NONE
                         ? *remembered_era(session) == PROGRAM_ERA_MODERN
                         : mcp_revision_is_modern(server->revision);
    if (is_modern) {
        server_child_share(session);
    } else if (session->child == 0 || session->shares_child) {
        server_child_begin(session);
    }
}

static void start_opening(struct server_session *session)
{
    const struct gateway_server *server = server_session_server(session);
    enum program_era remembered = *remembered_era(session);
    bool is_probed = is_unknown_program(session) && remembered == PROGRAM_ERA_UNKNOWN;
    bool begins_legacy = false;
    /* A legacy client meets a server of both eras in its own: there it can be asked as it is used
     * to. A program is asked for its versions first, since one that knows no handshake may be
     * silent to it (MCP 2026-07-28, stdio). */
    if (server->revision != MCP_REVISION_NONE) {
        begins_legacy = !mcp_revision_is_modern(server->revision);
    } else if (server->is_stdio) {
        begins_legacy = remembered == PROGRAM_ERA_LEGACY;
    } else {
        begins_legacy = session->child != 0 || session->client != NULL;
    }
    if (server->is_stdio) {
        take_child(session);
    }
    /* Calls of others may still run in the old session; then it is left to the server. */
    if (session->user_count <= 1) {
        server_reply_end(session);
    }
    if (session->client != NULL) {
        subscriptions_forget(session->client, session->server_index);
    }
    listening_forget(session);
    arena_release(&session->arena);
    buf_clear(&session->session_id);
    session->pages = NULL;
    session->page_count = 0;
    session->tools = (struct tool_index){0};
    session->is_modern = session->has_tried = session->is_lost = session->may_be_sse = false;
    session->was_asked_again = session->has_stale_tools = session->may_end_over_probe = false;
    session->probe = is_probed ? SERVER_PROBE_ASKING : SERVER_PROBE_NONE;
    session->offers = 0;
    session->drops_extension = false;
    session->drops_capability = false;
    session->log_level = MCP_LOG_NONE;
    session->instructions = SLICE_EMPTY;
    session->revision = MCP_REVISION_NONE;
    session->diag = (struct diag){0};
    session->state = SERVER_SESSION_OPENING;
    start_step(session, begins_legacy ? SERVER_STEP_INITIALIZE : SERVER_STEP_DISCOVER, SLICE_EMPTY);
    session->may_end_over_probe = is_probed && session->state == SERVER_SESSION_OPENING;
}

/* In the same session: what was decided by the old definitions is still under way to the server
 * that had them. */
static void reread_tools(struct server_session *session)
{
    struct arena before = session->arena;
    struct slice instructions = session->instructions;
    arena_init(&session->arena, session->gateway->limits.server_tools_bytes, before.account);
    session->instructions = SLICE_EMPTY;
    (void)!arena_copy(&session->arena, instructions, &session->instructions);
    arena_release(&before);
    session->pages = NULL;
    session->page_count = 0;
    session->tools = (struct tool_index){0};
    session->has_stale_tools = false;
    session->is_rereading = true;
    session->diag = (struct diag){0};
    session->state = SERVER_SESSION_OPENING;
    start_step(session, SERVER_STEP_TOOLS, SLICE_EMPTY);
}

enum status server_session_open(struct server_session *session, struct children *owner,
                                struct session_waiter *waiter, struct diag *diag)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    int64_t now_ms = clock->mono_ms(clock->context);
    session->used_ms = now_ms;
    if (session->state == SERVER_SESSION_READY && session->has_stale_tools) {
        reread_tools(session);
    }
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

void server_session_renew(struct server_session *session)
{
    if (session->state == SERVER_SESSION_NEW || session->state == SERVER_SESSION_FAILED) {
        start_opening(session);
    }
}

bool server_session_is_usable(const struct server_session *session, struct diag *diag)
{
    if (session->state == SERVER_SESSION_READY || session->state == SERVER_SESSION_NEW ||
        session->is_rereading) {
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
    if (session->state != SERVER_SESSION_READY) {
        return;
    }
    if (session->asking_count > 0 && session->child == 0 && !session->is_lost) {
        session->is_over = true;
        listening_lose(session);
        return;
    }
    session->state = SERVER_SESSION_NEW;
    asking_lose(session);
    server_stream_end(session);
    server_stream_renew(session);
}

void server_session_child_gone(struct gateway *gateway, uint32_t server_index, uint64_t child)
{
    for (struct server_session *s = gateway->sessions; s != NULL; s = s->next) {
        if (s->server_index == server_index && s->child == child) {
            server_session_forget(s);
        }
    }
}

void server_session_free(struct server_session *session)
{
    server_stream_end(session);
    (void)children_cancel(&session->children);
    server_reply_end(session);
    server_child_leave(session);
    buf_release(&session->session_id);
    arena_release(&session->arena);
    principal_unref(session->principal);
    base_free(session);
}
