/* Certificates of clients: real handshakes over loopback, with authorities made here. */
#include "adapters/transport/http_server.h"
#include "adapters/transport/peer_test.h"
#include "core/identity/client_certificate.h"
#include "support/check.h"
#include "support/issued.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT_BYTES ((size_t)64 << 20)
#define CHAIN_MAX 5

static X509_CRL *take_back(const struct issued *by, const X509 *revoked, int64_t until_s)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -ISSUED_DAY_S);
    ASN1_TIME *until = X509_gmtime_adj(NULL, until_s);
    (void)X509_CRL_set_version(list, 1);
    (void)X509_CRL_set_issuer_name(list, X509_get_subject_name(by->certificate));
    (void)X509_CRL_set1_lastUpdate(list, from);
    (void)X509_CRL_set1_nextUpdate(list, until);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        (void)X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)X509_get0_serialNumber(revoked));
        (void)X509_REVOKED_set_revocationDate(entry, from);
        CHECK(X509_CRL_add0_revoked(list, entry) == 1);
    }
    CHECK(X509_CRL_sign(list, by->key, EVP_sha256()) > 0);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return list;
}

/* -- the server ------------------------------------------------------------------------------ */

struct fixture {
    char folder[64];
    char server[96], key[96], ours[96], theirs[96], middle[96], crl[96];
    struct issued root, other, mid;
    struct loop loop;
    struct http_server http;
    struct tls_context *tls;
    uint16_t port;
    struct client_certificate *seen; /* of the last request */
    size_t begin_count, refused_count;
    const char *refused;
    bool is_closed;
};

static bool admit(void *context, const struct exchange_request *head, struct exchange_reply *reply)
{
    (void)context;
    (void)reply;
    return head->is_tls;
}

static void begin(void *context, struct exchange *exchange, const struct exchange_request *request)
{
    struct fixture *self = context;
    self->begin_count++;
    client_certificate_unref(self->seen);
    self->seen = client_certificate_ref(request->certificate);
    exchange->vtable->reply(exchange, &(struct exchange_reply){.status_code = 204});
    exchange->vtable->release(exchange);
}

static void refused(void *context, const struct exchange_request *head, const char *code,
                    struct exchange_reply *reply)
{
    struct fixture *self = context;
    (void)reply;
    CHECK(slice_eq(head->peer_ip, SLICE("127.0.0.1")) && head->target.len == 0);
    self->refused_count++;
    self->refused = code;
}

static void write_list(const char *path, X509_CRL *list)
{
    FILE *out = fopen(path, "w");
    CHECK(out != NULL && PEM_write_X509_CRL(out, list) == 1 && fclose(out) == 0);
    X509_CRL_free(list);
}

static void make_files(struct fixture *self)
{
    char *const paths[] = {self->server, self->key,    self->ours,
                           self->theirs, self->middle, self->crl};
    static const char *const NAMES[] = {"s.pem",      "k.pem",      "ours.pem",
                                        "theirs.pem", "middle.pem", "crl.pem"};
    (void)snprintf(self->folder, sizeof(self->folder), "/tmp/aegis-clients-XXXXXX");
    CHECK(mkdtemp(self->folder) != NULL);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        (void)snprintf(paths[i], sizeof(self->server), "%s/%s", self->folder, NAMES[i]);
    }
    self->root = issued_authority(NULL, "ours");
    self->other = issued_authority(NULL, "theirs");
    self->mid = issued_authority(&self->root, "middle");
    struct issued server = issued_make(&self->root, &(struct issued_wish){.name = "gateway"});
    issued_write(self->server, &server, 1);
    FILE *out = fopen(self->key, "w");
    CHECK(out != NULL && PEM_write_PrivateKey(out, server.key, NULL, NULL, 0, NULL, NULL) == 1 &&
          fclose(out) == 0);
    issued_release(&server);
    issued_write(self->ours, &self->root, 1);
    issued_write(self->theirs, &self->other, 1);
    issued_write(self->middle, &self->mid, 1);
}

static struct tls_context *context_of(const struct fixture *self, const char *authorities,
                                      const char *crl, bool is_required)
{
    const struct slice file = slice_view_cstr(authorities);
    const struct tls_client_rules rules = {.authority_files = &file,
                                           .authority_file_count = authorities == NULL ? 0 : 1,
                                           .revocation_file = crl,
                                           .is_required = is_required};
    struct tls_context *tls = NULL;
    CHECK(tls_server_context_new(self->server, self->key, &rules, &tls, NULL) == STATUS_OK);
    return tls;
}

static void accept_by(struct fixture *self, struct tls_context *tls)
{
    http_server_set_tls(&self->http, tls);
    tls_context_unref(self->tls);
    self->tls = tls;
}

static void set_up(struct fixture *self)
{
    int fd = -1;
    struct http_server_options options = HTTP_SERVER_OPTIONS_DEFAULT;
    *self = (struct fixture){0};
    make_files(self);
    self->tls = context_of(self, self->ours, NULL, true);
    CHECK(loop_init(&self->loop, ACCOUNT_BYTES, NULL) == STATUS_OK);
    CHECK(tcp_listen_fd(SLICE("127.0.0.1"), 0, &fd, NULL) == STATUS_OK);
    self->port = tcp_local_port(fd);
    options.tls = self->tls;
    CHECK(http_server_start(&self->http, &self->loop, fd, &options,
                            &(struct exchange_handler){self, admit, begin, refused},
                            NULL) == STATUS_OK);
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

static void tear_down(struct fixture *self)
{
    const char *const paths[] = {self->server, self->key,    self->ours,
                                 self->theirs, self->middle, self->crl};
    http_server_close(&self->http, on_closed, &self->is_closed);
    CHECK(peer_run_until(&self->loop, &self->is_closed));
    loop_release(&self->loop);
    CHECK(self->loop.account.used_bytes == 0);
    client_certificate_unref(self->seen);
    tls_context_unref(self->tls);
    issued_release(&self->root);
    issued_release(&self->other);
    issued_release(&self->mid);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        (void)unlink(paths[i]);
    }
    CHECK(rmdir(self->folder) == 0);
}

/* -- the client ------------------------------------------------------------------------------ */

struct client {
    struct fixture *fixture;
    struct peer peer;
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    size_t taken, answer_count;
    bool has_asked;
};

/* chain[0] is the client's own, the rest goes with it. */
static void connect_client(struct client *client, struct fixture *fixture, int version,
                           const struct issued *own, X509 *const *chain)
{
    *client = (struct client){.fixture = fixture, .context = SSL_CTX_new(TLS_client_method())};
    CHECK(SSL_CTX_set_min_proto_version(client->context, version) == 1);
    CHECK(SSL_CTX_set_max_proto_version(client->context, version) == 1);
    if (own != NULL) {
        CHECK(SSL_CTX_use_certificate(client->context, own->certificate) == 1);
        CHECK(SSL_CTX_use_PrivateKey(client->context, own->key) == 1);
    }
    for (size_t i = 0; chain != NULL && chain[i] != NULL; i++) {
        CHECK(SSL_CTX_add1_chain_cert(client->context, chain[i]) == 1);
    }
    (void)SSL_CTX_set_session_cache_mode(client->context, SSL_SESS_CACHE_CLIENT);
    client->ssl = SSL_new(client->context);
    client->in = BIO_new(BIO_s_mem());
    client->out = BIO_new(BIO_s_mem());
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
    peer_connect(&client->peer, &fixture->loop, fixture->port);
}

static void close_client(struct client *client)
{
    peer_close(&client->peer);
    CHECK(peer_run_until(&client->fixture->loop, &client->peer.is_closed));
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
}

static void take_in(struct client *client)
{
    struct slice text = peer_text(&client->peer);
    struct slice fresh = slice_sub(text, client->taken, text.len);
    if (fresh.len > 0) {
        CHECK(BIO_write(client->in, fresh.ptr, (int)fresh.len) == (int)fresh.len);
        client->taken = text.len;
    }
}

static void give_out(struct client *client)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(client->out, &bytes);
    if (len > 0) {
        peer_send(&client->peer, slice_of(bytes, (size_t)len));
        (void)BIO_reset(client->out);
    }
}

static void read_answers(struct client *client)
{
    static const char REQUEST[] = "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    char answer[512];
    ERR_clear_error();
    if (SSL_do_handshake(client->ssl) == 1) {
        if (!client->has_asked) {
            CHECK(SSL_write(client->ssl, REQUEST, sizeof(REQUEST) - 1) == sizeof(REQUEST) - 1);
            client->has_asked = true;
        }
        int len = SSL_read(client->ssl, answer, sizeof(answer));
        client->answer_count += len > 12 && memcmp(answer, "HTTP/1.1 204", 12) == 0 ? 1 : 0;
    }
}

/* Ask once more, and wait for the answer or the end. The server ends what is silent for too long.
 */
static bool ask(struct client *client)
{
    size_t before = client->answer_count;
    client->has_asked = false;
    while (client->answer_count == before && !client->peer.is_ended) {
        take_in(client);
        read_answers(client);
        give_out(client);
        if (client->answer_count == before) {
            (void)uv_run(&client->fixture->loop.uv, UV_RUN_ONCE);
        }
    }
    return client->answer_count > before;
}

static bool ask_once(struct fixture *fixture, int version, const struct issued *own,
                     X509 *const *chain)
{
    struct client client;
    fixture->refused = NULL;
    connect_client(&client, fixture, version, own, chain);
    bool is_answered = ask(&client);
    close_client(&client);
    return is_answered;
}

static const int VERSIONS[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* -- tests ----------------------------------------------------------------------------------- */

static bool text_is(struct slice text, const char *expected)
{
    return slice_eq(text, slice_view_cstr(expected));
}

static bool is_hash_of(const uint8_t hash[CRYPTO_SHA256_BYTES], const X509 *certificate)
{
    uint8_t own[CRYPTO_SHA256_BYTES];
    return X509_digest(certificate, EVP_sha256(), own, NULL) == 1 &&
           memcmp(hash, own, sizeof(own)) == 0;
}

TEST(client_certificates_tell_who_is_there)
{
    struct fixture self;
    set_up(&self);
    struct issued own = issued_make(
        &self.mid,
        &(struct issued_wish){.name = "b\xC3\xB6t",
                              .purpose = "clientAuth",
                              .names = "URI:spiffe://acme/ns/a/sa/bot,DNS:a.example,DNS:b.example,"
                                       "email:bot@acme.example,IP:10.0.0.1"});
    X509 *const chain[] = {self.mid.certificate, NULL};
    for (size_t i = 0; i < COUNT_OF(VERSIONS); i++) {
        CHECK(ask_once(&self, VERSIONS[i], &own, chain));
        const struct client_certificate *seen = self.seen;
        CHECK(seen != NULL && is_hash_of(seen->sha256, own.certificate));
        CHECK(seen->issuer_count == 2 && is_hash_of(seen->issuers[0], self.mid.certificate) &&
              is_hash_of(seen->issuers[1], self.root.certificate));
        CHECK(text_is(seen->subject, "CN=b\\C3\\B6t,O=Acme\\, Inc."));
        CHECK(text_is(seen->common_name, "b\xC3\xB6t") && seen->unit.len == 0);
        CHECK(text_is(seen->organization, "Acme, Inc.") && seen->serial.len == 4);
        CHECK(seen->uris.count == 1 && text_is(seen->uris.items[0], "spiffe://acme/ns/a/sa/bot"));
        CHECK(seen->dns.count == 2 && text_is(seen->dns.items[1], "b.example"));
        CHECK(seen->emails.count == 1 && text_is(seen->emails.items[0], "bot@acme.example"));
        int64_t left_s = seen->expires_at_s - loop_wall_ms(&self.loop) / 1000;
        CHECK(left_s > 0 && left_s <= ISSUED_DAY_S);
    }
    CHECK(self.begin_count == 2 && self.refused_count == 0);
    issued_release(&own);
    tear_down(&self);
}

TEST(client_certificates_that_are_refused)
{
    struct fixture self;
    set_up(&self);
    const struct {
        const char *row;
        const struct issued *by;
        struct issued_wish wish;
        const char *code;
    } rows[] = {
        {"good", &self.root, {.name = "a"}, NULL},
        {"for clients", &self.root, {.name = "a", .purpose = "serverAuth,clientAuth"}, NULL},
        {"another authority", &self.other, {.name = "a"}, "certificate.untrusted"},
        {"self-signed", NULL, {.name = "a"}, "certificate.untrusted"},
        {"self-signed by the same name", NULL, {.name = "ours"}, "certificate.untrusted"},
        {"below one that is not sent", &self.mid, {.name = "a"}, "certificate.untrusted"},
        {"expired",
         &self.root,
         {.name = "a", .from_s = -ISSUED_DAY_S, .until_s = -1},
         "certificate.expired"},
        {"of tomorrow",
         &self.root,
         {.name = "a", .from_s = ISSUED_DAY_S, .until_s = (int64_t)2 * ISSUED_DAY_S},
         "certificate.not_yet_valid"},
        {"for servers", &self.root, {.name = "a", .purpose = "serverAuth"}, "certificate.purpose"},
        {"for anything",
         &self.root,
         {.name = "a", .purpose = "anyExtendedKeyUsage"},
         "certificate.purpose"},
        {"a name with a byte 0",
         &self.root,
         {.name = "a", .has_zero_name = true},
         "certificate.names"},
        {"a name with a space",
         &self.root,
         {.name = "a", .names = "URI:spiffe://a b"},
         "certificate.names"},
    };
    size_t begun = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct issued own = issued_make(rows[i].by, &rows[i].wish);
        for (size_t k = 0; k < COUNT_OF(VERSIONS); k++) {
            bool is_answered = ask_once(&self, VERSIONS[k], &own, NULL);
            CHECK_ROW(rows[i].row, is_answered == (rows[i].code == NULL));
            CHECK_ROW(rows[i].row, (self.refused == NULL) == (rows[i].code == NULL));
            CHECK_ROW(rows[i].row, self.refused == NULL || str_eq(self.refused, rows[i].code));
            begun += rows[i].code == NULL ? 1 : 0;
        }
        issued_release(&own);
    }
    CHECK(self.begin_count == begun && self.refused_count == 2 * COUNT_OF(rows) - begun);
    tear_down(&self);
}

/* before, count times item, after. */
static void repeat(struct buf *out, const char *before, const char *item, size_t count,
                   const char *after)
{
    buf_append(out, slice_view_cstr(before));
    for (size_t i = 0; i < count; i++) {
        buf_append(out, slice_view_cstr(item));
    }
    buf_append(out, slice_view_cstr(after));
    buf_append_byte(out, '\0');
}

TEST(client_certificates_have_names_up_to_their_bounds)
{
    static const struct {
        const char *row, *before, *item, *after;
        size_t most;
        bool is_subject;
    } rows[] = {
        {"addresses", "URI:a:b", ",URI:a:b", "", CLIENT_CERTIFICATE_NAMES_MAX - 1, false},
        {"hosts among others", "URI:a:b", ",DNS:a.b", ",email:a@b", CLIENT_CERTIFICATE_NAMES_MAX,
         false},
        {"mail", "email:a@b", ",email:a@b", "", CLIENT_CERTIFICATE_NAMES_MAX - 1, false},
        {"a long one", "URI:a:", "b", "", CLIENT_CERTIFICATE_NAME_BYTES_MAX - 2, false},
        {"subject", "", "s", "",
         CLIENT_CERTIFICATE_SUBJECT_BYTES_MAX - (sizeof("CN=,O=Acme\\, Inc.") - 1), true},
    };
    struct fixture self;
    set_up(&self);
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        size_t row = i / 2, over = i % 2;
        struct buf text;
        buf_init(&text, 2 * CLIENT_CERTIFICATE_NAME_BYTES_MAX, NULL);
        repeat(&text, rows[row].before, rows[row].item, rows[row].most + over, rows[row].after);
        const char *wished = (const char *)text.ptr;
        struct issued own =
            issued_make(&self.root, &(struct issued_wish){
                                        .name = rows[row].is_subject ? wished : "a",
                                        .names = rows[row].is_subject ? NULL : wished,
                                    });
        CHECK_ROW(rows[row].row, ask_once(&self, TLS1_3_VERSION, &own, NULL) == (over == 0));
        CHECK_ROW(rows[row].row, str_eq(self.refused, over == 0 ? NULL : "certificate.names"));
        issued_release(&own);
        buf_release(&text);
    }
    tear_down(&self);
}

TEST(client_certificates_required_and_optional)
{
    struct fixture self;
    set_up(&self);
    struct issued foreign = issued_make(&self.other, &(struct issued_wish){.name = "a"});
    for (size_t i = 0; i < COUNT_OF(VERSIONS); i++) {
        accept_by(&self, context_of(&self, self.ours, NULL, true));
        CHECK(!ask_once(&self, VERSIONS[i], NULL, NULL));
        CHECK(str_eq(self.refused, "certificate.missing"));
        accept_by(&self, context_of(&self, self.ours, NULL, false));
        CHECK(ask_once(&self, VERSIONS[i], NULL, NULL));
        CHECK(self.seen == NULL && self.refused == NULL);
        /* A bad one is not the same as none. */
        CHECK(!ask_once(&self, VERSIONS[i], &foreign, NULL));
        CHECK(str_eq(self.refused, "certificate.untrusted"));
    }
    /* Nobody is asked: what a client has it keeps for itself. */
    accept_by(&self, context_of(&self, NULL, NULL, false));
    CHECK(ask_once(&self, TLS1_3_VERSION, &foreign, NULL) && self.seen == NULL);
    issued_release(&foreign);
    tear_down(&self);
}

TEST(client_certificates_with_long_chains)
{
    static const char *const NAMES[CHAIN_MAX] = {"first", "second", "third", "fourth", "fifth"};
    struct fixture self;
    struct issued chain[CHAIN_MAX];
    X509 *sent[CHAIN_MAX + 1] = {0};
    set_up(&self);
    for (size_t i = 0; i < CHAIN_MAX; i++) {
        chain[i] = issued_authority(i == 0 ? &self.root : &chain[i - 1], NAMES[i]);
        for (size_t k = 0; k <= i; k++) {
            sent[k] = chain[i - k].certificate;
        }
        struct issued own = issued_make(&chain[i], &(struct issued_wish){.name = "a"});
        bool is_fine = i + 1 <= TLS_CLIENT_CHAIN_MAX;
        CHECK(ask_once(&self, VERSIONS[i % 2], &own, sent) == is_fine);
        CHECK(is_fine ? self.seen->issuer_count == i + 2
                      : str_eq(self.refused, "certificate.chain"));
        issued_release(&own);
    }
    for (size_t i = 0; i < CHAIN_MAX; i++) {
        issued_release(&chain[i]);
    }
    tear_down(&self);
}

/* An authority below another one may be trusted alone. */
TEST(client_certificates_of_a_part_of_an_authority)
{
    struct fixture self;
    set_up(&self);
    accept_by(&self, context_of(&self, self.middle, NULL, true));
    struct issued below = issued_make(&self.mid, &(struct issued_wish){.name = "a"});
    struct issued beside = issued_make(&self.root, &(struct issued_wish){.name = "a"});
    CHECK(ask_once(&self, TLS1_3_VERSION, &below, NULL));
    CHECK(self.seen->issuer_count == 1 && is_hash_of(self.seen->issuers[0], self.mid.certificate));
    CHECK(!ask_once(&self, TLS1_3_VERSION, &beside, NULL));
    CHECK(str_eq(self.refused, "certificate.untrusted"));
    issued_release(&below);
    issued_release(&beside);
    tear_down(&self);
}

TEST(client_certificates_that_were_taken_back)
{
    struct fixture self;
    set_up(&self);
    struct issued own = issued_make(&self.root, &(struct issued_wish){.name = "a"});
    struct issued below = issued_make(&self.mid, &(struct issued_wish){.name = "a"});
    X509 *const chain[] = {self.mid.certificate, NULL};
    const struct {
        const char *row;
        X509_CRL *list;
        const struct issued *client;
        const char *code;
    } rows[] = {
        {"not listed", take_back(&self.root, NULL, ISSUED_DAY_S), &own, NULL},
        {"listed", take_back(&self.root, own.certificate, ISSUED_DAY_S), &own,
         "certificate.revoked"},
        {"an old list", take_back(&self.root, NULL, -1), &own, "certificate.revocation_unknown"},
        {"no list of its issuer", take_back(&self.root, NULL, ISSUED_DAY_S), &below,
         "certificate.revocation_unknown"},
        {"a list of another", take_back(&self.other, NULL, ISSUED_DAY_S), &own,
         "certificate.revocation_unknown"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_list(self.crl, rows[i].list);
        accept_by(&self, context_of(&self, self.ours, self.crl, true));
        bool is_answered = ask_once(&self, VERSIONS[i % 2], rows[i].client, chain);
        CHECK_ROW(rows[i].row, is_answered == (rows[i].code == NULL));
        CHECK_ROW(rows[i].row, self.refused == rows[i].code || str_eq(self.refused, rows[i].code));
    }
    issued_release(&own);
    issued_release(&below);
    tear_down(&self);
}

static bool resumes(struct fixture *self, int version, const struct issued *own)
{
    struct client first, second;
    connect_client(&first, self, version, own, NULL);
    CHECK(ask(&first));
    SSL_SESSION *session = SSL_get1_session(first.ssl);
    client_certificate_unref(self->seen);
    self->seen = NULL;
    connect_client(&second, self, version, own, NULL);
    CHECK(session != NULL && SSL_set_session(second.ssl, session) == 1);
    CHECK(ask(&second));
    bool is_resumed = SSL_session_reused(second.ssl) == 1;
    SSL_SESSION_free(session);
    close_client(&first);
    close_client(&second);
    return is_resumed;
}

/* Resumption would bring a certificate without its chain, or one that was taken back since. */
TEST(client_certificates_are_shown_for_each_connection)
{
    struct fixture self;
    set_up(&self);
    struct issued own = issued_make(&self.root, &(struct issued_wish){.name = "a"});
    for (size_t i = 0; i < COUNT_OF(VERSIONS); i++) {
        CHECK(!resumes(&self, VERSIONS[i], &own));
        CHECK(self.seen != NULL && is_hash_of(self.seen->sha256, own.certificate));
        CHECK(self.seen->issuer_count == 1);
    }
    /* Without authorities of clients sessions are resumed: the test above can fail. */
    accept_by(&self, context_of(&self, NULL, NULL, false));
    CHECK(resumes(&self, TLS1_2_VERSION, NULL) && resumes(&self, TLS1_3_VERSION, NULL));
    /* A session of before is worth nothing once certificates are asked for. */
    struct client before, after;
    connect_client(&before, &self, TLS1_2_VERSION, NULL, NULL);
    CHECK(ask(&before));
    SSL_SESSION *session = SSL_get1_session(before.ssl);
    accept_by(&self, context_of(&self, self.ours, NULL, true));
    connect_client(&after, &self, TLS1_2_VERSION, NULL, NULL);
    CHECK(SSL_set_session(after.ssl, session) == 1 && !ask(&after));
    CHECK(str_eq(self.refused, "certificate.missing"));
    SSL_SESSION_free(session);
    close_client(&before);
    close_client(&after);
    issued_release(&own);
    tear_down(&self);
}

TEST(client_certificates_of_a_new_context_are_for_new_connections)
{
    struct fixture self;
    struct client client;
    set_up(&self);
    struct issued own = issued_make(&self.root, &(struct issued_wish){.name = "a"});
    struct issued foreign = issued_make(&self.other, &(struct issued_wish){.name = "a"});
    connect_client(&client, &self, TLS1_3_VERSION, &own, NULL);
    CHECK(ask(&client));
    accept_by(&self, context_of(&self, self.theirs, NULL, true));
    CHECK(ask(&client) && is_hash_of(self.seen->sha256, own.certificate));
    CHECK(!ask_once(&self, TLS1_3_VERSION, &own, NULL));
    CHECK(str_eq(self.refused, "certificate.untrusted"));
    CHECK(ask_once(&self, TLS1_3_VERSION, &foreign, NULL));
    close_client(&client);
    issued_release(&own);
    issued_release(&foreign);
    tear_down(&self);
}

/* Of a chain nothing is left when one part of it has ended. */
TEST(client_certificates_end_with_their_chain)
{
    enum { SOON_S = 3600, SLACK_S = 600 };
    static const struct {
        const char *name;
        int64_t own_s, above_s; /* 0: a day */
    } rows[] = {{"its own end", SOON_S, 0}, {"that of its authority", 0, SOON_S}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture self;
        set_up(&self);
        struct issued above =
            issued_make(&self.root, &(struct issued_wish){.name = "above",
                                                          .constraints = "critical,CA:TRUE",
                                                          .until_s = rows[i].above_s});
        struct issued own =
            issued_make(&above, &(struct issued_wish){.name = "a", .until_s = rows[i].own_s});
        X509 *const sent[] = {above.certificate, NULL};
        CHECK_ROW(rows[i].name, ask_once(&self, VERSIONS[i], &own, sent));
        int64_t left_s = self.seen->expires_at_s - loop_wall_ms(&self.loop) / 1000;
        CHECK_ROW(rows[i].name, left_s <= SOON_S && left_s > SOON_S - SLACK_S);
        issued_release(&own);
        issued_release(&above);
        tear_down(&self);
    }
}

/* What is asked on a connection after the end of its certificate gets its answer, and no more is
 * read from it: a new handshake asks for one that is good. */
TEST(client_certificates_that_end_take_their_connection_along)
{
    for (size_t i = 0; i < COUNT_OF(VERSIONS); i++) {
        struct fixture self;
        struct client client;
        set_up(&self);
        struct issued own = issued_make(&self.root, &(struct issued_wish){.name = "a"});
        connect_client(&client, &self, VERSIONS[i], &own, NULL);
        for (size_t asked = 1; asked <= 2; asked++) {
            CHECK(ask(&client) && self.begin_count == asked && !client.peer.is_ended);
        }
        self.seen->expires_at_s = 1; /* rather than wait for a day */
        CHECK(ask(&client) && self.begin_count == 3 && self.seen->expires_at_s == 1);
        CHECK(!ask(&client) && client.peer.is_ended && self.begin_count == 3);
        close_client(&client);
        issued_release(&own);
        tear_down(&self);
    }
}

static void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    CHECK(out != NULL && fputs(text, out) >= 0 && fclose(out) == 0);
}

TEST(client_authorities_refuse_bad_files)
{
    struct fixture self;
    struct diag diag = {0};
    struct tls_context *tls = NULL;
    set_up(&self);
    char broken[4096] = {0};
    FILE *ours = fopen(self.ours, "r");
    CHECK(ours != NULL && fread(broken, 1, sizeof(broken) - 1, ours) > 100 && fclose(ours) == 0);
    broken[100] = '!';
    const struct {
        const char *row, *text, *message;
    } rows[] = {
        {"empty", "", "has no certificates"},
        {"no PEM", "hello\n", "has no certificates"},
        {"broken", broken, "cannot be read behind entry 0"},
    };
    const struct slice file = slice_view_cstr(self.crl);
    struct tls_client_rules rules = {.authority_files = &file, .authority_file_count = 1};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        write_text(self.crl, rows[i].text);
        CHECK_ROW(rows[i].row, tls_server_context_new(self.server, self.key, &rules, &tls, &diag) ==
                                   STATUS_INVALID);
        CHECK_ROW(rows[i].row, str_eq(diag.code, "tls.client_ca"));
        CHECK_ROW(rows[i].row, strstr(diag.message, rows[i].message) != NULL);
    }
    (void)unlink(self.crl);
    CHECK(tls_server_context_new(self.server, self.key, &rules, &tls, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "tls.client_ca") && strstr(diag.message, "cannot be read") != NULL);
    struct issued client = issued_make(&self.root, &(struct issued_wish){.name = "a"});
    issued_write(self.crl, &client, 1);
    CHECK(tls_server_context_new(self.server, self.key, &rules, &tls, &diag) == STATUS_INVALID);
    CHECK(strstr(diag.message, "certificate 1 is not of an authority") != NULL);
    const struct slice good = slice_view_cstr(self.ours);
    rules = (struct tls_client_rules){
        .authority_files = &good, .authority_file_count = 1, .revocation_file = self.ours};
    CHECK(tls_server_context_new(self.server, self.key, &rules, &tls, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.code, "tls.client_crl") &&
          strstr(diag.message, "has no revocation list") != NULL);
    CHECK(tls == NULL);
    issued_release(&client);
    tear_down(&self);
}
