/* Requests whose token lacks the groups of its caller: they wait while these are looked up. */
#include "core/gateway/gateway.h"

#include "core/identity/group_lookup.h"
#include "support/check.h"
#include "support/fake_world.h"
#include "support/token_fixture.h"

#include <stdio.h>

#define ASKED_MAX 8
#define AUTHORIZATION_BYTES 4096
#define TENANT "aaaaaaaa-0000-0000-0000-000000000000"
#define OBJECT "cccccccc-0000-0000-0000-000000000000"
#define GROUP "11111111-1111-1111-1111-111111111111"
#define OTHER "22222222-2222-2222-2222-222222222222"
#define ISSUER "https://login.example/" TENANT "/v2.0"
#define TOKEN                                                                                      \
    "{\"iss\":\"" ISSUER "\",\"tid\":\"" TENANT "\",\"oid\":\"" OBJECT "\",\"azp\":\"app\","       \
    "\"aud\":\"aegis\",\"scp\":\"a\",\"exp\":4102444800,\"_claim_names\":{\"groups\":\"s\"}}"
#define PERMIT_GROUP "permit(principal in Aegis::Group::\"" GROUP "\", action, resource);"
#define FORBID_GROUP                                                                               \
    PERMIT_ALL "forbid(principal in Aegis::Group::\"" GROUP "\", action, resource);"
#define HEADER(kid) "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"" kid "\"}"

static struct world world;
static struct world_client clients[ASKED_MAX];

/* Whoever asks for all loops, and whoever has the keys. */
static struct {
    bool refuses;
    size_t count, missed_count;
    char name[64], about[128];
    struct inquiry_sink sinks[ASKED_MAX];
    struct keys_sink keys_sink;
} asker;

static struct {
    size_t len;
    char text[AUTHORIZATION_BYTES];
} authorization;

static enum status fake_ask(void *context, const struct inquiry_question *question,
                            const struct inquiry_sink *sink, struct diag *diag)
{
    (void)context;
    CHECK(asker.count < ASKED_MAX && question->kind == INQUIRY_GROUPS);
    asker.sinks[asker.count++] = *sink;
    (void)snprintf(asker.name, sizeof(asker.name), "%.*s", SLICE_ARG(question->name));
    (void)snprintf(asker.about, sizeof(asker.about), "%.*s", SLICE_ARG(question->about));
    return asker.refuses ? diag_fail(diag, STATUS_LIMIT, "identity.busy", "too much") : STATUS_OK;
}

static bool fake_missed(void *context, const struct keys_miss *miss, const struct keys_sink *sink)
{
    (void)context;
    (void)miss;
    asker.missed_count++;
    asker.keys_sink = *sink;
    return true;
}

/* Keys 'k1' up to that number. */
static void trust(struct gateway_snapshot *snapshot, const char *name, uint64_t generation,
                  int key_count)
{
    static const struct slice audiences[] = {SLICE_INIT("aegis")};
    static const struct slice tenants[] = {SLICE_INIT(TENANT)};
    const struct issuer_entry entry = {.name = slice_view_cstr(name),
                                       .preset = ISSUER_PRESET_ENTRA,
                                       .issuer = SLICE(ISSUER),
                                       .audiences = audiences,
                                       .audience_count = 1,
                                       .tenants = tenants,
                                       .tenant_count = 1,
                                       .algorithms = JWS_MASK(JWS_ES256),
                                       .inquiry = {.groups_keep_s = 60}};
    const struct identity_config config = {&entry, 1};
    struct jwks *keys = NULL;
    struct buf text;
    buf_init(&text, 65536, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    for (int i = 1; i <= key_count; i++) {
        char more[128];
        (void)snprintf(more, sizeof(more), ",\"kid\":\"k%d\",\"issuer\":\"" ISSUER "\"", i);
        buf_append(&text, i > 1 ? SLICE(",") : SLICE_EMPTY);
        token_append_jwk(&text, JWS_ES256, (uint8_t)i, more);
    }
    buf_append(&text, SLICE("]}"));
    CHECK(token_parse_keys(&world.gateway.parser, &world.crypto, buf_view(&text), &keys) ==
          STATUS_OK);
    buf_release(&text);
    principal_unref(snapshot->local_principal);
    snapshot->local_principal = NULL;
    CHECK(identity_snapshot_new(&config, &keys, generation, &snapshot->identity, NULL) ==
          STATUS_OK);
    jwks_unref(keys);
}

static void reload(const char *policies, const char *name, int key_count)
{
    struct gateway_snapshot *snapshot = world_snapshot(policies, ALL_REVISIONS);
    trust(snapshot, name, 2, key_count);
    world.snapshot = snapshot;
    gateway_switch(&world.gateway, snapshot);
}

/* Written before memory may be short. */
static void write_token(const char *header, uint8_t seed)
{
    struct fake_key key = token_key(JWS_ES256, seed);
    struct buf token;
    buf_init(&token, sizeof(authorization.text), NULL);
    token_append(&token, &key, slice_view_cstr(header), SLICE(TOKEN));
    CHECK(buf_status(&token) == STATUS_OK);
    authorization.len = token.len;
    memcpy(authorization.text, token.ptr, token.len);
    buf_release(&token);
}

static void set_up(const char *policies)
{
    static const struct port_inquiry port = {NULL, fake_ask};
    static const struct port_keys keys = {NULL, fake_missed};
    world_init(&world, policies);
    world.gateway.ports.inquiry = &port;
    world.gateway.ports.keys = &keys;
    trust(world.snapshot, "corp", 1, 1);
    write_token(HEADER("k1"), 1);
    memset(&asker, 0, sizeof(asker));
}

/* The transport's memory is used for something else as soon as it has been handed over. */
static void call(struct world_client *client)
{
    static char memory[AUTHORIZATION_BYTES];
    memcpy(memory, authorization.text, authorization.len);
    const struct http_field fields[] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Accept"), SLICE("application/json, text/event-stream")},
        {SLICE("Authorization"), slice_of(memory, authorization.len)},
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

/* ids NULL: there is no telling. */
static void answer(size_t index, const char *ids)
{
    const struct inquiry_answer said = {
        .is_yes = ids != NULL, .text = slice_view_cstr(ids), .asked_at_s = wall_s()};
    asker.sinks[index].done(&asker.sinks[index], STATUS_OK, &said, &(struct diag){0});
    world_run(&world);
}

static void fail(size_t index, enum status status)
{
    struct diag diag = {0};
    (void)!diag_fail(&diag, status, "identity.issuer_down", "it failed");
    asker.sinks[index].done(&asker.sinks[index], status, NULL, &diag);
    world_run(&world);
}

static size_t effects(void)
{
    return world_count_calls(&world, "tools/call");
}

TEST(group_wait_decides_by_what_was_found)
{
    static const struct {
        const char *name, *policies, *ids;
        bool is_permitted;
    } rows[] = {
        {"in the group", PERMIT_GROUP, OTHER GROUP, true},
        {"in another", PERMIT_GROUP, OTHER, false},
        {"in none", PERMIT_GROUP, "", false},
        {"not known", PERMIT_GROUP, NULL, false},
        {"in a group that is shut out", FORBID_GROUP, GROUP, false},
        {"in another than the one that is shut out", FORBID_GROUP, OTHER, true},
        {"perhaps in one that is shut out", FORBID_GROUP, NULL, false},
        {"whatever his groups are", PERMIT_ALL, NULL, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up(rows[i].policies);
        call(&clients[0]);
        CHECK_ROW(rows[i].name, !clients[0].is_replied && asker.count == 1);
        CHECK_ROW(rows[i].name, str_eq(asker.name, "corp"));
        CHECK_ROW(rows[i].name, str_eq(asker.about, TENANT "/users/" OBJECT));
        answer(0, rows[i].ids);
        CHECK_ROW(rows[i].name, clients[0].is_replied && effects() == rows[i].is_permitted);
        /* And is remembered. */
        call(&clients[1]);
        CHECK_ROW(rows[i].name, asker.count == 1 && effects() == (rows[i].is_permitted ? 2 : 0));
        world_release(&world);
    }
}

/* For a while; a look in vain for less. */
TEST(group_wait_remembers_for_a_while)
{
    static const struct {
        const char *ids;
        int64_t keep_s;
    } rows[] = {{GROUP, 60}, {NULL, GROUP_LOOKUP_UNKNOWN_S}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up(PERMIT_ALL);
        call(&clients[0]);
        answer(0, rows[i].ids);
        world_advance(&world, (rows[i].keep_s - 1) * 1000);
        call(&clients[1]);
        CHECK(asker.count == 1 && clients[1].status_code == 200);
        world_advance(&world, 1000);
        call(&clients[2]);
        CHECK(asker.count == 2 && !clients[2].is_replied);
        answer(1, GROUP);
        CHECK(clients[2].status_code == 200);
        world_release(&world);
    }
}

/* A caller whose groups cannot be looked up gets in without; who cannot even be asked about comes
 * again. */
TEST(group_wait_ends_without_groups)
{
    static const struct {
        const char *name;
        enum status status;
        int permit_all, permit_group; /* HTTP status; 0: denied */
    } rows[] = {
        {"down", STATUS_UNAVAILABLE, 200, 0},
        {"busy", STATUS_LIMIT, 503, 503},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up(PERMIT_ALL);
        call(&clients[0]);
        fail(0, rows[i].status);
        CHECK_ROW(rows[i].name, clients[0].status_code == rows[i].permit_all);
        world_release(&world);
        set_up(PERMIT_GROUP);
        call(&clients[0]);
        fail(0, rows[i].status);
        CHECK_ROW(rows[i].name, clients[0].is_replied && effects() == 0);
        CHECK_ROW(rows[i].name,
                  rows[i].permit_group == 0 || clients[0].status_code == rows[i].permit_group);
        world_release(&world);
    }
}

TEST(group_wait_of_nobody_who_asks)
{
    set_up(PERMIT_ALL);
    asker.refuses = true;
    call(&clients[0]);
    CHECK(clients[0].status_code == 503 && asker.count == 1);
    world.gateway.ports.inquiry = NULL;
    call(&clients[1]);
    CHECK(clients[1].status_code == 503 && asker.count == 1 && effects() == 0);
    world_release(&world);
}

/* First for the key, and then for the groups. */
TEST(group_wait_after_one_for_keys)
{
    set_up(PERMIT_GROUP);
    write_token(HEADER("k2"), 2);
    call(&clients[0]);
    CHECK(!clients[0].is_replied && asker.missed_count == 1 && asker.count == 0);
    reload(PERMIT_GROUP, "corp", 2);
    asker.keys_sink.done(&asker.keys_sink);
    world_run(&world);
    CHECK(!clients[0].is_replied && asker.count == 1);
    answer(0, GROUP);
    CHECK(clients[0].status_code == 200 && effects() == 1);
    world_release(&world);
}

TEST(group_wait_answered_twice)
{
    set_up(PERMIT_GROUP);
    call(&clients[0]);
    answer(0, "");
    CHECK(clients[0].is_replied);
    answer(0, GROUP);
    CHECK(effects() == 0);
    world.strays++;
    world_release(&world);
}

TEST(group_wait_of_a_client_that_left)
{
    set_up(PERMIT_GROUP);
    call(&clients[0]);
    CHECK(!clients[0].is_replied && clients[0].exchange.on_gone != NULL);
    clients[0].exchange.on_gone(&clients[0].exchange);
    answer(0, GROUP);
    CHECK(effects() == 0);
    world_release(&world);
}

TEST(group_wait_at_the_end)
{
    set_up(PERMIT_GROUP);
    call(&clients[0]);
    gateway_close(&world.gateway);
    answer(0, GROUP);
    CHECK(effects() == 0);
    world_release(&world);
}

/* Decided by the policies of now, for the entry of the same name only. */
TEST(group_wait_across_a_reload)
{
    static const struct {
        const char *name, *policies, *entry;
        size_t effects;
    } rows[] = {
        {"other policies", FORBID_GROUP, "corp", 0},
        {"another entry", PERMIT_GROUP, "other", 0},
        {"the same", PERMIT_GROUP, "corp", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        set_up(PERMIT_GROUP);
        call(&clients[0]);
        reload(rows[i].policies, rows[i].entry, 1);
        answer(0, GROUP);
        CHECK_ROW(rows[i].name, clients[0].is_replied && asker.count == 1);
        CHECK_ROW(rows[i].name, effects() == rows[i].effects);
        world_release(&world);
    }
}

/* The operation's time runs on while it waits. */
TEST(group_wait_takes_too_long)
{
    set_up(PERMIT_GROUP);
    call(&clients[0]);
    world_advance(&world, 3600 * 1000);
    world_run(&world);
    answer(0, GROUP);
    CHECK(clients[0].is_replied && effects() == 0);
    world_release(&world);
}

/* May a head with a large body go on? */
static bool admits_large(struct world_client *client)
{
    const struct http_field fields[] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Accept"), SLICE("application/json, text/event-stream")},
        {SLICE("Authorization"), slice_of(authorization.text, authorization.len)},
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

/* A head is turned away while the groups are looked up, and goes on when it comes again, whether
 * they were found or not. */
TEST(group_wait_is_none_for_a_large_body)
{
    for (int i = 0; i < 3; i++) {
        set_up(PERMIT_ALL);
        CHECK(!admits_large(&clients[0]) && clients[0].status_code == 503 && asker.count == 1);
        if (i == 2) {
            fail(0, STATUS_UNAVAILABLE);
        } else {
            answer(0, i == 0 ? GROUP : NULL);
        }
        CHECK(admits_large(&clients[1]) && asker.count == 1);
        world_release(&world);
    }
}

TEST(group_wait_without_memory)
{
    bool has_failed = true;
    for (size_t left = 0; has_failed; left++) {
        set_up(PERMIT_GROUP);
        check_begin_shortage(left, true);
        call(&clients[0]);
        if (asker.count == 1 && !clients[0].is_replied) {
            answer(0, GROUP);
        }
        has_failed = check_end_shortage();
        CHECK(asker.count <= 1 && (has_failed || clients[0].status_code == 200));
        world_release(&world);
    }
}
