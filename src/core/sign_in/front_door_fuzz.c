/* Input: a byte that says who speaks, then what is said: 'a' the query of an authorization request,
 * 't' the form for tokens, 'r' a registration, 'd' the document of a client, 'p' the provider's
 * tokens. Oracles: what is taken is within its limits and survives what carries it to the next
 * step; what goes to the provider has our parameters once and with our values, whatever was said;
 * and on the page no text of a client becomes a tag. */
#include "core/sign_in/authorization.h"
#include "core/sign_in/page.h"
#include "core/sign_in/token_request.h"
#include "support/fuzz.h"

#define FUZZ_ARENA_BYTES ((size_t)16 << 20)
#define DOCUMENT SLICE("https://client.test/client.json")
#define ENDPOINT SLICE("https://idp.test/authorize?p=policy&max_age=5")

static const struct wishes_scope SCOPES[] = {{SLICE_INIT("mcp:a"), SLICE_INIT("api://x/a")},
                                             {SLICE_INIT("mcp:b"), SLICE_INIT("b")}};
static const struct wishes_offer OFFER = {SCOPES, COUNT_OF(SCOPES), true};

struct door {
    struct arena arena;
    struct json_parser parser;
    struct buf out;
    struct slice said;
};

/* A query or form that we wrote: each of our values is there, once. */
static void expect_ours(struct door *door, struct slice text, const struct form_field *ours,
                        size_t count)
{
    struct form form;
    fuzz_expect(form_read(text, &door->arena, &form, NULL) == STATUS_OK, "repeated", door->said);
    for (size_t i = 0; i < count; i++) {
        fuzz_expect(slice_eq(form_value(&form, ours[i].name), ours[i].value), "not ours",
                    door->said);
    }
}

static void expect_provider_request(struct door *door, const struct sign_in_ticket *ticket)
{
    const struct form_field ours[] = {{SLICE("client_id"), SLICE("aegis")},
                                      {SLICE("redirect_uri"), SLICE("https://gw.test/callback")},
                                      {SLICE("state"), SLICE("sealed")},
                                      {SLICE("code_challenge_method"), SLICE("S256")},
                                      {SLICE("p"), SLICE("policy")},
                                      {SLICE("max_age"), SLICE("5")},
                                      {SLICE("acr_values"), ticket->wishes.acr_values},
                                      {SLICE("claims"), ticket->wishes.claims},
                                      {SLICE("login_hint"), ticket->wishes.login_hint}};
    struct slice scope;
    fuzz_expect(wishes_scope_text(SLICE("openid"), ticket->wishes.scope, &OFFER, &door->arena,
                                  &scope) == STATUS_OK,
                "scope", door->said);
    fuzz_expect(scope.len <= sizeof("openid api://x/a b") - 1, "scope", door->said);
    buf_clear(&door->out);
    provider_request_write(&door->out, &(struct provider_request){.endpoint = ENDPOINT,
                                                                  .client_id = ours[0].value,
                                                                  .redirect_uri = ours[1].value,
                                                                  .state = ours[2].value,
                                                                  .challenge = SLICE("c"),
                                                                  .scope = scope,
                                                                  .wishes = &ticket->wishes});
    struct slice address = buf_view(&door->out);
    fuzz_expect(slice_starts_with(address, ENDPOINT) && slice_is_visible(address), "address",
                door->said);
    expect_ours(door, slice_sub(address, slice_find_byte(address, '?') + 1, address.len), ours,
                COUNT_OF(ours));
}

static void expect_ticket(struct door *door, const struct sign_in_ticket *ticket)
{
    struct sign_in_ticket again = {0};
    struct slice text = SLICE_EMPTY;
    buf_clear(&door->out);
    sign_in_ticket_write(&door->out, ticket);
    fuzz_expect(door->out.len <= SIGN_IN_TICKET_BYTES_MAX, "long ticket", door->said);
    fuzz_expect(arena_copy(&door->arena, buf_view(&door->out), &text) == STATUS_OK &&
                    sign_in_ticket_read(text, &again) == STATUS_OK,
                "ticket", door->said);
    buf_clear(&door->out);
    sign_in_ticket_write(&door->out, &again);
    fuzz_expect(slice_eq(buf_view(&door->out), text), "another ticket", door->said);
}

static bool is_tag_of_ours(struct slice rest)
{
    static const struct slice TAGS[] = {SLICE_INIT("!doctype html>"),
                                        SLICE_INIT("html lang=\"en\">"),
                                        SLICE_INIT("head>"),
                                        SLICE_INIT("meta "),
                                        SLICE_INIT("main>"),
                                        SLICE_INIT("style>:root{"),
                                        SLICE_INIT("title>"),
                                        SLICE_INIT("body>"),
                                        SLICE_INIT("h1>"),
                                        SLICE_INIT("p>"),
                                        SLICE_INIT("dl>"),
                                        SLICE_INIT("dt>"),
                                        SLICE_INIT("dd>"),
                                        SLICE_INIT("form "),
                                        SLICE_INIT("input "),
                                        SLICE_INIT("button "),
                                        SLICE_INIT("/")};
    for (size_t i = 0; i < COUNT_OF(TAGS); i++) {
        if (slice_starts_with(rest, TAGS[i])) {
            return true;
        }
    }
    return false;
}

static void expect_page(struct door *door, const struct sign_in_client *client,
                        const struct sign_in_ticket *ticket)
{
    size_t inputs = 0;
    buf_clear(&door->out);
    page_write_consent(&door->out, &(struct consent_page){.client = client,
                                                          .client_url = DOCUMENT,
                                                          .redirect_uri = ticket->redirect_uri,
                                                          .resource = ticket->resource,
                                                          .scope = ticket->wishes.scope,
                                                          .provider = SLICE("https://idp.test"),
                                                          .name = SLICE("idp"),
                                                          .ticket = SLICE("sealed")});
    struct slice rest = buf_view(&door->out);
    fuzz_expect(buf_status(&door->out) == STATUS_OK, "long page", door->said);
    while (slice_find_byte(rest, '<') < rest.len) {
        rest = slice_sub(rest, slice_find_byte(rest, '<') + 1, rest.len);
        fuzz_expect(is_tag_of_ours(rest), "a foreign tag", door->said);
        inputs += slice_starts_with(rest, SLICE("input ")) ? 1 : 0;
    }
    fuzz_expect(inputs == 1, "another input", door->said);
}

static void ask_for_code(struct door *door)
{
    const struct sign_in_client client = {
        .name = SLICE("x"),
        .uris = {SLICE("https://client.test/cb"), SLICE("http://127.0.0.1/cb")},
        .uri_count = 2};
    struct form form;
    struct sign_in_ticket ticket = {0};
    if (form_read(door->said, &door->arena, &form, NULL) != STATUS_OK ||
        authorization_check_client(&form, &client, NULL) != STATUS_OK ||
        authorization_check(&form, &ticket, NULL) != STATUS_OK ||
        wishes_read(&form, &OFFER, &door->parser, &door->arena, &ticket.wishes, NULL) !=
            STATUS_OK) {
        return;
    }
    struct slice origin = redirect_uri_origin(ticket.redirect_uri);
    fuzz_expect(slice_eq(origin, SLICE("https://client.test")) ||
                    slice_starts_with(origin, SLICE("http://127.0.0.1")),
                "another address", door->said);
    fuzz_expect(ticket.challenge.len == PKCE_CHALLENGE_BYTES, "challenge", door->said);
    expect_ticket(door, &ticket);
    expect_page(door, &client, &ticket);
    expect_provider_request(door, &ticket);
}

static void ask_for_tokens(struct door *door)
{
    const struct form_field ours[] = {{SLICE("client_id"), SLICE("aegis")},
                                      {SLICE("client_secret"), SLICE("s&=%")}};
    struct form form;
    struct token_request request;
    if (form_read(door->said, &door->arena, &form, NULL) != STATUS_OK ||
        token_request_read(&form, &request, NULL) != STATUS_OK) {
        return;
    }
    fuzz_expect(request.grant != TOKEN_GRANT_NONE && request.client_id.len > 0, "grant",
                door->said);
    buf_clear(&door->out);
    provider_token_request_write(
        &door->out, &(struct provider_token_request){.grant = request.grant,
                                                     .client_id = ours[0].value,
                                                     .client_secret = ours[1].value,
                                                     .token = request.token,
                                                     .redirect_uri = request.redirect_uri,
                                                     .verifier = request.verifier,
                                                     .resource = request.resource});
    /* What a client sends can be as long as what is read, and grows by being escaped. */
    if (door->out.len <= FORM_BYTES_MAX) {
        expect_ours(door, buf_view(&door->out), ours, COUNT_OF(ours));
    }
}

static void expect_client(struct door *door, const struct sign_in_client *client)
{
    struct sign_in_client again;
    struct json_tape tape;
    struct slice text = SLICE_EMPTY;
    fuzz_expect(client->uri_count > 0 && client->uri_count <= SIGN_IN_CLIENT_URIS_MAX, "count",
                door->said);
    for (size_t i = 0; i < client->uri_count; i++) {
        const struct sign_in_ticket ticket = {.redirect_uri = client->uris[i]};
        fuzz_expect(redirect_uri_is_fit(client->uris[i]) &&
                        sign_in_client_has_uri(client, client->uris[i]),
                    "not fit", door->said);
        expect_page(door, client, &ticket);
    }
    buf_clear(&door->out);
    sign_in_client_write(&door->out, client);
    buf_append_byte(&door->out, '}');
    fuzz_expect(arena_copy(&door->arena, buf_view(&door->out), &text) == STATUS_OK &&
                    json_parse(&door->parser, text, &door->arena, &tape, NULL) == STATUS_OK &&
                    sign_in_client_read(&tape, &door->arena, &again, NULL) == STATUS_OK,
                "lost client", door->said);
    fuzz_expect(again.uri_count == client->uri_count && slice_eq(again.name, client->name) &&
                    slice_eq(again.uris[0], client->uris[0]),
                "another client", door->said);
}

static void take_json(struct door *door, uint8_t who)
{
    struct json_tape tape;
    struct sign_in_client client;
    struct provider_tokens tokens;
    if (json_parse(&door->parser, door->said, &door->arena, &tape, NULL) != STATUS_OK) {
        return;
    }
    if (who == 'p') {
        if (provider_tokens_read(&tape, 200, &door->arena, &tokens, NULL) == STATUS_OK) {
            buf_clear(&door->out);
            provider_tokens_write(&door->out, &tokens, false, SLICE("ours"));
            fuzz_expect(json_parse(&door->parser, buf_view(&door->out), &door->arena, &tape,
                                   NULL) == STATUS_OK &&
                            json_string_eq(&tape, json_member(&tape, 0, SLICE("access_token")),
                                           tokens.access_token),
                        "tokens", door->said);
        }
        return;
    }
    if ((who == 'r' ? sign_in_client_read(&tape, &door->arena, &client, NULL)
                    : sign_in_client_read_document(&tape, DOCUMENT, &door->arena, &client, NULL)) ==
        STATUS_OK) {
        expect_client(door, &client);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {7};
    struct door door = {.said = size == 0 ? SLICE_EMPTY : slice_of(data + 1, size - 1)};
    uint8_t who = size == 0 ? 0 : data[0];
    json_parser_init(&door.parser, &LIMITS, SEED);
    arena_init(&door.arena, FUZZ_ARENA_BYTES, NULL);
    buf_init(&door.out, (size_t)1 << 20, NULL);
    if (who == 'a') {
        ask_for_code(&door);
    } else if (who == 't') {
        ask_for_tokens(&door);
    } else if (who == 'r' || who == 'd' || who == 'p') {
        take_json(&door, who);
    }
    buf_release(&door.out);
    arena_release(&door.arena);
    return 0;
}
