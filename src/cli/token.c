/* aegis token: tokens and keys of the development issuer, keys of callers without one. */
#include "cli/token.h"
#include "adapters/crypto/dev_issuer.h"
#include "base/arena.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/state_folder.h"
#include "core/identity/jws.h"
#include "json/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define OUTPUT_BYTES_MAX (256 * 1024)
#define ARENA_BYTES_MAX ((size_t)4 << 20)

/* The command line of `token mint`. */
struct mint_options {
    const char *state, *key, *subject, *audience, *issuer, *algorithm;
    struct option_list roles, claims;
    int64_t ttl_s;
};

static const char *const algorithm_choices[] = {"ES256", "RS256", NULL};

/* What mint writes by itself; given again as --claim it would stand there twice. */
static const struct slice own_claims[] = {SLICE_INIT("iss"),   SLICE_INIT("sub"), SLICE_INIT("aud"),
                                          SLICE_INIT("roles"), SLICE_INIT("iat"), SLICE_INIT("exp"),
                                          SLICE_INIT("jti")};

static int fail(const struct diag *diag)
{
    (void)fprintf(stderr, "aegis token: %s (%s)\n", diag->message,
                  diag->code != NULL ? diag->code : status_name(diag->status));
    return EXIT_CODE_FAILURE;
}

static int usage_error(const char *text, struct slice subject)
{
    (void)fprintf(stderr, "aegis token mint: %s '%.*s'\nsee 'aegis token mint --help'\n", text,
                  SLICE_ARG(subject));
    return EXIT_CODE_USAGE;
}

static enum status open_issuer(const char *state, const char *key, uint32_t algorithms,
                               struct dev_issuer **out, struct diag *diag)
{
    char path[STATE_FOLDER_BYTES];
    if (key != NULL) {
        return dev_issuer_open_file(slice_view_cstr(key), out, diag);
    }
    const char *folder = state != NULL ? state : state_folder(path);
    return dev_issuer_open(slice_view_cstr(folder), algorithms, out, diag);
}

static int print_line(const struct buf *text)
{
    bool is_written = fwrite(text->ptr, 1, text->len, stdout) == text->len && putchar('\n') == '\n';
    return is_written ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

static bool is_own_claim(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(own_claims); i++) {
        if (slice_eq(own_claims[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_repeated(const struct dev_claim *claims, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(claims[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* JSON as it is (numbers, lists, "quoted"), anything else as a text. */
static enum status claim_value(struct slice text, struct arena *arena, struct slice *out)
{
    static const uint8_t seed[16] = {0}; /* our own command line needs no secret seed */
    struct json_parser parser;
    struct json_tape tape;
    struct buf quoted;
    json_parser_init(&parser, &(struct json_limits)JSON_LIMITS_DEFAULT, seed);
    if (json_parse(&parser, text, arena, &tape, NULL) == STATUS_OK) {
        *out = text;
        return STATUS_OK;
    }
    buf_init(&quoted, OUTPUT_BYTES_MAX, NULL);
    buf_append_json_string(&quoted, text);
    enum status status = buf_status(&quoted);
    status = status == STATUS_OK ? arena_copy(arena, buf_view(&quoted), out) : status;
    buf_release(&quoted);
    return status;
}

/* Returns an exit code. */
static int read_claims(const struct option_list *list, struct dev_claim *claims,
                       struct arena *arena)
{
    for (size_t i = 0; i < list->count; i++) {
        struct slice text = slice_view_cstr(list->items[i]);
        size_t equals = slice_find_byte(text, '=');
        struct slice name = slice_sub(text, 0, equals);
        if (name.len == 0 || equals == text.len || !slice_is_utf8(text)) {
            return usage_error("--claim needs the form NAME=VALUE in UTF-8, got", text);
        }
        if (is_own_claim(name) || is_repeated(claims, i, name)) {
            return usage_error("this claim has an option of its own or is given twice:", name);
        }
        claims[i].name = name;
        if (claim_value(slice_sub(text, equals + 1, text.len), arena, &claims[i].json) !=
            STATUS_OK) {
            return usage_error("claim is too long:", name);
        }
    }
    return EXIT_CODE_OK;
}

static int sign_token(const struct mint_options *options, const struct dev_token *token)
{
    struct dev_issuer *issuer = NULL;
    struct diag diag = {0};
    struct buf text;
    enum status status =
        open_issuer(options->state, options->key, JWS_MASK(token->algorithm), &issuer, &diag);
    buf_init(&text, OUTPUT_BYTES_MAX, NULL);
    if (status == STATUS_OK) {
        status = dev_issuer_mint(issuer, token, &text, &diag);
    }
    int code = status == STATUS_OK ? print_line(&text) : fail(&diag);
    buf_release(&text);
    dev_issuer_free(issuer);
    return code;
}

static int mint_token(const struct mint_options *options)
{
    struct slice roles[OPTION_VALUES_MAX];
    struct dev_claim claims[OPTION_VALUES_MAX];
    struct dev_token token = {.issuer = slice_view_cstr(options->issuer),
                              .subject = slice_view_cstr(options->subject),
                              .audience = slice_view_cstr(options->audience),
                              .roles = roles,
                              .role_count = options->roles.count,
                              .claims = claims,
                              .claim_count = options->claims.count,
                              .issued_at_s = (int64_t)time(NULL)};
    token.expires_at_s = token.issued_at_s + options->ttl_s;
    bool is_utf8 = slice_is_utf8(token.issuer) && slice_is_utf8(token.subject) &&
                   slice_is_utf8(token.audience);
    for (size_t i = 0; i < options->roles.count; i++) {
        roles[i] = slice_view_cstr(options->roles.items[i]);
        is_utf8 = is_utf8 && slice_is_utf8(roles[i]);
    }
    if (!is_utf8 ||
        !jws_algorithm_from_name(slice_view_cstr(options->algorithm), &token.algorithm)) {
        return usage_error("texts must be UTF-8, see", token.subject);
    }
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    int code = read_claims(&options->claims, claims, &arena);
    code = code == EXIT_CODE_OK ? sign_token(options, &token) : code;
    arena_release(&arena);
    return code;
}

static const struct command token_mint;
static const struct command token_jwks;

static int run_mint(int argc, char **argv)
{
    struct mint_options given = {.audience = DEV_ISSUER_AUDIENCE,
                                 .issuer = DEV_ISSUER_URL,
                                 .algorithm = "ES256",
                                 .ttl_s = DEV_ISSUER_TTL_S_DEFAULT};
    struct operands operands = {0};
    const struct option options[] = {
        {.name = "state", .kind = OPTION_TEXT, .out.text = &given.state},
        {.name = "key", .kind = OPTION_TEXT, .out.text = &given.key},
        {.name = "subject", .kind = OPTION_TEXT, .is_required = true, .out.text = &given.subject},
        {.name = "role", .kind = OPTION_LIST, .out.list = &given.roles},
        {.name = "audience", .kind = OPTION_TEXT, .out.text = &given.audience},
        {.name = "issuer", .kind = OPTION_TEXT, .out.text = &given.issuer},
        {.name = "ttl",
         .kind = OPTION_NUMBER,
         .out.number = &given.ttl_s,
         .min = 1,
         .max = DEV_ISSUER_TTL_S_MAX},
        {.name = "claim", .kind = OPTION_LIST, .out.list = &given.claims},
        {.name = "alg",
         .kind = OPTION_TEXT,
         .out.text = &given.algorithm,
         .choices = algorithm_choices},
    };
    enum options_result result =
        options_read(&token_mint, options, COUNT_OF(options), argc, argv, &operands);
    return result == OPTIONS_OK ? mint_token(&given) : options_exit(result);
}

static const struct command token_mint = {
    .name = "token mint",
    .summary = "make a token of the development issuer",
    .usage = "usage: aegis token mint --subject S [OPTIONS]\n"
             "\n"
             "Prints a signed access token of the development issuer. The key that signs lies\n"
             "in DIR/issuer and is made when it is absent.\n"
             "\n"
             "  --subject S          whom the token stands for\n"
             "  --role R             a role of his; up to 64 times\n"
             "  --audience A         whom the token is meant for (default aegis)\n"
             "  --issuer I           who it says has signed it (default urn:aegis:development)\n"
             "  --ttl SECONDS        how long it is good (default 3600, at most 31622400)\n"
             "  --claim NAME=VALUE   a further claim; VALUE is JSON if it can be read as JSON,\n"
             "                       else a text; up to 64 times\n"
             "  --alg A              ES256 (default) or RS256\n"
             "  --state DIR          the state_dir of the gateway (default\n"
             "                       $XDG_STATE_HOME/aegis)\n"
             "  --key FILE           the private key, in PEM, instead of those in DIR/issuer\n"
             "\n"
             "examples:\n"
             "  aegis token mint --state ./state --subject alice --role Developers\n"
             "  aegis token mint --subject ci --ttl 600 --claim level=3 \\\n"
             "      --claim teams='[\"red\"]'\n",
    .run = run_mint,
};

static int run_jwks(int argc, char **argv)
{
    const char *state = NULL, *key = NULL;
    struct operands operands = {0};
    const struct option options[] = {
        {.name = "state", .kind = OPTION_TEXT, .out.text = &state},
        {.name = "key", .kind = OPTION_TEXT, .out.text = &key},
    };
    enum options_result result =
        options_read(&token_jwks, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    struct dev_issuer *issuer = NULL;
    struct diag diag = {0};
    struct buf text;
    buf_init(&text, OUTPUT_BYTES_MAX, NULL);
    enum status status = open_issuer(state, key, JWS_MASK(JWS_ES256), &issuer, &diag);
    if (status == STATUS_OK && dev_issuer_jwks(issuer, &text) != STATUS_OK) {
        status = diag_fail(&diag, STATUS_INTERNAL, "issuer.key", "cannot write the keys");
    }
    int code = status == STATUS_OK ? print_line(&text) : fail(&diag);
    buf_release(&text);
    dev_issuer_free(issuer);
    return code;
}

static const struct command token_jwks = {
    .name = "token jwks",
    .summary = "print the public keys of the development issuer",
    .usage = "usage: aegis token jwks [--state DIR | --key FILE]\n"
             "\n"
             "Prints the public keys that tokens of 'aegis token mint' are checked with, as a\n"
             "JSON Web Key Set. The keys lie in DIR/issuer and are made when they are absent.\n"
             "\n"
             "  --state DIR   the state_dir of the gateway (default $XDG_STATE_HOME/aegis)\n"
             "  --key FILE    the private key, in PEM, instead of those in DIR/issuer\n"
             "\n"
             "examples:\n"
             "  aegis token jwks --state ./state\n",
    .run = run_jwks,
};

static const struct command_group groups[] = {
    {"Make", {&token_mint, &token_jwks, &token_key}},
    {"Explain", {&token_inspect}},
    {"Shut out", {&token_revoke, &token_revocations}},
};

const struct command command_token = {
    .name = "token",
    .summary = "make tokens and keys, explain tokens, revoke them",
    .usage = "usage: aegis token COMMAND [OPTIONS]\n"
             "\n"
             "Tokens and keys for callers. Tokens of the development issuer are for trying\n"
             "things out: only a gateway with an issuer of preset development trusts them. API\n"
             "keys are for callers that have no identity provider.\n",
    .groups = groups,
    .group_count = COUNT_OF(groups),
};
