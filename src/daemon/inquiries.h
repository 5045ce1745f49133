/* inquiries.h: issuers asked what only they can say, for all loops.
 *
 * Belongs to the control loop. Loops ask through the port inquiry.h and wait. About one thing an
 * issuer is asked once, however many wait; what it said is remembered for as long as its entry
 * allows, a no for a few seconds at most; how many questions are under way has a limit; and an
 * issuer that fails again and again is left alone for a while. Nothing is kept across a reload:
 * who is asked, and with what secret, may have changed, so what was under way is asked anew. How a
 * question is put and an answer read is a matter of its kind (inquiry_kind.h).
 */
#ifndef AEGIS_DAEMON_INQUIRIES_H
#define AEGIS_DAEMON_INQUIRIES_H

#include "core/ports/clock.h"
#include "core/ports/crypto.h"
#include "core/ports/http_client.h"
#include "core/ports/inquiry.h"
#include "core/ports/poster.h"
#include "daemon/config/config.h"
#include "json/tape.h"

#include <stdatomic.h>

#define INQUIRIES_KNOWN_MAX 1024 /* answers that are remembered */
#define INQUIRIES_NO_MS 10000    /* a no, at most */
#define INQUIRIES_WAITERS_MAX 4096
/* An issuer that fails so often, one time after the other, is down and left alone: for the first of
 * these times, twice as long after each failure more, up to the last. */
#define INQUIRIES_FAILURES 3
#define INQUIRIES_REST_MS 1000
#define INQUIRIES_REST_MS_MAX 30000
#define INQUIRIES_TELL_MS 60000 /* between two messages about one issuer */

struct key_sets;

struct inquiries_ports {
    const struct json_parser *parser;
    const struct port_crypto *crypto;
    const struct port_clock *clock; /* the control loop's, as poster */
    const struct port_poster *poster;
    const struct port_http_client *http_client; /* NULL: nobody can be asked */
    const struct key_sets *keys; /* that have read where issuers are asked; NULL: none have */
};

struct said;
struct inquiry;
struct inquiries;

/* A loop's way to them; borrowed by its port. */
struct inquiries_user {
    struct inquiries *owner;
    const struct port_poster *poster; /* of the loop */
};

/* How an issuer of the configuration fares. */
struct inquiries_issuer {
    unsigned failures; /* one after the other */
    int64_t resting_until_ms, told_ms;
};

struct inquiries {
    struct inquiries_ports ports;
    const struct config *config; /* in force; NULL: none yet */
    const struct slice *secrets; /* by issuer */
    struct inquiry *inquiries;   /* under way */
    size_t inquiry_count;
    uint64_t next_ticket;
    struct inquiries_issuer issuers[CONFIG_ISSUERS_MAX]; /* of the configuration */
    struct {
        uint8_t key[CRYPTO_SHA256_BYTES];
        int64_t until_ms;
        struct said *said; /* one reference; NULL: free */
    } known[INQUIRIES_KNOWN_MAX];
    struct inquiries_user own; /* of what has to be asked before something else */
    _Atomic size_t waiter_count;
    bool is_closed;
};

void inquiries_init(struct inquiries *self, const struct inquiries_ports *ports);

/* Ask by that configuration from now on; it and the secrets must live until another is adopted, or
 * until inquiries_close. */
void inquiries_adopt(struct inquiries *self, const struct config *config,
                     const struct slice *secrets);

/* Stop asking, and let all go on that wait. Afterwards nobody is asked. */
void inquiries_close(struct inquiries *self);

/* After inquiries_close. */
void inquiries_release(struct inquiries *self);

struct port_inquiry inquiries_port(struct inquiries_user *user);

#endif
