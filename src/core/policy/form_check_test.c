#include "core/policy/form_check.h"

#include "base/buf.h"

#include "support/check.h"
#include "support/corpus.h"

#define FORM(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"

static const char *code_of(const char *form, const char *message)
{
    struct arena arena;
    struct json_tape tape;
    struct diag diag = {0};
    arena_init(&arena, 65536, NULL);
    CHECK_ROW(form,
              json_parse(corpus_parser(), slice_view_cstr(form), &arena, &tape, NULL) == STATUS_OK);
    enum status status =
        form_check((struct json_place){&tape, 0}, slice_view_cstr(message), &arena, &diag);
    CHECK_ROW(form, (status == STATUS_OK) == (diag.code == NULL));
    arena_release(&arena);
    return diag.code;
}

TEST(form_shape)
{
    static const struct {
        const char *form, *code;
    } rows[] = {
        {FORM(""), NULL},
        {FORM("\"env\":{\"type\":\"string\"}"), NULL},
        {FORM("\"env\":{\"type\":\"string\",\"enum\":[\"a\"],\"enumNames\":[\"A\"]}"), NULL},
        {FORM("\"n\":{\"type\":\"integer\",\"minimum\":1},\"x\":{\"type\":\"number\"}"), NULL},
        {FORM("\"sure\":{\"type\":\"boolean\",\"default\":true}"), NULL},
        {FORM("\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"a\"]}}"), NULL},
        {FORM("\"l\":{\"type\":\"array\",\"items\":{\"anyOf\":[{\"const\":\"a\"}]}}"), NULL},
        {"{}", "form.shape"},
        {"[]", "form.shape"},
        {"\"form\"", "form.shape"},
        {"{\"type\":\"object\"}", "form.shape"},
        {"{\"properties\":{}}", "form.shape"},
        {"{\"type\":\"object\",\"properties\":[]}", "form.shape"},
        {"{\"type\":\"array\",\"properties\":{}}", "form.shape"},
        {FORM("\"a\":{}"), "form.shape"},
        {FORM("\"a\":true"), "form.shape"},
        {FORM("\"a\":{\"type\":\"null\"}"), "form.shape"},
        {FORM("\"a\":{\"type\":[\"string\",\"number\"]}"), "form.shape"},
        {FORM("\"a\":{\"type\":\"object\",\"properties\":{}}"), "form.shape"},
        {FORM("\"a\":{\"type\":\"array\"}"), "form.shape"},
        {FORM("\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"), "form.shape"},
        {FORM("\"a\":{\"type\":\"string\",\"title\":7}"), "form.shape"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].form, str_eq(code_of(rows[i].form, "Which?"), rows[i].code));
    }
}

TEST(form_has_a_bound_of_fields)
{
    for (size_t fields = FORM_CHECK_FIELDS_MAX; fields <= FORM_CHECK_FIELDS_MAX + 1; fields++) {
        char text[8192] = "";
        struct buf buf;
        buf_init(&buf, sizeof(text) - 1, NULL);
        buf_append(&buf, SLICE("{\"type\":\"object\",\"properties\":{"));
        for (size_t i = 0; i < fields; i++) {
            buf_append(&buf, i == 0 ? SLICE("\"f") : SLICE(",\"f"));
            buf_append_u64(&buf, i);
            buf_append(&buf, SLICE("\":{\"type\":\"boolean\"}"));
        }
        buf_append(&buf, SLICE("}}"));
        CHECK(buf_status(&buf) == STATUS_OK);
        memcpy(text, buf.ptr, buf.len);
        buf_release(&buf);
        CHECK_ROW(text, (code_of(text, "Which?") == NULL) == (fields == FORM_CHECK_FIELDS_MAX));
    }
}

TEST(form_asks_for_no_secret)
{
    static const struct {
        const char *field, *message;
        bool is_secret;
    } rows[] = {
        {"\"password\":{\"type\":\"string\"}", "", true},
        {"\"PASSWORD\":{\"type\":\"string\"}", "", true},
        {"\"dbPassword\":{\"type\":\"string\"}", "", true},
        {"\"db_password_2\":{\"type\":\"string\"}", "", true},
        {"\"mypassword\":{\"type\":\"string\"}", "", true},
        {"\"pass\\u0077ord\":{\"type\":\"string\"}", "", true},
        {"\"api_key\":{\"type\":\"string\"}", "", true},
        {"\"apiKey\":{\"type\":\"string\"}", "", true},
        {"\"APIKey\":{\"type\":\"string\"}", "", true},
        {"\"api-key\":{\"type\":\"string\"}", "", true},
        {"\"token\":{\"type\":\"string\"}", "", true},
        {"\"clientSecret\":{\"type\":\"string\"}", "", true},
        {"\"pin\":{\"type\":\"integer\"}", "", true},
        {"\"cvv\":{\"type\":\"number\"}", "", true},
        {"\"v\":{\"type\":\"string\",\"title\":\"Secret\"}", "", true},
        {"\"v\":{\"type\":\"string\",\"description\":\"the API key of your account\"}", "", true},
        {"\"v\":{\"type\":\"string\"}", "Please enter your password", true},
        {"\"v\":{\"type\":\"string\"}", "Your credit card, please", true},
        {"\"maxTokens\":{\"type\":\"integer\"}", "", false},
        {"\"pinned\":{\"type\":\"string\"}", "", false},
        {"\"spin\":{\"type\":\"string\"}", "", false},
        {"\"keyApi\":{\"type\":\"string\"}", "", false},
        {"\"rotate\":{\"type\":\"boolean\"}", "Rotate the password of the database?", false},
        {"\"secret\":{\"type\":\"string\",\"enum\":[\"db\",\"web\"]}", "Which secret?", false},
        {"\"token\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"a\",\"title\":\"A\"}]}", "",
         false},
        {"\"v\":{\"type\":\"string\",\"description\":\"the token of the parser\"}", "", false},
        {"\"branch\":{\"type\":\"string\"}", "Which branch?", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf form;
        buf_init(&form, 4096, NULL);
        buf_append(&form, SLICE("{\"type\":\"object\",\"properties\":{"));
        buf_append(&form, slice_view_cstr(rows[i].field));
        buf_append(&form, slice_of("}}", 3)); /* with its NUL */
        const char *code = code_of((const char *)form.ptr, rows[i].message);
        CHECK_ROW(rows[i].field, str_eq(code, rows[i].is_secret ? "form.secret" : NULL));
        buf_release(&form);
    }
}

#define CHOICES                                                                                    \
    FORM("\"env\":{\"type\":\"string\",\"enum\":[\"test\",\"live\"]},"                             \
         "\"size\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"s\",\"title\":\"Small\"}]},"       \
         "\"days\":{\"type\":\"array\",\"items\":{\"anyOf\":[{\"const\":\"mo\"},"                  \
         "{\"const\":\"tu\"}]}},\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"         \
         "\"who\":{\"type\":\"string\"}")

TEST(form_content_fits)
{
    static const struct {
        const char *content;
        bool fits;
    } rows[] = {
        {"{}", true},
        {"{\"env\":\"test\",\"size\":\"s\",\"days\":[\"tu\"],\"n\":9,\"who\":\"ann\"}", true},
        {"{\"days\":[]}", true},
        {"{\"other\":[1]}", true},
        {"[]", false},
        {"null", false},
        {"{\"env\":\"prod\"}", false},
        {"{\"env\":[\"test\"]}", false},
        {"{\"size\":\"Small\"}", false},
        {"{\"size\":[\"s\"]}", false},
        {"{\"days\":\"mo\"}", false},
        {"{\"days\":[\"mo\",\"we\"]}", false},
        {"{\"days\":[null]}", false},
        {"{\"n\":0}", false},
        {"{\"n\":10}", false},
        {"{\"n\":1.5}", false},
        {"{\"n\":\"1\"}", false},
        {"{\"who\":{\"a\":1}}", false},
        {"{\"WHO\":\"ann\"}", false},
    };
    struct arena arena;
    struct json_tape form;
    arena_init(&arena, 65536, NULL);
    CHECK(json_parse(corpus_parser(), SLICE(CHOICES), &arena, &form, NULL) == STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_tape content;
        struct diag diag = {0};
        CHECK(json_parse(corpus_parser(), slice_view_cstr(rows[i].content), &arena, &content,
                         NULL) == STATUS_OK);
        enum status status = form_check_content((struct json_place){&form, 0},
                                                (struct json_place){&content, 0}, &diag);
        CHECK_ROW(rows[i].content, (status == STATUS_OK) == rows[i].fits);
        CHECK_ROW(rows[i].content, str_eq(diag.code, rows[i].fits ? NULL : "form.content"));
    }
    arena_release(&arena);
}
