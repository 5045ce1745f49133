#include "cedar/value/uid_table.h"

#include "support/check.h"

#include <string.h>

#define TEXT_BYTES_MAX 40
#define ARENA_BYTES ((size_t)1 << 30)

/* A reference of 'a's but for one byte, or for none: of both texts together, the one at `changed`.
 */
struct variant {
    size_t type_len, id_len, changed;
    uint8_t bytes[2 * TEXT_BYTES_MAX + 1];
};

static struct cedar_uid uid_of(struct variant *v)
{
    memset(v->bytes, 'a', sizeof(v->bytes));
    v->bytes[v->changed] = v->changed < v->type_len + v->id_len ? 'b' : 'a';
    return (struct cedar_uid){slice_of(v->bytes, v->type_len),
                              slice_of(v->bytes + v->type_len, v->id_len)};
}

/* Types take every third length, so that the lengths of both cross 4, 8 and 16. */
static bool go_on(struct variant *v)
{
    if (v->changed < v->type_len + v->id_len) {
        v->changed++;
    } else if (v->id_len < TEXT_BYTES_MAX) {
        v->id_len++;
        v->changed = 0;
    } else {
        v->type_len += 3;
        v->id_len = 0;
        v->changed = 0;
    }
    return v->type_len <= TEXT_BYTES_MAX;
}

TEST(uid_table_tells_apart_what_differs_in_one_byte)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    struct uid_table table = {.arena = &arena};
    struct variant v = {0};
    uint32_t count = 0;
    do {
        struct cedar_uid uid = uid_of(&v);
        CHECK(uid_table_find(&table, &uid) == UID_TABLE_NONE);
        CHECK(arena_copy(&arena, uid.type, &uid.type) == STATUS_OK);
        CHECK(arena_copy(&arena, uid.id, &uid.id) == STATUS_OK);
        CHECK(uid_table_add(&table, &uid, count++) == STATUS_OK);
    } while (go_on(&v));
    v = (struct variant){0};
    for (uint32_t number = 0; number < count; number++) {
        struct cedar_uid uid = uid_of(&v);
        CHECK(uid_table_find(&table, &uid) == number);
        CHECK(uid_table_may_hold(&table, &uid));
        (void)go_on(&v);
    }
    CHECK(count > 20000);
    arena_release(&arena);
}

TEST(uid_table_without_entries_finds_nothing)
{
    static const struct cedar_uid UIDS[] = {{SLICE_INIT(""), SLICE_INIT("")},
                                            {SLICE_INIT("T"), SLICE_INIT("i")}};
    struct uid_table table = {0};
    for (size_t i = 0; i < COUNT_OF(UIDS); i++) {
        CHECK(uid_table_find(&table, &UIDS[i]) == UID_TABLE_NONE);
        CHECK(!uid_table_may_hold(&table, &UIDS[i]));
    }
}
