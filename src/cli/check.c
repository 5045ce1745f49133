/* aegis check: one validator for configuration and policies. */
#include "cli/command.h"
#include "cli/options.h"
#include "daemon/config/config.h"
#include "daemon/config/policy_files.h"
#include "daemon/discovery.h"
#include "daemon/key_sets.h"
#include "daemon/revocation_file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)256 << 20)

struct checked {
    struct arena arena;
    struct config_report report;
    struct config *config; /* NULL: only policies were checked, or it is wrong */
    size_t file_count, policy_count;
};

/* Every path given on the command line or in the configuration, one after the other. */
static enum status check_policies(struct checked *checked, const struct slice *paths, size_t count)
{
    struct policy_files files;
    struct cedar_policy_set *set = NULL;
    enum status status = policy_files_read(paths, count, &checked->arena, &files, &checked->report);
    if (status == STATUS_LIMIT) {
        return status;
    }
    /* What could be read is parsed even if other files could not, to show all problems at once. */
    enum status parsed = policy_files_parse(&files, &checked->arena, &set, &checked->report);
    checked->file_count = files.count;
    if (parsed == STATUS_OK) {
        checked->policy_count = cedar_policy_count(set);
        cedar_policy_set_free(set);
    }
    return status != STATUS_OK ? status : parsed;
}

static enum status check_config(struct checked *checked, struct slice path)
{
    TRY(config_load(path, &checked->arena, &checked->config, &checked->report));
    TRY(revocation_file_check(checked->config, &checked->arena, &checked->report));
    return check_policies(checked, checked->config->policies.items,
                          checked->config->policies.count);
}

static bool is_policy_path(const char *path)
{
    struct stat status;
    bool is_folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    return is_folder || slice_ends_with(slice_view_cstr(path), SLICE(".cedar"));
}

static const char *default_path(void)
{
    return access("aegis.yaml", F_OK) == 0 ? "aegis.yaml" : "/etc/aegis/aegis.yaml";
}

static void print_metadata_addresses(const struct config_issuer *issuer, struct arena *arena)
{
    struct slice address = SLICE_EMPTY;
    for (size_t i = 0; discovery_address(issuer, i, arena, &address) == STATUS_OK; i++) {
        printf("  %.*s\n", SLICE_ARG(address));
    }
}

/* What the gateway will ask an issuer for: about tokens and groups, and for its keys, in this
 * order. */
static void print_addresses(const char *path, const struct config_issuer *issuer,
                            struct arena *arena)
{
    struct slice address = issuer->jwks_url.text;
    if (config_introspection_is_found(issuer)) {
        printf("%s: where issuer '%.*s' is asked about tokens will be asked for at the first of "
               "these that is about it:\n",
               path, SLICE_ARG(issuer->name));
        print_metadata_addresses(issuer, arena);
    } else if (config_issuer_is_asked(issuer)) {
        printf("%s: issuer '%.*s' will be asked about tokens at %.*s\n", path,
               SLICE_ARG(issuer->name), SLICE_ARG(issuer->introspection.endpoint.text));
    }
    if (config_issuer_looks_up(issuer)) {
        printf("%s: groups that tokens of issuer '%.*s' lack will be looked up at %.*s, by client "
               "'%.*s' of %.*s\n",
               path, SLICE_ARG(issuer->name), SLICE_ARG(issuer->graph.endpoint.text),
               SLICE_ARG(issuer->graph.client_id), SLICE_ARG(issuer->graph.login.text));
    }
    if (!config_issuer_signs(issuer) || !key_sets_is_remote(issuer)) {
        return;
    }
    printf("%s: the keys of issuer '%.*s' will be asked for at", path, SLICE_ARG(issuer->name));
    if (address.len > 0) {
        printf(" %.*s\n", SLICE_ARG(address));
        return;
    }
    fputs(" the address in the first of these that is about it:\n", stdout);
    print_metadata_addresses(issuer, arena);
}

/* Likewise, for where people sign in. */
static void print_door_addresses(const char *path, const struct config_issuer *issuer,
                                 struct arena *arena)
{
    if (config_sign_in_is_found(issuer)) {
        printf("%s: where people sign in by '%.*s' will be asked for at the first of these that is "
               "about it:\n",
               path, SLICE_ARG(issuer->name));
        print_metadata_addresses(issuer, arena);
    }
}

static void print_summary(const char *path, struct checked *checked, enum status status)
{
    config_report_print(stderr, &checked->report);
    if (status == STATUS_LIMIT) {
        fprintf(stderr, "%s: not checked: memory ran out\n", path);
    } else if (status != STATUS_OK) {
        fprintf(stderr, "%s: %zu problem%s\n", path, checked->report.count,
                checked->report.count == 1 ? "" : "s");
    } else if (checked->config != NULL) {
        printf("%s: ok: %zu servers, %zu issuers, %zu policies in %zu files\n", path,
               checked->config->server_count, checked->config->issuer_count, checked->policy_count,
               checked->file_count);
        for (size_t i = 0; i < checked->config->issuer_count; i++) {
            print_addresses(path, &checked->config->issuers[i], &checked->arena);
            print_door_addresses(path, &checked->config->issuers[i], &checked->arena);
        }
    } else {
        printf("%s: ok: %zu policies in %zu files\n", path, checked->policy_count,
               checked->file_count);
    }
    if (status == STATUS_OK && checked->policy_count == 0) {
        printf("%s: there are no policies, so every call will be denied\n", path);
    }
}

static int check_path(const char *path, bool is_json)
{
    struct checked checked = {0};
    struct slice text = slice_view_cstr(path);
    arena_init(&checked.arena, ARENA_BYTES, NULL);
    enum status status =
        is_policy_path(path) ? check_policies(&checked, &text, 1) : check_config(&checked, text);
    checked.report.failed = checked.report.failed || status == STATUS_LIMIT;
    if (is_json) {
        config_report_print_json(stdout, &checked.report);
    } else {
        print_summary(path, &checked, status);
    }
    arena_release(&checked.arena);
    return status == STATUS_OK ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

/* The limits in force with the file, or the defaults when none is named. */
static int print_limits(const char *path, bool is_json)
{
    struct checked checked = {0};
    arena_init(&checked.arena, ARENA_BYTES, NULL);
    enum status status = STATUS_OK;
    if (path != NULL) {
        status =
            config_load(slice_view_cstr(path), &checked.arena, &checked.config, &checked.report);
    }
    if (status != STATUS_OK) {
        print_summary(path, &checked, status);
    } else {
        const struct config_limits *limits =
            checked.config != NULL ? &checked.config->limits : NULL;
        (is_json ? config_limits_print_json : config_limits_print)(stdout, limits);
    }
    arena_release(&checked.arena);
    return status == STATUS_OK ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

static int run(int argc, char **argv)
{
    bool shows_limits = false, shows_schema = false;
    const char *output = "text";
    const struct option options[] = {
        {.name = "limits", .kind = OPTION_FLAG, .out.flag = &shows_limits},
        {.name = "schema", .kind = OPTION_FLAG, .out.flag = &shows_schema},
        OUTPUT_OPTION(output),
    };
    struct operands operands = {.max = 1};
    enum options_result result =
        options_read(&command_check, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    bool is_json = slice_eq(slice_view_cstr(output), SLICE("json"));
    if (shows_schema) {
        config_schema_print(stdout);
        return EXIT_CODE_OK;
    }
    if (shows_limits) {
        return print_limits(operands.count > 0 ? operands.items[0] : NULL, is_json);
    }
    return check_path(operands.count > 0 ? operands.items[0] : default_path(), is_json);
}

const struct command command_check = {
    .name = "check",
    .summary = "validate a configuration or policies; every problem at once",
    .usage = "usage: aegis check [--output text|json] [PATH]\n"
             "       aegis check --limits [--output text|json] [PATH]\n"
             "       aegis check --schema\n"
             "\n"
             "PATH is a configuration, a .cedar file or a folder of policies; without it,\n"
             "./aegis.yaml or /etc/aegis/aegis.yaml. A configuration is checked with all files\n"
             "that it names. Nothing is started or changed.\n"
             "\n"
             "  --limits     print every limit: value, default, range (of PATH, or the\n"
             "               defaults)\n"
             "  --schema     print the JSON Schema of the configuration\n"
             "  --output O   text (default) or json\n"
             "\n"
             "examples:\n"
             "  aegis check /etc/aegis/aegis.yaml\n"
             "  aegis check policies/ --output json\n",
    .exit_codes = "  0  no problem\n"
                  "  1  problems found\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
