/* Groups looked up at Microsoft Graph: with one token of ours for each tenant, which is renewed
 * when it is not taken, and never with anybody else's. */
#include "daemon/inquiries.h"

#include "core/identity/group_lookup.h"
#include "support/check.h"
#include "support/corpus.h"
#include "support/fake_crypto.h"
#include "support/fake_http_client.h"
#include "support/fake_poster.h"

#include <stdio.h>
#include <stdlib.h>

#define T1 "aaaaaaaa-0000-0000-0000-000000000000"
#define T2 "bbbbbbbb-0000-0000-0000-000000000000"
#define U1 "cccccccc-0000-0000-0000-000000000001"
#define U2 "cccccccc-0000-0000-0000-000000000002"
#define G "11111111-1111-1111-1111-111111111111"
#define LOGIN(tenant) "https://login.example/" tenant "/oauth2/v2.0/token"
#define GRAPH(object) "https://graph.example/v1.0/" object "/getMemberObjects"
#define TOKEN(text) "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"" text "\"}"
#define GROUPS "{\"value\":[\"" G "\"]}"
#define START_MS 1000
#define LIMIT 4
#define DONE_MAX 64

struct done {
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
    struct fake_poster control, loop;
    int64_t now_ms;
    struct inquiries owner;
    struct inquiries_user user;
    struct port_inquiry port;
    struct config config, other;
    struct config_issuer issuers[2];
    struct slice secrets[2];
    struct done done[DONE_MAX];
    size_t done_count;
};

static void run(struct world *w)
{
    while (w->control.first != NULL || w->loop.first != NULL) {
        fake_poster_run(&w->control);
        fake_poster_run(&w->loop);
    }
}

static int64_t read_clock(void *context)
{
    return ((struct world *)context)->now_ms;
}

static struct config_issuer issuer_of(const char *name)
{
    return (struct config_issuer){
        .name = slice_view_cstr(name),
        .preset = ISSUER_PRESET_ENTRA,
        .graph = {.client_id = SLICE("us"),
                  .endpoint = {.text = SLICE("https://graph.example"), .is_https = true},
                  .login = {.text = SLICE("https://login.example"), .is_https = true},
                  .cache_s = 600,
                  .place = {1, 1}}};
}

static struct world *new_world(void)
{
    struct world *w = calloc(1, sizeof(*w));
    fake_crypto_init(&w->crypto);
    w->client = fake_http_client_port(&w->http);
    w->clock = (struct port_clock){.context = w, .wall_ms = read_clock, .mono_ms = read_clock};
    fake_poster_init(&w->control);
    fake_poster_init(&w->loop);
    w->now_ms = START_MS;
    w->issuers[0] = issuer_of("a");
    w->issuers[1] = issuer_of("b");
    w->issuers[1].graph.client_id = SLICE("them");
    w->secrets[0] = SLICE("word");
    w->secrets[1] = SLICE("other");
    w->config = (struct config){.issuers = w->issuers, .issuer_count = 2};
    w->config.limits = config_limits_default();
    w->config.limits.introspections = LIMIT;
    w->other = (struct config){.issuers = w->issuers + 1, .issuer_count = 1};
    w->other.limits = w->config.limits;
    const struct inquiries_ports ports = {.parser = corpus_parser(),
                                          .crypto = &w->crypto.port,
                                          .clock = &w->clock,
                                          .poster = &w->control.port,
                                          .http_client = &w->client};
    inquiries_init(&w->owner, &ports);
    w->user = (struct inquiries_user){&w->owner, &w->loop.port};
    w->port = inquiries_port(&w->user);
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
    *done = (struct done){.status = status};
    (void)snprintf(done->code, sizeof(done->code), "%s", diag->code != NULL ? diag->code : "");
    CHECK(strstr(diag->message, "word") == NULL && strstr(diag->message, "app.token") == NULL);
    if (answer != NULL) {
        done->is_yes = answer->is_yes;
        done->asked_at_s = answer->asked_at_s;
        (void)snprintf(done->text, sizeof(done->text), "%.*s", SLICE_ARG(answer->text));
    }
}

static enum status ask_of(struct world *w, const char *name, const char *about)
{
    const struct inquiry_question question = {INQUIRY_GROUPS, slice_view_cstr(name),
                                              slice_view_cstr(about)};
    const struct inquiry_sink sink = {.done = on_done, .user = w};
    enum status status = w->port.ask(w->port.context, &question, &sink, NULL);
    run(w);
    return status;
}

static void ask(struct world *w, const char *about)
{
    CHECK(ask_of(w, "a", about) == STATUS_OK);
}

static void answer(struct world *w, const char *url, int http_status, const char *body)
{
    struct http_client_call *call = fake_http_client_find(&w->http, url);
    CHECK_ROW(url, call != NULL);
    if (call != NULL) {
        fake_http_client_answer(call, http_status, body, 0);
    }
    run(w);
}

static const struct done *last(const struct world *w)
{
    static const struct done nothing = {.status = STATUS_CANCELLED};
    return w->done_count > 0 ? &w->done[w->done_count - 1] : &nothing;
}

/* Ask about the first user, with a token of ours that is good for an hour. */
static struct world *new_world_that_knows(void)
{
    struct world *w = new_world();
    ask(w, T1 "/users/" U1);
    answer(w, LOGIN(T1), 200, TOKEN("app.token"));
    answer(w, GRAPH("users/" U1), 200, GROUPS);
    CHECK(w->done_count == 1 && last(w)->is_yes && str_eq(last(w)->text, G));
    return w;
}

TEST(group_lookups_ask_as_they_should)
{
    struct world *w = new_world();
    ask(w, T1 "/users/" U1);
    const struct http_client_call *call = fake_http_client_find(&w->http, LOGIN(T1));
    CHECK(call != NULL && call->is_post && !call->is_local && call->authorization[0] == '\0');
    CHECK(call != NULL && str_eq(call->content_type, "application/x-www-form-urlencoded"));
    CHECK(call != NULL &&
          str_eq(call->body, "grant_type=client_credentials&client_id=us&client_secret=word&scope="
                             "https%3A%2F%2Fgraph.example%2F.default"));
    CHECK(call != NULL && call->answer_bytes_max == GROUP_LOOKUP_TOKEN_REPLY_BYTES_MAX);
    answer(w, LOGIN(T1), 200, TOKEN("app.token"));
    call = fake_http_client_find(&w->http, GRAPH("users/" U1));
    CHECK(call != NULL && call->is_post && str_eq(call->authorization, "Bearer app.token"));
    CHECK(call != NULL && str_eq(call->content_type, "application/json"));
    CHECK(call != NULL && str_eq(call->body, "{\"securityEnabledOnly\":true}"));
    CHECK(call != NULL && call->answer_bytes_max == GROUP_LOOKUP_REPLY_BYTES_MAX);
    CHECK(call != NULL && call->deadline_ms == w->config.limits.introspection_timeout_ms);
    answer(w, GRAPH("users/" U1), 200, GROUPS);
    CHECK(w->done_count == 1 && last(w)->is_yes && str_eq(last(w)->text, G));
    /* Our token is there, and a service is elsewhere. */
    ask(w, T1 "/servicePrincipals/" U2);
    CHECK(fake_http_client_find(&w->http, LOGIN(T1)) == NULL);
    answer(w, GRAPH("servicePrincipals/" U2), 200, "{\"value\":[]}");
    CHECK(w->done_count == 2 && last(w)->is_yes && last(w)->text[0] == '\0');
    free_world(w);
}

/* However many wait: one token for a tenant, one question about a caller. */
TEST(group_lookups_ask_once)
{
    struct world *w = new_world();
    ask(w, T1 "/users/" U1);
    ask(w, T1 "/users/" U1);
    ask(w, T1 "/users/" U2);
    CHECK(fake_http_client_open_count(&w->http) == 1);
    answer(w, LOGIN(T1), 200, TOKEN("app.token"));
    CHECK(fake_http_client_open_count(&w->http) == 2);
    answer(w, GRAPH("users/" U1), 200, GROUPS);
    answer(w, GRAPH("users/" U2), 200, GROUPS);
    CHECK(w->done_count == 3 && w->http.call_count == 3);
    ask(w, T1 "/users/" U1);
    CHECK(w->done_count == 4 && w->http.call_count == 3);
    free_world(w);
}

/* Neither tokens of ours nor groups are another tenant's or another entry's. */
TEST(group_lookups_keep_tenants_and_entries_apart)
{
    struct world *w = new_world_that_knows();
    ask(w, T2 "/users/" U1);
    CHECK(w->done_count == 1);
    answer(w, LOGIN(T2), 200, TOKEN("second"));
    const struct http_client_call *call = fake_http_client_find(&w->http, GRAPH("users/" U1));
    CHECK(call != NULL && str_eq(call->authorization, "Bearer second"));
    answer(w, GRAPH("users/" U1), 200, "{\"value\":[]}");
    CHECK(w->done_count == 2 && last(w)->text[0] == '\0');
    CHECK(ask_of(w, "b", T1 "/users/" U1) == STATUS_OK);
    call = fake_http_client_find(&w->http, LOGIN(T1));
    CHECK(call != NULL && strstr(call->body, "client_id=them&client_secret=other") != NULL);
    free_world(w);
}

/* On either side of the moment at which groups count no more, or our token is not begun with. */
TEST(group_lookups_remember_for_a_while)
{
    static const struct {
        int64_t after_ms;
        size_t calls; /* more than the first two */
        const char *url;
    } rows[] = {
        {599999, 0, NULL},
        {600000, 1, GRAPH("users/" U1)},
        {3479999, 1, GRAPH("users/" U1)},
        {3480000, 1, LOGIN(T1)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world *w = new_world_that_knows();
        w->now_ms += rows[i].after_ms;
        ask(w, T1 "/users/" U1);
        CHECK(w->http.call_count == 2 + rows[i].calls);
        CHECK(rows[i].url == NULL || fake_http_client_find(&w->http, rows[i].url) != NULL);
        free_world(w);
    }
}

/* A token that is short-lived is good for those who waited for it. */
TEST(group_lookups_use_a_token_that_ends_soon)
{
    struct world *w = new_world();
    ask(w, T1 "/users/" U1);
    answer(w, LOGIN(T1), 200,
           "{\"token_type\":\"Bearer\",\"expires_in\":60,\"access_token\":\"app.token\"}");
    answer(w, GRAPH("users/" U1), 200, GROUPS);
    CHECK(last(w)->is_yes);
    ask(w, T1 "/users/" U2);
    CHECK(fake_http_client_find(&w->http, LOGIN(T1)) != NULL);
    free_world(w);
}

/* Once more with a new token of ours, and not again. */
TEST(group_lookups_renew_a_token_that_is_not_taken)
{
    struct world *w = new_world_that_knows();
    ask(w, T1 "/users/" U2);
    answer(w, GRAPH("users/" U2), 401, "{}");
    CHECK(w->done_count == 1);
    answer(w, LOGIN(T1), 200, TOKEN("renewed"));
    const struct http_client_call *call = fake_http_client_find(&w->http, GRAPH("users/" U2));
    CHECK(call != NULL && str_eq(call->authorization, "Bearer renewed"));
    answer(w, GRAPH("users/" U2), 401, "{}");
    CHECK(w->done_count == 2 && last(w)->status == STATUS_OK && !last(w)->is_yes);
    CHECK(fake_http_client_open_count(&w->http) == 0);
    free_world(w);
}

/* What one has renewed already the other takes. */
TEST(group_lookups_renew_once_for_all)
{
    struct world *w = new_world_that_knows();
    ask(w, T1 "/users/" U2);
    ask(w, T1 "/servicePrincipals/" U2);
    answer(w, GRAPH("users/" U2), 401, "{}");
    answer(w, LOGIN(T1), 200, TOKEN("renewed"));
    answer(w, GRAPH("servicePrincipals/" U2), 401, "{}");
    CHECK(fake_http_client_find(&w->http, LOGIN(T1)) == NULL);
    answer(w, GRAPH("users/" U2), 200, GROUPS);
    answer(w, GRAPH("servicePrincipals/" U2), 200, GROUPS);
    CHECK(w->done_count == 3 && last(w)->is_yes);
    free_world(w);
}

/* At either of the two addresses. */
TEST(group_lookups_end_without_groups)
{
    static const struct {
        const char *name;
        int http_status; /* 0: the request fails */
        const char *body;
        bool is_no; /* said for sure, and remembered for seconds */
    } rows[] = {
        {"down", 0, NULL, false},        {"failed", 500, "{}", false},
        {"too often", 429, "{}", false}, {"no JSON", 200, "<html>", false},
        {"elsewhere", 302, "{}", false}, {"no permission", 403, "{}", true},
        {"refused", 400, "{}", true},    {"not what was asked for", 200, "{}", true},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        bool is_graph = i >= COUNT_OF(rows);
        const char *name = rows[i % COUNT_OF(rows)].name;
        const char *url = is_graph ? GRAPH("users/" U2) : LOGIN(T1);
        int http_status = rows[i % COUNT_OF(rows)].http_status;
        struct world *w = is_graph ? new_world_that_knows() : new_world();
        w->done_count = 0;
        ask(w, T1 "/users/" U2);
        if (http_status == 0) {
            struct http_client_call *call = fake_http_client_find(&w->http, url);
            CHECK_ROW(name, call != NULL);
            fake_http_client_fail(call, STATUS_TIMEOUT, "http_client.timeout");
            run(w);
        } else {
            answer(w, url, http_status, rows[i % COUNT_OF(rows)].body);
        }
        bool is_no = rows[i % COUNT_OF(rows)].is_no;
        CHECK_ROW(name, w->done_count == 1 && !last(w)->is_yes);
        CHECK_ROW(name, last(w)->status == (is_no && is_graph ? STATUS_OK : STATUS_UNAVAILABLE));
        CHECK_ROW(name, fake_http_client_open_count(&w->http) == 0);
        /* Asked again at once, or after the seconds for which a no counts. */
        ask(w, T1 "/users/" U2);
        CHECK_ROW(name, fake_http_client_open_count(&w->http) == (is_no ? 0 : 1));
        w->now_ms += INQUIRIES_NO_MS;
        ask(w, T1 "/users/" U2);
        CHECK_ROW(name, fake_http_client_find(&w->http, url) != NULL);
        free_world(w);
    }
}

TEST(group_lookups_without_a_secret)
{
    struct world *w = new_world();
    w->secrets[0] = SLICE_EMPTY;
    ask(w, T1 "/users/" U1);
    CHECK(w->done_count == 1 && last(w)->status == STATUS_UNAVAILABLE);
    CHECK(fake_http_client_open_count(&w->http) == 0);
    free_world(w);
}

/* The token of ours is no question of its own to the limit: the last one gets its answer, too. */
TEST(group_lookups_have_a_limit)
{
    struct world *w = new_world();
    char about[128];
    for (int i = 0; i <= LIMIT; i++) {
        (void)snprintf(about, sizeof(about), T1 "/users/cccccccc-0000-0000-0000-00000000000%d", i);
        const struct inquiry_question question = {INQUIRY_GROUPS, SLICE("a"),
                                                  slice_view_cstr(about)};
        const struct inquiry_sink sink = {.done = on_done, .user = w};
        CHECK(w->port.ask(w->port.context, &question, &sink, NULL) == STATUS_OK);
    }
    run(w);
    CHECK(w->done_count == 1 && last(w)->status == STATUS_LIMIT);
    CHECK(str_eq(last(w)->code, "identity.busy"));
    answer(w, LOGIN(T1), 200, TOKEN("app.token"));
    CHECK(fake_http_client_open_count(&w->http) == LIMIT);
    free_world(w);
}

TEST(group_lookups_leave_an_issuer_alone)
{
    struct world *w = new_world_that_knows();
    char about[128];
    for (int i = 0; i < INQUIRIES_FAILURES; i++) {
        (void)snprintf(about, sizeof(about), T1 "/users/cccccccc-0000-0000-0000-00000000001%d", i);
        ask(w, about);
        for (size_t k = 0; k < w->http.call_count; k++) {
            if (w->http.calls[k].is_open) {
                fake_http_client_answer(&w->http.calls[k], 503, "", 0);
            }
        }
        run(w);
    }
    ask(w, T1 "/users/" U2);
    CHECK(fake_http_client_open_count(&w->http) == 0);
    CHECK(last(w)->status == STATUS_UNAVAILABLE);
    w->now_ms += INQUIRIES_REST_MS;
    ask(w, T1 "/users/" U2);
    answer(w, GRAPH("users/" U2), 200, GROUPS);
    CHECK(last(w)->is_yes);
    free_world(w);
}

/* Wherever it stands, it begins anew, with another client and another token. */
TEST(group_lookups_across_a_reload)
{
    for (int at_graph = 0; at_graph < 2; at_graph++) {
        struct world *w = new_world();
        ask(w, T1 "/users/" U1);
        if (at_graph == 1) {
            answer(w, LOGIN(T1), 200, TOKEN("app.token"));
        }
        w->issuers[0].graph.client_id = SLICE("new");
        inquiries_adopt(&w->owner, &w->config, w->secrets);
        run(w);
        const struct http_client_call *call = fake_http_client_find(&w->http, LOGIN(T1));
        CHECK(fake_http_client_open_count(&w->http) == 1);
        CHECK(call != NULL && strstr(call->body, "client_id=new&") != NULL);
        answer(w, LOGIN(T1), 200, TOKEN("newer"));
        CHECK(fake_http_client_open_count(&w->http) == 1);
        answer(w, GRAPH("users/" U1), 200, GROUPS);
        CHECK(w->done_count == 1 && last(w)->is_yes);
        /* And of an entry that is gone nobody asks. */
        ask(w, T1 "/users/" U2);
        inquiries_adopt(&w->owner, &w->other, w->secrets + 1);
        run(w);
        CHECK(w->done_count == 2 && last(w)->status == STATUS_UNAVAILABLE);
        CHECK(fake_http_client_open_count(&w->http) == 0);
        free_world(w);
    }
}

TEST(group_lookups_let_all_go_at_the_end)
{
    struct world *w = new_world_that_knows();
    ask(w, T1 "/users/" U2);
    ask(w, T2 "/users/" U2);
    inquiries_close(&w->owner);
    CHECK(ask_of(w, "a", T1 "/users/" U1) == STATUS_OK);
    CHECK(w->done_count == 4 && fake_http_client_open_count(&w->http) == 0);
    for (size_t i = 1; i < w->done_count; i++) {
        CHECK(w->done[i].status == STATUS_UNAVAILABLE);
    }
    free_world(w);
}

/* Whatever memory is missing, who asked gets an end. */
TEST(group_lookups_without_memory)
{
    bool has_failed = true;
    for (size_t left = 0; has_failed; left++) {
        struct world *w = new_world();
        check_begin_shortage(left, true);
        bool is_asked = ask_of(w, "a", T1 "/users/" U1) == STATUS_OK;
        if (fake_http_client_find(&w->http, LOGIN(T1)) != NULL) {
            answer(w, LOGIN(T1), 200, TOKEN("app.token"));
        }
        if (fake_http_client_find(&w->http, GRAPH("users/" U1)) != NULL) {
            answer(w, GRAPH("users/" U1), 200, GROUPS);
        }
        has_failed = check_end_shortage();
        CHECK(w->done_count == (is_asked ? 1 : 0));
        CHECK(has_failed || last(w)->is_yes);
        free_world(w);
    }
}
