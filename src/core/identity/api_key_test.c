#include "core/identity/api_key.h"

#include "support/check.h"
#include "support/corpus.h"
#include "support/fake_crypto.h"

#include <stdio.h>

#define TEST_ARENA_BYTES ((size_t)16 << 20)
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ENTRY(id, extra)                                                                           \
    "{\"id\":\"" id "\",\"sha256\":\"" HASH "\",\"subject\":\"ci\",\"expires_at\":2000" extra "}"

static void make_text(const struct port_crypto *crypto, struct buf *out)
{
    static const uint8_t ID[API_KEY_ID_BYTES] = {1, 2, 3, 4, 5, 0xfe};
    static const uint8_t SECRET[API_KEY_SECRET_BYTES] = {7};
    buf_init(out, API_KEY_TEXT_BYTES, NULL);
    api_key_write(crypto, ID, SECRET, out);
    CHECK(buf_status(out) == STATUS_OK && out->len == API_KEY_TEXT_BYTES);
}

TEST(api_key_has_one_form)
{
    struct fake_crypto crypto;
    struct buf text;
    struct slice id;
    fake_crypto_init(&crypto);
    make_text(&crypto.port, &text);
    CHECK(api_key_parse(&crypto.port, buf_view(&text), &id));
    CHECK(slice_eq(id, SLICE("0102030405fe")));
    /* Any byte changed to any other: the check finds it. */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t before = text.ptr[i];
        for (int byte = 0; byte < 256; byte++) {
            text.ptr[i] = (uint8_t)byte;
            CHECK(api_key_parse(&crypto.port, buf_view(&text), &id) == (byte == before));
        }
        text.ptr[i] = before;
    }
    for (size_t len = 0; len < text.len; len++) {
        CHECK(!api_key_parse(&crypto.port, slice_sub(buf_view(&text), 0, len), &id));
        CHECK(!api_key_parse(&crypto.port, slice_sub(buf_view(&text), len + 1, text.len), &id));
    }
    buf_release(&text);
}

TEST(api_keys_are_read_whole_or_not_at_all)
{
    static const struct {
        const char *name, *text;
        const char *code; /* NULL: read */
        size_t count;
    } rows[] = {
        {"nothing", "", NULL, 0},
        {"empty lines", "\n\r\n \n", NULL, 0},
        {"one", ENTRY("0123456789ab", ""), NULL, 1},
        {"two", ENTRY("0123456789ab", "") "\n" ENTRY("0123456789aa", "") "\n", NULL, 2},
        {"everything",
         ENTRY("0123456789ab", ",\"roles\":[\"a\",\"b\"],\"scopes\":[],\"servers\":[\"bank\"]"),
         NULL, 1},
        {"twice", ENTRY("0123456789ab", "") "\n" ENTRY("0123456789ab", ""), "api_key.repeated", 0},
        {"no JSON", "aegis_1", "api_key.malformed", 0},
        {"a list", "[" ENTRY("0123456789ab", "") "]", "api_key.malformed", 0},
        {"a good line and a bad one", ENTRY("0123456789ab", "") "\n{}", "api_key.malformed", 0},
        {"two on a line", ENTRY("0123456789ab", "") ENTRY("0123456789aa", ""), "api_key.malformed",
         0},
        {"a short id", ENTRY("0123456789a", ""), "api_key.malformed", 0},
        {"another spelling of an id", ENTRY("0123456789AB", ""), "api_key.malformed", 0},
        {"a tenant", ENTRY("0123456789ab", ",\"tenant\":\"acme\""), NULL, 1},
        {"an empty tenant", ENTRY("0123456789ab", ",\"tenant\":\"\""), "api_key.malformed", 0},
        {"a tenant with a bar", ENTRY("0123456789ab", ",\"tenant\":\"a|b\""), "api_key.malformed",
         0},
        {"two tenants", ENTRY("0123456789ab", ",\"tenant\":[\"a\",\"b\"]"), "api_key.malformed", 0},
        {"an unknown member", ENTRY("0123456789ab", ",\"server\":[\"bank\"]"), "api_key.malformed",
         0},
        {"a member twice", ENTRY("0123456789ab", ",\"subject\":\"x\""), "api_key.malformed", 0},
        {"servers for nobody", ENTRY("0123456789ab", ",\"servers\":[]"), "api_key.malformed", 0},
        {"a server that is no text", ENTRY("0123456789ab", ",\"servers\":[1]"), "api_key.malformed",
         0},
        {"roles in one text", ENTRY("0123456789ab", ",\"roles\":\"a\""), "api_key.malformed", 0},
        {"an empty role", ENTRY("0123456789ab", ",\"roles\":[\"\"]"), "api_key.malformed", 0},
        {"a control character", ENTRY("0123456789ab", ",\"roles\":[\"a\\n\"]"), "api_key.malformed",
         0},
        {"no end", "{\"id\":\"0123456789ab\",\"sha256\":\"" HASH "\",\"subject\":\"ci\"}",
         "api_key.malformed", 0},
        {"an end in the dark",
         "{\"id\":\"0123456789ab\",\"sha256\":\"" HASH "\",\"subject\":\"ci\",\"expires_at\":0}",
         "api_key.malformed", 0},
        {"an end as text",
         "{\"id\":\"0123456789ab\",\"sha256\":\"" HASH
         "\",\"subject\":\"ci\",\"expires_at\":\"2000\"}",
         "api_key.malformed", 0},
        {"no hash", "{\"id\":\"0123456789ab\",\"subject\":\"ci\",\"expires_at\":2000}",
         "api_key.malformed", 0},
        {"a short hash",
         "{\"id\":\"0123456789ab\",\"sha256\":\"00\",\"subject\":\"ci\",\"expires_at\":2000}",
         "api_key.malformed", 0},
        {"no subject", "{\"id\":\"0123456789ab\",\"sha256\":\"" HASH "\",\"expires_at\":2000}",
         "api_key.malformed", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct api_key *keys = NULL;
        size_t count = 0;
        struct diag diag = {0};
        struct arena arena;
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        enum status status = api_keys_read(corpus_parser(), slice_view_cstr(rows[i].text), &arena,
                                           &keys, &count, &diag);
        CHECK_ROW(rows[i].name, (status == STATUS_OK) == (rows[i].code == NULL));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code) && count == rows[i].count);
        arena_release(&arena);
    }
}

TEST(api_keys_are_found_by_their_hash)
{
    static const char TEXT[] = ENTRY("0123456789ab", "") "\n" ENTRY("000000000000", "") "\n" ENTRY(
        "ffffffffffff", ",\"roles\":[\"r\"]");
    static const struct {
        const char *id;
        bool is_changed, is_found;
    } rows[] = {{"0123456789ab", false, true},  {"000000000000", false, true},
                {"ffffffffffff", false, true},  {"0123456789ab", true, false},
                {"0123456789ac", false, false}, {"", false, false}};
    const struct api_key *keys = NULL;
    size_t count = 0;
    struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    CHECK(api_keys_read(corpus_parser(), slice_view_cstr(TEXT), &arena, &keys, &count, NULL) ==
          STATUS_OK);
    for (size_t i = 0; i < COUNT_OF(rows) && count == 3; i++) {
        uint8_t hash[CRYPTO_SHA256_BYTES];
        memcpy(hash, keys[0].hash, sizeof(hash));
        hash[31] ^= rows[i].is_changed ? 1 : 0;
        const struct api_key *found = api_keys_find(keys, count, slice_view_cstr(rows[i].id), hash);
        CHECK_ROW(rows[i].id, (found != NULL) == rows[i].is_found);
        CHECK_ROW(rows[i].id, found == NULL || slice_eq(found->id, slice_view_cstr(rows[i].id)));
    }
    CHECK(count == 3 && slice_eq(keys[2].roles[0], SLICE("r")));
    CHECK(api_keys_find(NULL, 0, SLICE("0123456789ab"), keys[0].hash) == NULL);
    arena_release(&arena);
}

/* What is written is what is read. */
TEST(api_keys_come_back_from_their_entries)
{
    static const struct slice WORDS[] = {SLICE_INIT("a \"b\""), SLICE_INIT("\xc3\xa4")};
    struct api_key key = {.id = SLICE("0123456789ab"),
                          .hash = {1, 2, 0xff},
                          .subject = SLICE("night\\ly"),
                          .tenant = SLICE("ac\"me"),
                          .roles = WORDS,
                          .role_count = 2,
                          .servers = WORDS,
                          .server_count = 1,
                          .expires_at_s = 4102444800};
    const struct api_key *keys = NULL;
    size_t count = 0;
    struct buf entry;
    struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    buf_init(&entry, 4096, NULL);
    api_key_write_entry(&key, &entry);
    CHECK(api_keys_read(corpus_parser(), buf_view(&entry), &arena, &keys, &count, NULL) ==
          STATUS_OK);
    CHECK(count == 1 && slice_eq(keys[0].subject, key.subject) && keys[0].scope_count == 0);
    CHECK(count == 1 && slice_eq(keys[0].tenant, key.tenant));
    CHECK(keys[0].role_count == 2 && slice_eq(keys[0].roles[0], WORDS[0]));
    CHECK(keys[0].server_count == 1 && keys[0].expires_at_s == key.expires_at_s);
    CHECK(memcmp(keys[0].hash, key.hash, sizeof(key.hash)) == 0);
    buf_release(&entry);
    arena_release(&arena);
}

/* One too many is refused, the last that fits is not. */
TEST(api_keys_are_bounded)
{
    struct buf text;
    buf_init(&text, (size_t)2 << 20, NULL);
    for (int i = 0; i <= API_KEYS_MAX; i++) {
        char line[256];
        const struct api_key *keys = NULL;
        size_t count = 0;
        struct arena arena;
        int len = snprintf(line, sizeof(line),
                           "{\"id\":\"%012x\",\"sha256\":\"" HASH
                           "\",\"subject\":\"a\",\"expires_at\":1}\n",
                           (unsigned)i);
        buf_append(&text, slice_of(line, (size_t)len));
        if (i < API_KEYS_MAX - 1) {
            continue;
        }
        arena_init(&arena, TEST_ARENA_BYTES * 4, NULL);
        struct diag diag = {0};
        enum status status =
            api_keys_read(corpus_parser(), buf_view(&text), &arena, &keys, &count, &diag);
        CHECK((status == STATUS_OK) == (i < API_KEYS_MAX));
        CHECK(str_eq(diag.code, i < API_KEYS_MAX ? NULL : "api_key.limit"));
        arena_release(&arena);
    }
    buf_release(&text);
}
