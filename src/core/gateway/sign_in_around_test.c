/* The front door: the documents of clients, its addresses, its records and its limits. */
#include "support/front_door.h"

/* -- clients whose id is an address ----------------------------------------------------------- */

TEST(sign_in_reads_the_document_of_a_client)
{
    door_begin();
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(asked.is_open && !asked.is_post && !asked.is_local && strcmp(asked.url, DOCUMENT) == 0);
    CHECK(asked.answer_bytes_max == world.gateway.limits.sign_in.document_bytes);
    answer(200, "{\"client_id\":\"" DOCUMENT "\",\"client_name\":\"Tests\",\"redirect_uris\":["
                "\"" CALLBACK "\"]}");
    CHECK(take_page() && strstr(client.body, "<dd>" DOCUMENT "</dd>") != NULL);
    /* It is remembered, for a while. */
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(take_page() && asked.count == 1);
    world_advance(&world, 300000);
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(asked.count == 2 && asked.is_open);
    fail(STATUS_TIMEOUT, "http_client.timeout");
    CHECK(client.status_code == 400);
    door_end();
}

TEST(sign_in_refuses_documents_that_are_not_good)
{
    static const struct {
        const char *name;
        int http_status;
        const char *json; /* NULL: it leads nowhere */
    } rows[] = {
        {"none", 404, "{}"},
        {"a private address", 0, NULL},
        {"a page", 200, "<html></html>"},
        {"of another", 200,
         "{\"client_id\":\"https://evil.test/x\",\"redirect_uris\":[\"" CALLBACK "\"]}"},
        {"without addresses", 200, "{\"client_id\":\"" DOCUMENT "\"}"},
        {"with a secret", 200,
         "{\"client_id\":\"" DOCUMENT "\",\"redirect_uris\":[\"" CALLBACK
         "\"],\"token_endpoint_auth_method\":\"client_secret_basic\"}"},
        {"moved", 302, "{\"client_id\":\"" DOCUMENT "\",\"redirect_uris\":[\"" CALLBACK "\"]}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        door_begin();
        do_authorize(DOCUMENT, CALLBACK, "");
        if (rows[i].json == NULL) {
            fail(STATUS_UNAVAILABLE, "http_client.address");
        } else {
            answer(rows[i].http_status, rows[i].json);
        }
        CHECK_ROW(rows[i].name, client.status_code == 400);
        CHECK_ROW(rows[i].name, strstr(client.fields, "Location") == NULL);
        CHECK_ROW(rows[i].name, world_count_records(&world, "sign_in.client_document", "") == 1);
        /* It is not asked for again at once. */
        do_authorize(DOCUMENT, CALLBACK, "");
        CHECK_ROW(rows[i].name, client.status_code == 400 && asked.count == 1);
        door_end();
    }
}

/* The limit is for those that would be kept longer; one that was no good has a time of its own. */
TEST(sign_in_keeps_documents_to_their_last_second)
{
    static const struct {
        const char *name, *json;
        int64_t ms;
    } rows[] = {
        {"good", "{\"client_id\":\"" DOCUMENT "\",\"redirect_uris\":[\"" CALLBACK "\"]}", 200000},
        {"of nobody", "{}", SIGN_IN_DOCUMENT_FAILED_MS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        door_begin();
        world.gateway.limits.sign_in.document_s = 200;
        do_authorize(DOCUMENT, CALLBACK, "");
        answer(200, rows[i].json);
        world_advance(&world, rows[i].ms - 1);
        do_authorize(DOCUMENT, CALLBACK, "");
        CHECK_ROW(rows[i].name, asked.count == 1);
        world_advance(&world, 1);
        do_authorize(DOCUMENT, CALLBACK, "");
        CHECK_ROW(rows[i].name, asked.count == 2);
        fail(STATUS_TIMEOUT, "http_client.timeout");
        door_end();
    }
}

/* What others may store at an address is rarely of this kind. */
TEST(sign_in_reads_documents_that_say_so)
{
    static const char *const TYPES[] = {"text/plain", "text/html", "", "application/octet-stream",
                                        "application/jsonp"};
    for (size_t i = 0; i < COUNT_OF(TYPES); i++) {
        door_begin();
        asked.answer_type = TYPES[i];
        do_authorize(DOCUMENT, CALLBACK, "");
        answer(200, "{\"client_id\":\"" DOCUMENT "\",\"redirect_uris\":[\"" CALLBACK "\"]}");
        CHECK_ROW(TYPES[i], client.status_code == 400);
        CHECK_ROW(TYPES[i], world_count_records(&world, "sign_in.client_document", "") == 1);
        door_end();
    }
}

TEST(sign_in_fetches_documents_where_it_may)
{
    static const struct network_range RANGES[] = {{{[10] = 0xFF, [11] = 0xFF, 10}, 104}};
    door_begin();
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(asked.is_open && asked.range_count == 0);
    door_end();
    door_begin();
    world.snapshot->documents = (struct gateway_documents){.ranges = RANGES, .range_count = 1};
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(asked.is_open && asked.range_count == 1);
    door_end();
    door_begin();
    world.snapshot->documents.is_closed = true;
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(client.status_code == 400 && asked.count == 0);
    CHECK(world_count_records(&world, "sign_in.client_document", "") == 1);
    CHECK(do_register(METADATA)); /* others are served */
    do_authorize(client_id, CALLBACK, "");
    CHECK(take_page());
    door_end();
}

TEST(sign_in_fetches_few_documents_at_a_time)
{
    door_begin();
    world.gateway.limits.sign_in.fetches = 1;
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(asked.is_open && world.gateway.documents.fetching == 1);
    gateway_close(&world.gateway);
    CHECK(world.gateway.documents.fetching == 0);
    door_end();
    door_begin();
    world.gateway.limits.sign_in.fetches = 0;
    do_authorize(DOCUMENT, CALLBACK, "");
    CHECK(client.status_code == 503 && asked.count == 0);
    door_end();
}

/* -- the addresses ---------------------------------------------------------------------------- */

TEST(sign_in_is_described_to_anybody)
{
    static const char *const TARGETS[] = {"/.well-known/oauth-authorization-server" DOOR,
                                          "/.well-known/openid-configuration" DOOR,
                                          DOOR "/.well-known/openid-configuration"};
    door_begin();
    for (size_t i = 0; i < COUNT_OF(TARGETS); i++) {
        CHECK_ROW(TARGETS[i], ask((struct door_request){"GET", TARGETS[i], NULL, NULL, NULL,
                                                        "https://any.test"}));
        CHECK_ROW(TARGETS[i], client.status_code == 200);
        CHECK_ROW(TARGETS[i], strstr(client.body, "{\"issuer\":\"" GATEWAY DOOR "\"") != NULL);
        CHECK_ROW(TARGETS[i], strstr(client.fields, "Access-Control-Allow-Origin: *\n") != NULL);
        CHECK_ROW(TARGETS[i], ask((struct door_request){"OPTIONS", TARGETS[i], NULL, NULL, NULL,
                                                        "https://any.test"}));
        CHECK_ROW(TARGETS[i], client.status_code == 204);
    }
    CHECK(world.record_count == 0);
    door_end();
}

/* Nothing is begun, given or registered before it is known where people sign in. */
TEST(sign_in_is_closed_until_the_provider_is_known)
{
    static const struct {
        const char *method, *target, *type, *body;
        bool is_page;
    } rows[] = {
        {"GET", DOOR "/authorize?client_id=x", NULL, NULL, true},
        {"POST", DOOR "/consent", FORM, "ticket=x", true},
        {"GET", DOOR "/callback?code=x", NULL, NULL, true},
        {"POST", DOOR "/token", FORM, "grant_type=refresh_token", false},
        {"POST", DOOR "/register", "application/json", METADATA, false},
    };
    static const struct gateway_front_door UNKNOWN = {.name = SLICE_INIT("idp"),
                                                      .issuer = SLICE_INIT(GATEWAY DOOR),
                                                      .provider = SLICE_INIT(PROVIDER),
                                                      .client_id = SLICE_INIT("aegis"),
                                                      .client_secret = SLICE_INIT("a-secret")};
    door_begin();
    struct gateway_front_door doors[] = {UNKNOWN};
    world.snapshot->front_doors = doors;
    world.snapshot->front_door_count = 1;
    for (size_t k = 0; k < 2; k++) {
        /* One of the two endpoints is not enough. */
        doors[0].authorization_endpoint = k == 1 ? SLICE(PROVIDER "/a") : SLICE_EMPTY;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            (void)ask((struct door_request){rows[i].method, rows[i].target, rows[i].type,
                                            rows[i].body, NULL, GATEWAY});
            CHECK_ROW(rows[i].target, client.status_code == 503);
            CHECK_ROW(rows[i].target, strstr(client.fields, "Retry-After: 1\n") != NULL);
            CHECK_ROW(rows[i].target,
                      rows[i].is_page || strstr(client.body, "temporarily_unavailable") != NULL);
            CHECK_ROW(rows[i].target, strstr(client.fields, "Location") == NULL);
        }
    }
    CHECK(world_count_records(&world, "sign_in.provider_unknown", "auth.reject") ==
          2 * COUNT_OF(rows));
    CHECK(asked.count == 0);
    (void)ask((struct door_request){"GET", "/.well-known/oauth-authorization-server" DOOR, NULL,
                                    NULL, NULL, NULL});
    CHECK(client.status_code == 200);
    door_end();
}

TEST(sign_in_addresses_take_what_they_are_for)
{
    static const struct {
        const char *name, *method, *target, *type;
        int http_status;
    } rows[] = {
        {"no such entry", "GET", "/sign-in/none/authorize", NULL, 404},
        {"metadata of no entry", "GET", "/.well-known/oauth-authorization-server/sign-in/none",
         NULL, 404},
        {"a post of a page", "POST", DOOR "/authorize", FORM, 405},
        {"a post of an answer", "POST", DOOR "/callback", FORM, 405},
        {"a link to a consent", "GET", DOOR "/consent", NULL, 405},
        {"a link to tokens", "GET", DOOR "/token", NULL, 405},
        {"a link to a registration", "GET", DOOR "/register", NULL, 405},
        {"a preflight of a consent", "OPTIONS", DOOR "/consent", NULL, 405},
        {"JSON for tokens", "POST", DOOR "/token", "application/json", 415},
        {"a form for a registration", "POST", DOOR "/register", FORM, 415},
        {"text for a consent", "POST", DOOR "/consent", "text/plain", 415},
        {"a query of tokens", "POST", DOOR "/token?code=c", FORM, 404},
    };
    door_begin();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        (void)ask(
            (struct door_request){rows[i].method, rows[i].target, rows[i].type, "x=y", NULL, NULL});
        CHECK_ROW(rows[i].name, client.status_code == rows[i].http_status ||
                                    (rows[i].http_status == 404 && client.status_code == 415));
    }
    CHECK(
        ask((struct door_request){"OPTIONS", DOOR "/token", NULL, NULL, NULL, "https://any.test"}));
    CHECK(client.status_code == 204);
    door_end();
}

TEST(sign_in_is_recorded_or_not_done)
{
    door_begin();
    CHECK(do_register(METADATA));
    world.journal_refuses = true;
    (void)ask(
        (struct door_request){"POST", DOOR "/register", "application/json", METADATA, NULL, NULL});
    CHECK(client.status_code == 503 && strstr(client.body, "client_id") == NULL);
    world.journal_refuses = false;
    CHECK(get_code());
    world.journal_refuses = true;
    do_token(client_id, CALLBACK, VERIFIER, "");
    CHECK(client.status_code == 503 && asked.count == 0);
    door_end();
}

TEST(sign_in_registrations_have_a_budget)
{
    door_begin();
    world.gateway.limits.refusals = (struct refusal_rate){2, 1};
    CHECK(do_register(METADATA));
    CHECK(do_register(METADATA));
    CHECK(!do_register(METADATA));
    CHECK(client.status_code == 503 && is_refused("temporarily_unavailable", "sign_in.busy"));
    door_end();
}

/* Every step is refused, or done; nothing is left behind. */
static bool sign_in_once(void *context)
{
    (void)context;
    check_pause_failures(true);
    door_begin();
    check_pause_failures(false);
    bool is_good = get_code();
    if (is_good) {
        do_token(client_id, CALLBACK, VERIFIER, "");
    }
    if (asked.is_open) {
        answer(200, TOKENS);
    }
    is_good = is_good && client.status_code == 200;
    if (is_good) {
        do_authorize(DOCUMENT, CALLBACK, "");
    }
    if (asked.is_open) {
        answer(200, "{\"client_id\":\"" DOCUMENT "\",\"redirect_uris\":[\"" CALLBACK "\"]}");
    }
    is_good = is_good && client.status_code == 200;
    check_pause_failures(true);
    door_end();
    check_pause_failures(false);
    return is_good;
}

TEST(sign_in_without_memory)
{
    check_every_allocation(sign_in_once, NULL);
}
