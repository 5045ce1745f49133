#include "core/identity/claims.h"

#include "core/identity/jws.h"

#define POINTER_NAME_BYTES_MAX 512
#define TIME_S_MAX 253402300799 /* the end of the year 9999 */

/* How a list is written and how long it may be. */
struct list_rule {
    struct slice name; /* for the message */
    char separator;    /* splits a single text; 0: never */
    size_t count_max, bytes_max;
};

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a token");
}

static enum status refuse_claim(struct diag *diag, struct slice name, const char *expected)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.claim", "claim '%.*s' must be %s",
                     SLICE_ARG(name), expected);
}

static bool is_absent(const struct claims *claims, json_ref value)
{
    return value == JSON_NONE || json_type(&claims->tape, value) == JSON_NULL;
}

/* Identity ends up in logs, policies and audit: control characters have no place in it. */
static bool is_plain_text(struct slice text, size_t bytes_max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) {
            return false;
        }
    }
    return text.len > 0 && text.len <= bytes_max;
}

static enum status read_text(const struct claims *claims, json_ref value,
                             const struct list_rule *rule, struct arena *arena, struct slice *out,
                             struct diag *diag)
{
    enum status status = json_string(&claims->tape, value, arena, out);
    if (status == STATUS_LIMIT) {
        return no_memory(diag);
    }
    if (status != STATUS_OK || !is_plain_text(*out, rule->bytes_max)) {
        return refuse_claim(diag, rule->name,
                            "text of the allowed size without control characters");
    }
    return STATUS_OK;
}

/* One name of a JSON Pointer: "~1" stands for '/', "~0" for '~' (RFC 6901 §3). */
static json_ref pointed_member(const struct claims *claims, json_ref object, struct slice name)
{
    uint8_t plain[POINTER_NAME_BYTES_MAX];
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        bool is_escape = name.ptr[i] == '~';
        if (len == sizeof(plain) || (is_escape && i + 1 == name.len)) {
            return JSON_NONE;
        }
        plain[len++] = !is_escape ? name.ptr[i] : name.ptr[++i] == '1' ? '/' : '~';
    }
    return json_member(&claims->tape, object, slice_of(plain, len));
}

static json_ref find_pointed(const struct claims *claims, struct slice pointer)
{
    json_ref object = 0;
    while (pointer.len > 0 && object != JSON_NONE) {
        pointer = slice_sub(pointer, 1, pointer.len);
        size_t end = slice_find_byte(pointer, '/');
        object = pointed_member(claims, object, slice_sub(pointer, 0, end));
        pointer = slice_sub(pointer, end, pointer.len);
    }
    return object;
}

json_ref claims_find(const struct claims *claims, struct slice path)
{
    if (slice_starts_with(path, SLICE("/"))) {
        return find_pointed(claims, path);
    }
    json_ref object = 0;
    for (;;) {
        json_ref whole = json_member(&claims->tape, object, path);
        size_t dot = slice_find_byte(path, '.');
        if (whole != JSON_NONE || dot == path.len) {
            return whole;
        }
        object = json_member(&claims->tape, object, slice_sub(path, 0, dot));
        if (object == JSON_NONE) {
            return JSON_NONE;
        }
        path = slice_sub(path, dot + 1, path.len);
    }
}

bool claims_is_moved(const struct claims *claims, struct slice path)
{
    json_ref moved = json_member(&claims->tape, 0, SLICE("_claim_names"));
    if (is_absent(claims, moved)) {
        return false;
    }
    if (json_type(&claims->tape, moved) != JSON_OBJECT) {
        return true;
    }
    if (slice_starts_with(path, SLICE("/"))) {
        struct slice name = slice_sub(path, 1, path.len);
        name = slice_sub(name, 0, slice_find_byte(name, '/'));
        return pointed_member(claims, moved, name) != JSON_NONE;
    }
    for (size_t end = 0; end <= path.len; end++) {
        if ((end == path.len || path.ptr[end] == '.') &&
            json_member(&claims->tape, moved, slice_sub(path, 0, end)) != JSON_NONE) {
            return true;
        }
    }
    return false;
}

bool claims_is_looked_up(const struct claims *claims, struct slice path)
{
    return claims->groups != NULL &&
           (slice_eq(path, SLICE("groups")) || slice_eq(path, SLICE("/groups")));
}

enum status claims_text(const struct claims *claims, struct slice path, size_t bytes_max,
                        struct arena *arena, struct slice *out, struct diag *diag)
{
    struct list_rule rule = {.name = path, .bytes_max = bytes_max};
    json_ref value = claims_find(claims, path);
    if (is_absent(claims, value)) {
        return STATUS_NOT_FOUND;
    }
    return read_text(claims, value, &rule, arena, out, diag);
}

/* RFC 6749 §3.3: scopes stand between single spaces. */
static enum status split_text(struct slice text, const struct list_rule *rule, struct arena *arena,
                              struct claims_list *out, struct diag *diag)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == (uint8_t)rule->separator;
    }
    if (count > rule->count_max) {
        return refuse_claim(diag, rule->name, "a shorter list");
    }
    struct slice *items = arena_alloc_zero(arena, count, sizeof(*items));
    if (items == NULL) {
        return no_memory(diag);
    }
    for (size_t i = 0; i < count; i++) {
        size_t end = slice_find_byte(text, (uint8_t)rule->separator);
        items[i] = slice_sub(text, 0, end);
        text = slice_sub(text, end + 1, text.len);
        if (items[i].len == 0 || items[i].len > rule->bytes_max) {
            return refuse_claim(diag, rule->name, "words between single spaces");
        }
    }
    *out = (struct claims_list){items, count};
    return STATUS_OK;
}

static enum status read_single(const struct claims *claims, json_ref value,
                               const struct list_rule *rule, struct arena *arena,
                               struct claims_list *out, struct diag *diag)
{
    /* An empty scope is how some issuers write "none". */
    if (rule->separator != 0 && json_string_eq(&claims->tape, value, SLICE(""))) {
        return STATUS_OK;
    }
    struct list_rule whole = *rule;
    whole.bytes_max = rule->separator != 0 ? JWS_TOKEN_BYTES_MAX : rule->bytes_max;
    struct slice *item = arena_alloc_zero(arena, 1, sizeof(*item));
    if (item == NULL) {
        return no_memory(diag);
    }
    TRY(read_text(claims, value, &whole, arena, item, diag));
    *out = (struct claims_list){item, 1};
    return rule->separator != 0 ? split_text(*item, rule, arena, out, diag) : STATUS_OK;
}

static enum status read_array(const struct claims *claims, json_ref value,
                              const struct list_rule *rule, struct arena *arena,
                              struct claims_list *out, struct diag *diag)
{
    size_t count = json_count(&claims->tape, value);
    if (count > rule->count_max) {
        return refuse_claim(diag, rule->name, "a shorter list");
    }
    struct slice *items = arena_alloc_zero(arena, count, sizeof(*items));
    if (items == NULL) {
        return no_memory(diag);
    }
    struct json_iter iter;
    json_ref key, item;
    json_iter_init(&iter, &claims->tape, value);
    for (size_t i = 0; json_iter_next(&iter, &key, &item); i++) {
        TRY(read_text(claims, item, rule, arena, &items[i], diag));
    }
    *out = (struct claims_list){items, count};
    return STATUS_OK;
}

static enum status read_list(const struct claims *claims, json_ref value,
                             const struct list_rule *rule, struct arena *arena,
                             struct claims_list *out, struct diag *diag)
{
    *out = (struct claims_list){0};
    if (is_absent(claims, value)) {
        return STATUS_OK;
    }
    switch (json_type(&claims->tape, value)) {
    case JSON_STRING:
        return read_single(claims, value, rule, arena, out, diag);
    case JSON_ARRAY:
        return read_array(claims, value, rule, arena, out, diag);
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_OBJECT:
        break;
    }
    return refuse_claim(diag, rule->name, "a text or a list of texts");
}

enum status claims_texts(const struct claims *claims, struct slice path, char separator,
                         struct arena *arena, struct claims_list *out, struct diag *diag)
{
    struct list_rule rule = {.name = path,
                             .separator = separator,
                             .count_max = CLAIMS_LIST_MAX,
                             .bytes_max = CLAIMS_ITEM_BYTES_MAX};
    if (claims_is_looked_up(claims, path)) {
        *out = *claims->groups;
        return STATUS_OK;
    }
    return read_list(claims, claims_find(claims, path), &rule, arena, out, diag);
}

/* A JSON number's digits, read as mantissa * 10^exponent. */
struct decimal {
    int64_t mantissa;
    int64_t exponent;
};

static bool read_digits(struct slice *text, struct decimal *out, bool is_fraction)
{
    size_t used = 0;
    for (; used < text->len && text->ptr[used] >= '0' && text->ptr[used] <= '9'; used++) {
        if (__builtin_mul_overflow(out->mantissa, 10, &out->mantissa) ||
            __builtin_add_overflow(out->mantissa, text->ptr[used] - '0', &out->mantissa)) {
            return false;
        }
        out->exponent -= is_fraction;
    }
    *text = slice_sub(*text, used, text->len);
    return true;
}

static bool read_exponent(struct slice text, struct decimal *out)
{
    int64_t exponent = 0;
    struct slice digits = slice_sub(text, 1, text.len);
    if (digits.len > 0 && digits.ptr[0] == '+') {
        digits = slice_sub(digits, 1, digits.len);
    }
    if (slice_to_i64(digits, &exponent) != STATUS_OK || exponent > 1000 || exponent < -1000) {
        return false;
    }
    out->exponent += exponent;
    return true;
}

static bool read_decimal(struct slice text, struct decimal *out)
{
    *out = (struct decimal){0};
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    text = slice_sub(text, is_negative, text.len);
    if (!read_digits(&text, out, false)) {
        return false;
    }
    if (text.len > 0 && text.ptr[0] == '.') {
        text = slice_sub(text, 1, text.len);
        if (!read_digits(&text, out, true)) {
            return false;
        }
    }
    out->mantissa = is_negative ? -out->mantissa : out->mantissa;
    return text.len == 0 || read_exponent(text, out);
}

/* RFC 7519 §2 NumericDate: any JSON number. Seconds are cut off towards zero, which for times after
 * 1970 means an end is never moved later. */
static bool decimal_seconds(struct decimal decimal, int64_t *out)
{
    for (; decimal.exponent < 0; decimal.exponent++) {
        decimal.mantissa /= 10;
    }
    for (; decimal.exponent > 0 && decimal.mantissa != 0; decimal.exponent--) {
        if (__builtin_mul_overflow(decimal.mantissa, 10, &decimal.mantissa)) {
            return false;
        }
    }
    *out = decimal.mantissa;
    return true;
}

static enum status read_time(const struct claims *claims, struct slice name, int64_t *out,
                             struct diag *diag)
{
    struct decimal decimal;
    json_ref value = json_member(&claims->tape, 0, name);
    *out = TOKEN_TIME_ABSENT;
    if (value == JSON_NONE) {
        return STATUS_OK;
    }
    enum json_type type = json_type(&claims->tape, value);
    struct slice raw = json_raw(&claims->tape, value);
    if (type == JSON_STRING && claims->takes_text_times &&
        slice_to_i64(slice_sub(raw, 1, raw.len - 1), out) == STATUS_OK) {
        return STATUS_OK;
    }
    if (type != JSON_NUMBER || !read_decimal(raw, &decimal) || !decimal_seconds(decimal, out)) {
        return refuse_claim(diag, name, "a number of seconds");
    }
    return STATUS_OK;
}

static enum status read_window(struct claims *claims, struct diag *diag)
{
    int64_t issued_at_s = TOKEN_TIME_ABSENT;
    TRY(read_time(claims, SLICE("exp"), &claims->window.expires_at_s, diag));
    TRY(read_time(claims, SLICE("nbf"), &claims->window.not_before_s, diag));
    TRY(read_time(claims, SLICE("iat"), &issued_at_s, diag));
    claims->issued_at_s = issued_at_s > 0 ? issued_at_s : 0;
    /* A token issued in the future is not valid before that time either. */
    if (issued_at_s > claims->window.not_before_s) {
        claims->window.not_before_s = issued_at_s;
    }
    return STATUS_OK;
}

/* Issuers disagree about the name of the client; a token that names two is no token of ours. */
static enum status read_client(struct claims *claims, struct arena *arena, struct diag *diag)
{
    static const struct slice names[] = {SLICE_INIT("client_id"), SLICE_INIT("azp"),
                                         SLICE_INIT("cid"), SLICE_INIT("appid")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct slice value = SLICE_EMPTY;
        enum status status =
            claims_text(claims, names[i], CLAIMS_CLIENT_BYTES_MAX, arena, &value, diag);
        if (status == STATUS_NOT_FOUND) {
            continue;
        }
        TRY(status);
        if (claims->client_id.len > 0 && !slice_eq(claims->client_id, value)) {
            return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.client",
                             "token names two different clients");
        }
        claims->client_id = value;
    }
    return STATUS_OK;
}

/* By these a token can be revoked. One that cannot stand in such a list is no reason to refuse it.
 */
static enum status read_ids(struct claims *claims, struct arena *arena, struct diag *diag)
{
    const struct {
        struct slice name;
        struct slice *out;
    } ids[] = {{SLICE("jti"), &claims->id}, {SLICE("sid"), &claims->session}};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct slice id = SLICE_EMPTY;
        enum status status =
            claims_text(claims, ids[i].name, CLAIMS_ID_BYTES_MAX, arena, &id, NULL);
        if (status == STATUS_LIMIT) {
            return no_memory(diag);
        }
        *ids[i].out = status == STATUS_OK ? id : SLICE_EMPTY;
    }
    return STATUS_OK;
}

static bool has_claim(const struct claims *claims, struct slice name)
{
    return json_member(&claims->tape, 0, name) != JSON_NONE;
}

static enum status read_scopes(struct claims *claims, struct arena *arena, struct diag *diag)
{
    bool has_scope = has_claim(claims, SLICE("scope"));
    claims->has_scopes = has_scope || has_claim(claims, SLICE("scp"));
    return claims_texts(claims, has_scope ? SLICE("scope") : SLICE("scp"), ' ', arena,
                        &claims->scopes, diag);
}

static enum status read_issuer(struct claims *claims, json_ref issuer, struct arena *arena,
                               struct diag *diag)
{
    enum status status = issuer == JSON_NONE
                             ? STATUS_INVALID
                             : json_string(&claims->tape, issuer, arena, &claims->issuer);
    if (status == STATUS_LIMIT) {
        return no_memory(diag);
    }
    if (status != STATUS_OK || !is_plain_text(claims->issuer, CLAIMS_ISSUER_BYTES_MAX)) {
        return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.issuer",
                         "token has no usable 'iss' claim");
    }
    return STATUS_OK;
}

enum status claims_open(const struct json_parser *parser, struct slice payload, struct arena *arena,
                        struct claims *out, struct diag *diag)
{
    *out = (struct claims){.parser = parser};
    TRY(jws_parse_object(parser, payload, CLAIMS_DEPTH_MAX, arena, &out->tape, diag));
    return read_issuer(out, json_member(&out->tape, 0, SLICE("iss")), arena, diag);
}

enum status claims_open_answer(const struct json_parser *parser, struct slice answer,
                               struct slice issuer, struct arena *arena, struct claims *out,
                               struct diag *diag)
{
    *out = (struct claims){.parser = parser, .issuer = issuer};
    TRY(jws_parse_object(parser, answer, CLAIMS_DEPTH_MAX, arena, &out->tape, diag));
    json_ref named = json_member(&out->tape, 0, SLICE("iss"));
    return named == JSON_NONE ? STATUS_OK : read_issuer(out, named, arena, diag);
}

enum status claims_read(struct claims *claims, struct arena *arena, struct diag *diag)
{
    static const struct list_rule audience = {.name = SLICE_INIT("aud"),
                                              .count_max = CLAIMS_AUDIENCES_MAX,
                                              .bytes_max = CLAIMS_AUDIENCE_BYTES_MAX};
    json_ref aud = json_member(&claims->tape, 0, audience.name);
    TRY(read_window(claims, diag));
    TRY(read_list(claims, aud, &audience, arena, &claims->audiences, diag));
    TRY(read_client(claims, arena, diag));
    TRY(read_scopes(claims, arena, diag));
    TRY(read_ids(claims, arena, diag));
    claims->is_id_token = has_claim(claims, SLICE("nonce")) ||
                          has_claim(claims, SLICE("at_hash")) ||
                          has_claim(claims, SLICE("c_hash")) || has_claim(claims, SLICE("s_hash"));
    claims->is_event = has_claim(claims, SLICE("events"));
    return token_binding_read(&claims->tape, &claims->binding, diag);
}

/* Wrapped so that it can be read as a claim of its own. */
static enum status open_text(const struct claims *claims, struct slice text, struct arena *arena,
                             struct claims *out, struct diag *diag)
{
    const struct slice parts[] = {SLICE("{\"list\":"), text, SLICE("}")};
    struct slice object;
    *out = (struct claims){.parser = claims->parser};
    if (arena_join(arena, parts, COUNT_OF(parts), &object) != STATUS_OK) {
        return no_memory(diag);
    }
    return jws_parse_object(claims->parser, object, CLAIMS_DEPTH_MAX, arena, &out->tape, diag);
}

enum status claims_json_texts(const struct claims *claims, struct slice path, struct arena *arena,
                              struct claims_list *out, struct diag *diag)
{
    struct slice text = SLICE_EMPTY;
    struct claims inner;
    json_ref value = claims_find(claims, path);
    if (is_absent(claims, value) || json_type(&claims->tape, value) != JSON_STRING ||
        claims_is_looked_up(claims, path)) {
        return claims_texts(claims, path, 0, arena, out, diag);
    }
    if (json_string(&claims->tape, value, arena, &text) == STATUS_LIMIT) {
        return no_memory(diag);
    }
    enum status status = open_text(claims, text, arena, &inner, diag);
    if (status != STATUS_OK) {
        return status == STATUS_LIMIT ? status
                                      : refuse_claim(diag, path, "a list of texts, as JSON");
    }
    json_ref list = json_member(&inner.tape, 0, SLICE("list"));
    if (json_count(&inner.tape, 0) != 1 || json_type(&inner.tape, list) != JSON_ARRAY) {
        return refuse_claim(diag, path, "a list of texts, as JSON");
    }
    return claims_texts(&inner, SLICE("list"), 0, arena, out, diag);
}

enum status claims_time(const struct claims *claims, struct slice path, int64_t *out,
                        struct diag *diag)
{
    struct decimal decimal;
    json_ref value = claims_find(claims, path);
    if (is_absent(claims, value)) {
        return STATUS_NOT_FOUND;
    }
    if (json_type(&claims->tape, value) != JSON_NUMBER ||
        !read_decimal(json_raw(&claims->tape, value), &decimal) || !decimal_seconds(decimal, out) ||
        *out < 0 || *out > TIME_S_MAX) {
        return refuse_claim(diag, path, "a number of seconds");
    }
    return STATUS_OK;
}
