/* aegis token revoke: an entry of the list of revocations; aegis token revocations: the list.
 *
 * The list is replaced by a whole one beside it, under a lock of its folder, so that neither the
 * gateway nor another of us ever sees half of it, and what people wrote into it stays as it is. */
#include "cli/token.h"

#include "adapters/crypto/openssl_crypto.h"
#include "cli/duration.h"
#include "cli/options.h"
#include "daemon/file.h"
#include "daemon/revocation_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define LINE_BYTES_MAX 65536
#define TOKEN_BYTES_MAX 65536
#define TIME_TEXT_BYTES 32
#define OWNER_ONLY 0600

struct revoke_options {
    const char *config, *issuer, *issued_before, *expires, *reason;
    const char *targets[REVOCATION_KIND_COUNT]; /* by kind; NULL: not given */
    bool reads_token;
};

struct session {
    struct arena arena;
    struct json_parser parser;
    struct config *config;
    struct revocations *asked; /* the entry to be written, as the gateway would read it */
};

static int fail(const char *what)
{
    (void)fprintf(stderr, "aegis token: %s\n", what);
    return EXIT_CODE_FAILURE;
}

static int usage_error(const struct command *command, const char *what)
{
    (void)fprintf(stderr, "aegis %s: %s\nsee 'aegis %s --help'\n", command->name, what,
                  command->name);
    return EXIT_CODE_USAGE;
}

/* -- what it says ----------------------------------------------------------------------------- */

static const char *time_text(int64_t time_s, char out[TIME_TEXT_BYTES])
{
    time_t seconds = (time_t)time_s;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        (void)snprintf(out, TIME_TEXT_BYTES, "%" PRId64, time_s);
    }
    return out;
}

static void print_entry(FILE *out, const struct revocation *entry)
{
    char text[TIME_TEXT_BYTES];
    struct slice member = revocation_member(entry->kind);
    bool has_time = entry->issued_before_s != INT64_MAX;
    if (member.len > 0) {
        (void)fprintf(out, "%.*s '%.*s'", SLICE_ARG(member), SLICE_ARG(entry->value));
    } else {
        (void)fputs("everything", out);
    }
    if (entry->issuer.len > 0) {
        (void)fprintf(out, " of issuer '%.*s'", SLICE_ARG(entry->issuer));
    }
    if (has_time) {
        (void)fprintf(out, ", issued before %s", time_text(entry->issued_before_s, text));
    }
    if (entry->expires_at_s != INT64_MAX) {
        (void)fprintf(out, ", until %s", time_text(entry->expires_at_s, text));
    }
    if (entry->reason.len > 0) {
        (void)fprintf(out, " (%.*s)", SLICE_ARG(entry->reason));
    }
}

/* -- the configuration ------------------------------------------------------------------------ */

static bool open_session(struct session *self, const char *path)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {0}; /* the operator writes the file */
    struct config_report report = {.is_lenient = true};
    arena_init(&self->arena, ARENA_BYTES_MAX, NULL);
    json_parser_init(&self->parser, &LIMITS, SEED);
    if (config_load(slice_view_cstr(path), &self->arena, &self->config, &report) != STATUS_OK) {
        config_report_print(stderr, &report);
        (void)fail("the configuration cannot be used; see 'aegis check'");
        return false;
    }
    if (self->config->revocations.len == 0) {
        (void)fail("the configuration names no list: add 'revocations: FILE'");
        return false;
    }
    return true;
}

static void close_session(struct session *self)
{
    revocations_unref(self->asked);
    arena_release(&self->arena);
}

static bool has_issuer(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->issuer_count; i++) {
        if (slice_eq(config->issuers[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* -- the entry -------------------------------------------------------------------------------- */

/* Its digits as the gateway has them; the token itself is not kept. */
static enum status hash_token(struct arena *arena, struct slice *digits)
{
    static const char DIGITS[] = "0123456789abcdef";
    struct openssl_crypto *crypto = NULL;
    uint8_t bytes[TOKEN_BYTES_MAX], hash[CRYPTO_SHA256_BYTES];
    size_t len = fread(bytes, 1, sizeof(bytes), stdin);
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
        len--;
    }
    if (len == 0 || len == sizeof(bytes) || openssl_crypto_new(&crypto) != STATUS_OK) {
        return STATUS_INVALID;
    }
    const struct port_crypto *port = openssl_crypto_port(crypto);
    port->sha256(port->context, slice_of(bytes, len), hash);
    explicit_bzero(bytes, sizeof(bytes));
    openssl_crypto_free(crypto);
    char text[PRINCIPAL_FINGERPRINT_BYTES];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = DIGITS[(i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2]) & 15];
    }
    return arena_copy(arena, slice_of(text, sizeof(text)), digits);
}

static bool read_times(const struct revoke_options *given, struct revocation *out)
{
    int64_t now_s = (int64_t)time(NULL);
    out->issued_before_s = out->expires_at_s = INT64_MAX;
    if (given->issued_before != NULL) {
        struct slice text = slice_view_cstr(given->issued_before);
        bool is_now = slice_eq(text, SLICE("now"));
        if (!is_now && (slice_to_i64(text, &out->issued_before_s) != STATUS_OK)) {
            return false;
        }
        out->issued_before_s = is_now ? now_s : out->issued_before_s;
    }
    if (given->expires != NULL) {
        int64_t seconds = duration_read(slice_view_cstr(given->expires));
        out->expires_at_s = now_s + seconds;
        return seconds > 0;
    }
    return true;
}

static int read_entry(struct session *self, const struct revoke_options *given,
                      struct revocation *out)
{
    size_t count = 0;
    *out = (struct revocation){.kind = REVOCATION_ISSUER};
    if (!read_times(given, out)) {
        return usage_error(&token_revoke, "--issued-before needs 'now' or seconds since 1970, "
                                          "--expires a number and s, m, h or d");
    }
    for (enum revocation_kind kind = 0; kind < REVOCATION_KIND_COUNT; kind++) {
        if (given->targets[kind] != NULL) {
            out->kind = kind;
            out->value = slice_view_cstr(given->targets[kind]);
            count++;
        }
    }
    if (given->reads_token) {
        out->kind = REVOCATION_TOKEN;
        count++;
        if (hash_token(&self->arena, &out->value) != STATUS_OK) {
            return fail("there is no token on standard input");
        }
    }
    if (count > 1) {
        return usage_error(&token_revoke, "one entry is about one thing");
    }
    out->issuer = given->issuer == NULL ? SLICE_EMPTY : slice_view_cstr(given->issuer);
    out->reason = given->reason == NULL ? SLICE_EMPTY : slice_view_cstr(given->reason);
    if (out->issuer.len > 0 && !has_issuer(self->config, out->issuer)) {
        return fail("--issuer names no entry of 'identity' in the configuration");
    }
    return EXIT_CODE_OK;
}

/* What the gateway would make of the line says whether the command line makes sense. */
static int write_line(struct session *self, const struct revocation *given, struct buf *line)
{
    struct diag diag = {0};
    revocation_write(given, line);
    if (buf_status(line) != STATUS_OK || !slice_is_utf8(buf_view(line))) {
        return usage_error(&token_revoke, "texts must be UTF-8 and short");
    }
    if (revocations_read(&self->parser, buf_view(line), 1, &self->asked, &diag) != STATUS_OK) {
        struct slice message = slice_view_cstr(diag.message);
        struct slice prefix = SLICE("line 1: ");
        size_t skipped = slice_starts_with(message, prefix) ? prefix.len : 0;
        return usage_error(&token_revoke, diag.message + skipped);
    }
    buf_clear(line);
    revocation_write(revocations_at(self->asked, 0), line);
    return EXIT_CODE_OK;
}

/* -- the file --------------------------------------------------------------------------------- */

/* The folder of a file, locked until it is closed; -1 with errno. */
static int lock_folder(const char *path)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    *(strrchr(folder, '/') + 1) = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            (void)close(fd);
            return -1;
        }
    }
    return fd;
}

static bool write_whole(int fd, struct slice text, const struct stat *like)
{
    /* Who may read the old one may read this one; the owner stays if we may give it to him. */
    bool is_owned = fchown(fd, like->st_uid, like->st_gid) == 0 || like->st_uid == geteuid();
    return is_owned && fchmod(fd, like->st_mode & 0777) == 0 &&
           write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
}

static bool replace_file(int folder, const char *path, struct slice text)
{
    char next[PATH_MAX];
    struct stat like;
    int len = snprintf(next, sizeof(next), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(next) || stat(path, &like) != 0) {
        return false;
    }
    int fd = mkostemp(next, O_CLOEXEC);
    bool is_done = fd >= 0 && write_whole(fd, text, &like) && rename(next, path) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (fd >= 0 && !is_done) {
        (void)unlink(next);
    }
    return is_done && fsync(folder) == 0;
}

static int append(const struct config *config, int folder, const char *path, struct buf *text,
                  struct slice line)
{
    bool lacks_end = text->len > 0 && text->ptr[text->len - 1] != '\n';
    buf_append(text, lacks_end ? SLICE("\n") : SLICE_EMPTY);
    buf_append(text, line);
    buf_append_byte(text, '\n');
    if (buf_status(text) != STATUS_OK) {
        return fail("the list would be longer than 'limits.revocation_bytes'");
    }
    if (!replace_file(folder, path, buf_view(text))) {
        (void)fprintf(stderr, "aegis token revoke: cannot write '%.*s': %s\n",
                      SLICE_ARG(config->revocations), strerror(errno));
        return EXIT_CODE_FAILURE;
    }
    return EXIT_CODE_OK;
}

static int store(struct session *self, struct slice line, const char *path, int folder)
{
    const struct config *config = self->config;
    struct revocations *list = NULL;
    struct diag diag = {0};
    struct buf text;
    int code = EXIT_CODE_OK;
    size_t count_max = (size_t)config->limits.revocations;
    buf_init(&text, (size_t)config->limits.revocation_bytes, NULL);
    if (file_read(slice_view_cstr(path), &text) != STATUS_OK) {
        code = fail("the list cannot be read");
    } else if (revocations_read(&self->parser, buf_view(&text), count_max, &list, &diag) !=
               STATUS_OK) {
        code = fail(diag.message);
    } else if (revocations_cover(list, revocations_at(self->asked, 0))) {
        (void)fputs("already on the list: ", stdout);
    } else if (revocations_count(list) >= count_max) {
        code = fail("the list is full ('limits.revocations'); remove what has expired");
    } else {
        code = append(config, folder, path, &text, line);
    }
    revocations_unref(list);
    buf_release(&text);
    return code;
}

static int store_locked(struct session *self, struct slice line)
{
    char path[PATH_MAX];
    /* A link stays a link: what it leads to is replaced. */
    int folder = realpath((const char *)self->config->revocations.ptr, path) == NULL
                     ? -1
                     : lock_folder(path);
    if (folder < 0) {
        return fail(strerror(errno));
    }
    int code = store(self, line, path, folder);
    (void)close(folder);
    if (code == EXIT_CODE_OK) {
        (void)fputs("refused: ", stdout);
        print_entry(stdout, revocations_at(self->asked, 0));
        (void)fputc('\n', stdout);
        code = fflush(stdout) == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
    }
    return code;
}

static int write_entry(const struct revoke_options *given)
{
    struct session self = {0};
    struct revocation entry;
    struct buf line;
    int code = EXIT_CODE_FAILURE;
    buf_init(&line, LINE_BYTES_MAX, NULL);
    if (open_session(&self, given->config)) {
        code = read_entry(&self, given, &entry);
        code = code == EXIT_CODE_OK ? write_line(&self, &entry, &line) : code;
        code = code == EXIT_CODE_OK ? store_locked(&self, buf_view(&line)) : code;
    }
    buf_release(&line);
    close_session(&self);
    return code;
}

static int run_revoke(int argc, char **argv)
{
    struct revoke_options given = {0};
    struct operands operands = {.max = 1};
    const char **targets = given.targets;
    const struct option options[] = {
        {.name = "config", .kind = OPTION_TEXT, .is_required = true, .out.text = &given.config},
        {.name = "issuer", .kind = OPTION_TEXT, .out.text = &given.issuer},
        {.name = "token", .kind = OPTION_TEXT, .out.text = &targets[REVOCATION_TOKEN]},
        {.name = "jti", .kind = OPTION_TEXT, .out.text = &targets[REVOCATION_ID]},
        {.name = "subject", .kind = OPTION_TEXT, .out.text = &targets[REVOCATION_SUBJECT]},
        {.name = "session", .kind = OPTION_TEXT, .out.text = &targets[REVOCATION_SESSION]},
        {.name = "client", .kind = OPTION_TEXT, .out.text = &targets[REVOCATION_CLIENT]},
        {.name = "key", .kind = OPTION_TEXT, .out.text = &targets[REVOCATION_KEY]},
        {.name = "issued-before", .kind = OPTION_TEXT, .out.text = &given.issued_before},
        {.name = "expires", .kind = OPTION_TEXT, .out.text = &given.expires},
        {.name = "reason", .kind = OPTION_TEXT, .out.text = &given.reason},
    };
    enum options_result result =
        options_read(&token_revoke, options, COUNT_OF(options), argc, argv, &operands);
    if (result != OPTIONS_OK) {
        return options_exit(result);
    }
    given.reads_token = operands.count == 1 && strcmp(operands.items[0], "-") == 0;
    if (operands.count == 1 && !given.reads_token) {
        return usage_error(&token_revoke, "a token is read from standard input: write '-'");
    }
    return write_entry(&given);
}

const struct command token_revoke = {
    .name = "token revoke",
    .summary = "shut a token, a key or a caller out at once",
    .usage = "usage: aegis token revoke --config FILE --issuer NAME (--subject S | --client C)\n"
             "                          [--issued-before WHEN] [OPTIONS]\n"
             "       aegis token revoke --config FILE --issuer NAME (--jti ID | --session SID)\n"
             "                          [OPTIONS]\n"
             "       aegis token revoke --config FILE --issuer NAME --issued-before WHEN\n"
             "                          [OPTIONS]\n"
             "       aegis token revoke --config FILE (--key ID | --token DIGITS | -)\n"
             "                          [OPTIONS]\n"
             "\n"
             "Writes an entry into the list that 'revocations' of the configuration names, and\n"
             "says who is refused. The gateway knows it within a second and ends what he has\n"
             "open. What the list says already is not written again. With - the token itself\n"
             "is read from standard input.\n"
             "\n"
             "  --config FILE          the configuration; it names the list\n"
             "  --issuer NAME          the name of an entry in 'identity'\n"
             "  --subject S            a caller\n"
             "  --client C             a client\n"
             "  --jti ID               one token, by its id\n"
             "  --session SID          a session at the identity provider\n"
             "  --key ID               an API key\n"
             "  --token DIGITS         one token, by its SHA-256 or the first 16 digits of\n"
             "                         that\n"
             "  --issued-before WHEN   'now' or seconds since 1970: what was issued then or\n"
             "                         later stays good\n"
             "  --expires TIME         a number and s, m, h or d: from then on the entry says\n"
             "                         nothing; choose it longer than tokens live (default:\n"
             "                         never)\n"
             "  --reason TEXT          why, for the record; up to 256 bytes\n"
             "\n"
             "examples:\n"
             "  aegis token revoke --config aegis.yaml --issuer corp \\\n"
             "      --subject 3f1e --reason left\n"
             "  aegis token revoke --config aegis.yaml --key 4be1a9c07d52\n"
             "  aegis token revoke --config aegis.yaml --expires 1d - <token.txt\n",
    .exit_codes = "  0  the entry is on the list\n"
                  "  1  it could not be written\n"
                  "  2  the command line is wrong\n",
    .run = run_revoke,
};

/* -- the list --------------------------------------------------------------------------------- */

static void print_text(const struct config *config, const struct revocations *list)
{
    int64_t now_s = (int64_t)time(NULL);
    for (size_t i = 0; i < revocations_count(list); i++) {
        const struct revocation *entry = revocations_at(list, i);
        print_entry(stdout, entry);
        if (entry->expires_at_s <= now_s) {
            (void)fputs(": has expired", stdout);
        } else if (entry->issuer.len > 0 && !has_issuer(config, entry->issuer)) {
            (void)fputs(": there is no such entry in 'identity'", stdout);
        }
        (void)fputc('\n', stdout);
    }
}

static void print_json(const struct revocations *list)
{
    (void)fputc('[', stdout);
    for (size_t i = 0; i < revocations_count(list); i++) {
        struct buf line;
        buf_init(&line, LINE_BYTES_MAX, NULL);
        revocation_write(revocations_at(list, i), &line);
        (void)printf("%s%.*s", i > 0 ? "," : "", SLICE_ARG(buf_view(&line)));
        buf_release(&line);
    }
    (void)fputs("]\n", stdout);
}

static int print_list(const char *path, bool is_json)
{
    struct session self = {0};
    struct revocation_file file = {0};
    struct diag diag = {0};
    int code = EXIT_CODE_FAILURE;
    if (!open_session(&self, path)) {
        code = EXIT_CODE_FAILURE;
    } else if (revocation_file_look(&file, self.config, revocation_file_read, &self.parser,
                                    &diag) != STATUS_OK) {
        code = fail(diag.message);
    } else {
        if (is_json) {
            print_json(file.list);
        } else {
            print_text(self.config, file.list);
        }
        code = fflush(stdout) == 0 ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
    }
    revocation_file_release(&file);
    close_session(&self);
    return code;
}

static int run_revocations(int argc, char **argv)
{
    const char *path = NULL;
    const char *output = "text";
    struct operands operands = {0};
    const struct option options[] = {
        {.name = "config", .kind = OPTION_TEXT, .is_required = true, .out.text = &path},
        OUTPUT_OPTION(output),
    };
    enum options_result result =
        options_read(&token_revocations, options, COUNT_OF(options), argc, argv, &operands);
    return result == OPTIONS_OK ? print_list(path, strcmp(output, "json") == 0)
                                : options_exit(result);
}

const struct command token_revocations = {
    .name = "token revocations",
    .summary = "print who is shut out",
    .usage = "usage: aegis token revocations --config FILE [--output text|json]\n"
             "\n"
             "Prints the list that 'revocations' of the configuration names, as the gateway\n"
             "reads it: what was said several times stands there once. An entry that has\n"
             "expired says nothing any more and can be removed from the file.\n"
             "\n"
             "  --config FILE   the configuration; it names the list\n"
             "  --output O      text (default) or json\n"
             "\n"
             "examples:\n"
             "  aegis token revocations --config aegis.yaml\n",
    .exit_codes = "  0  the list could be read\n"
                  "  1  it could not\n"
                  "  2  the command line is wrong\n",
    .run = run_revocations,
};
