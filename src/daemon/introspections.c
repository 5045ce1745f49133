#include "daemon/introspections.h"

#include "base/arena.h"
#include "core/identity/introspection.h"
#include "daemon/config/config_url.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SCRATCH_BYTES_MAX ((size_t)8 << 20)
#define REQUEST_BYTES_MAX ((size_t)64 << 10)

/* What an issuer said; shared by all who waited, on whichever loop. */
struct said {
    _Atomic size_t references;
    bool is_active;
    int64_t asked_at_s;
    size_t len;
    uint8_t text[];
};

/* A request of a loop that waits, on its way there and back. */
struct asker {
    struct posted posted;
    struct asker *next;
    struct introspections_user *user;
    struct introspection_sink sink;
    uint8_t key[CRYPTO_SHA256_BYTES]; /* hash of the entry's name and of the token */
    struct slice name, token;
    enum status status; /* how it ended */
    struct said *said;  /* one reference, with STATUS_OK */
    struct diag diag;
    size_t text_bytes;
    uint8_t text[]; /* of both */
};

/* A question that is under way. */
struct inquiry {
    struct inquiry *next;
    struct introspections *owner;
    uint64_t ticket;
    struct http_client_call *call; /* NULL: none yet, or over */
    int64_t began_ms, asked_at_s;
    struct asker *askers; /* at least one; newest first */
};

static int64_t now_ms(const struct introspections *self)
{
    return self->ports.clock->mono_ms(self->ports.clock->context);
}

/* -- what was said ------------------------------------------------------------------------- */

static struct said *said_new(bool is_active, struct slice text, int64_t asked_at_s)
{
    struct said *said = base_alloc(sizeof(*said) + text.len);
    if (said != NULL) {
        *said = (struct said){1, is_active, asked_at_s, text.len};
        if (text.len > 0) {
            memcpy(said->text, text.ptr, text.len);
        }
    }
    return said;
}

static struct said *said_ref(struct said *said)
{
    (void)atomic_fetch_add(&said->references, 1);
    return said;
}

static void said_unref(struct said *said)
{
    if (said != NULL && atomic_fetch_sub(&said->references, 1) == 1) {
        base_free(said);
    }
}

static size_t place_of(const uint8_t key[CRYPTO_SHA256_BYTES])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof(hash));
    return hash % INTROSPECTIONS_KNOWN_MAX;
}

static struct said *find_known(const struct introspections *self,
                               const uint8_t key[CRYPTO_SHA256_BYTES])
{
    size_t i = place_of(key);
    bool is_same = self->known[i].said != NULL && now_ms(self) < self->known[i].until_ms &&
                   memcmp(self->known[i].key, key, CRYPTO_SHA256_BYTES) == 0;
    return is_same ? self->known[i].said : NULL;
}

static void forget(struct introspections *self, size_t place)
{
    said_unref(self->known[place].said);
    self->known[place].said = NULL;
}

/* Tokens that nobody gave out push none out that is good. */
static void keep(struct introspections *self, const uint8_t key[CRYPTO_SHA256_BYTES],
                 struct said *said, int64_t until_ms)
{
    size_t i = place_of(key);
    bool is_taken = self->known[i].said != NULL && self->known[i].said->is_active &&
                    now_ms(self) < self->known[i].until_ms;
    if (until_ms <= now_ms(self) || (is_taken && !said->is_active)) {
        return;
    }
    forget(self, i);
    memcpy(self->known[i].key, key, CRYPTO_SHA256_BYTES);
    self->known[i].until_ms = until_ms;
    self->known[i].said = said_ref(said);
}

/* -- back to the loop ---------------------------------------------------------------------- */

static void free_asker(struct asker *asker)
{
    said_unref(asker->said);
    explicit_bzero(asker->text, asker->text_bytes);
    base_free(asker);
}

static void run_done(struct posted *item)
{
    struct asker *asker = (struct asker *)((char *)item - offsetof(struct asker, posted));
    const struct said *said = asker->said;
    struct introspection_answer answer = {0};
    if (said != NULL) {
        answer = (struct introspection_answer){said->is_active, slice_of(said->text, said->len),
                                               said->asked_at_s};
    }
    (void)atomic_fetch_sub(&asker->user->owner->waiter_count, 1);
    asker->sink.done(&asker->sink, asker->status, said == NULL ? NULL : &answer, &asker->diag);
    free_asker(asker);
}

static void post_back(struct asker *asker)
{
    const struct port_poster *poster = asker->user->poster;
    asker->posted = (struct posted){.run = run_done};
    poster->post(poster->context, &asker->posted);
}

static void give(struct asker *asker, struct said *said)
{
    asker->status = STATUS_OK;
    asker->said = said_ref(said);
    post_back(asker);
}

static void turn_down(struct asker *asker, const struct diag *diag)
{
    asker->status = diag->status;
    asker->diag = *diag;
    post_back(asker);
}

/* -- what an entry says ------------------------------------------------------------------ */

static enum introspection_form form_of(const struct config_issuer *issuer)
{
    return issuer->preset == ISSUER_PRESET_GOOGLE ? INTROSPECTION_TOKENINFO : INTROSPECTION_RFC7662;
}

struct issuer_inquiry introspections_rules(const struct config_issuer *issuer)
{
    const struct config_introspection *from = &issuer->introspection;
    if (!config_issuer_is_asked(issuer)) {
        return (struct issuer_inquiry){0};
    }
    return (struct issuer_inquiry){
        .asked = from->tokens == CONFIG_ASKED_ALWAYS ? ISSUER_ASKED_ALWAYS : ISSUER_ASKED_OPAQUE,
        .form = form_of(issuer),
        .prefix = from->prefix,
        .clients = from->clients.items,
        .client_count = from->clients.count,
        .allows_untyped = from->untyped,
        .keep_s = from->cache_s};
}

/* -- how issuers fare ---------------------------------------------------------------------- */

static struct introspections_issuer *fares(struct introspections *self,
                                           const struct config_issuer *issuer)
{
    return &self->issuers[issuer - self->config->issuers];
}

static const struct config_issuer *find_issuer(const struct introspections *self, struct slice name)
{
    for (size_t i = 0; self->config != NULL && i < self->config->issuer_count; i++) {
        const struct config_issuer *issuer = &self->config->issuers[i];
        if (slice_eq(issuer->name, name)) {
            return config_issuer_is_asked(issuer) ? issuer : NULL;
        }
    }
    return NULL;
}

/* A single odd answer may be the fault of an odd token, and closes nobody out. */
static void note_failure(struct introspections *self, const struct config_issuer *issuer,
                         bool is_down, const struct diag *diag)
{
    struct introspections_issuer *fare = fares(self, issuer);
    int64_t at_ms = now_ms(self);
    fare->failures += is_down;
    if (fare->failures >= INTROSPECTIONS_FAILURES) {
        unsigned more = fare->failures - INTROSPECTIONS_FAILURES;
        int64_t rest_ms =
            more < 5 ? (int64_t)INTROSPECTIONS_REST_MS << more : INTROSPECTIONS_REST_MS_MAX;
        fare->resting_until_ms = at_ms + rest_ms;
    }
    if (fare->told_ms == 0 || at_ms - fare->told_ms >= INTROSPECTIONS_TELL_MS) {
        fare->told_ms = at_ms;
        fprintf(stderr, "aegis: issuer '%.*s' was asked about a token: %s; it gets 503\n",
                SLICE_ARG(issuer->name), diag->message);
    }
}

/* -- one question -------------------------------------------------------------------------- */

static struct inquiry *remove_inquiry(struct introspections *self, uint64_t ticket)
{
    for (struct inquiry **link = &self->inquiries; *link != NULL; link = &(*link)->next) {
        if ((*link)->ticket == ticket) {
            struct inquiry *found = *link;
            *link = found->next;
            self->inquiry_count--;
            return found;
        }
    }
    return NULL;
}

/* It is off the list. said: one reference, taken over; NULL: diag says why. */
static void end(struct inquiry *inquiry, struct said *said, const struct diag *diag)
{
    struct asker *asker = inquiry->askers;
    while (asker != NULL) {
        struct asker *next = asker->next;
        if (said != NULL) {
            give(asker, said);
        } else {
            turn_down(asker, diag);
        }
        asker = next;
    }
    said_unref(said);
    base_free(inquiry);
}

static void end_with_failure(struct inquiry *inquiry, const struct config_issuer *issuer,
                             bool is_down, const struct diag *diag)
{
    note_failure(inquiry->owner, issuer, is_down, diag);
    end(inquiry, NULL, diag);
}

static void end_with_answer(struct inquiry *inquiry, const struct config_issuer *issuer,
                            bool is_active, struct slice text)
{
    struct introspections *self = inquiry->owner;
    int64_t keep_ms = issuer->introspection.cache_s * 1000;
    struct said *said = said_new(is_active, is_active ? text : SLICE_EMPTY, inquiry->asked_at_s);
    fares(self, issuer)->failures = 0;
    if (said == NULL) {
        struct diag diag;
        (void)!diag_fail(&diag, STATUS_LIMIT, "identity.memory", "no memory to read an answer");
        end(inquiry, NULL, &diag);
        return;
    }
    keep_ms = !is_active && keep_ms > INTROSPECTIONS_NO_MS ? INTROSPECTIONS_NO_MS : keep_ms;
    keep(self, inquiry->askers->key, said, inquiry->began_ms + keep_ms);
    end(inquiry, said, NULL);
}

static void read_reply(struct inquiry *inquiry, const struct config_issuer *issuer,
                       const struct http_client_answer *answer)
{
    const struct introspection_reply reply = {answer->http_status, answer->content_type,
                                              answer->body};
    struct diag diag = {0};
    struct arena scratch;
    bool is_active = false;
    arena_init(&scratch, SCRATCH_BYTES_MAX, NULL);
    enum status status = introspection_read(inquiry->owner->ports.parser, form_of(issuer), &reply,
                                            &scratch, &is_active, &diag);
    arena_release(&scratch);
    if (status == STATUS_OK) {
        end_with_answer(inquiry, issuer, is_active, answer->body);
        return;
    }
    bool is_down = answer->http_status >= 500 || answer->http_status == 429 ||
                   answer->http_status == 401 || answer->http_status == 403;
    end_with_failure(inquiry, issuer, is_down, &diag);
}

static void on_reply(const struct http_client_sink *sink, enum status status,
                     const struct http_client_answer *answer, const struct diag *why)
{
    struct introspections *self = sink->user;
    struct inquiry *inquiry = remove_inquiry(self, sink->ticket);
    struct diag diag = {0};
    if (inquiry == NULL) {
        return; /* it is over: nobody waits for this */
    }
    /* Whoever is under way was begun by the configuration in force. */
    const struct config_issuer *issuer = find_issuer(self, inquiry->askers->name);
    assert(issuer != NULL);
    if (status == STATUS_OK) {
        read_reply(inquiry, issuer, answer);
        return;
    }
    (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                     "the issuer cannot be asked about a token: %s", why->message);
    end_with_failure(inquiry, issuer, status != STATUS_LIMIT, &diag);
}

static enum status start(struct inquiry *inquiry, const struct config_issuer *issuer,
                         struct slice authorization, struct slice body, struct diag *diag)
{
    struct introspections *self = inquiry->owner;
    const struct port_http_client *client = self->ports.http_client;
    const struct config_introspection *asked = &issuer->introspection;
    struct http_client_request request = {
        .is_post = true,
        .url = asked->endpoint.text,
        .is_local = config_host_is_loopback(asked->endpoint.host),
        .content_type = SLICE("application/x-www-form-urlencoded"),
        .accept = SLICE("application/json"),
        .authorization = authorization,
        .body = body,
        .answer_bytes_max = (size_t)self->config->limits.introspection_answer_bytes,
        .deadline_ms = self->config->limits.introspection_timeout_ms,
        .ranges = issuer->ranges,
        .range_count = issuer->networks.count,
        .authorities = issuer->authorities};
    struct http_client_sink sink = {.done = on_reply, .user = self, .ticket = inquiry->ticket};
    if (client == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "http_client.library",
                         "libcurl is loaded at the start only; restart the gateway");
    }
    return client->start(client->context, &request, &sink, &inquiry->call, diag);
}

static void wipe(struct buf *buf)
{
    if (buf->ptr != NULL) {
        explicit_bzero(buf->ptr, buf->capacity);
    }
    buf_release(buf);
}

static enum status write_and_start(struct inquiry *inquiry, const struct config_issuer *issuer,
                                   struct diag *diag)
{
    const struct introspections *self = inquiry->owner;
    const struct introspection_client client = {
        .form = form_of(issuer),
        .is_basic = issuer->introspection.authentication == CONFIG_CLIENT_BASIC,
        .id = issuer->introspection.client_id,
        .secret = self->secrets[issuer - self->config->issuers]};
    struct buf authorization, body;
    if (client.form == INTROSPECTION_RFC7662 && client.secret.len == 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.secret",
                         "the secret of our own client cannot be read");
    }
    buf_init(&authorization, REQUEST_BYTES_MAX, NULL);
    buf_init(&body, REQUEST_BYTES_MAX, NULL);
    introspection_write_authorization(&authorization, &client);
    introspection_write_body(&body, &client, inquiry->askers->token);
    bool is_written = buf_status(&authorization) == STATUS_OK && buf_status(&body) == STATUS_OK;
    enum status status =
        is_written ? start(inquiry, issuer, buf_view(&authorization), buf_view(&body), diag)
                   : diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to ask an issuer");
    wipe(&authorization);
    wipe(&body);
    return status;
}

/* Takes the inquiry over, which is on no list. */
static void begin(struct inquiry *inquiry, const struct config_issuer *issuer)
{
    struct introspections *self = inquiry->owner;
    const struct port_clock *clock = self->ports.clock;
    struct diag cause = {0};
    struct diag diag = {0};
    inquiry->ticket = ++self->next_ticket;
    inquiry->began_ms = now_ms(self);
    inquiry->asked_at_s = clock->wall_ms(clock->context) / 1000;
    if (write_and_start(inquiry, issuer, &cause) == STATUS_OK) {
        inquiry->next = self->inquiries;
        self->inquiries = inquiry;
        self->inquiry_count++;
        return;
    }
    (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                     "the issuer cannot be asked about a token: %s", cause.message);
    end_with_failure(inquiry, issuer, false, &diag);
}

/* -- whether to ask ------------------------------------------------------------------------ */

static struct inquiry *find_inquiry(const struct introspections *self,
                                    const uint8_t key[CRYPTO_SHA256_BYTES])
{
    for (struct inquiry *inquiry = self->inquiries; inquiry != NULL; inquiry = inquiry->next) {
        if (memcmp(inquiry->askers->key, key, CRYPTO_SHA256_BYTES) == 0) {
            return inquiry;
        }
    }
    return NULL;
}

static enum status may_ask(struct introspections *self, const struct config_issuer *issuer,
                           struct diag *diag)
{
    if (now_ms(self) < fares(self, issuer)->resting_until_ms) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                         "the issuer did not answer several times and is left alone for a moment");
    }
    return self->inquiry_count < (size_t)self->config->limits.introspections
               ? STATUS_OK
               : diag_fail(diag, STATUS_LIMIT, "identity.busy",
                           "issuers are being asked about too many tokens");
}

static void ask_newly(struct introspections *self, const struct config_issuer *issuer,
                      struct asker *asker)
{
    struct diag diag = {0};
    if (may_ask(self, issuer, &diag) != STATUS_OK) {
        turn_down(asker, &diag);
        return;
    }
    struct inquiry *inquiry = base_alloc_zero(sizeof(*inquiry));
    if (inquiry == NULL) {
        (void)!diag_fail(&diag, STATUS_LIMIT, "identity.memory", "no memory to ask an issuer");
        turn_down(asker, &diag);
        return;
    }
    inquiry->owner = self;
    inquiry->askers = asker;
    begin(inquiry, issuer);
}

/* On the control loop. */
static void run_asked(struct posted *item)
{
    struct asker *asker = (struct asker *)((char *)item - offsetof(struct asker, posted));
    struct introspections *self = asker->user->owner;
    const struct config_issuer *issuer = self->is_closed ? NULL : find_issuer(self, asker->name);
    struct said *said = issuer == NULL ? NULL : find_known(self, asker->key);
    struct inquiry *inquiry = find_inquiry(self, asker->key);
    if (issuer == NULL) {
        struct diag diag = {0};
        (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                         "the issuer is not asked about tokens any more");
        turn_down(asker, &diag);
    } else if (said != NULL) {
        give(asker, said);
    } else if (inquiry != NULL) {
        asker->next = inquiry->askers;
        inquiry->askers = asker;
    } else {
        ask_newly(self, issuer, asker);
    }
}

/* -- the port, on the loop ----------------------------------------------------------------- */

static struct asker *new_asker(struct introspections_user *user,
                               const struct introspection_question *question,
                               const struct introspection_sink *sink)
{
    const struct port_crypto *crypto = user->owner->ports.crypto;
    size_t key_bytes = question->name.len + 1 + CRYPTO_SHA256_BYTES;
    size_t bytes = key_bytes + question->token.len;
    struct asker *asker = base_alloc(sizeof(*asker) + bytes);
    if (asker == NULL) {
        return NULL;
    }
    *asker = (struct asker){
        .posted = {.run = run_asked}, .user = user, .sink = *sink, .text_bytes = bytes};
    memcpy(asker->text, question->name.ptr, question->name.len);
    asker->text[question->name.len] = '\n'; /* in no name */
    memcpy(asker->text + question->name.len + 1, question->hash, CRYPTO_SHA256_BYTES);
    memcpy(asker->text + key_bytes, question->token.ptr, question->token.len);
    asker->name = slice_of(asker->text, question->name.len);
    asker->token = slice_of(asker->text + key_bytes, question->token.len);
    crypto->sha256(crypto->context, slice_of(asker->text, key_bytes), asker->key);
    return asker;
}

static enum status ask(void *context, const struct introspection_question *question,
                       const struct introspection_sink *sink, struct diag *diag)
{
    struct introspections_user *user = context;
    struct introspections *self = user->owner;
    const struct port_poster *control = self->ports.poster;
    assert(question->name.len > 0 && question->token.len > 0);
    bool has_room = atomic_fetch_add(&self->waiter_count, 1) < INTROSPECTIONS_WAITERS_MAX;
    struct asker *asker = has_room ? new_asker(user, question, sink) : NULL;
    if (asker == NULL) {
        (void)atomic_fetch_sub(&self->waiter_count, 1);
        return diag_fail(diag, STATUS_LIMIT, "identity.busy",
                         "too many requests wait for what issuers say of tokens");
    }
    control->post(control->context, &asker->posted);
    return STATUS_OK;
}

struct port_introspection introspections_port(struct introspections_user *user)
{
    return (struct port_introspection){user, ask};
}

/* -- life ---------------------------------------------------------------------------------- */

void introspections_init(struct introspections *self, const struct introspections_ports *ports)
{
    *self = (struct introspections){.ports = *ports};
}

static void cancel_call(struct inquiry *inquiry)
{
    const struct port_http_client *client = inquiry->owner->ports.http_client;
    if (inquiry->call != NULL) {
        client->cancel(client->context, inquiry->call);
        inquiry->call = NULL;
    }
}

/* Ask those anew that wait, whoever is to be asked now. */
static void ask_all_anew(struct introspections *self)
{
    struct inquiry *inquiry = self->inquiries;
    self->inquiries = NULL;
    self->inquiry_count = 0;
    while (inquiry != NULL) {
        struct inquiry *next = inquiry->next;
        const struct config_issuer *issuer =
            self->is_closed ? NULL : find_issuer(self, inquiry->askers->name);
        cancel_call(inquiry);
        if (issuer != NULL) {
            begin(inquiry, issuer);
        } else {
            struct diag diag = {0};
            (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                             "the issuer is not asked about tokens any more");
            end(inquiry, NULL, &diag);
        }
        inquiry = next;
    }
}

static void forget_all(struct introspections *self)
{
    for (size_t i = 0; i < INTROSPECTIONS_KNOWN_MAX; i++) {
        forget(self, i);
    }
    memset(self->issuers, 0, sizeof(self->issuers));
}

void introspections_adopt(struct introspections *self, const struct config *config,
                          const struct slice *secrets)
{
    self->config = config;
    self->secrets = secrets;
    forget_all(self);
    ask_all_anew(self);
}

void introspections_close(struct introspections *self)
{
    self->is_closed = true;
    ask_all_anew(self);
}

void introspections_release(struct introspections *self)
{
    forget_all(self);
    *self = (struct introspections){0};
}
