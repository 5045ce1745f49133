/* key_sets.h: the keys of the configured issuers, and what else their metadata name, read again and
 * again.
 *
 * Belongs to the control loop: files are read there at once, addresses are asked through the port
 * http_client.h. When, says core/identity/key_schedule.h. A set that cannot be read stays in use
 * until it is limits.jwks_stale_s old, so an issuer that is down for a while closes nobody out, and
 * one that is gone ends being believed. Sets are never shared between entries. Loops ask for a key
 * that nobody has through the port keys.h, and wait while it is looked for.
 */
#ifndef AEGIS_DAEMON_KEY_SETS_H
#define AEGIS_DAEMON_KEY_SETS_H

#include "base/buf.h"
#include "core/identity/identity_snapshot.h"
#include "core/ports/clock.h"
#include "core/ports/http_client.h"
#include "core/ports/keys.h"
#include "core/ports/poster.h"
#include "core/ports/random.h"
#include "core/ports/timer.h"
#include "daemon/config/config.h"

#include <stdatomic.h>

#define KEY_SETS_MAX (2 * IDENTITY_ENTRIES_MAX) /* of two configurations, during a reload */
#define KEY_SETS_ABSENT_MAX 1024                /* keys that were looked for in vain, */
#define KEY_SETS_ABSENT_MS 60000                /* and are not looked for again for so long */
#define KEY_SETS_WAITERS_MAX 4096               /* requests that wait for keys */

struct key_set;
struct key_waiter;

/* What the sets need of the world; all borrowed. */
struct key_sets_ports {
    const struct json_parser *parser;
    const struct port_crypto *crypto;
    const struct port_random *random;
    const struct port_clock *clock; /* the control loop's, as timer and poster */
    const struct port_timer *timer;
    const struct port_poster *poster;
    const struct port_http_client *http_client; /* NULL: no issuer is at an address */
    /* Append the key set document of an issuer whose keys are on this machine. */
    enum status (*read)(const struct config *config, const struct config_issuer *issuer,
                        struct buf *out, struct diag *diag);
    /* There are other keys, or other endpoints: put them in force. Before any request goes on that
     * waited for them. Not called from key_sets_adopt, whose caller puts them in force. */
    void (*changed)(void *context);
    void *context;
};

struct key_sets {
    struct key_sets_ports ports;
    const struct config *config; /* in force */
    struct key_set *sets[KEY_SETS_MAX];
    size_t count;
    struct timer due;
    struct {
        uint8_t key[CRYPTO_SHA256_BYTES];
        int64_t until_ms;
    } absent[KEY_SETS_ABSENT_MAX];
    /* By entry: until when missing keys are not looked for; read by all loops. */
    _Atomic int64_t closed_until_ms[IDENTITY_ENTRIES_MAX];
    _Atomic size_t waiter_count;
    bool is_closed, is_adopting;
};

/* Are its keys at an address, and in no file of this machine? */
bool key_sets_is_remote(const struct config_issuer *issuer);

/* Load what reading the keys of this configuration takes: once per process, before any thread and
 * before the sandbox. Statuses of curl_library_load. */
NODISCARD enum status key_sets_prepare(const struct config *config, struct diag *diag);

/* Has key_sets_prepare loaded what this one takes? */
bool key_sets_can_read(const struct config *config);

/* The way of ports.read for a process that may read the files. STATUS_NOT_FOUND jwks.file, statuses
 * of dev_issuer_open. */
NODISCARD enum status key_sets_read(const struct config *config, const struct config_issuer *issuer,
                                    struct buf *out, struct diag *diag);

void key_sets_init(struct key_sets *sets, const struct key_sets_ports *ports);

/* Add the sets of a configuration, which must live until another one is adopted or dropped: files
 * are read, addresses are asked from now on. What fails is told on stderr. */
void key_sets_adopt(struct key_sets *sets, const struct config *config);

/* Forget the sets that this configuration, the one in force, has no use for. */
void key_sets_drop_others(struct key_sets *sets, const struct config *config);

/* The operator wants all keys read now, and those that are gone to go at once. Files are read when
 * this returns, and ports.changed was not called for them. */
void key_sets_read_anew(struct key_sets *sets);

/* Was every set of the configuration in force read, well or not, since that? */
bool key_sets_were_read(const struct key_sets *sets);

/* Keys of a configuration that was adopted.
 *
 * out  issuer_count places, or as many as IDENTITY_ENTRIES_MAX; one reference each, NULL where an
 *      issuer has no keys that may be used */
void key_sets_take(const struct key_sets *sets, const struct config *config, struct jwks **out);

/* Where an issuer's metadata say that people sign in, and that it is asked about tokens; borrowed,
 * until the loop goes on. */
struct key_sets_endpoints {
    struct slice authorization, token; /* empty: not known, or not looked for */
    struct slice introspection;        /* likewise */
    bool is_local;                     /* the token endpoint speaks plain HTTP */
    bool names_issuer;                 /* discovery.h */
};

/* What was found for an issuer of a configuration that was adopted. What was found once stays when
 * the issuer is down. */
struct key_sets_endpoints key_sets_endpoints(const struct key_sets *sets,
                                             const struct config_issuer *issuer);

/* Stop reading, and let all go on that wait. Afterwards nothing is looked for. */
void key_sets_close(struct key_sets *sets);

/* After key_sets_close. */
void key_sets_release(struct key_sets *sets);

/* A loop's way to the sets; borrowed by its port. */
struct key_sets_user {
    struct key_sets *sets;
    const struct port_poster *poster; /* of the loop */
    const struct port_clock *clock;   /* of the loop */
};

struct port_keys key_sets_port(struct key_sets_user *user);

#endif
