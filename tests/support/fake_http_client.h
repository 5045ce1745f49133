/* fake_http_client.h: the port http_client.h, played by the test.
 *
 * What was started waits until the test answers it, in any order, late or never. */
#ifndef AEGIS_TESTS_SUPPORT_FAKE_HTTP_CLIENT_H
#define AEGIS_TESTS_SUPPORT_FAKE_HTTP_CLIENT_H

#include "core/ports/http_client.h"

#define FAKE_HTTP_CALLS_MAX 64
#define FAKE_HTTP_TEXT_BYTES 4096

struct http_client_call {
    struct http_client_sink sink;
    char url[FAKE_HTTP_TEXT_BYTES], body[FAKE_HTTP_TEXT_BYTES];
    char authorization[512], content_type[128], accept[128];
    bool is_post, is_local, is_open, is_cancelled;
    size_t answer_bytes_max, range_count, authorities_bytes;
    int64_t deadline_ms;
};

/* Begins zeroed. */
struct fake_http_client {
    struct http_client_call calls[FAKE_HTTP_CALLS_MAX]; /* oldest first, over or not */
    size_t call_count;
    bool is_busy; /* refuse what is started */
};

struct port_http_client fake_http_client_port(struct fake_http_client *fake);

/* The oldest call to exactly this address that is open, or NULL. */
struct http_client_call *fake_http_client_find(struct fake_http_client *fake, const char *url);

/* How many calls are open. */
size_t fake_http_client_open_count(const struct fake_http_client *fake);

/* Let an open call complete, with an answer of type application/json, if it is not larger than the
 * caller takes, or without one. max_age_s as in the answer. */
void fake_http_client_answer(struct http_client_call *call, int http_status, const char *body,
                             int64_t max_age_s);
void fake_http_client_fail(struct http_client_call *call, enum status status, const char *code);

#endif
