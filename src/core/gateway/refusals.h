/* refusals.h: the records of what is refused before anybody knows who asks.
 *
 * Whoever can reach the port can be refused as often as he likes, and each refusal would be a
 * record: a way to fill the disk. So the records of one kind of refusal (type, code, address) have
 * a budget, and all kinds of a loop together have a larger one. Within it every refusal has its
 * record; beyond it refusals are counted, and a record says how many of which kind there were. A
 * single refusal is never only counted, unless the loop is being flooded from many addresses.
 */
#ifndef AEGIS_CORE_GATEWAY_REFUSALS_H
#define AEGIS_CORE_GATEWAY_REFUSALS_H

#include "core/audit/record.h"
#include "core/ports/timer.h"

#define REFUSAL_KINDS_MAX 64      /* kinds with a budget of their own at one time */
#define REFUSAL_BUDGETS_OF_ALL 4  /* what all kinds have together, in budgets of one */
#define REFUSAL_COUNT_MS 10000    /* from the first counted one to the records of the counts */
#define REFUSAL_PEER_BYTES_MAX 64 /* more than an address has; a longer one is cut */
#define REFUSAL_RECORDS_DEFAULT 1000
#define REFUSAL_RECORDS_PER_S_DEFAULT 10

struct gateway;

struct refusal_rate {
    int64_t records; /* of one kind at once; at least 1 */
    int64_t per_s;   /* and of one kind in a long time; 1..1000 */
};

struct refusal_kind {
    enum audit_type type;
    const char *code; /* a constant */
    char peer[REFUSAL_PEER_BYTES_MAX];
    size_t peer_len;
    int64_t spent_until_us; /* when its whole budget is there again; in the past: it is */
    uint64_t counted;       /* that have no record of their own */
};

struct refusals {
    struct refusal_kind kinds[REFUSAL_KINDS_MAX];
    struct refusal_kind crowd; /* of all kinds together; counts those that found no place above */
    struct timer due;          /* the records of the counts */
};

/* Has this refusal a record of its own? Otherwise it was counted. */
bool refusals_take(struct refusals *refusals, const struct refusal_rate *rate,
                   const struct refusal_kind *kind, int64_t now_ms);

/* A kind that was counted, copied, and its count set back; false when there is none. The crowd has
 * the code refusals.crowd and no address. */
bool refusals_next_counted(struct refusals *refusals, struct refusal_kind *out);

/* Append the record of an event that is no operation's and that nobody waits for; its id and its
 * times are filled in. */
void gateway_record_event(struct gateway *gateway, struct audit_record *record);

/* Record a refusal without an operation, or count it. code is a constant. */
void gateway_record_refusal(struct gateway *gateway, enum audit_type type, struct slice peer,
                            const char *code);

/* The same question for an operation, which writes its record itself. */
bool gateway_refusal_has_record(struct gateway *gateway, enum audit_type type, struct slice peer,
                                const char *code);

/* Write the records of what was counted, now. */
void gateway_record_counted(struct gateway *gateway);

#endif
