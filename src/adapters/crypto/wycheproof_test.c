/* The JOSE vectors of Wycheproof against our own parsing, key import and verification. */
#include "adapters/crypto/openssl_crypto.h"
#include "base/buf.h"
#include "core/identity/jwks.h"
#include "core/identity/jws.h"
#include "support/check.h"
#include "support/corpus.h"

#include <dirent.h>
#include <stdio.h>

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define NAME_BYTES_MAX 512

struct run {
    const struct port_crypto *crypto;
    struct json_tape tape;
    const char *file;
    struct jwks *keys; /* of the group; NULL when none of its keys can be used */
    size_t accepted, refused;
};

/* A group gives one key, or a set; symmetric groups have no public half, and their keys must fall
 * out of the set. */
static void open_group(struct run *run, json_ref group, struct arena *arena)
{
    struct buf text;
    json_ref key = json_member(&run->tape, group, SLICE("public"));
    if (key == JSON_NONE) {
        key = json_member(&run->tape, group, SLICE("private"));
    }
    buf_init(&text, FILE_BYTES_MAX, NULL);
    bool is_set = json_member(&run->tape, key, SLICE("keys")) != JSON_NONE;
    buf_append(&text, is_set ? SLICE_EMPTY : SLICE("{\"keys\":["));
    buf_append(&text, json_raw(&run->tape, key));
    buf_append(&text, is_set ? SLICE_EMPTY : SLICE("]}"));
    struct jwks_source source = {corpus_parser(), run->crypto, buf_view(&text), arena};
    run->keys = NULL;
    (void)!jwks_parse(&source, &run->keys, NULL, NULL);
    buf_release(&text);
}

/* Vectors called valid whose token is PS384 and whose key says "alg": "PS256": the corpus reads
 * that as a hint, we as a rule. */
static bool names_other_algorithm(const struct run *run, struct slice id)
{
    return str_eq(run->file, "json_web_signature_test.json") &&
           (slice_eq(id, SLICE("346")) || slice_eq(id, SLICE("350")));
}

static bool is_accepted(const struct run *run, struct slice token, struct arena *arena)
{
    const struct port_crypto *crypto = run->crypto;
    const void *keys[JWKS_CANDIDATES_MAX];
    struct jws jws;
    if (run->keys == NULL || jws_parse(corpus_parser(), token, arena, &jws, NULL) != STATUS_OK) {
        return false;
    }
    uint32_t count = jwks_find(run->keys, jws.has_kid ? &jws.kid : NULL, jws.algorithm, keys);
    return count == 1 && crypto->verify(crypto->context, jws.algorithm, keys[0], jws.signed_input,
                                        jws.signature) == STATUS_OK;
}

/* `invalid` must fail, always. `valid` must pass where the group has a key that we import: those of
 * all algorithms that we have. Vectors of other algorithms and of JWE must fail, whatever they say.
 */
static void check_case(struct run *run, json_ref test, struct arena *arena)
{
    char name[NAME_BYTES_MAX];
    struct slice token = SLICE_EMPTY;
    json_ref jws = json_member(&run->tape, test, SLICE("jws"));
    json_ref result = json_member(&run->tape, test, SLICE("result"));
    json_ref id = json_member(&run->tape, test, SLICE("tcId"));
    if (jws == JSON_NONE || result == JSON_NONE || id == JSON_NONE) {
        return;
    }
    snprintf(name, sizeof(name), "%s %.*s", run->file, SLICE_ARG(json_raw(&run->tape, id)));
    /* The JSON serialization is no text; as a bearer token it could only come as its raw form. */
    if (json_string(&run->tape, jws, arena, &token) != STATUS_OK) {
        token = json_raw(&run->tape, jws);
    }
    bool is_good = is_accepted(run, token, arena);
    bool is_valid = json_string_eq(&run->tape, result, SLICE("valid")) && run->keys != NULL &&
                    !names_other_algorithm(run, json_raw(&run->tape, id));
    bool is_free = json_string_eq(&run->tape, result, SLICE("acceptable"));
    CHECK_ROW(name, is_free || is_good == is_valid);
    run->accepted += is_good;
    run->refused += !is_good;
}

static void check_group(struct run *run, json_ref group)
{
    struct arena arena;
    struct json_iter tests;
    json_ref key, test;
    json_ref list = json_member(&run->tape, group, SLICE("tests"));
    CHECK(list != JSON_NONE);
    if (list == JSON_NONE) {
        return;
    }
    arena_init(&arena, FILE_BYTES_MAX, NULL);
    open_group(run, group, &arena);
    json_iter_init(&tests, &run->tape, list);
    while (json_iter_next(&tests, &key, &test)) {
        check_case(run, test, &arena);
    }
    jwks_unref(run->keys);
    arena_release(&arena);
}

static void check_text(struct run *run, struct slice text)
{
    struct arena arena;
    struct json_iter groups;
    json_ref key, group;
    arena_init(&arena, FILE_BYTES_MAX, NULL);
    bool is_read = json_parse(corpus_parser(), text, &arena, &run->tape, NULL) == STATUS_OK;
    json_ref list = is_read ? json_member(&run->tape, 0, SLICE("testGroups")) : (json_ref)JSON_NONE;
    CHECK_ROW(run->file, list != JSON_NONE);
    if (list != JSON_NONE) {
        json_iter_init(&groups, &run->tape, list);
        while (json_iter_next(&groups, &key, &group)) {
            check_group(run, group);
        }
    }
    arena_release(&arena);
}

static void check_file(struct run *run, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX, NULL);
    CHECK_ROW(path, file != NULL);
    for (size_t got = 1; file != NULL && got > 0;) {
        uint8_t *room = buf_reserve(&text, 65536);
        got = room != NULL ? fread(room, 1, 65536, file) : 0;
        buf_commit(&text, got);
    }
    if (file != NULL) {
        CHECK(fclose(file) == 0);
        check_text(run, buf_view(&text));
    }
    buf_release(&text);
}

TEST(corpus_jose_wycheproof)
{
    char folder[NAME_BYTES_MAX];
    struct openssl_crypto *crypto = NULL;
    const char *shared = check_shared_path("attack-data/jose-wycheproof");
    if (shared == NULL) {
        return;
    }
    snprintf(folder, sizeof(folder), "%s", shared);
    DIR *directory = opendir(folder);
    CHECK(directory != NULL && openssl_crypto_new(&crypto) == STATUS_OK);
    struct run run = {.crypto = openssl_crypto_port(crypto)};
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (slice_ends_with(slice_view_cstr(entry->d_name), SLICE(".json"))) {
            char path[2 * NAME_BYTES_MAX];
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            run.file = entry->d_name;
            check_file(&run, path);
        }
    }
    closedir(directory);
    CHECK(run.accepted > 0 && run.refused > 0);
    printf("jose-wycheproof: %zu accepted, %zu refused\n", run.accepted, run.refused);
    openssl_crypto_free(crypto);
}
