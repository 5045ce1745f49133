#include "core/ports/http_client.h"

#include <assert.h>

static enum status check_url(const struct http_client_request *request, struct diag *diag)
{
    struct slice url = request->url;
    bool has_scheme = slice_starts_with(url, SLICE("https://")) ||
                      (request->is_local && slice_starts_with(url, SLICE("http://")));
    if (!has_scheme || url.len > HTTP_CLIENT_URL_BYTES_MAX || !slice_is_visible(url)) {
        return diag_fail(diag, STATUS_INVALID, "http_client.url",
                         "an address to ask must begin with 'https://', or be on this machine");
    }
    return STATUS_OK;
}

static bool fits(struct slice value)
{
    return value.len <= HTTP_CLIENT_FIELD_BYTES_MAX && !slice_has_control(value);
}

enum status http_client_check(const struct http_client_request *request, struct diag *diag)
{
    assert(request->deadline_ms > 0 && request->deadline_ms <= HTTP_CLIENT_DEADLINE_MS_MAX);
    TRY(check_url(request, diag));
    if (!fits(request->content_type) || !fits(request->accept) || !fits(request->authorization) ||
        request->body.len > HTTP_CLIENT_BODY_BYTES_MAX ||
        request->authorities.len > HTTP_CLIENT_AUTHORITIES_BYTES_MAX) {
        return diag_fail(diag, STATUS_INVALID, "http_client.request",
                         "a field or the body of a request to make is too long or no text");
    }
    return STATUS_OK;
}
