/* Claims of anyone, under the preset of any provider: mapping never crashes, keeps its limits, and
 * what has no subject is nobody. */
#include "core/identity/principal_map.h"
#include "core/identity/sign_in.h"

#include <assert.h>

#define ARENA_BYTES_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What identity_snapshot_new would make of an entry that says nothing. */
static struct issuer_entry entry_of(const struct issuer_preset *preset, enum issuer_preset_id id)
{
    return (struct issuer_entry){.name = SLICE("a"),
                                 .preset = id,
                                 .issuer = SLICE("https://{tenantid}.example"),
                                 .subjects = preset->subjects,
                                 .subject_count = preset->subject_count,
                                 .tenant_claim = preset->tenant,
                                 .role_sources = preset->roles,
                                 .role_source_count = preset->role_count,
                                 .group_claim = preset->groups,
                                 .amr_claim = preset->amr,
                                 .acr_claim = preset->acr,
                                 .needs_tenant = true};
}

static void map(const struct issuer_entry *entry, struct claims *claims, bool looks_up,
                struct arena *arena)
{
    static const struct slice found = SLICE_INIT("11111111-1111-1111-1111-111111111111");
    static const struct claims_list groups = {&found, 1};
    struct principal principal = {0};
    if (claims_read(claims, arena, NULL) != STATUS_OK) {
        return;
    }
    claims->groups = looks_up && principal_map_lacks_groups(claims) ? &groups : NULL;
    if (principal_map_tenant(entry, claims, arena, &principal.tenant, NULL) == STATUS_OK) {
        assert(issuer_entry_is(entry, claims->issuer, principal.tenant));
    }
    if (principal_map(entry, claims, arena, &principal, NULL) == STATUS_OK) {
        assert(principal.subject.len > 0 && principal.subject.len <= CLAIMS_SUBJECT_BYTES_MAX);
        assert(principal.role_count <= CLAIMS_LIST_MAX);
        assert(principal.actor_count <= PRINCIPAL_ACTORS_MAX);
        assert(!principal.are_groups_unknown || principal.group_count == 0);
        assert(claims->groups == NULL || principal.group_count == 1);
        assert(principal.strength <= AUTH_PHISHING_RESISTANT);
    }
}

/* The first byte chooses the preset, and whether groups that were left out are looked up; the rest
 * is the payload. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[16] = {1};
    struct json_parser parser;
    struct arena arena;
    struct claims claims;
    if (size == 0) {
        return 0;
    }
    enum issuer_preset_id id = (enum issuer_preset_id)(data[0] % ISSUER_PRESET_API_KEYS);
    struct issuer_entry entry = entry_of(issuer_preset(id), id);
    json_parser_init(&parser, &(struct json_limits)JSON_LIMITS_DEFAULT, seed);
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    if (claims_open(&parser, slice_of(data + 1, size - 1), &arena, &claims, NULL) == STATUS_OK) {
        map(&entry, &claims, data[0] >= 128, &arena);
    }
    arena_release(&arena);
    return 0;
}
