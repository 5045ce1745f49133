#include "core/gateway/failed_sources.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

TEST(failed_sources_tell_addresses_apart)
{
    static const struct {
        const char *text;
        bool is_address, is_v6;
        uint8_t address[FAILED_SOURCE_BYTES];
    } rows[] = {
        {"10.0.0.1", true, false, {10, 0, 0, 1}},
        {"255.255.255.255", true, false, {255, 255, 255, 255}},
        {"::ffff:10.0.0.1", true, false, {10, 0, 0, 1}},
        {"::ffff:a00:1", true, false, {10, 0, 0, 1}},
        {"2001:db8:1:2::9", true, true, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2}},
        {"2001:db8:1:2:3:4:5:6", true, true, {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2}},
        {"2001:DB8::1", true, true, {0x20, 0x01, 0x0d, 0xb8}},
        {"2001::1:2:3:4:5", true, true, {0x20, 0x01, 0, 0, 0, 0, 0, 1}},
        {"fe80::1%eth0", true, true, {0xfe, 0x80}},
        {"::1", true, true, {0}},
        {"::", true, true, {0}},
        {"", false, false, {0}},
        {"10.0.0", false, false, {0}},
        {"10.0.0.1.2", false, false, {0}},
        {"10.0.0.256", false, false, {0}},
        {"10.0.0.-1", false, false, {0}},
        {"1:2:3", false, false, {0}},
        {"1:2:3:4:5:6:7:8:9", false, false, {0}},
        {"1::2::3", false, false, {0}},
        {"12345::", false, false, {0}},
        {"g::", false, false, {0}},
        {":", false, false, {0}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct failed_source source;
        bool is_address = failed_source_read(slice_view_cstr(rows[i].text), &source);
        CHECK_ROW(rows[i].text, is_address == rows[i].is_address);
        CHECK_ROW(rows[i].text, !is_address || source.is_v6 == rows[i].is_v6);
        CHECK_ROW(rows[i].text,
                  !is_address || memcmp(source.address, rows[i].address, FAILED_SOURCE_BYTES) == 0);
    }
}

TEST(failed_sources_have_a_budget_that_comes_back)
{
    static struct failed_sources sources;
    static const struct failure_rate RATE = {3, 60};
    const struct slice peer = SLICE("10.0.0.1");
    memset(&sources, 0, sizeof(sources));
    for (int i = 0; i < 3; i++) {
        CHECK(!failed_sources_is_over(&sources, &RATE, peer, 1000));
        failed_sources_add(&sources, &RATE, peer, 1000);
    }
    CHECK(failed_sources_is_over(&sources, &RATE, peer, 1000));
    CHECK(!failed_sources_is_over(&sources, &RATE, SLICE("10.0.0.2"), 1000));
    CHECK(failed_sources_is_over(&sources, &RATE, peer, 1999));
    CHECK(!failed_sources_is_over(&sources, &RATE, peer, 2000));
    /* However many come meanwhile, what is owed does not grow. */
    for (int i = 0; i < 1000; i++) {
        failed_sources_add(&sources, &RATE, peer, 2000);
    }
    CHECK(failed_sources_is_over(&sources, &RATE, peer, 2999));
    CHECK(!failed_sources_is_over(&sources, &RATE, peer, 3000));
    /* One customer has many addresses of IPv6, and one budget. */
    for (int i = 0; i < 3; i++) {
        failed_sources_add(&sources, &RATE, SLICE("2001:db8:1:2::1"), 1000);
    }
    CHECK(failed_sources_is_over(&sources, &RATE, SLICE("2001:db8:1:2:ffff::"), 1000));
    CHECK(!failed_sources_is_over(&sources, &RATE, SLICE("2001:db8:1:3::1"), 1000));
    CHECK(!failed_sources_is_over(&sources, &RATE, SLICE(""), 1000));
}

/* A crowd of addresses takes no memory, and does not free those that fail now. */
TEST(failed_sources_forget_the_oldest)
{
    static struct failed_sources sources;
    static const struct failure_rate RATE = {1, 1};
    memset(&sources, 0, sizeof(sources));
    for (int i = 0; i < 100000; i++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        struct slice peer = slice_of(text, (size_t)len);
        failed_sources_add(&sources, &RATE, peer, i);
        CHECK(failed_sources_is_over(&sources, &RATE, peer, i));
    }
}
