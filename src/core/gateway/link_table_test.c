#include "core/gateway/link_table.h"

#include "support/check.h"

static struct said_link link_of(uint8_t caller, uint8_t address, uint32_t server_index)
{
    return (struct said_link){
        .caller = {0, [31] = caller}, .address = {[31] = address}, .server_index = server_index};
}

static void keep(struct link_table *table, uint8_t caller, uint8_t address, uint32_t server_index)
{
    struct said_link link = link_of(caller, address, server_index);
    link_table_keep(table, &link);
}

/* Who said it? UINT32_MAX: nobody; UINT32_MAX - 1: two did. */
static uint32_t find(struct link_table *table, uint8_t caller, uint8_t address)
{
    struct said_link link = link_of(caller, address, 99);
    enum status status = link_table_find(table, &link);
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND || status == STATUS_CONFLICT);
    return status == STATUS_OK         ? link.server_index
           : status == STATUS_CONFLICT ? UINT32_MAX - 1
                                       : UINT32_MAX;
}

TEST(link_table_knows_who_said_what_to_whom)
{
    struct link_table table;
    CHECK(link_table_init(&table, LINK_TABLE_SET) == STATUS_OK);
    CHECK(find(&table, 0, 0) == UINT32_MAX);
    keep(&table, 1, 1, 0);
    keep(&table, 1, 2, 3);
    CHECK(find(&table, 1, 1) == 0 && find(&table, 1, 2) == 3);
    CHECK(find(&table, 2, 1) == UINT32_MAX && find(&table, 1, 3) == UINT32_MAX);
    keep(&table, 1, 1, 0);
    CHECK(find(&table, 1, 1) == 0);
    link_table_release(&table);
    link_table_release(&table);
}

/* What two servers said is nobody's, whoever says it again. */
TEST(link_table_takes_no_link_away)
{
    struct link_table table;
    CHECK(link_table_init(&table, LINK_TABLE_SET) == STATUS_OK);
    keep(&table, 1, 1, 0);
    keep(&table, 1, 1, 5);
    CHECK(find(&table, 1, 1) == UINT32_MAX - 1);
    keep(&table, 1, 1, 0);
    keep(&table, 1, 1, 5);
    CHECK(find(&table, 1, 1) == UINT32_MAX - 1);
    keep(&table, 2, 1, 5);
    CHECK(find(&table, 2, 1) == 5);
    link_table_release(&table);
}

/* At the bound all are known; one past it the one that was of no use for longest is forgotten. */
TEST(link_table_forgets_the_oldest)
{
    struct link_table table;
    CHECK(link_table_init(&table, LINK_TABLE_SET) == STATUS_OK);
    CHECK(table.set_count == 1);
    for (uint8_t i = 0; i < LINK_TABLE_SET; i++) {
        keep(&table, 1, i, i);
    }
    for (uint8_t i = 0; i < LINK_TABLE_SET; i++) {
        CHECK(find(&table, 1, i) == i);
    }
    CHECK(find(&table, 1, 0) == 0);
    keep(&table, 1, 200, 7);
    CHECK(find(&table, 1, 0) == 0 && find(&table, 1, 200) == 7);
    CHECK(find(&table, 1, 1) == UINT32_MAX && find(&table, 1, 2) == 2);
    link_table_release(&table);
}

/* Callers of other sets forget nothing. */
TEST(link_table_keeps_callers_apart)
{
    struct link_table table;
    CHECK(link_table_init(&table, LINK_TABLE_SET + 1) == STATUS_OK);
    CHECK(table.set_count == 2);
    struct said_link other = {.caller = {1}, .address = {1}, .server_index = 4};
    link_table_keep(&table, &other);
    for (uint8_t i = 0; i < 2 * LINK_TABLE_SET; i++) {
        keep(&table, 1, i, i);
    }
    other.server_index = 0;
    CHECK(link_table_find(&table, &other) == STATUS_OK && other.server_index == 4);
    CHECK(find(&table, 1, 0) == UINT32_MAX);
    link_table_release(&table);
}

static bool make_once(void *context)
{
    struct link_table table;
    (void)context;
    bool is_made = link_table_init(&table, LINK_TABLE_SET) == STATUS_OK;
    link_table_release(&table);
    return is_made;
}

TEST(link_table_survives_a_failed_allocation)
{
    check_every_allocation(make_once, NULL);
}
