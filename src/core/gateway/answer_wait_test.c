/* Requests whose token only its issuer can read: they wait while it is asked. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define ASKED_MAX 8
#define YES                                                                                        \
    "{\"active\":true,\"sub\":\"alice\",\"aud\":\"aegis\",\"token_type\":\"Bearer\","              \
    "\"exp\":4102444800}"
#define FOR_OTHERS                                                                                 \
    "{\"active\":true,\"sub\":\"alice\",\"aud\":\"others\",\"token_type\":\"Bearer\","             \
    "\"exp\":4102444800}"
#define SOON_OVER /* a minute after the clock of the world begins */                               \
    "{\"active\":true,\"sub\":\"alice\",\"aud\":\"aegis\",\"token_type\":\"Bearer\","              \
    "\"exp\":1000060}"

static struct world world;
static struct world_client clients[ASKED_MAX];

/* Whoever asks issuers for all loops. */
static struct {
    bool refuses;
    size_t count;
    char name[64], token[64];
    struct inquiry_sink sinks[ASKED_MAX];
} asker;

static enum status fake_ask(void *context, const struct inquiry_question *question,
                            const struct inquiry_sink *sink, struct diag *diag)
{
    (void)context;
    CHECK(asker.count < ASKED_MAX);
    asker.sinks[asker.count++] = *sink;
    (void)snprintf(asker.name, sizeof(asker.name), "%.*s", SLICE_ARG(question->name));
    (void)snprintf(asker.token, sizeof(asker.token), "%.*s", SLICE_ARG(question->about));
    return asker.refuses ? diag_fail(diag, STATUS_LIMIT, "identity.busy", "too much") : STATUS_OK;
}

static void trust(struct gateway_snapshot *snapshot, const char *name, uint64_t generation,
                  int64_t keep_s)
{
    static const struct slice audiences[] = {SLICE_INIT("aegis")};
    const struct issuer_entry entry = {.kind = ISSUER_OF_ANSWERS,
                                       .name = slice_view_cstr(name),
                                       .issuer = SLICE("https://asked.example"),
                                       .audiences = audiences,
                                       .audience_count = 1,
                                       .algorithms = JWS_MASK(JWS_ES256),
                                       .inquiry = {.asked = ISSUER_ASKED_OPAQUE, .keep_s = keep_s}};
    const struct identity_config config = {&entry, 1};
    struct jwks *no_keys = NULL;
    principal_unref(snapshot->local_principal);
    snapshot->local_principal = NULL;
    CHECK(identity_snapshot_new(&config, &no_keys, generation, &snapshot->identity, NULL) ==
          STATUS_OK);
}

static void set_up_keeping(int64_t keep_s)
{
    static const struct port_inquiry port = {NULL, fake_ask};
    world_init(&world, PERMIT_ALL);
    world.gateway.ports.inquiry = &port;
    trust(world.snapshot, "asked", 1, keep_s);
    memset(&asker, 0, sizeof(asker));
}

static void set_up(void)
{
    set_up_keeping(60);
}

/* A call with that token; the transport's memory is used for something else as soon as it has been
 * handed over. */
static void call(struct world_client *client, const char *authorization)
{
    static char memory[256];
    (void)snprintf(memory, sizeof(memory), "%s", authorization);
    const struct http_field fields[] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Accept"), SLICE("application/json, text/event-stream")},
        {SLICE("Authorization"), slice_view_cstr(memory)},
        {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")},
        {SLICE("Mcp-Method"), SLICE("tools/call")},
        {SLICE("Mcp-Name"), SLICE("see")}};
    const struct exchange_request request = {.method = SLICE("POST"),
                                             .target = SLICE(BANK),
                                             .fields = fields,
                                             .field_count = COUNT_OF(fields),
                                             .body = SLICE(CALL_SEE),
                                             .peer_ip = SLICE("127.0.0.1")};
    CHECK(world_send(&world, client, &request));
    memset(memory, 'x', sizeof(memory));
    world_run(&world);
}

static int64_t wall_s(void)
{
    const struct port_clock *clock = world.gateway.ports.clock;
    return clock->wall_ms(clock->context) / 1000;
}

static void answer(size_t index, const char *text)
{
    const struct inquiry_answer said = {
        .is_yes = text != NULL, .text = slice_view_cstr(text), .asked_at_s = wall_s()};
    asker.sinks[index].done(&asker.sinks[index], STATUS_OK, &said, &(struct diag){0});
    world_run(&world);
}

static void fail(size_t index, enum status status, const char *code)
{
    struct diag diag = {0};
    (void)!diag_fail(&diag, status, code, "it failed");
    asker.sinks[index].done(&asker.sinks[index], status, NULL, &diag);
    world_run(&world);
}

TEST(answer_wait_ends_with_the_answer)
{
    set_up();
    call(&clients[0], "Bearer opaque");
    CHECK(!clients[0].is_replied && asker.count == 1);
    CHECK(str_eq(asker.name, "asked") && str_eq(asker.token, "opaque"));
    answer(0, YES);
    CHECK(clients[0].status_code == 200 && world_count_calls(&world, "tools/call") == 1);
    /* And is remembered. */
    call(&clients[1], "Bearer opaque");
    CHECK(clients[1].status_code == 200 && asker.count == 1);
    world_release(&world);
}

TEST(answer_wait_ends_without_a_call)
{
    static const struct {
        const char *name, *text; /* NULL: not active */
        enum status status;      /* not OK: no answer */
        int http_status;
    } rows[] = {
        {"not active", NULL, STATUS_OK, 401},
        {"for somebody else",
         "{\"sub\":\"alice\",\"aud\":\"b\",\"token_type\":\"Bearer\",\"exp\":4102444800}",
         STATUS_OK, 401},
        {"over", "{\"sub\":\"alice\",\"aud\":\"aegis\",\"token_type\":\"Bearer\",\"exp\":1}",
         STATUS_OK, 401},
        {"no object", "[]", STATUS_OK, 401},
        {"down", NULL, STATUS_UNAVAILABLE, 503},
        {"too slow", NULL, STATUS_TIMEOUT, 503},
        {"busy", NULL, STATUS_LIMIT, 503},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up();
        call(&clients[0], "Bearer opaque");
        if (rows[i].status == STATUS_OK) {
            answer(0, rows[i].text);
        } else {
            fail(0, rows[i].status, "identity.issuer_down");
        }
        CHECK_ROW(rows[i].name, clients[0].status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, asker.count == 1 && world_count_calls(&world, "tools/call") == 0);
        /* Nothing of it is remembered here. */
        call(&clients[1], "Bearer opaque");
        CHECK_ROW(rows[i].name, asker.count == 2 && !clients[1].is_replied);
        answer(1, YES);
        CHECK_ROW(rows[i].name, clients[1].status_code == 200);
        world_release(&world);
    }
}

TEST(answer_wait_of_nobody_who_asks)
{
    set_up();
    asker.refuses = true;
    call(&clients[0], "Bearer opaque");
    CHECK(clients[0].status_code == 503 && asker.count == 1);
    world.gateway.ports.inquiry = NULL;
    call(&clients[1], "Bearer opaque");
    CHECK(clients[1].status_code == 503 && asker.count == 1);
    world_release(&world);
}

TEST(answer_wait_is_not_for_signed_tokens)
{
    set_up();
    call(&clients[0], "Bearer a.b.c");
    CHECK(clients[0].status_code == 401 && asker.count == 0);
    call(&clients[0], "Basic opaque");
    CHECK(clients[0].status_code == 401 && asker.count == 0);
    world_release(&world);
}

/* An answer that comes twice, or for somebody who is gone, finds nobody. */
TEST(answer_wait_answered_twice)
{
    set_up();
    call(&clients[0], "Bearer opaque");
    answer(0, NULL);
    CHECK(clients[0].status_code == 401);
    answer(0, YES);
    CHECK(clients[0].status_code == 401 && world_count_calls(&world, "tools/call") == 0);
    world.strays++;
    world_release(&world);
}

TEST(answer_wait_of_a_client_that_left)
{
    set_up();
    call(&clients[0], "Bearer opaque");
    CHECK(!clients[0].is_replied && clients[0].exchange.on_gone != NULL);
    clients[0].exchange.on_gone(&clients[0].exchange);
    answer(0, YES);
    CHECK(world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

TEST(answer_wait_at_the_end)
{
    set_up();
    call(&clients[0], "Bearer opaque");
    gateway_close(&world.gateway);
    answer(0, YES);
    CHECK(world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

/* Meanwhile the issuer's entry went: what it said counts no more, and nobody is asked again. */
TEST(answer_wait_across_a_reload)
{
    set_up();
    call(&clients[0], "Bearer opaque");
    struct gateway_snapshot *snapshot = world_snapshot(PERMIT_ALL, ALL_REVISIONS);
    trust(snapshot, "other", 2, 60);
    world.snapshot = snapshot;
    gateway_switch(&world.gateway, snapshot);
    answer(0, YES);
    CHECK(clients[0].status_code == 503 && asker.count == 1);
    CHECK(world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

/* May a head with a large body go on? */
static bool admits_large(struct world_client *client)
{
    const struct http_field fields[] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Accept"), SLICE("application/json, text/event-stream")},
        {SLICE("Authorization"), SLICE("Bearer opaque")},
        {SLICE("Content-Length"), SLICE("1000000")},
        {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")}};
    const struct exchange_request head = {.method = SLICE("POST"),
                                          .target = SLICE(BANK),
                                          .fields = fields,
                                          .field_count = COUNT_OF(fields),
                                          .peer_ip = SLICE("127.0.0.1")};
    struct exchange_reply reply = {0};
    const struct exchange_handler handler = gateway_handler(&world.gateway);
    bool is_admitted = handler.admit(handler.context, &head, &reply);
    client->status_code = reply.status_code;
    return is_admitted;
}

/* A head with a large body is turned away while the issuer is asked, and goes on when it comes
 * again, if the caller is known by then. */
TEST(answer_wait_is_none_for_a_large_body)
{
    static const struct {
        const char *name, *said; /* NULL: the token is not active */
        int64_t keep_s, later_s;
        bool is_admitted;
        size_t asked;
    } rows[] = {
        {"known", YES, 60, 0, true, 1},
        {"known, and nothing is remembered", YES, 0, 0, true, 1},
        {"known, and it is not remembered any more", YES, 60, 3600, true, 1},
        {"known, until the token is over", SOON_OVER, 60, 100, false, 2},
        {"not active", NULL, 60, 0, false, 2},
        {"for somebody else", FOR_OTHERS, 60, 0, false, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up_keeping(rows[i].keep_s);
        CHECK_ROW(rows[i].name, !admits_large(&clients[0]) && clients[0].status_code == 503);
        CHECK_ROW(rows[i].name, asker.count == 1 && str_eq(asker.token, "opaque"));
        answer(0, rows[i].said);
        world_advance(&world, rows[i].later_s * 1000);
        CHECK_ROW(rows[i].name, admits_large(&clients[1]) == rows[i].is_admitted);
        CHECK_ROW(rows[i].name, asker.count == rows[i].asked);
        if (asker.count > 1) {
            fail(1, STATUS_UNAVAILABLE, "identity.issuer_down");
        }
        world_release(&world);
    }
}

/* Whatever memory is missing, the issuer is asked once at most, and the gateway lets all go. */
TEST(answer_wait_without_memory)
{
    bool has_failed = true;
    for (size_t left = 0; has_failed; left++) {
        set_up();
        check_begin_shortage(left, true);
        call(&clients[0], "Bearer opaque");
        if (asker.count == 1 && !clients[0].is_replied) {
            answer(0, YES);
        }
        has_failed = check_end_shortage();
        CHECK(asker.count <= 1 && (has_failed || clients[0].status_code == 200));
        world_release(&world);
    }
}

/* The same for a head: what cannot be remembered lets nobody in. */
TEST(answer_wait_of_a_head_without_memory)
{
    bool has_failed = true;
    for (size_t left = 0; has_failed; left++) {
        set_up();
        check_begin_shortage(left, true);
        CHECK(!admits_large(&clients[0]));
        if (asker.count == 1) {
            answer(0, YES);
        }
        has_failed = check_end_shortage();
        CHECK(asker.count <= 1 && (has_failed || admits_large(&clients[1])));
        world_release(&world);
    }
}
