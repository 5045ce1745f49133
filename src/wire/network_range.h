/* network_range.h: a block of IP addresses, and which addresses are the public internet's.
 *
 * All addresses are 16 bytes: IPv4 is written as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), so a range has
 * one form for both. Pure numbers: texts are parsed by whoever reads them.
 */
#ifndef AEGIS_WIRE_NETWORK_RANGE_H
#define AEGIS_WIRE_NETWORK_RANGE_H

#include "base/slice.h"

#define NETWORK_ADDRESS_BYTES 16
#define NETWORK_IPV4_PREFIX_BITS 96

/* The first bits of an address; bits beyond them are not looked at. */
struct network_range {
    uint8_t address[NETWORK_ADDRESS_BYTES];
    uint8_t bits; /* 0..128; of an IPv4 range those of ::ffff:0:0/96 included */
};

/* Four bytes as 16. */
void network_address_from_ipv4(const uint8_t ipv4[4], uint8_t out[NETWORK_ADDRESS_BYTES]);

bool network_range_contains(const struct network_range *range,
                            const uint8_t address[NETWORK_ADDRESS_BYTES]);

/* 127.0.0.0/8 or ::1. */
bool network_address_is_loopback(const uint8_t address[NETWORK_ADDRESS_BYTES]);

/* Can the address be reached over the public internet, and lead nowhere else? What is loopback,
 * link-local, private, shared (CGNAT), multicast, reserved, for documentation, or an IPv6 form that
 * carries an IPv4 address to a translator or a tunnel is not (IANA special-purpose registries, RFC
 * 6890). */
bool network_address_is_public(const uint8_t address[NETWORK_ADDRESS_BYTES]);

#endif
