#include "wire/network_range.h"

#include "support/check.h"

#include <arpa/inet.h>

static void parse(const char *text, uint8_t out[NETWORK_ADDRESS_BYTES])
{
    uint8_t ipv4[4];
    if (inet_pton(AF_INET, text, ipv4) == 1) {
        network_address_from_ipv4(ipv4, out);
    } else {
        CHECK_ROW(text, inet_pton(AF_INET6, text, out) == 1);
    }
}

/* Both ends of every block, and the neighbours beyond them. */
TEST(network_addresses_that_are_public)
{
    static const char *const PUBLIC[] = {
        "1.0.0.0",      "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",  "126.255.255.255", "128.0.0.0",       "169.253.255.255",
        "169.255.0.0",  "172.15.255.255",  "172.32.0.0",      "192.0.1.0",
        "192.0.3.0",    "192.88.98.255",   "192.88.100.0",    "192.167.255.255",
        "192.169.0.0",  "198.17.255.255",  "198.20.0.0",      "198.51.99.255",
        "198.51.101.0", "203.0.112.255",   "203.0.114.0",     "223.255.255.255",
        "8.8.8.8",      "2001:200::",      "2001:4860::8888", "2001:db7:ffff::",
        "2001:db9::",   "2003::",          "2606:4700::1111", "3ffe:ffff::",
        "3fff:1000::",
    };
    for (size_t i = 0; i < COUNT_OF(PUBLIC); i++) {
        uint8_t address[NETWORK_ADDRESS_BYTES];
        parse(PUBLIC[i], address);
        CHECK_ROW(PUBLIC[i], network_address_is_public(address));
        CHECK_ROW(PUBLIC[i], !network_address_is_loopback(address));
    }
}

TEST(network_addresses_that_are_not_public)
{
    static const char *const OTHER[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.88.99.0",
        "192.88.99.255",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::2",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::",
        "100::",
        "2001::",
        "2001:1ff:ffff::",
        "2001:db8::",
        "2001:db8:ffff::",
        "2002::",
        "2002:7f00:1::",
        "3fff::",
        "3fff:fff:ffff::",
        "4000::",
        "fc00::",
        "fdff::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
    };
    for (size_t i = 0; i < COUNT_OF(OTHER); i++) {
        uint8_t address[NETWORK_ADDRESS_BYTES];
        parse(OTHER[i], address);
        CHECK_ROW(OTHER[i], !network_address_is_public(address));
    }
}

TEST(network_addresses_of_this_machine)
{
    static const struct {
        const char *text;
        bool is_loopback;
    } ROWS[] = {
        {"127.0.0.1", true},  {"127.255.255.255", true},
        {"::1", true},        {"::ffff:127.0.0.1", true},
        {"126.0.0.1", false}, {"128.0.0.1", false},
        {"::", false},        {"::2", false},
        {"0.0.0.0", false},   {"::7f00:1", false},
        {"fe80::1", false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        uint8_t address[NETWORK_ADDRESS_BYTES];
        parse(ROWS[i].text, address);
        CHECK_ROW(ROWS[i].text, network_address_is_loopback(address) == ROWS[i].is_loopback);
    }
}

TEST(network_range_ends_at_its_last_bit)
{
    uint8_t address[NETWORK_ADDRESS_BYTES];
    struct network_range range;
    parse("10.1.2.128", range.address);
    range.bits = NETWORK_IPV4_PREFIX_BITS + 25;
    parse("10.1.2.255", address);
    CHECK(network_range_contains(&range, address));
    parse("10.1.2.127", address);
    CHECK(!network_range_contains(&range, address));
    parse("10.1.3.128", address);
    CHECK(!network_range_contains(&range, address));
    range.bits = 128;
    parse("10.1.2.128", address);
    CHECK(network_range_contains(&range, address));
    parse("10.1.2.129", address);
    CHECK(!network_range_contains(&range, address));
    range.bits = 0;
    parse("ff02::1", address);
    CHECK(network_range_contains(&range, address));
}
