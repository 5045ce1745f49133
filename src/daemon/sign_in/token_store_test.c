#include "daemon/sign_in/token_store.h"

#include "adapters/crypto/openssl_crypto.h"
#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define SIDE_BYTES (TOKEN_STORE_PATH_BYTES + 64)

struct fixture {
    char folder[64], inner[96];
    struct openssl_crypto *crypto;
    struct json_parser parser;
    struct token_store store;
    struct arena arena;
};

static enum status store_of(struct fixture *f, const char *url, struct token_store *out)
{
    return token_store_init(out, f->inner, slice_view_cstr(url), openssl_crypto_port(f->crypto),
                            &f->parser, NULL);
}

static void setup(struct fixture *f)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t seed[16] = {1};
    *f = (struct fixture){.folder = "/tmp/aegis-tokens-XXXXXX"};
    CHECK(mkdtemp(f->folder) != NULL);
    (void)snprintf(f->inner, sizeof(f->inner), "%s/connect", f->folder);
    CHECK(openssl_crypto_new(&f->crypto) == STATUS_OK);
    json_parser_init(&f->parser, &LIMITS, seed);
    arena_init(&f->arena, ARENA_BYTES, NULL);
    CHECK(store_of(f, "https://a.example/mcp", &f->store) == STATUS_OK);
}

static void teardown(struct fixture *f)
{
    char lock[SIDE_BYTES];
    (void)snprintf(lock, sizeof(lock), "%s.lock", f->store.path);
    (void)unlink(lock);
    (void)remove(f->store.path);
    /* Nothing else was left behind. */
    CHECK(rmdir(f->inner) == 0 && rmdir(f->folder) == 0);
    arena_release(&f->arena);
    openssl_crypto_free(f->crypto);
}

static const struct grant GRANT = {
    .resource = SLICE_INIT("https://a.example"),
    .issuer = SLICE_INIT("https://as.example"),
    .token_endpoint = SLICE_INIT("https://as.example/token"),
    .client_id = SLICE_INIT("\"quoted\" \\ client"),
    .client_secret = SLICE_INIT("s"),
    .client_method = SLICE_INIT("client_secret_basic"),
    .access_token = SLICE_INIT("at"),
    .refresh_token = SLICE_INIT("rt"),
    .scope = SLICE_INIT("a b"),
    .acr_values = SLICE_INIT("gold"),
    .claims = SLICE_INIT("e30="),
    .expires_at_s = 1700000000,
    .signed_in_at_s = 1600000000,
};

static bool is_grant(const struct grant *a, const struct grant *b)
{
    return slice_eq(a->resource, b->resource) && slice_eq(a->issuer, b->issuer) &&
           slice_eq(a->token_endpoint, b->token_endpoint) && slice_eq(a->client_id, b->client_id) &&
           slice_eq(a->client_secret, b->client_secret) &&
           slice_eq(a->client_method, b->client_method) &&
           slice_eq(a->access_token, b->access_token) &&
           slice_eq(a->refresh_token, b->refresh_token) && slice_eq(a->scope, b->scope) &&
           slice_eq(a->acr_values, b->acr_values) && slice_eq(a->claims, b->claims) &&
           a->expires_at_s == b->expires_at_s && a->signed_in_at_s == b->signed_in_at_s;
}

static void put_file(const struct fixture *f, const char *text, mode_t mode)
{
    FILE *file = fopen(f->store.path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    CHECK(chmod(f->store.path, mode) == 0);
}

static enum status load(struct fixture *f, struct grant *out)
{
    return token_store_load(&f->store, &f->arena, out, NULL);
}

TEST(token_store_gives_back_what_it_got)
{
    struct fixture f;
    struct grant grant;
    struct stat info;
    setup(&f);
    CHECK(load(&f, &grant) == STATUS_NOT_FOUND);
    CHECK(token_store_save(&f.store, &GRANT, NULL) == STATUS_OK);
    CHECK(load(&f, &grant) == STATUS_OK && is_grant(&grant, &GRANT));
    CHECK(stat(f.store.path, &info) == 0 && (info.st_mode & 0777) == 0600);
    CHECK(stat(f.inner, &info) == 0 && (info.st_mode & 0777) == 0700);
    CHECK(token_store_remove(&f.store, NULL) == STATUS_OK);
    CHECK(token_store_remove(&f.store, NULL) == STATUS_NOT_FOUND);
    CHECK(load(&f, &grant) == STATUS_NOT_FOUND);
    teardown(&f);
}

TEST(token_store_has_a_file_for_each_address)
{
    static const char *const URLS[] = {"https://a.example/mcp", "https://a.example/mcp/",
                                       "https://a.example/MCP", "http://a.example/mcp", "../x"};
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < COUNT_OF(URLS); i++) {
        struct token_store store;
        CHECK_ROW(URLS[i], store_of(&f, URLS[i], &store) == STATUS_OK);
        CHECK_ROW(URLS[i], str_eq(store.path, f.store.path) == (i == 0));
        CHECK_ROW(URLS[i], strstr(store.path, "..") == NULL);
    }
    teardown(&f);
}

TEST(token_store_reads_its_own_files_only)
{
    static const char GOOD[] = "{\"access_token\":\"at\"}";
    static const struct {
        const char *name, *text;
        mode_t mode;
        enum status status;
    } ROWS[] = {
        {"least", GOOD, 0600, STATUS_OK},
        {"read only", GOOD, 0400, STATUS_OK},
        {"the group reads", GOOD, 0640, STATUS_INVALID},
        {"others read", GOOD, 0604, STATUS_INVALID},
        {"others write", GOOD, 0602, STATUS_INVALID},
        {"all do", GOOD, 0777, STATUS_INVALID},
        {"empty", "", 0600, STATUS_NOT_FOUND},
        {"cut", "{\"access_token\":\"at", 0600, STATUS_NOT_FOUND},
        {"no JSON", "access_token=at", 0600, STATUS_NOT_FOUND},
        {"a list", "[\"at\"]", 0600, STATUS_NOT_FOUND},
        {"no token", "{\"refresh_token\":\"rt\"}", 0600, STATUS_NOT_FOUND},
        {"an empty token", "{\"access_token\":\"\"}", 0600, STATUS_NOT_FOUND},
        {"a token that is a number", "{\"access_token\":1}", 0600, STATUS_NOT_FOUND},
        {"a token of two lines", "{\"access_token\":\"a\\r\\nX: b\"}", 0600, STATUS_NOT_FOUND},
        {"two tokens", "{\"access_token\":\"a\",\"access_token\":\"b\"}", 0600, STATUS_NOT_FOUND},
    };
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct grant grant;
        put_file(&f, ROWS[i].text, ROWS[i].mode);
        CHECK_ROW(ROWS[i].name, load(&f, &grant) == ROWS[i].status);
        CHECK_ROW(ROWS[i].name, ROWS[i].status == STATUS_OK || grant.refresh_token.len == 0);
    }
    teardown(&f);
}

TEST(token_store_follows_nothing_that_lies_in_its_place)
{
    struct fixture f;
    struct grant grant;
    char other[SIDE_BYTES], temporary[SIDE_BYTES];
    setup(&f);
    (void)snprintf(other, sizeof(other), "%s/other", f.folder);
    put_file(&f, "{\"access_token\":\"at\"}", 0600);
    CHECK(rename(f.store.path, other) == 0 && symlink(other, f.store.path) == 0);
    CHECK(load(&f, &grant) == STATUS_NOT_FOUND);
    /* Writing puts a file there and leaves the other as it is, also through the one beside it. */
    (void)snprintf(temporary, sizeof(temporary), "%s.%ld.new", f.store.path, (long)getpid());
    CHECK(symlink(other, temporary) == 0);
    CHECK(token_store_save(&f.store, &GRANT, NULL) == STATUS_OK);
    CHECK(load(&f, &grant) == STATUS_OK && is_grant(&grant, &GRANT));
    struct stat info;
    CHECK(lstat(f.store.path, &info) == 0 && S_ISREG(info.st_mode));
    CHECK(stat(other, &info) == 0 && info.st_size == (off_t)strlen("{\"access_token\":\"at\"}"));
    CHECK(unlink(other) == 0 && unlink(f.store.path) == 0);
    /* Nobody waits for the other end of it. */
    CHECK(mkfifo(f.store.path, 0600) == 0);
    CHECK(load(&f, &grant) == STATUS_INVALID);
    teardown(&f);
}

/* Whoever has the file open sees all of the old one, and what is there is all of the new one. */
TEST(token_store_replaces_a_file_as_a_whole)
{
    struct fixture f;
    struct grant grant, next = GRANT;
    struct stat before, after;
    setup(&f);
    CHECK(token_store_save(&f.store, &GRANT, NULL) == STATUS_OK);
    int fd = open(f.store.path, O_RDONLY | O_CLOEXEC);
    CHECK(fstat(fd, &before) == 0);
    next.refresh_token = SLICE("another one, which is longer");
    CHECK(token_store_save(&f.store, &next, NULL) == STATUS_OK);
    CHECK(fstat(fd, &after) == 0 && after.st_size == before.st_size && after.st_nlink == 0);
    CHECK(close(fd) == 0);
    CHECK(load(&f, &grant) == STATUS_OK && is_grant(&grant, &next));
    teardown(&f);
}

TEST(token_store_says_what_it_cannot_keep)
{
    static uint8_t text[512 << 10];
    struct fixture f;
    struct grant grant, large = GRANT;
    struct diag diag = {0};
    setup(&f);
    memset(text, 'a', sizeof(text));
    CHECK(token_store_save(&f.store, &GRANT, NULL) == STATUS_OK);
    large.access_token = slice_of(text, sizeof(text));
    CHECK(token_store_save(&f.store, &large, &diag) == STATUS_LIMIT);
    CHECK(str_eq(diag.code, "sign_in.file") && strstr(diag.message, "aaa") == NULL);
    CHECK(load(&f, &grant) == STATUS_OK && is_grant(&grant, &GRANT));
    CHECK(unlink(f.store.path) == 0 && rmdir(f.inner) == 0);
    CHECK(token_store_save(&f.store, &GRANT, &diag) == STATUS_IO);
    CHECK(mkdir(f.inner, 0700) == 0);
    teardown(&f);
}

TEST(token_store_keeps_files_up_to_their_bound)
{
    static uint8_t text[TOKEN_STORE_BYTES_MAX];
    struct fixture f;
    struct grant grant, large = GRANT;
    struct stat info = {0};
    setup(&f);
    memset(text, 'a', sizeof(text));
    CHECK(token_store_save(&f.store, &GRANT, NULL) == STATUS_OK && stat(f.store.path, &info) == 0);
    size_t room = TOKEN_STORE_BYTES_MAX - (size_t)info.st_size + GRANT.access_token.len;
    large.access_token = slice_of(text, room);
    CHECK(token_store_save(&f.store, &large, NULL) == STATUS_OK);
    CHECK(stat(f.store.path, &info) == 0 && (size_t)info.st_size == TOKEN_STORE_BYTES_MAX);
    CHECK(load(&f, &grant) == STATUS_OK && is_grant(&grant, &large));
    large.access_token = slice_of(text, room + 1);
    CHECK(token_store_save(&f.store, &large, NULL) == STATUS_LIMIT);
    /* Nor is one read that another program made longer. */
    FILE *file = fopen(f.store.path, "ae");
    CHECK(file != NULL && fputc(' ', file) == ' ' && fclose(file) == 0);
    CHECK(load(&f, &grant) == STATUS_NOT_FOUND);
    teardown(&f);
}

TEST(token_store_lock_is_one_processs)
{
    struct fixture f;
    atomic_bool is_stopped = true;
    setup(&f);
    int first = token_store_lock(&f.store, TOKEN_STORE_FOREVER, NULL);
    CHECK(first >= 0);
    CHECK(token_store_lock(&f.store, 0, NULL) == -1);
    CHECK(token_store_lock(&f.store, TOKEN_STORE_FOREVER, &is_stopped) == -1);
    CHECK(close(first) == 0);
    /* A lock that is free is had, however little patience there is. */
    int second = token_store_lock(&f.store, 0, &is_stopped);
    CHECK(second >= 0 && close(second) == 0);
    teardown(&f);
}

static bool copy_grant(void *context)
{
    struct arena arena;
    struct grant copy;
    (void)context;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = grant_copy(&GRANT, &arena, &copy);
    CHECK(status == STATUS_LIMIT || is_grant(&copy, &GRANT));
    CHECK(status == STATUS_LIMIT || copy.refresh_token.ptr != GRANT.refresh_token.ptr);
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(token_store_copies_all_of_a_grant)
{
    check_every_allocation(copy_grant, NULL);
}

/* Neither the file's text nor the memory it grew out of stays behind. */
TEST(token_store_leaves_no_token_in_freed_memory)
{
    static const char SECRET[] = "a refresh token of the tests";
    struct fixture f;
    struct grant grant, large = GRANT;
    setup(&f);
    large.refresh_token = SLICE("a refresh token of the tests, behind which come others: "
                                "0123456789012345678901234567890123456789012345678901234567890123"
                                "0123456789012345678901234567890123456789012345678901234567890123"
                                "0123456789012345678901234567890123456789012345678901234567890123"
                                "0123456789012345678901234567890123456789012345678901234567890123"
                                "0123456789012345678901234567890123456789012345678901234567890123");
    large.claims = large.refresh_token;
    check_watch_freed(slice_view_cstr(SECRET));
    CHECK(token_store_save(&f.store, &large, NULL) == STATUS_OK);
    CHECK(load(&f, &grant) == STATUS_OK && is_grant(&grant, &large));
    arena_wipe(&f.arena);
    CHECK(check_end_watch() == 0);
    teardown(&f);
}

static bool keep(void *context)
{
    struct fixture *f = context;
    struct grant grant;
    enum status status = token_store_save(&f->store, &GRANT, NULL);
    status = status == STATUS_OK ? load(f, &grant) : status;
    CHECK(status != STATUS_OK || is_grant(&grant, &GRANT));
    arena_release(&f->arena);
    return status == STATUS_OK;
}

TEST(token_store_without_memory)
{
    struct fixture f;
    setup(&f);
    check_every_allocation(keep, &f);
    teardown(&f);
}
