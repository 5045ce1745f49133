/* The one-shot EVP digests allocate and may fail; the port's hash must do neither. The functions
 * below are deprecated in favour of EVP, but they are the ones that write into our own storage. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "adapters/crypto/openssl_crypto.h"

#include "base/arena.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#define COORDINATE_BYTES 32
#define POINT_BYTES (1 + 2 * COORDINATE_BYTES)
#define ES256_SIGNATURE_BYTES (2 * COORDINATE_BYTES)
#define ES256_DER_BYTES_MAX 80 /* two integers of 33 bytes with their headers */

struct openssl_crypto {
    struct port_crypto port;
    EVP_MD *sha256; /* fetched once: a fetch by name takes longer than a hash */
    EVP_CIPHER *aes_gcm;
};

/* OpenSSL keeps a queue of errors for each thread; what we do not read must not pile up. */
static enum status failed(enum status status)
{
    ERR_clear_error();
    return status;
}

static void hash(void *context, struct slice bytes, uint8_t out[CRYPTO_SHA256_BYTES])
{
    (void)context;
    SHA256_CTX state;
    SHA256_Init(&state);
    if (bytes.len > 0) {
        SHA256_Update(&state, bytes.ptr, bytes.len);
    }
    SHA256_Final(out, &state);
}

/* RFC 7518 §3.4 writes r || s; OpenSSL wants the ASN.1 form. Returns its length, 0 on failure. */
static size_t signature_to_der(struct slice raw, uint8_t der[ES256_DER_BYTES_MAX])
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.ptr, COORDINATE_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(raw.ptr + COORDINATE_BYTES, COORDINATE_BYTES, NULL);
    uint8_t *end = der;
    int len = 0;
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = NULL;
        s = NULL;
        len = i2d_ECDSA_SIG(signature, &end);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return len > 0 ? (size_t)len : 0;
}

static enum status verify_digest(const struct openssl_crypto *self, EVP_PKEY *key,
                                 struct slice input, struct slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good =
        context != NULL && EVP_DigestVerifyInit(context, NULL, self->sha256, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature.ptr, signature.len, input.ptr, input.len) == 1;
    EVP_MD_CTX_free(context);
    return is_good ? STATUS_OK : failed(STATUS_UNAUTHENTICATED);
}

/* The pair of algorithm and key decides; a key of another type never gets to a check. */
static enum status verify(void *context, enum jws_algorithm algorithm, const void *key,
                          struct slice signed_input, struct slice signature)
{
    const struct openssl_crypto *self = context;
    EVP_PKEY *pkey = (EVP_PKEY *)(uintptr_t)key; /* OpenSSL's API lacks const, it does not write */
    uint8_t der[ES256_DER_BYTES_MAX];
    switch (algorithm) {
    case JWS_RS256:
        if (!EVP_PKEY_is_a(pkey, "RSA") || signature.len != (size_t)EVP_PKEY_get_size(pkey)) {
            return STATUS_UNAUTHENTICATED;
        }
        return verify_digest(self, pkey, signed_input, signature);
    case JWS_ES256:
        if (!EVP_PKEY_is_a(pkey, "EC") || signature.len != ES256_SIGNATURE_BYTES) {
            return STATUS_UNAUTHENTICATED;
        }
        size_t len = signature_to_der(signature, der);
        return len > 0 ? verify_digest(self, pkey, signed_input, slice_of(der, len))
                       : failed(STATUS_UNAUTHENTICATED);
    case JWS_ALGORITHM_COUNT:
        break;
    }
    return STATUS_UNAUTHENTICATED;
}

/* A public key of a type from its numbers, checked: on the curve, a sane modulus. */
static enum status key_from_numbers(const char *type, OSSL_PARAM_BLD *builder, void **key)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *numbers = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *import = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    bool has_key = numbers != NULL && import != NULL && EVP_PKEY_fromdata_init(import) == 1 &&
                   EVP_PKEY_fromdata(import, &pkey, EVP_PKEY_PUBLIC_KEY, numbers) == 1;
    EVP_PKEY_CTX *check = has_key ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
    bool is_good = check != NULL && EVP_PKEY_public_check(check) == 1;
    enum status status = import == NULL || numbers == NULL ? STATUS_LIMIT : STATUS_INVALID;
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(import);
    OSSL_PARAM_free(numbers);
    if (!is_good) {
        EVP_PKEY_free(pkey);
        return failed(status);
    }
    *key = pkey;
    return STATUS_OK;
}

static enum status key_rsa(void *context, struct slice n, struct slice e, void **key)
{
    (void)context;
    if (n.len > 8192 / 8 || e.len > 8) {
        return STATUS_INVALID;
    }
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n.ptr, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(e.ptr, (int)e.len, NULL);
    enum status status = STATUS_LIMIT;
    if (builder != NULL && modulus != NULL && exponent != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        status = key_from_numbers("RSA", builder, key);
    }
    BN_free(modulus);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(builder);
    return status == STATUS_OK ? STATUS_OK : failed(status);
}

static enum status key_ec_p256(void *context, struct slice x, struct slice y, void **key)
{
    (void)context;
    uint8_t point[POINT_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    if (x.len != COORDINATE_BYTES || y.len != COORDINATE_BYTES) {
        return STATUS_INVALID;
    }
    memcpy(point + 1, x.ptr, COORDINATE_BYTES);
    memcpy(point + 1 + COORDINATE_BYTES, y.ptr, COORDINATE_BYTES);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    enum status status = STATUS_LIMIT;
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
            1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) ==
            1) {
        status = key_from_numbers("EC", builder, key);
    }
    OSSL_PARAM_BLD_free(builder);
    return status == STATUS_OK ? STATUS_OK : failed(status);
}

static void key_free(void *context, void *key)
{
    (void)context;
    EVP_PKEY_free(key);
}

/* The context for one text, with the bound text in it; NULL when the library fails. */
static EVP_CIPHER_CTX *begin_cipher(const struct openssl_crypto *self,
                                    const struct crypto_seal *seal, bool encrypts)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int len = 0;
    bool ok = cipher != NULL && seal->bound.len <= INT_MAX &&
              EVP_CipherInit_ex2(cipher, self->aes_gcm, seal->key, seal->nonce, encrypts ? 1 : 0,
                                 NULL) == 1 &&
              (seal->bound.len == 0 ||
               EVP_CipherUpdate(cipher, NULL, &len, seal->bound.ptr, (int)seal->bound.len) == 1);
    if (!ok) {
        EVP_CIPHER_CTX_free(cipher);
        return NULL;
    }
    return cipher;
}

/* GCM gives and takes all bytes of the text at once. */
static bool run_cipher(EVP_CIPHER_CTX *cipher, struct slice in, uint8_t *out)
{
    int len = 0;
    return in.len <= INT_MAX &&
           (in.len == 0 || EVP_CipherUpdate(cipher, out, &len, in.ptr, (int)in.len) == 1);
}

static enum status seal_text(void *context, const struct crypto_seal *seal, struct slice plain,
                             uint8_t *out)
{
    EVP_CIPHER_CTX *cipher = begin_cipher(context, seal, true);
    int len = 0;
    bool ok = cipher != NULL && run_cipher(cipher, plain, out) &&
              EVP_CipherFinal_ex(cipher, out + plain.len, &len) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, CRYPTO_SEAL_TAG_BYTES,
                                  out + plain.len) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return ok ? STATUS_OK : failed(STATUS_UNAVAILABLE);
}

static enum status open_text(void *context, const struct crypto_seal *seal, struct slice sealed,
                             uint8_t *out)
{
    uint8_t tag[CRYPTO_SEAL_TAG_BYTES];
    if (sealed.len < sizeof(tag)) {
        return STATUS_UNAUTHENTICATED;
    }
    struct slice hidden = slice_sub(sealed, 0, sealed.len - sizeof(tag));
    memcpy(tag, sealed.ptr + hidden.len, sizeof(tag));
    EVP_CIPHER_CTX *cipher = begin_cipher(context, seal, false);
    int len = 0;
    bool ok = cipher != NULL && run_cipher(cipher, hidden, out) &&
              EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) == 1 &&
              EVP_CipherFinal_ex(cipher, out + hidden.len, &len) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return ok ? STATUS_OK : failed(STATUS_UNAUTHENTICATED);
}

enum status openssl_crypto_new(struct openssl_crypto **out)
{
    struct openssl_crypto *self = base_alloc(sizeof(*self));
    if (self == NULL) {
        return STATUS_LIMIT;
    }
    *self = (struct openssl_crypto){.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
                                    .aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL)};
    if (self->sha256 == NULL || self->aes_gcm == NULL) {
        openssl_crypto_free(self);
        return failed(STATUS_UNAVAILABLE);
    }
    self->port = (struct port_crypto){.context = self,
                                      .sha256 = hash,
                                      .verify = verify,
                                      .key_rsa = key_rsa,
                                      .key_ec_p256 = key_ec_p256,
                                      .key_free = key_free,
                                      .seal = seal_text,
                                      .open = open_text};
    *out = self;
    return STATUS_OK;
}

void openssl_crypto_free(struct openssl_crypto *crypto)
{
    if (crypto != NULL) {
        EVP_MD_free(crypto->sha256);
        EVP_CIPHER_free(crypto->aes_gcm);
        base_free(crypto);
    }
}

const struct port_crypto *openssl_crypto_port(struct openssl_crypto *crypto)
{
    return &crypto->port;
}

static enum status fill(void *context, uint8_t *out, size_t size)
{
    (void)context;
    while (size > 0) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return STATUS_UNAVAILABLE;
        }
        out += got;
        size -= (size_t)got;
    }
    return STATUS_OK;
}

struct port_random system_random(void)
{
    return (struct port_random){.fill = fill};
}
