/* Calls that carry a token; the server and whoever renews are played by the test. */
#include "adapters/transport/bearer_upstream.h"

#include "adapters/transport/upstream_call.h"
#include "support/check.h"

#include <stdio.h>

#define ACCOUNT_BYTES ((size_t)1 << 20)
#define CALLS_MAX 8

struct inner_call {
    struct upstream_call base; /* first */
    bool is_open, is_excused, is_paused;
    char credential[64], body[32], field[32];
};

struct outcome {
    enum status status;
    int http_status;
    char code[32], message[32], why[DIAG_MESSAGE_BYTES];
    size_t ends;
};

static struct loop loop;
static struct inner_call made[CALLS_MAX];
static size_t made_count;
static enum status inner_fails;
static struct bearer_upstream *upstream;
static struct port_upstream port;

/* The source. */
static uint64_t generation;
static struct bearer_wait *waiting;
static size_t renewals;
static bool was_step_up;
static char challenge[64];

static enum status inner_start(void *context, const struct upstream_request *request,
                               const struct upstream_sink *sink, struct upstream_call **out,
                               struct diag *diag)
{
    (void)context;
    if (inner_fails != STATUS_OK) {
        return diag_fail(diag, inner_fails, "upstream.busy", "the test says so");
    }
    struct inner_call *call = &made[made_count++ % CALLS_MAX];
    *call = (struct inner_call){.base = {.sink = *sink}, .is_open = true};
    (void)snprintf(call->credential, sizeof(call->credential), "%.*s",
                   SLICE_ARG(request->credential_value));
    (void)snprintf(call->body, sizeof(call->body), "%.*s", SLICE_ARG(request->body));
    (void)snprintf(call->field, sizeof(call->field), "%.*s", SLICE_ARG(request->fields[0].value));
    *out = &call->base;
    return STATUS_OK;
}

static void inner_cancel(void *context, struct upstream_call *call)
{
    (void)context;
    CHECK(((struct inner_call *)call)->is_open);
    ((struct inner_call *)call)->is_open = false;
}

static void inner_excuse(void *context, struct upstream_call *call, bool is_excused)
{
    (void)context;
    ((struct inner_call *)call)->is_excused = is_excused;
}

static void inner_pause(void *context, struct upstream_call *call, bool is_paused)
{
    (void)context;
    ((struct inner_call *)call)->is_paused = is_paused;
}

static uint64_t read_token(void *context, struct buf *out)
{
    (void)context;
    if (generation > 0) {
        buf_append(out, SLICE("Bearer t"));
        buf_append_u64(out, generation);
    }
    return generation;
}

static void renew(void *context, const struct bearer_need *need, struct bearer_wait *wait)
{
    (void)context;
    CHECK(need->generation == generation);
    wait->next = waiting;
    wait->is_listed = true;
    waiting = wait;
    renewals++;
    was_step_up = need->is_step_up;
    (void)snprintf(challenge, sizeof(challenge), "%.*s", SLICE_ARG(need->challenge));
}

static bool forget(void *context, struct bearer_wait *wait)
{
    (void)context;
    bool was_listed = wait->is_listed;
    for (struct bearer_wait **at = &waiting; *at != NULL; at = &(*at)->next) {
        if (*at == wait) {
            *at = wait->next;
            break;
        }
    }
    wait->is_listed = false;
    return was_listed;
}

/* All that wait are told; is_new: there is another token. */
static void tell(bool is_new)
{
    generation += is_new ? 1 : 0;
    while (waiting != NULL) {
        struct bearer_wait *wait = waiting;
        waiting = wait->next;
        wait->is_listed = false;
        loop_post(wait->loop, &wait->posted);
    }
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    struct outcome *outcome = sink->user;
    (void)is_stream;
    (void)snprintf(outcome->message, sizeof(outcome->message), "%.*s", SLICE_ARG(json));
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    struct outcome *outcome = sink->user;
    outcome->status = status;
    outcome->http_status = http_status;
    outcome->ends++;
    (void)snprintf(outcome->code, sizeof(outcome->code), "%s",
                   diag->code == NULL ? "" : diag->code);
    (void)snprintf(outcome->why, sizeof(outcome->why), "%s", diag->message);
}

static void begin(void)
{
    static const struct bearer_source SOURCE = {
        .read = read_token, .renew = renew, .forget = forget};
    static const struct port_upstream INNER = {
        .start = inner_start, .cancel = inner_cancel, .excuse = inner_excuse, .pause = inner_pause};
    struct diag diag = {0};
    CHECK(loop_init(&loop, ACCOUNT_BYTES, &diag) == STATUS_OK);
    CHECK(bearer_upstream_new(&loop, &INNER, &SOURCE, &upstream) == STATUS_OK);
    port = bearer_upstream_port(upstream);
    made_count = renewals = 0;
    generation = 1;
    inner_fails = STATUS_OK;
}

static void end(void)
{
    bearer_upstream_free(upstream);
    loop_release(&loop);
}

static enum status start(struct outcome *outcome, struct upstream_call **out)
{
    const struct http_field field = {SLICE("Mcp-Session-Id"), SLICE("s")};
    const struct upstream_request request = {
        .body = SLICE("{}"), .fields = &field, .field_count = 1, .expects_answer = true};
    const struct upstream_sink sink = {.on_message = on_message, .on_end = on_end, .user = outcome};
    struct diag diag = {0};
    *outcome = (struct outcome){0};
    return port.start(port.context, &request, &sink, out, &diag);
}

static void answer(struct inner_call *call)
{
    call->is_open = false;
    call->base.sink.on_message(&call->base.sink, SLICE("[1]"), false);
    call->base.sink.on_end(&call->base.sink, STATUS_OK, 200, &(struct diag){0});
}

static void challenge_with(struct inner_call *call, int http_status, struct slice value)
{
    call->is_open = false;
    call->base.sink.on_challenge(&call->base.sink, SLICE("Basic x"));
    call->base.sink.on_challenge(&call->base.sink, value);
    call->base.sink.on_end(&call->base.sink, STATUS_UNAUTHENTICATED, http_status,
                           &(struct diag){.code = "upstream.challenge"});
}

static void refuse(struct inner_call *call, int http_status)
{
    challenge_with(call, http_status, SLICE("Bearer y"));
}

static bool has_ended(const struct outcome *outcome, enum status status, const char *code)
{
    return outcome->ends == 1 && outcome->status == status && str_eq(outcome->code, code);
}

TEST(bearer_upstream_lets_through_what_is_good)
{
    struct outcome outcome;
    struct upstream_call *call;
    begin();
    CHECK(start(&outcome, &call) == STATUS_OK);
    CHECK(str_eq(made[0].credential, "Bearer t1") && str_eq(made[0].body, "{}"));
    port.excuse(port.context, call, true);
    port.pause(port.context, call, true);
    CHECK(made[0].is_excused && made[0].is_paused);
    answer(&made[0]);
    CHECK(has_ended(&outcome, STATUS_OK, "") && str_eq(outcome.message, "[1]"));
    CHECK(renewals == 0);
    end();
}

TEST(bearer_upstream_makes_a_refused_call_once_more)
{
    struct outcome outcomes[3];
    struct upstream_call *calls[3];
    begin();
    for (size_t i = 0; i < 3; i++) {
        CHECK(start(&outcomes[i], &calls[i]) == STATUS_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        refuse(&made[i], 401);
        CHECK(outcomes[i].ends == 0);
    }
    CHECK(renewals == 3 && !was_step_up && str_eq(challenge, "Basic x, Bearer y"));
    port.excuse(port.context, calls[0], true);
    port.pause(port.context, calls[0], true);
    tell(true);
    CHECK(loop_run_posted(&loop) && made_count == 6);
    for (size_t i = 3; i < 6; i++) {
        CHECK(str_eq(made[i].credential, "Bearer t2") && str_eq(made[i].body, "{}"));
        CHECK(str_eq(made[i].field, "s"));
        answer(&made[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK(has_ended(&outcomes[i], STATUS_OK, ""));
    }
    CHECK(made[3].is_paused + made[4].is_paused + made[5].is_paused == 1);
    CHECK(made[3].is_excused + made[4].is_excused + made[5].is_excused == 1);
    end();
}

TEST(bearer_upstream_without_a_token_asks_for_one)
{
    struct outcome outcome;
    struct upstream_call *call;
    begin();
    generation = 0;
    CHECK(start(&outcome, &call) == STATUS_OK);
    CHECK(str_eq(made[0].credential, ""));
    refuse(&made[0], 401);
    tell(true);
    CHECK(loop_run_posted(&loop) && str_eq(made[1].credential, "Bearer t1"));
    answer(&made[1]);
    CHECK(has_ended(&outcome, STATUS_OK, ""));
    end();
}

TEST(bearer_upstream_gives_up)
{
    struct outcome outcome;
    struct upstream_call *call;
    begin();
    /* Nobody signed in. */
    CHECK(start(&outcome, &call) == STATUS_OK);
    refuse(&made[0], 403);
    CHECK(was_step_up);
    tell(false);
    CHECK(loop_run_posted(&loop) && made_count == 1);
    CHECK(has_ended(&outcome, STATUS_UNAVAILABLE, "upstream.credential"));
    /* The new token is refused as well. */
    CHECK(start(&outcome, &call) == STATUS_OK);
    refuse(&made[1], 401);
    tell(true);
    CHECK(loop_run_posted(&loop) && made_count == 3);
    refuse(&made[2], 401);
    CHECK(has_ended(&outcome, STATUS_UNAVAILABLE, "upstream.credential"));
    CHECK(outcome.http_status == 401 && renewals == 2);
    /* The second time nothing can be sent. */
    CHECK(start(&outcome, &call) == STATUS_OK);
    refuse(&made[3], 401);
    inner_fails = STATUS_UNAVAILABLE;
    tell(true);
    CHECK(loop_run_posted(&loop));
    CHECK(has_ended(&outcome, STATUS_UNAVAILABLE, "upstream.busy"));
    CHECK(start(&outcome, &call) == STATUS_UNAVAILABLE && outcome.ends == 0);
    end();
}

/* A server that wants more is not a server that knows nobody, whatever status it sends. */
TEST(bearer_upstream_steps_up_by_what_the_challenge_says)
{
    static const struct {
        const char *challenge;
        int http_status;
        bool is_step_up;
    } rows[] = {
        {"Bearer error=\"invalid_token\"", 401, false},
        {"Bearer error=\"insufficient_scope\", scope=\"a\"", 401, true},
        {"Bearer error=\"insufficient_scope\", scope=\"a\"", 403, true},
        {"Bearer error=\"insufficient_user_authentication\", max_age=5", 401, true},
        {"Bearer error=\"insufficient_user_authentication", 401, false},
        {"DPoP error=\"insufficient_user_authentication\"", 401, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome outcome;
        struct upstream_call *call;
        begin();
        CHECK(start(&outcome, &call) == STATUS_OK);
        challenge_with(&made[0], rows[i].http_status, slice_view_cstr(rows[i].challenge));
        CHECK_ROW(rows[i].challenge, renewals == 1 && was_step_up == rows[i].is_step_up);
        tell(true);
        CHECK(loop_run_posted(&loop) && made_count == 2);
        answer(&made[1]);
        CHECK_ROW(rows[i].challenge, has_ended(&outcome, STATUS_OK, ""));
        end();
    }
}

/* An expired token, then scopes, then a newer sign-in; but not for ever. */
TEST(bearer_upstream_steps_up_a_few_times)
{
    const struct slice wants = SLICE("Bearer error=\"insufficient_user_authentication\"");
    struct outcome outcome;
    struct upstream_call *call;
    begin();
    CHECK(start(&outcome, &call) == STATUS_OK);
    refuse(&made[0], 401);
    for (size_t i = 1; i < BEARER_RENEWALS_MAX; i++) {
        tell(true);
        CHECK(loop_run_posted(&loop) && made_count == i + 1 && outcome.ends == 0);
        challenge_with(&made[i], 401, wants);
        CHECK(was_step_up && renewals == i + 1);
    }
    tell(true);
    CHECK(loop_run_posted(&loop) && made_count == BEARER_RENEWALS_MAX + 1);
    challenge_with(&made[BEARER_RENEWALS_MAX], 401, wants);
    CHECK(has_ended(&outcome, STATUS_UNAVAILABLE, "upstream.credential"));
    CHECK(renewals == BEARER_RENEWALS_MAX && outcome.http_status == 401);
    /* A token that is refused after it gave more is refused for good. */
    made_count = 0;
    CHECK(start(&outcome, &call) == STATUS_OK);
    challenge_with(&made[0], 403, wants);
    tell(true);
    CHECK(loop_run_posted(&loop) && made_count == 2);
    refuse(&made[1], 401);
    CHECK(has_ended(&outcome, STATUS_UNAVAILABLE, "upstream.credential"));
    end();
}

TEST(bearer_upstream_says_why_there_is_no_token)
{
    struct outcome outcome;
    struct upstream_call *call;
    begin();
    CHECK(start(&outcome, &call) == STATUS_OK);
    refuse(&made[0], 401);
    (void)!diag_fail(&waiting->diag, STATUS_UNAVAILABLE, "sign_in.pause", "not again so soon");
    tell(false);
    CHECK(loop_run_posted(&loop));
    CHECK(has_ended(&outcome, STATUS_UNAVAILABLE, "upstream.credential"));
    CHECK(str_eq(outcome.why, "not again so soon"));
    end();
}

TEST(bearer_upstream_forgets_what_is_cancelled)
{
    struct outcome outcomes[3];
    struct upstream_call *calls[3];
    begin();
    for (size_t i = 0; i < 3; i++) {
        CHECK(start(&outcomes[i], &calls[i]) == STATUS_OK);
    }
    refuse(&made[1], 401);
    refuse(&made[2], 401);
    port.cancel(port.context, calls[0]); /* it runs */
    CHECK(!made[0].is_open);
    port.cancel(port.context, calls[1]); /* it waits */
    tell(true);
    port.cancel(port.context, calls[2]); /* the message is under way */
    CHECK(loop_run_posted(&loop) && made_count == 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK(outcomes[i].ends == 0);
    }
    end();
}

TEST(bearer_upstream_ends_what_waits_when_it_stops)
{
    struct outcome waits, runs;
    struct upstream_call *calls[2];
    begin();
    CHECK(start(&waits, &calls[0]) == STATUS_OK);
    CHECK(start(&runs, &calls[1]) == STATUS_OK);
    refuse(&made[0], 401);
    bearer_upstream_free(upstream);
    CHECK(has_ended(&waits, STATUS_UNAVAILABLE, "upstream.down"));
    CHECK(waiting == NULL && runs.ends == 0);
    /* Nobody is asked any more. The memory goes with the last call. */
    refuse(&made[1], 401);
    CHECK(has_ended(&runs, STATUS_UNAVAILABLE, "upstream.credential") && renewals == 1);
    loop_release(&loop);
}

static bool call_once(void *context)
{
    struct outcome outcome;
    struct upstream_call *call;
    (void)context;
    check_pause_failures(true);
    begin();
    check_pause_failures(false);
    enum status status = start(&outcome, &call);
    if (status == STATUS_OK) {
        refuse(&made[0], 401);
        tell(true);
        (void)loop_run_posted(&loop);
        if (made_count == 2) {
            answer(&made[1]);
        }
        CHECK(outcome.ends == 1);
    }
    check_pause_failures(true);
    end();
    check_pause_failures(false);
    return status == STATUS_OK && outcome.status == STATUS_OK;
}

TEST(bearer_upstream_without_memory)
{
    check_every_allocation(call_once, NULL);
}
