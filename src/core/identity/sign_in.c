#include "core/identity/sign_in.h"

#include "core/identity/jws.h"
#include "core/identity/principal_map.h"

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a token");
}

static bool is_shown(const struct issuer_evidence *evidence, const struct principal *principal)
{
    const struct slice *items =
        evidence->claim == ISSUER_EVIDENCE_AMR ? principal->amr : principal->acrs;
    size_t count =
        evidence->claim == ISSUER_EVIDENCE_AMR ? principal->amr_count : principal->acrs_count;
    if (evidence->claim == ISSUER_EVIDENCE_ACR) {
        return principal->acr.len > 0 && slice_eq(principal->acr, evidence->value);
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(items[i], evidence->value)) {
            return true;
        }
    }
    return false;
}

static enum auth_strength strongest(const struct issuer_evidence *evidence, size_t count,
                                    const struct principal *principal, enum auth_strength least)
{
    for (size_t i = 0; i < count; i++) {
        if (evidence[i].strength > least && is_shown(&evidence[i], principal)) {
            least = evidence[i].strength;
        }
    }
    return least;
}

/* OpenID Connect Core §2: acr "0" says that the sign-in reached no level at all. */
static enum auth_strength strength_of(const struct issuer_entry *entry,
                                      const struct principal *principal)
{
    const struct issuer_preset *preset = issuer_preset(entry->preset);
    bool has_level = principal->acr.len > 0 && !slice_eq(principal->acr, SLICE("0"));
    bool has_any = has_level || principal->amr_count > 0 || principal->acrs_count > 0;
    enum auth_strength strength = has_any ? AUTH_1FA : AUTH_NONE;
    strength = strongest(preset->evidence, preset->evidence_count, principal, strength);
    return strongest(entry->evidence, entry->evidence_count, principal, strength);
}

enum status sign_in_read(const struct issuer_entry *entry, const struct claims *claims,
                         struct arena *arena, struct principal *out, struct diag *diag)
{
    struct claims_list amr, acrs;
    TRY(claims_texts(claims, entry->amr_claim, 0, arena, &amr, diag));
    TRY(claims_texts(claims, SLICE("acrs"), 0, arena, &acrs, diag));
    enum status status =
        claims_text(claims, entry->acr_claim, CLAIMS_ITEM_BYTES_MAX, arena, &out->acr, diag);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    status = claims_time(claims, SLICE("auth_time"), &out->auth_time_s, diag);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    out->has_auth_time = status == STATUS_OK;
    out->amr = amr.items;
    out->amr_count = amr.count;
    out->acrs = acrs.items;
    out->acrs_count = acrs.count;
    out->strength = strength_of(entry, out);
    return STATUS_OK;
}

static enum status refuse_actor(struct diag *diag, const char *problem)
{
    return diag_fail(diag, STATUS_UNAUTHENTICATED, "token.claim",
                     "claim 'act' names who acts for the subject: %s", problem);
}

/* Who one level of the chain names: its subject, else its client. */
static enum status read_actor(const struct claims *level, struct arena *arena, struct slice *out,
                              struct diag *diag)
{
    static const struct slice NAMES[] = {SLICE_INIT("sub"), SLICE_INIT("client_id"),
                                         SLICE_INIT("azp")};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        enum status status =
            claims_text(level, NAMES[i], CLAIMS_SUBJECT_BYTES_MAX, arena, out, diag);
        if (status != STATUS_NOT_FOUND) {
            return status;
        }
    }
    return refuse_actor(diag, "a level has no 'sub'");
}

/* One level as claims of its own: an object, or the same as a text, which some issuers' expression
 * languages make of it. STATUS_NOT_FOUND without one. */
static enum status open_level(const struct claims *claims, struct arena *arena, struct claims *out,
                              struct diag *diag)
{
    json_ref value = json_member(&claims->tape, 0, SLICE("act"));
    enum json_type type = value == JSON_NONE ? JSON_NULL : json_type(&claims->tape, value);
    struct slice text = SLICE_EMPTY;
    if (type == JSON_NULL) {
        return STATUS_NOT_FOUND;
    }
    if (type == JSON_OBJECT) {
        text = json_raw(&claims->tape, value);
    } else if (type != JSON_STRING) {
        return refuse_actor(diag, "it is no object");
    } else if (json_string(&claims->tape, value, arena, &text) == STATUS_LIMIT) {
        return no_memory(diag);
    }
    *out = (struct claims){.parser = claims->parser};
    enum status status =
        jws_parse_object(claims->parser, text, CLAIMS_DEPTH_MAX, arena, &out->tape, diag);
    return status == STATUS_OK || status == STATUS_LIMIT ? status
                                                         : refuse_actor(diag, "it is no object");
}

static enum status read_chain(const struct claims *claims, struct arena *arena,
                              struct principal *out, struct diag *diag)
{
    struct claims levels[2] = {*claims};
    struct slice *actors = arena_alloc_zero(arena, PRINCIPAL_ACTORS_MAX, sizeof(*actors));
    size_t count = 0;
    if (actors == NULL) {
        return no_memory(diag);
    }
    for (;;) {
        enum status status = open_level(&levels[count % 2], arena, &levels[(count + 1) % 2], diag);
        if (status == STATUS_NOT_FOUND) {
            break;
        }
        TRY(status);
        if (count == PRINCIPAL_ACTORS_MAX) {
            return refuse_actor(diag, "the chain is too long");
        }
        TRY(read_actor(&levels[(count + 1) % 2], arena, &actors[count], diag));
        count++;
    }
    out->actors = actors;
    out->actor_count = count;
    return STATUS_OK;
}

enum status sign_in_read_actors(const struct issuer_entry *entry, const struct claims *claims,
                                struct arena *arena, struct principal *out, struct diag *diag)
{
    const struct issuer_preset *preset = issuer_preset(entry->preset);
    for (size_t i = 0; i < preset->marker_count && !entry->is_of_people; i++) {
        const struct issuer_marker *marker = &preset->markers[i];
        bool is_marked = false;
        TRY(claim_question_ask(&marker->question, claims, arena, &is_marked, diag));
        if (is_marked) {
            out->is_service = out->is_service || marker->is_service;
            out->actor = marker->actor > out->actor ? marker->actor : out->actor;
        }
    }
    return read_chain(claims, arena, out, diag);
}
