#include "adapters/http_client/curl_library.h"

#include "core/ports/http_client.h"

#include <assert.h>
#include <dlfcn.h>
#include <string.h>

#define LIBRARY "libcurl.so.4"

/* Set before any thread starts. */
static struct curl_library library;

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
           FIND(slist_free_all, "curl_slist_free_all") && FIND(multi_init, "curl_multi_init") &&
           FIND(multi_setopt, "curl_multi_setopt") &&
           FIND(multi_add_handle, "curl_multi_add_handle") &&
           FIND(multi_remove_handle, "curl_multi_remove_handle") &&
           FIND(multi_perform, "curl_multi_perform") && FIND(multi_poll, "curl_multi_poll") &&
           FIND(multi_wakeup, "curl_multi_wakeup") &&
           FIND(multi_info_read, "curl_multi_info_read") &&
           FIND(multi_cleanup, "curl_multi_cleanup");
}

enum status curl_library_load(struct diag *diag)
{
    if (library.handle != NULL) {
        return STATUS_OK;
    }
    library.handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library.handle == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "http_client.library",
                         "requests to an address need libcurl (package libcurl4): %s", dlerror());
    }
    if (!find_all() || library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)dlclose(library.handle);
        library.handle = NULL;
        return diag_fail(diag, STATUS_UNAVAILABLE, "http_client.library",
                         LIBRARY " does not start");
    }
    return STATUS_OK;
}

const struct curl_library *curl_library(void)
{
    return library.handle == NULL ? NULL : &library;
}

void curl_library_protect(CURL *curl, bool allows_http)
{
    (void)library.setopt(curl, CURLOPT_PROTOCOLS_STR, allows_http ? "http,https" : "https");
    (void)library.setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)library.setopt(curl, CURLOPT_PROXY, "");
    (void)library.setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)library.setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)library.setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)library.setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)library.setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CLIENT_CONNECT_MS);
    (void)library.setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)library.setopt(curl, CURLOPT_USERAGENT, "aegis");
}

void curl_library_free_fields(struct curl_slist *fields)
{
    for (struct curl_slist *field = fields; field != NULL; field = field->next) {
        explicit_bzero(field->data, slice_view_cstr(field->data).len);
    }
    library.slist_free_all(fields);
}
