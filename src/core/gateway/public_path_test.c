/* What anybody may ask: is it alive, is it ready, and where are tokens to be had. */
#include "core/gateway/public_path.h"

#include "support/check.h"
#include "support/fake_world.h"

static struct world world;
static struct world_client client;

static bool body_has(const char *text)
{
    return strstr(client.body, text) != NULL;
}

/* The metadata names what a client asked for, so it must be an endpoint: a suffix after the host
 * could name another host. Whether a server exists is not told to strangers. */
TEST(gateway_describes_its_endpoints_only)
{
    static const struct {
        const char *target, *resource; /* NULL: 404 */
    } rows[] = {
        {"/.well-known/oauth-protected-resource", "\"resource\":\"https://gateway.test\""},
        {"/.well-known/oauth-protected-resource/mcp", "\"resource\":\"https://gateway.test/mcp\""},
        {"/.well-known/oauth-protected-resource/servers/bank/mcp", "/servers/bank/mcp\""},
        {"/.well-known/oauth-protected-resource/servers/none/mcp", "/servers/none/mcp\""},
        {"/.well-known/oauth-protected-resource.evil.test/mcp", NULL},
        {"/.well-known/oauth-protected-resource@evil.test/mcp", NULL},
        {"/.well-known/oauth-protected-resource/", NULL},
        {"/.well-known/oauth-protected-resource/mcp/", NULL},
        {"/.well-known/oauth-protected-resource/mcp?x", NULL},
        {"/.well-known/oauth-protected-resource/MCP", NULL},
        {"/.well-known/oauth-protected-resource/servers//mcp", NULL},
        {"/.well-known/oauth-protected-resource/servers/a/b/mcp", NULL},
        {"/.well-known/oauth-protected-resource/servers/%2e%2e/mcp", NULL},
        {"/.well-known/oauth-protected-resource/servers/mcp", NULL},
    };
    world_init(&world, PERMIT_ALL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_described = rows[i].resource != NULL;
        size_t records = world.record_count;
        world_get(&world, &client, rows[i].target);
        CHECK_ROW(rows[i].target, world.record_count == records + (is_described ? 0 : 1));
        CHECK_ROW(rows[i].target, client.status_code == (is_described ? 200 : 404));
        CHECK_ROW(rows[i].target,
                  is_described ? body_has(rows[i].resource) : client.body[0] == '\0');
    }
    world_release(&world);
}

/* Alive and ready are two questions: what a restart does not mend must not cause one. */
TEST(gateway_says_whether_it_is_ready)
{
    static const struct {
        const char *name, *body;
        bool journal_refuses, journal_fails, has_policies, knows_callers;
    } rows[] = {
        {"all is well", "{\"ready\":true}", false, false, true, true},
        {"the device hangs", "\"reason\":\"audit_unavailable\"", true, false, true, true},
        {"the last write failed", "\"reason\":\"audit_unavailable\"", false, true, true, true},
        {"no policies", "\"reason\":\"policy_unavailable\"", false, false, false, true},
        {"no keys", "\"reason\":\"identity_unavailable\"", false, false, true, false},
        {"nothing at all", "\"reason\":\"audit_unavailable\"", true, false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_ready = i == 0;
        world_init(&world, PERMIT_ALL);
        struct cedar_policy_set *policies = world.snapshot->policies;
        struct principal *principal = world.snapshot->local_principal;
        world.journal_refuses = rows[i].journal_refuses;
        world.journal_fails = rows[i].journal_fails;
        world.snapshot->policies = rows[i].has_policies ? policies : NULL;
        world.snapshot->local_principal = rows[i].knows_callers ? principal : NULL;
        world_get(&world, &client, "/ready");
        CHECK_ROW(rows[i].name, client.status_code == (is_ready ? 200 : 503));
        CHECK_ROW(rows[i].name, body_has(rows[i].body) && body_has("true") == is_ready);
        world_get(&world, &client, "/healthz");
        CHECK_ROW(rows[i].name, client.status_code == 200 && client.is_released);
        CHECK_ROW(rows[i].name, world.record_count == 0);
        world.snapshot->policies = policies;
        world.snapshot->local_principal = principal;
        world_release(&world);
    }
}

/* Neither of them is another endpoint's beginning, and nothing is sent to them. */
TEST(gateway_is_asked_about_itself_exactly)
{
    static const struct {
        const char *method;
        int http_status;
    } methods[] = {{"GET", 200}, {"HEAD", 200}, {"POST", 405}, {"OPTIONS", 405}, {"DELETE", 405}};
    static const char *const targets[] = {"/ready/", "/ready?x", "/READY", "/healthz/", "/readyz"};
    world_init(&world, PERMIT_ALL);
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        world_get(&world, &client, targets[i]);
        CHECK_ROW(targets[i], client.status_code == 421 && !client.is_replied);
    }
    CHECK(world.record_count == COUNT_OF(targets));
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct exchange_request request = {.method = slice_view_cstr(methods[i].method),
                                           .target = SLICE("/ready"),
                                           .peer_ip = SLICE("127.0.0.1")};
        bool is_taken = world_send(&world, &client, &request);
        CHECK_ROW(methods[i].method, is_taken == (methods[i].http_status == 200));
        CHECK_ROW(methods[i].method, client.status_code == methods[i].http_status);
    }
    world_release(&world);
}
