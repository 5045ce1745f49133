/* small_request.h: a request of http_client.h to a server of the test's, on this machine. */
#ifndef AEGIS_TESTS_SUPPORT_SMALL_REQUEST_H
#define AEGIS_TESTS_SUPPORT_SMALL_REQUEST_H

#include "core/ports/http_client.h"

#define SMALL_ANSWER_BYTES_MAX 64 /* that it takes */

/* url: borrowed by the request. The deadline is the longest there is: a busy machine needs it. */
static inline struct http_client_request small_request(const char *url)
{
    return (struct http_client_request){.url = slice_view_cstr(url),
                                        .is_local = true,
                                        .accept = SLICE("application/json"),
                                        .answer_bytes_max = SMALL_ANSWER_BYTES_MAX,
                                        .deadline_ms = HTTP_CLIENT_DEADLINE_MS_MAX};
}

#endif
