/* curl_library.h: libcurl, loaded when it is needed, and what every request with it has in common.
 *
 * libcurl brings some thirty libraries along, so a process loads it only when it has an address to
 * ask: others are smaller and start faster. A sandboxed process can load nothing any more.
 */
#ifndef AEGIS_ADAPTERS_HTTP_CLIENT_CURL_LIBRARY_H
#define AEGIS_ADAPTERS_HTTP_CLIENT_CURL_LIBRARY_H

/* The checking macros would name the functions, and with them link the library. */
#define CURL_DISABLE_TYPECHECK
#include "base/diag.h"

#include <curl/curl.h>

struct curl_library {
    void *handle;
    CURLcode (*global_init)(long flags);
    CURL *(*init)(void);
    CURLcode (*setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*perform)(CURL *handle);
    CURLcode (*getinfo)(CURL *handle, CURLINFO info, ...);
    void (*cleanup)(CURL *handle);
    const char *(*strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
    CURLMcode (*multi_add_handle)(CURLM *multi, CURL *handle);
    CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *handle);
    CURLMcode (*multi_perform)(CURLM *multi, int *running);
    CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd *more, unsigned count, int wait_ms,
                            int *ready);
    CURLMcode (*multi_wakeup)(CURLM *multi);
    CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
    CURLMcode (*multi_cleanup)(CURLM *multi);
};

/* Load it for the rest of the process's life: once, before any thread and before the sandbox.
 * STATUS_UNAVAILABLE http_client.library. */
NODISCARD enum status curl_library_load(struct diag *diag);

/* NULL: it was not loaded. */
const struct curl_library *curl_library(void);

/* What holds for every request: https, or http with allows_http; no redirect, proxy, netrc or
 * signal; TLS 1.2 and later. */
void curl_library_protect(CURL *curl, bool allows_http);

/* Free the fields of a request, which may hold a secret, when no transfer has them any more. */
void curl_library_free_fields(struct curl_slist *fields);

#endif
