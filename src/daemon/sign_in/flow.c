#include "daemon/sign_in/flow.h"

#include "base/base64.h"
#include "core/sign_in/form.h"

static void append_if_any(struct buf *form, struct slice name, struct slice value)
{
    if (value.len > 0) {
        form_append(form, name, value);
    }
}

bool flow_wants_sign_in(const struct flow *flow)
{
    return flow->acr_values.len > 0 || flow->claims.len > 0 || flow->max_age_s >= 0;
}

void flow_write_address(const struct flow *flow, const struct port_crypto *crypto, struct buf *out)
{
    uint8_t hash[CRYPTO_SHA256_BYTES];
    struct buf challenge;
    bool has_query =
        slice_find_byte(flow->authorization_endpoint, '?') < flow->authorization_endpoint.len;
    buf_init(&challenge, 2 * FLOW_SECRET_BYTES, NULL);
    crypto->sha256(crypto->context, slice_view_cstr(flow->verifier), hash);
    base64_encode(&challenge, slice_of(hash, sizeof(hash)), BASE64_URL_UNPADDED);
    buf_append(out, flow->authorization_endpoint);
    buf_append(out, has_query ? SLICE_EMPTY : SLICE("?"));
    form_append(out, SLICE("response_type"), SLICE("code"));
    form_append(out, SLICE("client_id"), flow->client_id);
    form_append(out, SLICE("redirect_uri"), flow->redirect_uri);
    form_append(out, SLICE("state"), slice_view_cstr(flow->state));
    form_append(out, SLICE("code_challenge"), buf_view(&challenge));
    form_append(out, SLICE("code_challenge_method"), SLICE("S256"));
    form_append(out, SLICE("resource"), flow->resource);
    append_if_any(out, SLICE("scope"), flow->scope);
    append_if_any(out, SLICE("acr_values"), flow->acr_values);
    append_if_any(out, SLICE("claims"), flow->claims);
    if (flow->max_age_s >= 0) {
        buf_append(out, SLICE("&max_age="));
        buf_append_i64(out, flow->max_age_s);
    }
    out->failed = out->failed || challenge.failed;
    buf_release(&challenge);
}

/* -- the way back -------------------------------------------------------------------------- */

static int hex(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'f' ? (byte | 0x20) - 'a' + 10 : -1;
}

static enum status decode(struct slice text, struct arena *arena, struct slice *out)
{
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t len = 0;
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte == '%' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
            hex(text.ptr[i + 2]) >= 0) {
            byte = (uint8_t)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2]));
            i += 2;
        } else if (byte == '%') {
            return STATUS_INVALID;
        }
        bytes[len++] = text.ptr[i] == '+' ? ' ' : byte;
    }
    *out = slice_of(bytes, len);
    return STATUS_OK;
}

struct answer {
    struct slice state, issuer, code, error, description;
};

static enum status read_pair(struct slice pair, struct arena *arena, struct answer *answer)
{
    size_t equals = slice_find_byte(pair, '=');
    struct slice name = slice_sub(pair, 0, equals);
    struct slice *place = NULL;
    if (slice_eq(name, SLICE("state"))) {
        place = &answer->state;
    } else if (slice_eq(name, SLICE("iss"))) {
        place = &answer->issuer;
    } else if (slice_eq(name, SLICE("code"))) {
        place = &answer->code;
    } else if (slice_eq(name, SLICE("error"))) {
        place = &answer->error;
    } else if (slice_eq(name, SLICE("error_description"))) {
        place = &answer->description;
    }
    if (place == NULL) {
        return STATUS_OK;
    }
    /* RFC 6749 §3.1: no parameter twice. */
    return place->ptr != NULL ? STATUS_INVALID
                              : decode(slice_sub(pair, equals + 1, pair.len), arena, place);
}

static enum status read_query(struct slice query, struct arena *arena, struct answer *answer)
{
    while (query.len > 0) {
        size_t end = slice_find_byte(query, '&');
        TRY(read_pair(slice_sub(query, 0, end), arena, answer));
        query = slice_sub(query, end + 1, query.len);
    }
    return STATUS_OK;
}

/* RFC 9207 §2.4: a redirect of another issuer would have its code sent to this one, or the other
 * way round. */
static enum status check_issuer(const struct flow *flow, const struct answer *answer,
                                struct diag *diag)
{
    bool has_issuer = answer->issuer.ptr != NULL;
    if (has_issuer && !slice_eq(answer->issuer, flow->issuer)) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.issuer",
                         "the sign-in came back from another issuer, '%.*s', than '%.*s'",
                         SLICE_ARG(answer->issuer), SLICE_ARG(flow->issuer));
    }
    if (!has_issuer && flow->states_issuer) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.issuer",
                         "the sign-in came back without its issuer, which '%.*s' always names",
                         SLICE_ARG(flow->issuer));
    }
    return STATUS_OK;
}

enum status flow_judge(const struct flow *flow, struct slice target, struct arena *arena,
                       enum flow_verdict *verdict, struct flow_redirect *out, struct diag *diag)
{
    struct answer answer = {0};
    size_t query = slice_find_byte(target, '?');
    *verdict = FLOW_STRANGER;
    *out = (struct flow_redirect){0};
    if (target.len > FLOW_TARGET_BYTES_MAX ||
        !slice_eq(slice_sub(target, 0, query), flow->redirect_path)) {
        return STATUS_OK;
    }
    enum status status = read_query(slice_sub(target, query + 1, target.len), arena, &answer);
    if (status != STATUS_OK) {
        return status == STATUS_LIMIT ? status : STATUS_OK;
    }
    bool is_ours = slice_eq_constant_time(answer.state, slice_view_cstr(flow->state));
    if (!is_ours || (answer.code.len > 0) == (answer.error.len > 0)) {
        return STATUS_OK;
    }
    *verdict = FLOW_WRONG;
    TRY(check_issuer(flow, &answer, diag));
    *verdict = FLOW_DONE;
    *out = (struct flow_redirect){answer.code, answer.error, answer.description};
    return STATUS_OK;
}

/* -- scopes -------------------------------------------------------------------------------- */

static struct slice next_word(struct slice *list)
{
    while (list->len > 0 && list->ptr[0] == ' ') {
        *list = slice_sub(*list, 1, list->len);
    }
    size_t end = slice_find_byte(*list, ' ');
    struct slice word = slice_sub(*list, 0, end);
    *list = slice_sub(*list, end, list->len);
    return word;
}

bool flow_has_scopes(struct slice list, struct slice scopes)
{
    for (struct slice word = next_word(&scopes); word.len > 0; word = next_word(&scopes)) {
        struct slice rest = list, other;
        do {
            other = next_word(&rest);
        } while (other.len > 0 && !slice_eq(other, word));
        if (other.len == 0) {
            return false;
        }
    }
    return true;
}

void flow_unite_scopes(struct slice a, struct slice b, struct buf *out)
{
    struct slice lists[] = {a, b};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (struct slice word = next_word(&lists[i]); word.len > 0; word = next_word(&lists[i])) {
            if (!flow_has_scopes(buf_view(out), word)) {
                buf_append(out, out->len > 0 ? SLICE(" ") : SLICE_EMPTY);
                buf_append(out, word);
            }
        }
    }
}
