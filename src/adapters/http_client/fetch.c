#include "adapters/http_client/fetch.h"

#include "adapters/http_client/curl_library.h"

#define TOTAL_MS 5000L
#define FIELD_BYTES_MAX ((size_t)128 << 10)

/* The limit holds here too: CURLOPT_MAXFILESIZE does not see chunked bodies. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct buf *out = user;
    buf_append(out, slice_of(bytes, size * count));
    return buf_status(out) == STATUS_OK ? size * count : 0;
}

static enum status explain(CURLcode code, const struct buf *out, struct diag *diag)
{
    if (buf_status(out) != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "fetch.too_large", "the document is too large");
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return diag_fail(diag, STATUS_TIMEOUT, "fetch.timeout", "no answer within %ld ms",
                         TOTAL_MS);
    }
    if (code != CURLE_OK) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "%s",
                         curl_library()->strerror(code));
    }
    return STATUS_OK;
}

static void set_options(CURL *curl, const struct fetch_request *request, struct buf *out)
{
    const struct curl_library *library = curl_library();
    curl_library_protect(curl, request->allows_http);
    (void)library->setopt(curl, CURLOPT_URL, request->url);
    if (request->authorities != NULL) {
        /* The system's stay: they are a folder (CURLOPT_CAPATH). */
        (void)library->setopt(curl, CURLOPT_CAINFO, request->authorities);
    }
    (void)library->setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    (void)library->setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)library->setopt(curl, CURLOPT_WRITEDATA, out);
}

static bool add_field(struct curl_slist **fields, const char *name, struct slice value)
{
    struct curl_slist *longer = NULL;
    struct buf line;
    if (value.len == 0) {
        return true;
    }
    buf_init_secret(&line, FIELD_BYTES_MAX, NULL);
    buf_append(&line, slice_view_cstr(name));
    buf_append(&line, SLICE(": "));
    buf_append(&line, value);
    buf_append_byte(&line, '\0');
    if (buf_status(&line) == STATUS_OK) {
        longer = curl_library()->slist_append(*fields, (const char *)line.ptr);
    }
    buf_release(&line);
    *fields = longer == NULL ? *fields : longer;
    return longer != NULL;
}

/* False: no memory. The body is borrowed by curl; fields are to be freed either way. */
static bool set_fields(CURL *curl, const struct fetch_request *request, struct curl_slist **fields)
{
    const struct curl_library *library = curl_library();
    if (request->content_type != NULL) {
        (void)library->setopt(curl, CURLOPT_POST, 1L);
        (void)library->setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
        (void)library->setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
    }
    return add_field(fields, "Accept", SLICE("application/json")) &&
           add_field(fields, "Content-Type", slice_view_cstr(request->content_type)) &&
           add_field(fields, "Authorization", request->authorization);
}

enum status fetch_answer(const struct fetch_request *request, struct buf *out, int *http_status,
                         struct diag *diag)
{
    const struct curl_library *library = curl_library();
    if (library == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.library", "libcurl is not loaded");
    }
    CURL *curl = library->init();
    struct curl_slist *fields = NULL;
    enum status status = STATUS_UNAVAILABLE;
    long code = 0;
    if (curl == NULL || !set_fields(curl, request, &fields)) {
        status = diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "libcurl has no memory");
    } else {
        set_options(curl, request, out);
        (void)library->setopt(curl, CURLOPT_HTTPHEADER, fields);
        status = explain(library->perform(curl), out, diag);
        (void)library->getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    }
    *http_status = (int)code;
    library->cleanup(curl);
    curl_library_free_fields(fields);
    return status;
}
