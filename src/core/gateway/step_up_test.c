/* Denials that a better token would lift: what the client hears, that the server heard nothing, and
 * what the record says. */
#include "core/gateway/gateway.h"

#include "support/check.h"
#include "support/fake_world.h"

#include <stdio.h>

#define FORBID_SEE(annotation)                                                                     \
    annotation "forbid(principal, action == Aegis::Action::\"bank.see\", resource);"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"

static struct world world;
static struct world_client client;

/* The caller has a token of the entry "dev". */
static void begin(const char *policies, bool is_entra, bool takes_claims)
{
    static const struct issuer_sign_in SIGN_INS[] = {
        {SLICE_INIT("mfa"), SLICE_INIT("urn:okta:loa:2fa:any")}};
    struct issuer_entry entry = {.name = SLICE("dev"),
                                 .issuer = SLICE("https://issuer.example"),
                                 .algorithms = JWS_MASK(JWS_ES256),
                                 .sign_ins = SIGN_INS,
                                 .sign_in_count = COUNT_OF(SIGN_INS),
                                 .asks_by_claims = is_entra};
    struct identity_config config = {&entry, 1};
    struct jwks *no_keys[1] = {NULL};
    world_init(&world, policies);
    CHECK(identity_snapshot_new(&config, no_keys, 1, &world.snapshot->identity, NULL) == STATUS_OK);
    world.snapshot->local_principal->takes_claims_challenge = takes_claims;
}

static void call_see(void)
{
    world_post(&world, &client, BANK, CALL_SEE, "tools/call", "see", NULL);
    world_run(&world);
}

static bool is_challenged(int http_status, const char *text)
{
    return client.status_code == http_status && client.body[0] == '\0' &&
           strstr(client.challenge, text) != NULL && world_count_calls(&world, "tools/call") == 0;
}

TEST(step_up_challenges_what_a_token_would_lift)
{
    static const struct {
        const char *name, *policies;
        int http_status;
        const char *challenge, *code; /* NULL: an ordinary denial */
    } rows[] = {
        {"a scope", PERMIT_ALL FORBID_SEE("@scopes(\"bank:see\")"), 403,
         "error=\"insufficient_scope\", error_description=\"The access token lacks scopes that "
         "this "
         "needs\", scope=\"bank:see\"",
         "scope_missing"},
        {"all scopes at once",
         PERMIT_ALL FORBID_SEE("@scopes(\"a b\")") FORBID_SEE("@scopes(\"b c\")"), 403,
         "scope=\"a b c\"", "scope_missing"},
        {"a sign-in by the issuer's name", PERMIT_ALL FORBID_SEE("@step_up(\"mfa\")"), 401,
         "error=\"insufficient_user_authentication\", error_description=\"This needs another or a "
         "newer sign-in\", acr_values=\"urn:okta:loa:2fa:any\"",
         "step_up"},
        {"a sign-in by its own name", PERMIT_ALL FORBID_SEE("@step_up(\"phr\")"), 401,
         "acr_values=\"phr\"", "step_up"},
        {"a newer sign-in", PERMIT_ALL FORBID_SEE("@max_age(\"0\")"), 401, "max_age=\"0\"",
         "step_up"},
        {"both", PERMIT_ALL FORBID_SEE("@step_up(\"phr\")@max_age(\"9\")@scopes(\"s\")"), 401,
         "scope=\"s\", acr_values=\"phr\", max_age=\"9\"", "step_up"},
        {"a plain forbid is the last word",
         PERMIT_ALL FORBID_SEE("@step_up(\"mfa\")") FORBID_SEE(""), 200, NULL, "policy_denied"},
        {"an approval goes before", PERMIT_ALL FORBID_SEE("@step_up(\"mfa\")@approval(\"lead\")"),
         200, NULL, "policy_denied"},
        {"nobody permits it anyway", FORBID_SEE("@step_up(\"mfa\")"), 200, NULL, "policy_denied"},
        {"nothing is asked for", PERMIT_ALL FORBID_SEE("@reason(\"no\")"), 200, NULL,
         "policy_denied"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies, false, false);
        call_see();
        CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status);
        CHECK_ROW(rows[i].name, rows[i].challenge == NULL
                                    ? client.challenge[0] == '\0'
                                    : is_challenged(rows[i].http_status, rows[i].challenge));
        CHECK_ROW(rows[i].name, world_count_calls(&world, "tools/call") == 0);
        CHECK_ROW(rows[i].name, world.record_count == 1 &&
                                    world_count_records(&world, rows[i].code, "authz.deny") == 1);
        world_release(&world);
    }
}

/* Microsoft Entra ID has its own form, and clients say whether they know it. */
TEST(step_up_asks_entra_clients_that_can)
{
    static const char POLICIES[] = PERMIT_ALL FORBID_SEE("@step_up(\"c1\")");
    begin(POLICIES, true, true);
    call_see();
    CHECK(is_challenged(401, "error=\"insufficient_claims\""));
    CHECK(is_challenged(401, "authorization_uri=\"https://login.microsoftonline.com/organizations/"
                             "oauth2/v2.0/authorize\""));
    /* {"access_token":{"acrs":{"essential":true,"value":"c1"}}} */
    CHECK(is_challenged(401,
                        "claims=\"eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhb"
                        "HVlIjoiYzEifX19\", cc_type=\"authcontext\""));
    world_release(&world);
    begin(POLICIES, true, false);
    call_see();
    CHECK(client.status_code == 200 && client.challenge[0] == '\0');
    CHECK(strstr(client.body, "\"isError\":true") != NULL);
    world_release(&world);
}

/* Without a token there is none to make better. */
TEST(step_up_asks_nothing_of_who_runs_the_process)
{
    world_init(&world, PERMIT_ALL FORBID_SEE("@step_up(\"mfa\")"));
    call_see();
    CHECK(client.status_code == 200 && client.challenge[0] == '\0');
    world_release(&world);
}

/* What can be had with a better token is listed: otherwise nobody would ever ask for it. */
TEST(step_up_lists_what_it_asks_for)
{
    static const struct {
        const char *name, *policies;
        bool is_listed;
    } rows[] = {
        {"a sign-in", PERMIT_ALL FORBID_SEE("@step_up(\"mfa\")"), true},
        {"a scope", PERMIT_ALL FORBID_SEE("@scopes(\"s\")"), true},
        {"and a plain forbid", PERMIT_ALL FORBID_SEE("@scopes(\"s\")") FORBID_SEE(""), false},
        {"and no permit", FORBID_SEE("@scopes(\"s\")"), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        begin(rows[i].policies, false, false);
        world_post(&world, &client, BANK, LIST, "tools/list", NULL, NULL);
        world_run(&world);
        CHECK_ROW(rows[i].name, client.status_code == 200);
        CHECK_ROW(rows[i].name, (strstr(client.body, "\"see\"") != NULL) == rows[i].is_listed);
        world_release(&world);
    }
}

/* Strangers hear at once which scopes to ask for, those of the endpoint's server included. */
TEST(step_up_names_the_scopes_to_begin_with)
{
    static const struct slice ALL[] = {SLICE_INIT("mcp"), SLICE_INIT("ba\"d")};
    static const struct slice OWN[] = {SLICE_INIT("bank"), SLICE_INIT("mcp")};
    static const struct {
        const char *target, *challenge, *metadata;
    } rows[] = {
        {"/mcp", "scope=\"mcp bad\"", "\"scopes_supported\":[\"mcp\",\"ba\\\"d\"]"},
        {BANK, "scope=\"mcp bad bank\"", "\"scopes_supported\":[\"mcp\",\"ba\\\"d\",\"bank\"]"},
        {"/servers/none/mcp", "scope=\"mcp bad\"", "\"scopes_supported\":[\"mcp\",\"ba\\\"d\"]"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[128];
        begin(PERMIT_ALL, false, false);
        struct principal *principal = world.snapshot->local_principal;
        struct gateway_server servers[2] = {world.snapshot->servers[0], world.snapshot->servers[1]};
        const struct gateway_server *before = world.snapshot->servers;
        servers[0].scopes = OWN;
        servers[0].scope_count = COUNT_OF(OWN);
        world.snapshot->servers = servers;
        world.snapshot->scopes = ALL;
        world.snapshot->scope_count = COUNT_OF(ALL);
        world.snapshot->local_principal = NULL;
        world_post(&world, &client, rows[i].target, LIST, "tools/list", NULL, NULL);
        world_run(&world);
        CHECK_ROW(rows[i].target, is_challenged(401, rows[i].challenge));
        CHECK_ROW(rows[i].target, strstr(client.challenge, "error") == NULL);
        (void)snprintf(path, sizeof(path), "/.well-known/oauth-protected-resource%s",
                       rows[i].target);
        world_get(&world, &client, path);
        CHECK_ROW(rows[i].target, strstr(client.body, rows[i].metadata) != NULL);
        world.snapshot->servers = before;
        world.snapshot->local_principal = principal;
        world_release(&world);
    }
}
