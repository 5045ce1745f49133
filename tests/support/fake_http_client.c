#include "support/fake_http_client.h"

#include "support/check.h"

#include <stdio.h>

static void copy(char *out, size_t size, struct slice text)
{
    (void)snprintf(out, size, "%.*s", SLICE_ARG(text));
}

static enum status start(void *context, const struct http_client_request *request,
                         const struct http_client_sink *sink, struct http_client_call **out,
                         struct diag *diag)
{
    struct fake_http_client *fake = context;
    TRY(http_client_check(request, diag));
    if (fake->is_busy || fake->call_count == FAKE_HTTP_CALLS_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "http_client.busy", "busy");
    }
    struct http_client_call *call = &fake->calls[fake->call_count++];
    *call = (struct http_client_call){.sink = *sink,
                                      .is_post = request->is_post,
                                      .is_local = request->is_local,
                                      .is_open = true,
                                      .answer_bytes_max = request->answer_bytes_max,
                                      .range_count = request->range_count,
                                      .authorities_bytes = request->authorities.len,
                                      .deadline_ms = request->deadline_ms};
    copy(call->url, sizeof(call->url), request->url);
    copy(call->body, sizeof(call->body), request->body);
    copy(call->authorization, sizeof(call->authorization), request->authorization);
    copy(call->content_type, sizeof(call->content_type), request->content_type);
    copy(call->accept, sizeof(call->accept), request->accept);
    *out = call;
    return STATUS_OK;
}

static void cancel(void *context, struct http_client_call *call)
{
    (void)context;
    CHECK(call->is_open);
    call->is_open = false;
    call->is_cancelled = true;
}

struct port_http_client fake_http_client_port(struct fake_http_client *fake)
{
    return (struct port_http_client){fake, start, cancel};
}

struct http_client_call *fake_http_client_find(struct fake_http_client *fake, const char *url)
{
    for (size_t i = 0; i < fake->call_count; i++) {
        if (fake->calls[i].is_open && str_eq(fake->calls[i].url, url)) {
            return &fake->calls[i];
        }
    }
    return NULL;
}

size_t fake_http_client_open_count(const struct fake_http_client *fake)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->call_count; i++) {
        count += fake->calls[i].is_open;
    }
    return count;
}

void fake_http_client_answer(struct http_client_call *call, int http_status, const char *body,
                             int64_t max_age_s)
{
    struct diag diag = {0};
    struct http_client_answer answer = {.http_status = http_status,
                                        .content_type = SLICE("application/json"),
                                        .max_age_s = max_age_s,
                                        .body = slice_view_cstr(body)};
    CHECK(call->is_open);
    if (answer.body.len > call->answer_bytes_max) {
        fake_http_client_fail(call, STATUS_LIMIT, "http_client.too_large");
        return;
    }
    call->is_open = false;
    call->sink.done(&call->sink, STATUS_OK, &answer, &diag);
}

void fake_http_client_fail(struct http_client_call *call, enum status status, const char *code)
{
    struct diag diag = {0};
    CHECK(call->is_open);
    call->is_open = false;
    (void)!diag_fail(&diag, status, code, "it failed");
    call->sink.done(&call->sink, status, NULL, &diag);
}
