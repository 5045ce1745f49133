#include "core/gateway/server_listen.h"

#include "core/gateway/client_session.h"
#include "core/gateway/listen_request.h"
#include "core/gateway/operation.h"
#include "core/gateway/server_reply.h"
#include "core/gateway/server_session.h"
#include "core/gateway/subscription.h"

#include <stddef.h>

static struct server_listen *listen_of(struct child *child)
{
    return (struct server_listen *)((char *)child - offsetof(struct server_listen, child));
}

static void cancel_at_port(struct child *child)
{
    struct server_listen *listen = listen_of(child);
    const struct port_upstream *port = listen->session->gateway->ports.upstream;
    port->cancel(port->context, listen->handle);
    server_reply_cancel(listen->session, listen->id);
}

static void on_child_done(struct child *child, enum status status, const struct diag *diag)
{
    (void)child;
    (void)status;
    (void)diag;
}

static const struct child_kind LISTEN_CHILD = {cancel_at_port, on_child_done};

static struct server_listen *find_listen(const struct upstream_sink *sink)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &LISTEN_CHILD);
    return child == NULL ? NULL : listen_of(child);
}

static int64_t now_ms(const struct server_session *session)
{
    const struct port_clock *clock = session->gateway->ports.clock;
    return clock->mono_ms(clock->context);
}

/* -- what is asked for --------------------------------------------------------------------- */

static uint32_t wished_lists(const struct server_session *session)
{
    uint32_t lists = 0;
    for (size_t i = 0; i < LISTEN_LISTS; i++) {
        bool is_there = server_stream_covers(session, LISTEN_LIST[i].primitive);
        lists |= is_there ? LISTEN_LIST[i].offer : 0U;
    }
    return lists & session->offers;
}

/* The first of the session's subscriptions from that one on that is at this server, or NULL. */
static struct subscription *at_server(const struct server_session *session, struct subscription *at)
{
    while (at != NULL && at->server_index != session->server_index) {
        at = at->next;
    }
    return (session->offers & MCP_OFFERS_SUBSCRIBE) != 0 ? at : NULL;
}

bool server_listen_has_wish(const struct server_session *session)
{
    return wished_lists(session) != 0 || at_server(session, session->client->subscriptions) != NULL;
}

static void write_wishes(const struct server_session *session, struct buf *json)
{
    struct listen_filter filter;
    struct subscription *at = at_server(session, session->client->subscriptions);
    listen_filter_begin(&filter, json, wished_lists(session));
    for (; at != NULL; at = at_server(session, at->next)) {
        listen_filter_add(&filter, slice_of(at->uri, at->len));
        at->is_told = true;
    }
    listen_filter_end(&filter);
}

/* -- what comes ---------------------------------------------------------------------------- */

static void close_others(struct server_session *session, const struct server_listen *but)
{
    struct server_listens *listens = &session->stream.listens;
    for (size_t i = 0; i < COUNT_OF(listens->slots); i++) {
        if (&listens->slots[i] != but) {
            child_cancel(&listens->slots[i].child);
        }
    }
}

/* One that lasted was none that failed. */
static void end(struct server_listen *listen, enum status status, int http_status)
{
    struct server_session *session = listen->session;
    child_end(&listen->child, status, NULL);
    server_listen_close(session);
    if (now_ms(session) - listen->begun_ms >= SERVER_STREAM_RETRY_MS_MAX) {
        session->stream.failure_count = 0;
    }
    server_stream_ended(session, status, http_status);
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct server_listen *listen = find_listen(sink);
    (void)diag;
    if (listen != NULL) {
        end(listen, status, http_status);
    }
}

/* From now on it is the one. What the server does not agree to tell of is recorded. */
static void take_acknowledgement(struct server_listen *listen, const struct json_tape *tape)
{
    struct server_session *session = listen->session;
    struct server_listens *listens = &session->stream.listens;
    listen->is_acknowledged = true;
    close_others(session, listen);
    if (server_stream_covers(session, MCP_RESOURCE) &&
        at_server(session, session->client->subscriptions) != NULL) {
        (void)!operation_begin_standing(session, tape->text, false);
    }
    if (listens->is_outdated) {
        server_stream_refilter(session);
    }
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    struct server_listen *listen = find_listen(sink);
    struct json_tape tape;
    struct arena arena;
    (void)is_stream;
    if (listen == NULL) {
        return;
    }
    struct server_session *session = listen->session;
    const struct port_upstream *port = session->gateway->ports.upstream;
    session->user_count++; /* whoever gets the message may end it */
    arena_init(&arena, SERVER_STREAM_BYTES_MAX,
               &session->gateway->at_servers[session->server_index].account);
    bool is_read = json_parse(&session->gateway->parser, json, &arena, &tape, NULL) == STATUS_OK;
    switch (is_read ? listen_read(&tape, listen->id, listen->is_acknowledged) : LISTEN_BROKEN) {
    case LISTEN_BROKEN:
        server_stream_broke(session);
        break;
    case LISTEN_ENDED:
        port->cancel(port->context, listen->handle);
        end(listen, STATUS_OK, 0);
        break;
    case LISTEN_ACKNOWLEDGED:
        take_acknowledgement(listen, &tape);
        break;
    case LISTEN_NOTICE:
        server_stream_hear(session, &tape);
        break;
    }
    arena_release(&arena);
    server_session_leave(session);
}

/* -- the request --------------------------------------------------------------------------- */

bool server_listen_is_open(const struct server_session *session)
{
    const struct server_listens *listens = &session->stream.listens;
    return listens->slots[0].child.owner != NULL || listens->slots[1].child.owner != NULL;
}

static enum status start(struct server_listen *listen)
{
    struct server_session *session = listen->session;
    struct upstream_sink sink = {.on_message = on_message,
                                 .on_end = on_end,
                                 .user = session->gateway,
                                 .ticket = listen->child.ticket};
    struct buf filter;
    buf_init(&filter, GATEWAY_OPERATION_BYTES_MAX, &session->gateway->account);
    write_wishes(session, &filter);
    enum status status = listen_start(session, listen->id, &filter, false, &sink, &listen->handle);
    buf_release(&filter);
    return status;
}

static bool is_waiting(const struct server_listen *listen)
{
    return listen->child.owner != NULL && !listen->is_acknowledged;
}

enum status server_listen_open(struct server_session *session)
{
    struct server_listens *listens = &session->stream.listens;
    struct server_listen *slots = listens->slots;
    struct server_listen *listen = slots[0].child.owner == NULL ? &slots[0] : &slots[1];
    listens->is_outdated = is_waiting(&slots[0]) || is_waiting(&slots[1]);
    if (listens->is_outdated) {
        return STATUS_OK;
    }
    *listen = (struct server_listen){.session = session,
                                     .id = ++session->gateway->next_upstream_id,
                                     .begun_ms = now_ms(session)};
    TRY(child_begin(&listen->child, &session->children, &LISTEN_CHILD));
    enum status status = start(listen);
    if (status != STATUS_OK) {
        child_abandon(&listen->child);
    }
    return status;
}

void server_listen_close(struct server_session *session)
{
    close_others(session, NULL);
    session->stream.listens.is_outdated = false;
}
