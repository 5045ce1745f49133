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
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#define COORDINATE_BYTES_MAX 66
#define POINT_BYTES_MAX (1 + 2 * COORDINATE_BYTES_MAX)
#define DER_BYTES_MAX 150 /* two integers of 67 bytes with their headers */
#define ED25519_SIGNATURE_BYTES 64

enum digest { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT };

struct openssl_crypto {
    struct port_crypto port;
    EVP_MD *digests[DIGEST_COUNT]; /* fetched once: a fetch by name takes longer than a hash */
    EVP_CIPHER *aes_gcm;
};

/* How an algorithm checks a signature; the type of the key is the port's jws_key_type. */
static const struct scheme {
    enum digest digest;
    bool is_pss;
} SCHEMES[JWS_ALGORITHM_COUNT] = {
    [JWS_RS256] = {DIGEST_SHA256, false}, [JWS_RS384] = {DIGEST_SHA384, false},
    [JWS_RS512] = {DIGEST_SHA512, false}, [JWS_PS256] = {DIGEST_SHA256, true},
    [JWS_PS384] = {DIGEST_SHA384, true},  [JWS_PS512] = {DIGEST_SHA512, true},
    [JWS_ES256] = {DIGEST_SHA256, false}, [JWS_ES384] = {DIGEST_SHA384, false},
    [JWS_ES512] = {DIGEST_SHA512, false}, [JWS_EDDSA] = {DIGEST_COUNT, false}, /* has its own */
};

/* What a key is: the port hands out these, so that none is ever taken for another. */
struct openssl_key {
    EVP_PKEY *pkey;
    enum crypto_key_type type;
    uint32_t references; /* atomic */
};

static const struct curve {
    const char *name;
    size_t coordinate_bytes;
} CURVES[] = {
    [CRYPTO_KEY_P256] = {"prime256v1", 32},
    [CRYPTO_KEY_P384] = {"secp384r1", 48},
    [CRYPTO_KEY_P521] = {"secp521r1", 66},
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
static size_t signature_to_der(struct slice raw, uint8_t der[DER_BYTES_MAX])
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    int half = (int)(raw.len / 2);
    BIGNUM *r = BN_bin2bn(raw.ptr, half, NULL);
    BIGNUM *s = BN_bin2bn(raw.ptr + half, half, NULL);
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

/* RFC 7518 §3.5: the salt is as long as the digest, which MGF1 uses as well. */
static bool set_padding(EVP_PKEY_CTX *context, bool is_pss)
{
    return !is_pss || (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static enum status verify_digest(const struct openssl_crypto *self, const struct scheme *scheme,
                                 EVP_PKEY *key, struct slice input, struct slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL; /* the digest context's */
    EVP_MD *digest = scheme->digest == DIGEST_COUNT ? NULL : self->digests[scheme->digest];
    bool is_good =
        context != NULL && EVP_DigestVerifyInit(context, &padding, digest, NULL, key) == 1 &&
        set_padding(padding, scheme->is_pss) &&
        EVP_DigestVerify(context, signature.ptr, signature.len, input.ptr, input.len) == 1;
    EVP_MD_CTX_free(context);
    return is_good ? STATUS_OK : failed(STATUS_UNAUTHENTICATED);
}

static size_t signature_bytes(const struct openssl_key *key)
{
    switch (key->type) {
    case CRYPTO_KEY_RSA:
        return (size_t)EVP_PKEY_get_size(key->pkey);
    case CRYPTO_KEY_P256:
    case CRYPTO_KEY_P384:
    case CRYPTO_KEY_P521:
        return 2 * CURVES[key->type].coordinate_bytes;
    case CRYPTO_KEY_ED25519:
        return ED25519_SIGNATURE_BYTES;
    }
    return 0;
}

/* The pair of algorithm and key decides; a key of another type never gets to a check. */
static enum status verify(void *context, enum jws_algorithm algorithm, const void *key,
                          struct slice signed_input, struct slice signature)
{
    const struct openssl_crypto *self = context;
    const struct openssl_key *typed = key;
    uint8_t der[DER_BYTES_MAX];
    if (algorithm >= JWS_ALGORITHM_COUNT || typed->type != jws_key_type(algorithm) ||
        signature.len != signature_bytes(typed)) {
        return STATUS_UNAUTHENTICATED;
    }
    if (typed->type != CRYPTO_KEY_RSA && typed->type != CRYPTO_KEY_ED25519) {
        signature = slice_of(der, signature_to_der(signature, der));
    }
    return signature.len > 0
               ? verify_digest(self, &SCHEMES[algorithm], typed->pkey, signed_input, signature)
               : failed(STATUS_UNAUTHENTICATED);
}

/* Takes pkey over. */
static enum status wrap_key(EVP_PKEY *pkey, enum crypto_key_type type, void **key)
{
    struct openssl_key *typed = base_alloc(sizeof(*typed));
    if (typed == NULL) {
        EVP_PKEY_free(pkey);
        return STATUS_LIMIT;
    }
    *typed = (struct openssl_key){pkey, type, 1};
    *key = typed;
    return STATUS_OK;
}

/* A public key of a type from its numbers, checked: on the curve, a sane modulus. */
static enum status key_from_numbers(const char *name, enum crypto_key_type type,
                                    OSSL_PARAM_BLD *builder, void **key)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *numbers = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *import = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
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
    return wrap_key(pkey, type, key);
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
        status = key_from_numbers("RSA", CRYPTO_KEY_RSA, builder, key);
    }
    BN_free(modulus);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(builder);
    return status == STATUS_OK ? STATUS_OK : failed(status);
}

static enum status key_ec(void *context, enum crypto_key_type type, struct slice x, struct slice y,
                          void **key)
{
    (void)context;
    assert(type < COUNT_OF(CURVES) && CURVES[type].name != NULL);
    const struct curve *curve = &CURVES[type];
    uint8_t point[POINT_BYTES_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    if (x.len != curve->coordinate_bytes || y.len != curve->coordinate_bytes) {
        return STATUS_INVALID;
    }
    memcpy(point + 1, x.ptr, x.len);
    memcpy(point + 1 + x.len, y.ptr, y.len);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    enum status status = STATUS_LIMIT;
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + x.len + y.len) == 1) {
        status = key_from_numbers("EC", type, builder, key);
    }
    OSSL_PARAM_BLD_free(builder);
    return status == STATUS_OK ? STATUS_OK : failed(status);
}

static enum status key_ed25519(void *context, struct slice x, void **key)
{
    (void)context;
    if (x.len != CRYPTO_ED25519_BYTES) {
        return STATUS_INVALID;
    }
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x.ptr, x.len);
    return pkey == NULL ? failed(STATUS_INVALID) : wrap_key(pkey, CRYPTO_KEY_ED25519, key);
}

static void *key_ref(void *context, void *key)
{
    struct openssl_key *typed = key;
    (void)context;
    __atomic_add_fetch(&typed->references, 1, __ATOMIC_RELAXED);
    return typed;
}

static void key_free(void *context, void *key)
{
    struct openssl_key *typed = key;
    (void)context;
    if (typed != NULL && __atomic_sub_fetch(&typed->references, 1, __ATOMIC_ACQ_REL) == 0) {
        EVP_PKEY_free(typed->pkey);
        base_free(typed);
    }
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
    *self =
        (struct openssl_crypto){.digests = {[DIGEST_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL),
                                            [DIGEST_SHA384] = EVP_MD_fetch(NULL, "SHA384", NULL),
                                            [DIGEST_SHA512] = EVP_MD_fetch(NULL, "SHA512", NULL)},
                                .aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL)};
    bool has_digests = true;
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        has_digests = has_digests && self->digests[i] != NULL;
    }
    if (!has_digests || self->aes_gcm == NULL) {
        openssl_crypto_free(self);
        return failed(STATUS_UNAVAILABLE);
    }
    self->port = (struct port_crypto){.context = self,
                                      .sha256 = hash,
                                      .verify = verify,
                                      .key_rsa = key_rsa,
                                      .key_ec = key_ec,
                                      .key_ed25519 = key_ed25519,
                                      .key_ref = key_ref,
                                      .key_free = key_free,
                                      .seal = seal_text,
                                      .open = open_text};
    *out = self;
    return STATUS_OK;
}

void openssl_crypto_free(struct openssl_crypto *crypto)
{
    if (crypto != NULL) {
        for (size_t i = 0; i < DIGEST_COUNT; i++) {
            EVP_MD_free(crypto->digests[i]);
        }
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
