#include "core/sign_in/client.h"

static enum status refuse(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "sign_in.metadata", "%s", what);
}

/* A path that another reader would shorten is no one spelling. */
static bool has_dot_segment(struct slice path)
{
    while (path.len > 0) {
        size_t end = 1 + slice_find_byte(slice_sub(path, 1, path.len), '/');
        struct slice segment = slice_sub(path, 1, end);
        if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."))) {
            return true;
        }
        path = slice_sub(path, end, path.len);
    }
    return false;
}

bool sign_in_client_is_url(struct slice id)
{
    struct slice origin = redirect_uri_origin(id);
    struct slice path = slice_sub(id, origin.len, id.len);
    path = slice_sub(path, 0, slice_find_byte(path, '?'));
    return id.len <= SIGN_IN_CLIENT_URL_BYTES_MAX && slice_starts_with(id, SLICE("https://")) &&
           redirect_uri_is_fit(id) && path.len > 1 && path.ptr[0] == '/' && !has_dot_segment(path);
}

/* Characters that show a text as another: C1 controls, and what turns the direction of writing. */
static bool is_misleading(struct slice rest)
{
    uint8_t a = rest.ptr[0];
    uint8_t b = rest.len > 1 ? rest.ptr[1] : 0;
    uint8_t c = rest.len > 2 ? rest.ptr[2] : 0;
    bool is_control = a == 0xC2 && b < 0xA0;
    bool is_mark = (a == 0xD8 && b == 0x9C) || (a == 0xE2 && b == 0x80 && c >= 0x8B && c <= 0x8F);
    bool is_line = a == 0xE2 && b == 0x80 && c >= 0xA8 && c <= 0xAE;
    bool is_isolate = a == 0xE2 && b == 0x81 && c >= 0xA0 && c <= 0xAF;
    return is_control || is_mark || is_line || is_isolate;
}

static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (is_misleading(slice_sub(name, i, name.len))) {
            return false;
        }
    }
    return name.len <= SIGN_IN_CLIENT_NAME_BYTES_MAX && !slice_has_control(name) &&
           slice_find_byte(name, '\t') == name.len;
}

static enum status read_name(const struct json_tape *tape, struct arena *arena,
                             struct sign_in_client *out, struct diag *diag)
{
    json_ref name = json_member(tape, 0, SLICE("client_name"));
    if (name == JSON_NONE) {
        return STATUS_OK;
    }
    enum status status = json_string(tape, name, arena, &out->name);
    if (status == STATUS_LIMIT) {
        return diag_fail(diag, status, "sign_in.memory", "no memory for the client");
    }
    return status == STATUS_OK && is_plain_name(out->name)
               ? STATUS_OK
               : refuse(diag, "'client_name' must be a short plain text");
}

static enum status read_uris(const struct json_tape *tape, struct arena *arena,
                             struct sign_in_client *out, struct diag *diag)
{
    json_ref uris = json_member(tape, 0, SLICE("redirect_uris"));
    struct json_iter iter;
    json_ref key;
    json_ref value;
    uint32_t count =
        uris == JSON_NONE || json_type(tape, uris) != JSON_ARRAY ? 0 : json_count(tape, uris);
    if (count == 0 || count > SIGN_IN_CLIENT_URIS_MAX) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.redirect_uris",
                         "'redirect_uris' must list 1 to %d addresses", SIGN_IN_CLIENT_URIS_MAX);
    }
    json_iter_init(&iter, tape, uris);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice *uri = &out->uris[out->uri_count++];
        enum status status = json_string(tape, value, arena, uri);
        if (status == STATUS_LIMIT) {
            return diag_fail(diag, status, "sign_in.memory", "no memory for the client");
        }
        if (status != STATUS_OK || !redirect_uri_is_fit(*uri)) {
            return diag_fail(diag, STATUS_INVALID, "sign_in.redirect_uris",
                             "a redirect URI must be https, http on this machine, or of a private "
                             "scheme with a dot");
        }
    }
    return STATUS_OK;
}

/* Is text in the list, if there is a list? */
static bool may_use(const struct json_tape *tape, struct slice member, struct slice text)
{
    json_ref list = json_member(tape, 0, member);
    struct json_iter iter;
    json_ref key;
    json_ref value;
    if (list == JSON_NONE) {
        return true;
    }
    json_iter_init(&iter, tape, list);
    while (json_type(tape, list) == JSON_ARRAY && json_iter_next(&iter, &key, &value)) {
        if (json_string_eq(tape, value, text)) {
            return true;
        }
    }
    return false;
}

enum status sign_in_client_read(const struct json_tape *tape, struct arena *arena,
                                struct sign_in_client *out, struct diag *diag)
{
    *out = (struct sign_in_client){0};
    if (json_type(tape, 0) != JSON_OBJECT) {
        return refuse(diag, "the metadata are no JSON object");
    }
    TRY(read_name(tape, arena, out, diag));
    TRY(read_uris(tape, arena, out, diag));
    if (!may_use(tape, SLICE("grant_types"), SLICE("authorization_code")) ||
        !may_use(tape, SLICE("response_types"), SLICE("code"))) {
        return refuse(diag, "the client does not use authorization codes");
    }
    return STATUS_OK;
}

/* Who lets others store files at an address rarely lets them say that they are this. */
bool sign_in_client_is_document(struct slice content_type)
{
    struct slice type =
        slice_trim_ows(slice_sub(content_type, 0, slice_find_byte(content_type, ';')));
    struct slice tree = slice_sub(type, 0, sizeof("application/") - 1);
    struct slice suffix = type.len < 5 ? SLICE_EMPTY : slice_sub(type, type.len - 5, type.len);
    return slice_eq_ascii_nocase(type, SLICE("application/json")) ||
           (slice_eq_ascii_nocase(tree, SLICE("application/")) &&
            slice_eq_ascii_nocase(suffix, SLICE("+json")) && type.len > tree.len + suffix.len);
}

enum status sign_in_client_read_document(const struct json_tape *tape, struct slice id,
                                         struct arena *arena, struct sign_in_client *out,
                                         struct diag *diag)
{
    TRY(sign_in_client_read(tape, arena, out, diag));
    json_ref named = json_member(tape, 0, SLICE("client_id"));
    json_ref method = json_member(tape, 0, SLICE("token_endpoint_auth_method"));
    if (named == JSON_NONE || !json_string_eq(tape, named, id)) {
        return refuse(diag, "'client_id' of the document is not its address");
    }
    if (json_member(tape, 0, SLICE("client_secret")) != JSON_NONE) {
        return refuse(diag, "a document is no place for a secret");
    }
    return method == JSON_NONE || json_string_eq(tape, method, SLICE("none"))
               ? STATUS_OK
               : refuse(diag, "only clients without a secret or key are taken");
}

bool sign_in_client_has_uri(const struct sign_in_client *client, struct slice uri)
{
    if (!redirect_uri_is_fit(uri)) {
        return false;
    }
    for (size_t i = 0; i < client->uri_count; i++) {
        if (redirect_uri_matches(client->uris[i], uri)) {
            return true;
        }
    }
    return false;
}

void sign_in_client_write(struct buf *out, const struct sign_in_client *client)
{
    buf_append(out, SLICE("{\"redirect_uris\":["));
    for (size_t i = 0; i < client->uri_count; i++) {
        buf_append(out, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(out, client->uris[i]);
    }
    buf_append_byte(out, ']');
    if (client->name.len > 0) {
        buf_append(out, SLICE(",\"client_name\":"));
        buf_append_json_string(out, client->name);
    }
}
