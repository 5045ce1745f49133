/* uid_table.h: entity references to numbers; private to src/cedar. Grows in an arena. */
#ifndef AEGIS_CEDAR_VALUE_UID_TABLE_H
#define AEGIS_CEDAR_VALUE_UID_TABLE_H

#include "cedar/cedar.h"

#define UID_TABLE_NONE UINT32_MAX

struct uid_slot {
    struct cedar_uid uid; /* borrowed */
    uint64_t hash;
    uint32_t number; /* UID_TABLE_NONE: the slot is free */
};

/* Zero but for the arena is an empty table. */
struct uid_table {
    struct arena *arena; /* borrowed */
    struct uid_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    uint64_t lengths; /* bits: of those in it, modulo 64; most others need no hash */
};

/* For other tables of references: every bit depends on every byte. Not keyed, see uid_table.c. */
uint64_t uid_hash(const struct cedar_uid *uid);

/* The number of uid, or UID_TABLE_NONE. */
uint32_t uid_table_find(const struct uid_table *table, const struct cedar_uid *uid);

/* Add what is not there yet; number is not UID_TABLE_NONE. STATUS_LIMIT without memory. */
NODISCARD enum status uid_table_add(struct uid_table *table, const struct cedar_uid *uid,
                                    uint32_t number);

#endif
