#include "adapters/http_client/fetch.h"

#include "adapters/http_client/curl_library.h"

#include <stdio.h>

#define TOTAL_MS 5000L
#define FIELD_BYTES 128

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

/* NULL: no memory. The body is borrowed by curl. */
static struct curl_slist *set_body(CURL *curl, const struct fetch_request *request)
{
    const struct curl_library *library = curl_library();
    struct curl_slist *fields = library->slist_append(NULL, "Accept: application/json");
    if (request->content_type == NULL || fields == NULL) {
        return fields;
    }
    char line[FIELD_BYTES];
    (void)snprintf(line, sizeof(line), "Content-Type: %s", request->content_type);
    struct curl_slist *longer = library->slist_append(fields, line);
    if (longer == NULL) {
        library->slist_free_all(fields);
        return NULL;
    }
    (void)library->setopt(curl, CURLOPT_POST, 1L);
    (void)library->setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    (void)library->setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
    return longer;
}

enum status fetch_answer(const struct fetch_request *request, struct buf *out, int *http_status,
                         struct diag *diag)
{
    const struct curl_library *library = curl_library();
    if (library == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.library", "libcurl is not loaded");
    }
    CURL *curl = library->init();
    struct curl_slist *fields = curl == NULL ? NULL : set_body(curl, request);
    enum status status = STATUS_UNAVAILABLE;
    long code = 0;
    if (fields == NULL) {
        status = diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "libcurl has no memory");
    } else {
        set_options(curl, request, out);
        (void)library->setopt(curl, CURLOPT_HTTPHEADER, fields);
        status = explain(library->perform(curl), out, diag);
        (void)library->getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    }
    *http_status = (int)code;
    library->slist_free_all(fields);
    library->cleanup(curl);
    return status;
}
