#include "adapters/transport/sse_address.h"

#include "support/check.h"

static const struct upstream_target PLAIN = {
    .host = SLICE_INIT("a.test"), .port = 8080, .path = SLICE_INIT("/x/sse?k=v")};
static const struct upstream_target TLS = {
    .host = SLICE_INIT("::1"), .port = 443, .path = SLICE_INIT("/sse"), .is_tls = true};

static void check_row(const struct upstream_target *target, const char *address,
                      const char *expected)
{
    struct buf out;
    struct diag diag = {0};
    buf_init(&out, SSE_ADDRESS_BYTES_MAX * 2, NULL);
    enum status status = sse_address_resolve(target, slice_view_cstr(address), &out, &diag);
    CHECK_ROW(address, (status == STATUS_OK) == (expected != NULL));
    if (expected != NULL) {
        CHECK_ROW(address, slice_eq(buf_view(&out), slice_view_cstr(expected)));
    } else {
        CHECK_ROW(address, str_eq(diag.code, "upstream.endpoint"));
    }
    buf_release(&out);
}

TEST(sse_address_is_of_the_stream)
{
    static const struct {
        const char *address, *expected;
    } rows[] = {
        {"/messages?sessionId=1", "/messages?sessionId=1"},
        {"/messages/?session_id=0a", "/messages/?session_id=0a"},
        {"messages?s=1", "/x/messages?s=1"},
        {"?s=1", "/x/sse?s=1"},
        {"/m?next=http://b.test/", "/m?next=http://b.test/"},
        {"/m/a:b", "/m/a:b"},
        {"m/a:b", "/x/m/a:b"},
        {"/...", "/..."},
        {"/m?a=/../b", "/m?a=/../b"},
        {"http://a.test:8080/m", "/m"},
        {"HTTP://A.TEST:8080/m", "/m"},
        {"//a.test:8080/m", "/m"},
        {"http://a.test:8080", "/"},
        {"http://a.test:8080?s=1", "/?s=1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&PLAIN, rows[i].address, rows[i].expected);
    }
    check_row(&TLS, "https://[::1]/m", "/m");
    check_row(&TLS, "https://[::1]:443/m", "/m");
}

TEST(sse_address_of_another_origin_is_refused)
{
    static const char *const ROWS[] = {
        "",
        "http://b.test:8080/m",
        "http://a.test/m",
        "http://a.test:8081/m",
        "https://a.test:8080/m",
        "//b.test:8080/m",
        "//a.test.b.test:8080/m",
        "http://a.test:8080@b.test/m",
        "http://user@a.test:8080/m",
        "http://a.test:8080.b.test/m",
        "http://a.test:/m",
        "http://a.test:8080:8080/m",
        "http:/m",
        "http:m",
        "http:",
        "https:",
        "file:///etc/passwd",
        "javascript:1",
        "a.test:8080/m",
        "/m#part",
        "/a b",
        "/m\\n",
        "/m\x01",
        "/m\xC3\xA4",
        "\\\\b.test\\m",
        "/\\b.test/m",
        "/a/../m",
        "../m",
        "./m",
        "/a/.",
        "//",
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        check_row(&PLAIN, ROWS[i], NULL);
    }
    check_row(&TLS, "https://[::1]x/m", NULL);
    check_row(&TLS, "https://[::1/m", NULL);
    check_row(&TLS, "https://[::2]/m", NULL);
    check_row(&TLS, "http://[::1]/m", NULL);
}

TEST(sse_address_at_its_bound)
{
    char text[SSE_ADDRESS_BYTES_MAX + 2];
    memset(text, 'm', sizeof(text));
    text[0] = '/';
    text[SSE_ADDRESS_BYTES_MAX] = '\0';
    check_row(&PLAIN, text, text);
    text[SSE_ADDRESS_BYTES_MAX] = 'm';
    text[SSE_ADDRESS_BYTES_MAX + 1] = '\0';
    check_row(&PLAIN, text, NULL);
}
