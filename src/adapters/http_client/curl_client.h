/* curl_client.h: the port http_client.h on libcurl, with a thread of its own.
 *
 * All requests of the process run side by side on that thread, so none waits for another and no
 * loop waits at all. A call belongs to the loop that started it; the thread has it from start until
 * it posts it back, and whether it was cancelled is seen when it is back.
 */
#ifndef AEGIS_ADAPTERS_HTTP_CLIENT_CURL_CLIENT_H
#define AEGIS_ADAPTERS_HTTP_CLIENT_CURL_CLIENT_H

#include "core/ports/http_client.h"
#include "core/ports/poster.h"

#define CURL_CLIENT_CALLS_MAX 256 /* under way in the process; more are refused */

struct curl_client;

/* A loop's way to it. Borrowed by its port. */
struct curl_client_user {
    struct curl_client *client;
    const struct port_poster *poster;
};

/* Start the thread. curl_library_load came before. STATUS_LIMIT or STATUS_UNAVAILABLE, code
 * http_client.start. */
NODISCARD enum status curl_client_new(struct curl_client **out, struct diag *diag);

/* End all calls and the thread. The calls were posted to their loops, which must run once more and
 * may cancel none any more. NULL is fine. */
void curl_client_free(struct curl_client *client);

/* For one loop. user must stay where it is. */
struct port_http_client curl_client_port(struct curl_client_user *user);

#endif
