#include "core/mcp/mirror.h"

#include "base/base64.h"

#define SENTINEL_PREFIX SLICE("=?base64?")
#define SENTINEL_SUFFIX SLICE("?=")

static bool is_sentinel(struct slice value)
{
    return value.len >= SENTINEL_PREFIX.len + SENTINEL_SUFFIX.len &&
           slice_starts_with(value, SENTINEL_PREFIX) && slice_ends_with(value, SENTINEL_SUFFIX);
}

static bool is_plain_ascii(struct slice value)
{
    for (size_t i = slice_skip_plain(value, 0); i < value.len; i++) {
        if (value.ptr[i] != '\t' && (value.ptr[i] < 0x20 || value.ptr[i] > 0x7E)) {
            return false;
        }
    }
    return true;
}

enum status mcp_mirror_decode(struct slice value, struct arena *arena, struct slice *out)
{
    if (!is_sentinel(value)) {
        *out = value;
        return is_plain_ascii(value) ? STATUS_OK : STATUS_INVALID;
    }
    struct slice text = slice_sub(value, SENTINEL_PREFIX.len, value.len - SENTINEL_SUFFIX.len);
    uint8_t *bytes = arena_alloc(arena, text.len);
    size_t len = 0;
    if (bytes == NULL) {
        return STATUS_LIMIT;
    }
    TRY(base64_decode(text, BASE64_STANDARD, bytes, text.len, &len));
    *out = slice_of(bytes, len);
    return slice_is_utf8(*out) ? STATUS_OK : STATUS_INVALID;
}

struct mirror {
    struct slice name, value;
    size_t count; /* how often it is there */
};

static struct mirror find_mirror(const struct mcp_message_input *input, struct slice name)
{
    struct mirror found = {.name = name};
    found.value = mcp_field(input->fields, input->field_count, name, &found.count);
    return found;
}

/* A field that must be there once and say exactly `wanted`. */
static enum status check_field(const struct mirror *field, struct slice wanted, struct arena *arena,
                               struct diag *diag)
{
    struct slice text;
    if (field->count != 1) {
        return diag_fail(diag, STATUS_INVALID, "mcp.header", "field '%.*s' %s",
                         SLICE_ARG(field->name),
                         field->count == 0 ? "is missing" : "appears more than once");
    }
    if (mcp_mirror_decode(field->value, arena, &text) != STATUS_OK) {
        return diag_fail(diag, STATUS_INVALID, "mcp.header", "field '%.*s' is malformed",
                         SLICE_ARG(field->name));
    }
    if (!slice_eq(text, wanted)) {
        return diag_fail(diag, STATUS_INVALID, "mcp.header",
                         "field '%.*s' does not say what the body says", SLICE_ARG(field->name));
    }
    return STATUS_OK;
}

static enum status check_name(const struct mcp_message_input *input,
                              const struct mcp_message *message, struct slice method,
                              struct arena *arena, struct diag *diag)
{
    const struct mcp_method *entry = mcp_method_find(method);
    if (entry == NULL || !entry->in_modern) {
        return STATUS_OK; /* the method check refuses it with the better code */
    }
    struct mirror field = find_mirror(input, SLICE("mcp-name"));
    json_ref ref = JSON_NONE;
    /* MCP 2026-07-28: what a completion refers to is not repeated; methods of skills may do so. */
    bool is_repeated = entry->target_member.len > 0 && !entry->is_completion &&
                       (!entry->is_unrepeated || field.count > 0);
    if (is_repeated && message->params != JSON_NONE) {
        ref = json_member(&message->tape, message->params, entry->target_member);
    }
    if (ref == JSON_NONE) {
        return field.count == 0 ? STATUS_OK
                                : diag_fail(diag, STATUS_INVALID, "mcp.header",
                                            "field 'mcp-name' repeats nothing of the body");
    }
    struct slice name;
    if (json_type(&message->tape, ref) != JSON_STRING) {
        return STATUS_OK; /* the params check refuses it with the better code */
    }
    TRY(json_string(&message->tape, ref, arena, &name));
    return check_field(&field, name, arena, diag);
}

enum status mcp_mirror_check(const struct mcp_message_input *input,
                             const struct mcp_message *message, struct slice method,
                             struct slice version, struct arena *arena, struct diag *diag)
{
    struct mirror version_field = find_mirror(input, SLICE("mcp-protocol-version"));
    TRY(check_field(&version_field, version, arena, diag));
    bool is_notification = message->id.len == 0;
    struct mirror method_field = find_mirror(input, SLICE("mcp-method"));
    /* The rules for notifications are undefined: a field that is there must still agree. */
    if (!is_notification || method_field.count > 0) {
        TRY(check_field(&method_field, method, arena, diag));
    }
    return check_name(input, message, method, arena, diag);
}

bool mcp_mirror_is_plain(struct slice value)
{
    bool has_edge_space = value.len != slice_trim_ows(value).len;
    return is_plain_ascii(value) && !has_edge_space && !is_sentinel(value) &&
           slice_find_byte(value, '\t') == value.len;
}

void mcp_mirror_encode(struct buf *buf, struct slice value)
{
    if (mcp_mirror_is_plain(value)) {
        buf_append(buf, value);
        return;
    }
    buf_append(buf, SENTINEL_PREFIX);
    base64_encode(buf, value, BASE64_STANDARD);
    buf_append(buf, SENTINEL_SUFFIX);
}
