/* key_file.h: a private key as one PEM file that only its owner can read.
 *
 * The file is written once and never over an existing one; a file that others can read is refused,
 * and so is an encrypted one, because nobody is there to type a password.
 */
#ifndef AEGIS_ADAPTERS_CRYPTO_KEY_FILE_H
#define AEGIS_ADAPTERS_CRYPTO_KEY_FILE_H

#include "base/diag.h"

#include <openssl/evp.h>

/* Write the key at path, mode 0600. Of two processes that start together one wins, and a file that
 * is there stays as it is: load it afterwards. STATUS_IO key.io, STATUS_INTERNAL key.encoding. */
NODISCARD enum status key_file_create(const char *path, EVP_PKEY *pkey, struct diag *diag);

/* STATUS_NOT_FOUND without a file (no diag); STATUS_IO key.io; STATUS_INVALID key.mode (readable by
 * others) or key.encoding (no unencrypted PEM key). The caller frees *out. */
NODISCARD enum status key_file_load(const char *path, EVP_PKEY **out, struct diag *diag);

/* Write bytes to an open file and sync it. STATUS_IO. */
NODISCARD enum status key_file_write_all(int file, struct slice bytes);

#endif
