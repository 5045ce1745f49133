#include "daemon/sign_in/token_store.h"

#include "adapters/crypto/key_file.h"
#include "daemon/file.h"
#include "daemon/sign_in/documents.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_POLL_MS 100
#define NAME_BYTES 16 /* of the hash of the address */
#define SIDE_PATH_BYTES (TOKEN_STORE_PATH_BYTES + 32)

static enum status file_error(struct diag *diag, const char *what, const char *path)
{
    return diag_fail(diag, STATUS_IO, "sign_in.file", "cannot %s '%s': %s", what, path,
                     strerror(errno));
}

enum status token_store_init(struct token_store *store, const char *folder, struct slice url,
                             const struct port_crypto *crypto, const struct json_parser *parser,
                             struct diag *diag)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    char name[2 * NAME_BYTES + 1];
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return file_error(diag, "make", folder);
    }
    crypto->sha256(crypto->context, url, hash);
    for (size_t i = 0; i < NAME_BYTES; i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", hash[i]);
    }
    int len = snprintf(store->path, sizeof(store->path), "%s/%s.json", folder, name);
    store->parser = parser;
    if (len < 0 || (size_t)len >= sizeof(store->path)) {
        errno = ENAMETOOLONG;
        return file_error(diag, "use", folder);
    }
    return STATUS_OK;
}

/* The members of the file, in order. */
#define MEMBERS(X)                                                                                 \
    X(resource)                                                                                    \
    X(issuer)                                                                                      \
    X(token_endpoint)                                                                              \
    X(client_id)                                                                                   \
    X(client_secret)                                                                               \
    X(client_method)                                                                               \
    X(access_token) X(refresh_token) X(scope) X(acr_values) X(claims)

enum status grant_copy(const struct grant *grant, struct arena *arena, struct grant *out)
{
    *out = *grant;
#define COPY_MEMBER(name) TRY(arena_copy(arena, grant->name, &out->name));
    MEMBERS(COPY_MEMBER)
#undef COPY_MEMBER
    return STATUS_OK;
}

/* 0 when it is not there. */
static int64_t read_time(const struct json_tape *tape, struct slice name)
{
    int64_t time_s = 0;
    json_ref ref = json_member(tape, 0, name);
    return ref != JSON_NONE && json_integer(tape, ref, &time_s) == STATUS_OK ? time_s : 0;
}

static enum status read_grant(const struct token_store *store, struct slice text,
                              struct arena *arena, struct grant *out)
{
    struct json_tape tape;
    struct diag diag = {0};
    TRY(json_parse(store->parser, text, arena, &tape, &diag));
#define READ_MEMBER(name) TRY(documents_text(&tape, SLICE(#name), arena, &out->name));
    MEMBERS(READ_MEMBER)
#undef READ_MEMBER
    out->expires_at_s = read_time(&tape, SLICE("expires_at"));
    out->signed_in_at_s = read_time(&tape, SLICE("signed_in_at"));
    return out->access_token.len > 0 && slice_is_visible(out->access_token) ? STATUS_OK
                                                                            : STATUS_INVALID;
}

/* The file that is opened is the one that is judged. */
static enum status open_private(const struct token_store *store, int *out, struct diag *diag)
{
    struct stat info;
    int fd = open(store->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return STATUS_NOT_FOUND;
    }
    bool is_ours = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
                   (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    if (!is_ours) {
        (void)close(fd);
        return diag_fail(diag, STATUS_INVALID, "sign_in.mode",
                         "'%s' can be read by others; sign out and in again", store->path);
    }
    *out = fd;
    return STATUS_OK;
}

enum status token_store_load(const struct token_store *store, struct arena *arena,
                             struct grant *out, struct diag *diag)
{
    struct buf text;
    int fd = -1;
    *out = (struct grant){0};
    TRY(open_private(store, &fd, diag));
    buf_init_secret(&text, TOKEN_STORE_BYTES_MAX, NULL);
    enum status status = file_read_unnamed(fd, &text);
    (void)close(fd);
    status = status == STATUS_OK ? read_grant(store, buf_view(&text), arena, out) : status;
    buf_release(&text);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    /* What cannot be read is as good as nothing: a person signs in again. */
    *out = (struct grant){0};
    return STATUS_NOT_FOUND;
}

static enum status replace_file(const char *path, struct slice text, struct diag *diag)
{
    char temporary[SIDE_PATH_BYTES];
    (void)snprintf(temporary, sizeof(temporary), "%s.%ld.new", path, (long)getpid());
    (void)unlink(temporary);
    int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return file_error(diag, "create", temporary);
    }
    enum status status = key_file_write_all(file, text);
    bool is_done = close(file) == 0 && status == STATUS_OK && rename(temporary, path) == 0;
    status = is_done ? STATUS_OK : file_error(diag, "write", path);
    (void)unlink(temporary);
    return status;
}

enum status token_store_save(const struct token_store *store, const struct grant *grant,
                             struct diag *diag)
{
    struct buf text;
    buf_init_secret(&text, TOKEN_STORE_BYTES_MAX, NULL);
    buf_append(&text, SLICE("{\"expires_at\":"));
    buf_append_i64(&text, grant->expires_at_s);
    buf_append(&text, SLICE(",\n\"signed_in_at\":"));
    buf_append_i64(&text, grant->signed_in_at_s);
#define WRITE_MEMBER(name)                                                                         \
    buf_append(&text, SLICE(",\n\"" #name "\":"));                                                 \
    buf_append_json_string(&text, grant->name);
    MEMBERS(WRITE_MEMBER)
#undef WRITE_MEMBER
    buf_append(&text, SLICE("}\n"));
    enum status status = buf_status(&text);
    status = status == STATUS_OK
                 ? replace_file(store->path, buf_view(&text), diag)
                 : diag_fail(diag, status, "sign_in.file", "the tokens are too long to keep");
    buf_release(&text);
    return status;
}

enum status token_store_remove(const struct token_store *store, struct diag *diag)
{
    if (unlink(store->path) != 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : file_error(diag, "remove", store->path);
    }
    return STATUS_OK;
}

int token_store_lock(const struct token_store *store, int64_t patience_ms,
                     const atomic_bool *is_stopped)
{
    char path[SIDE_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s.lock", store->path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* Another process may hold it for as long as a person takes. */
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool is_held = errno == EWOULDBLOCK || errno == EINTR;
        bool is_over = patience_ms <= 0 || (is_stopped != NULL && atomic_load(is_stopped));
        if (!is_held || is_over) {
            (void)close(fd);
            return -1;
        }
        (void)poll(NULL, 0, LOCK_POLL_MS);
        patience_ms -= patience_ms == TOKEN_STORE_FOREVER ? 0 : LOCK_POLL_MS;
    }
    return fd;
}
