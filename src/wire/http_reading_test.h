/* http_reading_test.h: one connection's bytes read to their end, as a verdict that can be compared.
 *
 * Shared by the tests of the reader; a verdict holds no pointers into what was read. */
#ifndef AEGIS_WIRE_HTTP_READING_TEST_H
#define AEGIS_WIRE_HTTP_READING_TEST_H

#include "wire/http_reader.h"

/* How the bytes arrive: all at once, in runs of exactly that many, or in runs of random length. */
#define READING_WHOLE SIZE_MAX
#define READING_RANDOM ((size_t)0)

struct http_reading {
    bool is_refused;      /* an error, at the latest when the peer closed */
    bool is_cut;          /* bytes came after a message that ends the connection: never read */
    const char *code;     /* of the refusal */
    int answer;           /* of the refusal */
    size_t message_count; /* read to their ends */
    uint64_t body_bytes, body_hash;
    bool keep_alive; /* of the last head */
    bool has_host;   /* the last head had one */
};

/* Reads text up to an error, a message that ends the connection, or its end, which closes. */
struct http_reading http_reading_of(enum http_role role, const struct http_limits *limits,
                                    struct slice text, size_t run_bytes);

/* Reads text whole; checks that byte by byte and two random splits read the same. */
struct http_reading http_reading_any_split(const char *row, enum http_role role, struct slice text);

#endif
