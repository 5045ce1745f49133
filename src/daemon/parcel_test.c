#include "daemon/parcel.h"

#include "adapters/crypto/signing_key.h"
#include "daemon/file.h"
#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)64 << 20)
#define PATH_BYTES 256

struct fixture {
    char folder[PATH_BYTES];
    struct arena arena, other;
    struct inputs inputs;
    int parcel;
    struct inputs unpacked;
    struct parcel_files files;
};

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[PATH_BYTES + 16];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void remove_text(const char *folder, const char *name)
{
    char path[PATH_BYTES + 16];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path);
}

#define AUTHORITIES "-----BEGIN CERTIFICATE-----\n"

static const char CONFIG[] =
    "version: 1\n"
    "listen: {tls: {cert: cert.pem, key: key.pem}}\n"
    "state_dir: .\n"
    "policies: [a.cedar, b.cedar]\n"
    "client_documents: {ca: ca.pem}\n"
    "identity:\n"
    "- {name: plain, audience: a, issuer: 'https://i', jwks: 'https://i/keys'}\n"
    "- {name: door, audience: a, issuer: 'https://j', ca: issuer.pem, sign_in:"
    " {client_id: c, client_secret: {file: secret}, authorization_endpoint: 'https://j/a',"
    " token_endpoint: 'https://j/t'}, introspection: {endpoint: 'https://j/i', client_id: c,"
    " client_secret: {file: secret}}}\n"
    "servers:\n"
    "- {name: one, url: 'https://one', tls: {ca: ca.pem},"
    " credential: {service: {header: Authorization, prefix: 'Bearer ', from: {file: secret}}}}\n"
    "- {name: two, command: [cat], credential: {service: {env: T, from: {file: secret}}}}\n"
    "- {name: three, url: 'https://three',"
    " credential: {service: {header: Authorization, from: {env: AEGIS_NO_SUCH_VARIABLE}}}}\n";

static void set_up(struct fixture *self)
{
    *self = (struct fixture){.folder = "/tmp/aegis-parcel-XXXXXX", .parcel = -1};
    CHECK(mkdtemp(self->folder) != NULL);
    write_text(self->folder, "aegis.yaml", CONFIG);
    write_text(self->folder, "cert.pem", "certificate");
    write_text(self->folder, "key.pem", "key");
    write_text(self->folder, "ca.pem", "authorities");
    write_text(self->folder, "issuer.pem", AUTHORITIES);
    write_text(self->folder, "secret", "word\n");
    write_text(self->folder, "a.cedar", "permit (principal, action, resource);");
    write_text(self->folder, "b.cedar", "");
    arena_init(&self->arena, ARENA_BYTES, NULL);
    arena_init(&self->other, ARENA_BYTES, NULL);
    char path[PATH_BYTES + 16];
    struct config_report report = {0};
    (void)snprintf(path, sizeof(path), "%s/aegis.yaml", self->folder);
    CHECK(inputs_load(path, &self->arena, &self->inputs, &report) == STATUS_OK);
}

static enum status unpack(struct fixture *self, struct config_report *report)
{
    return parcel_unpack(self->parcel, &self->other, &self->unpacked, &self->files, report);
}

static void tear_down(struct fixture *self)
{
    static const char *const NAMES[] = {"aegis.yaml", "cert.pem",   "key.pem",
                                        "ca.pem",     "issuer.pem", "secret",
                                        "a.cedar",    "b.cedar",    "audit.key"};
    parcel_close(&self->files);
    if (self->parcel >= 0) {
        (void)close(self->parcel);
    }
    arena_release(&self->arena);
    arena_release(&self->other);
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        remove_text(self->folder, NAMES[i]);
    }
    CHECK(rmdir(self->folder) == 0);
}

static bool file_holds(struct slice path, const char *expected)
{
    struct buf text;
    buf_init(&text, ARENA_BYTES, NULL);
    bool holds = slice_starts_with(path, SLICE("/proc/self/fd/")) &&
                 file_read(path, &text) == STATUS_OK &&
                 slice_eq(buf_view(&text), slice_view_cstr(expected));
    buf_release(&text);
    return holds;
}

/* An issuer whose authorities got lost must not be believed by those of the system. */
TEST(parcel_without_the_authorities_of_an_issuer_is_none)
{
    struct fixture self;
    struct config_report report = {0};
    set_up(&self);
    self.inputs.config->issuers[1].authorities = SLICE_EMPTY;
    CHECK(parcel_pack(&self.inputs, &self.parcel, NULL) == STATUS_OK);
    CHECK(unpack(&self, &report) == STATUS_INVALID);
    tear_down(&self);
}

TEST(parcel_brings_everything_a_worker_may_have)
{
    struct fixture self;
    struct config_report report = {0};
    set_up(&self);
    CHECK(parcel_pack(&self.inputs, &self.parcel, NULL) == STATUS_OK);
    CHECK(unpack(&self, &report) == STATUS_OK && report.count == 0);
    const struct config *config = self.unpacked.config;
    CHECK(slice_eq(config->file, self.inputs.config->file));
    CHECK(slice_eq(config->audit.dir, SLICE(".")));
    CHECK(file_holds(config->listen.tls.cert, "certificate"));
    CHECK(file_holds(config->listen.tls.key, "key"));
    CHECK(file_holds(config->servers[0].tls_ca, "authorities"));
    CHECK(self.unpacked.policies.count == 2);
    CHECK(slice_ends_with(self.unpacked.policies.sources[0].name, SLICE("/a.cedar")));
    CHECK(slice_starts_with(self.unpacked.policies.sources[0].text, SLICE("permit")));
    CHECK(self.unpacked.policies.sources[1].text.len == 0);
    CHECK(slice_eq(self.unpacked.secrets[0], SLICE("Bearer word")));
    CHECK(self.unpacked.sign_in_secrets[0].ptr == NULL);
    CHECK(slice_eq(self.unpacked.sign_in_secrets[1], SLICE("word")));
    CHECK(slice_eq(self.unpacked.document_authorities, SLICE("authorities")));
    CHECK(config->issuers[0].authorities.len == 0);
    CHECK(slice_eq(config->issuers[1].authorities, SLICE(AUTHORITIES)));
    CHECK(self.unpacked.inquiry_secrets[0].ptr == NULL);
    CHECK(slice_eq(self.unpacked.inquiry_secrets[1], SLICE("word")));
    struct signing_key *key = NULL;
    CHECK(signing_key_open(self.inputs.audit_key_path, &key, NULL) == STATUS_OK);
    CHECK(slice_eq(self.unpacked.audit_public,
                   slice_of(signing_key_public(key), SIGNING_PUBLIC_BYTES)));
    signing_key_free(key);
    tear_down(&self);
}

/* Secrets of children, those that were not there, and the key that signs the journal, in whatever
 * form. */
TEST(parcel_leaves_out_what_a_worker_must_not_have)
{
    struct fixture self;
    struct config_report report = {0};
    struct buf file, packed;
    set_up(&self);
    CHECK(parcel_pack(&self.inputs, &self.parcel, NULL) == STATUS_OK);
    CHECK(unpack(&self, &report) == STATUS_OK && self.unpacked.audit_key_path == NULL);
    buf_init(&file, ARENA_BYTES, NULL);
    buf_init(&packed, ARENA_BYTES, NULL);
    CHECK(file_read(slice_view_cstr(self.inputs.audit_key_path), &file) == STATUS_OK);
    CHECK(file_read_unnamed(self.parcel, &packed) == STATUS_OK);
    /* The second line of the PEM file ends in the key itself. */
    struct slice line = slice_sub(buf_view(&file), 60, 90);
    CHECK(slice_starts_with(buf_view(&file), SLICE("-----BEGIN PRIVATE KEY-----")));
    CHECK(memmem(packed.ptr, packed.len, line.ptr, line.len) == NULL);
    CHECK(memmem(packed.ptr, packed.len, "PRIVATE KEY", 11) == NULL);
    buf_release(&packed);
    buf_release(&file);
    for (size_t i = 1; i < self.unpacked.config->server_count; i++) {
        CHECK(self.unpacked.secrets[i].ptr == NULL);
    }
    tear_down(&self);
}

TEST(parcel_brings_texts_and_secrets)
{
    struct fixture self;
    struct config_report report = {0};
    set_up(&self);
    CHECK(parcel_pack(&self.inputs, &self.parcel, NULL) == STATUS_OK);
    CHECK(unpack(&self, &report) == STATUS_OK);
    CHECK(self.unpacked.policies.count == 2);
    CHECK(slice_eq(self.unpacked.secrets[0], SLICE("Bearer word")));
    CHECK(self.unpacked.sign_in_secrets[0].ptr == NULL);
    CHECK(slice_eq(self.unpacked.sign_in_secrets[1], SLICE("word")));
    CHECK(slice_eq(self.unpacked.document_authorities, SLICE("authorities")));
    CHECK(self.unpacked.inquiry_secrets[0].ptr == NULL);
    CHECK(slice_eq(self.unpacked.inquiry_secrets[1], SLICE("word")));
    tear_down(&self);
}

TEST(parcel_is_closed_and_sealed)
{
    struct fixture self;
    struct config_report report = {0};
    struct stat info;
    set_up(&self);
    CHECK(parcel_pack(&self.inputs, &self.parcel, NULL) == STATUS_OK);
    CHECK(write(self.parcel, "x", 1) < 0 && ftruncate(self.parcel, 1) < 0);
    CHECK(fstat(self.parcel, &info) == 0 && (info.st_mode & 0777) == 0400);
    CHECK((fcntl(self.parcel, F_GETFD) & FD_CLOEXEC) != 0);
    /* Every worker reads it from the beginning. */
    CHECK(lseek(self.parcel, 0, SEEK_END) > 0);
    CHECK(unpack(&self, &report) == STATUS_OK);
    tear_down(&self);
}

TEST(parcel_needs_the_listeners_files)
{
    static const char *const NAMES[] = {"cert.pem", "key.pem", "ca.pem"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        struct fixture self;
        struct diag diag = {0};
        set_up(&self);
        remove_text(self.folder, NAMES[i]);
        CHECK_ROW(NAMES[i], parcel_pack(&self.inputs, &self.parcel, &diag) == STATUS_NOT_FOUND);
        CHECK_ROW(NAMES[i], str_eq(diag.code, "file.unreadable"));
        CHECK_ROW(NAMES[i], strstr(diag.message, NAMES[i]) != NULL);
        tear_down(&self);
    }
}

/* The supervisor is trusted; a parcel that is cut all the same must not be read beyond its end. */
TEST(parcel_that_is_cut_is_no_crash)
{
    struct fixture self;
    struct buf whole;
    set_up(&self);
    CHECK(parcel_pack(&self.inputs, &self.parcel, NULL) == STATUS_OK);
    buf_init(&whole, ARENA_BYTES, NULL);
    CHECK(file_read_unnamed(self.parcel, &whole) == STATUS_OK);
    for (size_t len = 0; len < whole.len; len += 7) {
        struct config_report report = {0};
        (void)close(self.parcel);
        CHECK(file_unnamed(slice_of(whole.ptr, len), &self.parcel, NULL) == STATUS_OK);
        enum status status = unpack(&self, &report);
        CHECK(status == STATUS_OK || status == STATUS_INVALID);
        parcel_close(&self.files);
        arena_reset(&self.other);
    }
    buf_release(&whole);
    tear_down(&self);
}
