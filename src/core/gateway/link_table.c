#include "core/gateway/link_table.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

#define LINKS_MAX 1048576

struct link_place {
    struct said_link link;
    bool is_ambiguous;
    uint64_t used; /* the turn; 0: the place is free */
};

enum status link_table_init(struct link_table *table, size_t links)
{
    assert(links >= LINK_TABLE_SET && links <= LINKS_MAX);
    size_t set_count = 1;
    while (set_count * LINK_TABLE_SET < links) {
        set_count *= 2;
    }
    *table = (struct link_table){
        .places = base_alloc_zero(set_count * LINK_TABLE_SET * sizeof(struct link_place)),
        .set_count = set_count};
    if (table->places == NULL) {
        *table = (struct link_table){0};
        return STATUS_LIMIT;
    }
    return STATUS_OK;
}

void link_table_release(struct link_table *table)
{
    base_free(table->places);
    *table = (struct link_table){0};
}

static bool is_same(const struct said_link *a, const struct said_link *b)
{
    return memcmp(a->caller, b->caller, sizeof(a->caller)) == 0 &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* The place of a link, or else the one that it would take: the free ones come first. */
static struct link_place *place_of(struct link_table *table, const struct said_link *link)
{
    uint64_t hash = 0;
    memcpy(&hash, link->caller, sizeof(hash));
    struct link_place *set = &table->places[(hash & (table->set_count - 1)) * LINK_TABLE_SET];
    struct link_place *oldest = set;
    for (size_t i = 0; i < LINK_TABLE_SET; i++) {
        if (set[i].used > 0 && is_same(&set[i].link, link)) {
            return &set[i];
        }
        oldest = set[i].used < oldest->used ? &set[i] : oldest;
    }
    return oldest;
}

static bool holds(const struct link_place *place, const struct said_link *link)
{
    return place->used > 0 && is_same(&place->link, link);
}

void link_table_keep(struct link_table *table, const struct said_link *link)
{
    struct link_place *place = place_of(table, link);
    bool is_ambiguous = holds(place, link) &&
                        (place->is_ambiguous || place->link.server_index != link->server_index);
    *place =
        (struct link_place){.link = *link, .is_ambiguous = is_ambiguous, .used = ++table->turn};
}

enum status link_table_find(struct link_table *table, struct said_link *link)
{
    struct link_place *place = place_of(table, link);
    if (!holds(place, link)) {
        return STATUS_NOT_FOUND;
    }
    place->used = ++table->turn;
    link->server_index = place->link.server_index;
    return place->is_ambiguous ? STATUS_CONFLICT : STATUS_OK;
}
