/* entity_store.h: what a store of entities holds; private to src/cedar. The functions are in
 * cedar.h. Once closed it is only read. */
#ifndef AEGIS_CEDAR_VALUE_ENTITY_STORE_H
#define AEGIS_CEDAR_VALUE_ENTITY_STORE_H

#include "cedar/value/uid_table.h"

/* A reference that was added, or that is only somebody's parent. */
struct stored_entity {
    struct cedar_uid uid;
    struct cedar_entity_data data;
    const uint32_t *parents; /* numbers of references */
    size_t parent_count;
    const uint32_t *ancestors; /* likewise, in the order of data.ancestors */
    size_t seen;               /* 1 + the last reference whose ancestors this one was found among */
    bool is_added;
};

struct cedar_entity_store {
    struct arena *arena;    /* borrowed */
    struct uid_table table; /* to numbers, which are indexes of items */
    struct stored_entity *items;
    size_t count, capacity;
};

#endif
