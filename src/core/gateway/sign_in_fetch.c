#include "core/gateway/sign_in.h"

static struct sign_in *sign_in_of(struct child *child)
{
    return (struct sign_in *)((char *)child - offsetof(struct sign_in, child));
}

static void leave_documents(struct sign_in *sign_in)
{
    sign_in->operation->gateway->documents.fetching -= sign_in->is_fetching ? 1 : 0;
    sign_in->is_fetching = false;
}

static void cancel_call(struct child *child)
{
    struct sign_in *sign_in = sign_in_of(child);
    const struct port_http_client *http = sign_in->operation->gateway->ports.http_client;
    http->cancel(http->context, sign_in->call);
    leave_documents(sign_in);
}

static void on_call_done(struct child *child, enum status status, const struct diag *diag)
{
    leave_documents(sign_in_of(child));
    operation_note(sign_in_of(child)->operation, status, diag);
}

static const struct child_kind CALL_CHILD = {cancel_call, on_call_done};

static void on_answer(const struct http_client_sink *sink, enum status status,
                      const struct http_client_answer *answer, const struct diag *diag)
{
    struct gateway *gateway = sink->user;
    struct child *child = child_find(&gateway->children, sink->ticket, &CALL_CHILD);
    if (child == NULL) {
        return;
    }
    struct sign_in *sign_in = sign_in_of(child);
    if (status == STATUS_OK) {
        sign_in->http_status = answer->http_status;
        sign_in->max_age_s = answer->max_age_s;
        struct arena *arena = &sign_in->operation->arena;
        status = arena_copy(arena, answer->body, &sign_in->body);
        if (status == STATUS_OK) {
            status = arena_copy(arena, answer->content_type, &sign_in->content_type);
        }
    }
    child_end(child, status, diag);
}

enum stage_result sign_in_fetch(struct sign_in *sign_in, const struct http_client_request *request)
{
    struct operation *op = sign_in->operation;
    const struct port_http_client *http = op->gateway->ports.http_client;
    struct diag diag = {0};
    sign_in->body = SLICE_EMPTY;
    if (http == NULL) {
        operation_note(op, STATUS_UNAVAILABLE, NULL);
        return STAGE_DONE;
    }
    if (child_begin(&sign_in->child, &op->children, &CALL_CHILD) != STATUS_OK) {
        return operation_refuse_overload(op, "too much is under way");
    }
    struct http_client_sink sink = {
        .done = on_answer, .user = op->gateway, .ticket = sign_in->child.ticket};
    enum status status = http->start(http->context, request, &sink, &sign_in->call, &diag);
    if (status != STATUS_OK) {
        child_abandon(&sign_in->child);
        operation_note(op, status, &diag);
        return STAGE_DONE;
    }
    return STAGE_WAIT;
}
