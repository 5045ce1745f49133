/* aegis token: tokens and keys of the development issuer, keys of callers without one. */
#include "adapters/crypto/dev_issuer.h"
#include "base/arena.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/state_folder.h"
#include "cli/token_inspect.h"
#include "cli/token_key.h"
#include "cli/token_revoke.h"
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
    (void)fprintf(stderr, "aegis token: %s '%.*s'\nsee 'aegis token --help'\n", text,
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

static int token_mint(int argc, char **argv)
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
        options_read(&command_token, options, COUNT_OF(options), argc, argv, &operands);
    return result == OPTIONS_OK ? mint_token(&given) : options_exit(result);
}

static int token_jwks(int argc, char **argv)
{
    const char *state = NULL, *key = NULL;
    struct operands operands = {0};
    const struct option options[] = {
        {.name = "state", .kind = OPTION_TEXT, .out.text = &state},
        {.name = "key", .kind = OPTION_TEXT, .out.text = &key},
    };
    enum options_result result =
        options_read(&command_token, options, COUNT_OF(options), argc, argv, &operands);
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

static int token_run(int argc, char **argv)
{
    struct slice name = argc > 0 ? slice_view_cstr(argv[0]) : SLICE_EMPTY;
    if (slice_eq(name, SLICE("mint"))) {
        return token_mint(argc - 1, argv + 1);
    }
    if (slice_eq(name, SLICE("jwks"))) {
        return token_jwks(argc - 1, argv + 1);
    }
    if (slice_eq(name, SLICE("key"))) {
        return token_key(argc - 1, argv + 1);
    }
    if (slice_eq(name, SLICE("revoke"))) {
        return token_revoke(argc - 1, argv + 1);
    }
    if (slice_eq(name, SLICE("revocations"))) {
        return token_revocations(argc - 1, argv + 1);
    }
    if (slice_eq(name, SLICE("inspect"))) {
        char path[STATE_FOLDER_BYTES];
        return token_inspect(argc - 1, argv + 1, slice_view_cstr(state_folder(path)));
    }
    if (slice_eq(name, SLICE("--help")) || slice_eq(name, SLICE("-h"))) {
        (void)fputs(command_token.usage, stdout);
        return EXIT_CODE_OK;
    }
    return usage_error("expected mint, jwks, key, inspect, revoke or revocations, got", name);
}

const struct command command_token = {
    .name = "token",
    .group = COMMAND_CONNECT,
    .summary = "make tokens and keys, explain tokens, revoke them",
    .usage =
        "Usage: aegis token mint --subject S [--role R]... [--audience A] [--issuer I]\n"
        "                        [--ttl SECONDS] [--claim NAME=VALUE]... [--alg ES256|RS256]\n"
        "                        [--state DIR | --key FILE]\n"
        "       aegis token jwks [--state DIR | --key FILE]\n"
        "       aegis token key --subject S --expires TIME [--tenant T] [--role R]... [--scope "
        "S]...\n"
        "                       [--server NAME]... [--file FILE]\n"
        "       aegis token inspect [--config FILE] [--output text|json] [TOKEN | -]\n"
        "       aegis token revoke --config FILE ...\n"
        "       aegis token revocations --config FILE [--output text|json]\n"
        "\n"
        "mint prints a signed access token; jwks prints the public keys it is checked with. The\n"
        "keys lie in DIR/issuer and are made when they are absent; DIR is the state_dir of the\n"
        "gateway, by default $XDG_STATE_HOME/aegis. A claim's VALUE is JSON if it can be read as\n"
        "JSON, else a text. Only a gateway with an issuer of preset development trusts these\n"
        "tokens.\n"
        "\n"
        "key makes a key for a caller that has no identity provider. It is printed once and "
        "stored\n"
        "nowhere: the list of preset api-keys holds its hash. With --file the entry is appended "
        "to\n"
        "that list, else it is printed behind the key. TIME is a number and s, m, h or d. Without\n"
        "--server the key is for all servers. The gateway reads the list when it is reloaded.\n"
        "\n"
        "inspect makes every check of the gateway on a token and shows who it stands for; see\n"
        "'aegis token inspect --help'.\n"
        "\n"
        "revoke shuts tokens, keys or callers out at once, and revocations prints who is; see\n"
        "'aegis token revoke --help'.\n"
        "\n"
        "Examples:\n"
        "  aegis token mint --state ./state --subject alice --role Developers\n"
        "  aegis token mint --subject ci --ttl 600 --claim level=3 --claim teams='[\"red\"]'\n"
        "  aegis token jwks --state ./state\n"
        "  aegis token key --subject nightly --role Readers --expires 90d --file keys.jsonl\n",
    .run = token_run,
};
