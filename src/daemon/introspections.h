/* introspections.h: issuers asked about tokens that only they can read, for all loops.
 *
 * Belongs to the control loop. Loops ask through the port introspection.h and wait. About one token
 * an issuer is asked once, however many wait; what it said is remembered for as long as its entry
 * allows, a no for a few seconds at most; how many questions are under way has a limit; and an
 * issuer that fails again and again is left alone for a while. Nothing is kept across a reload:
 * who is asked, and with what secret, may have changed, so what was under way is asked anew.
 */
#ifndef AEGIS_DAEMON_INTROSPECTIONS_H
#define AEGIS_DAEMON_INTROSPECTIONS_H

#include "core/identity/issuer_entry.h"
#include "core/ports/clock.h"
#include "core/ports/http_client.h"
#include "core/ports/introspection.h"
#include "core/ports/poster.h"
#include "daemon/config/config.h"
#include "json/tape.h"

#include <stdatomic.h>

#define INTROSPECTIONS_KNOWN_MAX 1024 /* answers that are remembered */
#define INTROSPECTIONS_NO_MS 10000    /* a no, at most */
#define INTROSPECTIONS_WAITERS_MAX 4096
/* An issuer that fails so often, one time after the other, is down and left alone: for the first of
 * these times, twice as long after each failure more, up to the last. */
#define INTROSPECTIONS_FAILURES 3
#define INTROSPECTIONS_REST_MS 1000
#define INTROSPECTIONS_REST_MS_MAX 30000
#define INTROSPECTIONS_TELL_MS 60000 /* between two messages about one issuer */

struct introspections_ports {
    const struct json_parser *parser;
    const struct port_crypto *crypto;
    const struct port_clock *clock; /* the control loop's, as poster */
    const struct port_poster *poster;
    const struct port_http_client *http_client; /* NULL: nobody can be asked */
};

struct said;
struct inquiry;

/* How an issuer of the configuration fares. */
struct introspections_issuer {
    unsigned failures; /* one after the other */
    int64_t resting_until_ms, told_ms;
};

struct introspections {
    struct introspections_ports ports;
    const struct config *config; /* in force; NULL: none yet */
    const struct slice *secrets; /* by issuer */
    struct inquiry *inquiries;   /* under way */
    size_t inquiry_count;
    uint64_t next_ticket;
    struct introspections_issuer issuers[CONFIG_ISSUERS_MAX]; /* of the configuration */
    struct {
        uint8_t key[CRYPTO_SHA256_BYTES];
        int64_t until_ms;
        struct said *said; /* one reference; NULL: free */
    } known[INTROSPECTIONS_KNOWN_MAX];
    _Atomic size_t waiter_count;
    bool is_closed;
};

/* What an entry's answers are held to, by the configuration; texts are borrowed. */
struct issuer_inquiry introspections_rules(const struct config_issuer *issuer);

void introspections_init(struct introspections *self, const struct introspections_ports *ports);

/* Ask by that configuration from now on; it and the secrets must live until another is adopted, or
 * until introspections_close. */
void introspections_adopt(struct introspections *self, const struct config *config,
                          const struct slice *secrets);

/* Stop asking, and let all go on that wait. Afterwards nobody is asked. */
void introspections_close(struct introspections *self);

/* After introspections_close. */
void introspections_release(struct introspections *self);

/* A loop's way to them; borrowed by its port. */
struct introspections_user {
    struct introspections *owner;
    const struct port_poster *poster; /* of the loop */
};

struct port_introspection introspections_port(struct introspections_user *user);

#endif
