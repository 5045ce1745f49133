#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/utf8.h"
#include "support/check.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

TEST(slice_to_i64_at_its_edges)
{
    static const struct {
        const char *text;
        enum status status;
        int64_t value;
    } rows[] = {
        {"0", STATUS_OK, 0},
        {"-0", STATUS_OK, 0},
        {"007", STATUS_OK, 7},
        {"9223372036854775807", STATUS_OK, INT64_MAX},
        {"-9223372036854775808", STATUS_OK, INT64_MIN},
        {"9223372036854775808", STATUS_LIMIT, 0},
        {"-9223372036854775809", STATUS_LIMIT, 0},
        {"99999999999999999999999", STATUS_LIMIT, 0},
        {"", STATUS_INVALID, 0},
        {"-", STATUS_INVALID, 0},
        {"+1", STATUS_INVALID, 0},
        {"1 ", STATUS_INVALID, 0},
        {"1e3", STATUS_INVALID, 0},
        {"--1", STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 0;
        enum status status = slice_to_i64(slice_view_cstr(rows[i].text), &value);
        CHECK_ROW(rows[i].text, status == rows[i].status);
        CHECK_ROW(rows[i].text, status != STATUS_OK || value == rows[i].value);
    }
}

/* Every code point but surrogates, which well-formed text cannot have. */
TEST(utf8_encodes_and_decodes_every_character)
{
    size_t lost = 0;
    for (uint32_t code = 0; code <= 0x10FFFF; code += code == 0xD7FF ? 0x801 : 1) {
        uint8_t bytes[UTF8_BYTES_MAX];
        uint32_t found = 0;
        struct slice text = {bytes, utf8_encode(code, bytes)};
        lost +=
            slice_is_utf8(text) && utf8_decode(text, &found) == text.len && found == code ? 0 : 1;
    }
    CHECK(lost == 0);
}

TEST(utf8_decode_stays_within_the_text)
{
    uint32_t code = 0;
    CHECK(utf8_decode(SLICE("\xF0\x9F"), &code) == 2);
    CHECK(utf8_decode(SLICE("\xE2"), &code) == 1);
}

TEST(utf8_refuses_every_ill_formed_class)
{
    static const struct {
        const char *name, *text;
        bool ok;
    } rows[] = {
        {"ascii", "abc", true},
        {"two bytes", "\xC3\xA9", true},
        {"three bytes", "\xE2\x82\xAC", true},
        {"last code point", "\xF4\x8F\xBF\xBF", true},
        {"overlong slash", "\xC0\xAF", false},
        {"overlong three", "\xE0\x80\xAF", false},
        {"overlong four", "\xF0\x80\x80\xAF", false},
        {"surrogate", "\xED\xA0\x80", false},
        {"past the end", "\xF4\x90\x80\x80", false},
        {"lone continuation", "\x80", false},
        {"cut off", "\xE2\x82", false},
        {"never a lead", "\xFF", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, slice_is_utf8(slice_view_cstr(rows[i].text)) == rows[i].ok);
    }
}

/* Every byte at every place of texts of all lengths up to one that is longer than two steps. */
TEST(slice_skip_plain_stops_at_every_odd_byte)
{
    uint8_t room[40];
    for (size_t len = 1; len <= sizeof(room); len++) {
        uint8_t *bytes = room + sizeof(room) - len; /* a sanitizer sees who reads past the end */
        for (size_t at = 0; at < len * 256; at++) {
            uint8_t byte = (uint8_t)(at / len);
            size_t place = at % len;
            bool is_plain = byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
            memset(bytes, 'a', len);
            bytes[place] = byte;
            struct slice text = slice_of(bytes, len);
            CHECK(slice_skip_plain(text, 0) == (is_plain ? len : place));
            CHECK(slice_skip_plain(text, place) == (is_plain ? len : place));
            CHECK(slice_skip_plain(text, place + 1) == len);
        }
    }
    CHECK(slice_skip_plain(SLICE_EMPTY, 0) == 0);
}

TEST(slice_find_control_stops_at_every_control_character)
{
    uint8_t room[40];
    for (size_t len = 1; len <= sizeof(room); len++) {
        uint8_t *bytes = room + sizeof(room) - len;
        for (size_t at = 0; at < len * 256; at++) {
            uint8_t byte = (uint8_t)(at / len);
            size_t place = at % len;
            memset(bytes, ' ', len);
            bytes[place] = byte;
            struct slice text = slice_of(bytes, len);
            CHECK(slice_find_control(text, 0) == (byte < 0x20 ? place : len));
            CHECK(slice_find_control(text, place) == (byte < 0x20 ? place : len));
            CHECK(slice_find_control(text, place + 1) == len);
        }
    }
    CHECK(slice_find_control(SLICE_EMPTY, 0) == 0);
}

TEST(slice_kinds_see_every_byte)
{
    uint8_t room[40];
    for (size_t len = 1; len <= sizeof(room); len++) {
        uint8_t *bytes = room + sizeof(room) - len;
        for (size_t at = 0; at < len * 256; at++) {
            uint8_t byte = (uint8_t)(at / len);
            memset(bytes, 'a', len);
            bytes[at % len] = byte;
            struct slice text = slice_of(bytes, len);
            CHECK(slice_is_visible(text) == (byte > 0x20 && byte < 0x7F));
            CHECK(slice_is_visible_name(text) == (byte > 0x20 && byte < 0x7F && byte != ':'));
            CHECK(slice_has_control(text) == ((byte < 0x20 && byte != '\t') || byte == 0x7F));
        }
    }
    CHECK(slice_is_visible(SLICE_EMPTY));
    CHECK(slice_is_visible_name(SLICE_EMPTY));
    CHECK(!slice_has_control(SLICE_EMPTY));
}

TEST(diag_copy_takes_what_failed)
{
    struct diag failed = {.line = 3, .column = 4, .offset = 5};
    struct diag copy = {0};
    (void)!diag_fail(&failed, STATUS_LIMIT, "some.code", "some message");
    diag_copy(&copy, &failed);
    CHECK(copy.status == STATUS_LIMIT && str_eq(copy.code, "some.code"));
    CHECK(str_eq(copy.message, "some message"));
    CHECK(copy.line == failed.line && copy.column == failed.column);
    CHECK(copy.offset == failed.offset);
    diag_copy(&copy, NULL);
    CHECK(copy.status == STATUS_OK && copy.code == NULL && copy.message[0] == '\0');
    CHECK(copy.line == 0 && copy.column == 0 && copy.offset == 0);
    diag_copy(&copy, &failed);
    diag_copy(&copy, &(struct diag){0});
    CHECK(copy.status == STATUS_OK && copy.code == NULL && copy.message[0] == '\0');
}

/* Every byte against every byte, at the last place of texts of all lengths around a word. */
TEST(slice_eq_ascii_nocase_folds_letters_only)
{
    for (size_t len = 1; len <= 20; len++) {
        for (unsigned pair = 0; pair < 256 * 256; pair++) {
            uint8_t left[20] = "aBcDeFgHiJkLmNoPqRs";
            uint8_t right[20] = "AbCdEfGhIjKlMnOpQrS";
            left[len - 1] = (uint8_t)pair;
            right[len - 1] = (uint8_t)(pair >> 8);
            bool is_same = tolower(left[len - 1]) == tolower(right[len - 1]);
            CHECK(slice_eq_ascii_nocase(slice_of(left, len), slice_of(right, len)) == is_same);
        }
        CHECK(!slice_eq_ascii_nocase(slice_of("aaaaaaaaaaaaaaaaaaaa", len),
                                     slice_of("aaaaaaaaaaaaaaaaaaaa", len - 1)));
    }
    CHECK(!slice_eq_ascii_nocase(SLICE("xhost-of-a-name"), SLICE("yhost-of-a-name")));
    CHECK(
        !slice_eq_ascii_nocase(SLICE("a-name-with-x-inside-it"), SLICE("a-name-with-y-inside-it")));
    CHECK(slice_eq_ascii_nocase(SLICE_EMPTY, SLICE_EMPTY));
}

TEST(arena_keeps_its_limit_and_its_account)
{
    struct account account = {.limit_bytes = 16384};
    struct arena arena;
    arena_init(&arena, 8192, &account);
    CHECK(arena_alloc(&arena, 4000) != NULL);
    CHECK(arena_alloc(&arena, 8192) == NULL);
    CHECK(arena_alloc(&arena, SIZE_MAX) == NULL);
    CHECK(arena_alloc_zero(&arena, SIZE_MAX, 2) == NULL);
    CHECK(account.used_bytes == arena.used_bytes && account.used_bytes <= 8192);
    arena_reset(&arena);
    CHECK(arena_alloc(&arena, 4000) != NULL);
    arena_release(&arena);
    CHECK(account.used_bytes == 0);
}

static bool keeps_spares(void)
{
    struct arena_spares spares = {.bytes = ARENA_BLOCK_BYTES_MIN};
    void *memory = arena_spares_take(&spares);
    arena_spares_give(&spares, memory);
    bool keeps = spares.count == 1;
    arena_spares_release(&spares);
    return keeps;
}

/* What waits is charged to nobody, and there is never more of it than the bound. */
TEST(arena_takes_the_spare_blocks_of_others)
{
    struct account account = {.limit_bytes = 2 * (size_t)ARENA_BLOCK_BYTES_MIN};
    struct arena_spares spares = {.bytes = ARENA_BLOCK_BYTES_MIN};
    struct arena arena;
    arena_init(&arena, 16384, &account);
    arena.spares = &spares;
    size_t kept = keeps_spares() ? 1 : 0;
    for (int i = 0; i < 3; i++) {
        CHECK(arena_alloc(&arena, 100) != NULL && spares.count == 0);
        CHECK(account.used_bytes == ARENA_BLOCK_BYTES_MIN);
        arena_release(&arena);
        CHECK(spares.count == kept && account.used_bytes == 0);
    }
    /* A large block is not kept, and over budget a spare one is not taken. */
    CHECK(arena_alloc(&arena, 3000) != NULL);
    arena_release(&arena);
    CHECK(spares.count == kept);
    account.used_bytes = account.limit_bytes;
    CHECK(arena_alloc(&arena, 100) == NULL && spares.count == kept);
    account.used_bytes = 0;
    void *blocks[ARENA_SPARES_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        blocks[i] = arena_spares_take(&spares);
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        arena_spares_give(&spares, blocks[i]);
    }
    CHECK(spares.count == kept * ARENA_SPARES_MAX);
    arena_spares_release(&spares);
    CHECK(spares.count == 0 && spares.first == NULL);
}

TEST(arena_joins_texts)
{
    const struct slice parts[] = {SLICE("bank"), SLICE_EMPTY, SLICE("."), SLICE("pay")};
    const struct slice endless[] = {{parts[0].ptr, SIZE_MAX}, SLICE("x")};
    struct slice text;
    struct arena arena;
    arena_init(&arena, 8192, NULL);
    CHECK(arena_join(&arena, parts, COUNT_OF(parts), &text) == STATUS_OK);
    CHECK(slice_eq(text, SLICE("bank.pay")));
    CHECK(arena_join(&arena, parts, 0, &text) == STATUS_OK && text.len == 0);
    CHECK(arena_join(&arena, endless, COUNT_OF(endless), &text) == STATUS_LIMIT);
    CHECK(arena_join(&arena, endless, 1, &text) == STATUS_LIMIT);
    arena_release(&arena);
}

TEST(slice_eq_sees_every_byte)
{
    uint8_t a[40];
    uint8_t b[40];
    memset(a, 'x', sizeof(a));
    for (size_t len = 0; len <= sizeof(a); len++) {
        memset(b, 'x', sizeof(b));
        CHECK(slice_eq(slice_of(a, len), slice_of(b, len)));
        CHECK(len == 0 || !slice_eq(slice_of(a, len), slice_of(b, len - 1)));
        for (size_t i = 0; i < len; i++) {
            b[i] = 'y';
            CHECK(!slice_eq(slice_of(a, len), slice_of(b, len)));
            b[i] = 'x';
        }
    }
    CHECK(slice_eq(SLICE_EMPTY, slice_of(a, 0)));
}

TEST(account_charges_parents_or_nothing)
{
    struct account loop = {.limit_bytes = 100};
    struct account exchange = {.parent = &loop, .limit_bytes = 1000};
    CHECK(account_charge(&exchange, 100) == STATUS_OK);
    CHECK(account_charge(&exchange, 1) == STATUS_LIMIT);
    CHECK(exchange.used_bytes == 100 && loop.used_bytes == 100);
    account_release(&exchange, 100);
    CHECK(exchange.used_bytes == 0 && loop.used_bytes == 0);
}

TEST(account_takes_another_between)
{
    struct account loop = {.limit_bytes = 1000};
    struct account principal = {.parent = &loop, .limit_bytes = 100};
    struct account exchange = {.parent = &loop, .limit_bytes = 1000};
    CHECK(account_charge(&exchange, 101) == STATUS_OK);
    CHECK(account_insert(&exchange, &principal) == STATUS_LIMIT);
    CHECK(exchange.parent == &loop && principal.used_bytes == 0);
    account_release(&exchange, 1);
    CHECK(account_insert(&exchange, &principal) == STATUS_OK);
    CHECK(principal.used_bytes == 100 && loop.used_bytes == 100);
    CHECK(account_charge(&exchange, 1) == STATUS_LIMIT);
    account_release(&exchange, 100);
    CHECK(principal.used_bytes == 0 && loop.used_bytes == 0);
}

TEST(buf_latches_a_failure)
{
    struct buf buf;
    buf_init(&buf, 4, NULL);
    buf_append(&buf, SLICE("abc"));
    buf_append(&buf, SLICE("de"));
    buf_append(&buf, SLICE("f"));
    CHECK(buf_status(&buf) == STATUS_LIMIT);
    CHECK(slice_eq(buf_view(&buf), SLICE("abc")));
    buf_clear(&buf);
    buf_append(&buf, SLICE("wxyz"));
    buf_consume(&buf, 2);
    CHECK(buf_status(&buf) == STATUS_OK && slice_eq(buf_view(&buf), SLICE("yz")));
    buf_release(&buf);
}

TEST(json_string_is_always_one_line)
{
    struct buf buf;
    buf_init(&buf, 4096, NULL);
    buf_append_json_string(&buf, SLICE("a\n\r\t\"\\\x01\x7F\xE2\x80\xA8\xE2\x80\xA9\xE2\x82\xAC"));
    CHECK(slice_eq(buf_view(&buf), SLICE("\"a\\n\\r\\t\\\"\\\\\\u0001\\u007f\\u2028\\u2029"
                                         "\xE2\x82\xAC\"")));
    buf_clear(&buf);
    buf_append_i64(&buf, INT64_MIN);
    CHECK(slice_eq(buf_view(&buf), SLICE("-9223372036854775808")));
    buf_release(&buf);
}

/* Both sides of every power of ten. */
TEST(buf_append_u64_writes_all_digits)
{
    struct buf buf;
    buf_init(&buf, 4096, NULL);
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++) {
        const uint64_t values[] = {power - 1, power, power + 1, power + power / 2, UINT64_MAX};
        for (size_t i = 0; i < COUNT_OF(values); i++) {
            char text[32];
            int len = snprintf(text, sizeof(text), "%" PRIu64, values[i]);
            buf_clear(&buf);
            buf_append_u64(&buf, values[i]);
            CHECK_ROW(text, slice_eq(buf_view(&buf), slice_of(text, (size_t)len)));
        }
        power *= 10;
    }
    buf_release(&buf);
}

/* A sanitizer sees who writes past the room. */
TEST(buf_append_u64_stays_in_its_room)
{
    for (size_t room = 1; room <= 48; room++) {
        struct buf buf;
        buf_init(&buf, room, NULL);
        CHECK((buf_append_u64(&buf, 1234567), buf_status(&buf) == STATUS_OK) == (room >= 7));
        size_t before = buf.len;
        buf_append_u64(&buf, 89);
        CHECK((buf_status(&buf) == STATUS_OK) == (room >= 9));
        CHECK(buf.len == (room >= 9 ? before + 2 : before));
        CHECK(slice_eq(buf_view(&buf), slice_sub(SLICE("123456789"), 0, buf.len)));
        buf_release(&buf);
    }
}

TEST(diag_cuts_and_cleans)
{
    struct diag diag = {0};
    char text[600];
    memset(text, 'x', sizeof(text));
    text[599] = '\0';
    text[0] = '\n';
    CHECK(diag_fail(&diag, STATUS_INVALID, "a.b", "%s", text) == STATUS_INVALID);
    CHECK(diag.message[0] == '?' && strcmp(diag.message + DIAG_MESSAGE_BYTES - 4, "...") == 0);
    CHECK(diag_fail(NULL, STATUS_LIMIT, "a.b", "x") == STATUS_LIMIT);
}

static bool count_allocations(void *context)
{
    (*(size_t *)context)++;
    return true;
}

/* So that a test can make each of them fail. */
TEST(arena_pieces_are_allocations_while_a_test_counts_them)
{
    struct arena arena;
    size_t allocations = 0;
    arena_init(&arena, 8192, NULL);
    base_alloc_set_gate(count_allocations, &allocations);
    for (size_t i = 0; i < 5; i++) {
        CHECK(arena_alloc(&arena, 10 * i) != NULL);
    }
    base_alloc_set_gate(NULL, NULL);
    CHECK(allocations == 5);
    arena_release(&arena);
}

static bool fill_buf(void *context)
{
    (void)context;
    struct buf buf;
    buf_init(&buf, 1 << 20, NULL);
    for (int i = 0; i < 1000; i++) {
        buf_append(&buf, SLICE("0123456789"));
    }
    bool ok = buf_status(&buf) == STATUS_OK;
    buf_release(&buf);
    return ok;
}

TEST(buf_survives_every_failed_allocation)
{
    check_every_allocation(fill_buf, NULL);
}

/* limit: reached exactly, so that no byte is one that was never written. */
static size_t leave_behind(void (*init)(struct buf *, size_t, struct account *))
{
    enum { LIMIT = 600 };
    struct buf buf;
    init(&buf, LIMIT, NULL);
    check_watch_freed(SLICE("the secret"));
    buf_append(&buf, SLICE("the secret"));
    while (buf.len < LIMIT) {
        buf_append_byte(&buf, 'x');
    }
    CHECK(slice_starts_with(buf_view(&buf), SLICE("the secret")) && buf.capacity == LIMIT);
    buf_append_byte(&buf, 'x');
    CHECK(buf_status(&buf) == STATUS_LIMIT);
    buf_clear(&buf);
    buf_reuse(&buf, LIMIT - 1);
    size_t count = check_end_watch();
    CHECK(buf.capacity == 0);
    buf_release(&buf);
    return count;
}

TEST(buf_of_a_secret_leaves_nothing_behind)
{
    CHECK(leave_behind(buf_init) == 2); /* where it grew out of, and where it was cleared */
    CHECK(leave_behind(buf_init_secret) == 0);
}

static bool fill_secret_buf(void *context)
{
    (void)context;
    struct buf buf;
    buf_init_secret(&buf, 1 << 20, NULL);
    for (int i = 0; i < 1000; i++) {
        buf_append(&buf, SLICE("0123456789"));
    }
    bool ok = buf_status(&buf) == STATUS_OK;
    CHECK(!ok || buf.len == 10000);
    buf_release(&buf);
    return ok;
}

TEST(buf_of_a_secret_survives_every_failed_allocation)
{
    check_every_allocation(fill_secret_buf, NULL);
}
