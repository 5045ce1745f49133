#include "cli/command.h"
#include "cli/one_server.h"
#include "cli/options.h"

#include "adapters/crypto/openssl_crypto.h"
#include "adapters/http_client/curl_library.h"
#include "daemon/config/config_url.h"
#include "daemon/inputs.h"
#include "daemon/process_guard.h"
#include "daemon/sign_in/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GRANT_BYTES_MAX ((size_t)16 << 20)
#define SECRET_BYTES_MAX ((size_t)64 << 10)
#define SIGN_OUT_PATIENCE_MS 10000
#define TIME_LIMIT_S 300
#define TIME_LIMIT_S_MAX 540 /* a waiting call is given up after limits.operation_deadline_ms */

static const char USAGE[] =
    "usage: aegis connect [OPTIONS] URL\n"
    "       aegis connect --sign-out URL\n"
    "\n"
    "A remote gateway, or any MCP server, for clients that start their servers as\n"
    "programs: MCP on standard input and output towards the client, Streamable HTTP\n"
    "towards URL. When the server wants to know who you are, your browser opens and\n"
    "you sign in; the tokens are kept for the next time. What passes is judged as in\n"
    "'aegis wrap'.\n"
    "\n"
    "      --client-id ID       the client id that is registered for you at the\n"
    "                           authorization server, or the https address of its\n"
    "                           metadata document (default: register one)\n"
    "      --client-secret-file FILE\n"
    "                           where the secret of that client is, if it has one:\n"
    "                           needed each time, and not kept\n"
    "      --client-secret-env NAME\n"
    "                           likewise, the variable that holds it\n"
    "      --scope SCOPES       scopes to ask for besides those that the server names\n"
    "      --ca FILE            certification authorities in PEM: URL must have a\n"
    "                           certificate of one of them, the authorization server\n"
    "                           may (default: the system's)\n"
    "      --no-browser         only print the address to sign in at\n"
    "      --redirect-port N    the port of 127.0.0.1 that the browser comes back to\n"
    "                           (default: any)\n"
    "      --time-limit S       seconds to sign in (default 300, at most 540)\n"
    "      --sign-out           have the tokens of URL revoked, forget them, and end;\n"
    "                           they are forgotten also when that fails, and then the\n"
    "                           exit code is 1\n"
    "  -p, --policy DIR         Cedar policies (default: the built-in pack 'local',\n"
    "                           as in 'aegis wrap'; the server's name is 'upstream')\n"
    "      --no-audit           keep no journal\n"
    "      --revision VERSION   the server's protocol revision (default: find out)\n"
    "      --extensions LIST    extensions of the protocol to let through, with\n"
    "                           commas between them (default: none)\n"
    "      --state DIR          keys, journal and tokens (default\n"
    "                           $XDG_STATE_HOME/aegis)\n"
    "\n"
    "examples:\n"
    "  aegis connect https://mcp.example.com/mcp\n"
    "  aegis connect --client-id 0oa7example --redirect-port 8765 \\\n"
    "      https://mcp.example.com/mcp\n"
    "  aegis connect --sign-out https://mcp.example.com/mcp\n"
    "\n"
    "in a client's configuration:\n"
    "  {\"mcpServers\": {\"work\": {\"command\": \"aegis\",\n"
    "    \"args\": [\"connect\", \"https://mcp.example.com/mcp\"]}}}\n";

struct connect_options {
    struct one_server server;
    const char *client_id, *secret_file, *secret_env, *scope;
    int64_t redirect_port, time_limit_s;
    bool no_browser, sign_out;
};

/* What all of it stands on. */
struct connection {
    struct openssl_crypto *crypto;
    struct port_random random;
    struct json_parser parser;
    struct token_store store;
    struct arena arena; /* of client_secret */
    struct slice client_secret;
};

static int fail(const struct diag *diag)
{
    fprintf(stderr, "aegis connect: %s\n", diag->message);
    return EXIT_CODE_FAILURE;
}

/* The variable goes from the environment: browsers are started with that. */
static enum status read_secret(struct connection *connection, const struct connect_options *options,
                               struct diag *diag)
{
    const struct config_credential from = {.kind = CONFIG_CREDENTIAL_HEADER,
                                           .from_env = slice_view_cstr(options->secret_env),
                                           .from_file = slice_view_cstr(options->secret_file)};
    if (options->secret_env == NULL && options->secret_file == NULL) {
        return STATUS_OK;
    }
    enum status status = inputs_secret(&from, &connection->arena, &connection->client_secret);
    if (options->secret_env != NULL) {
        (void)unsetenv(options->secret_env);
    }
    return status == STATUS_OK && connection->client_secret.len > 0
               ? STATUS_OK
               : diag_fail(diag, STATUS_NOT_FOUND, "sign_in.client", "'%s' holds no client secret",
                           options->secret_env != NULL ? options->secret_env
                                                       : options->secret_file);
}

static enum status open_connection(struct connection *connection,
                                   const struct connect_options *options, struct diag *diag)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    char path[STATE_FOLDER_BYTES], folder[STATE_FOLDER_BYTES + 16];
    uint8_t seed[16];
    connection->random = system_random();
    arena_init(&connection->arena, SECRET_BYTES_MAX, NULL);
    TRY(process_guard_apply(diag)); /* before a token is read */
    TRY(read_secret(connection, options, diag));
    TRY(openssl_crypto_new(&connection->crypto));
    TRY(connection->random.fill(connection->random.context, seed, sizeof(seed)));
    json_parser_init(&connection->parser, &LIMITS, seed);
    (void)snprintf(folder, sizeof(folder), "%s/connect",
                   one_server_state(options->server.state, path));
    return token_store_init(&connection->store, folder, slice_view_cstr(options->server.upstream),
                            openssl_crypto_port(connection->crypto), &connection->parser, diag);
}

static struct sign_in sign_in_of(const struct connection *connection,
                                 const struct connect_options *options)
{
    return (struct sign_in){
        .url = slice_view_cstr(options->server.upstream),
        .client_id = slice_view_cstr(options->client_id),
        .client_secret = connection->client_secret,
        .scope = slice_view_cstr(options->scope),
        .authorities = options->server.authorities,
        .opens_browser = !options->no_browser,
        .redirect_port = (uint16_t)options->redirect_port,
        .time_limit_ms = options->time_limit_s * 1000,
        .parser = &connection->parser,
        .crypto = openssl_crypto_port(connection->crypto),
        .random = &connection->random,
    };
}

/* A server that takes no tokens back is no failure of ours. */
static int say_revoked(enum status told, const struct diag *diag)
{
    if (told == STATUS_OK) {
        return EXIT_CODE_OK;
    }
    fprintf(
        stderr,
        "aegis connect: not every token was revoked, and one that was not is good until it ends: "
        "%s\n",
        diag->message[0] != '\0' ? diag->message : "they could not be read");
    return told == STATUS_NOT_FOUND && diag->code != NULL ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

/* The authorization server first, then the file, which goes whatever that one says. */
static int sign_out(struct connection *connection, const struct connect_options *options)
{
    struct arena arena;
    struct grant grant;
    struct diag diag = {0}, revocation = {0};
    const char *url = options->server.upstream;
    const struct sign_in sign_in = sign_in_of(connection, options);
    int lock = token_store_lock(&connection->store, SIGN_OUT_PATIENCE_MS, NULL);
    if (lock < 0) {
        fprintf(stderr,
                "aegis connect: another process is signing in at %s just now, and keeps "
                "what it gets; sign out again when it is done\n",
                url);
    }
    arena_init(&arena, GRANT_BYTES_MAX, NULL);
    enum status told = token_store_load(&connection->store, &arena, &grant, &revocation);
    if (told == STATUS_OK) {
        told = curl_library_load(&revocation);
        told = told == STATUS_OK ? sign_in_revoke(&sign_in, &grant, &arena, &revocation) : told;
    }
    arena_wipe(&arena);
    enum status status = token_store_remove(&connection->store, &diag);
    if (lock >= 0) {
        (void)close(lock);
    }
    if (status == STATUS_NOT_FOUND) {
        fprintf(stderr, "aegis connect: nobody is signed in at %s\n", url);
        return EXIT_CODE_FAILURE;
    }
    if (status != STATUS_OK) {
        return fail(&diag);
    }
    printf("signed out at %s: the tokens kept here are gone\n", url);
    return say_revoked(told, &revocation);
}

static int serve(struct connection *connection, const struct connect_options *options)
{
    struct keeper keeper;
    struct diag diag = {0};
    const struct sign_in sign_in = sign_in_of(connection, options);
    if (curl_library_load(&diag) != STATUS_OK) {
        return fail(&diag);
    }
    if (keeper_start(&keeper, &sign_in, &connection->store, &diag) != STATUS_OK) {
        keeper_stop(&keeper);
        return fail(&diag);
    }
    struct one_server server = options->server;
    const struct bearer_source source = keeper_source(&keeper);
    server.bearer = &source;
    int code = one_server_run(&server);
    keeper_stop(&keeper);
    return code;
}

/* The one operand; a token must not travel in the clear. */
static bool check_url(struct connect_options *options, const struct operands *operands)
{
    struct config_url url;
    if (operands->count != 1) {
        fputs("aegis connect: give the URL of the server\n", stderr);
        return false;
    }
    options->server.upstream = operands->items[0];
    const char *problem = config_url_parse(slice_view_cstr(operands->items[0]), &url);
    if (problem == NULL && !url.is_https && !config_host_is_loopback(url.host)) {
        problem = "it must be https, or on this machine";
    }
    if (problem == NULL && !url.is_https && options->server.authorities != NULL) {
        problem = "nobody's certificate is looked at without https; leave out --ca";
    }
    if (problem != NULL) {
        fprintf(stderr, "aegis connect: the URL cannot be used: %s\n", problem);
        return false;
    }
    return true;
}

/* A client that is an address has no secret, because everybody can read what is there. */
static bool check_client(const struct connect_options *options)
{
    bool has_secret = options->secret_file != NULL || options->secret_env != NULL;
    const char *problem = NULL;
    if (options->secret_file != NULL && options->secret_env != NULL) {
        problem = "a client has one secret: give --client-secret-file or --client-secret-env";
    } else if (has_secret && options->client_id == NULL) {
        problem = "whose secret is it? give --client-id, too";
    } else if (has_secret &&
               slice_starts_with(slice_view_cstr(options->client_id), SLICE("https://"))) {
        problem = "a client id that is the address of a document has no secret";
    }
    if (problem != NULL) {
        fprintf(stderr, "aegis connect: %s\n", problem);
    }
    return problem == NULL;
}

static int run(int argc, char **argv)
{
    struct connect_options values = {
        .server = {.command_name = "connect", .no_auth = true, .is_stdio = true},
        .time_limit_s = TIME_LIMIT_S};
    struct one_server *server = &values.server;
    struct operands operands = {.max = 1};
    const struct option options[] = {
        {.name = "client-id", .kind = OPTION_TEXT, .out.text = &values.client_id},
        {.name = "client-secret-file", .kind = OPTION_TEXT, .out.text = &values.secret_file},
        {.name = "client-secret-env", .kind = OPTION_TEXT, .out.text = &values.secret_env},
        {.name = "scope", .kind = OPTION_TEXT, .out.text = &values.scope},
        {.name = "ca", .kind = OPTION_TEXT, .out.text = &server->authorities},
        {.name = "no-browser", .kind = OPTION_FLAG, .out.flag = &values.no_browser},
        {.name = "redirect-port",
         .kind = OPTION_NUMBER,
         .out.number = &values.redirect_port,
         .min = 1,
         .max = 65535},
        {.name = "time-limit",
         .kind = OPTION_NUMBER,
         .out.number = &values.time_limit_s,
         .min = 1,
         .max = TIME_LIMIT_S_MAX},
        {.name = "sign-out", .kind = OPTION_FLAG, .out.flag = &values.sign_out},
        {.name = "policy", .letter = 'p', .kind = OPTION_TEXT, .out.text = &server->policy},
        {.name = "state", .kind = OPTION_TEXT, .out.text = &server->state},
        {.name = "revision", .kind = OPTION_TEXT, .out.text = &server->revision},
        {.name = "extensions", .kind = OPTION_TEXT, .out.text = &server->extensions},
        {.name = "no-audit", .kind = OPTION_FLAG, .out.flag = &server->no_audit}};
    enum options_result result =
        options_read(&command_connect, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    if (!check_url(&values, &operands) || !check_client(&values)) {
        return EXIT_CODE_USAGE;
    }
    struct connection connection = {0};
    struct diag diag = {0};
    int code;
    if (open_connection(&connection, &values, &diag) != STATUS_OK) {
        code = fail(&diag);
    } else {
        code = values.sign_out ? sign_out(&connection, &values) : serve(&connection, &values);
    }
    arena_wipe(&connection.arena);
    openssl_crypto_free(connection.crypto);
    return code;
}

const struct command command_connect = {
    .name = "connect",
    .summary = "join a client to a remote server, signed in with the browser",
    .usage = USAGE,
    .run = run,
};
