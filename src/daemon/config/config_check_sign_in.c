/* The front door of an issuer's entry. */
#include "daemon/config/config_check.h"
#include "daemon/config/config_url.h"

/* Where providers have their endpoints (their own documentation): what follows the issuer, or whole
 * addresses. */
struct provider {
    const char *cut; /* off the issuer's end, where it is there */
    const char *authorization, *token;
};

static const struct provider providers[ISSUER_PRESET_COUNT] = {
    /* Issuers of version 1 are at a host that nobody signs in at. */
    [ISSUER_PRESET_ENTRA] = {"/v2.0", "/oauth2/v2.0/authorize", "/oauth2/v2.0/token"},
    [ISSUER_PRESET_OKTA] = {"/", "/v1/authorize", "/v1/token"},
    [ISSUER_PRESET_AUTH0] = {"/", "/authorize", "/oauth/token"},
    [ISSUER_PRESET_PINGONE] = {"/", "/authorize", "/token"},
    [ISSUER_PRESET_PINGFEDERATE] = {"/", "/as/authorization.oauth2", "/as/token.oauth2"},
    [ISSUER_PRESET_GOOGLE] = {NULL, "https://accounts.google.com/o/oauth2/v2/auth",
                              "https://oauth2.googleapis.com/token"},
    [ISSUER_PRESET_KEYCLOAK] = {"/", "/protocol/openid-connect/auth",
                                "/protocol/openid-connect/token"},
};

static void check_endpoint(struct config_reader *reader, const struct config_node *node,
                           struct slice key, const struct config_url *url)
{
    if (url->text.len > 0 && !url->is_https && !config_host_is_loopback(url->host)) {
        config_read_problem(reader, config_check_place(node, key), "config.exposed", "use https",
                            "codes and secrets must not travel over plain http");
    }
}

static void check_scopes(struct config_reader *reader, const struct config_node *node,
                         const struct config_texts *scopes)
{
    for (size_t i = 0; i < scopes->count; i++) {
        if (!slice_is_visible(scopes->items[i])) {
            config_read_problem(reader, config_check_place(node, SLICE("scopes")), "config.value",
                                "one text for each scope",
                                "a scope has no spaces and no other than ASCII characters");
            return;
        }
    }
}

/* A name travels in a text of words, and so does what it stands for. */
static void check_optional_scopes(struct config_reader *reader, const struct config_node *node,
                                  const struct config_sign_in *sign_in)
{
    for (size_t i = 0; i < sign_in->optional_scope_count; i++) {
        const struct config_variable *scope = &sign_in->optional_scopes[i];
        if (scope->name.len == 0 || !slice_is_visible(scope->name) ||
            !slice_is_visible(scope->value)) {
            config_read_problem(reader, config_check_place(node, SLICE("optional_scopes")),
                                "config.value", "one scope for each name",
                                "a scope has no spaces and no other than ASCII characters");
            return;
        }
    }
}

void config_check_sign_in(struct config_reader *reader, const struct config_node *node, void *out)
{
    const struct config_sign_in *sign_in = out;
    config_check_secret_source(reader, config_node_member(node, SLICE("client_secret")),
                               "client_secret", &sign_in->client_secret);
    check_endpoint(reader, node, SLICE("authorization_endpoint"), &sign_in->authorization_endpoint);
    check_endpoint(reader, node, SLICE("token_endpoint"), &sign_in->token_endpoint);
    check_scopes(reader, node, &sign_in->scopes);
    check_optional_scopes(reader, node, sign_in);
}

void config_check_client_documents(struct config_reader *reader, const struct config_node *node,
                                   void *out)
{
    struct config_client_documents *documents = out;
    const struct config_node *ca = config_node_member(node, SLICE("ca"));
    config_check_networks(reader, node, &documents->networks, &documents->ranges);
    if (ca != NULL) {
        config_check_file(reader, ca, documents->ca, false);
    }
}

static void fill(struct config_reader *reader, struct slice base, const char *after,
                 struct config_url *url)
{
    struct slice text = SLICE_EMPTY;
    if (url->text.len > 0) {
        return;
    }
    if (arena_format(reader->arena, &text, "%.*s%s", SLICE_ARG(base), after) != STATUS_OK) {
        reader->is_out_of_memory = true;
    } else if (config_url_parse(text, url) != NULL) {
        *url = (struct config_url){0}; /* the issuer's problem was reported */
    }
}

/* The provider's own endpoints, where they are known and the file names no others. */
static void fill_endpoints(struct config_reader *reader, struct config_issuer *issuer)
{
    const struct provider *provider = &providers[issuer->preset];
    struct config_sign_in *sign_in = &issuer->sign_in;
    struct slice base = provider->cut == NULL ? SLICE_EMPTY : issuer->issuer;
    struct slice cut = slice_view_cstr(provider->cut);
    bool is_entra = issuer->preset == ISSUER_PRESET_ENTRA;
    if (provider->token == NULL || issuer->issuer.len == 0 ||
        (is_entra && !slice_ends_with(base, cut))) {
        return;
    }
    base.len -= base.len > 0 && slice_ends_with(base, cut) ? cut.len : 0;
    fill(reader, base, provider->authorization, &sign_in->authorization_endpoint);
    fill(reader, base, provider->token, &sign_in->token_endpoint);
}

bool config_sign_in_is_found(const struct config_issuer *issuer)
{
    const struct config_sign_in *sign_in = &issuer->sign_in;
    return sign_in->client_id.len > 0 && sign_in->authorization_endpoint.text.len == 0 &&
           sign_in->token_endpoint.text.len == 0 && config_issuer_signs(issuer) &&
           issuer->jwks_path.len == 0;
}

static void require_endpoint(struct config_reader *reader, const struct config_node *node,
                             const char *key, const struct config_url *url)
{
    if (url->text.len == 0 && config_node_member(node, slice_view_cstr(key)) == NULL) {
        config_read_problem(reader, node, "config.missing_key",
                            "as the provider's discovery document has it",
                            "the key '%s' is missing; both are found in the issuer's metadata if "
                            "neither is here and 'jwks' is no file",
                            key);
    }
}

/* The answer of a provider names its issuer, which is one. */
static bool has_one_issuer(const struct config_issuer *issuer)
{
    return slice_find_byte(issuer->issuer, '{') == issuer->issuer.len;
}

void config_check_sign_in_endpoints(struct config_reader *reader, const struct config_node *node,
                                    struct config_issuer *issuer)
{
    const struct config_node *place = config_node_member(node, SLICE("sign_in"));
    if (place == NULL || place->kind != CONFIG_NODE_MAP) {
        return;
    }
    if (issuer->preset == ISSUER_PRESET_DEVELOPMENT) {
        config_read_problem(reader, place, "config.conflict", "mint its tokens: aegis token mint",
                            "nobody can sign in at the development issuer");
        return;
    }
    if (!has_one_issuer(issuer)) {
        config_read_problem(reader, place, "config.conflict", "one entry for each tenant",
                            "people sign in at one tenant, and this entry takes several");
        return;
    }
    fill_endpoints(reader, issuer);
    if (issuer->issuer.len > 0 && !config_sign_in_is_found(issuer)) {
        require_endpoint(reader, place, "authorization_endpoint",
                         &issuer->sign_in.authorization_endpoint);
        require_endpoint(reader, place, "token_endpoint", &issuer->sign_in.token_endpoint);
    }
    /* Its access tokens say nothing to anybody but Google. */
    if (issuer->preset == ISSUER_PRESET_GOOGLE) {
        issuer->sign_in.hands_on = CONFIG_HAND_ON_ID_TOKEN;
    }
}
