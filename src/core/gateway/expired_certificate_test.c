/* A connection that outlives the certificate of its client: what is asked on it then, and what is
 * still open. */
#include "core/gateway/listening.h"
#include "core/identity/client_certificate.h"

#include "support/check.h"
#include "support/fake_world.h"

#define AUTHORITY 0xA0
#define LEFT_S 31
#define INITIALIZE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
    "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{}}}"
#define LEGACY_SEE                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"see\"}}"
#define LISTEN                                                                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{"           \
    "\"notifications\":{\"toolsListChanged\":true}," META "}}"
#define DISCOVERED                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"resultType\":\"complete\","                     \
    "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{\"listChanged\":true}}}}"

static struct world world;
static struct world_client client;
static struct client_certificate *certificate; /* of the connection */
static bool has_token;                         /* there is one, good for ever */

/* Callers are those of the authority's certificates. */
static void begin(void)
{
    static const struct slice URIS[] = {SLICE_INIT("spiffe://acme/bot")};
    static uint8_t authorities[1][CRYPTO_SHA256_BYTES];
    struct client_certificate shown = {.uris = {URIS, 1}, .issuer_count = 1};
    memset(authorities[0], AUTHORITY, sizeof(authorities[0]));
    memset(shown.issuers[0], AUTHORITY, sizeof(shown.issuers[0]));
    const struct issuer_entry entry = {.kind = ISSUER_OF_CERTIFICATES,
                                       .preset = ISSUER_PRESET_MTLS,
                                       .name = SLICE("agents"),
                                       .issuer = SLICE("urn:aegis:certificates:agents"),
                                       .algorithms = JWS_MASK(JWS_ES256),
                                       .authorities =
                                           (const uint8_t(*)[CRYPTO_SHA256_BYTES])authorities,
                                       .authority_count = 1};
    const struct identity_config config = {&entry, 1};
    struct jwks *no_keys[1] = {NULL};
    world_init(&world, PERMIT_ALL);
    shown.expires_at_s = world.clock.wall_ms(world.clock.context) / 1000 + LEFT_S;
    CHECK(client_certificate_new(&shown, &certificate, NULL) == STATUS_OK);
    CHECK(identity_snapshot_new(&config, no_keys, 1, &world.snapshot->identity, NULL) == STATUS_OK);
}

static void end(void)
{
    world_release(&world);
    client_certificate_unref(certificate);
}

/* Without a token nobody is known but by the certificate. */
static void send(const char *method, const char *body, const char *mcp_method, const char *session)
{
    struct http_field fields[8] = {{SLICE("Host"), SLICE("gateway.test")},
                                   {SLICE("Content-Type"), SLICE("application/json")},
                                   {SLICE("Accept"), SLICE("application/json, text/event-stream")}};
    size_t count = 3;
    if (mcp_method != NULL) {
        fields[count++] = (struct http_field){SLICE("MCP-Protocol-Version"), SLICE("2026-07-28")};
        fields[count++] = (struct http_field){SLICE("Mcp-Method"), slice_view_cstr(mcp_method)};
        fields[count++] = (struct http_field){SLICE("Mcp-Name"), SLICE("see")};
        count -= strcmp(mcp_method, "tools/call") != 0;
    }
    if (session != NULL) {
        fields[count++] = (struct http_field){SLICE("Mcp-Session-Id"), slice_view_cstr(session)};
    }
    struct exchange_request request = {.method = slice_view_cstr(method),
                                       .target = SLICE(BANK),
                                       .fields = fields,
                                       .field_count = count,
                                       .body = slice_view_cstr(body),
                                       .peer_ip = SLICE("127.0.0.1"),
                                       .certificate = certificate,
                                       .is_tls = true};
    struct principal *local = world.snapshot->local_principal;
    world.snapshot->local_principal = has_token ? local : NULL;
    (void)world_send(&world, &client, &request);
    world_run(&world);
    world.snapshot->local_principal = local;
}

/* The next request on the connection is refused, and the client told to prove itself anew: nothing
 * reaches a server. */
TEST(expired_certificate_refuses_the_next_request)
{
    begin();
    for (int second = LEFT_S - 1; second <= LEFT_S; second++) {
        send("POST", CALL_SEE, "tools/call", NULL);
        CHECK(client.status_code == 200 && strstr(client.body, "\"result\"") != NULL);
        world_advance(&world, second == LEFT_S ? 1000 : second * 1000);
    }
    size_t calls = world.call_count;
    world_advance(&world, 1000);
    for (int i = 0; i < 2; i++) {
        send("POST", CALL_SEE, "tools/call", NULL);
        CHECK(client.status_code == 401 && strstr(client.challenge, "resource_metadata=") != NULL);
        CHECK(strstr(client.challenge, "error=") == NULL);
    }
    CHECK(world.call_count == calls);
    CHECK(world_count_records(&world, "auth.reject", "certificate.expired") == 2);
    end();
}

TEST(expired_certificate_refuses_what_a_session_asks)
{
    char session[512];
    begin();
    send("POST", INITIALIZE, NULL, NULL);
    CHECK(client.status_code == 200);
    memcpy(session, client.session_id, sizeof(session));
    world_advance(&world, (LEFT_S + 1) * 1000);
    static const char *const METHODS[] = {"POST", "GET", "DELETE"};
    for (size_t i = 0; i < COUNT_OF(METHODS); i++) {
        send(METHODS[i], i == 0 ? LEGACY_SEE : "", NULL, session);
        CHECK_ROW(METHODS[i], client.status_code == 401);
    }
    CHECK(world_count_records(&world, "auth.reject", "certificate.expired") == COUNT_OF(METHODS));
    CHECK(world.gateway.client_count == 1);
    end();
}

static struct world_call *find_listening(void)
{
    return world_find_call(&world, "subscriptions/listen");
}

/* Of a caller by it, and of one whose token is good for longer. */
TEST(expired_certificate_ends_what_is_open)
{
    static const struct world_answer ANSWERS[] = {{0, "server/discover", DISCOVERED}};
    for (int i = 0; i < 4; i++) {
        char session[512];
        bool is_modern = i >= 2;
        begin();
        has_token = i % 2 != 0;
        world.server_is_modern = is_modern;
        world.answers = ANSWERS;
        world.answer_count = COUNT_OF(ANSWERS);
        world.held_method = "subscriptions/listen";
        if (is_modern) {
            send("POST", LISTEN, "subscriptions/listen", NULL);
            CHECK(find_listening() != NULL);
        } else {
            send("POST", INITIALIZE, NULL, NULL);
            memcpy(session, client.session_id, sizeof(session));
            send("GET", "", NULL, session);
        }
        CHECK(client.stream_begun && client.status_code == 200);
        world_advance(&world, 30000);
        world_run(&world);
        CHECK(!client.stream_ended);
        world_advance(&world, 15000);
        world_run(&world);
        CHECK(client.stream_ended && client.is_released && find_listening() == NULL);
        end();
    }
    has_token = false;
}

/* The answer to a call that was under way is still his; with it his connection is over. */
TEST(expired_certificate_does_not_stop_a_call)
{
    begin();
    world.held_method = "tools/call";
    world_advance(&world, LEFT_S * 1000);
    send("POST", CALL_SEE, "tools/call", NULL);
    struct world_call *call = world_find_call(&world, "tools/call");
    CHECK(call != NULL && !client.is_replied);
    world_advance(&world, 1000);
    world_message(call, "{\"jsonrpc\":\"2.0\",\"id\":%ID,\"result\":{\"content\":[]}}");
    world_end(call, STATUS_OK, NULL);
    world_run(&world);
    CHECK(client.status_code == 200 && strstr(client.body, "\"result\"") != NULL);
    end();
}
