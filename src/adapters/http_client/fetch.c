#include "adapters/http_client/fetch.h"

#include <curl/curl.h>

#define CONNECT_MS 2000L
#define TOTAL_MS 5000L

enum status fetch_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? STATUS_OK : STATUS_UNAVAILABLE;
}

void fetch_release(void)
{
    curl_global_cleanup();
}

/* The limit holds here too: CURLOPT_MAXFILESIZE does not see chunked bodies. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct buf *out = user;
    buf_append(out, slice_of(bytes, size * count));
    return buf_status(out) == STATUS_OK ? size * count : 0;
}

static enum status explain(CURLcode code, long http_status, const struct buf *out,
                           struct diag *diag)
{
    if (buf_status(out) != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "fetch.too_large", "the document is too large");
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return diag_fail(diag, STATUS_TIMEOUT, "fetch.timeout", "no answer within %ld ms",
                         TOTAL_MS);
    }
    if (code != CURLE_OK) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "%s", curl_easy_strerror(code));
    }
    if (http_status != 200) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.status", "the answer has status %ld",
                         http_status);
    }
    return STATUS_OK;
}

enum status fetch_document(const char *url, bool allows_http, struct buf *out, struct diag *diag)
{
    CURL *curl = curl_easy_init();
    long http_status = 0;
    if (curl == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "fetch.failed", "libcurl has no memory");
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, allows_http ? "http,https" : "https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_cleanup(curl);
    return explain(code, http_status, out, diag);
}
