#include "core/identity/replay_table.h"

#include "support/check.h"

#include <string.h>

static enum status take(struct replay_table *table, uint8_t set, uint8_t proof, int64_t until_s,
                        int64_t now_s)
{
    uint8_t bytes[REPLAY_PROOF_BYTES] = {set};
    bytes[31] = proof;
    return replay_table_take(table, bytes, until_s, now_s);
}

TEST(replay_table_knows_a_proof_as_long_as_it_lives)
{
    struct replay_table table;
    CHECK(replay_table_init(&table, 64) == STATUS_OK);
    CHECK(take(&table, 1, 1, 100, 50) == STATUS_OK);
    CHECK(take(&table, 1, 1, 100, 50) == STATUS_CONFLICT);
    CHECK(take(&table, 1, 1, 100, 100) == STATUS_CONFLICT);
    CHECK(take(&table, 1, 2, 100, 100) == STATUS_OK);
    CHECK(take(&table, 1, 1, 200, 101) == STATUS_OK);
    CHECK(take(&table, 1, 1, 200, 101) == STATUS_CONFLICT);
    replay_table_release(&table);
}

/* One set of the smallest table: the ninth proof is not accepted, and pushes none out. */
TEST(replay_table_forgets_nothing_for_want_of_room)
{
    struct replay_table table;
    CHECK(replay_table_init(&table, 8) == STATUS_OK);
    for (uint8_t i = 0; i < 8; i++) {
        CHECK(take(&table, i, i, 100 + i, 50) == STATUS_OK);
    }
    CHECK(take(&table, 9, 9, 200, 100) == STATUS_LIMIT);
    for (uint8_t i = 0; i < 8; i++) {
        CHECK(take(&table, i, i, 200, 100) == STATUS_CONFLICT);
    }
    CHECK(take(&table, 9, 9, 200, 101) == STATUS_OK);
    CHECK(take(&table, 1, 1, 200, 101) == STATUS_CONFLICT);
    replay_table_release(&table);
    replay_table_release(&table);
}
