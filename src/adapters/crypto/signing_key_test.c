#include "adapters/crypto/signing_key.h"
#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 128 };

struct folder {
    char path[PATH_BYTES / 2], private_file[PATH_BYTES], public_file[PATH_BYTES];
};

static void folder_init(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/aegis-signing-XXXXXX");
    CHECK(mkdtemp(folder->path) != NULL);
    snprintf(folder->private_file, PATH_BYTES, "%s/audit.key", folder->path);
    snprintf(folder->public_file, PATH_BYTES, "%s/audit.pub", folder->path);
}

static void folder_release(struct folder *folder)
{
    (void)unlink(folder->private_file);
    (void)unlink(folder->public_file);
    CHECK(rmdir(folder->path) == 0);
}

static struct signing_key *open_ok(const struct folder *folder)
{
    struct signing_key *key = NULL;
    CHECK(signing_key_open(folder->private_file, &key, NULL) == STATUS_OK);
    return key;
}

TEST(signing_key_signs_what_only_its_public_half_accepts)
{
    struct folder folder;
    struct signing_public list;
    uint8_t signature[SIGNING_SIGNATURE_BYTES], other[SIGNING_SIGNATURE_BYTES];
    folder_init(&folder);
    CHECK(signing_public_load(folder.public_file, &list, NULL) == STATUS_NOT_FOUND);
    struct signing_key *key = open_ok(&folder);
    CHECK(signing_key_sign(key, SLICE("message"), signature) == STATUS_OK);
    CHECK(signing_public_verify(signing_key_public(key), SLICE("message"), signature));
    CHECK(!signing_public_verify(signing_key_public(key), SLICE("messagf"), signature));
    CHECK(!signing_public_verify(signing_key_public(key), SLICE_EMPTY, signature));
    for (size_t i = 0; i < SIGNING_SIGNATURE_BYTES; i++) {
        memcpy(other, signature, sizeof(other));
        other[i] ^= (uint8_t)(1U << (i % 8));
        CHECK(!signing_public_verify(signing_key_public(key), SLICE("message"), other));
    }
    struct stat about;
    CHECK(stat(folder.private_file, &about) == 0 && (about.st_mode & 0777) == 0600);

    /* The same file is the same key; a new file is another, and both stay published. */
    CHECK(signing_public_publish(signing_key_public(key), folder.public_file, NULL) == STATUS_OK);
    struct signing_key *again = open_ok(&folder);
    CHECK(memcmp(signing_key_public(key), signing_key_public(again), SIGNING_PUBLIC_BYTES) == 0);
    CHECK(signing_public_publish(signing_key_public(again), folder.public_file, NULL) == STATUS_OK);
    CHECK(unlink(folder.private_file) == 0);
    struct signing_key *next = open_ok(&folder);
    CHECK(!signing_public_verify(signing_key_public(next), SLICE("message"), signature));
    CHECK(signing_public_publish(signing_key_public(next), folder.public_file, NULL) == STATUS_OK);
    CHECK(signing_public_load(folder.public_file, &list, NULL) == STATUS_OK && list.count == 2);
    CHECK(memcmp(list.keys[0], signing_key_public(key), SIGNING_PUBLIC_BYTES) == 0);
    CHECK(memcmp(list.keys[1], signing_key_public(next), SIGNING_PUBLIC_BYTES) == 0);
    signing_key_free(next);
    signing_key_free(again);
    signing_key_free(key);
    folder_release(&folder);
}

TEST(signing_key_publishes_a_bounded_number)
{
    struct folder folder;
    struct diag diag = {0};
    folder_init(&folder);
    for (size_t i = 0; i <= SIGNING_KEYS_MAX; i++) {
        struct signing_key *key = open_ok(&folder);
        enum status status =
            signing_public_publish(signing_key_public(key), folder.public_file, &diag);
        CHECK(status == (i < SIGNING_KEYS_MAX ? STATUS_OK : STATUS_LIMIT));
        signing_key_free(key);
        CHECK(unlink(folder.private_file) == 0);
    }
    CHECK(str_eq(diag.code, "key.count"));
    folder_release(&folder);
}

TEST(signing_key_refuses_other_files)
{
    static const char p256_public[] =
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
        "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
        "-----END PUBLIC KEY-----\n";
    static const struct {
        const char *name, *text, *code;
    } rows[] = {
        {"empty", "", "key.encoding"},
        {"no PEM", "AEGIS", "key.encoding"},
        {"cut", "-----BEGIN PUBLIC KEY-----\nMCow", "key.encoding"},
        {"another type", p256_public, "key.encoding"},
    };
    struct folder folder;
    struct signing_public list;
    folder_init(&folder);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct diag diag = {0};
        FILE *file = fopen(folder.public_file, "w");
        CHECK(file != NULL && fputs(rows[i].text, file) >= 0 && fclose(file) == 0);
        CHECK_ROW(rows[i].name,
                  signing_public_load(folder.public_file, &list, &diag) == STATUS_INVALID);
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].code));
    }
    struct signing_key *key = NULL;
    struct diag diag = {0};
    CHECK(rename(folder.public_file, folder.private_file) == 0 &&
          chmod(folder.private_file, 0644) == 0);
    CHECK(signing_key_open(folder.private_file, &key, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "key.mode") && key == NULL);
    CHECK(signing_key_open("/proc/nowhere/audit.key", &key, &diag) == STATUS_IO && key == NULL);
    folder_release(&folder);
}
