#include "core/identity/api_key.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX SLICE("aegis_")
#define ID_DIGITS ((size_t)2 * API_KEY_ID_BYTES)
#define SECRET_DIGITS ((size_t)2 * API_KEY_SECRET_BYTES)
#define CHECK_DIGITS ((size_t)8)
#define TEXT_BYTES_MAX 255 /* of a subject, a role, a scope or a server's name */

/* -- one key ------------------------------------------------------------------------------- */

static void append_digits(struct buf *out, const uint8_t *bytes, size_t count)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(out, (uint8_t)DIGITS[bytes[i] >> 4]);
        buf_append_byte(out, (uint8_t)DIGITS[bytes[i] & 15]);
    }
}

static void append_check(const struct port_crypto *crypto, struct slice text, struct buf *out)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    crypto->sha256(crypto->context, text, hash);
    append_digits(out, hash, CHECK_DIGITS / 2);
}

/* Lower case only: one key has one spelling, and with it one hash. */
static int digit_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool are_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (digit_value(text.ptr[i]) < 0) {
            return false;
        }
    }
    return true;
}

bool api_key_parse(const struct port_crypto *crypto, struct slice text, struct slice *id)
{
    size_t id_end = PREFIX.len + ID_DIGITS;
    size_t secret_end = id_end + 1 + SECRET_DIGITS;
    if (text.len != API_KEY_TEXT_BYTES || !slice_starts_with(text, PREFIX) ||
        text.ptr[id_end] != '_' || text.ptr[secret_end] != '_') {
        return false;
    }
    struct buf check;
    *id = slice_sub(text, PREFIX.len, id_end);
    buf_init(&check, CHECK_DIGITS, NULL);
    append_check(crypto, slice_sub(text, 0, secret_end), &check);
    bool is_good = are_digits(*id) && are_digits(slice_sub(text, id_end + 1, secret_end)) &&
                   slice_eq(buf_view(&check), slice_sub(text, secret_end + 1, text.len));
    buf_release(&check);
    return is_good;
}

void api_key_write(const struct port_crypto *crypto, const uint8_t id[API_KEY_ID_BYTES],
                   const uint8_t secret[API_KEY_SECRET_BYTES], struct buf *out)
{
    size_t start = out->len;
    buf_append(out, PREFIX);
    append_digits(out, id, API_KEY_ID_BYTES);
    buf_append_byte(out, '_');
    append_digits(out, secret, API_KEY_SECRET_BYTES);
    if (buf_status(out) == STATUS_OK) {
        struct slice text = slice_sub(buf_view(out), start, out->len);
        uint8_t hash[CRYPTO_SHA256_BYTES];
        crypto->sha256(crypto->context, text, hash);
        buf_append_byte(out, '_');
        append_digits(out, hash, CHECK_DIGITS / 2);
    }
}

/* -- a list -------------------------------------------------------------------------------- */

static void write_list(struct buf *out, struct slice name, const struct slice *items, size_t count)
{
    if (count == 0) {
        return;
    }
    buf_append(out, SLICE(",\""));
    buf_append(out, name);
    buf_append(out, SLICE("\":["));
    for (size_t i = 0; i < count; i++) {
        buf_append(out, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(out, items[i]);
    }
    buf_append_byte(out, ']');
}

void api_key_write_entry(const struct api_key *key, struct buf *out)
{
    buf_append(out, SLICE("{\"id\":"));
    buf_append_json_string(out, key->id);
    buf_append(out, SLICE(",\"sha256\":\""));
    append_digits(out, key->hash, sizeof(key->hash));
    buf_append(out, SLICE("\",\"subject\":"));
    buf_append_json_string(out, key->subject);
    if (key->tenant.len > 0) {
        buf_append(out, SLICE(",\"tenant\":"));
        buf_append_json_string(out, key->tenant);
    }
    write_list(out, SLICE("roles"), key->roles, key->role_count);
    write_list(out, SLICE("scopes"), key->scopes, key->scope_count);
    write_list(out, SLICE("servers"), key->servers, key->server_count);
    buf_append(out, SLICE(",\"expires_at\":"));
    buf_append_i64(out, key->expires_at_s);
    buf_append_byte(out, '}');
}

struct reading {
    const struct json_parser *parser;
    struct arena *arena;
    struct json_tape tape; /* of the line */
    size_t line;
    struct diag *diag;
};

static enum status refuse(const struct reading *r, const char *code, const char *what)
{
    return diag_fail(r->diag, STATUS_INVALID, code, "line %zu: %s", r->line, what);
}

static enum status no_memory(const struct reading *r)
{
    return diag_fail(r->diag, STATUS_LIMIT, "identity.memory", "no memory for the keys");
}

/* What ends up in records and policies. */
static enum status read_text(const struct reading *r, json_ref ref, const char *what,
                             struct slice *out)
{
    enum status status = json_type(&r->tape, ref) == JSON_STRING
                             ? json_string(&r->tape, ref, r->arena, out)
                             : STATUS_INVALID;
    if (status == STATUS_LIMIT) {
        return no_memory(r);
    }
    if (status != STATUS_OK || out->len == 0 || out->len > TEXT_BYTES_MAX ||
        slice_find_control(*out, 0) < out->len) {
        return refuse(r, "api_key.malformed", what);
    }
    return arena_copy(r->arena, *out, out) == STATUS_OK ? STATUS_OK : no_memory(r);
}

static enum status read_words(const struct reading *r, json_ref ref, const char *what,
                              const struct slice **out, size_t *count)
{
    struct json_iter iter;
    json_ref key, item;
    size_t length = json_type(&r->tape, ref) == JSON_ARRAY ? json_count(&r->tape, ref) : SIZE_MAX;
    if (length > API_KEY_WORDS_MAX) {
        return refuse(r, "api_key.malformed", what);
    }
    struct slice *items = arena_alloc_zero(r->arena, length, sizeof(*items));
    if (items == NULL) {
        return no_memory(r);
    }
    json_iter_init(&iter, &r->tape, ref);
    for (size_t i = 0; json_iter_next(&iter, &key, &item); i++) {
        TRY(read_text(r, item, what, &items[i]));
    }
    *out = items;
    *count = length;
    return STATUS_OK;
}

static enum status read_id(const struct reading *r, json_ref ref, struct slice *out)
{
    static const char WHAT[] = "'id' must be twelve hexadecimal digits";
    TRY(read_text(r, ref, WHAT, out));
    return out->len == ID_DIGITS && are_digits(*out) ? STATUS_OK
                                                     : refuse(r, "api_key.malformed", WHAT);
}

/* It stands before the bar in the name of a principal (principal.h). */
static enum status read_tenant(const struct reading *r, json_ref ref, struct slice *out)
{
    static const char WHAT[] = "'tenant' must be a text without '|'";
    TRY(read_text(r, ref, WHAT, out));
    return slice_find_byte(*out, '|') == out->len ? STATUS_OK
                                                  : refuse(r, "api_key.malformed", WHAT);
}

static enum status read_hash(const struct reading *r, json_ref ref,
                             uint8_t out[CRYPTO_SHA256_BYTES])
{
    static const char WHAT[] = "'sha256' must be 64 hexadecimal digits";
    struct slice text = SLICE_EMPTY;
    TRY(read_text(r, ref, WHAT, &text));
    if (text.len != (size_t)2 * CRYPTO_SHA256_BYTES || !are_digits(text)) {
        return refuse(r, "api_key.malformed", WHAT);
    }
    for (size_t i = 0; i < CRYPTO_SHA256_BYTES; i++) {
        out[i] = (uint8_t)(digit_value(text.ptr[2 * i]) * 16 + digit_value(text.ptr[2 * i + 1]));
    }
    return STATUS_OK;
}

/* A key without an end could not be outwaited after a leak. */
static enum status read_end(const struct reading *r, json_ref ref, int64_t *out)
{
    return json_integer(&r->tape, ref, out) == STATUS_OK && *out > 0
               ? STATUS_OK
               : refuse(r, "api_key.malformed", "'expires_at' must be seconds since 1970");
}

static enum status read_member(const struct reading *r, json_ref name, json_ref value,
                               struct api_key *out)
{
    const struct json_tape *tape = &r->tape;
    if (json_string_eq(tape, name, SLICE("id"))) {
        return read_id(r, value, &out->id);
    }
    if (json_string_eq(tape, name, SLICE("sha256"))) {
        return read_hash(r, value, out->hash);
    }
    if (json_string_eq(tape, name, SLICE("subject"))) {
        return read_text(r, value, "'subject' must be a text", &out->subject);
    }
    if (json_string_eq(tape, name, SLICE("tenant"))) {
        return read_tenant(r, value, &out->tenant);
    }
    if (json_string_eq(tape, name, SLICE("roles"))) {
        return read_words(r, value, "'roles' must be a list of texts", &out->roles,
                          &out->role_count);
    }
    if (json_string_eq(tape, name, SLICE("scopes"))) {
        return read_words(r, value, "'scopes' must be a list of texts", &out->scopes,
                          &out->scope_count);
    }
    if (json_string_eq(tape, name, SLICE("servers"))) {
        TRY(read_words(r, value, "'servers' must be a list of names", &out->servers,
                       &out->server_count));
        return out->server_count > 0
                   ? STATUS_OK
                   : refuse(r, "api_key.malformed", "'servers' is empty; leave it out for all");
    }
    if (json_string_eq(tape, name, SLICE("expires_at"))) {
        return read_end(r, value, &out->expires_at_s);
    }
    /* What we do not know may be a limit. */
    return refuse(r, "api_key.malformed", "a member has an unknown name");
}

static enum status read_entry(struct reading *r, struct slice line, struct api_key *out)
{
    struct json_iter iter;
    json_ref name, value;
    enum status status = json_parse(r->parser, line, r->arena, &r->tape, NULL);
    if (status == STATUS_LIMIT) {
        return no_memory(r);
    }
    if (status != STATUS_OK || json_type(&r->tape, 0) != JSON_OBJECT) {
        return refuse(r, "api_key.malformed", "it is no JSON object");
    }
    bool has_hash = json_member(&r->tape, 0, SLICE("sha256")) != JSON_NONE;
    json_iter_init(&iter, &r->tape, 0);
    while (json_iter_next(&iter, &name, &value)) {
        TRY(read_member(r, name, value, out));
    }
    return has_hash && out->id.len > 0 && out->subject.len > 0 && out->expires_at_s > 0
               ? STATUS_OK
               : refuse(r, "api_key.malformed",
                        "'id', 'sha256', 'subject' and 'expires_at' are needed");
}

static int compare_ids(const void *a, const void *b)
{
    return slice_compare(((const struct api_key *)a)->id, ((const struct api_key *)b)->id);
}

static size_t count_lines(struct slice text)
{
    size_t count = text.len > 0 ? 1 : 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n' ? 1 : 0;
    }
    return count;
}

enum status api_keys_read(const struct json_parser *parser, struct slice text, struct arena *arena,
                          const struct api_key **keys, size_t *count, struct diag *diag)
{
    struct reading r = {.parser = parser, .arena = arena, .diag = diag};
    size_t lines = count_lines(text);
    size_t kept = 0;
    struct api_key *out = arena_alloc_zero(arena, lines, sizeof(*out));
    if (out == NULL) {
        return no_memory(&r);
    }
    while (text.len > 0) {
        size_t end = slice_find_byte(text, '\n');
        struct slice line = slice_sub(text, 0, end);
        line.len -= slice_ends_with(line, SLICE("\r")) ? 1 : 0;
        line = slice_trim_ows(line);
        text = slice_sub(text, end + 1, text.len);
        r.line++;
        if (line.len == 0) {
            continue;
        }
        if (kept == API_KEYS_MAX) {
            return refuse(&r, "api_key.limit", "there are too many keys");
        }
        TRY(read_entry(&r, line, &out[kept++]));
    }
    qsort(out, kept, sizeof(*out), compare_ids);
    for (size_t i = 1; i < kept; i++) {
        if (slice_eq(out[i - 1].id, out[i].id)) {
            return diag_fail(diag, STATUS_INVALID, "api_key.repeated", "two keys have the id %.*s",
                             SLICE_ARG(out[i].id));
        }
    }
    *keys = out;
    *count = kept;
    return STATUS_OK;
}

const struct api_key *api_keys_find(const struct api_key *keys, size_t count, struct slice id,
                                    const uint8_t hash[CRYPTO_SHA256_BYTES])
{
    const struct api_key wanted = {.id = id};
    const struct api_key *found =
        count == 0 ? NULL : bsearch(&wanted, keys, count, sizeof(*keys), compare_ids);
    bool is_same =
        found != NULL && slice_eq_constant_time(slice_of(found->hash, CRYPTO_SHA256_BYTES),
                                                slice_of(hash, CRYPTO_SHA256_BYTES));
    return is_same ? found : NULL;
}
