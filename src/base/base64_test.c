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

static bool is_digit(uint8_t byte, enum base64_form form)
{
    struct slice last = form == BASE64_STANDARD ? SLICE("+/") : SLICE("-_");
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || slice_find_byte(last, byte) < last.len;
}

/* One byte of each value in each place: what is no digit is refused, what is one comes back. */
TEST(base64_knows_every_byte)
{
    for (size_t i = 0; i < (size_t)2 * 8 * 256; i++) {
        enum base64_form form = i % 2 == 0 ? BASE64_STANDARD : BASE64_URL_UNPADDED;
        uint8_t text[8] = {'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B'};
        uint8_t byte = (uint8_t)(i / 16);
        uint8_t out[8];
        size_t len = 0;
        bool is_pad = form == BASE64_STANDARD && byte == '=' && i / 2 % 8 == 7;
        text[i / 2 % 8] = byte;
        bool is_read = base64_decode(slice_of(text, 8), form, out, sizeof(out), &len) == STATUS_OK;
        CHECK(is_pad || is_read == is_digit(byte, form));
        struct buf again;
        buf_init(&again, 64, NULL);
        base64_encode(&again, slice_of(out, len), form);
        CHECK(!is_read || slice_eq(buf_view(&again), slice_of(text, 8)));
        buf_release(&again);
    }
}

/* The digits behind the last four, too. */
TEST(base64_refuses_what_is_no_digit_in_the_rest)
{
    for (size_t i = 0; i < (size_t)3 * 256; i++) {
        uint8_t text[7] = {'A', 'A', 'A', 'A', 'A', 'A', 'A'};
        uint8_t out[8];
        size_t len = 0;
        uint8_t byte = (uint8_t)(i / 3);
        text[4 + i % 3] = byte;
        bool is_read = base64_decode(slice_of(text, 7), BASE64_URL_UNPADDED, out, sizeof(out),
                                     &len) == STATUS_OK;
        CHECK(!is_read || is_digit(byte, BASE64_URL_UNPADDED));
        CHECK(is_read || !is_digit(byte, BASE64_URL_UNPADDED) || i % 3 == 2);
    }
}
