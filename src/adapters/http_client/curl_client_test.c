#include "adapters/http_client/curl_client.h"

#include "adapters/http_client/curl_library.h"
#include "adapters/runtime/loop.h"
#include "support/check.h"
#include "support/origin.h"
#include "support/small_request.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES 4096
#define OK_ANSWER                                                                                  \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: public\r\n"               \
    "cache-control: max-age=300\r\nContent-Length: 2\r\n\r\n{}"

struct outcome {
    size_t count;
    enum status status;
    int http_status;
    int64_t max_age_s;
    char content_type[64], body[TEXT_BYTES];
    struct diag diag;
};

static void on_done(const struct http_client_sink *sink, enum status status,
                    const struct http_client_answer *answer, const struct diag *diag)
{
    struct outcome *outcome = sink->user;
    CHECK((answer != NULL) == (status == STATUS_OK));
    CHECK(sink->ticket == 7);
    outcome->count++;
    outcome->status = status;
    outcome->diag = *diag;
    if (answer != NULL) {
        outcome->http_status = answer->http_status;
        outcome->max_age_s = answer->max_age_s;
        (void)snprintf(outcome->content_type, sizeof(outcome->content_type), "%.*s",
                       SLICE_ARG(answer->content_type));
        (void)snprintf(outcome->body, sizeof(outcome->body), "%.*s", SLICE_ARG(answer->body));
    }
}

struct fixture {
    struct loop loop;
    struct curl_client *client;
    struct curl_client_user user;
    struct port_http_client port;
    struct origin origin;
};

static void setup(struct fixture *f, const char *answer)
{
    CHECK(curl_library_load(NULL) == STATUS_OK);
    CHECK(loop_init(&f->loop, (size_t)1 << 20, NULL) == STATUS_OK);
    CHECK(curl_client_new(&f->client, NULL) == STATUS_OK);
    f->user = (struct curl_client_user){f->client, &f->loop.poster};
    f->port = curl_client_port(&f->user);
    origin_start(&f->origin, answer);
}

static void teardown(struct fixture *f)
{
    curl_client_free(f->client);
    origin_stop(&f->origin);
    loop_release(&f->loop);
}

static struct http_client_sink sink_of(struct outcome *outcome)
{
    return (struct http_client_sink){on_done, outcome, 7};
}

static void ask(struct fixture *f, const struct http_client_request *request,
                struct outcome *outcome)
{
    struct http_client_call *call = NULL;
    struct http_client_sink sink = sink_of(outcome);
    *outcome = (struct outcome){0};
    enum status status = f->port.start(f->port.context, request, &sink, &call, &outcome->diag);
    outcome->status = status;
    while (status == STATUS_OK && outcome->count == 0) {
        (void)uv_run(&f->loop.uv, UV_RUN_ONCE);
    }
}

/* PORT in the format is the port of the origin. */
static const char *url_of(struct fixture *f, const char *format, char out[TEXT_BYTES])
{
    const char *at = strstr(format, "PORT");
    int before = at == NULL ? (int)strlen(format) : (int)(at - format);
    (void)snprintf(out, TEXT_BYTES, "%.*s", before, format);
    if (at != NULL) {
        (void)snprintf(out + before, TEXT_BYTES - (size_t)before, "%u%s", f->origin.port, at + 4);
    }
    return out;
}

TEST(http_client_gets_a_document)
{
    struct fixture f;
    struct outcome outcome;
    char url[TEXT_BYTES];
    setup(&f, OK_ANSWER);
    struct http_client_request request =
        small_request(url_of(&f, "http://127.0.0.1:PORT/a?b=c", url));
    /* Neither is asked or sent anything. */
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    ask(&f, &request, &outcome);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
    CHECK(outcome.status == STATUS_OK && outcome.count == 1);
    CHECK(outcome.http_status == 200 && outcome.max_age_s == 300);
    CHECK(str_eq(outcome.content_type, "application/json") && str_eq(outcome.body, "{}"));
    CHECK(strstr(f.origin.request, "GET /a?b=c HTTP/1.1\r\n") == f.origin.request);
    CHECK(strstr(f.origin.request, "\r\nAccept: application/json\r\n") != NULL);
    CHECK(strstr(f.origin.request, "Authorization") == NULL);
    CHECK(strstr(f.origin.request, "Accept-Encoding") == NULL);
    teardown(&f);
}

TEST(http_client_posts_a_form)
{
    struct fixture f;
    struct outcome outcome;
    char url[TEXT_BYTES];
    setup(&f, OK_ANSWER);
    struct http_client_request request = small_request(url_of(&f, "http://localhost:PORT/t", url));
    request.is_post = true;
    request.content_type = SLICE("application/x-www-form-urlencoded");
    request.authorization = SLICE("Basic YTpi");
    request.body = SLICE("token=x");
    ask(&f, &request, &outcome);
    CHECK(outcome.status == STATUS_OK && outcome.http_status == 200);
    CHECK(strstr(f.origin.request, "POST /t HTTP/1.1\r\n") == f.origin.request);
    CHECK(strstr(f.origin.request, "\r\nAuthorization: Basic YTpi\r\n") != NULL);
    CHECK(strstr(f.origin.request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n") !=
          NULL);
    CHECK(strstr(f.origin.request, "Expect") == NULL);
    CHECK(strstr(f.origin.request, "\r\n\r\ntoken=x") != NULL);
    request.body = SLICE_EMPTY;
    ask(&f, &request, &outcome);
    CHECK(outcome.status == STATUS_OK && outcome.http_status == 200);
    CHECK(strstr(f.origin.request, "\r\nContent-Length: 0\r\n") != NULL);
    teardown(&f);
}

/* Whatever it is, it is an answer, and nothing else is asked because of it. */
TEST(http_client_takes_answers_as_they_are)
{
    static const struct {
        const char *answer;
        int http_status;
        int64_t max_age_s;
    } ROWS[] = {
        {"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", 302, -1},
        {"HTTP/1.1 500 No\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n", 500, 0},
        {"HTTP/1.1 404 No\r\nConnection: close\r\n\r\n<html>", 404, -1},
        {"HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\nCache-Control: max-age=5\r\n"
         "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
         200, 5},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 200, -1},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture f;
        struct outcome outcome;
        char url[TEXT_BYTES];
        setup(&f, ROWS[i].answer);
        struct http_client_request request =
            small_request(url_of(&f, "http://127.0.0.1:PORT/", url));
        ask(&f, &request, &outcome);
        CHECK_ROW(ROWS[i].answer, outcome.status == STATUS_OK);
        CHECK_ROW(ROWS[i].answer, outcome.http_status == ROWS[i].http_status);
        CHECK_ROW(ROWS[i].answer, outcome.max_age_s == ROWS[i].max_age_s);
        CHECK_ROW(ROWS[i].answer, f.origin.request_count == 1);
        teardown(&f);
    }
}

TEST(http_client_refuses_answers_that_are_none)
{
    static const struct {
        const char *answer, *code;
        int64_t deadline_ms;
    } ROWS[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "http_client.failed", 5000},
        {"SSH-2.0-x\r\n", "http_client.failed", 5000},
        {"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n"
         "0123456789012345678901234567890123456789012345678901234567890123456789",
         "http_client.too_large", 5000},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "41\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n",
         "http_client.too_large", 5000},
        {NULL, "http_client.timeout", 30},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture f;
        struct outcome outcome;
        char url[TEXT_BYTES];
        setup(&f, ROWS[i].answer);
        struct http_client_request request =
            small_request(url_of(&f, "http://127.0.0.1:PORT/", url));
        request.deadline_ms = ROWS[i].deadline_ms;
        ask(&f, &request, &outcome);
        CHECK_ROW(ROWS[i].code, outcome.count == 1 && outcome.status != STATUS_OK);
        CHECK_ROW(ROWS[i].code, str_eq(outcome.diag.code, ROWS[i].code));
        teardown(&f);
    }
}

TEST(http_client_refuses_addresses)
{
    static const struct {
        const char *url, *code;
        bool is_local;
    } ROWS[] = {
        {"http://127.0.0.1:PORT/", "http_client.url", false},
        {"http://example.com/", "http_client.url", false},
        {"file:///etc/passwd", "http_client.url", true},
        {"ftp://127.0.0.1/", "http_client.url", true},
        {"127.0.0.1:PORT", "http_client.url", true},
        {"HTTPS://127.0.0.1/", "http_client.url", true},
        {"https://127.0.0.1:PORT/ x", "http_client.url", true},
        {"https://127.0.0.1:PORT/\r\nX: y", "http_client.url", true},
        {"", "http_client.url", true},
        {"https://127.0.0.1:PORT/", "http_client.address", false},
        {"https://localhost:PORT/", "http_client.address", false},
        {"https://2130706433:PORT/", "http_client.address", false},
        {"https://0x7f.1:PORT/", "http_client.address", false},
        {"https://[::1]:PORT/", "http_client.address", false},
        {"https://[::ffff:127.0.0.1]:PORT/", "http_client.address", false},
        {"https://[::ffff:8.8.8.8]:PORT/", "http_client.address", false},
        {"https://[64:ff9b::7f00:1]:PORT/", "http_client.address", false},
        {"https://0.0.0.0:PORT/", "http_client.address", false},
        {"https://10.0.0.1:PORT/", "http_client.address", false},
        {"https://100.64.0.1:PORT/", "http_client.address", false},
        {"https://169.254.169.254/latest/meta-data/", "http_client.address", false},
        {"https://[fe80::1]:PORT/", "http_client.address", false},
        {"https://[fd00::1]:PORT/", "http_client.address", false},
        {"https://224.0.0.1:PORT/", "http_client.address", false},
        {"http://8.8.8.8:PORT/", "http_client.address", true},
        {"http://10.0.0.1:PORT/", "http_client.address", true},
        {"http://[::ffff:127.0.0.1]:PORT/", "http_client.address", true},
    };
    struct fixture f;
    setup(&f, OK_ANSWER);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct outcome outcome;
        char url[TEXT_BYTES];
        struct http_client_request request = small_request(url_of(&f, ROWS[i].url, url));
        request.is_local = ROWS[i].is_local;
        ask(&f, &request, &outcome);
        CHECK_ROW(ROWS[i].url, outcome.status != STATUS_OK);
        CHECK_ROW(ROWS[i].url, str_eq(outcome.diag.code, ROWS[i].code));
    }
    CHECK(f.origin.request_count == 0);
    teardown(&f);
}

/* A listed network may be connected to, and still has to prove who it is. */
TEST(http_client_connects_to_a_listed_network)
{
    static const struct network_range LISTED[] = {
        {{[10] = 0xFF, [11] = 0xFF, 10}, 104},
        {{[10] = 0xFF, [11] = 0xFF, 127}, 104},
    };
    struct fixture f;
    struct outcome outcome;
    char url[TEXT_BYTES];
    setup(&f, OK_ANSWER);
    struct http_client_request request = small_request(url_of(&f, "https://127.0.0.1:PORT/", url));
    request.is_local = false;
    request.ranges = LISTED;
    request.range_count = 1;
    ask(&f, &request, &outcome);
    CHECK(str_eq(outcome.diag.code, "http_client.address"));
    request.range_count = 2;
    ask(&f, &request, &outcome);
    CHECK(str_eq(outcome.diag.code, "http_client.failed"));
    teardown(&f);
}

TEST(http_client_ends_calls_when_it_stops)
{
    struct fixture f;
    static struct outcome outcomes[CURL_CLIENT_CALLS_MAX + 1];
    struct http_client_call *call = NULL;
    struct diag diag = {0};
    char url[TEXT_BYTES];
    setup(&f, NULL);
    struct http_client_request request = small_request(url_of(&f, "http://127.0.0.1:PORT/", url));
    memset(outcomes, 0, sizeof(outcomes));
    for (size_t i = 0; i < CURL_CLIENT_CALLS_MAX; i++) {
        struct http_client_sink sink = sink_of(&outcomes[i]);
        CHECK(f.port.start(f.port.context, &request, &sink, &call, NULL) == STATUS_OK);
    }
    struct http_client_sink sink = sink_of(&outcomes[CURL_CLIENT_CALLS_MAX]);
    CHECK(f.port.start(f.port.context, &request, &sink, &call, &diag) == STATUS_LIMIT);
    CHECK(str_eq(diag.code, "http_client.busy"));
    teardown(&f);
    for (size_t i = 0; i < CURL_CLIENT_CALLS_MAX; i++) {
        CHECK(outcomes[i].count == 1 && outcomes[i].status == STATUS_CANCELLED);
    }
    CHECK(outcomes[CURL_CLIENT_CALLS_MAX].count == 0);
}
