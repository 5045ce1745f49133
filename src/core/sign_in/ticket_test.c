#include "core/sign_in/ticket.h"

#include "support/check.h"

TEST(ticket_reads_what_it_writes)
{
    const struct sign_in_ticket ticket = {.expires_s = 1000,
                                          .id = SLICE("\0\x01:;0123456789ab"),
                                          .browser = SLICE("browser"),
                                          .client = SLICE("client"),
                                          .client_label = SLICE("label"),
                                          .redirect_uri = SLICE("https://client.test/cb"),
                                          .state = SLICE("3:abc"),
                                          .challenge = SLICE("challenge"),
                                          .verifier = SLICE("verifier"),
                                          .code = SLICE("code"),
                                          .wishes = {.scope = SLICE("a b"),
                                                     .acr_values = SLICE("c1"),
                                                     .max_age = SLICE("0"),
                                                     .prompt = SLICE("login"),
                                                     .login_hint = SLICE("alice"),
                                                     .claims = SLICE("{}")}};
    struct sign_in_ticket out = {0};
    struct buf text;
    buf_init(&text, SIGN_IN_TICKET_BYTES_MAX, NULL);
    sign_in_ticket_write(&text, &ticket);
    CHECK(sign_in_ticket_read(buf_view(&text), &out) == STATUS_OK);
    CHECK(out.expires_s == 1000 && slice_eq(out.id, ticket.id));
    CHECK(slice_eq(out.browser, ticket.browser) && slice_eq(out.client, ticket.client));
    CHECK(slice_eq(out.client_label, ticket.client_label));
    CHECK(slice_eq(out.redirect_uri, ticket.redirect_uri) && slice_eq(out.state, ticket.state));
    CHECK(slice_eq(out.challenge, ticket.challenge) && out.resource.len == 0);
    CHECK(slice_eq(out.verifier, ticket.verifier) && slice_eq(out.code, ticket.code));
    CHECK(slice_eq(out.wishes.scope, ticket.wishes.scope));
    CHECK(slice_eq(out.wishes.acr_values, ticket.wishes.acr_values));
    CHECK(slice_eq(out.wishes.max_age, ticket.wishes.max_age));
    CHECK(slice_eq(out.wishes.prompt, ticket.wishes.prompt));
    CHECK(slice_eq(out.wishes.login_hint, ticket.wishes.login_hint));
    CHECK(slice_eq(out.wishes.claims, ticket.wishes.claims));
    for (size_t i = 0; i < text.len; i++) {
        CHECK(sign_in_ticket_read(slice_of(text.ptr, i), &out) == STATUS_INVALID);
    }
    buf_append(&text, SLICE("x"));
    CHECK(sign_in_ticket_read(buf_view(&text), &out) == STATUS_INVALID);
    CHECK(sign_in_ticket_read(SLICE("1;-1:"), &out) == STATUS_INVALID);
    CHECK(sign_in_ticket_read(SLICE("1;99999999999999999999:"), &out) == STATUS_INVALID);
    buf_release(&text);
}
