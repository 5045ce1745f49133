/* Requests whose token names a key that nobody has yet. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"
#include "support/token_fixture.h"

#include <stdio.h>

#define CLAIMS                                                                                     \
    "{\"iss\":\"" TOKEN_ISSUER "\",\"sub\":\"alice\",\"aud\":\"aegis\",\"exp\":4102444800}"
#define AUTHORIZATION_BYTES 2048

static struct world world;
static struct world_client client;

/* The owner of the keys. */
static struct {
    bool refuses;
    size_t count;
    char kid[64], name[64];
    size_t entry;
    struct keys_sink sink;
} owner;

static bool fake_missed(void *context, const struct keys_miss *miss, const struct keys_sink *sink)
{
    (void)context;
    owner.count++;
    owner.entry = miss->entry;
    owner.sink = *sink;
    (void)snprintf(owner.kid, sizeof(owner.kid), "%.*s", SLICE_ARG(miss->kid));
    (void)snprintf(owner.name, sizeof(owner.name), "%.*s", SLICE_ARG(miss->name));
    return !owner.refuses;
}

/* Trust an issuer with the keys k1 .. kN, whose seeds are their numbers. */
static void trust(struct gateway_snapshot *snapshot, unsigned count, uint64_t generation)
{
    static const struct slice audiences[] = {SLICE_INIT("aegis")};
    static const struct issuer_entry entry = {.name = SLICE_INIT("one"),
                                              .issuer = SLICE_INIT(TOKEN_ISSUER),
                                              .audiences = audiences,
                                              .audience_count = 1,
                                              .algorithms = JWS_MASK(JWS_ES256),
                                              .typ = ISSUER_TYP_ACCESS_TOKEN};
    const struct identity_config config = {&entry, 1};
    struct jwks *keys = NULL;
    struct buf text;
    buf_init(&text, 65536, NULL);
    buf_append(&text, SLICE("{\"keys\":["));
    for (unsigned i = 1; i <= count; i++) {
        char kid[32];
        (void)snprintf(kid, sizeof(kid), ",\"kid\":\"k%u\"", i);
        buf_append(&text, i > 1 ? SLICE(",") : SLICE_EMPTY);
        token_append_jwk(&text, JWS_ES256, (uint8_t)i, kid);
    }
    buf_append(&text, SLICE("]}"));
    CHECK(count == 0 || token_parse_keys(&world.gateway.parser, &world.crypto, buf_view(&text),
                                         &keys) == STATUS_OK);
    buf_release(&text);
    principal_unref(snapshot->local_principal);
    snapshot->local_principal = NULL;
    CHECK(identity_snapshot_new(&config, &keys, generation, &snapshot->identity, NULL) ==
          STATUS_OK);
    jwks_unref(keys);
}

static void set_up(unsigned key_count)
{
    static const struct port_keys port = {NULL, fake_missed};
    world_init(&world, PERMIT_ALL);
    world.gateway.ports.keys = &port;
    trust(world.snapshot, key_count, 1);
    memset(&owner, 0, sizeof(owner));
}

static void renew(unsigned key_count)
{
    struct gateway_snapshot *snapshot = world_snapshot(PERMIT_ALL, ALL_REVISIONS);
    trust(snapshot, key_count, 2);
    world.snapshot = snapshot;
    gateway_switch(&world.gateway, snapshot);
}

/* A call with a token of that header, signed by the key of that seed; the transport's memory is
 * used for something else as soon as it has been handed over. */
static void call(const char *header, uint8_t seed)
{
    static char memory[AUTHORIZATION_BYTES];
    static char method[] = "tools/call", name[] = "see";
    struct fake_key key = token_key(JWS_ES256, seed);
    struct buf token;
    buf_init(&token, sizeof(memory), NULL);
    token_append(&token, &key, slice_view_cstr(header), SLICE(CLAIMS));
    memcpy(memory, token.ptr, token.len);
    memcpy(method, "tools/call", sizeof(method));
    memcpy(name, "see", sizeof(name));
    const struct http_field fields[] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Accept"), SLICE("application/json, text/event-stream")},
        {SLICE("Authorization"), slice_of(memory, token.len)},
        {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")},
        {SLICE("Mcp-Method"), slice_of(method, sizeof(method) - 1)},
        {SLICE("Mcp-Name"), slice_of(name, sizeof(name) - 1)}};
    const struct exchange_request request = {.method = SLICE("POST"),
                                             .target = SLICE(BANK),
                                             .fields = fields,
                                             .field_count = COUNT_OF(fields),
                                             .body = SLICE(CALL_SEE),
                                             .peer_ip = SLICE("127.0.0.1")};
    buf_release(&token);
    CHECK(world_send(&world, &client, &request));
    memset(memory, 'x', sizeof(memory));
    memset(method, 'x', sizeof(method));
    memset(name, 'x', sizeof(name));
    world_run(&world);
}

static void answer_owner(void)
{
    owner.sink.done(&owner.sink);
    world_run(&world);
}

#define HEADER(kid) "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"" kid "\"}"

TEST(key_wait_ends_with_the_key)
{
    set_up(1);
    call(HEADER("k2"), 2);
    CHECK(!client.is_replied && owner.count == 1 && owner.entry == 0);
    CHECK(str_eq(owner.kid, "k2") && str_eq(owner.name, "one"));
    renew(2);
    answer_owner();
    CHECK(client.status_code == 200 && world_count_calls(&world, "tools/call") == 1);
    world_release(&world);
}

/* Its keys were never read. */
TEST(key_wait_for_the_first_keys)
{
    set_up(0);
    call(HEADER("k1"), 1);
    CHECK(!client.is_replied && owner.count == 1);
    renew(1);
    answer_owner();
    CHECK(client.status_code == 200);
    world_release(&world);
}

/* A key was replaced under its name. */
TEST(key_wait_for_a_known_name)
{
    set_up(2);
    call(HEADER("k1"), 2);
    CHECK(!client.is_replied && owner.count == 1 && str_eq(owner.kid, "k1"));
    answer_owner();
    CHECK(client.status_code == 401 && world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

TEST(key_wait_is_once_only)
{
    set_up(1);
    call(HEADER("k9"), 9);
    CHECK(!client.is_replied);
    renew(2);
    answer_owner();
    CHECK(client.status_code == 401 && owner.count == 1);
    CHECK(world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

TEST(key_wait_is_not_for_all)
{
    static const struct {
        const char *name, *header;
        uint8_t seed;
        bool refuses;
        int status_code;
        size_t count;
    } ROWS[] = {
        {"the owner says no", HEADER("k2"), 2, true, 401, 1},
        {"a good token", HEADER("k1"), 1, false, 200, 0},
        {"no name", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", 2, false, 401, 0},
        {"not allowed", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"k2\"}", 2, false, 401, 0},
        {"none", "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k2\"}", 2, false, 401, 0},
        {"of another type", "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\",\"kid\":\"k2\"}", 2, false,
         401, 0},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        set_up(1);
        owner.refuses = ROWS[i].refuses;
        call(ROWS[i].header, ROWS[i].seed);
        CHECK_ROW(ROWS[i].name, client.status_code == ROWS[i].status_code);
        CHECK_ROW(ROWS[i].name, owner.count == ROWS[i].count);
        world_release(&world);
    }
}

/* The answer of the owner finds nobody who waits. */
TEST(key_wait_of_a_client_that_left)
{
    set_up(1);
    call(HEADER("k2"), 2);
    CHECK(!client.is_replied && client.exchange.on_gone != NULL);
    client.exchange.on_gone(&client.exchange);
    renew(2);
    answer_owner();
    CHECK(world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

TEST(key_wait_at_the_end)
{
    set_up(1);
    call(HEADER("k2"), 2);
    gateway_close(&world.gateway);
    answer_owner();
    CHECK(world_count_calls(&world, "tools/call") == 0);
    world_release(&world);
}

/* A head with a large body is refused at once, and the key looked for all the same. */
TEST(key_wait_is_none_for_a_large_body)
{
    struct fake_key key = token_key(JWS_ES256, 2);
    struct buf token;
    set_up(1);
    buf_init(&token, AUTHORIZATION_BYTES, NULL);
    token_append(&token, &key, SLICE(HEADER("k2")), SLICE(CLAIMS));
    const struct http_field fields[] = {
        {SLICE("Host"), SLICE("gateway.test")},
        {SLICE("Content-Type"), SLICE("application/json")},
        {SLICE("Accept"), SLICE("application/json, text/event-stream")},
        {SLICE("Authorization"), buf_view(&token)},
        {SLICE("Content-Length"), SLICE("1000000")},
        {SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")}};
    const struct exchange_request request = {.method = SLICE("POST"),
                                             .target = SLICE(BANK),
                                             .fields = fields,
                                             .field_count = COUNT_OF(fields),
                                             .peer_ip = SLICE("127.0.0.1")};
    CHECK(!world_send(&world, &client, &request));
    CHECK(client.status_code == 401 && owner.count == 1 && str_eq(owner.kid, "k2"));
    owner.sink.done(&owner.sink);
    buf_release(&token);
    world_release(&world);
}
