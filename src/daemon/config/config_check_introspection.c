/* How an issuer is asked about tokens that only it can read. */
#include "core/identity/introspection.h"
#include "daemon/config/config_check.h"
#include "daemon/config/config_url.h"

/* By preset: whether such tokens can be asked about, and where (the providers' own documentation).
 */
static const struct {
    bool can_ask;
    const char *after; /* the issuer; NULL: not known beforehand */
} providers[ISSUER_PRESET_COUNT] = {
    [ISSUER_PRESET_OIDC] = {true, NULL},
    [ISSUER_PRESET_OKTA] = {true, "/v1/introspect"},
    [ISSUER_PRESET_PINGONE] = {true, "/introspect"},
    [ISSUER_PRESET_PINGFEDERATE] = {true, "/as/introspect.oauth2"},
    [ISSUER_PRESET_KEYCLOAK] = {true, "/protocol/openid-connect/token/introspect"},
    [ISSUER_PRESET_GOOGLE] = {true, NULL},
};

#define GOOGLE_ENDPOINT "https://oauth2.googleapis.com/tokeninfo"
#define GOOGLE_PREFIX "ya29."
#define GOOGLE_CACHE_S_MAX 60 /* so long a token that was taken back may be good */

bool config_issuer_is_asked(const struct config_issuer *issuer)
{
    return issuer->introspection.place.line > 0;
}

bool config_introspection_is_found(const struct config_issuer *issuer)
{
    return config_issuer_is_asked(issuer) && issuer->introspection.endpoint.text.len == 0 &&
           issuer->jwks_path.len == 0;
}

static void complain(struct config_reader *reader, const struct config_node *node, struct slice key,
                     const char *code, const char *hint, const char *problem)
{
    config_read_problem(reader, config_check_place(node, key), code, hint, "%s", problem);
}

void config_check_introspection(struct config_reader *reader, const struct config_node *node,
                                void *out)
{
    const struct config_introspection *asked = out;
    config_check_secret_source(reader, config_node_member(node, SLICE("client_secret")),
                               "client_secret", &asked->client_secret);
    if (asked->endpoint.text.len > 0 && !asked->endpoint.is_https &&
        !config_host_is_loopback(asked->endpoint.host)) {
        complain(reader, node, SLICE("endpoint"), "config.exposed", "use https",
                 "tokens and secrets must not travel over plain http");
    }
    if (asked->prefix.len > 0 && (asked->prefix.len < INTROSPECTION_PREFIX_BYTES_MIN ||
                                  !introspection_is_token_text(asked->prefix))) {
        complain(reader, node, SLICE("prefix"), "config.value", "like \"ya29.\"",
                 "'prefix' must be three or more of the characters that tokens have");
    } else if (asked->prefix.len > 0 && introspection_may_begin_jwt(asked->prefix)) {
        complain(reader, node, SLICE("prefix"), "config.exposed", NULL,
                 "signed tokens could begin like this 'prefix', and are verified here");
    }
}

/* -- the issuer of an entry ---------------------------------------------------------------- */

static void fill_endpoint(struct config_reader *reader, const struct config_node *node,
                          struct config_issuer *issuer)
{
    struct config_url *url = &issuer->introspection.endpoint;
    const char *after = providers[issuer->preset].after;
    struct slice base = issuer->issuer;
    struct slice text = SLICE_EMPTY;
    if (url->text.len > 0 || config_node_member(node, SLICE("endpoint")) != NULL) {
        return;
    }
    if (issuer->preset == ISSUER_PRESET_GOOGLE) {
        after = GOOGLE_ENDPOINT;
        base = SLICE_EMPTY;
    }
    if (after == NULL) {
        if (!config_introspection_is_found(issuer)) {
            complain(
                reader, node, SLICE("endpoint"), "config.missing_key",
                "the 'introspection_endpoint' of the issuer's metadata",
                "the key 'endpoint' is missing; it is found in the issuer's metadata if 'jwks' "
                "is no file");
        }
        return;
    }
    base.len -= slice_ends_with(base, SLICE("/"));
    if (arena_format(reader->arena, &text, "%.*s%s", SLICE_ARG(base), after) != STATUS_OK) {
        reader->is_out_of_memory = true;
    } else if (config_url_parse(text, url) != NULL) {
        *url = (struct config_url){0}; /* the issuer's problem was reported */
    }
}

static void check_client(struct config_reader *reader, const struct config_node *node,
                         const struct config_issuer *issuer)
{
    static const struct slice KEYS[] = {SLICE_INIT("client_id"), SLICE_INIT("client_secret")};
    bool takes_client = issuer->preset != ISSUER_PRESET_GOOGLE;
    for (size_t i = 0; i < COUNT_OF(KEYS); i++) {
        bool is_there = config_node_member(node, KEYS[i]) != NULL;
        if (is_there && !takes_client) {
            complain(reader, node, KEYS[i], "config.conflict", "remove it",
                     "Google's tokeninfo is asked by anybody; nothing of ours is shown to it");
        } else if (!is_there && takes_client) {
            config_read_problem(reader, node, "config.missing_key",
                                "a client of the gateway's own at the issuer",
                                "the key '%.*s' is missing", SLICE_ARG(KEYS[i]));
        }
    }
}

/* An answer of Google names the client, and neither a tenant nor an audience of ours. */
static void check_google(struct config_reader *reader, const struct config_node *node,
                         struct config_issuer *issuer)
{
    struct config_introspection *asked = &issuer->introspection;
    if (asked->tokens == CONFIG_ASKED_ALWAYS) {
        complain(reader, node, SLICE("tokens"), "config.conflict", "opaque, or both",
                 "Google's signed tokens cannot be asked about");
    }
    if (!asked->internal_client || issuer->tenants.count != 1) {
        complain(reader, node, SLICE("internal_client"), "config.exposed",
                 "one domain in 'tenants', a client with user type Internal at Google, and "
                 "internal_client: true",
                 "Google does not say which domain an access token is of");
    }
    if (asked->cache_s > GOOGLE_CACHE_S_MAX) {
        complain(reader, node, SLICE("cache_s"), "config.range", "0 to 60",
                 "what Google says of a token counts for 60 s at most");
    }
    if (asked->prefix.len == 0) {
        asked->prefix = SLICE(GOOGLE_PREFIX);
    }
    if (asked->clients.count == 0) {
        asked->clients = issuer->audience;
    }
}

/* Keys of the entry that say something about signed tokens. */
static void refuse_unused(struct config_reader *reader, const struct config_node *node,
                          const struct config_issuer *issuer)
{
    static const struct slice KEYS[] = {SLICE_INIT("jwks"), SLICE_INIT("algorithms"),
                                        SLICE_INIT("token_kind")};
    for (size_t i = 0; i < COUNT_OF(KEYS) && !config_issuer_signs(issuer); i++) {
        const struct config_node *member = config_node_member(node, KEYS[i]);
        if (member != NULL) {
            config_read_problem(reader, member, "config.conflict",
                                "introspection: {tokens: both} takes signed tokens as well",
                                "'%.*s' says something about signed tokens, and this entry takes "
                                "none",
                                SLICE_ARG(KEYS[i]));
        }
    }
}

void config_check_asked(struct config_reader *reader, const struct config_node *node,
                        struct config_issuer *issuer)
{
    const struct config_node *asked = config_node_member(node, SLICE("introspection"));
    const struct config_node *internal = NULL;
    if (asked == NULL || asked->kind != CONFIG_NODE_MAP) {
        return;
    }
    if (!providers[issuer->preset].can_ask) {
        config_read_problem(reader, asked, "config.conflict", "remove it",
                            "issuers of this preset answer no questions about tokens");
        return;
    }
    internal = config_node_member(asked, SLICE("internal_client"));
    if (issuer->preset == ISSUER_PRESET_GOOGLE) {
        check_google(reader, asked, issuer);
    } else if (internal != NULL) {
        config_read_problem(reader, internal, "config.conflict", NULL,
                            "'internal_client' has a meaning with preset google only");
    }
    fill_endpoint(reader, asked, issuer);
    check_client(reader, asked, issuer);
    refuse_unused(reader, node, issuer);
}

/* -- all issuers --------------------------------------------------------------------------- */

static struct issuer_entry as_entry(const struct config_issuer *issuer)
{
    return (struct issuer_entry){.inquiry = {.asked = config_issuer_is_asked(issuer)
                                                          ? ISSUER_ASKED_OPAQUE
                                                          : ISSUER_ASKED_NEVER,
                                             .prefix = issuer->introspection.prefix}};
}

/* A token that two issuers could be asked about would tell one of them the other's secret. */
void config_check_asked_apart(struct config_reader *reader, const struct config *config)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct issuer_entry one = as_entry(&config->issuers[i]);
        for (size_t k = 0; k < i; k++) {
            const struct issuer_entry other = as_entry(&config->issuers[k]);
            const struct config_place *place = &config->issuers[i].introspection.place;
            if (issuer_entry_asks_alike(&one, &other)) {
                const struct config_node node = {.line = place->line, .column = place->column};
                config_read_problem(reader, &node, "config.conflict",
                                    "give each a 'prefix' of its tokens; one may have none",
                                    "issuers '%.*s' and '%.*s' would be asked about the same "
                                    "opaque tokens",
                                    SLICE_ARG(config->issuers[k].name),
                                    SLICE_ARG(config->issuers[i].name));
                break;
            }
        }
    }
}
