/* aegis token key: a key of a caller without an identity provider, and the entry that stands for
 * it. */
#include "cli/token.h"

#include "adapters/crypto/openssl_crypto.h"
#include "cli/duration.h"
#include "cli/options.h"
#include "core/identity/api_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENTRY_BYTES_MAX 65536

struct key_options {
    const char *subject, *tenant, *expires, *file;
    struct option_list roles, scopes, servers;
};

static int fail(const char *what, const char *subject)
{
    (void)fprintf(stderr, "aegis token key: %s '%s'\n", what, subject);
    return EXIT_CODE_FAILURE;
}

static int usage_error(const char *what, const char *subject)
{
    (void)fprintf(stderr, "aegis token key: %s '%s'\nsee 'aegis token key --help'\n", what,
                  subject);
    return EXIT_CODE_USAGE;
}

static bool view_words(const struct option_list *list, struct slice words[OPTION_VALUES_MAX])
{
    bool are_utf8 = true;
    for (size_t i = 0; i < list->count; i++) {
        words[i] = slice_view_cstr(list->items[i]);
        are_utf8 = are_utf8 && words[i].len > 0 && slice_is_utf8(words[i]) &&
                   slice_find_control(words[i], 0) == words[i].len;
    }
    return are_utf8;
}

/* A list whose last line has no end would swallow the entry. */
static bool lacks_line_end(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char last = '\n';
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* Written at once, so that two of us do not mix their lines. */
static int append_entry(const char *path, struct buf *entry)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return fail(strerror(errno), path);
    }
    struct buf line;
    buf_init(&line, ENTRY_BYTES_MAX, NULL);
    buf_append(&line, lacks_line_end(fd) ? SLICE("\n") : SLICE_EMPTY);
    buf_append(&line, buf_view(entry));
    buf_append_byte(&line, '\n');
    bool is_written = buf_status(&line) == STATUS_OK &&
                      write(fd, line.ptr, line.len) == (ssize_t)line.len && fsync(fd) == 0;
    buf_release(&line);
    (void)close(fd);
    return is_written ? EXIT_CODE_OK : fail("cannot write", path);
}

static int print_key(const struct buf *key, const struct buf *entry, bool is_stored)
{
    bool is_written = printf("%.*s\n", SLICE_ARG(buf_view(key))) > 0 &&
                      (is_stored || printf("%.*s\n", SLICE_ARG(buf_view(entry))) > 0) &&
                      fflush(stdout) == 0;
    return is_written ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

/* The key is printed after its entry is stored: one that nobody knows cannot be used. */
static int make_key(const struct port_crypto *crypto, struct api_key *key, const char *file)
{
    struct port_random random = system_random();
    uint8_t id[API_KEY_ID_BYTES], secret[API_KEY_SECRET_BYTES];
    struct buf text, entry;
    buf_init(&text, API_KEY_TEXT_BYTES, NULL);
    buf_init(&entry, ENTRY_BYTES_MAX, NULL);
    int code = EXIT_CODE_FAILURE;
    if (random.fill(random.context, id, sizeof(id)) == STATUS_OK &&
        random.fill(random.context, secret, sizeof(secret)) == STATUS_OK) {
        api_key_write(crypto, id, secret, &text);
        crypto->sha256(crypto->context, buf_view(&text), key->hash);
    }
    if (buf_status(&text) == STATUS_OK && api_key_parse(crypto, buf_view(&text), &key->id)) {
        api_key_write_entry(key, &entry);
        code = buf_status(&entry) != STATUS_OK ? fail("the entry is too long for", file)
               : file == NULL                  ? EXIT_CODE_OK
                                               : append_entry(file, &entry);
        code = code == EXIT_CODE_OK ? print_key(&text, &entry, file != NULL) : code;
    }
    explicit_bzero(secret, sizeof(secret));
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.capacity);
    }
    buf_release(&text);
    buf_release(&entry);
    return code;
}

static int checked_key(const struct key_options *given)
{
    struct slice roles[OPTION_VALUES_MAX], scopes[OPTION_VALUES_MAX], servers[OPTION_VALUES_MAX];
    struct slice names[OPTION_VALUES_MAX] = {{0}};
    struct option_list name_list = {.items = {given->subject, given->tenant},
                                    .count = given->tenant == NULL ? 1 : 2};
    struct openssl_crypto *crypto = NULL;
    int64_t seconds = duration_read(slice_view_cstr(given->expires));
    if (seconds == 0) {
        return usage_error("--expires needs a number and s, m, h or d, up to ten years; got",
                           given->expires);
    }
    if (!view_words(&given->roles, roles) || !view_words(&given->scopes, scopes) ||
        !view_words(&given->servers, servers) || !view_words(&name_list, names)) {
        return usage_error("texts must be UTF-8 and not empty, see", given->subject);
    }
    if (slice_find_byte(names[1], '|') < names[1].len) {
        return usage_error("a tenant must have no '|', unlike", given->tenant);
    }
    struct api_key key = {.subject = names[0],
                          .tenant = names[1],
                          .roles = roles,
                          .role_count = given->roles.count,
                          .scopes = scopes,
                          .scope_count = given->scopes.count,
                          .servers = servers,
                          .server_count = given->servers.count,
                          .expires_at_s = (int64_t)time(NULL) + seconds};
    if (openssl_crypto_new(&crypto) != STATUS_OK) {
        return EXIT_CODE_FAILURE;
    }
    int code = make_key(openssl_crypto_port(crypto), &key, given->file);
    openssl_crypto_free(crypto);
    return code;
}

static int run(int argc, char **argv)
{
    struct key_options given = {0};
    struct operands operands = {0};
    const struct option options[] = {
        {.name = "subject", .kind = OPTION_TEXT, .is_required = true, .out.text = &given.subject},
        {.name = "tenant", .kind = OPTION_TEXT, .out.text = &given.tenant},
        {.name = "expires", .kind = OPTION_TEXT, .is_required = true, .out.text = &given.expires},
        {.name = "role", .kind = OPTION_LIST, .out.list = &given.roles},
        {.name = "scope", .kind = OPTION_LIST, .out.list = &given.scopes},
        {.name = "server", .kind = OPTION_LIST, .out.list = &given.servers},
        {.name = "file", .kind = OPTION_TEXT, .out.text = &given.file},
    };
    enum options_result result =
        options_read(&token_key, options, COUNT_OF(options), argc, argv, &operands);
    return result == OPTIONS_OK ? checked_key(&given) : options_exit(result);
}

const struct command token_key = {
    .name = "token key",
    .summary = "make a key for a caller without an identity provider",
    .usage = "usage: aegis token key --subject S --expires TIME [OPTIONS]\n"
             "\n"
             "Makes a key for a caller that has no identity provider. It is printed once and\n"
             "stored nowhere: the list of preset api-keys holds its hash. The gateway reads\n"
             "the list when it is reloaded.\n"
             "\n"
             "  --subject S      whom the key stands for\n"
             "  --expires TIME   how long it is good: a number and s, m, h or d, up to ten\n"
             "                   years\n"
             "  --tenant T       his tenant\n"
             "  --role R         a role of his; up to 64 times\n"
             "  --scope S        a scope of his; up to 64 times\n"
             "  --server NAME    a server that the key is for; up to 64 times (default: all)\n"
             "  --file FILE      the list to append the entry to, which is made when it is\n"
             "                   absent (default: print the entry behind the key)\n"
             "\n"
             "examples:\n"
             "  aegis token key --subject nightly --role Readers --expires 90d \\\n"
             "      --file keys.jsonl\n",
    .run = run,
};
