#include "daemon/discovery.h"

#include "daemon/config/config_url.h"

#define DEPTH_MAX 16

/* The issuer as address: parts before its path, and the path without a last slash (RFC 8414 §3.1).
 */
static void split(struct slice issuer, struct slice *base, struct slice *path)
{
    size_t host = slice_find_byte(issuer, ':') + 3;
    size_t slash = host + slice_find_byte(slice_sub(issuer, host, issuer.len), '/');
    *base = slice_sub(issuer, 0, slash);
    *path = slice_sub(issuer, slash, issuer.len);
    if (slice_ends_with(*path, SLICE("/"))) {
        path->len--;
    }
}

enum status discovery_well_known(struct slice issuer, size_t index, struct arena *arena,
                                 struct slice *out)
{
    static const struct {
        const char *inserted, *appended;
        bool needs_path;
    } FORMS[] = {
        {"/.well-known/oauth-authorization-server", "", false},
        {"/.well-known/openid-configuration", "", false},
        {"", "/.well-known/openid-configuration", true},
    };
    struct slice base, path;
    split(issuer, &base, &path);
    if (index >= COUNT_OF(FORMS) || (FORMS[index].needs_path && path.len == 0)) {
        return STATUS_NOT_FOUND;
    }
    return arena_format(arena, out, "%.*s%s%.*s%s", SLICE_ARG(base), FORMS[index].inserted,
                        SLICE_ARG(path), FORMS[index].appended);
}

enum status discovery_address(const struct config_issuer *issuer, size_t index, struct arena *arena,
                              struct slice *out)
{
    if (issuer->metadata_url.text.len == 0) {
        return discovery_well_known(issuer->issuer, index, arena, out);
    }
    return index > 0 ? STATUS_NOT_FOUND
                     : arena_format(arena, out, "%.*s", SLICE_ARG(issuer->metadata_url.text));
}

bool discovery_allows(const struct config_issuer *issuer, const struct config_url *url)
{
    struct config_url own;
    /* That of many tenants has no host that could be told. */
    bool has_host = config_url_parse(issuer->issuer, &own) == NULL;
    bool is_local = has_host && config_host_is_loopback(own.host);
    if (!url->is_https && !(is_local && config_host_is_loopback(url->host))) {
        return false;
    }
    bool is_known = has_host && slice_eq_ascii_nocase(url->host, own.host);
    for (size_t i = 0; i < issuer->hosts.count && !is_known; i++) {
        is_known = slice_eq_ascii_nocase(url->host, issuer->hosts.items[i]);
    }
    return is_known;
}

/* RFC 8414 §3.3: identical, byte by byte. Exceptions are written down, and only for metadata whose
 * address is, too. */
static bool is_issuer(const struct config_issuer *issuer, struct slice named)
{
    bool is_same = slice_eq(named, issuer->issuer);
    bool has_address = issuer->metadata_url.text.len > 0;
    for (size_t i = 0; i < issuer->accepted_issuers.count && has_address && !is_same; i++) {
        is_same = slice_eq(named, issuer->accepted_issuers.items[i]);
    }
    return is_same;
}

static enum status read_text(const struct json_tape *tape, struct slice name, struct arena *arena,
                             struct slice *out)
{
    json_ref ref = json_member(tape, 0, name);
    *out = SLICE_EMPTY;
    return ref == JSON_NONE ? STATUS_NOT_FOUND : json_string(tape, ref, arena, out);
}

/* STATUS_NOT_FOUND without one, STATUS_INVALID for one that is not allowed. */
static enum status read_address(const struct json_tape *tape, struct slice name,
                                const struct config_issuer *issuer, struct arena *arena,
                                struct config_url *out)
{
    struct slice text, copy;
    *out = (struct config_url){0};
    TRY(read_text(tape, name, arena, &text));
    TRY(arena_format(arena, &copy, "%.*s", SLICE_ARG(text)));
    if (config_url_parse(copy, out) != NULL || !discovery_allows(issuer, out)) {
        *out = (struct config_url){0};
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "discovery.memory", "no memory for metadata");
}

static enum status read_keys_address(const struct json_tape *tape,
                                     const struct config_issuer *issuer, struct arena *arena,
                                     struct config_url *out, struct diag *diag)
{
    enum status status = read_address(tape, SLICE("jwks_uri"), issuer, arena, out);
    if (status == STATUS_LIMIT) {
        return no_memory(diag);
    }
    if (status == STATUS_NOT_FOUND) {
        return diag_fail(diag, STATUS_INVALID, "discovery.keys", "its metadata has no 'jwks_uri'");
    }
    return status == STATUS_OK
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "discovery.keys",
                           "its 'jwks_uri' is no https address of the issuer's host; list the host "
                           "in 'hosts' if it is meant");
}

/* Its signed tokens are good without them, so what cannot be used is left out. */
static enum status read_endpoints(const struct json_tape *tape, const struct config_issuer *issuer,
                                  struct arena *arena, struct discovery *out, struct diag *diag)
{
    const struct {
        struct slice name;
        bool is_wanted;
        struct config_url *to;
    } ENDPOINTS[] = {
        {SLICE("authorization_endpoint"), config_sign_in_is_found(issuer), &out->authorization},
        {SLICE("token_endpoint"), config_sign_in_is_found(issuer), &out->token},
        {SLICE("introspection_endpoint"), config_introspection_is_found(issuer),
         &out->introspection},
    };
    json_ref names = json_member(tape, 0, SLICE("authorization_response_iss_parameter_supported"));
    for (size_t i = 0; i < COUNT_OF(ENDPOINTS); i++) {
        if (ENDPOINTS[i].is_wanted &&
            read_address(tape, ENDPOINTS[i].name, issuer, arena, ENDPOINTS[i].to) == STATUS_LIMIT) {
            return no_memory(diag);
        }
    }
    out->names_issuer = config_sign_in_is_found(issuer) && names != JSON_NONE &&
                        json_type(tape, names) == JSON_TRUE;
    return STATUS_OK;
}

enum status discovery_read(const struct json_parser *parser, const struct config_issuer *issuer,
                           struct slice text, struct arena *arena, struct discovery *out,
                           struct diag *diag)
{
    *out = (struct discovery){0};
    struct json_parser strict = *parser;
    struct json_tape tape;
    struct slice named = SLICE_EMPTY;
    struct diag cause = {0};
    strict.limits.depth_max = DEPTH_MAX;
    if (json_parse(&strict, text, arena, &tape, &cause) != STATUS_OK ||
        json_type(&tape, 0) != JSON_OBJECT) {
        return diag_fail(diag, STATUS_INVALID, "discovery.malformed",
                         "its metadata is no JSON object (%s)",
                         cause.code != NULL ? cause.code : "another value");
    }
    if (read_text(&tape, SLICE("issuer"), arena, &named) != STATUS_OK ||
        !is_issuer(issuer, named)) {
        return diag_fail(diag, STATUS_INVALID, "discovery.issuer",
                         "its metadata is that of issuer '%.*s'", SLICE_ARG(named));
    }
    if (issuer->jwks_url.text.len == 0 && config_issuer_signs(issuer)) {
        TRY(read_keys_address(&tape, issuer, arena, &out->keys, diag));
    }
    return read_endpoints(&tape, issuer, arena, out, diag);
}
