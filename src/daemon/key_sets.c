#include "daemon/key_sets.h"

#include "adapters/crypto/dev_issuer.h"
#include "adapters/http_client/curl_library.h"
#include "daemon/config/config_url.h"
#include "daemon/discovery.h"
#include "daemon/file.h"
#include "daemon/key_set.h"

#include <stdio.h>

#define SCRATCH_BYTES_MAX ((size_t)64 << 20)
#define SOURCE_BYTES_MAX 32768
#define FOUND_BYTES_MAX ((size_t)1 << 20)
#define MEDIA_TYPES "application/json, application/jwk-set+json"

/* -- keys on this machine ------------------------------------------------------------------ */

static enum status read_development(const struct config *config, struct buf *out, struct diag *diag)
{
    struct dev_issuer *dev = NULL;
    TRY(dev_issuer_open(config->state_dir, JWS_MASK(JWS_ES256), &dev, diag));
    enum status status = dev_issuer_jwks(dev, out);
    dev_issuer_free(dev);
    return status;
}

bool key_sets_is_remote(const struct config_issuer *issuer)
{
    return issuer->preset != ISSUER_PRESET_DEVELOPMENT && issuer->jwks_path.len == 0;
}

static bool have_remote(const struct config *config)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        const struct config_issuer *issuer = &config->issuers[i];
        bool is_asked = issuer->sign_in.client_id.len > 0 || config_issuer_is_asked(issuer) ||
                        config_issuer_looks_up(issuer);
        if ((config_issuer_signs(issuer) && key_sets_is_remote(issuer)) || is_asked) {
            return true;
        }
    }
    return false;
}

enum status key_sets_prepare(const struct config *config, struct diag *diag)
{
    return have_remote(config) ? curl_library_load(diag) : STATUS_OK;
}

bool key_sets_can_read(const struct config *config)
{
    return curl_library() != NULL || !have_remote(config);
}

enum status key_sets_read(const struct config *config, const struct config_issuer *issuer,
                          struct buf *out, struct diag *diag)
{
    if (issuer->preset == ISSUER_PRESET_DEVELOPMENT) {
        return read_development(config, out, diag);
    }
    enum status status = file_read(issuer->jwks_path, out);
    return status == STATUS_OK
               ? STATUS_OK
               : diag_fail(diag, status, "jwks.file", "the key file cannot be read");
}

/* Is its metadata read for more than its keys? */
static bool has_endpoints(const struct config_issuer *issuer)
{
    return config_sign_in_is_found(issuer) || config_introspection_is_found(issuer);
}

/* -- one reading --------------------------------------------------------------------------- */

static int64_t now_ms(const struct key_sets *sets)
{
    return sets->ports.clock->mono_ms(sets->ports.clock->context);
}

static uint64_t draw(const struct key_sets *sets)
{
    uint64_t random = 0;
    /* Without random bits there is no jitter, and nothing else is lost. */
    (void)!sets->ports.random->fill(sets->ports.random->context, (uint8_t *)&random,
                                    sizeof(random));
    return random;
}

static void arm(struct key_sets *sets);

static void tell_changed(struct key_sets *sets)
{
    if (!sets->is_adopting) {
        sets->ports.changed(sets->ports.context);
    }
}

static void forget_keys(struct key_set *set)
{
    jwks_unref(set->keys);
    set->keys = NULL;
    tell_changed(set->owner);
}

static void tell_failure(const struct key_set *set, int64_t at_ms, const struct diag *diag)
{
    int64_t age_ms = at_ms - set->schedule.succeeded_ms;
    bool is_alarming = age_ms >= set->owner->config->limits.jwks_stale_s * 1000 / 2;
    fprintf(stderr, "aegis: the %s of issuer '%.*s' cannot be read: %s; ",
            config_issuer_signs(set->issuer) ? "keys" : "metadata", SLICE_ARG(set->issuer->name),
            diag->message);
    if (!config_issuer_signs(set->issuer) && set->endpoints.introspection.len > 0) {
        fputs("it is asked where it was before\n", stderr);
    } else if (set->keys == NULL) {
        fputs("its tokens are refused\n", stderr);
    } else {
        fprintf(stderr, "%sthose read %d minutes ago stay in use\n", is_alarming ? "ALARM: " : "",
                (int)(age_ms / 60000));
    }
}

static void end_badly(struct key_set *set, const struct diag *diag)
{
    struct key_sets *sets = set->owner;
    int64_t at_ms = now_ms(sets);
    set->was_read = true;
    set->found_url = SLICE_EMPTY; /* it may have moved */
    set->are_fresh = false;
    key_schedule_fail(&set->schedule, at_ms, draw(sets));
    if (set->keys != NULL &&
        key_schedule_is_stale(&set->schedule, at_ms, sets->config->limits.jwks_stale_s)) {
        forget_keys(set);
    }
    tell_failure(set, at_ms, diag);
    key_waiters_gate(set);
    key_waiters_end(set, false, false);
    arm(sets);
}

static enum status parse(const struct key_sets *sets, struct slice text, struct jwks **out,
                         struct diag *diag)
{
    struct arena scratch;
    struct jwks_report report;
    arena_init(&scratch, SCRATCH_BYTES_MAX, NULL);
    struct jwks_source source = {.parser = sets->ports.parser,
                                 .crypto = sets->ports.crypto,
                                 .text = text,
                                 .scratch = &scratch};
    enum status status = jwks_parse(&source, out, &report, diag);
    arena_release(&scratch);
    if (report.with_secret > 0) {
        fputs("aegis: ALARM: an issuer publishes a private key; it is not used\n", stderr);
    }
    return status;
}

/* Takes newer over. A key that is only missing for a moment stays, unless the operator says
 * otherwise or the document is the operator's own. */
static enum status replace_keys(struct key_set *set, struct jwks *newer, int64_t at_ms,
                                struct diag *diag)
{
    struct jwks *merged = newer;
    bool takes_as_it_is = set->takes_as_it_is || !key_sets_is_remote(set->issuer);
    set->takes_as_it_is = false;
    if (set->keys != NULL && !takes_as_it_is) {
        enum status status = jwks_merge(newer, set->keys, at_ms, &merged);
        jwks_unref(newer);
        if (status != STATUS_OK) {
            return diag_fail(diag, status, "jwks.limit", "no memory for a key set");
        }
    }
    jwks_unref(set->keys);
    set->keys = merged;
    return STATUS_OK;
}

static void end_well(struct key_set *set, int64_t at_ms, int64_t max_age_s)
{
    struct key_sets *sets = set->owner;
    set->was_read = true;
    set->takes_as_it_is = false;
    key_schedule_succeed(&set->schedule, at_ms, max_age_s, sets->config->limits.jwks_refresh_s,
                         draw(sets));
}

static void end_with_document(struct key_set *set, struct slice text, int64_t max_age_s)
{
    struct key_sets *sets = set->owner;
    const struct port_crypto *crypto = sets->ports.crypto;
    uint8_t hash[CRYPTO_SHA256_BYTES];
    struct jwks *newer = NULL;
    struct diag diag = {0};
    int64_t at_ms = now_ms(sets);
    crypto->sha256(crypto->context, text, hash);
    bool is_new = set->keys == NULL || memcmp(hash, set->document, sizeof(hash)) != 0;
    bool is_other = is_new || !jwks_is_settled(set->keys);
    if (is_other && (parse(sets, text, &newer, &diag) != STATUS_OK ||
                     replace_keys(set, newer, at_ms, &diag) != STATUS_OK)) {
        end_badly(set, &diag);
        return;
    }
    memcpy(set->document, hash, sizeof(hash));
    end_well(set, at_ms, max_age_s);
    if (!jwks_is_settled(set->keys)) {
        int64_t jitter_ms = (int64_t)(draw(sets) % (JWKS_ABSENT_MS / 10));
        key_schedule_hasten(&set->schedule, at_ms + JWKS_ABSENT_MS + jitter_ms);
    }
    if (is_other) {
        tell_changed(sets);
    }
    key_waiters_gate(set);
    key_waiters_end(set, true, is_new);
    arm(sets);
}

static void read_here(struct key_set *set)
{
    const struct config *config = set->owner->config;
    struct buf text;
    struct diag diag = {0};
    buf_init(&text, (size_t)config->limits.jwks_bytes, NULL);
    if (set->owner->ports.read(config, set->issuer, &text, &diag) == STATUS_OK) {
        end_with_document(set, buf_view(&text), HTTP_CLIENT_MAX_AGE_UNKNOWN);
    } else {
        end_badly(set, &diag);
    }
    buf_release(&text);
}

/* -- at an address ------------------------------------------------------------------------- */

static bool is_local(struct slice address)
{
    struct config_url url;
    return config_url_parse(address, &url) == NULL && config_host_is_loopback(url.host);
}

static void ask(struct key_set *set, struct slice address, size_t bytes_max,
                void (*done)(const struct http_client_sink *sink, enum status status,
                             const struct http_client_answer *answer, const struct diag *diag))
{
    const struct port_http_client *client = set->owner->ports.http_client;
    struct diag diag = {0};
    struct http_client_request request = {.url = address,
                                          .is_local = is_local(address),
                                          .accept = SLICE(MEDIA_TYPES),
                                          .answer_bytes_max = bytes_max,
                                          .deadline_ms = HTTP_CLIENT_DEADLINE_MS_DEFAULT,
                                          .ranges = set->issuer->ranges,
                                          .range_count = set->issuer->networks.count,
                                          .authorities = set->issuer->authorities};
    struct http_client_sink sink = {.done = done, .user = set};
    if (client == NULL) {
        (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "http_client.library",
                         "libcurl is loaded at the start only; restart the gateway");
        end_badly(set, &diag);
    } else if (client->start(client->context, &request, &sink, &set->call, &diag) != STATUS_OK) {
        set->call = NULL;
        end_badly(set, &diag);
    }
}

static bool is_json(struct slice type)
{
    static const struct slice TYPES[] = {SLICE_INIT("application/json"),
                                         SLICE_INIT("application/jwk-set+json"),
                                         SLICE_INIT("text/json")};
    type = slice_trim_ows(slice_sub(type, 0, slice_find_byte(type, ';')));
    bool is_known = type.len == 0; /* who says nothing does not say HTML either */
    for (size_t i = 0; i < COUNT_OF(TYPES) && !is_known; i++) {
        is_known = slice_eq_ascii_nocase(type, TYPES[i]);
    }
    return is_known;
}

static enum status check_answer(const struct http_client_answer *answer, struct diag *diag)
{
    if (answer->http_status != 200) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "jwks.status", "the answer has status %d",
                         answer->http_status);
    }
    return is_json(answer->content_type)
               ? STATUS_OK
               : diag_fail(diag, STATUS_INVALID, "jwks.content_type", "the answer is no JSON");
}

static void on_keys(const struct http_client_sink *sink, enum status status,
                    const struct http_client_answer *answer, const struct diag *why)
{
    struct key_set *set = sink->user;
    struct diag diag = {0};
    set->call = NULL;
    if (status != STATUS_OK) {
        end_badly(set, why);
    } else if (check_answer(answer, &diag) != STATUS_OK) {
        end_badly(set, &diag);
    } else {
        end_with_document(set, answer->body, answer->max_age_s);
    }
}

static void ask_for_keys(struct key_set *set)
{
    const struct config_url *url = &set->issuer->jwks_url;
    ask(set, url->text.len > 0 ? url->text : set->found_url,
        (size_t)set->owner->config->limits.jwks_bytes, on_keys);
}

static void ask_for_metadata(struct key_set *set, const struct diag *why);

/* Keys can be read without metadata where the configuration says where. */
static void end_without_metadata(struct key_set *set, const struct diag *why)
{
    if (set->issuer->jwks_url.text.len == 0) {
        end_badly(set, why);
        return;
    }
    fprintf(stderr, "aegis: the metadata of issuer '%.*s' cannot be read: %s\n",
            SLICE_ARG(set->issuer->name), why->message);
    ask_for_keys(set);
}

static bool same_endpoints(const struct key_sets_endpoints *a, const struct key_sets_endpoints *b)
{
    return slice_eq(a->authorization, b->authorization) && slice_eq(a->token, b->token) &&
           slice_eq(a->introspection, b->introspection) && a->is_local == b->is_local &&
           a->names_issuer == b->names_issuer;
}

static void tell_missing(const struct key_set *set, const char *consequence, const char *what)
{
    fprintf(stderr,
            "aegis: %s '%.*s': its metadata name no %s at an https address of its host; list the "
            "host in 'hosts' if it is meant\n",
            consequence, SLICE_ARG(set->issuer->name), what);
}

/* Those of a sign-in are used both, or none. */
static struct key_sets_endpoints choose_endpoints(const struct key_set *set,
                                                  const struct discovery *found)
{
    struct key_sets_endpoints out = {.introspection = found->introspection.text};
    if (found->authorization.text.len > 0 && found->token.text.len > 0) {
        out.authorization = found->authorization.text;
        out.token = found->token.text;
        out.is_local = !found->token.is_https;
        out.names_issuer = found->names_issuer;
    } else if (config_sign_in_is_found(set->issuer)) {
        tell_missing(set, "nobody can sign in by", "two endpoints");
    }
    if (out.introspection.len == 0 && config_introspection_is_found(set->issuer)) {
        tell_missing(set, "nobody can be asked about tokens of", "'introspection_endpoint'");
    }
    return out;
}

/* Without memory none are known until metadata are read again. */
static void take_endpoints(struct key_set *set, const struct discovery *found)
{
    struct key_sets_endpoints newer = choose_endpoints(set, found);
    set->are_fresh = true;
    if (same_endpoints(&newer, &set->endpoints)) {
        return;
    }
    set->endpoints = (struct key_sets_endpoints){0};
    arena_release(&set->places);
    if (arena_copy(&set->places, newer.authorization, &newer.authorization) == STATUS_OK &&
        arena_copy(&set->places, newer.token, &newer.token) == STATUS_OK &&
        arena_copy(&set->places, newer.introspection, &newer.introspection) == STATUS_OK) {
        set->endpoints = newer;
    }
    tell_changed(set->owner);
}

/* The issuer signs nothing that is believed: it is asked, and now it is known where. */
static void end_with_metadata(struct key_set *set, int64_t max_age_s)
{
    end_well(set, now_ms(set->owner), max_age_s);
    key_waiters_gate(set);
    key_waiters_end(set, true, false);
    arm(set->owner);
}

static void on_metadata(const struct http_client_sink *sink, enum status status,
                        const struct http_client_answer *answer, const struct diag *why)
{
    struct key_set *set = sink->user;
    struct diag diag = {0};
    struct discovery found;
    set->call = NULL;
    if (status != STATUS_OK) {
        end_without_metadata(set, why); /* where this one does not answer, the others will not */
        return;
    }
    if (check_answer(answer, &diag) == STATUS_OK &&
        discovery_read(set->owner->ports.parser, set->issuer, answer->body, &set->found, &found,
                       &diag) == STATUS_OK) {
        set->found_url = found.keys.text;
        if (has_endpoints(set->issuer)) {
            take_endpoints(set, &found);
        }
        if (config_issuer_signs(set->issuer)) {
            ask_for_keys(set);
        } else {
            end_with_metadata(set, answer->max_age_s);
        }
        return;
    }
    set->place++;
    ask_for_metadata(set, &diag);
}

/* At the next place, or why it was not at the last. */
static void ask_for_metadata(struct key_set *set, const struct diag *why)
{
    struct slice address;
    arena_release(&set->found);
    if (discovery_address(set->issuer, set->place, &set->found, &address) != STATUS_OK) {
        end_without_metadata(set, why);
        return;
    }
    ask(set, address, DISCOVERY_BYTES_MAX, on_metadata);
}

void key_set_begin(struct key_set *set)
{
    struct diag none = {0};
    key_schedule_begin(&set->schedule);
    key_waiters_gate(set);
    if (!key_sets_is_remote(set->issuer)) {
        read_here(set);
    } else if ((set->issuer->jwks_url.text.len > 0 || set->found_url.len > 0) &&
               (set->are_fresh || !has_endpoints(set->issuer))) {
        ask_for_keys(set);
    } else {
        set->place = 0;
        ask_for_metadata(set, &none);
    }
}

/* -- when ---------------------------------------------------------------------------------- */

static void on_due(struct timer *timer)
{
    struct key_sets *sets = (struct key_sets *)((char *)timer - offsetof(struct key_sets, due));
    int64_t at_ms = now_ms(sets);
    for (size_t i = 0; i < sets->count; i++) {
        if (key_schedule_is_due(&sets->sets[i]->schedule, at_ms)) {
            key_set_begin(sets->sets[i]);
        }
    }
    arm(sets);
}

/* The timer goes off at the first time that one is due. */
static void arm(struct key_sets *sets)
{
    const struct port_timer *timer = sets->ports.timer;
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < sets->count; i++) {
        const struct key_schedule *schedule = &sets->sets[i]->schedule;
        if (!schedule->is_reading && schedule->due_ms < first_ms) {
            first_ms = schedule->due_ms;
        }
    }
    timer->stop(timer->context, &sets->due);
    if (first_ms != INT64_MAX && !sets->is_closed) {
        int64_t after_ms = first_ms - now_ms(sets);
        timer->start(timer->context, &sets->due, after_ms > 0 ? after_ms : 0);
    }
}

/* -- which --------------------------------------------------------------------------------- */

void key_sets_init(struct key_sets *sets, const struct key_sets_ports *ports)
{
    *sets = (struct key_sets){.ports = *ports};
    sets->due.fire = on_due;
}

static void write_source(const struct config_issuer *issuer, struct buf *out)
{
    const struct slice parts[] = {issuer->name,
                                  issuer->issuer,
                                  issuer->jwks_path,
                                  issuer->jwks_url.text,
                                  issuer->metadata_url.text,
                                  config_issuer_signs(issuer) ? SLICE("keys") : SLICE_EMPTY};
    buf_init(out, SOURCE_BYTES_MAX, NULL);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_append(out, parts[i]);
        buf_append_byte(out, '\n');
    }
}

static struct key_set *find_set(const struct key_sets *sets, const struct config_issuer *issuer)
{
    struct buf source;
    struct key_set *found = NULL;
    write_source(issuer, &source);
    for (size_t i = 0; i < sets->count && found == NULL; i++) {
        bool is_same = slice_eq(buf_view(&sets->sets[i]->source), buf_view(&source));
        found = is_same ? sets->sets[i] : NULL;
    }
    buf_release(&source);
    return found;
}

struct key_set *key_sets_named(struct key_sets *sets, struct slice name)
{
    for (size_t i = 0; i < sets->count; i++) {
        if (slice_eq(sets->sets[i]->issuer->name, name)) {
            return sets->sets[i];
        }
    }
    return NULL;
}

/* NULL: no room, no memory. */
static struct key_set *add_set(struct key_sets *sets, const struct config_issuer *issuer)
{
    struct key_set *set = sets->count < KEY_SETS_MAX ? base_alloc(sizeof(*set)) : NULL;
    if (set == NULL) {
        return NULL;
    }
    *set = (struct key_set){.owner = sets, .issuer = issuer};
    write_source(issuer, &set->source);
    if (buf_status(&set->source) != STATUS_OK) {
        buf_release(&set->source);
        base_free(set);
        return NULL;
    }
    arena_init(&set->found, FOUND_BYTES_MAX, NULL);
    arena_init(&set->places, FOUND_BYTES_MAX, NULL);
    sets->sets[sets->count++] = set;
    return set;
}

static void give_up(struct key_set *set)
{
    const struct port_http_client *client = set->owner->ports.http_client;
    if (set->call != NULL) {
        client->cancel(client->context, set->call);
        set->call = NULL;
    }
    key_schedule_give_up(&set->schedule);
}

static void free_set(struct key_set *set)
{
    give_up(set);
    key_waiters_end(set, false, false);
    jwks_unref(set->keys);
    buf_release(&set->source);
    arena_release(&set->found);
    arena_release(&set->places);
    base_free(set);
}

void key_sets_adopt(struct key_sets *sets, const struct config *config)
{
    sets->config = config;
    sets->is_adopting = true;
    for (size_t i = 0; i < config->issuer_count && i < IDENTITY_ENTRIES_MAX; i++) {
        const struct config_issuer *issuer = &config->issuers[i];
        struct key_set *set = find_set(sets, issuer);
        if (!config_issuer_signs(issuer) && !has_endpoints(issuer)) {
            continue;
        }
        if (set != NULL) {
            set->issuer = issuer;
            continue;
        }
        set = add_set(sets, issuer);
        if (set == NULL) {
            fprintf(stderr, "aegis: no memory for the keys of issuer '%.*s'\n",
                    SLICE_ARG(issuer->name));
        } else if (!key_sets_is_remote(issuer)) {
            key_set_begin(set);
        }
    }
    sets->is_adopting = false;
    arm(sets);
}

void key_sets_drop_others(struct key_sets *sets, const struct config *config)
{
    size_t kept = 0;
    sets->config = config;
    for (size_t i = 0; i < sets->count; i++) {
        sets->sets[i]->is_in_use = false;
    }
    for (size_t i = 0; i < config->issuer_count; i++) {
        struct key_set *set = find_set(sets, &config->issuers[i]);
        if (set != NULL) {
            set->is_in_use = true;
            set->issuer = &config->issuers[i];
        }
    }
    for (size_t i = 0; i < sets->count; i++) {
        struct key_set *set = sets->sets[i];
        if (set->is_in_use) {
            sets->sets[kept++] = set;
        } else {
            free_set(set);
        }
    }
    sets->count = kept;
    for (size_t i = 0; i < kept; i++) {
        key_waiters_gate(sets->sets[i]);
    }
    arm(sets);
}

void key_sets_read_anew(struct key_sets *sets)
{
    sets->is_adopting = true;
    for (size_t i = 0; i < sets->count; i++) {
        struct key_set *set = sets->sets[i];
        set->was_read = false;
        set->are_fresh = false;
        set->takes_as_it_is = true;
        give_up(set); /* its answer may be older than the reload */
        key_set_begin(set);
    }
    sets->is_adopting = false;
    arm(sets);
}

bool key_sets_were_read(const struct key_sets *sets)
{
    for (size_t i = 0; i < sets->count; i++) {
        if (!sets->sets[i]->was_read) {
            return false;
        }
    }
    return true;
}

void key_sets_take(const struct key_sets *sets, const struct config *config, struct jwks **out)
{
    for (size_t i = 0; i < config->issuer_count && i < IDENTITY_ENTRIES_MAX; i++) {
        const struct key_set *set = find_set(sets, &config->issuers[i]);
        out[i] = set == NULL || set->keys == NULL ? NULL : jwks_ref(set->keys);
    }
}

struct key_sets_endpoints key_sets_endpoints(const struct key_sets *sets,
                                             const struct config_issuer *issuer)
{
    const struct key_set *set = find_set(sets, issuer);
    return set == NULL ? (struct key_sets_endpoints){0} : set->endpoints;
}

void key_sets_close(struct key_sets *sets)
{
    sets->is_closed = true;
    if (sets->ports.timer != NULL) {
        arm(sets);
    }
    for (size_t i = 0; i < IDENTITY_ENTRIES_MAX; i++) {
        atomic_store(&sets->closed_until_ms[i], INT64_MAX);
    }
    for (size_t i = 0; i < sets->count; i++) {
        free_set(sets->sets[i]);
    }
    sets->count = 0;
}

void key_sets_release(struct key_sets *sets)
{
    *sets = (struct key_sets){0};
}
