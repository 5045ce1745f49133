#include "core/sign_in/page.h"

#include "support/check.h"

static bool has(const struct buf *page, const char *text)
{
    struct slice wanted = slice_view_cstr(text);
    for (size_t at = 0; at + wanted.len <= page->len; at++) {
        if (slice_eq(slice_of(page->ptr + at, wanted.len), wanted)) {
            return true;
        }
    }
    return false;
}

TEST(page_shows_what_a_client_says_as_text)
{
    static const char *const ACTIVE[] = {
        "<script", "<img", "<b>", "onload=\"", "javascript:", "<a ", "<link", "<iframe", "style="};
    const struct sign_in_client client = {.name = SLICE("<script>alert('1')</script>\"&")};
    const struct consent_page page = {.client = &client,
                                      .client_url = SLICE("https://client.test/<b>"),
                                      .redirect_uri = SLICE("https://client.test/cb?\"><img>"),
                                      .resource = SLICE("\" onload=\"x"),
                                      .scope = SLICE("mcp:approve <a href=x>"),
                                      .provider = SLICE("https://idp.test"),
                                      .name = SLICE("x"),
                                      .ticket = SLICE("ticket.abc")};
    struct buf out;
    buf_init(&out, PAGE_BYTES_MAX, NULL);
    page_write_consent(&out, &page);
    for (size_t i = 0; i < COUNT_OF(ACTIVE); i++) {
        CHECK_ROW(ACTIVE[i], !has(&out, ACTIVE[i]));
    }
    CHECK(has(&out, "<dd>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;</dd>"));
    CHECK(has(&out, "<dd>https://client.test</dd>") && has(&out, "<dd>https://idp.test</dd>"));
    CHECK(has(&out, "<dd>mcp:approve &lt;a href=x&gt;</dd>"));
    CHECK(has(&out, "<form method=\"post\" action=\"/sign-in/x/consent\">"));
    CHECK(has(&out, "name=\"ticket\" value=\"ticket.abc\""));
    CHECK(!has(&out, "on this computer"));
    buf_release(&out);
}

TEST(page_says_when_a_program_here_asks)
{
    const struct sign_in_client client = {.uri_count = 1};
    const struct consent_page page = {.client = &client,
                                      .redirect_uri = SLICE("http://127.0.0.1:3000/cb")};
    struct buf out;
    buf_init(&out, PAGE_BYTES_MAX, NULL);
    page_write_consent(&out, &page);
    CHECK(has(&out, "<dd>http://127.0.0.1:3000</dd>\n<dd>(a program on this computer)</dd>"));
    CHECK(!has(&out, "more rights") && has(&out, "<dd>all that you may use here</dd>"));
    CHECK(has(&out, "<dd>(no name)</dd>") && has(&out, "it registered itself"));
    buf_clear(&out);
    page_write_error(&out, SLICE("it is <wrong>"), "sign_in.client");
    CHECK(has(&out, "it is &lt;wrong&gt; (sign_in.client)"));
    buf_release(&out);
}
