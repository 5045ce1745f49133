#include "adapters/http_client/fetch.h"

/* The checking macros would name the functions, and with them link the library. */
#define CURL_DISABLE_TYPECHECK
#include <assert.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libcurl.so.4"
#define CONNECT_MS 2000L
#define TOTAL_MS 5000L
#define FIELD_BYTES 128

/* What fetch_init found in the library; set before any thread starts. */
static struct {
    void *handle;
    CURLcode (*global_init)(long flags);
    CURL *(*init)(void);
    CURLcode (*setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*perform)(CURL *handle);
    CURLcode (*getinfo)(CURL *handle, CURLINFO info, ...);
    void (*cleanup)(CURL *handle);
    const char *(*strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
    void (*slist_free_all)(struct curl_slist *list);
} library;

static bool find(void *function, size_t size, const char *name)
{
    void *found = dlsym(library.handle, name);
    assert(size == sizeof(found));
    /* POSIX lets data pointers hold functions; C has no cast for it. */
    memcpy(function, &found, size);
    return found != NULL;
}

#define FIND(member, name) find(&library.member, sizeof(library.member), name)

static bool find_all(void)
{
    return FIND(global_init, "curl_global_init") && FIND(init, "curl_easy_init") &&
           FIND(setopt, "curl_easy_setopt") && FIND(perform, "curl_easy_perform") &&
           FIND(getinfo, "curl_easy_getinfo") && FIND(cleanup, "curl_easy_cleanup") &&
           FIND(strerror, "curl_easy_strerror") && FIND(slist_append, "curl_slist_append") &&
           FIND(slist_free_all, "curl_slist_free_all");
}

enum status fetch_init(struct diag *diag)
{
    library.handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library.handle == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.library",
                         "keys at an address need libcurl (package libcurl4): %s", dlerror());
    }
    if (!find_all() || library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)dlclose(library.handle);
        library.handle = NULL;
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.library", LIBRARY " does not start");
    }
    return STATUS_OK;
}

bool fetch_is_ready(void)
{
    return library.handle != NULL;
}

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
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "%s", library.strerror(code));
    }
    return STATUS_OK;
}

static void set_options(CURL *curl, const struct fetch_request *request, struct buf *out)
{
    (void)library.setopt(curl, CURLOPT_URL, request->url);
    (void)library.setopt(curl, CURLOPT_PROTOCOLS_STR,
                         request->allows_http ? "http,https" : "https");
    (void)library.setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)library.setopt(curl, CURLOPT_PROXY, "");
    (void)library.setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)library.setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)library.setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)library.setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    (void)library.setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)library.setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)library.setopt(curl, CURLOPT_WRITEDATA, out);
}

/* NULL: no memory. The body is borrowed by curl. */
static struct curl_slist *set_body(CURL *curl, const struct fetch_request *request)
{
    struct curl_slist *fields = library.slist_append(NULL, "Accept: application/json");
    if (request->content_type == NULL || fields == NULL) {
        return fields;
    }
    char line[FIELD_BYTES];
    (void)snprintf(line, sizeof(line), "Content-Type: %s", request->content_type);
    struct curl_slist *longer = library.slist_append(fields, line);
    if (longer == NULL) {
        library.slist_free_all(fields);
        return NULL;
    }
    (void)library.setopt(curl, CURLOPT_POST, 1L);
    (void)library.setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    (void)library.setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr);
    return longer;
}

enum status fetch_answer(const struct fetch_request *request, struct buf *out, int *http_status,
                         struct diag *diag)
{
    if (!fetch_is_ready()) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.library",
                         "libcurl is loaded at the start only; restart the gateway");
    }
    CURL *curl = library.init();
    struct curl_slist *fields = curl == NULL ? NULL : set_body(curl, request);
    enum status status = STATUS_UNAVAILABLE;
    long code = 0;
    if (fields == NULL) {
        status = diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "libcurl has no memory");
    } else {
        set_options(curl, request, out);
        (void)library.setopt(curl, CURLOPT_HTTPHEADER, fields);
        status = explain(library.perform(curl), out, diag);
        (void)library.getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    }
    *http_status = (int)code;
    library.slist_free_all(fields);
    library.cleanup(curl);
    return status;
}

enum status fetch_document(const char *url, bool allows_http, struct buf *out, struct diag *diag)
{
    const struct fetch_request request = {.url = url, .allows_http = allows_http};
    int http_status = 0;
    TRY(fetch_answer(&request, out, &http_status, diag));
    return http_status == 200 ? STATUS_OK
                              : diag_fail(diag, STATUS_UNAVAILABLE, "fetch.status",
                                          "the answer has status %d", http_status);
}
