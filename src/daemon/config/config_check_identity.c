/* Checks of the entries of `identity`, and what a preset makes of the little that they say. */
#include "core/identity/issuer_entry.h"
#include "daemon/config/config_check.h"
#include "daemon/config/config_fields.h"
#include "daemon/config/config_url.h"

#include <string.h>

void config_check_attribute(struct config_reader *reader, const struct config_node *node, void *out)
{
    const struct config_attribute *attribute = out;
    if (!config_check_is_variable(attribute->name)) {
        struct config_node key = {.line = node->key_line, .column = node->key_column};
        config_read_problem(reader, &key, "config.value", NULL,
                            "the name of an attribute must have letters, digits and '_' only");
    }
}

static struct slice join(struct config_reader *reader, const struct slice *parts, size_t count)
{
    struct slice text = SLICE_EMPTY;
    if (arena_join(reader->arena, parts, count, &text) != STATUS_OK) {
        reader->is_out_of_memory = true;
    }
    return text;
}

static struct slice join2(struct config_reader *reader, struct slice a, struct slice b)
{
    const struct slice parts[] = {a, b};
    return join(reader, parts, COUNT_OF(parts));
}

static void set_texts(struct config_reader *reader, struct config_texts *out,
                      const struct slice *items, size_t count)
{
    struct slice *copy = config_read_alloc(reader, count, sizeof(*copy));
    if (copy != NULL) {
        memcpy(copy, items, count * sizeof(*copy));
        *out = (struct config_texts){copy, count};
    }
}

/* -- claims -------------------------------------------------------------------------------- */

/* Like "perm:": one colon, at its end, so that no two prefixes can be read into one role. */
static bool is_prefix(struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] < 'a' || text.ptr[i] > 'z') {
            return false;
        }
    }
    return text.len >= 2 && text.ptr[text.len - 1] == ':';
}

void config_check_role_source(struct config_reader *reader, const struct config_node *node,
                              void *out)
{
    const struct config_role_source *source = out;
    if (source->prefix.len > 0 && !is_prefix(source->prefix)) {
        config_read_problem(reader, config_check_place(node, SLICE("prefix")), "config.value",
                            "like \"perm:\"", "'prefix' must be lower-case letters and a ':'");
    }
    if (source->prefix.len > 0 && source->value_count > 0) {
        config_read_problem(reader, config_check_place(node, SLICE("prefix")), "config.conflict",
                            NULL, "'prefix' has no meaning with 'values', which name the roles");
    }
    if (source->kind == ISSUER_ROLES_BOOL && source->value_count == 0) {
        config_read_problem(reader, node, "config.missing_key", "like values: {true: Staff}",
                            "kind bool needs 'values', the role that true means");
    }
}

static void read_role_source(struct config_reader *reader, const struct config_node *node,
                             struct config_role_source *out)
{
    if (node->kind == CONFIG_NODE_MAP) {
        config_read_object(reader, node, &config_object_role_source, out);
    } else {
        (void)config_read_text(reader, node, "roles", &out->claim);
    }
}

/* Writes to the pointer and to the count behind it, as lists of objects are. */
void config_check_roles(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct config_mapping *mapping =
        (struct config_mapping *)(void *)((uint8_t *)out - offsetof(struct config_mapping, roles));
    bool is_list = node->kind == CONFIG_NODE_LIST;
    size_t count = is_list ? node->count : 1;
    if (count == 0 || count > IDENTITY_ROLE_SOURCES_MAX) {
        config_read_problem(reader, node, "config.range", NULL, "'roles' must have 1 to %d claims",
                            IDENTITY_ROLE_SOURCES_MAX);
        return;
    }
    mapping->roles = config_read_alloc(reader, count, sizeof(*mapping->roles));
    if (mapping->roles == NULL) {
        return;
    }
    const struct config_node *item = is_list ? node->first : node;
    for (; mapping->role_count < count && item != NULL; item = is_list ? item->next : NULL) {
        read_role_source(reader, item, &mapping->roles[mapping->role_count++]);
    }
}

/* What its holder, or an administrator of any tenant, can change to somebody else's. */
static bool is_mutable(struct slice claim)
{
    static const struct slice NAMES[] = {
        SLICE_INIT("email"),       SLICE_INIT("upn"),      SLICE_INIT("preferred_username"),
        SLICE_INIT("unique_name"), SLICE_INIT("nickname"), SLICE_INIT("name"),
        SLICE_INIT("username")};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        if (slice_eq_ascii_nocase(claim, NAMES[i])) {
            return true;
        }
    }
    return false;
}

/* In the id of a principal '@' and '|' end the claim (scene.c). */
static bool has_mark(struct slice claim)
{
    return slice_find_byte(claim, '@') < claim.len || slice_find_byte(claim, '|') < claim.len;
}

void config_check_mapping(struct config_reader *reader, const struct config_node *node, void *out)
{
    const struct config_mapping *mapping = out;
    const struct config_node *place = config_check_place(node, SLICE("subject"));
    if (mapping->subject.count > IDENTITY_SUBJECTS_MAX) {
        config_read_problem(reader, place, "config.range", NULL,
                            "'subject' must have at most %d claims", IDENTITY_SUBJECTS_MAX);
    }
    for (size_t i = 0; i < mapping->subject.count; i++) {
        struct slice claim = mapping->subject.items[i];
        if (is_mutable(claim)) {
            config_read_problem(reader, place, "config.exposed",
                                "name the provider's stable user id; show names and addresses as "
                                "attributes",
                                "'%.*s' can be given to somebody else, so it is nobody's identity",
                                SLICE_ARG(claim));
        } else if (has_mark(claim)) {
            config_read_problem(reader, place, "config.value", NULL,
                                "the claim of a subject must have no '@' and no '|'");
        }
    }
}

/* -- tenants ------------------------------------------------------------------------------- */

static bool has_tenant_claim(const struct config_issuer *issuer)
{
    return issuer->mapping.tenant.len > 0 || issuer_preset(issuer->preset)->tenant.len > 0;
}

/* Issuers write GUIDs in lower case, people as they come. */
static struct slice lowered(struct config_reader *reader, struct slice text)
{
    struct slice copy = SLICE_EMPTY;
    if (arena_copy(reader->arena, text, &copy) != STATUS_OK) {
        reader->is_out_of_memory = true;
        return text;
    }
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++) {
        bytes[i] = bytes[i] >= 'A' && bytes[i] <= 'Z' ? (uint8_t)(bytes[i] | 0x20) : bytes[i];
    }
    return copy;
}

static void check_guids(struct config_reader *reader, const struct config_node *place,
                        struct config_issuer *issuer)
{
    for (size_t i = 0; i < issuer->tenants.count; i++) {
        struct slice guid = lowered(reader, issuer->tenants.items[i]);
        if (!issuer_is_guid(guid)) {
            config_read_problem(reader, place, "config.value",
                                "the directory (tenant) id, like "
                                "3f1e0000-0000-0000-0000-000000000000; not a domain name",
                                "'%.*s' is no tenant id", SLICE_ARG(issuer->tenants.items[i]));
        }
        issuer->tenants.items[i] = guid;
    }
}

/* Without a claim to read there is one tenant, which all tokens are of. */
static void check_constant_tenant(struct config_reader *reader, const struct config_node *place,
                                  const struct config_issuer *issuer)
{
    /* Keys have one each. */
    bool has_claim = has_tenant_claim(issuer) || issuer->preset == ISSUER_PRESET_API_KEYS;
    if (!has_claim && (issuer->needs_tenant || issuer->tenants.count > 1)) {
        config_read_problem(reader, place, "config.conflict", "name the claim in mapping.tenant",
                            "tokens of this preset have no claim for the tenant");
    }
}

static void fill_tenants(struct config_reader *reader, const struct config_node *node,
                         struct config_issuer *issuer)
{
    const struct config_node *one = config_node_member(node, SLICE("tenant"));
    const struct config_node *many = config_node_member(node, SLICE("tenants"));
    if (one != NULL && many != NULL) {
        config_read_problem(reader, one, "config.conflict", NULL,
                            "'tenant' and 'tenants' exclude each other");
        return;
    }
    if (one == NULL && many == NULL) {
        if (issuer_preset(issuer->preset)->needs_tenant) {
            config_read_problem(reader, node, "config.missing_key",
                                issuer->preset == ISSUER_PRESET_GOOGLE
                                    ? "the domains of your organisation, in 'tenants'"
                                    : "the directory (tenant) id of the provider",
                                "the key 'tenant' is missing; this preset needs it");
        }
        return;
    }
    issuer->needs_tenant = slice_eq(issuer->tenant, SLICE("any"));
    if (one != NULL && !issuer->needs_tenant && issuer->tenant.len > 0) {
        set_texts(reader, &issuer->tenants, &issuer->tenant, 1);
    }
    const struct config_node *place = one != NULL ? one : many;
    if (issuer->needs_tenant && issuer->preset == ISSUER_PRESET_GOOGLE) {
        config_read_problem(reader, place, "config.exposed", "list the domains in 'tenants'",
                            "any tenant would be anybody with an account at Google");
    }
    if (issuer->preset == ISSUER_PRESET_ENTRA) {
        check_guids(reader, place, issuer);
    }
    check_constant_tenant(reader, place, issuer);
}

/* -- issuer and keys ------------------------------------------------------------------------ */

static void keys_at(struct config_reader *reader, struct config_issuer *issuer, struct slice text)
{
    /* NUL behind the text, for the one who fetches. */
    struct slice copy = SLICE_EMPTY;
    if (arena_format(reader->arena, &copy, "%.*s", SLICE_ARG(text)) != STATUS_OK) {
        reader->is_out_of_memory = true;
        return;
    }
    if (config_url_parse(copy, &issuer->jwks_url) == NULL) {
        struct slice host = issuer->jwks_url.host;
        if (arena_format(reader->arena, &issuer->jwks_url.host, "%.*s", SLICE_ARG(host)) !=
            STATUS_OK) {
            reader->is_out_of_memory = true;
        }
    } else {
        issuer->jwks_url = (struct config_url){0}; /* the issuer's problem was reported */
    }
}

/* With one tenant there is no need for its place. */
static void fill_place(struct config_reader *reader, struct slice *text, struct slice tenant)
{
    struct slice place = SLICE(ISSUER_TENANT_PLACE);
    for (size_t i = 0; i < text->len; i++) {
        if (slice_starts_with(slice_sub(*text, i, text->len), place)) {
            const struct slice parts[] = {slice_sub(*text, 0, i), tenant,
                                          slice_sub(*text, i + place.len, text->len)};
            *text = join(reader, parts, COUNT_OF(parts));
            i += tenant.len;
        }
    }
}

/* Version 1 has one issuer for the public cloud; that of others is in their metadata. */
static void fill_entra_issuer(struct config_reader *reader, const struct config_node *node,
                              struct slice host, struct config_issuer *issuer)
{
    bool is_first = issuer->token_version == 1;
    const struct config_node *place = config_check_place(node, SLICE("token_version"));
    if (is_first && issuer->cloud != CONFIG_CLOUD_GLOBAL) {
        config_read_problem(reader, place, "config.missing_key",
                            "set 'issuer', which the metadata of the cloud names",
                            "the issuer of version 1 in this cloud is not known");
        return;
    }
    if (is_first && issuer->tenants.count != 1) {
        config_read_problem(reader, place, "config.conflict", "one entry for each tenant",
                            "keys of version 1 do not say whose they are, so an entry takes one "
                            "tenant");
        return;
    }
    issuer->issuer = is_first ? SLICE("https://sts.windows.net/" ISSUER_TENANT_PLACE "/")
                              : join2(reader, host, SLICE("/" ISSUER_TENANT_PLACE "/v2.0"));
    issuer->token_ver = is_first ? SLICE("1.0") : SLICE("2.0");
    if (config_node_member(node, SLICE("jwks")) == NULL) {
        const struct slice parts[] = {
            host, SLICE("/"),
            issuer->tenants.count == 1 ? issuer->tenants.items[0] : SLICE("common"),
            is_first ? SLICE("/discovery/keys") : SLICE("/discovery/v2.0/keys")};
        keys_at(reader, issuer, join(reader, parts, COUNT_OF(parts)));
    }
}

static void fill_entra(struct config_reader *reader, const struct config_node *node,
                       struct config_issuer *issuer)
{
    static const struct slice HOSTS[] = {
        [CONFIG_CLOUD_GLOBAL] = SLICE_INIT("https://login.microsoftonline.com"),
        [CONFIG_CLOUD_US] = SLICE_INIT("https://login.microsoftonline.us"),
        [CONFIG_CLOUD_CHINA] = SLICE_INIT("https://login.partner.microsoftonline.cn")};
    if (issuer->issuer.len == 0) {
        fill_entra_issuer(reader, node, HOSTS[issuer->cloud], issuer);
    }
    if (issuer->tenants.count == 1) {
        fill_place(reader, &issuer->issuer, issuer->tenants.items[0]);
    }
}

/* Keys that only one preset has a meaning for. */
static void refuse_foreign_keys(struct config_reader *reader, const struct config_node *node,
                                const struct config_issuer *issuer)
{
    static const struct {
        struct slice key;
        enum issuer_preset_id preset;
    } KEYS[] = {{SLICE_INIT("cloud"), ISSUER_PRESET_ENTRA},
                {SLICE_INIT("token_version"), ISSUER_PRESET_ENTRA},
                {SLICE_INIT("graph"), ISSUER_PRESET_ENTRA},
                {SLICE_INIT("namespace"), ISSUER_PRESET_AUTH0},
                {SLICE_INIT("keys"), ISSUER_PRESET_API_KEYS},
                {SLICE_INIT("client_ca"), ISSUER_PRESET_MTLS},
                {SLICE_INIT("callers"), ISSUER_PRESET_MTLS},
                {SLICE_INIT("exposed"), ISSUER_PRESET_DEVELOPMENT}};
    for (size_t i = 0; i < COUNT_OF(KEYS); i++) {
        const struct config_node *member = config_node_member(node, KEYS[i].key);
        if (member != NULL && issuer->preset != KEYS[i].preset) {
            config_read_problem(reader, member, "config.conflict", NULL,
                                "'%.*s' has a meaning with preset %.*s only",
                                SLICE_ARG(KEYS[i].key),
                                SLICE_ARG(issuer_preset(KEYS[i].preset)->name));
        }
    }
}

/* What a preset says of the form of its issuers; url is the configured one. */
static void check_issuer_form(struct config_reader *reader, const struct config_node *place,
                              const struct config_issuer *issuer, const struct config_url *url)
{
    bool is_custom =
        slice_starts_with(url->path, SLICE("/oauth2/")) && url->path.len > SLICE("/oauth2/").len;
    if (issuer->preset == ISSUER_PRESET_OKTA && !is_custom) {
        config_read_problem(reader, place, "config.value",
                            "a custom authorization server, like "
                            "https://acme.okta.com/oauth2/default",
                            "tokens of the organisation's own server are for Okta's API only");
    }
    if (issuer->preset == ISSUER_PRESET_AUTH0 && !slice_ends_with(issuer->issuer, SLICE("/"))) {
        config_read_problem(reader, place, "config.value", "like https://acme.eu.auth0.com/",
                            "issuers of Auth0 end with '/'");
    }
}

static void check_issuer_url(struct config_reader *reader, const struct config_node *node,
                             const struct config_issuer *issuer)
{
    struct config_url url;
    const struct config_node *place = config_node_member(node, SLICE("issuer"));
    if (place == NULL || issuer->issuer.len == 0) {
        return;
    }
    const char *problem = config_url_parse(issuer->issuer, &url);
    if (problem != NULL) {
        config_read_problem(reader, place, "config.url", "exactly the 'iss' of its tokens",
                            "'issuer' is no URL: %s", problem);
    } else if (!url.is_https && !config_host_is_loopback(url.host)) {
        config_read_problem(reader, place, "config.exposed", "use https",
                            "an issuer over plain http could be anyone");
    } else {
        check_issuer_form(reader, place, issuer, &url);
    }
}

static void require(struct config_reader *reader, const struct config_node *node, struct slice key,
                    const char *why)
{
    if (config_node_member(node, key) == NULL) {
        config_read_problem(reader, node, "config.missing_key", why, "the key '%.*s' is missing",
                            SLICE_ARG(key));
    }
}

/* Issuers that the preset knows; where the configuration names one, it is that. */
static void fill_issuer(struct config_reader *reader, const struct config_node *node,
                        struct config_issuer *issuer)
{
    const struct issuer_preset *preset = issuer_preset(issuer->preset);
    if (issuer->preset == ISSUER_PRESET_ENTRA) {
        fill_entra(reader, node, issuer);
    } else if (preset->issuer_count == 0) {
        require(reader, node, SLICE("issuer"), "exactly the 'iss' of its tokens");
    } else if (issuer->issuer.len == 0) {
        issuer->issuer = preset->issuers[0];
        if (issuer->accepted_issuers.count == 0) {
            set_texts(reader, &issuer->accepted_issuers, &preset->issuers[1],
                      preset->issuer_count - 1);
        }
    }
    check_issuer_url(reader, node, issuer);
}

static void fill_jwks(struct config_reader *reader, const struct config_node *node,
                      struct config_issuer *issuer)
{
    const struct issuer_preset *preset = issuer_preset(issuer->preset);
    bool is_known = issuer->jwks_url.text.len > 0 || issuer->issuer.len == 0;
    if (config_node_member(node, SLICE("jwks")) != NULL || is_known ||
        issuer->metadata_url.text.len > 0) {
        return;
    }
    if (preset->keys.len == 0) {
        return; /* its metadata says where they are */
    }
    bool has_slash = slice_ends_with(issuer->issuer, SLICE("/"));
    struct slice base = slice_sub(issuer->issuer, 0, issuer->issuer.len - has_slash);
    const struct slice parts[] = {
        preset->keys_are_elsewhere ? SLICE_EMPTY : base,
        slice_starts_with(preset->keys, SLICE("/")) || preset->keys_are_elsewhere ? SLICE_EMPTY
                                                                                  : SLICE("/"),
        preset->keys};
    keys_at(reader, issuer, join(reader, parts, COUNT_OF(parts)));
}

/* The built-in issuer: its name and audience are known, its keys lie in the state folder. */
static void fill_development(struct config_reader *reader, const struct config_node *node,
                             struct config_issuer *issuer)
{
    static const struct slice AUDIENCE[] = {SLICE_INIT(CONFIG_DEVELOPMENT_AUDIENCE)};
    const struct config_node *jwks = config_node_member(node, SLICE("jwks"));
    if (jwks != NULL) {
        config_read_problem(reader, jwks, "config.conflict", "use preset oidc for foreign keys",
                            "preset development has keys of its own");
    }
    if (issuer->issuer.len == 0) {
        issuer->issuer = SLICE(CONFIG_DEVELOPMENT_ISSUER);
    }
    if (issuer->audience.count == 0) {
        set_texts(reader, &issuer->audience, AUDIENCE, 1);
    }
}

/* -- claims that follow from other keys ------------------------------------------------------ */

/* Custom claims of Auth0 stand behind a namespace, which the customer chooses. */
static void fill_namespace(struct config_reader *reader, struct config_issuer *issuer)
{
    const struct issuer_preset *preset = issuer_preset(issuer->preset);
    struct config_mapping *mapping = &issuer->mapping;
    if (issuer->namespace.len == 0) {
        return;
    }
    if (mapping->role_count == 0) {
        mapping->roles = config_read_alloc(reader, preset->role_count + 1, sizeof(*mapping->roles));
        if (mapping->roles == NULL) {
            return;
        }
        mapping->roles[mapping->role_count++].claim =
            join2(reader, issuer->namespace, SLICE("roles"));
        for (size_t i = 0; i < preset->role_count; i++) {
            mapping->roles[mapping->role_count++] =
                (struct config_role_source){.claim = preset->roles[i].claim,
                                            .kind = preset->roles[i].kind,
                                            .prefix = preset->roles[i].prefix};
        }
    }
    if (mapping->groups.len == 0) {
        mapping->groups = join2(reader, issuer->namespace, SLICE("groups"));
    }
    if (mapping->amr.len == 0) {
        mapping->amr = join2(reader, issuer->namespace, SLICE("amr"));
    }
}

/* Keycloak has roles of the realm, and roles of each client: ours is the audience. */
static void fill_client_roles(struct config_reader *reader, struct config_issuer *issuer)
{
    const struct issuer_preset *preset = issuer_preset(issuer->preset);
    struct config_mapping *mapping = &issuer->mapping;
    bool is_name =
        issuer->audience.count == 1 &&
        slice_find_byte(issuer->audience.items[0], '/') == issuer->audience.items[0].len &&
        slice_find_byte(issuer->audience.items[0], '~') == issuer->audience.items[0].len;
    if (issuer->preset != ISSUER_PRESET_KEYCLOAK || mapping->role_count > 0 || !is_name) {
        return;
    }
    const struct slice parts[] = {SLICE("/resource_access/"), issuer->audience.items[0],
                                  SLICE("/roles")};
    mapping->roles = config_read_alloc(reader, 2, sizeof(*mapping->roles));
    if (mapping->roles != NULL) {
        mapping->roles[0].claim = preset->roles[0].claim;
        mapping->roles[1].claim = join(reader, parts, COUNT_OF(parts));
        mapping->roles[1].prefix = SLICE("client:");
        mapping->role_count = 2;
    }
}

/* Tokens of Auth0 that also open the user's information say so, whoever they are for. */
static void fill_other_audiences(struct config_reader *reader, const struct config_node *node,
                                 struct config_issuer *issuer)
{
    const struct config_node *others = config_node_member(node, SLICE("other_audiences"));
    if (others != NULL && !issuer->strict_audience) {
        config_read_problem(reader, others, "config.conflict", "add strict_audience: true",
                            "'other_audiences' has a meaning with 'strict_audience' only");
    }
    if (others == NULL && issuer->strict_audience && issuer->preset == ISSUER_PRESET_AUTH0) {
        struct slice userinfo = join2(reader, issuer->issuer, SLICE("userinfo"));
        set_texts(reader, &issuer->other_audiences, &userinfo, 1);
    }
}

bool config_issuer_signs(const struct config_issuer *issuer)
{
    bool is_only_asked =
        config_issuer_is_asked(issuer) && issuer->introspection.tokens == CONFIG_ASKED_OPAQUE;
    return issuer->preset != ISSUER_PRESET_API_KEYS && issuer->preset != ISSUER_PRESET_MTLS &&
           !is_only_asked;
}

/* The first OF_MAPPING keys have a meaning for certificates, too. */
static void refuse_keys_of_tokens(struct config_reader *reader, const struct config_node *node,
                                  const char *preset, bool has_mapping)
{
    enum { OF_MAPPING = 2 };
    static const struct slice OF_TOKENS[] = {SLICE_INIT("roles"),
                                             SLICE_INIT("mapping"),
                                             SLICE_INIT("issuer"),
                                             SLICE_INIT("audience"),
                                             SLICE_INIT("jwks"),
                                             SLICE_INIT("ca"),
                                             SLICE_INIT("algorithms"),
                                             SLICE_INIT("skew_s"),
                                             SLICE_INIT("max_token_age_s"),
                                             SLICE_INIT("step_up"),
                                             SLICE_INIT("sign_in"),
                                             SLICE_INIT("introspection"),
                                             SLICE_INIT("accepted_issuers"),
                                             SLICE_INIT("token_kind"),
                                             SLICE_INIT("dpop"),
                                             SLICE_INIT("dpop_nonce"),
                                             SLICE_INIT("mtls"),
                                             SLICE_INIT("mfa"),
                                             SLICE_INIT("phishing_resistant"),
                                             SLICE_INIT("strict_audience"),
                                             SLICE_INIT("other_audiences")};
    for (size_t i = has_mapping ? OF_MAPPING : 0; i < COUNT_OF(OF_TOKENS); i++) {
        const struct config_node *member = config_node_member(node, OF_TOKENS[i]);
        if (member != NULL) {
            config_read_problem(reader, member, "config.conflict", "remove it",
                                "'%.*s' says something about tokens, and preset %s has none",
                                SLICE_ARG(OF_TOKENS[i]), preset);
        }
    }
}

/* There is no issuer, but an entry is found and told apart by one. */
static void check_keys_entry(struct config_reader *reader, const struct config_node *node,
                             struct config_issuer *issuer)
{
    require(reader, node, SLICE("keys"), "a file made by 'aegis token key'");
    refuse_keys_of_tokens(reader, node, "api-keys", false);
    config_check_file(reader, config_check_place(node, SLICE("keys")), issuer->keys_path, false);
    issuer->issuer = join2(reader, SLICE("urn:aegis:keys:"), issuer->name);
}

static void check_mtls_entry(struct config_reader *reader, const struct config_node *node,
                             struct config_issuer *issuer)
{
    require(reader, node, SLICE("client_ca"), "a PEM file of the authorities");
    refuse_keys_of_tokens(reader, node, "mtls", true);
    config_check_authorities(reader, config_check_place(node, SLICE("client_ca")),
                             issuer->client_ca);
    issuer->issuer = join2(reader, SLICE("urn:aegis:certificates:"), issuer->name);
}

void config_check_issuer(struct config_reader *reader, const struct config_node *node, void *out)
{
    struct config_issuer *issuer = out;
    const struct config_node *written = config_node_member(node, SLICE("preset"));
    config_check_name(reader, node, issuer->name);
    if (written != NULL && issuer->preset == ISSUER_PRESET_OIDC &&
        !slice_eq(written->text, SLICE("oidc"))) {
        return; /* refused before; what it would have needed is unknown */
    }
    refuse_foreign_keys(reader, node, issuer);
    fill_tenants(reader, node, issuer);
    if (issuer->preset == ISSUER_PRESET_API_KEYS) {
        check_keys_entry(reader, node, issuer);
        return;
    }
    if (issuer->preset == ISSUER_PRESET_MTLS) {
        check_mtls_entry(reader, node, issuer);
        return;
    }
    if (issuer->preset == ISSUER_PRESET_DEVELOPMENT) {
        fill_development(reader, node, issuer);
        config_check_sign_in_endpoints(reader, node, issuer);
        config_check_asked(reader, node, issuer);
        return;
    }
    require(reader, node, SLICE("audience"), "the 'aud' that its tokens carry for Aegis");
    fill_issuer(reader, node, issuer);
    fill_jwks(reader, node, issuer);
    config_check_keys(reader, node, issuer);
    fill_other_audiences(reader, node, issuer);
    fill_namespace(reader, issuer);
    fill_client_roles(reader, issuer);
    config_check_sign_in_endpoints(reader, node, issuer);
    config_check_asked(reader, node, issuer);
    config_fill_graph(issuer);
}
