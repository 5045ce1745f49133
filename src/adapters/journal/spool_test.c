#include "adapters/journal/spool.h"

#include "adapters/journal/journal_format.h"
#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LENGTH_BYTES 4

/* Where things are in the memory: two counts, which half is filled, then how far and the bytes of
 * each. */
enum { FILLING_AT = 16, HALF_AT = 24 };

static struct spool begin(int *descriptor)
{
    struct spool spool;
    *descriptor = memfd_create("spool", MFD_CLOEXEC);
    CHECK(ftruncate(*descriptor, (off_t)SPOOL_BYTES) == 0);
    CHECK(spool_open(*descriptor, &spool, NULL) == STATUS_OK);
    return spool;
}

static void end(struct spool *spool, int descriptor)
{
    spool_close(spool);
    close(descriptor);
}

/* Records of these tests are a text in braces. */
static struct slice record_of(const char *text)
{
    static char record[64];
    int len = snprintf(record, sizeof(record), "{%s}", text);
    CHECK(len > 0 && (size_t)len < sizeof(record));
    return slice_of(record, (size_t)len);
}

static bool add(struct spool *spool, const char *text)
{
    return spool_add(spool, record_of(text));
}

/* What is taken, joined with ','. */
static const char *taken_text(const struct spool *spool)
{
    static char text[256];
    struct slice payload;
    size_t at = 0, len = 0;
    while (spool_next(spool, &at, &payload)) {
        CHECK(payload.len >= 2 && len + payload.len <= sizeof(text));
        memcpy(text + len, payload.ptr + 1, payload.len - 2);
        len += payload.len - 2;
        text[len++] = ',';
    }
    text[len] = '\0';
    return text;
}

TEST(spool_gives_records_back_in_order)
{
    int descriptor;
    struct spool spool = begin(&descriptor);
    CHECK(spool_is_empty(&spool) && str_eq(taken_text(&spool), ""));
    spool_take(&spool);
    CHECK(str_eq(taken_text(&spool), ""));
    CHECK(add(&spool, "a") && add(&spool, "bb"));
    CHECK(!spool_is_empty(&spool) && str_eq(taken_text(&spool), ""));
    spool_take(&spool);
    /* What comes meanwhile is of the next group, and waits until this one is written. */
    CHECK(add(&spool, "c"));
    CHECK(str_eq(taken_text(&spool), "a,bb,"));
    spool_take(&spool);
    CHECK(str_eq(taken_text(&spool), "a,bb,"));
    spool_drop(&spool);
    CHECK(!spool_is_empty(&spool) && str_eq(taken_text(&spool), ""));
    spool_take(&spool);
    CHECK(str_eq(taken_text(&spool), "c,"));
    spool_drop(&spool);
    CHECK(spool_is_empty(&spool));
    end(&spool, descriptor);
}

TEST(spool_refuses_what_has_no_room)
{
    static uint8_t bytes[PAYLOAD_BYTES_MAX];
    int descriptor;
    struct spool spool = begin(&descriptor);
    memset(bytes, '}', sizeof(bytes));
    bytes[0] = '{';
    size_t left = SPOOL_HALF_BYTES;
    for (; left >= sizeof(bytes) + 2 * LENGTH_BYTES + 2; left -= LENGTH_BYTES + sizeof(bytes)) {
        CHECK(spool_add(&spool, slice_of(bytes, sizeof(bytes))));
    }
    size_t fits = left - LENGTH_BYTES;
    CHECK(fits < sizeof(bytes) && !spool_add(&spool, slice_of(bytes, fits + 1)));
    CHECK(spool_add(&spool, slice_of(bytes, fits)) && !add(&spool, ""));
    spool_take(&spool);
    CHECK(add(&spool, ""));
    end(&spool, descriptor);
}

/* A process that ends leaves two halves at most: the taken one is the older one. */
TEST(spool_outlives_a_process)
{
    int descriptor;
    struct spool next, spool = begin(&descriptor);
    CHECK(add(&spool, "a") && add(&spool, "b"));
    spool_take(&spool);
    CHECK(add(&spool, "c"));
    spool_close(&spool);
    CHECK(spool_open(descriptor, &next, NULL) == STATUS_OK && !next.is_damaged);
    CHECK(str_eq(taken_text(&next), "a,b,"));
    spool_drop(&next);
    spool_take(&next);
    CHECK(str_eq(taken_text(&next), "c,"));
    end(&next, descriptor);
}

/* Of a group that was written before the process ended, or of which the beginning was. */
TEST(spool_strikes_what_is_written)
{
    static const struct {
        const char *written[4], *rest;
    } rows[] = {
        {{"x", "y"}, "a,b,c,"},      {{"x", "a", "y"}, "b,c,"}, {{"a", "z", "b", "c"}, ""},
        {{"b", "c", "x"}, "a,b,c,"}, {{"a", "c"}, "b,c,"},      {{"aa", "a"}, "b,c,"},
        {{"a", "b", "c", "c"}, ""},  {{"", "ab"}, "a,b,c,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int descriptor;
        struct spool spool = begin(&descriptor);
        CHECK(add(&spool, "a") && add(&spool, "b") && add(&spool, "c"));
        spool_take(&spool);
        CHECK(add(&spool, "d"));
        for (size_t k = 0; k < COUNT_OF(rows[i].written) && rows[i].written[k] != NULL; k++) {
            spool_strike(&spool, record_of(rows[i].written[k]));
        }
        CHECK_ROW(rows[i].rest, str_eq(taken_text(&spool), rows[i].rest));
        spool_drop(&spool);
        spool_take(&spool);
        CHECK_ROW(rows[i].rest, str_eq(taken_text(&spool), "d,"));
        end(&spool, descriptor);
    }
}

static void put(int descriptor, const void *bytes, size_t len, off_t at)
{
    CHECK(pwrite(descriptor, bytes, len, at) == (ssize_t)len);
}

static void put_u32(int descriptor, uint32_t value, off_t at)
{
    put(descriptor, &value, sizeof(value), at);
}

/* Whoever wrote it may have been taken over: what is no record is thrown away, with what follows.
 */
TEST(spool_keeps_records_only)
{
    enum { LEN = 4, WHOLE = 2 * (LENGTH_BYTES + LEN) };
    static const struct {
        const char *name;
        uint32_t filling, filled, second_len;
        char begin, end; /* of the second record */
        const char *rest;
    } rows[] = {
        {"as it was", 1, WHOLE, LEN, '{', '}', "aa,bb,"},
        {"no half", 2, WHOLE, LEN, '{', '}', ""},
        {"more than there is", 1, SPOOL_HALF_BYTES + 1, LEN, '{', '}', ""},
        {"as much as there can be", 1, UINT32_MAX, LEN, '{', '}', ""},
        {"a piece", 1, WHOLE - 1, LEN, '{', '}', "aa,"},
        {"a piece of a length", 1, WHOLE - LEN - 1, LEN, '{', '}', "aa,"},
        {"nothing", 1, WHOLE, 0, '{', '}', "aa,"},
        {"shorter", 1, WHOLE, 1, '{', '}', "aa,"},
        {"longer", 1, WHOLE, LEN + 1, '{', '}', "aa,"},
        {"as long as there can be", 1, WHOLE, UINT32_MAX, '{', '}', "aa,"},
        {"too long", 1, SPOOL_HALF_BYTES, PAYLOAD_BYTES_MAX + 1, '{', '}', "aa,"},
        {"ends in a zero", 1, WHOLE, LEN, '{', 0, "aa,"},
        {"begins as a checkpoint", 1, WHOLE, LEN, 'A', '}', "aa,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int descriptor;
        struct spool spool = begin(&descriptor);
        CHECK(add(&spool, "aa") && add(&spool, "bb"));
        spool_close(&spool);
        put_u32(descriptor, rows[i].filled, HALF_AT);
        off_t second_at = HALF_AT + 4 + LENGTH_BYTES + LEN;
        put_u32(descriptor, rows[i].second_len, second_at);
        put(descriptor, &rows[i].begin, 1, second_at + LENGTH_BYTES);
        put(descriptor, &rows[i].end, 1, HALF_AT + 4 + WHOLE - 1);
        put_u32(descriptor, rows[i].filling, FILLING_AT);
        CHECK(spool_open(descriptor, &spool, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].name, spool.is_damaged == (i > 0));
        if (rows[i].filling > 1) {
            /* The first half counts as the one that was filled last. */
            spool_take(&spool);
            CHECK_ROW(rows[i].name, str_eq(taken_text(&spool), "aa,bb,"));
        } else {
            CHECK_ROW(rows[i].name, str_eq(taken_text(&spool), rows[i].rest));
        }
        end(&spool, descriptor);
    }
}

/* A reader sees by them when what was kept before it came is written. */
TEST(spool_counts_what_is_kept_and_written)
{
    static const struct {
        const char *what;
        uint64_t kept, written;
    } rows[] = {{"keep", 1, 0}, {"keep", 2, 0}, {"take", 2, 0}, {"keep", 3, 0}, {"drop", 3, 2},
                {"take", 3, 2}, {"take", 3, 2}, {"drop", 3, 3}, {"take", 3, 3}, {"keep", 4, 3}};
    int descriptor;
    struct spool spool = begin(&descriptor);
    struct spool_counts counts;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(rows[i].what, "keep")) {
            CHECK(add(&spool, "a"));
        } else if (str_eq(rows[i].what, "take")) {
            spool_take(&spool);
        } else {
            spool_drop(&spool);
        }
        CHECK(spool_counts_read(descriptor, &counts));
        CHECK_ROW(rows[i].what, counts.kept == rows[i].kept && counts.written == rows[i].written);
    }
    end(&spool, descriptor);
    CHECK(!spool_counts_read(descriptor, &counts));
}

TEST(spool_takes_its_own_memory_only)
{
    static const size_t sizes[] = {0, SPOOL_BYTES - 1, SPOOL_BYTES + 1};
    int descriptor;
    struct spool spool = begin(&descriptor);
    struct diag diag = {0};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        spool_close(&spool);
        CHECK(ftruncate(descriptor, (off_t)sizes[i]) == 0);
        CHECK(spool_open(descriptor, &spool, &diag) == STATUS_UNAVAILABLE);
        CHECK(str_eq(diag.code, "spool.memory"));
    }
    close(descriptor);
    CHECK(spool_open(descriptor, &spool, NULL) == STATUS_UNAVAILABLE);
    int other = open("/dev/zero", O_RDWR | O_CLOEXEC);
    CHECK(spool_open(other, &spool, NULL) == STATUS_UNAVAILABLE);
    close(other);
}
