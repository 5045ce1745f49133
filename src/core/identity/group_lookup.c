#include "core/identity/group_lookup.h"

#include "core/identity/introspection.h"
#include "core/sign_in/form.h"

#include <string.h>

#define GUID_BYTES ISSUER_GUID_BYTES
#define DEPTH_MAX 8
#define GOOD_S_MAX 86400

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to look up groups");
}

/* -- whose ----------------------------------------------------------------------------------- */

/* In the subject there may be another claim; Graph knows callers by their object id only. */
static enum status write_about(const struct claims *claims, const struct principal *caller,
                               struct arena *arena, struct slice *out, struct diag *diag)
{
    struct slice object = SLICE_EMPTY;
    enum status status = claims_text(claims, SLICE("oid"), GUID_BYTES, arena, &object, NULL);
    *out = SLICE_EMPTY;
    if (status == STATUS_OK && issuer_is_guid(object) && issuer_is_guid(caller->tenant)) {
        status =
            arena_format(arena, out, "%.*s/%s/%.*s", SLICE_ARG(caller->tenant),
                         caller->is_service ? "servicePrincipals" : "users", SLICE_ARG(object));
    }
    return status == STATUS_LIMIT ? no_memory(diag) : STATUS_OK;
}

static enum status list_ids(struct slice ids, struct arena *arena, struct claims_list *out,
                            struct diag *diag)
{
    size_t count = ids.len / GUID_BYTES;
    struct slice *items = arena_alloc_zero(arena, count, sizeof(*items));
    if (items == NULL) {
        return no_memory(diag);
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = slice_sub(ids, i * GUID_BYTES, (i + 1) * GUID_BYTES);
    }
    *out = (struct claims_list){items, count};
    return STATUS_OK;
}

enum status group_lookup_find(const struct claims *claims, const struct principal *caller,
                              const struct identity_answer *answer, struct arena *arena,
                              struct group_lookup *out, struct diag *diag)
{
    *out = (struct group_lookup){0};
    TRY(write_about(claims, caller, arena, &out->about, diag));
    if (out->about.len == 0) {
        return STATUS_OK;
    }
    if (answer == NULL || answer->kind != INQUIRY_GROUPS ||
        !slice_eq(answer->name, caller->issuer) || !slice_eq(answer->about, out->about)) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.groups_unasked",
                         "the groups that issuer '%.*s' left out of the token have to be asked for",
                         SLICE_ARG(caller->issuer));
    }
    out->is_answered = true;
    out->is_known = answer->is_yes;
    return out->is_known ? list_ids(answer->text, arena, &out->groups, diag) : STATUS_OK;
}

struct slice group_lookup_tenant(struct slice about)
{
    return slice_sub(about, 0, slice_find_byte(about, '/'));
}

struct slice group_lookup_object(struct slice about)
{
    return slice_sub(about, slice_find_byte(about, '/') + 1, about.len);
}

/* -- replies --------------------------------------------------------------------------------- */

/* It will be the same in a moment: not a failure, but a no. */
static enum status no(struct diag *diag, const char *problem)
{
    (void)!diag_fail(diag, STATUS_UNAVAILABLE, "identity.answer", "%s", problem);
    return STATUS_OK;
}

static enum status open_reply(const struct json_parser *parser,
                              const struct group_lookup_reply *reply, struct arena *arena,
                              struct json_tape *out, struct diag *diag)
{
    struct slice type = reply->content_type;
    struct json_parser strict = *parser;
    struct diag cause = {0};
    strict.limits.depth_max = DEPTH_MAX;
    type = slice_trim_ows(slice_sub(type, 0, slice_find_byte(type, ';')));
    if (!slice_eq_ascii_nocase(type, SLICE("application/json"))) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.answer",
                         "the answer is not 'application/json'");
    }
    enum status status = json_parse(&strict, reply->body, arena, out, &cause);
    if (slice_eq(slice_view_cstr(cause.code), SLICE("json.memory"))) {
        return no_memory(diag);
    }
    return status == STATUS_OK && json_type(out, 0) == JSON_OBJECT
               ? STATUS_OK
               : diag_fail(diag, STATUS_UNAVAILABLE, "identity.answer",
                           "the answer is no JSON object");
}

static enum status refuse_status(int http_status, const char *who, struct diag *diag)
{
    return diag_fail(diag, STATUS_UNAVAILABLE, "identity.answer", "the answer of %s has status %d",
                     who, http_status);
}

/* All are GUIDs, or none counts. */
static enum status read_ids(const struct json_tape *tape, json_ref list, struct arena *arena,
                            struct group_lookup_said *out, struct diag *diag)
{
    size_t count = json_count(tape, list);
    uint8_t *text = arena_alloc_zero(arena, count, GUID_BYTES);
    size_t len = 0;
    struct json_iter iter;
    json_ref key, item;
    if (text == NULL) {
        return no_memory(diag);
    }
    json_iter_init(&iter, tape, list);
    while (json_iter_next(&iter, &key, &item)) {
        struct slice id = SLICE_EMPTY;
        if (json_type(tape, item) == JSON_STRING &&
            json_string(tape, item, arena, &id) == STATUS_LIMIT) {
            return no_memory(diag);
        }
        if (id.len == 0 || !issuer_is_guid(id)) {
            return no(diag, "Microsoft Graph's answer has something else than ids of groups");
        }
        memcpy(text + len, id.ptr, GUID_BYTES);
        len += GUID_BYTES;
    }
    out->text = slice_of(text, len);
    out->is_yes = true;
    return STATUS_OK;
}

static enum status read_groups(const struct json_tape *tape, struct arena *arena,
                               struct group_lookup_said *out, struct diag *diag)
{
    json_ref list = json_member(tape, 0, SLICE("value"));
    if (list == JSON_NONE || json_type(tape, list) != JSON_ARRAY) {
        return no(diag, "Microsoft Graph's answer has no list 'value'");
    }
    if (json_member(tape, 0, SLICE("@odata.nextLink")) != JSON_NONE ||
        json_count(tape, list) > CLAIMS_LIST_MAX) {
        return no(diag, "a caller is in more than 1024 groups, or Microsoft Graph named only some; "
                        "use application roles, or groups assigned to the application");
    }
    return read_ids(tape, list, arena, out, diag);
}

enum status group_lookup_read(const struct json_parser *parser,
                              const struct group_lookup_reply *reply, struct arena *arena,
                              struct group_lookup_said *out, struct diag *diag)
{
    struct json_tape tape;
    *out = (struct group_lookup_said){.is_stale = reply->http_status == 401};
    if (reply->http_status == 401) {
        return no(diag, "Microsoft Graph does not take the token that our client got");
    }
    if (reply->http_status == 403) {
        return no(diag, "our client may not ask Microsoft Graph; grant it the application "
                        "permissions GroupMember.Read.All and User.ReadBasic.All, and "
                        "Application.Read.All for callers that are services");
    }
    if (reply->http_status == 404) {
        return no(diag, "Microsoft Graph does not know a caller");
    }
    if (reply->http_status == 400) {
        return no(diag, "Microsoft Graph refuses to list a caller's groups (status 400), as it "
                        "does when there are too many");
    }
    if (reply->http_status != 200) {
        return refuse_status(reply->http_status, "Microsoft Graph", diag);
    }
    TRY(open_reply(parser, reply, arena, &tape, diag));
    return read_groups(&tape, arena, out, diag);
}

/* -- our own token --------------------------------------------------------------------------- */

void group_lookup_write_form(struct buf *out, struct slice client_id, struct slice secret,
                             struct slice endpoint)
{
    form_append(out, SLICE("grant_type"), SLICE("client_credentials"));
    form_append(out, SLICE("client_id"), client_id);
    form_append(out, SLICE("client_secret"), secret);
    form_append(out, SLICE("scope"), endpoint);
    form_append_escaped(out, SLICE("/.default"));
}

static enum status read_token(const struct json_tape *tape, struct arena *arena,
                              struct group_lookup_said *out, struct diag *diag)
{
    json_ref type = json_member(tape, 0, SLICE("token_type"));
    json_ref text = json_member(tape, 0, SLICE("access_token"));
    json_ref life = json_member(tape, 0, SLICE("expires_in"));
    struct slice kind = SLICE_EMPTY;
    bool has_all = type != JSON_NONE && json_type(tape, type) == JSON_STRING && text != JSON_NONE &&
                   json_type(tape, text) == JSON_STRING && life != JSON_NONE &&
                   json_type(tape, life) == JSON_NUMBER;
    if (has_all && (json_string(tape, type, arena, &kind) == STATUS_LIMIT ||
                    json_string(tape, text, arena, &out->text) == STATUS_LIMIT)) {
        return no_memory(diag);
    }
    if (!has_all || !slice_eq_ascii_nocase(kind, SLICE("Bearer")) ||
        out->text.len > GROUP_LOOKUP_TOKEN_BYTES_MAX || !introspection_is_token_text(out->text) ||
        json_integer(tape, life, &out->good_s) != STATUS_OK || out->good_s < 1) {
        return no(diag, "the token endpoint's answer has no bearer token with 'expires_in'");
    }
    out->good_s = out->good_s < GOOD_S_MAX ? out->good_s : GOOD_S_MAX;
    out->is_yes = true;
    return STATUS_OK;
}

enum status group_lookup_read_token(const struct json_parser *parser,
                                    const struct group_lookup_reply *reply, struct arena *arena,
                                    struct group_lookup_said *out, struct diag *diag)
{
    struct json_tape tape;
    *out = (struct group_lookup_said){0};
    if (reply->http_status == 400 || reply->http_status == 401 || reply->http_status == 403) {
        return no(diag, "the token endpoint does not take 'client_id' and 'client_secret' of "
                        "'graph', or the tenant's administrator has not consented to this client");
    }
    if (reply->http_status != 200) {
        return refuse_status(reply->http_status, "the token endpoint", diag);
    }
    TRY(open_reply(parser, reply, arena, &tape, diag));
    return read_token(&tape, arena, out, diag);
}
