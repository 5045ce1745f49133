/* aegis token inspect: every check of a token, as the gateway makes them, and who it stands for.
 *
 * The same code decides as in the gateway; here it is watched. Neither the token nor its signature
 * is printed, and claims only where a check is about them. */
#include "cli/token.h"

#include "adapters/crypto/authorities.h"
#include "adapters/crypto/openssl_crypto.h"
#include "base/base64.h"
#include "cli/options.h"
#include "cli/state_folder.h"
#include "core/identity/identity.h"
#include "daemon/asking_once.h"
#include "daemon/assembly.h"
#include "daemon/key_reading.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define INPUT_BYTES_MAX (256 * 1024)
#define DETAIL_BYTES_MAX 512

/* What was seen of one check. */
struct seen {
    bool is_told;
    enum status status;
    struct diag diag;
    struct slice detail;
};

struct inspection {
    struct arena arena;
    struct openssl_crypto *crypto;
    struct json_parser parser;
    struct key_reading keys;
    struct inputs inputs;
    struct revocation_file revocations;
    struct config_report report;
    struct gateway_snapshot *snapshot;
    int64_t now_s;
    struct seen checks[IDENTITY_CHECK_COUNT];
    struct principal *principal; /* NULL: refused */
    bool looks_up_groups;        /* the gateway does, and this command does not */
    bool has_certificate;
    struct client_certificate certificate; /* of --certificate: its hash and its end */
};

static int fail(const char *message)
{
    (void)fprintf(stderr, "aegis token inspect: %s\n", message);
    return EXIT_CODE_FAILURE;
}

/* -- what a check is about ------------------------------------------------------------------ */

/* What comes from a token must not control the terminal. */
static struct slice shown(struct arena *arena, struct slice text)
{
    size_t len = text.len < DETAIL_BYTES_MAX ? text.len : DETAIL_BYTES_MAX;
    uint8_t *copy = arena_alloc(arena, len + 1);
    for (size_t i = 0; copy != NULL && i < len; i++) {
        bool is_plain = text.ptr[i] >= 0x20 && text.ptr[i] < 0x7F;
        copy[i] = is_plain ? text.ptr[i] : (uint8_t)'?';
    }
    return copy != NULL ? slice_of(copy, len) : SLICE_EMPTY;
}

static struct slice header_detail(struct arena *arena, const struct jws *jws)
{
    static const struct slice TYPES[] = {[JWS_TYPE_NONE] = SLICE_INIT("absent"),
                                         [JWS_TYPE_JWT] = SLICE_INIT("JWT"),
                                         [JWS_TYPE_ACCESS_TOKEN] = SLICE_INIT("at+jwt"),
                                         [JWS_TYPE_OTHER] = SLICE_INIT("another")};
    struct slice text = SLICE_EMPTY;
    struct slice kid = jws->has_kid ? shown(arena, jws->kid) : SLICE("absent");
    (void)!arena_format(arena, &text, "alg %.*s, kid %.*s, typ %.*s",
                        SLICE_ARG(jws_algorithm_name(jws->algorithm)), SLICE_ARG(kid),
                        SLICE_ARG(TYPES[jws->type]));
    return text;
}

static struct slice issuer_detail(struct arena *arena, const struct identity_progress *progress)
{
    struct slice text = SLICE_EMPTY;
    struct slice issuer = shown(arena, progress->claims->issuer);
    if (progress->entry != NULL) {
        (void)!arena_format(arena, &text, "%.*s, entry %.*s of preset %.*s", SLICE_ARG(issuer),
                            SLICE_ARG(progress->entry->name),
                            SLICE_ARG(issuer_preset(progress->entry->preset)->name));
        return text;
    }
    return issuer;
}

static struct slice time_detail(struct arena *arena, const struct claims *claims, int64_t now_s)
{
    struct slice text = SLICE_EMPTY;
    int64_t end_s = claims->window.expires_at_s;
    if (end_s != TOKEN_TIME_ABSENT && end_s >= 0) {
        (void)!arena_format(arena, &text, "exp %lld, which is %lld s from now", (long long)end_s,
                            (long long)(end_s - now_s));
    }
    return text;
}

static struct slice audience_detail(struct arena *arena, const struct claims *claims)
{
    struct buf text;
    buf_init(&text, INPUT_BYTES_MAX, NULL);
    for (size_t i = 0; i < claims->audiences.count; i++) {
        buf_append(&text, i > 0 ? SLICE(", ") : SLICE_EMPTY);
        buf_append(&text, claims->audiences.items[i]);
    }
    struct slice detail = shown(arena, buf_view(&text));
    buf_release(&text);
    return detail;
}

static struct slice detail_of(struct inspection *self, const struct identity_progress *progress)
{
    switch (progress->check) {
    case IDENTITY_CHECK_HEADER:
        return progress->jws != NULL ? header_detail(&self->arena, progress->jws) : SLICE_EMPTY;
    case IDENTITY_CHECK_ISSUER:
        return progress->claims != NULL ? issuer_detail(&self->arena, progress) : SLICE_EMPTY;
    case IDENTITY_CHECK_TIME:
        return time_detail(&self->arena, progress->claims, self->now_s);
    case IDENTITY_CHECK_AUDIENCE:
        return audience_detail(&self->arena, progress->claims);
    case IDENTITY_CHECK_FORM:
    case IDENTITY_CHECK_TYP:
    case IDENTITY_CHECK_ALGORITHM:
    case IDENTITY_CHECK_KEY:
    case IDENTITY_CHECK_SIGNATURE:
    case IDENTITY_CHECK_ANSWER:
    case IDENTITY_CHECK_CLAIMS:
    case IDENTITY_CHECK_KIND:
    case IDENTITY_CHECK_TENANT:
    case IDENTITY_CHECK_MAPPING:
    case IDENTITY_CHECK_REVOCATION:
    case IDENTITY_CHECK_BINDING:
    case IDENTITY_CHECK_COUNT:
        break;
    }
    return SLICE_EMPTY;
}

static void see(void *context, const struct identity_progress *progress)
{
    struct inspection *self = context;
    struct seen *seen = &self->checks[progress->check];
    *seen = (struct seen){
        .is_told = true, .status = progress->status, .detail = detail_of(self, progress)};
    if (progress->status != STATUS_OK) {
        seen->diag = *progress->diag;
    }
}

/* -- print ------------------------------------------------------------------------------------ */

/* A list of the principal by its name in policies. */
struct listed {
    const char *name;
    const struct slice *items;
    size_t count;
};

#define LISTED_COUNT 6

static void list_all(const struct principal *p, struct listed out[LISTED_COUNT])
{
    const struct listed lists[LISTED_COUNT] = {
        {"roles", p->roles, p->role_count},    {"groups", p->groups, p->group_count},
        {"scopes", p->scopes, p->scope_count}, {"amr", p->amr, p->amr_count},
        {"acrs", p->acrs, p->acrs_count},      {"actors", p->actors, p->actor_count},
    };
    memcpy(out, lists, sizeof(lists));
}

struct named {
    const char *name;
    struct slice text;
};

/* As it stands in "cnf". */
static struct slice hash_text(struct arena *arena, bool is_there,
                              const uint8_t hash[CRYPTO_SHA256_BYTES])
{
    struct buf text;
    struct slice out = SLICE_EMPTY;
    buf_init(&text, 2 * CRYPTO_SHA256_BYTES, NULL);
    if (is_there) {
        base64_encode(&text, slice_of(hash, CRYPTO_SHA256_BYTES), BASE64_URL_UNPADDED);
    }
    (void)!arena_copy(arena, buf_view(&text), &out);
    buf_release(&text);
    return out;
}

#define NAMED_COUNT 13

static void name_all(struct inspection *self, struct named out[NAMED_COUNT])
{
    const struct principal *p = self->principal;
    struct slice id = SLICE_EMPTY;
    (void)!principal_id(p, &self->arena, &id);
    const struct named texts[NAMED_COUNT] = {
        {"type", p->is_service ? SLICE("Aegis::Service") : SLICE("Aegis::User")},
        {"id", id},
        {"issuer", p->issuer},
        {"tenantId", p->tenant},
        {"subject", p->subject},
        {"clientId", p->client_id},
        {"email", p->email},
        {"name", p->name},
        {"actorKind", principal_actor_name(p->actor)},
        {"authStrength", auth_strength_name(p->strength)},
        {"acr", p->acr},
        {"boundKey", hash_text(&self->arena, p->binding.to_key, p->binding.key)},
        {"boundCertificate",
         hash_text(&self->arena, p->binding.to_certificate, p->binding.certificate)},
    };
    memcpy(out, texts, sizeof(texts));
}

static void attribute_json(const struct principal_attribute *attribute, struct buf *out)
{
    char number[32];
    switch (attribute->type) {
    case PRINCIPAL_TEXT:
        buf_append_json_string(out, attribute->text);
        return;
    case PRINCIPAL_LONG:
        (void)snprintf(number, sizeof(number), "%lld", (long long)attribute->number);
        buf_append(out, slice_view_cstr(number));
        return;
    case PRINCIPAL_BOOL:
        buf_append(out, attribute->flag ? SLICE("true") : SLICE("false"));
        return;
    case PRINCIPAL_SET:
        break;
    }
    for (size_t i = 0; i < attribute->item_count; i++) {
        buf_append(out, i == 0 ? SLICE("[") : SLICE(","));
        buf_append_json_string(out, attribute->items[i]);
    }
    buf_append(out, attribute->item_count == 0 ? SLICE("[]") : SLICE("]"));
}

static void put_name(struct buf *out, struct slice name)
{
    buf_append_json_string(out, name);
    buf_append_byte(out, ':');
}

static void principal_json(struct inspection *self, struct buf *out)
{
    const struct principal *p = self->principal;
    struct listed lists[LISTED_COUNT];
    struct named texts[NAMED_COUNT];
    list_all(p, lists);
    name_all(self, texts);
    buf_append_byte(out, '{');
    for (size_t i = 0; i < NAMED_COUNT; i++) {
        if (texts[i].text.len > 0) {
            put_name(out, slice_view_cstr(texts[i].name));
            buf_append_json_string(out, texts[i].text);
            buf_append_byte(out, ',');
        }
    }
    for (size_t i = 0; i < LISTED_COUNT; i++) {
        const struct principal_attribute set = {
            .type = PRINCIPAL_SET, .items = lists[i].items, .item_count = lists[i].count};
        put_name(out, slice_view_cstr(lists[i].name));
        attribute_json(&set, out);
        buf_append_byte(out, ',');
    }
    buf_append(out, p->are_groups_unknown ? SLICE("\"groupsUnknown\":true,") : SLICE_EMPTY);
    buf_append(out, self->looks_up_groups ? SLICE("\"groupsLookedUp\":true,") : SLICE_EMPTY);
    buf_append(out, SLICE("\"attributes\":{"));
    for (size_t i = 0; i < p->attribute_count; i++) {
        buf_append(out, i > 0 ? SLICE(",") : SLICE_EMPTY);
        put_name(out, p->attributes[i].name);
        attribute_json(&p->attributes[i], out);
    }
    buf_append(out, SLICE("}"));
    if (p->has_auth_time) {
        const struct principal_attribute time = {.type = PRINCIPAL_LONG, .number = p->auth_time_s};
        buf_append(out, SLICE(",\"authTime\":"));
        attribute_json(&time, out);
    }
    buf_append_byte(out, '}');
}

static struct slice verdict_of(const struct seen *seen)
{
    return !seen->is_told ? SLICE("not reached")
                          : (seen->status == STATUS_OK ? SLICE("ok") : SLICE("refused"));
}

/* Of a caller's own key there is nothing but its form and its place on a list; an issuer is asked
 * about few tokens, and about those that it alone can read nothing is known before. */
static bool is_shown(const struct inspection *self, enum identity_check check)
{
    bool is_signed = self->checks[IDENTITY_CHECK_HEADER].is_told;
    bool is_key = self->checks[IDENTITY_CHECK_KEY].is_told && !is_signed;
    bool is_opaque = self->checks[IDENTITY_CHECK_ANSWER].is_told && !is_signed;
    bool is_hidden = is_key || check == IDENTITY_CHECK_ANSWER ||
                     (check == IDENTITY_CHECK_BINDING && !self->has_certificate) ||
                     (is_opaque && check <= IDENTITY_CHECK_SIGNATURE);
    return !is_hidden || self->checks[check].is_told;
}

static void checks_json(struct inspection *self, struct buf *out)
{
    bool is_first = true;
    buf_append(out, SLICE("{\"accepted\":"));
    buf_append(out, self->principal != NULL ? SLICE("true") : SLICE("false"));
    buf_append(out, SLICE(",\"checks\":["));
    for (enum identity_check check = 0; check < IDENTITY_CHECK_COUNT; check++) {
        const struct seen *seen = &self->checks[check];
        if (!is_shown(self, check)) {
            continue;
        }
        const struct named texts[] = {
            {"check", identity_check_name(check)},
            {"verdict", verdict_of(seen)},
            {"code", seen->diag.code != NULL ? slice_view_cstr(seen->diag.code) : SLICE_EMPTY},
            {"message", slice_view_cstr(seen->diag.message)},
            {"detail", seen->detail},
        };
        buf_append(out, is_first ? SLICE("{") : SLICE(",{"));
        is_first = false;
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
            if (texts[i].text.len > 0) {
                buf_append(out, i > 0 ? SLICE(",") : SLICE_EMPTY);
                put_name(out, slice_view_cstr(texts[i].name));
                buf_append_json_string(out, texts[i].text);
            }
        }
        buf_append_byte(out, '}');
    }
    buf_append(out, SLICE("],\"principal\":"));
    if (self->principal != NULL) {
        principal_json(self, out);
    } else {
        buf_append(out, SLICE("null"));
    }
    buf_append(out, SLICE("}\n"));
}

static void append_line(struct buf *out, const char *name, struct slice text)
{
    size_t len = strlen(name);
    buf_append(out, slice_view_cstr(name));
    for (size_t i = len; i < 14; i++) {
        buf_append_byte(out, ' ');
    }
    buf_append(out, text);
    buf_append_byte(out, '\n');
}

static void checks_text(struct inspection *self, struct buf *out)
{
    for (enum identity_check check = 0; check < IDENTITY_CHECK_COUNT; check++) {
        const struct seen *seen = &self->checks[check];
        struct slice line = verdict_of(seen);
        if (!is_shown(self, check)) {
            continue;
        }
        if (seen->is_told && seen->status != STATUS_OK) {
            (void)!arena_format(&self->arena, &line, "refused: %s [%s]%s%.*s", seen->diag.message,
                                seen->diag.code, seen->detail.len > 0 ? "; it is " : "",
                                SLICE_ARG(seen->detail));
        } else if (seen->detail.len > 0) {
            (void)!arena_format(&self->arena, &line, "ok: %.*s", SLICE_ARG(seen->detail));
        }
        append_line(out, (const char *)identity_check_name(check).ptr, line);
    }
}

static void principal_text(struct inspection *self, struct buf *out)
{
    const struct principal *p = self->principal;
    struct listed lists[LISTED_COUNT];
    struct named texts[NAMED_COUNT];
    list_all(p, lists);
    name_all(self, texts);
    buf_append(out, SLICE("\n"));
    for (size_t i = 0; i < NAMED_COUNT; i++) {
        if (texts[i].text.len > 0) {
            append_line(out, texts[i].name, shown(&self->arena, texts[i].text));
        }
    }
    for (size_t i = 0; i < LISTED_COUNT; i++) {
        for (size_t k = 0; k < lists[i].count; k++) {
            append_line(out, k == 0 ? lists[i].name : "", shown(&self->arena, lists[i].items[k]));
        }
    }
    if (p->are_groups_unknown) {
        append_line(out, "groups",
                    self->looks_up_groups
                        ? SLICE("looked up at Microsoft Graph by the gateway; not asked for here")
                        : SLICE("not known: the issuer left them out"));
    }
    for (size_t i = 0; i < p->attribute_count; i++) {
        struct buf value;
        struct slice line = SLICE_EMPTY;
        buf_init(&value, INPUT_BYTES_MAX, NULL);
        attribute_json(&p->attributes[i], &value);
        (void)!arena_format(&self->arena, &line, "%.*s = %.*s", SLICE_ARG(p->attributes[i].name),
                            SLICE_ARG(shown(&self->arena, buf_view(&value))));
        append_line(out, i == 0 ? "attributes" : "", line);
        buf_release(&value);
    }
}

static int print(struct inspection *self, bool is_json)
{
    struct buf text;
    buf_init(&text, ARENA_BYTES_MAX, NULL);
    if (is_json) {
        checks_json(self, &text);
    } else {
        checks_text(self, &text);
        if (self->principal != NULL) {
            principal_text(self, &text);
        }
    }
    bool is_written = buf_status(&text) == STATUS_OK &&
                      fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    buf_release(&text);
    return is_written && self->principal != NULL ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

/* -- what is trusted -------------------------------------------------------------------------- */

/* Only the development issuer, as `aegis token mint` uses it. */
static enum status trust_development(struct inspection *self, struct slice state_dir)
{
    static const char TEXT[] = "version: 1\nidentity: [{name: development, preset: development}]\n";
    struct config *config = NULL;
    struct config_source source = {
        .file = SLICE("development"), .text = slice_view_cstr(TEXT), .skips_files = true};
    TRY(config_load_text(&source, &self->arena, &config, &self->report));
    config->state_dir = state_dir;
    return inputs_of_config(config, &self->arena, &self->inputs, &self->report);
}

/* What one server or issuer lacks is told, and the rest is used (inputs_load). */
static enum status read_inputs(struct inspection *self, const char *path, struct slice state_dir)
{
    TRY(path != NULL ? inputs_load(path, &self->arena, &self->inputs, &self->report)
                     : trust_development(self, state_dir));
    config_report_sort(&self->report);
    config_report_print(stderr, &self->report);
    self->report = (struct config_report){0};
    return STATUS_OK;
}

static enum status trust(struct inspection *self, const char *path, struct slice state_dir,
                         struct diag *diag)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    struct port_random random = system_random();
    uint8_t seed[16];
    TRY(read_inputs(self, path, state_dir));
    TRY(openssl_crypto_new(&self->crypto));
    TRY(random.fill(random.context, seed, sizeof(seed)));
    json_parser_init(&self->parser, &LIMITS, seed);
    TRY(key_reading_init(&self->keys, &self->parser, openssl_crypto_port(self->crypto),
                         self->inputs.config, diag));
    struct assembly assembly = {.inputs = &self->inputs,
                                .crypto = openssl_crypto_port(self->crypto),
                                .parser = &self->parser,
                                .generation = 1,
                                .keys = &self->keys.sets,
                                .revocations = &self->revocations};
    TRY(revocation_file_look(&self->revocations, self->inputs.config, revocation_file_read,
                             &self->parser, diag));
    return assembly_build(&assembly, &self->arena, &self->snapshot, &self->report);
}

/* -- the token -------------------------------------------------------------------------------- */

/* From standard input, to its end; the last line feed is not of the token. */
static enum status read_token(const char *given, struct buf *out)
{
    char piece[4096];
    buf_append(out, SLICE("Bearer "));
    if (given != NULL) {
        buf_append(out, slice_view_cstr(given));
        return buf_status(out);
    }
    for (size_t got = 0; (got = fread(piece, 1, sizeof(piece), stdin)) > 0;) {
        buf_append(out, slice_of(piece, got));
    }
    while (out->len > 0 && (out->ptr[out->len - 1] == '\n' || out->ptr[out->len - 1] == '\r')) {
        out->len--;
    }
    return ferror(stdin) != 0 ? STATUS_INVALID : buf_status(out);
}

/* The gateway looks them up; a command has no business in a directory. Where the roles depend on
 * them, who the caller is stays open. */
static void go_without_groups(struct inspection *self, const struct identity_request *request,
                              const struct identity_miss *miss)
{
    const struct inquiry_question question = {miss->kind, miss->name, miss->about};
    const struct seen unasked = self->checks[IDENTITY_CHECK_MAPPING];
    struct identity_request again = *request;
    struct identity_answer answer;
    struct diag diag = {0};
    self->looks_up_groups = true;
    if (identity_answer_begin(&answer, &question, &self->arena) == STATUS_OK &&
        identity_answer_take(&answer, STATUS_UNAVAILABLE, NULL, self->now_s)) {
        again.answer = &answer;
        (void)!identity_authenticate(&again, &self->principal, &diag);
    }
    if (self->principal == NULL && self->checks[IDENTITY_CHECK_MAPPING].status != STATUS_OK) {
        self->checks[IDENTITY_CHECK_MAPPING] = unasked;
    }
}

static void authenticate(struct inspection *self, struct slice authorization)
{
    struct diag diag = {0};
    struct identity_miss miss;
    struct identity_answer answer;
    const struct identity_observer observer = {self, see};
    struct identity_request request = {
        .snapshot = self->snapshot->identity,
        .revocations = self->snapshot->revocations,
        .crypto = openssl_crypto_port(self->crypto),
        .parser = &self->parser,
        .authorization = authorization,
        .token_bytes_max = (size_t)self->inputs.config->limits.token_bytes,
        .now_s = self->now_s,
        .arena = &self->arena,
        .skips_binding = true,
        .certificate = self->has_certificate ? &self->certificate : NULL,
        .miss = &miss,
        .observer = &observer};
    (void)!identity_authenticate(&request, &self->principal, &diag);
    if (miss.is_unasked && miss.kind == INQUIRY_GROUPS) {
        go_without_groups(self, &request, &miss);
        return;
    }
    if (!miss.is_unasked) {
        return;
    }
    enum status status =
        asking_once(&self->keys, &self->inputs, &miss, &self->arena, &answer, &diag);
    if (status == STATUS_OK) {
        request.answer = &answer;
        (void)!identity_authenticate(&request, &self->principal, &diag);
    } else {
        self->checks[IDENTITY_CHECK_ANSWER] =
            (struct seen){.is_told = true, .status = status, .diag = diag};
    }
}

static void release(struct inspection *self)
{
    principal_unref(self->principal);
    if (self->snapshot != NULL) {
        gateway_snapshot_unref(self->snapshot);
    }
    key_reading_release(&self->keys);
    revocation_file_release(&self->revocations);
    openssl_crypto_free(self->crypto);
    arena_release(&self->arena);
}

/* The client's own certificate, the first of the file. */
static enum status read_certificate(struct inspection *self, const char *path, struct diag *diag)
{
    if (path == NULL) {
        return STATUS_OK;
    }
    self->has_certificate = true;
    return certificate_of_file(path, self->certificate.sha256, &self->certificate.expires_at_s,
                               diag);
}

static int inspect(const char *path, struct slice state_dir, const char *certificate,
                   const char *given, bool is_json)
{
    struct inspection self = {.now_s = (int64_t)time(NULL)};
    struct diag diag = {0};
    struct buf token;
    int code = EXIT_CODE_FAILURE;
    arena_init(&self.arena, ARENA_BYTES_MAX, NULL);
    buf_init(&token, INPUT_BYTES_MAX, NULL);
    if (read_token(given, &token) != STATUS_OK) {
        code = fail("the token cannot be read, or is too long");
    } else if (read_certificate(&self, certificate, &diag) != STATUS_OK) {
        code = fail(diag.message);
    } else if (trust(&self, path, state_dir, &diag) != STATUS_OK) {
        config_report_sort(&self.report);
        config_report_print(stderr, &self.report);
        code =
            fail(diag.message[0] != '\0' ? diag.message
                                         : "the configuration cannot be used; see 'aegis check'");
    } else {
        authenticate(&self, buf_view(&token));
        code = print(&self, is_json);
    }
    buf_release(&token);
    release(&self);
    return code;
}

static int run(int argc, char **argv)
{
    const char *path = NULL;
    const char *certificate = NULL;
    const char *output = "text";
    struct operands operands = {.max = 1};
    const struct option options[] = {
        {.name = "config", .kind = OPTION_TEXT, .out.text = &path},
        {.name = "certificate", .kind = OPTION_TEXT, .out.text = &certificate},
        OUTPUT_OPTION(output),
    };
    enum options_result result =
        options_read(&token_inspect, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    bool is_given = operands.count > 0 && strcmp(operands.items[0], "-") != 0;
    if (!is_given && isatty(STDIN_FILENO) != 0) {
        (void)fputs("the token, then the end of input (Ctrl-D):\n", stderr);
    }
    char state[STATE_FOLDER_BYTES];
    return inspect(path, slice_view_cstr(state_folder(state)), certificate,
                   is_given ? operands.items[0] : NULL, strcmp(output, "json") == 0);
}

const struct command token_inspect = {
    .name = "token inspect",
    .summary = "make every check of the gateway on a token",
    .usage = "usage: aegis token inspect [OPTIONS] [TOKEN | -]\n"
             "\n"
             "Makes every check of the gateway on a token, in order, and shows the principal\n"
             "that it stands for. The token is read from standard input unless it is given;\n"
             "there, other users of this machine cannot see it. Keys are read as the\n"
             "configuration says, from files or addresses, and issuers are asked about tokens\n"
             "that they alone can read; groups that are left out of a token are not looked up.\n"
             "Neither the token nor its signature is printed.\n"
             "\n"
             "  --config FILE        the configuration; without it the development issuer of\n"
             "                       $XDG_STATE_HOME/aegis is trusted\n"
             "  --certificate FILE   the client's certificate, in PEM: what the token is bound\n"
             "                       to is compared with it (default: is shown)\n"
             "  --output O           text (default) or json\n"
             "\n"
             "examples:\n"
             "  aegis token mint --subject alice | aegis token inspect\n"
             "  aegis token inspect --config aegis.yaml --output json <token.txt\n",
    .exit_codes = "  0  the token is accepted\n"
                  "  1  it is refused, or the configuration cannot be used\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
