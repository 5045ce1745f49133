#include "adapters/crypto/key_file.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_BYTES_MAX (16 * 1024)
#define PATH_BYTES_MAX 4096

static enum status io_error(struct diag *diag, const char *what, const char *path)
{
    return diag_fail(diag, STATUS_IO, "key.io", "cannot %s '%s': %s", what, path, strerror(errno));
}

enum status key_file_write_all(int file, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(file, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return STATUS_IO;
        }
        bytes = slice_sub(bytes, (size_t)written, bytes.len);
    }
    return fsync(file) == 0 ? STATUS_OK : STATUS_IO;
}

/* Written beside its place and then linked there: nobody sees half a key, and of two processes that
 * start together one wins and both use its key. */
static enum status write_new(const char *path, struct slice text, struct diag *diag)
{
    char temporary[PATH_BYTES_MAX];
    int len = snprintf(temporary, sizeof(temporary), "%s.%ld.new", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return io_error(diag, "create", path);
    }
    int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return io_error(diag, "create", temporary);
    }
    enum status status = key_file_write_all(file, text);
    bool is_linked =
        close(file) == 0 && status == STATUS_OK && (link(temporary, path) == 0 || errno == EEXIST);
    status = is_linked ? STATUS_OK : io_error(diag, "write", path);
    unlink(temporary);
    return status;
}

enum status key_file_create(const char *path, EVP_PKEY *pkey, struct diag *diag)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    enum status status;
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        ERR_clear_error();
        status = diag_fail(diag, STATUS_INTERNAL, "key.encoding", "cannot encode a new key");
    } else {
        long len = BIO_get_mem_data(bio, &text);
        status = write_new(path, slice_of(text, (size_t)len), diag);
    }
    BIO_free(bio);
    return status;
}

static enum status read_file(const char *path, char text[PEM_BYTES_MAX], size_t *len,
                             struct diag *diag)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : io_error(diag, "open", path);
    }
    enum status status = STATUS_OK;
    ssize_t got = fstat(file, &info) == 0 ? read(file, text, PEM_BYTES_MAX) : -1;
    if (got < 0) {
        status = io_error(diag, "read", path);
    } else if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        status = diag_fail(diag, STATUS_INVALID, "key.mode",
                           "key file '%s' can be read by others; run chmod 600 on it", path);
    }
    close(file);
    *len = got > 0 ? (size_t)got : 0;
    return status;
}

/* Never ask on the terminal: an encrypted key is refused. */
static int no_password(char *out, int size, int is_writing, void *context)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

enum status key_file_load(const char *path, EVP_PKEY **out, struct diag *diag)
{
    char text[PEM_BYTES_MAX];
    size_t len = 0;
    TRY(read_file(path, text, &len, diag));
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    *out = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    OPENSSL_cleanse(text, sizeof(text));
    if (*out == NULL) {
        ERR_clear_error();
        return diag_fail(diag, STATUS_INVALID, "key.encoding",
                         "file '%s' is no unencrypted PEM private key", path);
    }
    return STATUS_OK;
}
