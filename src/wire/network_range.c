#include "wire/network_range.h"

/* clang-format off */
#define IPV4(a, b, c, d, bits) {{[10] = 0xFF, [11] = 0xFF, (a), (b), (c), (d)}, NETWORK_IPV4_PREFIX_BITS + (bits)}
/* clang-format on */

static const struct network_range LOOPBACK[] = {
    IPV4(127, 0, 0, 0, 8),
    {{[15] = 1}, 128},
};

static const struct network_range GLOBAL_UNICAST = {{0x20}, 3};

static const struct network_range IPV4_ALL = IPV4(0, 0, 0, 0, 0);

/* RFC 6890 and the registries it began. */
static const struct network_range NOT_PUBLIC[] = {
    IPV4(0, 0, 0, 0, 8),            /* this network */
    IPV4(10, 0, 0, 0, 8),           /* private */
    IPV4(100, 64, 0, 0, 10),        /* shared, behind a carrier's NAT */
    IPV4(127, 0, 0, 0, 8),          /* loopback */
    IPV4(169, 254, 0, 0, 16),       /* link-local: metadata services are here */
    IPV4(172, 16, 0, 0, 12),        /* private */
    IPV4(192, 0, 0, 0, 24),         /* protocol assignments */
    IPV4(192, 0, 2, 0, 24),         /* documentation */
    IPV4(192, 88, 99, 0, 24),       /* 6to4 relays */
    IPV4(192, 168, 0, 0, 16),       /* private */
    IPV4(198, 18, 0, 0, 15),        /* benchmarks */
    IPV4(198, 51, 100, 0, 24),      /* documentation */
    IPV4(203, 0, 113, 0, 24),       /* documentation */
    IPV4(224, 0, 0, 0, 3),          /* multicast, reserved, broadcast */
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0D, 0xB8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
    {{0x3F, 0xFF}, 20},             /* documentation */
};

void network_address_from_ipv4(const uint8_t ipv4[4], uint8_t out[NETWORK_ADDRESS_BYTES])
{
    memcpy(out, IPV4_ALL.address, NETWORK_ADDRESS_BYTES);
    memcpy(out + NETWORK_IPV4_PREFIX_BITS / 8, ipv4, 4);
}

bool network_range_contains(const struct network_range *range,
                            const uint8_t address[NETWORK_ADDRESS_BYTES])
{
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    if (memcmp(range->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((range->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool is_in(const struct network_range *ranges, size_t count,
                  const uint8_t address[NETWORK_ADDRESS_BYTES])
{
    for (size_t i = 0; i < count; i++) {
        if (network_range_contains(&ranges[i], address)) {
            return true;
        }
    }
    return false;
}

bool network_address_is_loopback(const uint8_t address[NETWORK_ADDRESS_BYTES])
{
    return is_in(LOOPBACK, COUNT_OF(LOOPBACK), address);
}

bool network_address_is_public(const uint8_t address[NETWORK_ADDRESS_BYTES])
{
    bool is_assigned = network_range_contains(&IPV4_ALL, address) ||
                       network_range_contains(&GLOBAL_UNICAST, address);
    return is_assigned && !is_in(NOT_PUBLIC, COUNT_OF(NOT_PUBLIC), address);
}
