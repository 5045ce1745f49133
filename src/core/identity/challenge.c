#include "core/identity/challenge.h"

/* What stands inside a quoted string as it is (RFC 9110 §5.6.4) and inside a URL path. */
static bool is_plain_path(struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        uint8_t byte = path.ptr[i];
        if (byte <= 0x20 || byte >= 0x7F || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return path.len > 1 && path.ptr[0] == '/';
}

/* Parameters of one challenge: the first stands behind the scheme, the others behind commas. */
struct parameters {
    struct buf *buf;
    size_t count;
};

static void begin_parameter(struct parameters *self, struct slice name)
{
    buf_append(self->buf, self->count++ == 0 ? SLICE(" ") : SLICE(", "));
    buf_append(self->buf, name);
    buf_append(self->buf, SLICE("=\""));
}

static void write_parameter(struct parameters *self, struct slice name, struct slice value)
{
    begin_parameter(self, name);
    buf_append(self->buf, value);
    buf_append_byte(self->buf, '"');
}

static void write_metadata_address(struct parameters *self, const struct challenge *challenge)
{
    struct slice path = slice_sub(challenge->path, 0, slice_find_byte(challenge->path, '?'));
    begin_parameter(self, SLICE("resource_metadata"));
    buf_append(self->buf, challenge->public_url);
    buf_append(self->buf, SLICE(CHALLENGE_METADATA_PATH));
    buf_append(self->buf, is_plain_path(path) ? path : SLICE_EMPTY);
    buf_append_byte(self->buf, '"');
}

/* RFC 6750 §3.1 */
static const struct {
    struct slice error, description;
    int http_status;
} KINDS[] = {
    [CHALLENGE_NONE] = {.http_status = 401},
    [CHALLENGE_MISSING] = {.http_status = 401},
    [CHALLENGE_REQUEST] = {SLICE_INIT("invalid_request"),
                           SLICE_INIT("The access token belongs into one Authorization field"),
                           400},
    [CHALLENGE_INVALID] = {SLICE_INIT("invalid_token"), SLICE_INIT("The access token is not valid"),
                           401},
    [CHALLENGE_EXPIRED] = {SLICE_INIT("invalid_token"), SLICE_INIT("The access token expired"),
                           401},
};

enum challenge_kind challenge_kind_of(const char *code)
{
    static const struct {
        struct slice code;
        enum challenge_kind kind;
    } CODES[] = {
        {SLICE_INIT("token.missing"), CHALLENGE_MISSING},
        {SLICE_INIT("token.repeated"), CHALLENGE_REQUEST},
        {SLICE_INIT("token.query"), CHALLENGE_REQUEST},
        {SLICE_INIT("token.expired"), CHALLENGE_EXPIRED},
    };
    for (size_t i = 0; i < COUNT_OF(CODES); i++) {
        if (slice_eq(CODES[i].code, slice_view_cstr(code))) {
            return CODES[i].kind;
        }
    }
    return CHALLENGE_INVALID;
}

int challenge_http_status(enum challenge_kind kind)
{
    return KINDS[kind].http_status;
}

void challenge_write(struct buf *buf, const struct challenge *challenge)
{
    struct parameters parameters = {.buf = buf};
    buf_append(buf, SLICE("Bearer"));
    if (challenge->public_url.len > 0) {
        write_metadata_address(&parameters, challenge);
    }
    if (KINDS[challenge->kind].error.len > 0) {
        write_parameter(&parameters, SLICE("error"), KINDS[challenge->kind].error);
        write_parameter(&parameters, SLICE("error_description"),
                        KINDS[challenge->kind].description);
    }
}

static void write_list(struct buf *buf, struct slice name, const struct slice *items, size_t count)
{
    buf_append(buf, SLICE(",\""));
    buf_append(buf, name);
    buf_append(buf, SLICE("\":["));
    for (size_t i = 0; i < count; i++) {
        buf_append(buf, i > 0 ? SLICE(",") : SLICE_EMPTY);
        buf_append_json_string(buf, items[i]);
    }
    buf_append(buf, SLICE("]"));
}

void challenge_metadata_write(struct buf *buf, const struct challenge_metadata *metadata)
{
    const struct slice header = SLICE("header");
    buf_append(buf, SLICE("{\"resource\":"));
    buf_append_json_string(buf, metadata->resource);
    write_list(buf, SLICE("authorization_servers"), metadata->authorization_servers,
               metadata->authorization_server_count);
    /* RFC 9728 §2: lists without elements are left out. */
    if (metadata->scope_count > 0) {
        write_list(buf, SLICE("scopes_supported"), metadata->scopes, metadata->scope_count);
    }
    write_list(buf, SLICE("bearer_methods_supported"), &header, 1);
    if (metadata->resource_name.len > 0) {
        buf_append(buf, SLICE(",\"resource_name\":"));
        buf_append_json_string(buf, metadata->resource_name);
    }
    buf_append(buf, SLICE("}"));
}
