/* status.h: what a caller may do about a failure.
 *
 * A status tells the caller how to react; the precise rule that failed is a stable code in a diag
 * (diag.h). A denial by policy is a decision, never a status.
 */
#ifndef AEGIS_BASE_STATUS_H
#define AEGIS_BASE_STATUS_H

#define NODISCARD __attribute__((warn_unused_result))
/* Never inlined: what is seldom done costs registers where it is inlined into what often is. */
#define SELDOM __attribute__((noinline))
/* What refuses: the compiler moves it, and what leads to it, out of the way of what goes well. */
#define COLD __attribute__((cold))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum status {
    STATUS_OK = 0,
    STATUS_INVALID,         /* the input breaks a rule; sending it again will fail again */
    STATUS_UNAUTHENTICATED, /* the caller is not who it must be */
    STATUS_NOT_FOUND,       /* the named thing does not exist, or must look as if it did not */
    STATUS_LIMIT,           /* a declared bound was reached */
    STATUS_CONFLICT,        /* the state of the world differs from what the caller assumed */
    STATUS_UNAVAILABLE,     /* a dependency is down; later may work */
    STATUS_TIMEOUT,
    STATUS_CANCELLED,
    STATUS_IO,
    STATUS_INTERNAL, /* our own defect */
};

/* Return at once when expr is not STATUS_OK. Only where nothing needs undoing (arena memory). */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum status try_status_ = (expr);                                                          \
        if (try_status_ != STATUS_OK) {                                                            \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

/* Stable lower-case name of a status, for logs. Never NULL. */
const char *status_name(enum status status);

#endif
