/* Keys over time: what is read replaces what was, what cannot be read stays for a while, and what
 * is missed is looked for, seldom. */
#include "daemon/key_sets.h"

#include "base/arena.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/fake_crypto.h"
#include "support/fake_http_client.h"

#include <stdlib.h>

#define JWK(kid)                                                                                   \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"kid\":\"" kid "\","                       \
    "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","                                       \
    "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"
#define KEYS(list) "{\"keys\":[" list "]}"
#define A_KEYS "https://a.example/keys"
#define UNKNOWN HTTP_CLIENT_MAX_AGE_UNKNOWN

struct world {
    struct fake_crypto crypto;
    struct fake_http_client http;
    struct port_http_client client;
    struct port_random random;
    struct port_clock clock;
    struct port_timer timer;
    struct port_poster poster;
    struct timer *timers;
    int64_t now_ms;
    struct key_sets sets;
    struct key_sets_user user;
    struct port_keys port;
    struct config config;
    struct config_issuer issuers[3];
    size_t change_count, done_count;
    const char *file; /* what a key file has; NULL: it cannot be read */
};

static enum status read_fake(const struct config *config, const struct config_issuer *issuer,
                             struct buf *out, struct diag *diag)
{
    const struct world *w =
        (const struct world *)((const char *)config - offsetof(struct world, config));
    (void)issuer;
    if (w->file == NULL) {
        return diag_fail(diag, STATUS_NOT_FOUND, "jwks.file", "there is no file");
    }
    buf_append(out, slice_view_cstr(w->file));
    return buf_status(out);
}

static enum status fill_zero(void *context, uint8_t *out, size_t size)
{
    (void)context;
    memset(out, 0, size);
    return STATUS_OK;
}

static int64_t read_clock(void *context)
{
    return ((struct world *)context)->now_ms;
}

static void stop_timer(void *context, struct timer *timer)
{
    struct world *w = context;
    for (struct timer **link = &w->timers; *link != NULL; link = &(*link)->next) {
        if (*link == timer) {
            *link = timer->next;
            break;
        }
    }
    timer->due_ms = 0;
}

static void start_timer(void *context, struct timer *timer, int64_t after_ms)
{
    struct world *w = context;
    stop_timer(context, timer);
    timer->due_ms = w->now_ms + after_ms;
    timer->next = w->timers;
    w->timers = timer;
}

/* Both loops are this one. */
static void post_now(void *context, struct posted *first)
{
    (void)context;
    CHECK(first->next == NULL);
    first->run(first);
}

static void on_changed(void *context)
{
    ((struct world *)context)->change_count++;
}

static struct timer *due_timer(const struct world *w)
{
    for (struct timer *timer = w->timers; timer != NULL; timer = timer->next) {
        if (timer->due_ms <= w->now_ms) {
            return timer;
        }
    }
    return NULL;
}

static void run_until(struct world *w, int64_t now_ms)
{
    w->now_ms = now_ms;
    for (struct timer *timer; (timer = due_timer(w)) != NULL;) {
        stop_timer(w, timer);
        timer->fire(timer);
    }
}

static struct world *new_world(void)
{
    struct world *w = calloc(1, sizeof(*w));
    fake_crypto_init(&w->crypto);
    w->client = fake_http_client_port(&w->http);
    w->random = (struct port_random){.fill = fill_zero};
    w->clock = (struct port_clock){.context = w, .wall_ms = read_clock, .mono_ms = read_clock};
    w->timer = (struct port_timer){w, start_timer, stop_timer};
    w->poster = (struct port_poster){w, post_now};
    w->now_ms = 1000;
    const struct key_sets_ports ports = {.parser = corpus_parser(),
                                         .crypto = &w->crypto.port,
                                         .random = &w->random,
                                         .clock = &w->clock,
                                         .timer = &w->timer,
                                         .poster = &w->poster,
                                         .http_client = &w->client,
                                         .read = read_fake,
                                         .changed = on_changed,
                                         .context = w};
    key_sets_init(&w->sets, &ports);
    w->user = (struct key_sets_user){&w->sets, &w->poster, &w->clock};
    w->port = key_sets_port(&w->user);
    w->issuers[0] = (struct config_issuer){.name = SLICE("a"),
                                           .issuer = SLICE("https://a.example"),
                                           .jwks_url = {.text = SLICE(A_KEYS), .is_https = true}};
    w->issuers[1] =
        (struct config_issuer){.name = SLICE("b"), .issuer = SLICE("https://b.example/t")};
    w->issuers[2] = (struct config_issuer){
        .name = SLICE("c"), .issuer = SLICE("https://c.example"), .jwks_path = SLICE("c.json")};
    w->config = (struct config){.issuers = w->issuers, .issuer_count = 1};
    w->config.limits.jwks_bytes = 65536;
    w->config.limits.jwks_refresh_s = 3600;
    w->config.limits.jwks_stale_s = 86400;
    return w;
}

static void start_world(struct world *w, size_t issuer_count)
{
    w->config.issuer_count = issuer_count;
    key_sets_adopt(&w->sets, &w->config);
    run_until(w, w->now_ms);
}

static void free_world(struct world *w)
{
    key_sets_close(&w->sets);
    CHECK(fake_http_client_open_count(&w->http) == 0 && w->timers == NULL);
    CHECK(atomic_load(&w->sets.waiter_count) == 0);
    key_sets_release(&w->sets);
    CHECK(w->crypto.keys == 0);
    free(w);
}

static void answer(struct world *w, const char *url, const char *body, int64_t max_age_s)
{
    struct http_client_call *call = fake_http_client_find(&w->http, url);
    CHECK_ROW(url, call != NULL);
    if (call != NULL) {
        fake_http_client_answer(call, 200, body, max_age_s);
    }
}

static void fail(struct world *w, const char *url)
{
    struct http_client_call *call = fake_http_client_find(&w->http, url);
    CHECK_ROW(url, call != NULL);
    if (call != NULL) {
        fake_http_client_fail(call, STATUS_UNAVAILABLE, "http_client.failed");
    }
}

static bool has_key(const struct world *w, size_t entry, const char *kid)
{
    struct jwks *keys[3] = {0};
    const void *found[JWKS_CANDIDATES_MAX];
    struct slice text = slice_view_cstr(kid);
    key_sets_take(&w->sets, &w->config, keys);
    bool has = keys[entry] != NULL && jwks_find(keys[entry], &text, JWS_ES256, found) == 1;
    for (size_t i = 0; i < 3; i++) {
        jwks_unref(keys[i]);
    }
    return has;
}

static void on_done(const struct keys_sink *sink)
{
    ((struct world *)sink->user)->done_count++;
}

/* Is it looked for? */
static bool miss(struct world *w, size_t entry, const char *kid)
{
    const struct keys_miss wanted = {entry, w->issuers[entry].name, slice_view_cstr(kid)};
    const struct keys_sink sink = {.done = on_done, .user = w, .ticket = 1};
    size_t before = w->done_count;
    return w->port.missed(w->port.context, &wanted, &sink) && w->done_count == before;
}

static bool is_asking(struct world *w)
{
    return fake_http_client_open_count(&w->http) > 0;
}

/* -- reading ------------------------------------------------------------------------------- */

TEST(key_sets_follow_the_issuer)
{
    struct world *w = new_world();
    start_world(w, 1);
    CHECK(!key_sets_were_read(&w->sets));
    answer(w, A_KEYS, KEYS(JWK("one")), 1000);
    CHECK(key_sets_were_read(&w->sets) && has_key(w, 0, "one") && w->change_count == 1);
    run_until(w, 1000 + 700000 - 1);
    CHECK(!is_asking(w));
    run_until(w, 1000 + 700000);
    answer(w, A_KEYS, KEYS(JWK("one") "," JWK("two")), 1000);
    CHECK(has_key(w, 0, "one") && has_key(w, 0, "two") && w->change_count == 2);
    /* The same document changes nothing. */
    run_until(w, 1000 + 1400000);
    answer(w, A_KEYS, KEYS(JWK("one") "," JWK("two")), 1000);
    CHECK(w->change_count == 2);
    free_world(w);
}

TEST(key_sets_ask_as_they_should)
{
    struct world *w = new_world();
    static struct network_range ranges[1];
    w->issuers[0].ranges = ranges;
    w->issuers[0].authorities = SLICE("PEM");
    w->issuers[0].networks.count = 1;
    start_world(w, 1);
    const struct http_client_call *call = fake_http_client_find(&w->http, A_KEYS);
    CHECK(call != NULL && !call->is_post && !call->is_local && call->range_count == 1 &&
          call->authorities_bytes == 3);
    CHECK(call != NULL && call->answer_bytes_max == 65536 && call->deadline_ms == 5000);
    CHECK(call != NULL && call->authorization[0] == '\0');
    free_world(w);
}

/* A key that one answer lacks stays until another, a minute later, lacks it too. */
TEST(key_sets_keep_a_key_that_is_missing_for_a_moment)
{
    struct world *w = new_world();
    start_world(w, 1);
    answer(w, A_KEYS, KEYS(JWK("one")), 86400);
    int64_t gone_ms = 1000 + (int64_t)3600 * 700; /* the limit is shorter than what it says */
    run_until(w, gone_ms);
    answer(w, A_KEYS, KEYS(JWK("two")), 86400);
    CHECK(has_key(w, 0, "one") && has_key(w, 0, "two"));
    run_until(w, gone_ms + JWKS_ABSENT_MS - 1);
    CHECK(!is_asking(w));
    run_until(w, gone_ms + JWKS_ABSENT_MS);
    answer(w, A_KEYS, KEYS(JWK("two")), 86400);
    CHECK(!has_key(w, 0, "one") && has_key(w, 0, "two"));
    free_world(w);
}

TEST(key_sets_outlive_an_issuer_for_a_while)
{
    static const struct {
        int http_status;
        const char *body;
    } BROKEN[] = {{200, ""},
                  {200, "{\"keys\":[]}"},
                  {200, "{\"keys\":"},
                  {200, "<html>"},
                  {404, KEYS(JWK("x"))},
                  {301, KEYS(JWK("x"))},
                  {500, KEYS(JWK("x"))},
                  {204, ""}};
    for (size_t i = 0; i <= COUNT_OF(BROKEN); i++) {
        struct world *w = new_world();
        start_world(w, 1);
        answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
        int64_t stale_ms = 1000 + (int64_t)86400 * 1000;
        for (int64_t now_ms = 3600000; now_ms < stale_ms + 7200000; now_ms += 3600000) {
            run_until(w, now_ms);
            w->http.call_count = w->http.call_count > 32 ? 0 : w->http.call_count;
            struct http_client_call *call = fake_http_client_find(&w->http, A_KEYS);
            if (call != NULL && i == COUNT_OF(BROKEN)) {
                fake_http_client_fail(call, STATUS_TIMEOUT, "http_client.timeout");
            } else if (call != NULL) {
                fake_http_client_answer(call, BROKEN[i].http_status, BROKEN[i].body, 60);
            }
            CHECK(has_key(w, 0, "one") == (now_ms < stale_ms));
            CHECK(!has_key(w, 0, "x"));
        }
        CHECK(w->change_count == 2);
        free_world(w);
    }
}

static void answer_html(struct world *w, const char *url, const char *body)
{
    struct http_client_call *call = fake_http_client_find(&w->http, url);
    struct diag diag = {0};
    struct http_client_answer html = {.http_status = 200,
                                      .content_type = SLICE("text/html; charset=utf-8"),
                                      .max_age_s = UNKNOWN,
                                      .body = slice_view_cstr(body)};
    call->is_open = false;
    call->sink.done(&call->sink, STATUS_OK, &html, &diag);
}

TEST(key_sets_refuse_html)
{
    struct world *w = new_world();
    start_world(w, 1);
    answer_html(w, A_KEYS, KEYS(JWK("one")));
    CHECK(!has_key(w, 0, "one") && w->change_count == 0);
    free_world(w);
}

TEST(key_sets_back_off)
{
    struct world *w = new_world();
    start_world(w, 1);
    fail(w, A_KEYS);
    CHECK(key_sets_were_read(&w->sets) && !has_key(w, 0, "one"));
    /* Without jitter here: one millisecond after each failure. */
    run_until(w, w->now_ms);
    CHECK(!is_asking(w));
    run_until(w, w->now_ms + 1);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    CHECK(has_key(w, 0, "one"));
    free_world(w);
}

TEST(key_sets_read_files)
{
    struct world *w = new_world();
    w->file = KEYS(JWK("one"));
    start_world(w, 3);
    CHECK(has_key(w, 2, "one") && !has_key(w, 0, "one"));
    w->file = KEYS(JWK("one") "," JWK("two"));
    CHECK(!miss(w, 2, "two")); /* it is there at once */
    CHECK(has_key(w, 2, "two") && w->done_count == 1);
    w->file = NULL;
    CHECK(!miss(w, 2, "three") && has_key(w, 2, "two"));
    free_world(w);
}

/* -- discovery ----------------------------------------------------------------------------- */

#define B_FIRST "https://b.example/.well-known/oauth-authorization-server/t"
#define B_SECOND "https://b.example/.well-known/openid-configuration/t"
#define B_THIRD "https://b.example/t/.well-known/openid-configuration"
#define B_META "{\"issuer\":\"https://b.example/t\",\"jwks_uri\":\"https://b.example/k\"}"

TEST(key_sets_find_keys_by_metadata)
{
    for (size_t place = 0; place < 3; place++) {
        static const char *const PLACES[] = {B_FIRST, B_SECOND, B_THIRD};
        struct world *w = new_world();
        start_world(w, 2);
        answer(w, A_KEYS, KEYS(JWK("of-a")), UNKNOWN);
        for (size_t i = 0; i < place; i++) {
            struct http_client_call *call = fake_http_client_find(&w->http, PLACES[i]);
            CHECK(call != NULL);
            fake_http_client_answer(call, i == 0 ? 404 : 200, "{\"issuer\":\"https://b.example\"}",
                                    UNKNOWN);
        }
        answer(w, PLACES[place], B_META, UNKNOWN);
        answer(w, "https://b.example/k", KEYS(JWK("of-b")), UNKNOWN);
        CHECK(has_key(w, 1, "of-b") && !has_key(w, 1, "of-a") && !has_key(w, 0, "of-b"));
        /* What was found is used again, and looked up anew once it fails. */
        CHECK(miss(w, 1, "next"));
        fail(w, "https://b.example/k");
        run_until(w, w->now_ms + 1);
        CHECK(fake_http_client_find(&w->http, B_FIRST) != NULL);
        free_world(w);
    }
}

TEST(key_sets_follow_no_other_metadata)
{
    static const char *const BAD[] = {
        "{\"issuer\":\"https://b.example\",\"jwks_uri\":\"https://b.example/k\"}",
        "{\"issuer\":\"https://b.example/t\",\"jwks_uri\":\"https://evil.example/k\"}",
        "{\"issuer\":\"https://b.example/t\",\"jwks_uri\":\"http://b.example/k\"}",
        "{\"issuer\":\"https://b.example/t\"}",
        "[]",
    };
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        struct world *w = new_world();
        start_world(w, 2);
        fail(w, A_KEYS);
        answer(w, B_FIRST, BAD[i], UNKNOWN);
        answer(w, B_SECOND, BAD[i], UNKNOWN);
        answer(w, B_THIRD, BAD[i], UNKNOWN);
        CHECK(!is_asking(w) && key_sets_were_read(&w->sets));
        free_world(w);
    }
}

/* -- endpoints of a front door -------------------------------------------------------------- */

#define A_FIRST "https://a.example/.well-known/oauth-authorization-server"
#define A_SECOND "https://a.example/.well-known/openid-configuration"
#define A_META(path)                                                                               \
    "{\"issuer\":\"https://a.example\",\"authorization_endpoint\":\"https://a.example/a\","        \
    "\"token_endpoint\":\"https://a.example" path "\"}"

static bool has_endpoint(const struct world *w, const char *token)
{
    struct key_sets_endpoints found = key_sets_endpoints(&w->sets, &w->issuers[0]);
    return slice_eq(found.token, slice_view_cstr(token)) &&
           slice_eq(found.authorization,
                    token[0] == '\0' ? SLICE_EMPTY : SLICE("https://a.example/a"));
}

/* The place of the keys is configured: they are read whether metadata are there or not. */
static struct world *world_with_door(void)
{
    struct world *w = new_world();
    w->issuers[0].sign_in.client_id = SLICE("aegis");
    start_world(w, 1);
    CHECK(has_endpoint(w, ""));
    return w;
}

TEST(key_sets_find_endpoints_by_metadata)
{
    struct world *w = world_with_door();
    answer(w, A_FIRST, A_META("/t"), UNKNOWN);
    CHECK(has_endpoint(w, "https://a.example/t") && w->change_count == 1);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    CHECK(has_key(w, 0, "one") && w->change_count == 2);
    /* They are asked for again by a reload, and replaced by what is said then. */
    run_until(w, w->now_ms + 3600000);
    CHECK(fake_http_client_find(&w->http, A_FIRST) == NULL);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    key_sets_read_anew(&w->sets);
    answer(w, A_FIRST, A_META("/t"), UNKNOWN);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    CHECK(w->change_count == 2);
    key_sets_read_anew(&w->sets);
    answer(w, A_FIRST, A_META("/other"), UNKNOWN);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    CHECK(w->change_count == 3 && has_endpoint(w, "https://a.example/other"));
    free_world(w);
}

TEST(key_sets_keep_endpoints_of_an_issuer_that_is_down)
{
    struct world *w = world_with_door();
    answer(w, A_FIRST, A_META("/t"), UNKNOWN);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    key_sets_read_anew(&w->sets);
    fail(w, A_FIRST);
    answer(w, A_KEYS, KEYS(JWK("two")), UNKNOWN);
    CHECK(has_endpoint(w, "https://a.example/t") && has_key(w, 0, "two"));
    /* Metadata are looked at again with the next reading. */
    run_until(w, w->now_ms + 3600000);
    answer(w, A_FIRST, A_META("/other"), UNKNOWN);
    CHECK(has_endpoint(w, "https://a.example/other"));
    answer(w, A_KEYS, KEYS(JWK("two")), UNKNOWN);
    free_world(w);
}

TEST(key_sets_take_no_endpoint_from_others)
{
    static const char *const BAD[] = {
        "{\"issuer\":\"https://b.example\",\"authorization_endpoint\":\"https://a.example/a\","
        "\"token_endpoint\":\"https://a.example/t\"}",
        "{\"authorization_endpoint\":\"https://a.example/a\","
        "\"token_endpoint\":\"https://a.example/t\"}",
        "<html>",
    };
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        struct world *w = world_with_door();
        answer(w, A_FIRST, BAD[i], UNKNOWN);
        answer(w, A_SECOND, BAD[i], UNKNOWN);
        answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
        CHECK(has_endpoint(w, "") && has_key(w, 0, "one"));
        free_world(w);
    }
    struct world *w = world_with_door();
    answer(w, A_FIRST,
           "{\"issuer\":\"https://a.example\",\"token_endpoint\":\"https://a.example/t\"}",
           UNKNOWN);
    CHECK(has_endpoint(w, ""));
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    CHECK(has_key(w, 0, "one"));
    free_world(w);
}

/* -- where issuers are asked about tokens --------------------------------------------------- */

#define ASKED(path)                                                                                \
    "{\"issuer\":\"https://a.example\",\"introspection_endpoint\":\"https://a.example" path "\"}"

/* tokens: opaque only, so that there are no keys, or signed ones as well. */
static struct world *world_that_asks(enum config_asked tokens)
{
    struct world *w = new_world();
    w->issuers[0].introspection.place.line = 1;
    w->issuers[0].introspection.tokens = tokens;
    w->issuers[0].jwks_url.text = tokens == CONFIG_ASKED_OPAQUE ? SLICE_EMPTY : SLICE(A_KEYS);
    start_world(w, 1);
    return w;
}

static bool is_asked_at(const struct world *w, const char *endpoint)
{
    return slice_eq(key_sets_endpoints(&w->sets, &w->issuers[0]).introspection,
                    slice_view_cstr(endpoint));
}

TEST(key_sets_find_where_an_issuer_is_asked)
{
    struct world *w = world_that_asks(CONFIG_ASKED_OPAQUE);
    CHECK(is_asked_at(w, "") && !key_sets_were_read(&w->sets));
    answer(w, A_FIRST, ASKED("/i"), 1000);
    CHECK(is_asked_at(w, "https://a.example/i") && key_sets_were_read(&w->sets) && !is_asking(w));
    /* It is read again as keys are, and what is said then counts. */
    run_until(w, w->now_ms + 700000);
    answer(w, A_FIRST, ASKED("/other"), 1000);
    CHECK(is_asked_at(w, "https://a.example/other"));
    /* One that is down is asked where it was, and looked for again soon. */
    run_until(w, w->now_ms + 700000);
    fail(w, A_FIRST);
    CHECK(is_asked_at(w, "https://a.example/other") && !is_asking(w));
    run_until(w, w->now_ms + 60000);
    answer(w, A_FIRST, "{\"issuer\":\"https://a.example\"}", 1000);
    CHECK(is_asked_at(w, ""));
    free_world(w);
    /* Beside keys, where signed tokens are taken as well. */
    w = world_that_asks(CONFIG_ASKED_BOTH);
    answer(w, A_FIRST, ASKED("/i"), UNKNOWN);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    CHECK(is_asked_at(w, "https://a.example/i") && has_key(w, 0, "one"));
    free_world(w);
}

TEST(key_sets_ask_nobody_where_others_say)
{
    static const char *const BAD[] = {
        "{\"issuer\":\"https://b.example\",\"introspection_endpoint\":\"https://a.example/i\"}",
        "{\"issuer\":\"https://a.example\",\"introspection_endpoint\":\"https://b.example/i\"}",
    };
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        struct world *w = world_that_asks(CONFIG_ASKED_OPAQUE);
        answer(w, A_FIRST, BAD[i], UNKNOWN);
        if (is_asking(w)) {
            answer(w, A_SECOND, BAD[i], UNKNOWN);
        }
        CHECK_ROW(BAD[i], is_asked_at(w, "") && key_sets_were_read(&w->sets));
        free_world(w);
    }
    struct world *w = world_that_asks(CONFIG_ASKED_OPAQUE);
    answer_html(w, A_FIRST, ASKED("/i"));
    CHECK(is_asked_at(w, ""));
    free_world(w);
}

/* -- missing keys -------------------------------------------------------------------------- */

static struct world *world_with_key_one(void)
{
    struct world *w = new_world();
    start_world(w, 1);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    return w;
}

/* A thousand requests wait for one reading, and find what it brought in force. */
TEST(key_sets_look_once_for_all_that_wait)
{
    struct world *w = world_with_key_one();
    size_t asked = w->http.call_count;
    for (int i = 0; i < 1000; i++) {
        CHECK(miss(w, 0, "two"));
    }
    CHECK(w->http.call_count == asked + 1 && w->done_count == 0);
    answer(w, A_KEYS, KEYS(JWK("one") "," JWK("two")), UNKNOWN);
    CHECK(w->done_count == 1000 && has_key(w, 0, "two") && w->change_count == 2);
    free_world(w);
}

/* So many wait for one reading; who comes then is told at once that there is nothing to wait for.
 */
TEST(key_sets_let_so_many_wait)
{
    struct world *w = new_world();
    start_world(w, 1);
    for (int i = 0; i < KEY_SETS_WAITERS_MAX; i++) {
        CHECK(miss(w, 0, "one"));
    }
    CHECK(!miss(w, 0, "one") && w->done_count == 0);
    answer(w, A_KEYS, KEYS(JWK("one")), 1000);
    CHECK(w->done_count == KEY_SETS_WAITERS_MAX && has_key(w, 0, "one"));
    free_world(w);
}

TEST(key_sets_let_nobody_wait_too_long)
{
    struct world *w = world_with_key_one();
    int64_t begun_ms = w->now_ms;
    CHECK(miss(w, 0, "two"));
    run_until(w, begun_ms + 500);
    CHECK(miss(w, 0, "two"));
    run_until(w, begun_ms + KEYS_WAIT_MS - 1);
    CHECK(w->done_count == 0);
    run_until(w, begun_ms + KEYS_WAIT_MS);
    CHECK(w->done_count == 1);
    answer(w, A_KEYS, KEYS(JWK("two")), UNKNOWN);
    CHECK(w->done_count == 2);
    free_world(w);
}

/* Whatever names tokens invent: two readings, then one in half a minute. */
TEST(key_sets_have_a_budget_for_missing_keys)
{
    struct world *w = world_with_key_one();
    size_t asked = w->http.call_count;
    for (int i = 0; i < 5000; i++) {
        char kid[32];
        (void)snprintf(kid, sizeof(kid), "random-%d", i);
        if (miss(w, 0, kid)) {
            answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
        }
    }
    CHECK(w->http.call_count == asked + 2 && w->change_count == 1);
    run_until(w, w->now_ms + 30000 - 1);
    CHECK(!miss(w, 0, "more"));
    run_until(w, w->now_ms + 1);
    CHECK(miss(w, 0, "more"));
    free_world(w);
}

/* One that was looked for in vain costs nothing for a minute. */
TEST(key_sets_remember_what_was_looked_for_in_vain)
{
    struct world *w = world_with_key_one();
    size_t asked = w->http.call_count;
    CHECK(miss(w, 0, "bad"));
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    for (int i = 0; i < 100; i++) {
        CHECK(!miss(w, 0, "bad"));
    }
    /* The budget is for others. */
    CHECK(miss(w, 0, "two"));
    answer(w, A_KEYS, KEYS(JWK("one") "," JWK("two")), UNKNOWN);
    CHECK(w->http.call_count == asked + 2 && has_key(w, 0, "two"));
    run_until(w, w->now_ms + KEY_SETS_ABSENT_MS - 1);
    CHECK(!miss(w, 0, "bad"));
    run_until(w, w->now_ms + 1);
    CHECK(miss(w, 0, "bad"));
    free_world(w);
}

/* A signature that is wrong under a known name is looked into as well, once. */
TEST(key_sets_look_into_a_replaced_key)
{
    struct world *w = world_with_key_one();
    CHECK(miss(w, 0, "one"));
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    CHECK(!miss(w, 0, "one"));
    free_world(w);
}

TEST(key_sets_ask_no_more_often_when_the_issuer_fails)
{
    struct world *w = world_with_key_one();
    size_t asked = w->http.call_count;
    CHECK(miss(w, 0, "two"));
    fail(w, A_KEYS);
    CHECK(w->done_count == 1 && has_key(w, 0, "one"));
    CHECK(miss(w, 0, "two"));
    fail(w, A_KEYS);
    for (int i = 0; i < 100; i++) {
        CHECK(!miss(w, 0, "two"));
    }
    CHECK(w->http.call_count == asked + 2);
    free_world(w);
}

TEST(key_sets_look_for_nothing_elsewhere)
{
    struct world *w = world_with_key_one();
    const struct keys_miss wanted = {0, SLICE("nobody"), SLICE("x")};
    const struct keys_sink sink = {.done = on_done, .user = w, .ticket = 1};
    (void)w->port.missed(w->port.context, &wanted, &sink);
    CHECK(!is_asking(w) && w->done_count == 1);
    free_world(w);
}

TEST(key_sets_let_all_go_at_the_end)
{
    struct world *w = world_with_key_one();
    CHECK(miss(w, 0, "two"));
    key_sets_close(&w->sets);
    CHECK(w->done_count == 1 && !is_asking(w));
    CHECK(!miss(w, 0, "two"));
    CHECK(w->done_count == 1);
    free_world(w);
}

/* -- other configurations ------------------------------------------------------------------ */

/* Keys of another place, or of another issuer, are other keys. */
TEST(key_sets_belong_to_a_place)
{
    struct world *w = world_with_key_one();
    struct config other = w->config;
    struct config_issuer issuers[1] = {w->issuers[0]};
    other.issuers = issuers;
    issuers[0].jwks_url.text = SLICE("https://a.example/other");
    key_sets_adopt(&w->sets, &other);
    CHECK(has_key(w, 0, "one"));
    w->issuers[0] = issuers[0];
    CHECK(!has_key(w, 0, "one"));
    key_sets_drop_others(&w->sets, &w->config);
    CHECK(w->sets.count == 1 && w->change_count == 1);
    run_until(w, w->now_ms);
    CHECK(fake_http_client_find(&w->http, "https://a.example/other") != NULL);
    free_world(w);
}

TEST(key_sets_of_a_refused_configuration_are_forgotten)
{
    struct world *w = world_with_key_one();
    struct config other = w->config;
    other.issuer_count = 2;
    key_sets_adopt(&w->sets, &other);
    run_until(w, w->now_ms);
    CHECK(w->sets.count == 2 && fake_http_client_find(&w->http, B_FIRST) != NULL);
    key_sets_drop_others(&w->sets, &w->config);
    CHECK(w->sets.count == 1 && !is_asking(w) && has_key(w, 0, "one"));
    free_world(w);
}

/* A reload reads all anew and believes in nothing that is gone, and only then. */
TEST(key_sets_read_anew_takes_keys_as_they_are)
{
    struct world *w = new_world();
    w->file = KEYS(JWK("one"));
    start_world(w, 3);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    fail(w, B_FIRST);
    w->file = KEYS(JWK("two"));
    w->change_count = 0;
    key_sets_read_anew(&w->sets);
    CHECK(has_key(w, 2, "two") && !has_key(w, 2, "one") && w->change_count == 0);
    CHECK(!key_sets_were_read(&w->sets) && has_key(w, 0, "one"));
    answer(w, A_KEYS, KEYS(JWK("two")), UNKNOWN);
    fail(w, B_FIRST);
    CHECK(key_sets_were_read(&w->sets) && w->change_count == 1);
    CHECK(has_key(w, 0, "two") && !has_key(w, 0, "one"));
    run_until(w, w->now_ms + 3600000);
    answer(w, A_KEYS, KEYS(JWK("three")), UNKNOWN);
    CHECK(has_key(w, 0, "two") && has_key(w, 0, "three"));
    free_world(w);
}

/* What was asked for before the reload may be answered with what was true before it. */
TEST(key_sets_read_anew_gives_up_what_is_under_way)
{
    struct world *w = new_world();
    start_world(w, 1);
    answer(w, A_KEYS, KEYS(JWK("one")), UNKNOWN);
    run_until(w, w->now_ms + 3600000);
    struct http_client_call *old = fake_http_client_find(&w->http, A_KEYS);
    CHECK(old != NULL && old->is_open);
    key_sets_read_anew(&w->sets);
    CHECK(old != NULL && !old->is_open && fake_http_client_find(&w->http, A_KEYS) != old);
    answer(w, A_KEYS, KEYS(JWK("two")), UNKNOWN);
    CHECK(key_sets_were_read(&w->sets) && has_key(w, 0, "two") && !has_key(w, 0, "one"));
    free_world(w);
}

TEST(key_sets_without_issuers_do_nothing)
{
    struct world *w = new_world();
    start_world(w, 0);
    CHECK(!is_asking(w) && w->timers == NULL && key_sets_were_read(&w->sets));
    free_world(w);
}
