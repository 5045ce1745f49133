#include "core/identity/jwks.h"

#include "base/base64.h"
#include "core/identity/jws.h"
#include "core/identity/rsa_weakness.h"

#include <string.h>

#define DOCUMENT_DEPTH_MAX 16
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_BYTES_MAX 4

struct jwks_key {
    enum crypto_key_type type;
    bool has_algorithm; /* it is for this one only; else for all that take its type */
    enum jws_algorithm algorithm;
    bool has_kid;
    struct slice kid;
    struct slice issuer;     /* whose tokens it may sign, where keys are shared; empty: not said */
    void *key;               /* the crypto port's */
    int64_t absent_since_ms; /* see jwks_merge; JWKS_PRESENT: the newest document has it */
};

#define JWKS_PRESENT INT64_MIN

struct jwks {
    uint32_t references; /* atomic */
    uint32_t count;
    const struct port_crypto *crypto;
    struct jwks_key keys[]; /* followed by the bytes of their texts */
};

/* One key of the document while it is judged. */
struct candidate {
    const struct jwks_source *source;
    const struct json_tape *tape;
    json_ref object;
    struct jwks_report *report;
};

/* Members that only a private key has (RFC 7518 §6.2.2, §6.3.2, §6.4.1). */
static const struct slice SECRET_MEMBERS[] = {
    SLICE_INIT("d"),  SLICE_INIT("p"),  SLICE_INIT("q"),   SLICE_INIT("dp"),
    SLICE_INIT("dq"), SLICE_INIT("qi"), SLICE_INIT("oth"), SLICE_INIT("k"),
};

static bool member_is(const struct candidate *candidate, struct slice name, struct slice text)
{
    json_ref ref = json_member(candidate->tape, candidate->object, name);
    return ref != JSON_NONE && json_string_eq(candidate->tape, ref, text);
}

static bool has_member(const struct candidate *candidate, struct slice name)
{
    return json_member(candidate->tape, candidate->object, name) != JSON_NONE;
}

static bool has_secret(const struct candidate *candidate)
{
    for (size_t i = 0; i < COUNT_OF(SECRET_MEMBERS); i++) {
        if (has_member(candidate, SECRET_MEMBERS[i])) {
            return true;
        }
    }
    return false;
}

/* RFC 7517 §4.2-4.3: what is absent allows everything. */
static bool is_for_signatures(const struct candidate *candidate)
{
    json_ref operations = json_member(candidate->tape, candidate->object, SLICE("key_ops"));
    if (has_member(candidate, SLICE("use")) && !member_is(candidate, SLICE("use"), SLICE("sig"))) {
        return false;
    }
    if (operations == JSON_NONE) {
        return true;
    }
    struct json_iter iter;
    json_ref key, item;
    bool can_verify = false;
    json_iter_init(&iter, candidate->tape, operations);
    while (json_iter_next(&iter, &key, &item)) {
        can_verify = can_verify || json_string_eq(candidate->tape, item, SLICE("verify"));
    }
    return can_verify && json_type(candidate->tape, operations) == JSON_ARRAY;
}

/* RFC 7518 §6.2.1.1, RFC 8037 §2. */
static const struct curve {
    struct slice key_type, name;
    enum crypto_key_type type;
    size_t coordinate_bytes;
} CURVES[] = {
    {SLICE_INIT("EC"), SLICE_INIT("P-256"), CRYPTO_KEY_P256, 32},
    {SLICE_INIT("EC"), SLICE_INIT("P-384"), CRYPTO_KEY_P384, 48},
    {SLICE_INIT("EC"), SLICE_INIT("P-521"), CRYPTO_KEY_P521, 66},
    {SLICE_INIT("OKP"), SLICE_INIT("Ed25519"), CRYPTO_KEY_ED25519, CRYPTO_ED25519_BYTES},
};

static const struct curve *curve_of(const struct candidate *candidate)
{
    for (size_t i = 0; i < COUNT_OF(CURVES); i++) {
        if (member_is(candidate, SLICE("kty"), CURVES[i].key_type) &&
            member_is(candidate, SLICE("crv"), CURVES[i].name)) {
            return &CURVES[i];
        }
    }
    return NULL;
}

/* Type, and the one algorithm if the key names one: false when we have none for it. */
static bool read_type(const struct candidate *candidate, struct jwks_key *out)
{
    const struct curve *curve = curve_of(candidate);
    if (curve == NULL && !member_is(candidate, SLICE("kty"), SLICE("RSA"))) {
        return false;
    }
    out->type = curve == NULL ? CRYPTO_KEY_RSA : curve->type;
    json_ref ref = json_member(candidate->tape, candidate->object, SLICE("alg"));
    out->has_algorithm = ref != JSON_NONE;
    if (!out->has_algorithm) {
        return true;
    }
    struct slice name;
    return json_string(candidate->tape, ref, candidate->source->scratch, &name) == STATUS_OK &&
           jws_algorithm_from_name(name, &out->algorithm) &&
           jws_key_type(out->algorithm) == out->type;
}

static enum status drop(uint32_t *counter)
{
    (*counter)++;
    return STATUS_NOT_FOUND;
}

static enum status read_number(const struct candidate *candidate, struct slice name,
                               struct slice *out)
{
    struct arena *arena = candidate->source->scratch;
    struct slice text = SLICE_EMPTY;
    json_ref ref = json_member(candidate->tape, candidate->object, name);
    if (ref == JSON_NONE) {
        return STATUS_INVALID;
    }
    TRY(json_string(candidate->tape, ref, arena, &text));
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t len = 0;
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    TRY(base64_decode(text, BASE64_URL_UNPADDED, bytes, text.len, &len));
    *out = slice_of(bytes, len);
    return STATUS_OK;
}

/* Some issuers write a leading zero octet although RFC 7518 §2 forbids it; it changes nothing. */
static struct slice without_leading_zeros(struct slice number)
{
    while (number.len > 0 && number.ptr[0] == 0) {
        number = slice_sub(number, 1, number.len);
    }
    return number;
}

static size_t bit_count(struct slice number)
{
    size_t bits = number.len * 8;
    for (unsigned mask = 0x80; number.len > 0 && (number.ptr[0] & mask) == 0; mask >>= 1) {
        bits--;
    }
    return bits;
}

static enum status import_rsa(const struct candidate *candidate, void **key)
{
    const struct port_crypto *crypto = candidate->source->crypto;
    struct slice n, e;
    TRY(read_number(candidate, SLICE("n"), &n));
    TRY(read_number(candidate, SLICE("e"), &e));
    n = without_leading_zeros(n);
    e = without_leading_zeros(e);
    size_t bits = bit_count(n);
    bool is_exponent = e.len > 0 && e.len <= RSA_EXPONENT_BYTES_MAX && e.ptr[e.len - 1] % 2 == 1 &&
                       bit_count(e) >= 2;
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || !is_exponent || rsa_weakness_is_roca(n)) {
        return STATUS_INVALID;
    }
    return crypto->key_rsa(crypto->context, n, e, key);
}

static enum status import_point(const struct candidate *candidate, const struct curve *curve,
                                void **key)
{
    const struct port_crypto *crypto = candidate->source->crypto;
    struct slice x, y;
    TRY(read_number(candidate, SLICE("x"), &x));
    if (x.len != curve->coordinate_bytes) {
        return STATUS_INVALID;
    }
    if (curve->type == CRYPTO_KEY_ED25519) {
        return crypto->key_ed25519(crypto->context, x, key);
    }
    TRY(read_number(candidate, SLICE("y"), &y));
    return y.len == curve->coordinate_bytes
               ? crypto->key_ec(crypto->context, curve->type, x, y, key)
               : STATUS_INVALID;
}

static enum status read_kid(const struct candidate *candidate, struct jwks_key *out)
{
    json_ref ref = json_member(candidate->tape, candidate->object, SLICE("kid"));
    out->absent_since_ms = JWKS_PRESENT;
    out->has_kid = ref != JSON_NONE;
    if (!out->has_kid) {
        return STATUS_OK;
    }
    TRY(json_string(candidate->tape, ref, candidate->source->scratch, &out->kid));
    return out->kid.len <= JWS_KID_BYTES_MAX ? STATUS_OK : STATUS_INVALID;
}

/* Not in RFC 7517: issuers with many tenants say so whose a key is. An odd one makes it useless. */
static enum status read_issuer(const struct candidate *candidate, struct jwks_key *out)
{
    json_ref ref = json_member(candidate->tape, candidate->object, SLICE("issuer"));
    if (ref == JSON_NONE) {
        return STATUS_OK;
    }
    TRY(json_string(candidate->tape, ref, candidate->source->scratch, &out->issuer));
    return out->issuer.len > 0 && out->issuer.len <= JWKS_ISSUER_BYTES_MAX ? STATUS_OK
                                                                           : STATUS_INVALID;
}

/* STATUS_OK: *out holds a key; STATUS_NOT_FOUND: left out and counted; STATUS_LIMIT. */
static enum status import_key(const struct candidate *candidate, struct jwks_key *out)
{
    struct jwks_report *report = candidate->report;
    if (member_is(candidate, SLICE("kty"), SLICE("oct"))) {
        return drop(&report->symmetric);
    }
    if (has_secret(candidate)) {
        return drop(&report->with_secret);
    }
    if (!is_for_signatures(candidate)) {
        return drop(&report->other_use);
    }
    if (!read_type(candidate, out)) {
        return drop(&report->unsupported);
    }
    enum status status = read_kid(candidate, out);
    status = status == STATUS_OK ? read_issuer(candidate, out) : status;
    if (status == STATUS_OK) {
        status = out->type == CRYPTO_KEY_RSA
                     ? import_rsa(candidate, &out->key)
                     : import_point(candidate, curve_of(candidate), &out->key);
    }
    if (status == STATUS_OK || status == STATUS_LIMIT) {
        return status;
    }
    return drop(&report->malformed);
}

static enum status no_room(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "jwks.limit", "no memory for a key set");
}

/* Put text at *at and let it point there. */
static void keep_text(uint8_t **at, struct slice *text)
{
    if (text->len > 0) {
        memcpy(*at, text->ptr, text->len);
    }
    text->ptr = *at;
    *at += text->len;
}

/* The final block: struct, keys and their texts. The port's keys move into it. */
static enum status build(const struct port_crypto *crypto, const struct jwks_key *keys,
                         uint32_t count, struct jwks **out)
{
    size_t text_bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        text_bytes += keys[i].kid.len + keys[i].issuer.len;
    }
    struct jwks *set = base_alloc(sizeof(*set) + count * sizeof(set->keys[0]) + text_bytes);
    if (set == NULL) {
        return STATUS_LIMIT;
    }
    *set = (struct jwks){.references = 1, .count = count, .crypto = crypto};
    uint8_t *text = (uint8_t *)&set->keys[count];
    for (uint32_t i = 0; i < count; i++) {
        set->keys[i] = keys[i];
        keep_text(&text, &set->keys[i].kid);
        keep_text(&text, &set->keys[i].issuer);
    }
    *out = set;
    return STATUS_OK;
}

static enum status import_all(const struct jwks_source *source, const struct json_tape *tape,
                              json_ref list, struct jwks_key *keys, struct jwks_report *report)
{
    struct json_iter iter;
    json_ref name, item;
    json_iter_init(&iter, tape, list);
    while (json_iter_next(&iter, &name, &item)) {
        struct candidate candidate = {source, tape, item, report};
        enum status status = json_type(tape, item) == JSON_OBJECT
                                 ? import_key(&candidate, &keys[report->kept])
                                 : drop(&report->malformed);
        if (status == STATUS_LIMIT) {
            return status;
        }
        report->kept += status == STATUS_OK;
    }
    return STATUS_OK;
}

static enum status import_document(const struct jwks_source *source, const struct json_tape *tape,
                                   struct jwks **out, struct jwks_report *report, struct diag *diag)
{
    json_ref list = json_member(tape, 0, SLICE("keys"));
    if (list == JSON_NONE || json_type(tape, list) != JSON_ARRAY) {
        return diag_fail(diag, STATUS_INVALID, "jwks.malformed",
                         "key set has no list named 'keys'");
    }
    if (json_count(tape, list) > JWKS_KEYS_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "jwks.limit", "key set has %u keys, at most %d",
                         (unsigned)json_count(tape, list), JWKS_KEYS_MAX);
    }
    struct jwks_key *keys =
        arena_alloc_zero(source->scratch, json_count(tape, list) + 1, sizeof(*keys));
    if (keys == NULL) {
        return no_room(diag);
    }
    enum status status = import_all(source, tape, list, keys, report);
    if (status == STATUS_OK && report->kept == 0) {
        return diag_fail(diag, STATUS_INVALID, "jwks.empty",
                         "key set has no key that can check a signature");
    }
    status = status == STATUS_OK ? build(source->crypto, keys, report->kept, out) : status;
    if (status != STATUS_OK) {
        for (uint32_t i = 0; i < report->kept; i++) {
            source->crypto->key_free(source->crypto->context, keys[i].key);
        }
        return no_room(diag);
    }
    return STATUS_OK;
}

enum status jwks_parse(const struct jwks_source *source, struct jwks **out,
                       struct jwks_report *report, struct diag *diag)
{
    struct jwks_report unwanted;
    struct json_parser strict = *source->parser;
    struct json_tape tape;
    struct diag cause = {0};
    report = report != NULL ? report : &unwanted;
    *report = (struct jwks_report){0};
    *out = NULL;
    if (source->text.len > JWKS_BYTES_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "jwks.limit", "key set has %zu bytes, at most %zu",
                         source->text.len, JWKS_BYTES_MAX);
    }
    strict.limits.depth_max = DOCUMENT_DEPTH_MAX;
    if (json_parse(&strict, source->text, source->scratch, &tape, &cause) != STATUS_OK) {
        bool is_memory = slice_eq(slice_view_cstr(cause.code), SLICE("json.memory"));
        return is_memory ? no_room(diag)
                         : diag_fail(diag, STATUS_INVALID, "jwks.malformed",
                                     "key set is not valid JSON: %s", cause.message);
    }
    return import_document(source, &tape, out, report, diag);
}

struct jwks *jwks_ref(struct jwks *keys)
{
    __atomic_add_fetch(&keys->references, 1, __ATOMIC_RELAXED);
    return keys;
}

void jwks_unref(struct jwks *keys)
{
    if (keys == NULL || __atomic_sub_fetch(&keys->references, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        keys->crypto->key_free(keys->crypto->context, keys->keys[i].key);
    }
    base_free(keys);
}

/* Has the newer document that key, or another in its place? */
static bool is_named(const struct jwks *keys, const struct jwks_key *key)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].has_kid && slice_eq(keys->keys[i].kid, key->kid) &&
            keys->keys[i].type == key->type) {
            return true;
        }
    }
    return false;
}

/* A key without a name cannot be told from its successor, so it goes at once. */
static bool may_stay(const struct jwks *newer, const struct jwks_key *key, int64_t now_ms)
{
    bool is_gone =
        key->absent_since_ms != JWKS_PRESENT && now_ms - key->absent_since_ms >= JWKS_ABSENT_MS;
    return key->has_kid && !is_gone && !is_named(newer, key);
}

enum status jwks_merge(const struct jwks *newer, const struct jwks *older, int64_t now_ms,
                       struct jwks **out)
{
    const struct port_crypto *crypto = newer->crypto;
    size_t room = (size_t)newer->count + older->count;
    struct jwks_key *keys = base_alloc(room * sizeof(*keys));
    if (keys == NULL) {
        return STATUS_LIMIT;
    }
    memcpy(keys, newer->keys, newer->count * sizeof(*keys));
    uint32_t count = newer->count;
    for (uint32_t i = 0; i < older->count && count < JWKS_KEYS_MAX; i++) {
        const struct jwks_key *key = &older->keys[i];
        if (may_stay(newer, key, now_ms)) {
            keys[count] = *key;
            keys[count].absent_since_ms =
                key->absent_since_ms == JWKS_PRESENT ? now_ms : key->absent_since_ms;
            count++;
        }
    }
    enum status status = build(crypto, keys, count, out);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        (void)crypto->key_ref(crypto->context, keys[i].key);
    }
    base_free(keys);
    return status;
}

bool jwks_is_settled(const struct jwks *keys)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].absent_since_ms != JWKS_PRESENT) {
            return false;
        }
    }
    return true;
}

uint32_t jwks_count(const struct jwks *keys)
{
    return keys->count;
}

uint32_t jwks_find(const struct jwks *keys, const struct slice *kid, enum jws_algorithm algorithm,
                   const void *out[JWKS_CANDIDATES_MAX])
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct jwks_key *key = &keys->keys[i];
        bool is_named = kid == NULL || (key->has_kid && slice_eq(key->kid, *kid));
        bool fits =
            key->has_algorithm ? key->algorithm == algorithm : key->type == jws_key_type(algorithm);
        if (!is_named || !fits) {
            continue;
        }
        if (found < JWKS_CANDIDATES_MAX) {
            out[found] = key->key;
        }
        found++;
    }
    return found;
}

struct slice jwks_issuer(const struct jwks *keys, const void *key)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].key == key) {
            return keys->keys[i].issuer;
        }
    }
    return SLICE_EMPTY;
}
