/* What the cedar verbs read and report: documents that are wrong are refused with their place. */
#include "cli/cedar/tool.h"

#include "support/check.h"

#include <stdlib.h>
#include <unistd.h>

/* A tool whose reports can be looked at. */
struct capture {
    struct tool tool;
    char *text;
    size_t len;
};

static void begin(struct capture *capture, const char *format)
{
    tool_init(&capture->tool);
    capture->tool.error_format = format;
    capture->tool.reports = open_memstream(&capture->text, &capture->len);
    CHECK(capture->tool.reports != NULL);
}

static struct slice reported(struct capture *capture)
{
    CHECK(fflush(capture->tool.reports) == 0);
    return slice_of(capture->text, capture->len);
}

static void end(struct capture *capture)
{
    CHECK(fclose(capture->tool.reports) == 0);
    base_free(capture->text);
    tool_release(&capture->tool);
}

static bool contains(struct slice text, const char *part)
{
    struct slice wanted = slice_view_cstr(part);
    for (size_t at = 0; at + wanted.len <= text.len; at++) {
        if (slice_starts_with(slice_sub(text, at, text.len), wanted)) {
            return true;
        }
    }
    return false;
}

TEST(cedar_reports_have_three_formats)
{
    static const struct {
        const char *format, *text;
    } rows[] = {
        {"human", "it \"failed\"\np.cedar:1:8: error: no \"entity\"\n 1 | permit (x)\n   |        "
                  "^^^ expected Y\n"
                  "   = help: look\n"},
        {"plain", "it \"failed\"\np.cedar:1:8: error: no \"entity\"\n   = help: look\n"},
        {"json",
         "{\"message\":\"it \\\"failed\\\"\",\"severity\":\"error\",\"causes\":[\"no \\\"entity\\\""
         "\"],\"help\":\"look\",\"filename\":\"p.cedar\",\"labels\":[{\"label\":"
         "\"expected Y\",\"span\":{\"offset\":7,\"length\":3}}],\"related\":[]}\n"},
    };
    static struct cedar_diagnostics diagnostics;
    struct cedar_source source = {SLICE("p.cedar"), SLICE("permit (x)")};
    diagnostics.count = 1;
    diagnostics.items[0] = (struct cedar_diagnostic){.source = source.name,
                                                     .line = 1,
                                                     .column = 8,
                                                     .from = 7,
                                                     .to = 10,
                                                     .message = "no \"entity\"",
                                                     .expected = "expected Y",
                                                     .help = "look"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct capture capture;
        struct report report = {
            .message = "it \"failed\"", .source = source.text, .details = {&diagnostics}};
        begin(&capture, rows[i].format);
        tool_report(&capture.tool, capture.tool.reports, &report);
        CHECK_ROW(rows[i].format, slice_eq(reported(&capture), slice_view_cstr(rows[i].text)));
        end(&capture);
    }
}

TEST(cedar_causes_cannot_move_the_cursor)
{
    struct capture capture;
    begin(&capture, "human");
    CHECK(tool_fail(&capture.tool, "a\x1B[2Jb\n\x7F", "it failed") == STATUS_INVALID);
    CHECK(slice_eq(reported(&capture), SLICE("it failed: a?[2Jb??\n")));
    end(&capture);
}

/* -- requests ------------------------------------------------------------------------------ */

TEST(cedar_requests_in_json)
{
    static const struct {
        const char *text, *report; /* NULL: accepted */
    } rows[] = {
        {"{\"principal\":\"U::\\\"a\\\"\",\"action\":\"A::\\\"b\\\"\",\"resource\":\"R::"
         "\\\"c\\\"\","
         "\"context\":{\"x\":1}}",
         NULL},
        {"{\"action\":\"A::\\\"b\\\"\",\"resource\":\"R::\\\"c\\\"\",\"context\":{}}",
         "the request has no principal"},
        {"{\"principal\":\"U::\\\"a\\\"\",\"resource\":\"R::\\\"c\\\"\",\"context\":{}}",
         "the request has no action"},
        {"{\"principal\":\"U::\\\"a\\\"\",\"action\":\"A::\\\"b\\\"\",\"context\":{}}",
         "the request has no resource"},
        {"{\"principal\":\"U::\\\"a\\\"\",\"action\":\"A::\\\"b\\\"\",\"resource\":\"R::"
         "\\\"c\\\"\"}",
         "the request has no context"},
        {"{\"principal\":{\"type\":\"U\",\"id\":\"a\"},\"action\":\"A::\\\"b\\\"\",\"resource\":"
         "\"R::\\\"c\\\"\",\"context\":{}}",
         "the request has no principal"},
        {"{\"principal\":\"U\",\"action\":\"A::\\\"b\\\"\",\"resource\":\"R::\\\"c\\\"\","
         "\"context\":{}}",
         "failed to parse the principal as an entity"},
        {"{\"principal\":\"U::\\\"a\\\"\",\"action\":\"A::\\\"b\\\"\",\"resource\":\"R::"
         "\\\"c\\\"\","
         "\"context\":[]}",
         "failed to create a context"},
        {"{\"principal\":\"U::\\\"a\\\"\",\"action\":\"A::\\\"b\\\"\",\"resource\":\"R::"
         "\\\"c\\\"\","
         "\"context\":{\"x\":1.5}}",
         "failed to create a context"},
        {"[]", "the request has no principal"},
        {"1", "the request has no principal"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct capture capture;
        struct json_tape tape;
        struct diag diag;
        struct cedar_request request = {0};
        struct cedar_source source = {SLICE("r.json"), slice_view_cstr(rows[i].text)};
        begin(&capture, "plain");
        CHECK_ROW(rows[i].text, json_parse(&capture.tool.parser, source.text, &capture.tool.arena,
                                           &tape, &diag) == STATUS_OK);
        enum status status = tool_parse_request(&capture.tool, &source, &tape, 0, NULL, &request);
        CHECK_ROW(rows[i].text, (status == STATUS_OK) == (rows[i].report == NULL));
        CHECK_ROW(rows[i].text,
                  rows[i].report == NULL || contains(reported(&capture), rows[i].report));
        end(&capture);
    }
}

/* -- links --------------------------------------------------------------------------------- */

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    size_t len = slice_view_cstr(text).len;
    CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len && close(fd) == 0);
}

TEST(cedar_links_files)
{
    static const char LINK[] = "[{\"template_id\":\"t\",\"link_id\":\"l\",\"args\":{\"?principal\":"
                               "\"U::\\\"a\\\"\"}}]";
    static const struct {
        const char *text, *report; /* NULL: accepted */
    } rows[] = {
        {LINK, NULL},
        {"", NULL},
        {"[]", NULL},
        {" ", "failed to parse the links file"},
        {"{}", "failed to parse the links file"},
        {"[1]", "a link is malformed"},
        {"[{\"template_id\":\"t\",\"link_id\":\"l\"}]", "a link is malformed"},
        {"[{\"template_id\":\"t\",\"link_id\":1,\"args\":{}}]", "a link is malformed"},
        {"[{\"template_id\":\"t\",\"link_id\":\"l\",\"args\":[]}]", "not a JSON object"},
        {"[{\"template_id\":\"t\",\"link_id\":\"l\",\"args\":{\"?action\":\"U::\\\"a\\\"\"}}]",
         "there is no slot"},
        {"[{\"template_id\":\"t\",\"link_id\":\"l\",\"args\":{\"?principal\":1}}]", "not a string"},
        {"[{\"template_id\":\"t\",\"link_id\":\"l\",\"args\":{\"?principal\":\"U\"}}]",
         "failed to parse the value of a slot"},
        {"[{\"template_id\":\"t\",\"link_id\":\"l\",\"args\":{}}]", "failed to link"},
        {"[{\"template_id\":\"u\",\"link_id\":\"l\",\"args\":{}}]", "failed to link"},
        {"[{\"template_id\":\"t\",\"link_id\":\"t\",\"args\":{\"?principal\":\"U::\\\"a\\\"\"}}]",
         "failed to link"},
    };
    struct cedar_source source = {SLICE("p"),
                                  SLICE("@id(\"t\") permit(principal == ?principal, action, "
                                        "resource);")};
    static struct cedar_diagnostics diagnostics;
    struct cedar_policy_set *set = NULL;
    CHECK(cedar_policy_set_parse(&source, 1, true, &set, &diagnostics) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[] = "/tmp/cedar-links-XXXXXX";
        struct capture capture;
        struct cedar_policy_set *linked = NULL;
        write_file(path, rows[i].text);
        begin(&capture, "plain");
        enum status status = tool_add_links(&capture.tool, path, set, &linked);
        CHECK_ROW(rows[i].text, (status == STATUS_OK) == (rows[i].report == NULL));
        CHECK_ROW(rows[i].text,
                  rows[i].report == NULL || contains(reported(&capture), rows[i].report));
        cedar_policy_set_free(linked);
        end(&capture);
        CHECK(unlink(path) == 0);
    }
    cedar_policy_set_free(set);
}
