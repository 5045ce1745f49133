/* Issuers asked about tokens: once however many wait, remembered for a while and not across a
 * reload, never more at a time than the limit, and nobody waits for ever. */
#include "daemon/inquiries.h"

#include "base/arena.h"
#include "daemon/key_sets.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/fake_crypto.h"
#include "support/fake_http_client.h"
#include "support/fake_poster.h"

#include <stdio.h>
#include <stdlib.h>

#define ENDPOINT "https://a.example/introspect"
#define NEW_ENDPOINT "https://a.example/new"
#define TOKENINFO "https://g.example/tokeninfo"
#define YES "{\"active\":true,\"sub\":\"alice\"}"
#define NO "{\"active\":false}"
#define START_MS 1000
#define LIMIT 8
#define LOOPS 2
#define DONE_MAX 64

/* How requests went on. */
struct done {
    uint64_t ticket;
    enum status status;
    char code[64], text[128];
    bool is_yes;
    int64_t asked_at_s;
};

struct world {
    struct fake_crypto crypto;
    struct fake_http_client http;
    struct port_http_client client;
    struct port_clock clock;
    struct fake_poster control, loops[LOOPS];
    int64_t now_ms;
    struct inquiries owner;
    struct inquiries_user users[LOOPS];
    struct port_inquiry ports[LOOPS];
    struct config config, other;
    struct config_issuer issuers[3], other_issuers[1];
    struct slice secrets[3];
    struct done done[DONE_MAX];
    size_t done_count;
};

static void run(struct world *w)
{
    fake_poster_run(&w->control);
    for (size_t i = 0; i < LOOPS; i++) {
        fake_poster_run(&w->loops[i]);
    }
}

static int64_t read_clock(void *context)
{
    return ((struct world *)context)->now_ms;
}

static struct config_issuer issuer_of(const char *name, const char *endpoint)
{
    return (struct config_issuer){
        .name = slice_view_cstr(name),
        .introspection = {.endpoint = {.text = slice_view_cstr(endpoint), .is_https = true},
                          .client_id = SLICE("us"),
                          .cache_s = 60,
                          .place = {1, 1}}};
}

static struct world *new_world(void)
{
    struct world *w = calloc(1, sizeof(*w));
    fake_crypto_init(&w->crypto);
    w->client = fake_http_client_port(&w->http);
    w->clock = (struct port_clock){.context = w, .wall_ms = read_clock, .mono_ms = read_clock};
    fake_poster_init(&w->control);
    w->now_ms = START_MS;
    w->issuers[0] = issuer_of("a", ENDPOINT);
    w->issuers[1] = issuer_of("g", TOKENINFO);
    w->issuers[1].preset = ISSUER_PRESET_GOOGLE;
    w->issuers[2] = (struct config_issuer){.name = SLICE("unasked")};
    w->other_issuers[0] = issuer_of("a", NEW_ENDPOINT);
    w->secrets[0] = SLICE("word");
    w->config = (struct config){.issuers = w->issuers, .issuer_count = 3};
    w->config.limits = config_limits_default();
    w->config.limits.introspections = LIMIT;
    w->other =
        (struct config){.issuers = w->other_issuers, .issuer_count = 1, .limits = w->config.limits};
    const struct inquiries_ports ports = {.parser = corpus_parser(),
                                          .crypto = &w->crypto.port,
                                          .clock = &w->clock,
                                          .poster = &w->control.port,
                                          .http_client = &w->client};
    inquiries_init(&w->owner, &ports);
    for (size_t i = 0; i < LOOPS; i++) {
        fake_poster_init(&w->loops[i]);
        w->users[i] = (struct inquiries_user){&w->owner, &w->loops[i].port};
        w->ports[i] = inquiries_port(&w->users[i]);
    }
    inquiries_adopt(&w->owner, &w->config, w->secrets);
    return w;
}

static void free_world(struct world *w)
{
    inquiries_close(&w->owner);
    run(w);
    CHECK(fake_http_client_open_count(&w->http) == 0);
    CHECK(atomic_load(&w->owner.waiter_count) == 0 && w->owner.inquiry_count == 0);
    inquiries_release(&w->owner);
    free(w);
}

static void on_done(const struct inquiry_sink *sink, enum status status,
                    const struct inquiry_answer *answer, const struct diag *diag)
{
    struct world *w = sink->user;
    CHECK(w->done_count < DONE_MAX && (answer != NULL) == (status == STATUS_OK));
    struct done *done = &w->done[w->done_count++];
    *done = (struct done){.ticket = sink->ticket, .status = status};
    (void)snprintf(done->code, sizeof(done->code), "%s", diag->code != NULL ? diag->code : "");
    if (answer != NULL) {
        done->is_yes = answer->is_yes;
        done->asked_at_s = answer->asked_at_s;
        (void)snprintf(done->text, sizeof(done->text), "%.*s", SLICE_ARG(answer->text));
    }
}

/* From that loop; the answer comes with the number of the question. */
static enum status ask_from(struct world *w, size_t loop, const char *name, const char *token)
{
    struct diag diag = {0};
    const struct inquiry_question question = {INQUIRY_TOKEN, slice_view_cstr(name),
                                              slice_view_cstr(token)};
    const struct inquiry_sink sink = {.done = on_done, .user = w, .ticket = loop};
    enum status status = w->ports[loop].ask(w->ports[loop].context, &question, &sink, &diag);
    CHECK(status == STATUS_OK || str_eq(diag.code, "identity.busy"));
    return status;
}

static void ask(struct world *w, const char *token)
{
    CHECK(ask_from(w, 0, "a", token) == STATUS_OK);
    run(w);
}

static void answer(struct world *w, const char *url, int http_status, const char *body)
{
    struct http_client_call *call = fake_http_client_find(&w->http, url);
    CHECK_ROW(body, call != NULL);
    if (call != NULL) {
        fake_http_client_answer(call, http_status, body, 0);
    }
    run(w);
}

static void fail(struct world *w, const char *url, enum status status)
{
    struct http_client_call *call = fake_http_client_find(&w->http, url);
    CHECK(call != NULL);
    if (call != NULL) {
        fake_http_client_fail(call, status, "http_client.failed");
    }
    run(w);
}

static const struct done *last(const struct world *w)
{
    static const struct done nothing = {.status = STATUS_CANCELLED};
    return w->done_count > 0 ? &w->done[w->done_count - 1] : &nothing;
}

TEST(inquiries_ask_as_they_should)
{
    static struct network_range ranges[1];
    struct world *w = new_world();
    w->issuers[0].ranges = ranges;
    w->issuers[0].networks.count = 1;
    ask(w, "t1");
    const struct http_client_call *call = fake_http_client_find(&w->http, ENDPOINT);
    CHECK(call != NULL && call->is_post && !call->is_local && call->range_count == 1);
    CHECK(call != NULL && str_eq(call->body, "token=t1&token_type_hint=access_token"));
    CHECK(call != NULL && str_eq(call->authorization, "Basic dXM6d29yZA=="));
    CHECK(call != NULL && str_eq(call->content_type, "application/x-www-form-urlencoded"));
    CHECK(call != NULL && call->deadline_ms == w->config.limits.introspection_timeout_ms);
    CHECK(call != NULL &&
          call->answer_bytes_max == (size_t)w->config.limits.introspection_answer_bytes);
    answer(w, ENDPOINT, 200, YES);
    CHECK(w->done_count == 1 && last(w)->status == STATUS_OK && last(w)->is_yes);
    CHECK(str_eq(last(w)->text, YES) && last(w)->asked_at_s == START_MS / 1000);
    w->issuers[0].introspection.authentication = CONFIG_CLIENT_POST;
    ask(w, "t2");
    call = fake_http_client_find(&w->http, ENDPOINT);
    CHECK(call != NULL && call->authorization[0] == '\0');
    CHECK(call != NULL && strstr(call->body, "&client_id=us&client_secret=word") != NULL);
    CHECK(ask_from(w, 0, "g", "ya29.a") == STATUS_OK);
    run(w);
    call = fake_http_client_find(&w->http, TOKENINFO);
    CHECK(call != NULL && str_eq(call->body, "access_token=ya29.a"));
    CHECK(call != NULL && call->authorization[0] == '\0');
    answer(w, TOKENINFO, 400, "{\"error\":\"invalid_token\"}");
    CHECK(last(w)->status == STATUS_OK && !last(w)->is_yes && last(w)->text[0] == '\0');
    free_world(w);
}

TEST(inquiries_ask_once_for_all_who_wait)
{
    struct world *w = new_world();
    for (size_t i = 0; i < 10; i++) {
        CHECK(ask_from(w, i % LOOPS, "a", "t1") == STATUS_OK);
    }
    CHECK(ask_from(w, 1, "a", "t2") == STATUS_OK);
    run(w);
    CHECK(fake_http_client_open_count(&w->http) == 2 && w->done_count == 0);
    answer(w, ENDPOINT, 200, YES);
    CHECK(w->done_count == 10);
    size_t of_second = 0;
    for (size_t i = 0; i < w->done_count; i++) {
        CHECK(w->done[i].status == STATUS_OK && str_eq(w->done[i].text, YES));
        of_second += w->done[i].ticket == 1;
    }
    CHECK(of_second == 5);
    /* Each answer goes to its own token. */
    answer(w, ENDPOINT, 200, NO);
    CHECK(w->done_count == 11 && !last(w)->is_yes);
    free_world(w);
}

/* On either side of the moment at which an answer counts no more. */
TEST(inquiries_remember_for_a_while)
{
    static const struct {
        const char *name, *body;
        int64_t cache_s, after_ms;
        bool is_known;
    } rows[] = {
        {"a yes", YES, 60, 59999, true},       {"a yes at its end", YES, 60, 60000, false},
        {"a no", NO, 60, 9999, true},          {"a no at its end", NO, 60, 10000, false},
        {"a shorter yes", YES, 5, 4999, true}, {"a shorter yes at its end", YES, 5, 5000, false},
        {"a shorter no", NO, 5, 4999, true},   {"a shorter no at its end", NO, 5, 5000, false},
        {"a yes for once", YES, 0, 0, false},  {"a no for once", NO, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world *w = new_world();
        w->issuers[0].introspection.cache_s = rows[i].cache_s;
        ask(w, "t1");
        answer(w, ENDPOINT, 200, rows[i].body);
        w->now_ms += rows[i].after_ms;
        CHECK_ROW(rows[i].name, ask_from(w, 1, "a", "t1") == STATUS_OK);
        run(w);
        CHECK_ROW(rows[i].name, (fake_http_client_open_count(&w->http) == 0) == rows[i].is_known);
        CHECK_ROW(rows[i].name, (w->done_count == 2) == rows[i].is_known);
        CHECK_ROW(rows[i].name, last(w)->asked_at_s == START_MS / 1000);
        free_world(w);
    }
}

/* What counts is when it was asked for, not when it came. */
TEST(inquiries_count_from_the_question)
{
    struct world *w = new_world();
    ask(w, "t1");
    w->now_ms += 3000;
    answer(w, ENDPOINT, 200, YES);
    CHECK(last(w)->asked_at_s == START_MS / 1000);
    w->now_ms = START_MS + 60000;
    ask(w, "t1");
    CHECK(fake_http_client_open_count(&w->http) == 1);
    free_world(w);
}

TEST(inquiries_keep_tokens_and_entries_apart)
{
    struct world *w = new_world();
    ask(w, "t1");
    answer(w, ENDPOINT, 200, YES);
    CHECK(ask_from(w, 0, "g", "t1") == STATUS_OK);
    run(w);
    CHECK(w->done_count == 1 && fake_http_client_find(&w->http, TOKENINFO) != NULL);
    ask(w, "t2");
    CHECK(w->done_count == 1 && fake_http_client_find(&w->http, ENDPOINT) != NULL);
    free_world(w);
}

/* A no never pushes out a yes, whatever the places of a table. */
TEST(inquiries_are_not_washed_out_by_bad_tokens)
{
    struct world *w = new_world();
    char token[32];
    ask(w, "good");
    answer(w, ENDPOINT, 200, YES);
    for (int i = 0; i < 5000; i++) {
        w->http.call_count = 0;
        w->done_count = 0;
        (void)snprintf(token, sizeof(token), "bad%d", i);
        ask(w, token);
        answer(w, ENDPOINT, 200, NO);
    }
    w->done_count = 0;
    ask(w, "good");
    CHECK(w->done_count == 1 && last(w)->is_yes);
    free_world(w);
}

TEST(inquiries_end_without_an_answer)
{
    static const struct {
        const char *name;
        int http_status; /* 0: the request fails so */
        const char *body;
        enum status status;
        const char *code;
    } rows[] = {
        {"down", 0, NULL, STATUS_UNAVAILABLE, "identity.issuer_down"},
        {"too slow", 0, NULL, STATUS_TIMEOUT, "identity.issuer_down"},
        {"too much", 0, NULL, STATUS_LIMIT, "identity.issuer_down"},
        {"stopped", 0, NULL, STATUS_CANCELLED, "identity.issuer_down"},
        {"no JSON", 200, "<html>", 0, "identity.answer"},
        {"empty", 200, "", 0, "identity.answer"},
        {"a text", 200, "{\"active\":\"true\"}", 0, "identity.answer"},
        {"another status", 204, YES, 0, "identity.answer"},
        {"elsewhere", 302, YES, 0, "identity.answer"},
        {"not ours", 401, YES, 0, "identity.answer"},
        {"failed", 500, YES, 0, "identity.answer"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world *w = new_world();
        ask(w, "t1");
        CHECK(ask_from(w, 1, "a", "t1") == STATUS_OK);
        run(w);
        if (rows[i].http_status == 0) {
            fail(w, ENDPOINT, rows[i].status);
        } else {
            answer(w, ENDPOINT, rows[i].http_status, rows[i].body);
        }
        CHECK_ROW(rows[i].name, w->done_count == 2);
        CHECK_ROW(rows[i].name, last(w)->status == STATUS_UNAVAILABLE);
        CHECK_ROW(rows[i].name, str_eq(last(w)->code, rows[i].code));
        /* Nothing is remembered of it. */
        ask(w, "t1");
        answer(w, ENDPOINT, 200, YES);
        CHECK_ROW(rows[i].name, w->done_count == 3 && last(w)->is_yes);
        free_world(w);
    }
}

TEST(inquiries_cannot_begin)
{
    static const struct {
        const char *name, *issuer;
        bool is_busy, has_secret;
    } rows[] = {
        {"too much under way", "a", true, true},
        {"no secret", "a", false, false},
        {"an entry that is not asked", "unasked", false, true},
        {"no such entry", "b", false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world *w = new_world();
        w->http.is_busy = rows[i].is_busy;
        w->secrets[0] = rows[i].has_secret ? w->secrets[0] : SLICE_EMPTY;
        CHECK(ask_from(w, 0, rows[i].issuer, "t1") == STATUS_OK);
        run(w);
        CHECK_ROW(rows[i].name, w->done_count == 1 && last(w)->status == STATUS_UNAVAILABLE);
        CHECK_ROW(rows[i].name, str_eq(last(w)->code, "identity.issuer_down"));
        CHECK_ROW(rows[i].name, w->owner.inquiry_count == 0);
        free_world(w);
    }
}

TEST(inquiries_have_a_limit)
{
    struct world *w = new_world();
    char token[32];
    for (int i = 0; i <= LIMIT; i++) {
        (void)snprintf(token, sizeof(token), "t%d", i);
        ask(w, token);
    }
    CHECK(fake_http_client_open_count(&w->http) == LIMIT && w->done_count == 1);
    CHECK(last(w)->status == STATUS_LIMIT && str_eq(last(w)->code, "identity.busy"));
    /* Who asks about one of these waits with them. */
    ask(w, "t0");
    CHECK(fake_http_client_open_count(&w->http) == LIMIT && w->done_count == 1);
    answer(w, ENDPOINT, 200, YES);
    CHECK(w->done_count == 3);
    ask(w, token);
    CHECK(fake_http_client_open_count(&w->http) == LIMIT);
    free_world(w);
}

TEST(inquiries_have_a_limit_of_those_who_wait)
{
    struct world *w = new_world();
    atomic_store(&w->owner.waiter_count, INQUIRIES_WAITERS_MAX - 1);
    CHECK(ask_from(w, 0, "a", "t1") == STATUS_OK);
    CHECK(ask_from(w, 0, "a", "t1") == STATUS_LIMIT);
    run(w);
    answer(w, ENDPOINT, 200, YES);
    CHECK(atomic_load(&w->owner.waiter_count) == INQUIRIES_WAITERS_MAX - 1);
    atomic_store(&w->owner.waiter_count, 0);
    free_world(w);
}

/* An issuer that is down is left alone, for longer and longer; one odd answer closes nobody out. */
TEST(inquiries_leave_an_issuer_alone)
{
    struct world *w = new_world();
    char token[32];
    int64_t rest_ms = INQUIRIES_REST_MS;
    for (int i = 0; i < INQUIRIES_FAILURES; i++) {
        (void)snprintf(token, sizeof(token), "t%d", i);
        ask(w, token);
        fail(w, ENDPOINT, STATUS_TIMEOUT);
    }
    for (int i = 0; i < 8; i++) {
        w->done_count = 0;
        w->now_ms += rest_ms - 1;
        ask(w, "t");
        CHECK(fake_http_client_open_count(&w->http) == 0 && w->done_count == 1);
        CHECK(str_eq(last(w)->code, "identity.issuer_down"));
        w->now_ms += 1;
        ask(w, "t");
        fail(w, ENDPOINT, STATUS_UNAVAILABLE);
        CHECK(w->done_count == 2);
        rest_ms = rest_ms * 2 > INQUIRIES_REST_MS_MAX ? INQUIRIES_REST_MS_MAX : rest_ms * 2;
    }
    w->now_ms += rest_ms;
    ask(w, "t");
    answer(w, ENDPOINT, 200, NO);
    ask(w, "other");
    fail(w, ENDPOINT, STATUS_TIMEOUT);
    ask(w, "another");
    CHECK(fake_http_client_open_count(&w->http) == 1);
    free_world(w);
}

TEST(inquiries_bear_odd_answers)
{
    struct world *w = new_world();
    char token[32];
    for (int i = 0; i < 2 * INQUIRIES_FAILURES; i++) {
        (void)snprintf(token, sizeof(token), "t%d", i);
        ask(w, token);
        answer(w, ENDPOINT, i % 2 == 0 ? 400 : 200, "{\"active\":1}");
    }
    ask(w, "t");
    CHECK(fake_http_client_open_count(&w->http) == 1);
    free_world(w);
}

/* Who is asked may be another: what was said is forgotten, and what is under way asked anew. */
TEST(inquiries_across_a_reload)
{
    struct world *w = new_world();
    ask(w, "t1");
    answer(w, ENDPOINT, 200, YES);
    ask(w, "t2");
    CHECK(ask_from(w, 1, "g", "ya29.a") == STATUS_OK);
    CHECK(ask_from(w, 1, "a", "t3") == STATUS_OK); /* not there yet */
    fake_poster_run(&w->control);
    CHECK(ask_from(w, 1, "a", "t4") == STATUS_OK);
    inquiries_adopt(&w->owner, &w->other, w->secrets);
    run(w);
    CHECK(fake_http_client_find(&w->http, ENDPOINT) == NULL);
    CHECK(fake_http_client_find(&w->http, TOKENINFO) == NULL);
    CHECK(fake_http_client_open_count(&w->http) == 3 && w->owner.inquiry_count == 3);
    CHECK(w->done_count == 2 && str_eq(last(w)->code, "identity.issuer_down"));
    for (int i = 0; i < 3; i++) {
        answer(w, NEW_ENDPOINT, 200, YES);
    }
    CHECK(w->done_count == 5 && last(w)->is_yes);
    ask(w, "t1");
    CHECK(w->done_count == 5 && fake_http_client_find(&w->http, NEW_ENDPOINT) != NULL);
    free_world(w);
}

/* An answer that comes late or twice is about nothing that is under way. */
TEST(inquiries_answered_late_or_twice)
{
    struct world *w = new_world();
    ask(w, "t1");
    struct http_client_call *call = fake_http_client_find(&w->http, ENDPOINT);
    answer(w, ENDPOINT, 200, NO);
    call->is_open = true;
    answer(w, ENDPOINT, 200, YES);
    CHECK(w->done_count == 1 && !last(w)->is_yes);
    ask(w, "t2");
    call = fake_http_client_find(&w->http, ENDPOINT);
    inquiries_adopt(&w->owner, &w->other, w->secrets);
    call->is_open = true;
    answer(w, ENDPOINT, 200, YES);
    CHECK(w->done_count == 1 && w->owner.inquiry_count == 1);
    free_world(w);
}

TEST(inquiries_let_all_go_at_the_end)
{
    struct world *w = new_world();
    ask(w, "t1");
    CHECK(ask_from(w, 1, "a", "t2") == STATUS_OK);
    inquiries_close(&w->owner);
    CHECK(ask_from(w, 1, "a", "t3") == STATUS_OK);
    run(w);
    CHECK(w->done_count == 3 && fake_http_client_open_count(&w->http) == 0);
    for (size_t i = 0; i < w->done_count; i++) {
        CHECK(w->done[i].status == STATUS_UNAVAILABLE);
    }
    free_world(w);
}

/* -- an endpoint that metadata name -------------------------------------------------------- */

#define METADATA "https://a.example/.well-known/oauth-authorization-server"
#define FOUND "https://a.example/found"

static enum status fill_zero(void *context, uint8_t *out, size_t size)
{
    (void)context;
    memset(out, 0, size);
    return STATUS_OK;
}

static void start_no_timer(void *context, struct timer *timer, int64_t after_ms)
{
    (void)context, (void)timer, (void)after_ms;
}

static void stop_no_timer(void *context, struct timer *timer)
{
    (void)context, (void)timer;
}

static void ignore_change(void *context)
{
    (void)context;
}

TEST(inquiries_are_put_where_metadata_say)
{
    static const struct port_random RANDOM = {.fill = fill_zero};
    static const struct port_timer TIMER = {NULL, start_no_timer, stop_no_timer};
    struct world *w = new_world();
    struct key_sets keys;
    const struct key_sets_ports ports = {.parser = corpus_parser(),
                                         .crypto = &w->crypto.port,
                                         .random = &RANDOM,
                                         .clock = &w->clock,
                                         .timer = &TIMER,
                                         .poster = &w->control.port,
                                         .http_client = &w->client,
                                         .changed = ignore_change};
    w->issuers[0].issuer = SLICE("https://a.example");
    w->issuers[0].introspection.endpoint = (struct config_url){0};
    w->config.issuer_count = 1;
    key_sets_init(&keys, &ports);
    key_sets_adopt(&keys, &w->config);
    w->owner.ports.keys = &keys;
    /* Nobody is asked before it is known where. */
    ask(w, "t1");
    CHECK(w->done_count == 1 && last(w)->status == STATUS_UNAVAILABLE);
    CHECK(str_eq(last(w)->code, "identity.issuer_down"));
    CHECK(fake_http_client_open_count(&w->http) == 0);
    key_sets_read_anew(&keys);
    answer(w, METADATA, 200,
           "{\"issuer\":\"https://a.example\",\"introspection_endpoint\":\"" FOUND "\"}");
    ask(w, "t1");
    answer(w, FOUND, 200, YES);
    CHECK(w->done_count == 2 && last(w)->status == STATUS_OK && last(w)->is_yes);
    /* What the configuration names wins. */
    w->issuers[0].introspection.endpoint.text = SLICE(ENDPOINT);
    w->issuers[0].introspection.endpoint.is_https = true;
    ask(w, "t2");
    answer(w, ENDPOINT, 200, YES);
    CHECK(w->done_count == 3 && last(w)->is_yes);
    key_sets_close(&keys);
    free_world(w);
    key_sets_release(&keys);
}

TEST(inquiries_without_metadata_ask_nobody)
{
    struct world *w = new_world();
    w->issuers[0].introspection.endpoint = (struct config_url){0};
    ask(w, "t1");
    CHECK(w->done_count == 1 && last(w)->status == STATUS_UNAVAILABLE);
    free_world(w);
}

/* Whatever memory is missing, who asked gets an end. */
TEST(inquiries_without_memory)
{
    bool has_failed = true;
    for (size_t left = 0; has_failed; left++) {
        struct world *w = new_world();
        check_begin_shortage(left, true);
        bool is_asked = ask_from(w, 0, "a", "t1") == STATUS_OK;
        run(w);
        if (fake_http_client_open_count(&w->http) > 0) {
            answer(w, ENDPOINT, 200, YES);
        }
        has_failed = check_end_shortage();
        CHECK(w->done_count == (is_asked ? 1 : 0));
        CHECK(has_failed || last(w)->is_yes);
        free_world(w);
    }
}
