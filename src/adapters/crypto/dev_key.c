#include "adapters/crypto/dev_key.h"

#include "adapters/crypto/key_file.h"
#include "base/base64.h"
#include "core/identity/jws.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <string.h>
#include <unistd.h>

#define RSA_BITS 2048
#define COORDINATE_BYTES 32
#define NUMBER_BYTES_MAX 1024
#define JWK_BYTES_MAX (16 * 1024)
#define KEY_ID_BYTES 43 /* SHA-256 in base64url */

struct dev_key {
    enum jws_algorithm algorithm;
    EVP_PKEY *pkey;
    uint8_t id[KEY_ID_BYTES];
};

static enum status key_error(struct diag *diag, enum status status, const char *path)
{
    ERR_clear_error();
    return diag_fail(diag, status, "issuer.key",
                     "file '%s' holds no key of type RSA (2048 bits or more) or P-256", path);
}

enum status dev_key_create(const char *path, enum jws_algorithm algorithm, struct diag *diag)
{
    if (access(path, F_OK) == 0) {
        return STATUS_OK;
    }
    EVP_PKEY *pkey = algorithm == JWS_RS256 ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
    enum status status = STATUS_OK;
    if (pkey == NULL) {
        ERR_clear_error();
        status = diag_fail(diag, STATUS_INTERNAL, "issuer.key", "cannot make a new key");
    } else {
        status = key_file_create(path, pkey, diag);
    }
    EVP_PKEY_free(pkey);
    return status;
}

static bool algorithm_of(EVP_PKEY *pkey, enum jws_algorithm *out)
{
    char group[32] = "";
    size_t len = 0;
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        *out = JWS_RS256;
        return EVP_PKEY_get_bits(pkey) >= RSA_BITS && EVP_PKEY_get_bits(pkey) <= 8192;
    }
    *out = JWS_ES256;
    return EVP_PKEY_is_a(pkey, "EC") &&
           EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) == 1 &&
           slice_eq(slice_of(group, len), SLICE("prime256v1"));
}

static enum status append_number(const EVP_PKEY *pkey, const char *parameter, size_t width,
                                 struct buf *buf)
{
    BIGNUM *number = NULL;
    uint8_t bytes[NUMBER_BYTES_MAX];
    if (EVP_PKEY_get_bn_param(pkey, parameter, &number) != 1) {
        ERR_clear_error();
        return STATUS_INTERNAL;
    }
    size_t len = width > 0 ? width : (size_t)BN_num_bytes(number);
    bool is_written = len <= sizeof(bytes) && BN_bn2binpad(number, bytes, (int)len) == (int)len;
    BN_free(number);
    if (!is_written) {
        return STATUS_INTERNAL;
    }
    base64_encode(buf, slice_of(bytes, len), BASE64_URL_UNPADDED);
    return buf_status(buf);
}

/* The required members in the order of RFC 7638 §3.2, without the closing brace. */
static enum status append_members(const struct dev_key *key, struct buf *buf)
{
    if (key->algorithm == JWS_RS256) {
        buf_append(buf, SLICE("{\"e\":\""));
        TRY(append_number(key->pkey, OSSL_PKEY_PARAM_RSA_E, 0, buf));
        buf_append(buf, SLICE("\",\"kty\":\"RSA\",\"n\":\""));
        TRY(append_number(key->pkey, OSSL_PKEY_PARAM_RSA_N, 0, buf));
    } else {
        buf_append(buf, SLICE("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\""));
        TRY(append_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, COORDINATE_BYTES, buf));
        buf_append(buf, SLICE("\",\"y\":\""));
        TRY(append_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, COORDINATE_BYTES, buf));
    }
    buf_append_byte(buf, '"');
    return buf_status(buf);
}

static enum status make_id(struct dev_key *key)
{
    struct buf text, id;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    buf_init(&text, JWK_BYTES_MAX, NULL);
    buf_init(&id, KEY_ID_BYTES + 1, NULL);
    enum status status = append_members(key, &text);
    buf_append_byte(&text, '}');
    status = status == STATUS_OK ? buf_status(&text) : status;
    if (status == STATUS_OK &&
        EVP_Digest(text.ptr, text.len, hash, NULL, EVP_sha256(), NULL) == 1) {
        base64_encode(&id, slice_of(hash, sizeof(hash)), BASE64_URL_UNPADDED);
        status = id.len == KEY_ID_BYTES ? STATUS_OK : STATUS_LIMIT;
    }
    if (status == STATUS_OK) {
        memcpy(key->id, id.ptr, KEY_ID_BYTES);
    }
    buf_release(&text);
    buf_release(&id);
    return status;
}

/* Takes pkey, also on failure. */
static enum status key_from_pkey(const char *path, EVP_PKEY *pkey, struct dev_key **out,
                                 struct diag *diag)
{
    struct dev_key *key = base_alloc(sizeof(*key));
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return diag_fail(diag, STATUS_LIMIT, "issuer.memory", "no memory for a key");
    }
    *key = (struct dev_key){.pkey = pkey};
    enum status status = algorithm_of(key->pkey, &key->algorithm)
                             ? STATUS_OK
                             : key_error(diag, STATUS_INVALID, path);
    if (status == STATUS_OK && make_id(key) != STATUS_OK) {
        status = diag_fail(diag, STATUS_LIMIT, "issuer.memory", "no memory for a key");
    }
    if (status != STATUS_OK) {
        dev_key_free(key);
        return status;
    }
    *out = key;
    return STATUS_OK;
}

enum status dev_key_load(const char *path, struct dev_key **out, struct diag *diag)
{
    EVP_PKEY *pkey = NULL;
    TRY(key_file_load(path, &pkey, diag));
    return key_from_pkey(path, pkey, out, diag);
}

void dev_key_free(struct dev_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        base_free(key);
    }
}

enum jws_algorithm dev_key_algorithm(const struct dev_key *key)
{
    return key->algorithm;
}

struct slice dev_key_id(const struct dev_key *key)
{
    return slice_of(key->id, sizeof(key->id));
}

enum status dev_key_jwk(const struct dev_key *key, struct buf *buf)
{
    TRY(append_members(key, buf));
    buf_append(buf, SLICE(",\"use\":\"sig\",\"alg\":\""));
    buf_append(buf, jws_algorithm_name(key->algorithm));
    buf_append(buf, SLICE("\",\"kid\":\""));
    buf_append(buf, dev_key_id(key));
    buf_append(buf, SLICE("\"}"));
    return buf_status(buf);
}

/* The ASN.1 form to r || s of fixed width (RFC 7518 §3.4). */
static enum status der_to_raw(struct slice der, uint8_t *out, size_t *len)
{
    const uint8_t *at = der.ptr;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    bool is_written =
        signature != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, COORDINATE_BYTES) == COORDINATE_BYTES &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + COORDINATE_BYTES, COORDINATE_BYTES) ==
            COORDINATE_BYTES;
    ECDSA_SIG_free(signature);
    *len = 2 * (size_t)COORDINATE_BYTES;
    return is_written ? STATUS_OK : STATUS_INTERNAL;
}

enum status dev_key_sign(const struct dev_key *key, struct slice input,
                         uint8_t out[DEV_KEY_SIGNATURE_BYTES_MAX], size_t *len)
{
    uint8_t signature[DEV_KEY_SIGNATURE_BYTES_MAX];
    size_t size = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed = context != NULL &&
                     EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
                     EVP_DigestSign(context, signature, &size, input.ptr, input.len) == 1;
    EVP_MD_CTX_free(context);
    if (!is_signed) {
        ERR_clear_error();
        return STATUS_INTERNAL;
    }
    if (key->algorithm == JWS_ES256) {
        return der_to_raw(slice_of(signature, size), out, len);
    }
    memcpy(out, signature, size);
    *len = size;
    return STATUS_OK;
}
