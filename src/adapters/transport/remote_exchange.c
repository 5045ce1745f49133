#include "adapters/transport/remote_exchange.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define REQUEST_BYTES_MAX ((size_t)64 << 20)

/* The near side is the loop of the client's connection, the far side the loop that serves it. Each
 * owns its members; the only shared ones are atomic. Messages are posted in order, so the far
 * side's last one, release, is also the last that the near side sees. */
struct remote {
    struct exchange proxy; /* first, far: what the gateway answers */
    struct exchange *real; /* near */
    struct loop *near, *far;
    struct arena arena;   /* the request: written near, given back far */
    size_t charged_bytes; /* for it, to near's account until release */
    struct exchange_request request;
    remote_exchange_begin_fn begin;
    void *context;
    struct posted to_begin, to_gone, to_end, to_abort, to_release; /* each is posted once at most */
    atomic_size_t bytes_under_way;
    atomic_bool is_slow;    /* the client's queue is full: near tells far */
    atomic_uint hold_count; /* near, far, and a gone message under way */
    bool is_gone;           /* near: the client has left, or the answer was broken off */
    bool is_answered;       /* far */
    bool is_released;       /* far */
};

enum piece_kind {
    PIECE_REPLY,
    PIECE_STREAM_BEGIN,
    PIECE_STREAM_BYTES,
};

/* A part of the answer on its way. */
struct piece {
    struct posted posted; /* first */
    struct remote *remote;
    enum piece_kind kind;
    struct exchange_reply reply; /* body: the bytes of a stream, too */
    size_t bytes;                /* counted as under way */
    struct arena arena;          /* fields and body */
};

static struct remote *remote_of(struct posted *posted, size_t offset)
{
    return (struct remote *)((char *)posted - offset);
}

/* A token is among the fields; the body may be long. */
static void drop_request(struct remote *remote)
{
    for (size_t i = 0; i < remote->request.field_count; i++) {
        struct slice value = remote->request.fields[i].value;
        if (value.len > 0) {
            explicit_bzero((uint8_t *)(uintptr_t)value.ptr, value.len);
        }
    }
    remote->request = (struct exchange_request){0};
    arena_release(&remote->arena);
}

static void unhold(struct remote *remote)
{
    if (atomic_fetch_sub(&remote->hold_count, 1) == 1) {
        drop_request(remote);
        base_free(remote);
    }
}

static enum status copy_fields(struct arena *arena, const struct http_field *fields, size_t count,
                               const struct http_field **out)
{
    struct http_field *copy = arena_alloc_zero(arena, count, sizeof(*copy));
    if (copy == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(arena_copy(arena, fields[i].name, &copy[i].name));
        TRY(arena_copy(arena, fields[i].value, &copy[i].value));
    }
    *out = copy;
    return STATUS_OK;
}

static enum status copy_request(struct arena *arena, const struct exchange_request *from,
                                struct exchange_request *to)
{
    *to = *from;
    TRY(arena_copy(arena, from->method, &to->method));
    TRY(arena_copy(arena, from->target, &to->target));
    TRY(arena_copy(arena, from->peer_ip, &to->peer_ip));
    TRY(arena_copy(arena, from->body, &to->body));
    return copy_fields(arena, from->fields, from->field_count, &to->fields);
}

/* Near: tell the far side that nobody listens any more. */
static void send_gone(struct remote *remote)
{
    if (!remote->is_gone) {
        remote->is_gone = true;
        atomic_fetch_add(&remote->hold_count, 1);
        loop_post(remote->far, &remote->to_gone);
    }
}

static void on_real_gone(struct exchange *exchange)
{
    send_gone(exchange->operation);
}

static void run_gone(struct posted *posted)
{
    struct remote *remote = remote_of(posted, offsetof(struct remote, to_gone));
    if (!remote->is_released && !remote->is_answered) {
        remote->is_answered = true;
        if (remote->proxy.on_gone != NULL) {
            remote->proxy.on_gone(&remote->proxy);
        }
    }
    unhold(remote);
}

static void run_begin(struct posted *posted)
{
    struct remote *remote = remote_of(posted, offsetof(struct remote, to_begin));
    /* begin may release the exchange, and near may be quick. */
    atomic_fetch_add(&remote->hold_count, 1);
    remote->begin(remote->context, &remote->proxy, &remote->request);
    drop_request(remote);
    unhold(remote);
}

static void send_stream_bytes(struct remote *remote, const struct piece *piece)
{
    struct exchange *real = remote->real;
    if (real->vtable->stream_send(real, piece->reply.body) == STATUS_OK) {
        return;
    }
    atomic_store(&remote->is_slow, true);
    real->vtable->abort(real);
    send_gone(remote);
}

static void run_piece(struct posted *posted)
{
    struct piece *piece = (struct piece *)posted;
    struct remote *remote = piece->remote;
    struct exchange *real = remote->real;
    if (!remote->is_gone) {
        switch (piece->kind) {
        case PIECE_REPLY:
            real->vtable->reply(real, &piece->reply);
            break;
        case PIECE_STREAM_BEGIN:
            real->vtable->stream_begin(real, &piece->reply);
            break;
        case PIECE_STREAM_BYTES:
            send_stream_bytes(remote, piece);
            break;
        }
    }
    atomic_fetch_sub(&remote->bytes_under_way, piece->bytes);
    arena_release(&piece->arena);
    base_free(piece);
}

static void run_end(struct posted *posted)
{
    struct remote *remote = remote_of(posted, offsetof(struct remote, to_end));
    if (!remote->is_gone) {
        remote->real->vtable->stream_end(remote->real);
    }
}

static void run_abort(struct posted *posted)
{
    struct remote *remote = remote_of(posted, offsetof(struct remote, to_abort));
    if (!remote->is_gone) {
        remote->real->vtable->abort(remote->real);
    }
}

static void run_release(struct posted *posted)
{
    struct remote *remote = remote_of(posted, offsetof(struct remote, to_release));
    remote->is_gone = true;
    remote->real->on_gone = NULL;
    remote->real->operation = NULL;
    remote->real->vtable->release(remote->real);
    account_release(&remote->near->account, remote->charged_bytes);
    unhold(remote);
}

static struct piece *new_piece(struct remote *remote, enum piece_kind kind,
                               const struct exchange_reply *reply)
{
    struct piece *piece = base_alloc(sizeof(*piece));
    if (piece == NULL) {
        return NULL;
    }
    *piece = (struct piece){
        .posted = {.run = run_piece}, .remote = remote, .kind = kind, .reply = *reply};
    arena_init(&piece->arena, REQUEST_BYTES_MAX, NULL);
    if (copy_fields(&piece->arena, reply->fields, reply->field_count, &piece->reply.fields) !=
            STATUS_OK ||
        arena_copy(&piece->arena, reply->body, &piece->reply.body) != STATUS_OK) {
        arena_release(&piece->arena);
        base_free(piece);
        return NULL;
    }
    return piece;
}

static void proxy_abort(struct exchange *exchange)
{
    struct remote *remote = (struct remote *)exchange;
    if (!remote->is_answered) {
        remote->is_answered = true;
        loop_post(remote->near, &remote->to_abort);
    }
}

static void proxy_reply(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct remote *remote = (struct remote *)exchange;
    if (remote->is_answered) {
        return;
    }
    struct piece *piece = new_piece(remote, PIECE_REPLY, reply);
    if (piece == NULL) {
        proxy_abort(exchange);
        return;
    }
    remote->is_answered = true;
    loop_post(remote->near, &piece->posted);
}

static void proxy_stream_begin(struct exchange *exchange, const struct exchange_reply *reply)
{
    struct remote *remote = (struct remote *)exchange;
    if (remote->is_answered) {
        return;
    }
    struct exchange_reply head = *reply;
    head.body = SLICE_EMPTY;
    struct piece *piece = new_piece(remote, PIECE_STREAM_BEGIN, &head);
    if (piece == NULL) {
        proxy_abort(exchange);
        return;
    }
    loop_post(remote->near, &piece->posted);
}

static enum status proxy_stream_send(struct exchange *exchange, struct slice bytes)
{
    struct remote *remote = (struct remote *)exchange;
    if (remote->is_answered) {
        return STATUS_OK;
    }
    /* As with the transport itself: one piece may be larger than the bound, two may not. */
    size_t under_way = atomic_load(&remote->bytes_under_way);
    bool is_full = under_way > 0 && under_way + bytes.len > REMOTE_EXCHANGE_BYTES_MAX;
    if (is_full || atomic_load(&remote->is_slow)) {
        return STATUS_LIMIT;
    }
    struct piece *piece =
        new_piece(remote, PIECE_STREAM_BYTES, &(struct exchange_reply){.body = bytes});
    if (piece == NULL) {
        return STATUS_LIMIT;
    }
    piece->bytes = bytes.len;
    atomic_fetch_add(&remote->bytes_under_way, bytes.len);
    loop_post(remote->near, &piece->posted);
    return STATUS_OK;
}

static void proxy_stream_end(struct exchange *exchange)
{
    struct remote *remote = (struct remote *)exchange;
    if (!remote->is_answered) {
        remote->is_answered = true;
        loop_post(remote->near, &remote->to_end);
    }
}

static void proxy_release(struct exchange *exchange)
{
    struct remote *remote = (struct remote *)exchange;
    assert(!remote->is_released);
    /* Who lets go without an answer must not leave the client waiting. */
    proxy_abort(exchange);
    remote->is_released = true;
    loop_post(remote->near, &remote->to_release);
    unhold(remote);
}

static const struct exchange_vtable PROXY_VTABLE = {
    .reply = proxy_reply,
    .stream_begin = proxy_stream_begin,
    .stream_send = proxy_stream_send,
    .stream_end = proxy_stream_end,
    .abort = proxy_abort,
    .release = proxy_release,
};

enum status remote_exchange_forward(struct loop *from, struct loop *to, struct exchange *exchange,
                                    const struct exchange_request *request,
                                    remote_exchange_begin_fn begin, void *context)
{
    struct remote *remote = base_alloc(sizeof(*remote));
    if (remote == NULL) {
        return STATUS_LIMIT;
    }
    *remote = (struct remote){.proxy = {.vtable = &PROXY_VTABLE},
                              .real = exchange,
                              .near = from,
                              .far = to,
                              .begin = begin,
                              .context = context,
                              .to_begin = {.run = run_begin},
                              .to_gone = {.run = run_gone},
                              .to_end = {.run = run_end},
                              .to_abort = {.run = run_abort},
                              .to_release = {.run = run_release}};
    atomic_init(&remote->hold_count, 2);
    arena_init(&remote->arena, REQUEST_BYTES_MAX, NULL);
    enum status status = copy_request(&remote->arena, request, &remote->request);
    remote->charged_bytes = remote->arena.used_bytes;
    if (status == STATUS_OK) {
        status = account_charge(&from->account, remote->charged_bytes);
    }
    if (status != STATUS_OK) {
        arena_wipe(&remote->arena);
        base_free(remote);
        return STATUS_LIMIT;
    }
    exchange->operation = remote;
    exchange->on_gone = on_real_gone;
    loop_post(to, &remote->to_begin);
    return STATUS_OK;
}
