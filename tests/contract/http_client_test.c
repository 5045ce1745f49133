/* What every port of http_client.h does, on the network and played by a test alike: whoever is
 * tested with the fake is tested with what the product has. */
#include "core/ports/http_client.h"

#include "adapters/http_client/curl_client.h"
#include "adapters/http_client/curl_library.h"
#include "adapters/runtime/loop.h"
#include "support/check.h"
#include "support/fake_http_client.h"
#include "support/origin.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES 4096
#define ANSWER_BYTES_MAX 64
#define CALLS_MAX 256
#define REPLIES_MAX 16
#define REPLY_BYTES 512
#define BODY_64 "0123456789012345678901234567890123456789012345678901234567890123"

/* What the server says; NULL body: nothing, ever. */
struct reply {
    int http_status;
    const char *body;
    int64_t max_age_s;
};

static const struct reply GOOD = {200, "{}", 300};
static const struct reply SILENCE = {0, NULL, 0};

struct side {
    const char *name;
    struct port_http_client port;
    size_t open; /* started, and neither done nor cancelled */
    char url[TEXT_BYTES];
    struct reply reply;
    char answers[REPLIES_MAX][REPLY_BYTES]; /* as HTTP; the origin may still look at an older one */
    size_t reply_count;

    struct fake_http_client *fake; /* or the rest */
    struct loop loop;
    struct curl_client *client;
    struct curl_client_user user;
    struct origin origin;
};

struct outcome {
    struct side *side;
    size_t count;
    enum status status;
    int http_status;
    int64_t max_age_s;
    char content_type[64], body[TEXT_BYTES], code[64];
    struct http_client_call *call;
    struct outcome *cancels; /* when it is done, if that one is not */
    struct outcome *starts;  /* when it is done */
};

static void set_reply(struct side *side, struct reply reply)
{
    char *answer = side->answers[side->reply_count++ % REPLIES_MAX];
    CHECK(side->reply_count <= REPLIES_MAX);
    side->reply = reply;
    (void)snprintf(answer, REPLY_BYTES,
                   "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nLocation: /other\r\n"
                   "Cache-Control: max-age=%d\r\nConnection: close\r\n\r\n%.100s",
                   reply.http_status, (int)reply.max_age_s, reply.body == NULL ? "" : reply.body);
    side->origin.answer = reply.body == NULL ? NULL : answer;
}

static void open_curl(struct side *side)
{
    *side = (struct side){.name = "curl"};
    CHECK(curl_library_load(NULL) == STATUS_OK);
    CHECK(loop_init(&side->loop, (size_t)1 << 20, NULL) == STATUS_OK);
    CHECK(curl_client_new(&side->client, NULL) == STATUS_OK);
    side->user = (struct curl_client_user){side->client, &side->loop.poster};
    side->port = curl_client_port(&side->user);
    origin_start(&side->origin, NULL);
    (void)snprintf(side->url, sizeof(side->url), "http://127.0.0.1:%u/a", side->origin.port);
    set_reply(side, GOOD);
}

static void open_fake(struct side *side)
{
    *side = (struct side){.name = "fake"};
    side->fake = calloc(1, sizeof(*side->fake));
    side->port = fake_http_client_port(side->fake);
    (void)snprintf(side->url, sizeof(side->url), "http://127.0.0.1:1/a");
    set_reply(side, GOOD);
}

static void close_side(struct side *side)
{
    if (side->fake == NULL) {
        curl_client_free(side->client);
        origin_stop(&side->origin);
        loop_release(&side->loop);
    }
    free(side->fake);
}

/* Let the server answer, or time pass, until nothing is open. */
static void settle(struct side *side)
{
    while (side->open > 0 && side->fake == NULL) {
        (void)uv_run(&side->loop.uv, UV_RUN_ONCE);
    }
    while (side->open > 0) {
        struct http_client_call *call = fake_http_client_find(side->fake, side->url);
        CHECK(call != NULL);
        if (side->reply.body == NULL) {
            fake_http_client_fail(call, STATUS_TIMEOUT, "http_client.timeout");
        } else {
            fake_http_client_answer(call, side->reply.http_status, side->reply.body,
                                    side->reply.max_age_s);
        }
    }
}

static struct http_client_request request_to(const char *url)
{
    return (struct http_client_request){.url = slice_view_cstr(url),
                                        .is_local = true,
                                        .accept = SLICE("application/json"),
                                        .answer_bytes_max = ANSWER_BYTES_MAX,
                                        .deadline_ms = HTTP_CLIENT_DEADLINE_MS_MAX};
}

static enum status start(struct side *side, const struct http_client_request *request,
                         struct outcome *outcome);

static void cancel(struct outcome *outcome)
{
    struct side *side = outcome->side;
    side->open--;
    side->port.cancel(side->port.context, outcome->call);
    outcome->call = NULL;
}

static void on_done(const struct http_client_sink *sink, enum status status,
                    const struct http_client_answer *answer, const struct diag *diag)
{
    struct outcome *outcome = sink->user;
    struct side *side = outcome->side;
    CHECK_ROW(side->name, outcome->call != NULL && sink->ticket == 7);
    CHECK_ROW(side->name, (answer != NULL) == (status == STATUS_OK));
    side->open--;
    outcome->count++;
    outcome->status = status;
    outcome->call = NULL;
    (void)snprintf(outcome->code, sizeof(outcome->code), "%.60s",
                   diag->code == NULL ? "" : diag->code);
    if (answer != NULL) {
        outcome->http_status = answer->http_status;
        outcome->max_age_s = answer->max_age_s;
        (void)snprintf(outcome->content_type, sizeof(outcome->content_type), "%.*s",
                       SLICE_ARG(answer->content_type));
        (void)snprintf(outcome->body, sizeof(outcome->body), "%.*s", SLICE_ARG(answer->body));
    }
    if (outcome->cancels != NULL && outcome->cancels->call != NULL) {
        cancel(outcome->cancels);
    }
    if (outcome->starts != NULL) {
        struct http_client_request next = request_to(side->url);
        CHECK_ROW(side->name, start(side, &next, outcome->starts) == STATUS_OK);
    }
}

static enum status start(struct side *side, const struct http_client_request *request,
                         struct outcome *outcome)
{
    struct diag diag = {0};
    const struct http_client_sink sink = {on_done, outcome, 7};
    size_t count = outcome->count;
    outcome->side = side;
    enum status status =
        side->port.start(side->port.context, request, &sink, &outcome->call, &diag);
    /* Never from start itself. */
    CHECK_ROW(side->name, outcome->count == count);
    CHECK_ROW(side->name, (status == STATUS_OK) == (diag.code == NULL));
    side->open += status == STATUS_OK;
    if (status != STATUS_OK) {
        outcome->call = NULL;
        (void)snprintf(outcome->code, sizeof(outcome->code), "%.60s", diag.code);
    }
    return status;
}

static void (*const OPEN[])(struct side *side) = {open_curl, open_fake};

#define FOR_EACH_SIDE(side)                                                                        \
    for (size_t side_index = 0; side_index < COUNT_OF(OPEN) && (OPEN[side_index](side), true);     \
         close_side(side), side_index++)

/* -- the suite ----------------------------------------------------------------------------- */

TEST(http_client_contract_completes_once)
{
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        struct outcome outcome = {0};
        struct http_client_request request = request_to(side.url);
        CHECK_ROW(side.name, start(&side, &request, &outcome) == STATUS_OK);
        settle(&side);
        CHECK_ROW(side.name, outcome.count == 1 && outcome.status == STATUS_OK);
        CHECK_ROW(side.name, outcome.http_status == 200 && outcome.max_age_s == 300);
        CHECK_ROW(side.name, str_eq(outcome.content_type, "application/json"));
        CHECK_ROW(side.name, str_eq(outcome.body, "{}"));
    }
}

TEST(http_client_contract_copies_what_it_is_given)
{
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        struct outcome outcome = {0};
        char url[TEXT_BYTES];
        (void)snprintf(url, sizeof(url), "%s", side.url);
        struct http_client_request request = request_to(url);
        CHECK_ROW(side.name, start(&side, &request, &outcome) == STATUS_OK);
        memset(url, 'x', sizeof(url));
        memset(&request, 0xFF, sizeof(request));
        settle(&side);
        CHECK_ROW(side.name, outcome.count == 1 && outcome.status == STATUS_OK);
    }
}

/* Whatever it is, it is an answer; nobody follows it anywhere. */
TEST(http_client_contract_follows_nothing)
{
    static const int STATUSES[] = {301, 302, 307, 308, 401, 404, 500, 503};
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        for (size_t i = 0; i < COUNT_OF(STATUSES); i++) {
            struct outcome outcome = {0};
            struct http_client_request request = request_to(side.url);
            set_reply(&side, (struct reply){STATUSES[i], "{}", 1});
            CHECK_ROW(side.name, start(&side, &request, &outcome) == STATUS_OK);
            settle(&side);
            CHECK_ROW(side.name, outcome.count == 1 && outcome.http_status == STATUSES[i]);
        }
        CHECK_ROW(side.name, side.fake != NULL || side.origin.request_count == COUNT_OF(STATUSES));
    }
}

TEST(http_client_contract_bounds_answers)
{
    static const struct {
        const char *body;
        const char *code;
    } ROWS[] = {{"", ""}, {BODY_64, ""}, {BODY_64 "4", "http_client.too_large"}};
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
            struct outcome outcome = {0};
            struct http_client_request request = request_to(side.url);
            bool is_good = ROWS[i].code[0] == '\0';
            set_reply(&side, (struct reply){200, ROWS[i].body, 1});
            CHECK_ROW(side.name, start(&side, &request, &outcome) == STATUS_OK);
            settle(&side);
            CHECK_ROW(side.name, outcome.status == (is_good ? STATUS_OK : STATUS_LIMIT));
            CHECK_ROW(side.name, outcome.count == 1 && str_eq(outcome.code, ROWS[i].code));
        }
    }
}

TEST(http_client_contract_gives_up_in_time)
{
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        struct outcome outcome = {0};
        struct http_client_request request = request_to(side.url);
        request.deadline_ms = 30;
        set_reply(&side, SILENCE);
        CHECK_ROW(side.name, start(&side, &request, &outcome) == STATUS_OK);
        settle(&side);
        CHECK_ROW(side.name, outcome.count == 1 && outcome.status == STATUS_TIMEOUT);
        CHECK_ROW(side.name, str_eq(outcome.code, "http_client.timeout"));
    }
}

TEST(http_client_contract_refuses_at_the_start)
{
    static uint8_t large[HTTP_CLIENT_AUTHORITIES_BYTES_MAX + HTTP_CLIENT_BODY_BYTES_MAX + 1];
    const struct slice two = SLICE("a\r\nX-Other: b"), good = SLICE("https://a.example/");
    const struct {
        const char *name, *code;
        struct http_client_request request;
    } ROWS[] = {
        {"no address", "http_client.url", {.is_local = true}},
        {"a file", "http_client.url", {.is_local = true, .url = SLICE("file:///etc/passwd")}},
        {"in the clear", "http_client.url", {.url = SLICE("http://a.example/")}},
        {"no scheme", "http_client.url", {.url = SLICE("a.example/")}},
        {"a space", "http_client.url", {.url = SLICE("https://a.example/ x")}},
        {"a line break", "http_client.url", {.url = SLICE("https://a.example/\r\nX: y")}},
        {"a long address",
         "http_client.url",
         {.is_local = true, .url = slice_of(large, HTTP_CLIENT_URL_BYTES_MAX + 1)}},
        {"two fields for a type", "http_client.request", {.url = good, .content_type = two}},
        {"two fields for what is taken", "http_client.request", {.url = good, .accept = two}},
        {"two fields for a credential", "http_client.request", {.url = good, .authorization = two}},
        {"a long body",
         "http_client.request",
         {.url = good, .is_post = true, .body = slice_of(large, HTTP_CLIENT_BODY_BYTES_MAX + 1)}},
        {"many authorities",
         "http_client.request",
         {.url = good, .authorities = slice_of(large, HTTP_CLIENT_AUTHORITIES_BYTES_MAX + 1)}},
    };
    struct side side;
    memset(large, 'a', sizeof(large));
    memcpy(large, "https://", 8);
    FOR_EACH_SIDE(&side)
    {
        for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
            struct outcome outcome = {0};
            struct http_client_request request = ROWS[i].request;
            request.answer_bytes_max = ANSWER_BYTES_MAX;
            request.deadline_ms = HTTP_CLIENT_DEADLINE_MS_DEFAULT;
            CHECK_ROW(ROWS[i].name, start(&side, &request, &outcome) == STATUS_INVALID);
            CHECK_ROW(ROWS[i].name, outcome.count == 0 && str_eq(outcome.code, ROWS[i].code));
        }
        CHECK_ROW(side.name, side.fake != NULL || side.origin.request_count == 0);
    }
}

TEST(http_client_contract_says_nothing_after_cancel)
{
    struct side side;
    struct outcome cancelled = {0}, other = {0};
    FOR_EACH_SIDE(&side)
    {
        struct http_client_request request = request_to(side.url);
        set_reply(&side, SILENCE);
        CHECK_ROW(side.name, start(&side, &request, &cancelled) == STATUS_OK);
        cancel(&cancelled);
        request.deadline_ms = 30;
        CHECK_ROW(side.name, start(&side, &request, &other) == STATUS_OK);
        settle(&side);
    }
    CHECK(cancelled.count == 0 && other.count == COUNT_OF(OPEN));
}

/* Of two, the first that is done cancels the other, which may be over already and on its way. */
TEST(http_client_contract_cancels_what_comes_late)
{
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        for (size_t i = 0; i < 20; i++) {
            struct outcome a = {0}, b = {0};
            struct http_client_request request = request_to(side.url);
            a.cancels = &b;
            b.cancels = &a;
            CHECK_ROW(side.name, start(&side, &request, &a) == STATUS_OK);
            CHECK_ROW(side.name, start(&side, &request, &b) == STATUS_OK);
            settle(&side);
            CHECK_ROW(side.name, a.count + b.count == 1);
        }
    }
}

TEST(http_client_contract_takes_a_request_from_done)
{
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        struct outcome second = {0}, first = {.starts = &second};
        struct http_client_request request = request_to(side.url);
        CHECK_ROW(side.name, start(&side, &request, &first) == STATUS_OK);
        settle(&side);
        CHECK_ROW(side.name, first.count == 1 && second.count == 1);
    }
}

/* More than it takes are refused, and those that it took end as ever. */
TEST(http_client_contract_is_busy_sometime)
{
    static struct outcome outcomes[CALLS_MAX + 1];
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        struct http_client_request request = request_to(side.url);
        size_t count = 0;
        memset(outcomes, 0, sizeof(outcomes));
        set_reply(&side, SILENCE);
        while (count < CALLS_MAX && start(&side, &request, &outcomes[count]) == STATUS_OK) {
            count++;
        }
        CHECK_ROW(side.name, start(&side, &request, &outcomes[CALLS_MAX]) == STATUS_LIMIT);
        CHECK_ROW(side.name, str_eq(outcomes[CALLS_MAX].code, "http_client.busy"));
        for (size_t i = 0; i < count; i++) {
            cancel(&outcomes[i]);
        }
        CHECK_ROW(side.name, side.open == 0);
    }
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        CHECK(outcomes[i].count == 0);
    }
}

static bool start_one(void *context)
{
    struct side *side = context;
    struct outcome outcome = {0};
    struct http_client_request request = request_to(side->url);
    request.is_post = true;
    request.body = SLICE("a");
    request.authorization = SLICE("Basic YTpi");
    enum status status = start(side, &request, &outcome);
    CHECK_ROW(side->name, status == STATUS_OK || status == STATUS_LIMIT);
    if (status == STATUS_OK) {
        cancel(&outcome);
    }
    return status == STATUS_OK;
}

TEST(http_client_contract_without_memory)
{
    struct side side;
    FOR_EACH_SIDE(&side)
    {
        /* The thread has memory of its own, so only what start takes is refused here. */
        set_reply(&side, SILENCE);
        check_every_allocation(start_one, &side);
    }
}
