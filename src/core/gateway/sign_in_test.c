/* The front door, step by step: what a client, a browser and an identity provider may do in it, and
 * what others may not. */
#include "core/sign_in/page.h"
#include "support/front_door.h"

#define GOOD_REQUEST                                                                               \
    "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"                \
    "&code_challenge_method=S256"

TEST(sign_in_of_a_client_that_nobody_knew)
{
    door_begin();
    CHECK(get_code());
    do_token(client_id, CALLBACK, VERIFIER, "&resource=" GATEWAY BANK);
    CHECK(asked.is_post && !asked.is_local && strcmp(asked.url, PROVIDER "/token") == 0);
    CHECK(asked.answer_bytes_max == world.gateway.limits.sign_in.answer_bytes);
    CHECK(strstr(asked.body, "grant_type=authorization_code&code=theirs&client_id=aegis"
                             "&client_secret=a-secret-of-the-gateway&redirect_uri="
                             "https%3A%2F%2Fgateway.test%2Fsign-in%2Fidp%2Fcallback") != NULL);
    CHECK(strstr(asked.body, "&code_verifier=") != NULL && strstr(asked.body, VERIFIER) == NULL);
    CHECK(world_count_records(&world, "\"intent\"", "sign_in.tokens") == 1);
    CHECK(client.status_code == 0 || !client.is_replied);
    answer(200, TOKENS);
    CHECK(client.status_code == 200 && strstr(client.body, "\"access_token\":\"theirs\"") != NULL);
    CHECK(strstr(client.fields, "Cache-Control: no-store\n") != NULL);
    CHECK(strstr(client.body, "again") == NULL);
    CHECK(world_count_records(&world, "\"outcome\"", "sign_in.tokens") == 1);
    CHECK(world_count_records(&world, "sign_in.registered", "\"client_id\":\"Tests\"") == 1);
    CHECK(world_count_records(&world, "sign_in.consent", PROVIDER) == 1);
    CHECK(world_count_records(&world, "sign_in.code", GATEWAY BANK) == 1);
    CHECK(world_count_records(&world, "theirs", "") == 0);
    CHECK(world_count_records(&world, "a-secret", "") == 0);
    door_end();
}

TEST(sign_in_page_is_closed_to_others)
{
    static const char *const FIELDS[] = {
        "Content-Security-Policy: " PAGE_CONTENT_POLICY "\n",
        "X-Frame-Options: DENY\n",
        "Content-Type: text/html; charset=utf-8\n",
        "Cache-Control: no-store\n",
        "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600\n",
    };
    door_begin();
    CHECK(do_register(METADATA));
    do_authorize(client_id, CALLBACK, "");
    for (size_t i = 0; i < COUNT_OF(FIELDS); i++) {
        CHECK_ROW(FIELDS[i], strstr(client.fields, FIELDS[i]) != NULL);
    }
    CHECK(strstr(client.fields, "Access-Control") == NULL);
    CHECK(take_page() && strlen(cookie) == SIGN_IN_COOKIE_BYTES);
    char before[sizeof(cookie)];
    memcpy(before, cookie, sizeof(cookie));
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page() && strcmp(before, cookie) == 0);
    CHECK(asked.count == 0);
    door_end();
}

/* A code can only be sent where the client is at home; until that is known, nothing goes anywhere.
 */
TEST(sign_in_refuses_addresses_that_were_not_registered)
{
    static const char *const URIS[] = {"https://evil.test/cb", CALLBACK "/",
                                       CALLBACK "?x=1",        "http://client.test/cb",
                                       "javascript:alert(1)",  ""};
    door_begin();
    CHECK(do_register(METADATA));
    for (size_t i = 0; i < COUNT_OF(URIS); i++) {
        do_authorize(client_id, URIS[i], "");
        CHECK_ROW(URIS[i], client.status_code == 400 && strstr(client.fields, "Location") == NULL);
        CHECK_ROW(URIS[i], strstr(client.fields, "Set-Cookie") == NULL);
        CHECK_ROW(URIS[i], world_count_records(&world, "sign_in.redirect_uri", "") == i + 1);
    }
    door_end();
}

TEST(sign_in_refuses_clients_that_it_does_not_know)
{
    static const char *const IDS[] = {"", "aegis", (SIGN_IN_REGISTERED "AAAA"),
                                      "http://client.test/client.json", "https://client.test"};
    door_begin();
    CHECK(do_register(METADATA));
    for (size_t i = 0; i < COUNT_OF(IDS); i++) {
        do_authorize(IDS[i], CALLBACK, "");
        CHECK_ROW(IDS[i], client.status_code == 400 && strstr(client.fields, "Location") == NULL);
    }
    client_id[strlen(client_id) - 1] ^= 1;
    do_authorize(client_id, CALLBACK, "");
    CHECK(client.status_code == 400);
    CHECK(world_count_records(&world, "sign_in.client", "") == COUNT_OF(IDS) + 1);
    CHECK(asked.count == 0);
    door_end();
}

TEST(sign_in_refuses_requests_that_are_not_good)
{
    static const struct {
        const char *name, *target, *error;
    } rows[] = {
        {"no PKCE", "response_type=code", "invalid_request"},
        {"a token", "response_type=token", "unsupported_response_type"},
        {"a foreign resource", GOOD_REQUEST "&resource=https://evil.test/mcp", "invalid_target"},
        {"a resource that begins like ours", GOOD_REQUEST "&resource=" GATEWAY ".evil.test/mcp",
         "invalid_target"},
        {"nobody is asked", GOOD_REQUEST "&prompt=none", "consent_required"},
        {"a request object", GOOD_REQUEST "&request=eyJ", "request_not_supported"},
        {"no age", GOOD_REQUEST "&max_age=old", "invalid_request"},
        {"no endpoint", GOOD_REQUEST "&resource=" GATEWAY "/healthz", "invalid_target"},
    };
    door_begin();
    CHECK(do_register(METADATA));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static char target[DOOR_TEXT_BYTES];
        char location[256];
        (void)snprintf(target, sizeof(target),
                       DOOR "/authorize?client_id=%s&redirect_uri=" CALLBACK "&state=s&%s",
                       client_id, rows[i].target);
        (void)ask((struct door_request){"GET", target, NULL, NULL, NULL, NULL});
        (void)snprintf(location, sizeof(location),
                       "Location: " CALLBACK "?error=%s&state=s&iss=https%%3A%%2F%%2F",
                       rows[i].error);
        CHECK_ROW(rows[i].name, client.status_code == 303);
        CHECK_ROW(rows[i].name, strstr(client.fields, location) != NULL);
    }
    (void)ask((struct door_request){"GET", DOOR "/authorize?client_id=a&client_id=b", NULL, NULL,
                                    NULL, NULL});
    CHECK(client.status_code == 400 && strstr(client.fields, "Location") == NULL);
    door_end();
}

/* How a person signs in goes on to the provider, rights only as far as they are offered, and what
 * was granted is what is refreshed. */
TEST(sign_in_hands_on_what_is_wished_for)
{
    static char refresh[DOOR_TEXT_BYTES];
    static char body[2 * DOOR_TEXT_BYTES];
    door_begin();
    CHECK(do_register(METADATA));
    do_authorize(client_id, CALLBACK,
                 "&scope=mcp:approve%20root&acr_values=phr&max_age=0&prompt=login%20consent"
                 "&login_hint=alice&claims=%7B%7D&nonce=n");
    CHECK(take_page() && strstr(client.body, "<dd>mcp:approve</dd>") != NULL);
    do_consent("allow", cookie, GATEWAY);
    CHECK(take_state());
    CHECK(strstr(client.fields, "&scope=openid%20api%3A%2F%2Faegis%2Fcall%20api%3A%2F%2Faegis"
                                "%2Fapprove&acr_values=phr&max_age=0&prompt=login"
                                "&login_hint=alice\n") != NULL);
    CHECK(world_count_records(&world, "sign_in.consent", "\"reason\":\"with scope mcp:approve\"") ==
          1);
    CHECK(strstr(client.fields, "claims") == NULL && strstr(client.fields, "nonce") == NULL);
    do_callback(DOOR, "code=theirs", cookie);
    CHECK(take_code_of_client());
    do_token(client_id, CALLBACK, VERIFIER, "&scope=root");
    CHECK(strstr(asked.body, "scope") == NULL);
    answer(200, TOKENS);
    CHECK(cut(client.body, "\"refresh_token\":\"", "\"", refresh, sizeof(refresh)));
    (void)snprintf(body, sizeof(body),
                   "grant_type=refresh_token&scope=root&refresh_token=%s&client_id=%s", refresh,
                   client_id);
    (void)ask((struct door_request){"POST", DOOR "/token", FORM, body, NULL, NULL});
    CHECK(strstr(asked.body, "&scope=openid%20api%3A%2F%2Faegis%2Fcall%20api%3A%2F%2Faegis"
                             "%2Fapprove") != NULL);
    answer(200, TOKENS);
    door_end();
}

/* Nobody but the person at this browser, on our own page, lets a client in. */
TEST(sign_in_consent_cannot_be_given_by_others)
{
    static const char OTHER_BROWSER[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static const struct {
        const char *name;
        const char *with_cookie; /* "": the right one */
        const char *origin, *code;
    } rows[] = {
        {"another browser", OTHER_BROWSER, GATEWAY, "sign_in.browser"},
        {"no browser", NULL, GATEWAY, "sign_in.browser"},
        {"a broken cookie", "short", GATEWAY, "sign_in.browser"},
        {"another page", "", "https://evil.test", "sign_in.page_origin"},
        {"a page that hides", "", "null", "sign_in.page_origin"},
        {"no page", "", NULL, "sign_in.page_origin"},
    };
    door_begin();
    CHECK(do_register(METADATA));
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page());
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_right = rows[i].with_cookie != NULL && rows[i].with_cookie[0] == '\0';
        do_consent("allow", is_right ? cookie : rows[i].with_cookie, rows[i].origin);
        CHECK_ROW(rows[i].name, client.status_code == 400 || client.status_code == 403);
        CHECK_ROW(rows[i].name, strstr(client.fields, "Location") == NULL);
        CHECK_ROW(rows[i].name, world_count_records(&world, rows[i].code, "") > 0);
    }
    CHECK(world_count_records(&world, "sign_in.consent", "") == 0);
    do_consent("allow", cookie, GATEWAY);
    CHECK(take_state());
    door_end();
}

TEST(sign_in_consent_can_be_refused)
{
    static const char *const DECISIONS[] = {"deny", "", "Allow", "allow%20"};
    door_begin();
    CHECK(do_register(METADATA));
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page());
    for (size_t i = 0; i < COUNT_OF(DECISIONS); i++) {
        do_consent(DECISIONS[i], cookie, GATEWAY);
        CHECK_ROW(DECISIONS[i], client.status_code == 303);
        CHECK_ROW(DECISIONS[i], strstr(client.fields, "Location: " CALLBACK
                                                      "?error=access_denied&state=theirs") != NULL);
    }
    CHECK(world_count_records(&world, "sign_in.denied", "") == COUNT_OF(DECISIONS));
    door_end();
}

/* A second client has no part in what was allowed to the first. */
TEST(sign_in_consent_is_of_one_client)
{
    door_begin();
    CHECK(get_code());
    CHECK(do_register("{\"client_name\":\"Thief\",\"redirect_uris\":[\"https://evil.test/cb\"]}"));
    do_authorize(client_id, "https://evil.test/cb", "");
    CHECK(take_page() && strstr(client.body, "Thief") != NULL);
    CHECK(strstr(client.fields, "Location") == NULL);
    /* The code that the first one got is nothing that the page of the second takes. */
    CHECK(get_code());
    do_consent("allow", cookie, GATEWAY);
    CHECK(client.status_code == 400 && world_count_records(&world, "sign_in.state", "") == 1);
    door_end();
}

TEST(sign_in_answer_must_be_that_of_the_provider)
{
    static const char OTHER_BROWSER[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static const struct {
        const char *name, *door, *more, *with_cookie, *code;
    } rows[] = {
        {"another issuer", DOOR, "code=c&iss=https://other.test", "", "sign_in.issuer"},
        {"an issuer with a slash more", DOOR, "code=c&iss=" PROVIDER "/", "", "sign_in.issuer"},
        {"our own name", DOOR, "code=c&iss=" GATEWAY DOOR, "", "sign_in.issuer"},
        {"the door of another", "/sign-in/other", "code=c", "", "sign_in.state"},
        {"another browser", DOOR, "code=c", OTHER_BROWSER, "sign_in.browser"},
        {"no browser", DOOR, "code=c", NULL, "sign_in.browser"},
        {"two codes", DOOR, "code=c&code=d", "", "sign_in.repeated"},
    };
    door_begin();
    CHECK(do_register(METADATA));
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page());
    do_consent("allow", cookie, GATEWAY);
    CHECK(take_state());
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_right = rows[i].with_cookie != NULL && rows[i].with_cookie[0] == '\0';
        do_callback(rows[i].door, rows[i].more, is_right ? cookie : rows[i].with_cookie);
        CHECK_ROW(rows[i].name, client.status_code == 400);
        CHECK_ROW(rows[i].name, strstr(client.fields, "Location") == NULL);
        CHECK_ROW(rows[i].name, world_count_records(&world, rows[i].code, "auth.reject") > 0);
    }
    do_callback(DOOR, "code=c", cookie);
    CHECK(client.status_code == 303);
    do_callback(DOOR, "code=c", cookie);
    CHECK(client.status_code == 400 && strstr(client.fields, "Location") == NULL);
    door_end();
}

/* RFC 9207 §2.4: where a provider names itself in each answer, one without its name may be of
 * another whom the browser was sent to, and so may an error. */
TEST(sign_in_answer_names_the_provider_where_it_always_does)
{
    static const struct {
        const char *more, *code; /* NULL: it is taken */
    } rows[] = {
        {"code=c", "sign_in.issuer"},
        {"code=c&iss=", "sign_in.issuer"},
        {"code=c&iss=https://other.test", "sign_in.issuer"},
        {"code=c&issuer=" PROVIDER, "sign_in.issuer"},
        {"error=access_denied", "sign_in.issuer"},
        {"error=access_denied&iss=" PROVIDER, NULL},
        {"code=c&iss=" PROVIDER, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        door_begin();
        struct gateway_front_door door = world.snapshot->front_doors[0];
        door.names_issuer = true;
        world.snapshot->front_doors = &door;
        world.snapshot->front_door_count = 1;
        CHECK(do_register(METADATA));
        do_authorize(client_id, CALLBACK, "");
        CHECK(take_page());
        do_consent("allow", cookie, GATEWAY);
        CHECK(take_state());
        do_callback(DOOR, rows[i].more, cookie);
        CHECK_ROW(rows[i].more, client.status_code == (rows[i].code == NULL ? 303 : 400));
        CHECK_ROW(rows[i].more,
                  (strstr(client.fields, "Location") != NULL) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].more, rows[i].code == NULL ||
                                    world_count_records(&world, rows[i].code, "auth.reject") == 1);
        door_end();
    }
}

TEST(sign_in_hands_on_that_the_provider_refused)
{
    static const struct {
        const char *name, *more, *error;
    } rows[] = {
        {"refused", "error=access_denied&error_description=no", "access_denied"},
        {"broken", "error=%22%3E%3Cscript%3E", "server_error"},
        {"an error and a code", "error=login_required&code=c", "server_error"},
        {"nothing", "x=y", "server_error"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char location[128];
        door_begin();
        CHECK(do_register(METADATA));
        do_authorize(client_id, CALLBACK, "");
        CHECK(take_page());
        do_consent("allow", cookie, GATEWAY);
        CHECK(take_state());
        do_callback(DOOR, rows[i].more, cookie);
        (void)snprintf(location, sizeof(location), "Location: " CALLBACK "?error=%s&state=theirs",
                       rows[i].error);
        CHECK_ROW(rows[i].name, client.status_code == 303);
        CHECK_ROW(rows[i].name, strstr(client.fields, location) != NULL);
        door_end();
    }
}

/* The code of the provider goes into ours, for as long as that may be. */
TEST(sign_in_takes_codes_up_to_their_bound)
{
    for (size_t over = 0; over < 2; over++) {
        static char more[SIGN_IN_CODE_BYTES_MAX + sizeof("code=") + 1];
        door_begin();
        CHECK(do_register(METADATA));
        do_authorize(client_id, CALLBACK, "");
        CHECK(take_page());
        do_consent("allow", cookie, GATEWAY);
        CHECK(take_state());
        (void)snprintf(more, sizeof(more), "code=%0*d", (int)(SIGN_IN_CODE_BYTES_MAX + over), 1);
        do_callback(DOOR, more, cookie);
        CHECK(client.status_code == 303);
        CHECK(strstr(client.fields, over == 0 ? "Location: " CALLBACK "?code="
                                              : "Location: " CALLBACK
                                                "?error=server_error") != NULL);
        door_end();
    }
}

TEST(sign_in_takes_too_long)
{
    door_begin();
    CHECK(do_register(METADATA));
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page());
    world_advance(&world, 600 * 1000);
    do_consent("allow", cookie, GATEWAY);
    CHECK(client.status_code == 400 && world_count_records(&world, "sign_in.state", "") == 1);
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page());
    world_advance(&world, 599 * 1000);
    do_consent("allow", cookie, GATEWAY);
    CHECK(take_state());
    world_advance(&world, 600 * 1000);
    do_callback(DOOR, "code=c", cookie);
    CHECK(client.status_code == 400 && world_count_records(&world, "sign_in.state", "") == 2);
    door_end();
}

TEST(sign_in_code_is_for_its_client_alone)
{
    static const struct {
        const char *name, *id, *redirect_uri, *verifier, *more, *error, *code;
    } rows[] = {
        {"another client", "thief", CALLBACK, VERIFIER, "", "invalid_grant", "sign_in.code_client"},
        {"another address", "", CALLBACK "/", VERIFIER, "", "invalid_grant",
         "sign_in.code_redirect_uri"},
        {"another verifier", "", CALLBACK, VERIFIER "x", "", "invalid_grant", "sign_in.verifier"},
        {"no verifier", "", CALLBACK, "", "", "invalid_grant", "sign_in.verifier"},
        {"another resource", "", CALLBACK, VERIFIER, "&resource=" GATEWAY "/servers/shop/mcp",
         "invalid_target", "sign_in.code_resource"},
        {"a client twice", "", CALLBACK, VERIFIER, "&client_id=x", "invalid_request",
         "sign_in.repeated"},
    };
    door_begin();
    CHECK(get_code());
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        do_token(rows[i].id[0] == '\0' ? client_id : rows[i].id, rows[i].redirect_uri,
                 rows[i].verifier, rows[i].more);
        CHECK_ROW(rows[i].name, client.status_code == 400);
        CHECK_ROW(rows[i].name, is_refused(rows[i].error, rows[i].code));
    }
    CHECK(asked.count == 0);
    do_token(client_id, CALLBACK, VERIFIER, "");
    CHECK(asked.count == 1);
    answer(200, TOKENS);
    CHECK(client.status_code == 200);
    door_end();
}

TEST(sign_in_code_is_good_once)
{
    door_begin();
    CHECK(get_code());
    do_token(client_id, CALLBACK, VERIFIER, "");
    answer(200, TOKENS);
    CHECK(client.status_code == 200);
    do_token(client_id, CALLBACK, VERIFIER, "");
    CHECK(client.status_code == 400 && is_refused("invalid_grant", "sign_in.code_used"));
    CHECK(asked.count == 1);
    /* Not even when the provider did not take it. */
    CHECK(get_code());
    do_token(client_id, CALLBACK, VERIFIER, "");
    answer(400, "{\"error\":\"invalid_grant\"}");
    CHECK(client.status_code == 400 && is_refused("invalid_grant", "sign_in.provider_grant"));
    do_token(client_id, CALLBACK, VERIFIER, "");
    CHECK(client.status_code == 400 && asked.count == 2);
    /* And not after a minute. */
    CHECK(get_code());
    world_advance(&world, 59000);
    do_token(client_id, CALLBACK, VERIFIER, "");
    answer(200, TOKENS);
    CHECK(client.status_code == 200);
    CHECK(get_code());
    world_advance(&world, 60000);
    do_token(client_id, CALLBACK, VERIFIER, "");
    CHECK(client.status_code == 400 && is_refused("invalid_grant", "sign_in.code_expired"));
    door_end();
}

TEST(sign_in_takes_no_text_for_another)
{
    door_begin();
    CHECK(get_code());
    do_callback(DOOR, "code=c", cookie); /* our code as a state */
    CHECK(client.status_code == 400 && world_count_records(&world, "sign_in.state", "") == 1);
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page());
    do_token(client_id, CALLBACK, VERIFIER, ""); /* the page's ticket as a code */
    CHECK(client.status_code == 400 && is_refused("invalid_grant", "sign_in.code"));
    door_end();
}

TEST(sign_in_provider_fails)
{
    static const struct {
        const char *name;
        int http_status;
        const char *json; /* NULL: it cannot be reached */
        int answer;
        const char *error, *code;
    } rows[] = {
        {"down", 0, NULL, 503, "temporarily_unavailable", "sign_in.provider_down"},
        {"no JSON", 200, "<html>", 502, "server_error", "sign_in.provider_answer"},
        {"a name twice", 200, "{\"access_token\":\"a\",\"access_token\":\"b\"}", 502,
         "server_error", "sign_in.provider_answer"},
        {"our secret is wrong", 401, "{\"error\":\"invalid_client\"}", 502, "server_error",
         "sign_in.provider_answer"},
        {"no token", 200, "{}", 502, "server_error", "sign_in.provider_answer"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        door_begin();
        CHECK(get_code());
        do_token(client_id, CALLBACK, VERIFIER, "");
        if (rows[i].json == NULL) {
            fail(STATUS_UNAVAILABLE, "http_client.failed");
        } else {
            answer(rows[i].http_status, rows[i].json);
        }
        CHECK_ROW(rows[i].name, client.status_code == rows[i].answer);
        CHECK_ROW(rows[i].name, is_refused(rows[i].error, rows[i].code));
        CHECK_ROW(rows[i].name, world_count_records(&world, "\"outcome\"", rows[i].code) == 1);
        door_end();
    }
    door_begin();
    CHECK(get_code());
    asked.refuses = true;
    do_token(client_id, CALLBACK, VERIFIER, "");
    CHECK(client.status_code == 503 && is_refused("temporarily_unavailable", "provider_down"));
    door_end();
}

TEST(sign_in_ends_while_the_provider_thinks)
{
    door_begin();
    CHECK(get_code());
    do_token(client_id, CALLBACK, VERIFIER, "");
    CHECK(asked.is_open);
    gateway_close(&world.gateway);
    CHECK(asked.cancelled == 1);
    door_end();
    door_begin();
    CHECK(get_code());
    do_token(client_id, CALLBACK, VERIFIER, "");
    world_advance(&world, 600000);
    world_run(&world);
    CHECK(asked.cancelled == 1 && client.status_code == 503);
    door_end();
}

TEST(sign_in_is_refreshed_by_its_client_alone)
{
    static char body[2 * DOOR_TEXT_BYTES];
    static char refresh[DOOR_TEXT_BYTES];
    door_begin();
    CHECK(get_code());
    do_token(client_id, CALLBACK, VERIFIER, "");
    answer(200, TOKENS);
    CHECK(cut(client.body, "\"refresh_token\":\"", "\"", refresh, sizeof(refresh)));
    (void)snprintf(body, sizeof(body), "grant_type=refresh_token&refresh_token=%s&client_id=%s",
                   refresh, client_id);
    (void)ask((struct door_request){"POST", DOOR "/token", FORM, body, NULL, NULL});
    CHECK(strstr(asked.body, "grant_type=refresh_token&refresh_token=again&client_id=aegis") !=
          NULL);
    CHECK(strstr(asked.body, "&scope=openid%20api%3A%2F%2Faegis%2Fcall") != NULL);
    answer(200, TOKENS);
    CHECK(client.status_code == 200 && strstr(client.body, "\"access_token\":\"theirs\"") != NULL);
    CHECK(world_count_records(&world, "sign_in.refresh", "\"outcome\"") == 1);
    (void)snprintf(body, sizeof(body), "grant_type=refresh_token&refresh_token=%s&client_id=thief",
                   refresh);
    (void)ask((struct door_request){"POST", DOOR "/token", FORM, body, NULL, NULL});
    CHECK(client.status_code == 400 && is_refused("invalid_grant", "sign_in.refresh_token"));
    (void)snprintf(body, sizeof(body), "grant_type=refresh_token&refresh_token=again&client_id=%s",
                   client_id);
    (void)ask((struct door_request){"POST", DOOR "/token", FORM, body, NULL, NULL});
    CHECK(client.status_code == 400 && asked.count == 2);
    door_end();
}

/* Neither what the provider gave, nor what the client showed and got, stays in freed memory. */
TEST(sign_in_leaves_no_token_behind)
{
    static const struct slice SECRETS[] = {SLICE_INIT("a-token-of-the-provider"),
                                           SLICE_INIT(VERIFIER),
                                           SLICE_INIT("a-secret-of-the-gateway")};
    for (size_t i = 0; i < COUNT_OF(SECRETS); i++) {
        door_begin();
        CHECK(get_code());
        check_watch_freed(SECRETS[i]);
        do_token(client_id, CALLBACK, VERIFIER, "");
        answer(200, "{\"access_token\":\"a-token-of-the-provider\",\"token_type\":\"Bearer\","
                    "\"refresh_token\":\"a-token-of-the-provider\"}");
        CHECK(client.status_code == 200 && strstr(client.body, "a-token-of-the-provider") != NULL);
        door_end();
        CHECK_ROW((const char *)SECRETS[i].ptr, check_end_watch() == 0);
    }
}
