#include "base/base64.h"
#include "support/check.h"

TEST(base64_accepts_canonical_forms_only)
{
    static const struct {
        const char *text;
        enum base64_form form;
        const char *bytes; /* NULL: refused */
    } rows[] = {
        {"", BASE64_STANDARD, ""},          {"Zg==", BASE64_STANDARD, "f"},
        {"Zm8=", BASE64_STANDARD, "fo"},    {"Zm9v", BASE64_STANDARD, "foo"},
        {"Zg", BASE64_URL_UNPADDED, "f"},   {"-_8", BASE64_URL_UNPADDED, "\xFB\xFF"},
        {"Zg", BASE64_STANDARD, NULL},      {"Zg=", BASE64_STANDARD, NULL},
        {"Zg===", BASE64_STANDARD, NULL},   {"Zh==", BASE64_STANDARD, NULL},
        {"Zm9=", BASE64_STANDARD, NULL},    {"Zg==", BASE64_URL_UNPADDED, NULL},
        {"Zh", BASE64_URL_UNPADDED, NULL},  {"Z", BASE64_URL_UNPADDED, NULL},
        {"+/8", BASE64_URL_UNPADDED, NULL}, {"-_8=", BASE64_STANDARD, NULL},
        {"Zm 9v", BASE64_STANDARD, NULL},   {"Zg==Zg==", BASE64_STANDARD, NULL},
        {"====", BASE64_STANDARD, NULL},    {"\nZg==", BASE64_STANDARD, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t out[16];
        size_t len = 0;
        enum status status =
            base64_decode(slice_view_cstr(rows[i].text), rows[i].form, out, sizeof(out), &len);
        CHECK_ROW(rows[i].text, (status == STATUS_OK) == (rows[i].bytes != NULL));
        CHECK_ROW(rows[i].text, rows[i].bytes == NULL ||
                                    slice_eq(slice_of(out, len), slice_view_cstr(rows[i].bytes)));
    }
}

TEST(base64_round_trips_every_length)
{
    uint8_t bytes[64];
    for (size_t len = 0; len < sizeof(bytes); len++) {
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)check_random();
        }
        for (enum base64_form form = BASE64_STANDARD; form <= BASE64_URL_UNPADDED; form++) {
            struct buf text;
            uint8_t back[64];
            size_t back_len = 0;
            buf_init(&text, 256, NULL);
            base64_encode(&text, slice_of(bytes, len), form);
            CHECK(base64_decode(buf_view(&text), form, back, sizeof(back), &back_len) == STATUS_OK);
            CHECK(slice_eq(slice_of(back, back_len), slice_of(bytes, len)));
            buf_release(&text);
        }
    }
}
