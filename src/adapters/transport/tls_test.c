#include "adapters/transport/tls.h"

#include "adapters/transport/http_server.h"
#include "adapters/transport/http_upstream.h"
#include "adapters/transport/peer_test.h"
#include "support/check.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNT_BYTES ((size_t)64 << 20)
#define BIG_BYTES 3000000

/* A directory with an authority that is also the server's certificate. */
struct files {
    char directory[64], certificate[96], key[96], other[96];
};

static void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    CHECK(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void write_files(const char *certificate_file, const char *key_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    (void)X509_set_version(certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0);
    (void)X509_set_issuer_name(certificate, name);
    (void)X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *out = fopen(certificate_file, "w");
    CHECK(out != NULL && PEM_write_X509(out, certificate) == 1 && fclose(out) == 0);
    out = fopen(key_file, "w");
    CHECK(out != NULL && PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 &&
          fclose(out) == 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void make_files(struct files *files)
{
    (void)snprintf(files->directory, sizeof(files->directory), "/tmp/aegis-tls-XXXXXX");
    CHECK(mkdtemp(files->directory) != NULL);
    (void)snprintf(files->certificate, sizeof(files->certificate), "%s/c.pem", files->directory);
    (void)snprintf(files->key, sizeof(files->key), "%s/k.pem", files->directory);
    (void)snprintf(files->other, sizeof(files->other), "%s/o.pem", files->directory);
    write_files(files->other, files->key);
    write_files(files->certificate, files->key);
}

static void remove_files(const struct files *files)
{
    CHECK(unlink(files->certificate) == 0 && unlink(files->key) == 0 && unlink(files->other) == 0);
    CHECK(rmdir(files->directory) == 0);
}

struct fixture {
    struct files files;
    struct loop loop;
    struct tls_context *tls;
    struct http_server server;
    struct upstream_target target;
    struct http_upstream *upstream;
    struct port_upstream port;
    struct upstream_sink sink;
    struct buf message;
    uint8_t *big;
    size_t begin_count;
    enum status status;
    struct diag diag;
    uint16_t listen_port;
    bool has_ended, is_closed;
};

static struct fixture *fixture_of(const struct upstream_sink *sink)
{
    return sink->user;
}

static void on_message(const struct upstream_sink *sink, struct slice json, bool is_stream)
{
    CHECK(!is_stream);
    buf_clear(&fixture_of(sink)->message);
    buf_append(&fixture_of(sink)->message, json);
}

static void on_end(const struct upstream_sink *sink, enum status status, int http_status,
                   const struct diag *diag)
{
    (void)http_status;
    fixture_of(sink)->status = status;
    fixture_of(sink)->diag = *diag;
    fixture_of(sink)->has_ended = true;
}

static bool admit(void *context, const struct exchange_request *head, struct exchange_reply *reply)
{
    (void)context;
    (void)reply;
    return head->is_tls;
}

static void begin(void *context, struct exchange *exchange, const struct exchange_request *request)
{
    static const struct http_field TYPE[] = {
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")}};
    struct fixture *self = context;
    struct slice body = slice_of(self->big, BIG_BYTES);
    self->begin_count++;
    if (request->body.len < 100) {
        body = request->body;
    }
    exchange->vtable->reply(
        exchange, &(struct exchange_reply){
                      .status_code = 200, .fields = TYPE, .field_count = 1, .body = body});
    exchange->vtable->release(exchange);
}

static void refused(void *context, const struct exchange_request *head, const char *code,
                    struct exchange_reply *reply)
{
    (void)context;
    (void)head;
    (void)code;
    (void)reply;
}

static void set_up_with(struct fixture *self, struct slice host, bool trusts, int64_t header_ms)
{
    int fd = -1;
    struct http_server_options options = HTTP_SERVER_OPTIONS_DEFAULT;
    struct http_upstream_options upstream_options = HTTP_UPSTREAM_OPTIONS_DEFAULT;
    *self = (struct fixture){.sink = {.on_message = on_message, .on_end = on_end, .user = self}};
    make_files(&self->files);
    self->big = base_alloc(BIG_BYTES);
    for (size_t i = 0; i < BIG_BYTES; i++) {
        self->big[i] = (uint8_t)(i * 31 >> 3);
    }
    buf_init(&self->message, ACCOUNT_BYTES, NULL);
    CHECK(loop_init(&self->loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(tls_server_context_new(self->files.certificate, self->files.key, NULL, &self->tls,
                                 NULL) == STATUS_OK);
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &fd, NULL) == STATUS_OK);
    self->listen_port = tcp_local_port(fd);
    options.tls = self->tls;
    options.header_ms = header_ms;
    CHECK(http_server_start(&self->server, &self->loop, fd, &options,
                            &(struct exchange_handler){self, admit, begin, refused},
                            NULL) == STATUS_OK);
    self->target =
        (struct upstream_target){.host = host,
                                 .port = self->listen_port,
                                 .path = SLICE_INIT("/mcp"),
                                 .is_tls = true,
                                 .ca_file = trusts ? self->files.certificate : self->files.other};
    CHECK(http_upstream_new(&self->loop, &self->target, 1, &upstream_options, &self->upstream,
                            NULL) == STATUS_OK);
    self->port = http_upstream_port(self->upstream);
}

static void on_server_closed(void *context)
{
    *(bool *)context = true;
}

static void set_up(struct fixture *self, struct slice host, bool trusts)
{
    set_up_with(self, host, trusts, 60000);
}

static void tear_down(struct fixture *self)
{
    http_upstream_free(self->upstream);
    http_server_close(&self->server, on_server_closed, &self->is_closed);
    CHECK(peer_run_until(&self->loop, &self->is_closed));
    loop_release(&self->loop);
    CHECK(self->loop.account.used_bytes == 0);
    tls_context_unref(self->tls);
    buf_release(&self->message);
    base_free(self->big);
    remove_files(&self->files);
}

static void call(struct fixture *self, struct slice body)
{
    struct upstream_call *running = NULL;
    struct upstream_request request = {
        .body = body, .expects_answer = true, .id = 1, .timeout_ms = 60000};
    self->has_ended = false;
    CHECK(self->port.start(self->port.context, &request, &self->sink, &running, NULL) == STATUS_OK);
    CHECK(peer_run_until(&self->loop, &self->has_ended));
}

TEST(tls_carries_requests_and_answers)
{
    struct fixture self;
    set_up(&self, SLICE("127.0.0.1"), true);
    for (int i = 0; i < 3; i++) {
        call(&self, SLICE("{\"id\":1}"));
        CHECK(self.status == STATUS_OK);
        CHECK(slice_eq(buf_view(&self.message), SLICE("{\"id\":1}")));
    }
    /* Far more than the sockets take at once, both ways. */
    call(&self, slice_of(self.big, BIG_BYTES));
    CHECK(self.status == STATUS_OK);
    CHECK(slice_eq(buf_view(&self.message), slice_of(self.big, BIG_BYTES)));
    CHECK(self.begin_count == 4 && http_upstream_idle_count(self.upstream) == 1);
    CHECK(self.server.connection_count == 1);
    tear_down(&self);
}

TEST(tls_checks_who_the_server_is)
{
    static const struct {
        const char *row;
        struct slice host;
        bool trusts, is_fine;
    } ROWS[] = {
        {"by name", SLICE_INIT("localhost"), true, true},
        {"other authority", SLICE_INIT("127.0.0.1"), false, false},
        {"other address", SLICE_INIT("127.0.0.2"), true, false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct fixture self;
        set_up(&self, ROWS[i].host, ROWS[i].trusts);
        call(&self, SLICE("{}"));
        CHECK_ROW(ROWS[i].row, (self.status == STATUS_OK) == ROWS[i].is_fine);
        CHECK_ROW(ROWS[i].row, ROWS[i].is_fine || str_eq(self.diag.code, "upstream.down"));
        CHECK_ROW(ROWS[i].row, self.begin_count == (ROWS[i].is_fine ? 1 : 0));
        tear_down(&self);
    }
}

TEST(tls_server_ends_who_does_not_speak_it)
{
    static const struct slice ROWS[] = {
        SLICE_INIT("POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
        SLICE_INIT("\x16\x03\x01\x00"), /* half a record: the head deadline ends it */
        SLICE_INIT(""),
    };
    struct fixture self;
    struct peer peers[COUNT_OF(ROWS)];
    set_up_with(&self, SLICE("127.0.0.1"), true, 200);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        peer_connect(&peers[i], &self.loop, self.listen_port);
        peer_send(&peers[i], ROWS[i]);
        CHECK(peer_run_until_ended(&self.loop, &peers[i]));
        CHECK(!peer_contains(&peers[i], SLICE("HTTP/")));
        peer_close(&peers[i]);
    }
    CHECK(self.begin_count == 0);
    tear_down(&self);
}

TEST(tls_contexts_refuse_bad_files)
{
    struct files files;
    struct tls_context *context = NULL;
    struct diag diag = {0};
    make_files(&files);
    CHECK(tls_server_context_new("/nonexistent", files.key, NULL, &context, &diag) ==
          STATUS_INVALID);
    CHECK(str_eq(diag.code, "tls.certificate"));
    CHECK(tls_server_context_new(files.certificate, "/nonexistent", NULL, &context, &diag) ==
          STATUS_INVALID);
    CHECK(str_eq(diag.code, "tls.key"));
    CHECK(tls_server_context_new(files.other, files.key, NULL, &context, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "tls.key"));
    CHECK(tls_client_context_new(files.key, &context, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "tls.ca"));
    CHECK(context == NULL);
    CHECK(tls_client_context_new(NULL, &context, &diag) == STATUS_OK);
    tls_context_unref(context);
    tls_context_unref(NULL);
    remove_files(&files);
}

TEST(tcp_addresses)
{
    static const struct {
        const char *text;
        bool is_numeric;
    } ROWS[] = {
        {"127.0.0.1", true}, {"::1", true},          {"", false},      {"localhost", false},
        {"[::1]", false},    {"127.0.0.1 ", false},  {"127.1", false}, {"1.2.3.256", false},
        {"::1%lo", false},   {"127.0.0.1:1", false},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct sockaddr_storage out;
        enum status status = tcp_address_parse(slice_view_cstr(ROWS[i].text), 1, &out);
        CHECK_ROW(ROWS[i].text, (status == STATUS_OK) == ROWS[i].is_numeric);
    }
    int fd = -1;
    struct diag diag = {0};
    CHECK(tcp_listen_fd(SLICE("localhost"), 0, &fd, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "listen.address"));
    CHECK(tcp_listen_fd(SLICE("192.0.2.1"), 0, &fd, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "listen.bind"));
}

/* Loops of one process share a port; another process must not. */
TEST(tcp_ports_are_shared_on_purpose_only)
{
    int first = -1;
    int second = -1;
    struct diag diag = {0};
    CHECK(tcp_check_free(SLICE("127.0.0.1"), 0, NULL) == STATUS_OK);
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &first, NULL) == STATUS_OK);
    uint16_t port = tcp_local_port(first);
    CHECK(listen(first, 1) == 0);
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), port, &second, NULL) == STATUS_OK);
    CHECK(tcp_check_free(SLICE("127.0.0.1"), port, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "listen.bind"));
    CHECK(close(first) == 0 && close(second) == 0);
    CHECK(tcp_check_free(SLICE("127.0.0.1"), port, NULL) == STATUS_OK);
}
