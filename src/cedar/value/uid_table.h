/* uid_table.h: entity references to numbers; private to src/cedar. Grows in an arena.
 *
 * A lookup reads the texts that it is given once, and of those in the table only long ones.
 */
#ifndef AEGIS_CEDAR_VALUE_UID_TABLE_H
#define AEGIS_CEDAR_VALUE_UID_TABLE_H

#include "cedar/cedar.h"

#define UID_TABLE_NONE UINT32_MAX

/* What tells a reference apart: each text by two words, and both lengths. Longer texts than 16
 * bytes share that with others, rarely, and are compared. */
struct uid_key {
    uint64_t type_first, type_last, id_first, id_last;
    uint32_t lengths;
};

struct uid_slot {
    struct uid_key key;
    uint32_t number; /* UID_TABLE_NONE: the slot is free */
};

/* Zero but for the arena is an empty table. */
struct uid_table {
    struct arena *arena; /* borrowed */
    struct uid_slot *slots;
    struct cedar_uid *uids; /* by slot; their texts are borrowed */
    size_t capacity;        /* of both; a power of two, or 0 */
    size_t count;
    uint64_t lengths; /* bits: of those in it, modulo 64 */
};

/* For other tables of references: every bit depends on every byte. Not keyed, see uid_table.c. */
uint64_t uid_hash(const struct cedar_uid *uid);

static inline uint64_t uid_length_bit(const struct cedar_uid *uid)
{
    return UINT64_C(1) << ((uid->type.len + uid->id.len) % 64);
}

/* False for most that are not in the table. */
static inline bool uid_table_may_hold(const struct uid_table *table, const struct cedar_uid *uid)
{
    return (table->lengths & uid_length_bit(uid)) != 0;
}

/* The number of uid, or UID_TABLE_NONE. */
uint32_t uid_table_find(const struct uid_table *table, const struct cedar_uid *uid);

/* Add what is not there yet; number is not UID_TABLE_NONE. STATUS_LIMIT without memory. */
NODISCARD enum status uid_table_add(struct uid_table *table, const struct cedar_uid *uid,
                                    uint32_t number);

#endif
