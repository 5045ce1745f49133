#include "core/sign_in/form.h"

#include "support/check.h"

static const char *read_code(struct slice text, struct arena *arena, struct form *form)
{
    struct diag diag = {0};
    return form_read(text, arena, form, &diag) == STATUS_OK ? NULL : diag.code;
}

TEST(form_reads_parameters)
{
    static const struct {
        const char *name, *text;
        const char *value; /* of "a"; NULL: refused */
        const char *code;
    } rows[] = {
        {"nothing", "", "", NULL},
        {"a value", "a=b", "b", NULL},
        {"no value", "a", "", NULL},
        {"an empty value", "a=", "", NULL},
        {"an equals sign inside", "a=b=c", "b=c", NULL},
        {"a space", "a=b+c%20d", "b c d", NULL},
        {"an escaped name", "%61=b", "b", NULL},
        {"an escape in lower case", "a=%c3%a4", "\xC3\xA4", NULL},
        {"others around", "x=1&a=2&y=3", "2", NULL},
        {"another case", "A=b", "", NULL},
        {"twice", "a=b&a=b", NULL, "sign_in.repeated"},
        {"twice, escaped", "a=b&%61=c", NULL, "sign_in.repeated"},
        {"nothing twice", "&&", NULL, "sign_in.repeated"},
        {"half an escape", "a=%4", NULL, "sign_in.form"},
        {"an escape at the end", "a=%", NULL, "sign_in.form"},
        {"no digits", "a=%zz", NULL, "sign_in.form"},
        {"a control character", "a=%00", NULL, "sign_in.form"},
        {"a line end", "a=b%0d%0ac", NULL, "sign_in.form"},
        {"no UTF-8", "a=%ff", NULL, "sign_in.form"},
        {"a bad name", "%ff=a", NULL, "sign_in.form"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct form form;
        arena_init(&arena, 65536, NULL);
        const char *code = read_code(slice_view_cstr(rows[i].text), &arena, &form);
        CHECK_ROW(rows[i].name, str_eq(code, rows[i].code));
        CHECK_ROW(rows[i].name, code != NULL || slice_eq(form_value(&form, SLICE("a")),
                                                         slice_view_cstr(rows[i].value)));
        arena_release(&arena);
    }
}

TEST(form_has_limits)
{
    static uint8_t text[FORM_BYTES_MAX + 1];
    char many[4 * (FORM_FIELDS_MAX + 1)];
    size_t len = 0;
    struct arena arena;
    struct form form;
    arena_init(&arena, 1 << 20, NULL);
    memset(text, 'x', sizeof(text));
    CHECK(read_code(slice_of(text, FORM_BYTES_MAX), &arena, &form) == NULL);
    CHECK(str_eq(read_code(slice_of(text, FORM_BYTES_MAX + 1), &arena, &form), "sign_in.form"));
    for (size_t i = 0; i <= FORM_FIELDS_MAX; i++) {
        many[len++] = (char)('A' + i);
        many[len++] = '&';
    }
    CHECK(read_code(slice_of(many, len - 2), &arena, &form) == NULL);
    CHECK(form.count == FORM_FIELDS_MAX);
    CHECK(str_eq(read_code(slice_of(many, len), &arena, &form), "sign_in.form"));
    arena_release(&arena);
    arena_init(&arena, 0, NULL);
    CHECK(str_eq(read_code(SLICE("a=b"), &arena, &form), "sign_in.memory"));
    arena_release(&arena);
}

TEST(form_writes_what_it_reads)
{
    struct buf text;
    struct arena arena;
    struct form form;
    const struct slice odd = SLICE("a&b=c d+%/?#\xC3\xA4~");
    arena_init(&arena, 65536, NULL);
    buf_init(&text, 4096, NULL);
    buf_append(&text, SLICE("https://client.test/cb?"));
    form_append(&text, SLICE("code"), odd);
    form_append(&text, SLICE("x y"), SLICE("1"));
    CHECK(slice_eq(buf_view(&text), SLICE("https://client.test/cb?code=a%26b%3Dc%20d%2B%25%2F%3F%23"
                                          "%C3%A4~&x%20y=1")));
    buf_consume(&text, 23);
    CHECK(read_code(buf_view(&text), &arena, &form) == NULL);
    CHECK(slice_eq(form_value(&form, SLICE("code")), odd));
    CHECK(slice_eq(form_value(&form, SLICE("x y")), SLICE("1")));
    buf_release(&text);
    arena_release(&arena);
}

TEST(form_writes_a_secret_for_basic)
{
    static const struct {
        const char *name, *id, *secret, *value;
    } rows[] = {
        {"plain", "s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw",
         "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"},
        {"a%3Ab:c%20d%25", "a:b", "c d%", "Basic YSUzQWI6YyUyMGQlMjU="},
        {"no secret", "a", "", "Basic YTo="},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        buf_init(&out, 4096, NULL);
        form_append_basic(&out, slice_view_cstr(rows[i].id), slice_view_cstr(rows[i].secret));
        CHECK_ROW(rows[i].name, slice_eq(buf_view(&out), slice_view_cstr(rows[i].value)));
        buf_release(&out);
    }
}
