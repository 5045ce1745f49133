/* What every port of http_client.h does, on the network and played by a test alike: whoever is
 * tested with the fake is tested with what the product has. */
#include "core/ports/http_client.h"

#include "adapters/http_client/curl_client.h"
#include "adapters/http_client/curl_library.h"
#include "adapters/runtime/loop.h"
#include "support/check.h"
#include "support/fake_http_client.h"
#include "support/issued.h"
#include "support/origin.h"
#include "support/secure_origin.h"
#include "support/small_request.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES 4096
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
static const struct reply REFUSED = {-1, "", 0}; /* by the client: it is not who was asked */

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
        } else if (side->reply.http_status < 0) {
            fake_http_client_fail(call, STATUS_UNAVAILABLE, "http_client.failed");
        } else {
            fake_http_client_answer(call, side->reply.http_status, side->reply.body,
                                    side->reply.max_age_s);
        }
    }
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
        struct http_client_request next = small_request(side->url);
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
        struct http_client_request request = small_request(side.url);
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
        struct http_client_request request = small_request(url);
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
            struct http_client_request request = small_request(side.url);
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
            struct http_client_request request = small_request(side.url);
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
        struct http_client_request request = small_request(side.url);
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
            request.answer_bytes_max = SMALL_ANSWER_BYTES_MAX;
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
        struct http_client_request request = small_request(side.url);
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
            struct http_client_request request = small_request(side.url);
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
        struct http_client_request request = small_request(side.url);
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
        struct http_client_request request = small_request(side.url);
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

/* -- who it speaks to ----------------------------------------------------------------------- */

enum { OURS, THEIRS, BELOW, AUTHORITY_COUNT }; /* BELOW: by ours, and no authority */

/* What requests trust. */
enum trust {
    TRUST_SYSTEM,
    TRUST_OURS,
    TRUST_THEIRS,
    TRUST_BOTH,
    TRUST_NOBODY, /* a text without a certificate */
};

struct authorities {
    struct issued issued[AUTHORITY_COUNT];
    struct buf pem;
};

static void authorities_init(struct authorities *self)
{
    self->issued[OURS] = issued_authority(NULL, "ours");
    self->issued[THEIRS] = issued_authority(NULL, "theirs");
    self->issued[BELOW] = issued_make(&self->issued[OURS], &(struct issued_wish){.name = "below"});
    buf_init(&self->pem, HTTP_CLIENT_AUTHORITIES_BYTES_MAX, NULL);
}

static void authorities_release(struct authorities *self)
{
    for (size_t i = 0; i < AUTHORITY_COUNT; i++) {
        issued_release(&self->issued[i]);
    }
    buf_release(&self->pem);
}

static struct slice authorities_of(struct authorities *self, enum trust trust)
{
    buf_clear(&self->pem);
    if (trust == TRUST_OURS || trust == TRUST_BOTH) {
        issued_append_pem(&self->pem, &self->issued[OURS]);
    }
    if (trust == TRUST_THEIRS || trust == TRUST_BOTH) {
        issued_append_pem(&self->pem, &self->issued[THEIRS]);
    }
    if (trust == TRUST_NOBODY) {
        buf_append(&self->pem, SLICE("nobody\n"));
    }
    return buf_view(&self->pem);
}

/* One request to the server at that name, from the port and from what plays it. */
static void ask_secure(struct side *side, struct secure_origin *server, const char *host,
                       struct slice authorities, bool is_good, const char *name)
{
    struct outcome outcome = {0};
    size_t served = server->origin.request_count;
    side->reply = is_good ? GOOD : REFUSED;
    (void)snprintf(side->url, sizeof(side->url), "https://%s:%u/a", host, server->origin.port);
    struct http_client_request request = small_request(side->url);
    request.authorities = authorities;
    request.authorization = SLICE("Basic YTpi");
    CHECK_ROW(name, start(side, &request, &outcome) == STATUS_OK);
    settle(side);
    CHECK_ROW(name, outcome.count == 1);
    CHECK_ROW(name, outcome.status == (is_good ? STATUS_OK : STATUS_UNAVAILABLE));
    CHECK_ROW(name, str_eq(outcome.code, is_good ? "" : "http_client.failed"));
    served = server->origin.request_count - served;
    CHECK_ROW(name, served == (is_good && side->fake == NULL ? 1 : 0));
}

#define NAMES "DNS:localhost,IP:127.0.0.1"
#define IP "127.0.0.1"
#define SECURE_ANSWER                                                                              \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

/* Whoever it is not sure of gets no byte of a request. */
TEST(http_client_contract_knows_who_it_speaks_to)
{
    static const struct {
        const char *name, *host;
        enum trust trust;
        int by; /* -1: self-signed */
        struct issued_wish wish;
        int version_max;
        bool is_good;
    } ROWS[] = {
        {"its address", IP, TRUST_OURS, OURS, {.names = NAMES}, 0, true},
        {"its name", "localhost", TRUST_OURS, OURS, {.names = NAMES}, 0, true},
        {"one of two authorities", IP, TRUST_BOTH, OURS, {.names = NAMES}, 0, true},
        {"the other of them", IP, TRUST_BOTH, THEIRS, {.names = NAMES}, 0, true},
        {"for servers", IP, TRUST_OURS, OURS, {.names = NAMES, .purpose = "serverAuth"}, 0, true},
        {"TLS 1.2", IP, TRUST_OURS, OURS, {.names = NAMES}, TLS1_2_VERSION, true},
        {"TLS 1.3", IP, TRUST_OURS, OURS, {.names = NAMES}, TLS1_3_VERSION, true},
        {"TLS 1.1", IP, TRUST_OURS, OURS, {.names = NAMES}, TLS1_1_VERSION, false},
        {"TLS 1.0", IP, TRUST_OURS, OURS, {.names = NAMES}, TLS1_VERSION, false},
        {"an authority that the system does not know",
         IP,
         TRUST_SYSTEM,
         OURS,
         {.names = NAMES},
         0,
         false},
        {"another authority", IP, TRUST_THEIRS, OURS, {.names = NAMES}, 0, false},
        {"no authority at all", IP, TRUST_NOBODY, OURS, {.names = NAMES}, 0, false},
        {"by itself", IP, TRUST_OURS, -1, {.names = NAMES}, 0, false},
        {"by one that is no authority", IP, TRUST_OURS, BELOW, {.names = NAMES}, 0, false},
        {"another name", "localhost", TRUST_OURS, OURS, {.names = "DNS:other.example"}, 0, false},
        {"a name that begins like it",
         "localhost",
         TRUST_OURS,
         OURS,
         {.names = "DNS:localhost.example"},
         0,
         false},
        {"a name, where the address was asked",
         IP,
         TRUST_OURS,
         OURS,
         {.names = "DNS:localhost"},
         0,
         false},
        {"an address as a name", IP, TRUST_OURS, OURS, {.names = "DNS:127.0.0.1"}, 0, false},
        {"another address", IP, TRUST_OURS, OURS, {.names = "IP:127.0.0.2"}, 0, false},
        {"an asterisk alone", "localhost", TRUST_OURS, OURS, {.names = "DNS:*"}, 0, false},
        {"for clients", IP, TRUST_OURS, OURS, {.names = NAMES, .purpose = "clientAuth"}, 0, false},
        {"expired",
         IP,
         TRUST_OURS,
         OURS,
         {.names = NAMES, .from_s = -2 * ISSUED_DAY_S, .until_s = -60},
         0,
         false},
        {"not valid yet",
         IP,
         TRUST_OURS,
         OURS,
         {.names = NAMES, .from_s = 600, .until_s = ISSUED_DAY_S},
         0,
         false},
    };
    struct authorities authorities;
    authorities_init(&authorities);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct side side;
        FOR_EACH_SIDE(&side)
        {
            struct secure_origin server;
            const struct issued *by = ROWS[i].by < 0 ? NULL : &authorities.issued[ROWS[i].by];
            struct issued_wish wish = ROWS[i].wish;
            wish.name = "a server";
            struct issued certificate = issued_make(by, &wish);
            secure_origin_start(&server, &certificate, ROWS[i].version_max, SECURE_ANSWER);
            ask_secure(&side, &server, ROWS[i].host, authorities_of(&authorities, ROWS[i].trust),
                       ROWS[i].is_good, ROWS[i].name);
            secure_origin_stop(&server);
            issued_release(&certificate);
        }
    }
    authorities_release(&authorities);
}

/* Each request has the authorities of its issuer, whatever those before it had. */
TEST(http_client_contract_keeps_authorities_apart)
{
    static const struct {
        enum trust trust;
        bool is_good;
    } ROWS[] = {{TRUST_OURS, true},    {TRUST_THEIRS, false}, {TRUST_OURS, true},
                {TRUST_SYSTEM, false}, {TRUST_BOTH, true},    {TRUST_NOBODY, false}};
    struct authorities authorities;
    struct side side;
    authorities_init(&authorities);
    struct issued certificate =
        issued_make(&authorities.issued[OURS], &(struct issued_wish){.name = "a", .names = NAMES});
    FOR_EACH_SIDE(&side)
    {
        struct secure_origin server;
        secure_origin_start(&server, &certificate, 0, SECURE_ANSWER);
        for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
            struct slice pem = authorities_of(&authorities, ROWS[i].trust);
            ask_secure(&side, &server, IP, pem, ROWS[i].is_good, side.name);
            CHECK_ROW(side.name,
                      side.fake == NULL || side.fake->calls[i].authorities_bytes == pem.len);
        }
        secure_origin_stop(&server);
    }
    issued_release(&certificate);
    authorities_release(&authorities);
}

static bool start_one(void *context)
{
    struct side *side = context;
    struct outcome outcome = {0};
    struct http_client_request request = small_request(side->url);
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
