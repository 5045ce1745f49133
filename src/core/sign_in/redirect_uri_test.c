#include "core/sign_in/redirect_uri.h"

#include "support/check.h"

TEST(redirect_uri_fit_to_be_registered)
{
    static const struct {
        const char *uri;
        bool is_fit;
    } rows[] = {
        {"https://client.test/cb", true},
        {"https://client.test:8443/cb?app=1", true},
        {"https://client.test", true},
        {"https://[2001:db8::1]/cb", true},
        {"http://127.0.0.1:3000/cb", true},
        {"http://127.0.0.1/cb", true},
        {"http://[::1]:3000/cb", true},
        {"http://localhost:3000/cb", true},
        {"com.example.app:/cb", true},
        {"com.example.app://cb", true},
        {"", false},
        {"client.test/cb", false},
        {"//client.test/cb", false},
        {"https:client.test/cb", false},
        {"https:///cb", false},
        {"https://client.test/cb#part", false},
        {"https://user@client.test/cb", false},
        {"https://user:word@client.test/cb", false},
        {"https://client.test:0/cb", false},
        {"https://client.test:65536/cb", false},
        {"https://client.test:08/cb", false},
        {"https://client.test:/cb", false},
        {"https://client.test:80:90/cb", false},
        {"https://Client.test/cb", false},
        {"HTTPS://client.test/cb", false},
        {"https://client.test\\@evil.test/cb", false},
        {"https://client.test/c b", false},
        {"https://client.test/\"cb", false},
        {"https://client.test/<cb>", false},
        {"https://*.client.test/cb", false},
        {"https://[2001:db8::1/cb", false},
        {"https://[]/cb", false},
        {"http://client.test/cb", false},
        {"http://127.0.0.2/cb", false},
        {"http://127.0.0.1.evil.test/cb", false},
        {"http://localhost.evil.test/cb", false},
        {"http://localhost@evil.test/cb", false},
        {"http://2130706433/cb", false},
        {"javascript:alert(1)", false},
        {"data:text/html,x", false},
        {"file:///etc/passwd", false},
        {"about:blank", false},
        {"urn:ietf:wg:oauth:2.0:oob", false},
        {"com.example.app:", false},
        {".com:/cb", false},
        {"1.com:/cb", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].uri, redirect_uri_is_fit(slice_view_cstr(rows[i].uri)) == rows[i].is_fit);
    }
}

TEST(redirect_uri_has_a_length)
{
    uint8_t uri[REDIRECT_URI_BYTES_MAX + 1];
    memset(uri, 'x', sizeof(uri));
    memcpy(uri, "https://", 8);
    CHECK(redirect_uri_is_fit(slice_of(uri, REDIRECT_URI_BYTES_MAX)));
    CHECK(!redirect_uri_is_fit(slice_of(uri, REDIRECT_URI_BYTES_MAX + 1)));
}

TEST(redirect_uri_matches_what_was_registered)
{
    static const struct {
        const char *name, *registered, *asked;
        bool matches;
    } rows[] = {
        {"itself", "https://client.test/cb", "https://client.test/cb", true},
        {"another port here", "http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", true},
        {"a port for a port", "http://127.0.0.1:1/cb?a=b", "http://127.0.0.1:2/cb?a=b", true},
        {"the other family", "http://[::1]:1/cb", "http://[::1]:2/cb", true},
        {"by name", "http://localhost/cb", "http://localhost:3000/cb", true},
        {"another path", "https://client.test/cb", "https://client.test/cb2", false},
        {"a longer path", "https://client.test/cb", "https://client.test/cb/", false},
        {"a query more", "https://client.test/cb", "https://client.test/cb?x=1", false},
        {"another port", "https://client.test/cb", "https://client.test:444/cb", false},
        {"the port written", "https://client.test/cb", "https://client.test:443/cb", false},
        {"another host", "https://client.test/cb", "https://evil.test/cb", false},
        {"a host below", "https://client.test/cb", "https://a.client.test/cb", false},
        {"another scheme", "https://client.test/cb", "http://client.test/cb", false},
        {"dots", "https://client.test/cb", "https://client.test/x/../cb", false},
        {"an escape", "https://client.test/cb", "https://client.test/%63b", false},
        {"another name of here", "http://127.0.0.1/cb", "http://localhost:1/cb", false},
        {"another path here", "http://127.0.0.1/cb", "http://127.0.0.1:1/other", false},
        {"a query more here", "http://127.0.0.1/cb", "http://127.0.0.1:1/cb?x=1", false},
        {"https here", "https://127.0.0.1/cb", "https://127.0.0.1:1/cb", false},
        {"a port of elsewhere", "http://127.0.0.1/cb", "http://127.0.0.1:1@evil.test/cb", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name,
                  redirect_uri_matches(slice_view_cstr(rows[i].registered),
                                       slice_view_cstr(rows[i].asked)) == rows[i].matches);
    }
}

TEST(redirect_uri_shows_where_it_leads)
{
    CHECK(slice_eq(redirect_uri_origin(SLICE("https://client.test:8443/cb?x")),
                   SLICE("https://client.test:8443")));
    CHECK(slice_eq(redirect_uri_origin(SLICE("com.example.app:/cb")), SLICE("com.example.app:")));
    CHECK(redirect_uri_origin(SLICE("nothing")).len == 0);
    CHECK(redirect_uri_is_local(SLICE("http://127.0.0.1:1/cb")));
    CHECK(!redirect_uri_is_local(SLICE("https://127.0.0.1:1/cb")));
}
