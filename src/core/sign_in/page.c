#include "core/sign_in/page.h"

#include "core/sign_in/server_metadata.h"

/* Its hash is in PAGE_CONTENT_POLICY. */
#define STYLE                                                                                      \
    ":root{color-scheme:light dark}"                                                               \
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"     \
    "h1{font-size:1.5rem;line-height:1.2}"                                                         \
    "dt{font-weight:bold;margin-top:.75rem}"                                                       \
    "dd{margin:0;overflow-wrap:anywhere}"                                                          \
    "button{font:inherit;padding:.5rem 1.5rem;margin:1.5rem 1rem 0 0}"

/* Text between tags or inside a quoted attribute. */
static void append_text(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_append(out, SLICE("&amp;"));
            break;
        case '<':
            buf_append(out, SLICE("&lt;"));
            break;
        case '>':
            buf_append(out, SLICE("&gt;"));
            break;
        case '"':
            buf_append(out, SLICE("&quot;"));
            break;
        case '\'':
            buf_append(out, SLICE("&#39;"));
            break;
        default:
            buf_append_byte(out, text.ptr[i]);
        }
    }
}

static void begin(struct buf *out, struct slice title)
{
    buf_append(out, SLICE("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width\">\n<title>"));
    buf_append(out, title);
    buf_append(out, SLICE("</title>\n<style>" STYLE "</style>\n</head>\n<body>\n<main>\n<h1>"));
    buf_append(out, title);
    buf_append(out, SLICE("</h1>\n"));
}

static void end(struct buf *out)
{
    buf_append(out, SLICE("</main>\n</body>\n</html>\n"));
}

static void append_row(struct buf *out, struct slice name, struct slice text)
{
    buf_append(out, SLICE("<dt>"));
    buf_append(out, name);
    buf_append(out, SLICE("</dt>\n<dd>"));
    append_text(out, text);
    buf_append(out, SLICE("</dd>\n"));
}

static void append_client(struct buf *out, const struct consent_page *page)
{
    bool is_local = redirect_uri_is_local(page->redirect_uri);
    append_row(out, SLICE("It calls itself"),
               page->client->name.len > 0 ? page->client->name : SLICE("(no name)"));
    append_row(out, SLICE("It is described at"),
               page->client_url.len > 0 ? page->client_url
                                        : SLICE("nowhere: it registered itself"));
    append_row(out, SLICE("The sign-in is sent to"), redirect_uri_origin(page->redirect_uri));
    buf_append(out, is_local ? SLICE("<dd>(a program on this computer)</dd>\n") : SLICE_EMPTY);
    append_row(out, SLICE("It wants to use"),
               page->resource.len > 0 ? page->resource : SLICE("all that you may use here"));
    if (page->scope.len > 0) {
        append_row(out, SLICE("It asks for more rights than others"), page->scope);
    }
    append_row(out, SLICE("You sign in at"), page->provider);
}

void page_write_consent(struct buf *out, const struct consent_page *page)
{
    begin(out, SLICE("Let this application act for you?"));
    buf_append(out, SLICE("<p>An application asks to sign in with your account. If you did not "
                          "start this just now, refuse.</p>\n<dl>\n"));
    append_client(out, page);
    buf_append(out, SLICE("</dl>\n<form method=\"post\" action=\"" SIGN_IN_PATH));
    append_text(out, page->name);
    buf_append(out, SLICE(SIGN_IN_CONSENT "\">\n<input type=\"hidden\" name=\"ticket\" value=\""));
    append_text(out, page->ticket);
    buf_append(out, SLICE("\">\n"
                          "<button name=\"decision\" value=\"allow\">Allow</button>\n"
                          "<button name=\"decision\" value=\"deny\">Refuse</button>\n</form>\n"));
    end(out);
}

void page_write_error(struct buf *out, struct slice text, const char *code)
{
    begin(out, SLICE("The sign-in was refused"));
    buf_append(out, SLICE("<p>"));
    append_text(out, text);
    buf_append(out, SLICE(" ("));
    append_text(out, slice_view_cstr(code));
    buf_append(out, SLICE(").</p>\n<p>Begin again in the application.</p>\n"));
    end(out);
}
