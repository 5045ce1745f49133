#include "daemon/inquiries.h"

#include "base/arena.h"
#include "daemon/inquiry_kind.h"
#include "daemon/key_sets.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SCRATCH_BYTES_MAX ((size_t)8 << 20)

/* What an issuer said; shared by all who waited, on whichever loop. */
struct said {
    _Atomic size_t references;
    bool is_yes;
    int64_t asked_at_s;
    size_t len;
    uint8_t text[];
};

/* A request of a loop that waits, on its way there and back. */
struct asker {
    struct posted posted;
    struct asker *next;
    struct inquiries_user *user;
    struct inquiry_sink sink;
    const struct inquiry_rules *rules; /* of its kind */
    uint8_t key[CRYPTO_SHA256_BYTES];  /* hash of letter, name and about */
    struct slice name, about;
    enum status status; /* how it ended */
    struct said *said;  /* one reference, with STATUS_OK */
    struct diag diag;
    size_t text_bytes;
    uint8_t text[]; /* of all */
};

/* A question that is under way. */
struct inquiry {
    struct inquiry *next;
    struct inquiries *owner;
    uint64_t ticket;
    struct http_client_call *call; /* NULL: none yet, or over */
    int64_t began_ms, asked_at_s;
    struct said *means;   /* what was asked first said; one reference; NULL: nothing yet */
    bool is_renewed;      /* that was asked anew */
    struct asker *askers; /* at least one, all of one key; newest first */
};

static const struct inquiry_rules *const RULES[] = {
    [INQUIRY_TOKEN] = &introspection_rules, [INQUIRY_GROUPS] = &group_lookup_rules};

static int64_t now_ms(const struct inquiries *self)
{
    return self->ports.clock->mono_ms(self->ports.clock->context);
}

/* -- what was said ------------------------------------------------------------------------- */

static struct said *said_new(bool is_yes, struct slice text, int64_t asked_at_s)
{
    struct said *said = base_alloc(sizeof(*said) + text.len);
    if (said != NULL) {
        *said = (struct said){1, is_yes, asked_at_s, text.len};
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
        explicit_bzero(said->text, said->len);
        base_free(said);
    }
}

static size_t place_of(const uint8_t key[CRYPTO_SHA256_BYTES])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof(hash));
    return hash % INQUIRIES_KNOWN_MAX;
}

static struct said *find_known(const struct inquiries *self, const uint8_t key[CRYPTO_SHA256_BYTES])
{
    size_t i = place_of(key);
    bool is_same = self->known[i].said != NULL && now_ms(self) < self->known[i].until_ms &&
                   memcmp(self->known[i].key, key, CRYPTO_SHA256_BYTES) == 0;
    return is_same ? self->known[i].said : NULL;
}

static void forget(struct inquiries *self, size_t place)
{
    said_unref(self->known[place].said);
    self->known[place].said = NULL;
}

/* Tokens that nobody gave out push none out that is good. */
static void keep(struct inquiries *self, const uint8_t key[CRYPTO_SHA256_BYTES], struct said *said,
                 int64_t until_ms)
{
    size_t i = place_of(key);
    bool is_taken = self->known[i].said != NULL && self->known[i].said->is_yes &&
                    now_ms(self) < self->known[i].until_ms;
    if (until_ms <= now_ms(self) || (is_taken && !said->is_yes)) {
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
    struct inquiry_answer answer = {0};
    if (said != NULL) {
        answer = (struct inquiry_answer){said->is_yes, slice_of(said->text, said->len),
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

/* -- how issuers fare ---------------------------------------------------------------------- */

static struct inquiries_issuer *fares(struct inquiries *self, const struct config_issuer *issuer)
{
    return &self->issuers[issuer - self->config->issuers];
}

static const struct config_issuer *find_issuer(const struct inquiries *self,
                                               const struct asker *asker)
{
    for (size_t i = 0; self->config != NULL && i < self->config->issuer_count; i++) {
        const struct config_issuer *issuer = &self->config->issuers[i];
        if (slice_eq(issuer->name, asker->name)) {
            return asker->rules->is_for(issuer) ? issuer : NULL;
        }
    }
    return NULL;
}

/* A single odd answer may be the fault of an odd question, and closes nobody out. */
static void note_failure(struct inquiries *self, const struct config_issuer *issuer)
{
    struct inquiries_issuer *fare = fares(self, issuer);
    fare->failures++;
    if (fare->failures >= INQUIRIES_FAILURES) {
        unsigned more = fare->failures - INQUIRIES_FAILURES;
        int64_t rest_ms = more < 5 ? (int64_t)INQUIRIES_REST_MS << more : INQUIRIES_REST_MS_MAX;
        fare->resting_until_ms = now_ms(self) + rest_ms;
    }
}

static void tell(struct inquiries *self, const struct config_issuer *issuer,
                 const struct inquiry_rules *rules, const struct diag *diag)
{
    struct inquiries_issuer *fare = fares(self, issuer);
    int64_t at_ms = now_ms(self);
    if (fare->told_ms == 0 || at_ms - fare->told_ms >= INQUIRIES_TELL_MS) {
        fare->told_ms = at_ms;
        fprintf(stderr, "aegis: issuer '%.*s' was asked %s: %s; %s\n", SLICE_ARG(issuer->name),
                rules->subject, diag->message, rules->otherwise);
    }
}

/* -- one question -------------------------------------------------------------------------- */

static struct inquiry *remove_inquiry(struct inquiries *self, uint64_t ticket)
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
    said_unref(inquiry->means);
    base_free(inquiry);
}

const struct config_issuer *inquiry_issuer(const struct inquiry *inquiry)
{
    /* Whoever is under way was begun by the configuration in force. */
    const struct config_issuer *issuer = find_issuer(inquiry->owner, inquiry->askers);
    assert(issuer != NULL);
    return issuer;
}

static void end_with_failure(struct inquiry *inquiry, bool is_down, const struct diag *diag)
{
    const struct config_issuer *issuer = inquiry_issuer(inquiry);
    if (is_down) {
        note_failure(inquiry->owner, issuer);
    }
    tell(inquiry->owner, issuer, inquiry->askers->rules, diag);
    end(inquiry, NULL, diag);
}

static void end_with_answer(struct inquiry *inquiry, const struct inquiry_reading *reading,
                            const struct diag *why_not)
{
    struct inquiries *self = inquiry->owner;
    int64_t keep_ms = reading->keep_ms;
    struct said *said = said_new(reading->is_yes, reading->is_yes ? reading->text : SLICE_EMPTY,
                                 inquiry->asked_at_s);
    fares(self, inquiry_issuer(inquiry))->failures = 0;
    if (!reading->is_yes && why_not->code != NULL) {
        tell(self, inquiry_issuer(inquiry), inquiry->askers->rules, why_not);
    }
    if (said == NULL) {
        struct diag diag;
        (void)!diag_fail(&diag, STATUS_LIMIT, "identity.memory", "no memory to read an answer");
        end(inquiry, NULL, &diag);
        return;
    }
    keep_ms = !reading->is_yes && keep_ms > INQUIRIES_NO_MS ? INQUIRIES_NO_MS : keep_ms;
    keep(self, inquiry->askers->key, said, inquiry->began_ms + keep_ms);
    end(inquiry, said, NULL);
}

/* Whoever remembers it knows it no more. */
static void forget_means(struct inquiry *inquiry)
{
    struct inquiries *self = inquiry->owner;
    struct slice means = inquiry_means(inquiry);
    for (size_t i = 0; i < INQUIRIES_KNOWN_MAX; i++) {
        const struct said *said = self->known[i].said;
        if (said != NULL && slice_eq(slice_of(said->text, said->len), means)) {
            forget(self, i);
        }
    }
    said_unref(inquiry->means);
    inquiry->means = NULL;
}

static void begin(struct inquiry *inquiry);

static void read_reply(struct inquiry *inquiry, const struct http_client_answer *answer)
{
    struct diag diag = {0};
    struct arena scratch;
    struct inquiry_reading reading = {0};
    arena_init(&scratch, SCRATCH_BYTES_MAX, NULL);
    enum status status = inquiry->askers->rules->read(inquiry, answer, &scratch, &reading, &diag);
    if (status == STATUS_OK && reading.is_stale && !inquiry->is_renewed) {
        inquiry->is_renewed = true;
        forget_means(inquiry);
        begin(inquiry);
    } else if (status == STATUS_OK) {
        end_with_answer(inquiry, &reading, &diag);
    } else {
        bool is_down = answer->http_status >= 500 || answer->http_status == 429 ||
                       answer->http_status == 401 || answer->http_status == 403;
        end_with_failure(inquiry, is_down, &diag);
    }
    arena_wipe(&scratch);
    arena_release(&scratch);
}

static void describe_down(const struct inquiry *inquiry, const char *cause, struct diag *diag)
{
    (void)!diag_fail(diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                     "the issuer cannot be asked %s: %s", inquiry->askers->rules->subject, cause);
}

static void on_reply(const struct http_client_sink *sink, enum status status,
                     const struct http_client_answer *answer, const struct diag *why)
{
    struct inquiries *self = sink->user;
    struct inquiry *inquiry = remove_inquiry(self, sink->ticket);
    struct diag diag = {0};
    if (inquiry == NULL) {
        return; /* it is over: nobody waits for this */
    }
    inquiry->call = NULL;
    if (status == STATUS_OK) {
        read_reply(inquiry, answer);
        return;
    }
    describe_down(inquiry, why->message, &diag);
    end_with_failure(inquiry, status != STATUS_LIMIT, &diag);
}

const struct config_limits *inquiry_limits(const struct inquiry *inquiry)
{
    return &inquiry->owner->config->limits;
}

const struct json_parser *inquiry_parser(const struct inquiry *inquiry)
{
    return inquiry->owner->ports.parser;
}

struct slice inquiry_about(const struct inquiry *inquiry)
{
    return inquiry->askers->about;
}

struct slice inquiry_secret(const struct inquiry *inquiry)
{
    const struct inquiries *self = inquiry->owner;
    return self->secrets[inquiry_issuer(inquiry) - self->config->issuers];
}

struct slice inquiry_found_endpoint(const struct inquiry *inquiry)
{
    const struct key_sets *keys = inquiry->owner->ports.keys;
    return keys == NULL ? SLICE_EMPTY
                        : key_sets_endpoints(keys, inquiry_issuer(inquiry)).introspection;
}

enum status inquiry_send(struct inquiry *inquiry, struct http_client_request *request,
                         struct diag *diag)
{
    struct inquiries *self = inquiry->owner;
    const struct config_issuer *issuer = inquiry_issuer(inquiry);
    const struct port_http_client *client = self->ports.http_client;
    struct http_client_sink sink = {.done = on_reply, .user = self, .ticket = inquiry->ticket};
    if (client == NULL) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "http_client.library",
                         "libcurl is loaded at the start only; restart the gateway");
    }
    request->is_post = true;
    request->accept = SLICE("application/json");
    request->deadline_ms = self->config->limits.introspection_timeout_ms;
    request->ranges = issuer->ranges;
    request->range_count = issuer->networks.count;
    request->authorities = issuer->authorities;
    return client->start(client->context, request, &sink, &inquiry->call, diag);
}

/* What was asked first has ended, on the control loop; whoever needed it may be over by now. */
static void on_means(const struct inquiry_sink *sink, enum status status,
                     const struct inquiry_answer *answer, const struct diag *why)
{
    struct inquiry *inquiry = remove_inquiry(sink->user, sink->ticket);
    struct diag diag = {0};
    if (inquiry == NULL) {
        return;
    }
    if (status == STATUS_OK && answer->is_yes) {
        inquiry->means = said_new(true, answer->text, answer->asked_at_s);
    }
    if (inquiry->means != NULL) {
        begin(inquiry);
        return;
    }
    /* The operator was told when that ended. */
    describe_down(inquiry, status == STATUS_OK ? "what it takes was refused" : why->message, &diag);
    end(inquiry, NULL, &diag);
}

static enum status post_question(struct inquiries_user *user, const struct inquiry_rules *rules,
                                 const struct inquiry_question *question,
                                 const struct inquiry_sink *sink, struct diag *diag);

struct slice inquiry_means(const struct inquiry *inquiry)
{
    const struct said *means = inquiry->means;
    return means != NULL ? slice_of(means->text, means->len) : SLICE_EMPTY;
}

enum status inquiry_ask_first(struct inquiry *inquiry, const struct inquiry_rules *rules,
                              struct slice about, struct diag *diag)
{
    const struct inquiry_sink sink = {
        .done = on_means, .user = inquiry->owner, .ticket = inquiry->ticket};
    const struct inquiry_question question = {.name = inquiry->askers->name, .about = about};
    return post_question(&inquiry->owner->own, rules, &question, &sink, diag);
}

/* Takes the inquiry over, which is on no list. */
static void begin(struct inquiry *inquiry)
{
    struct inquiries *self = inquiry->owner;
    const struct port_clock *clock = self->ports.clock;
    struct diag cause = {0};
    struct diag diag = {0};
    inquiry->ticket = ++self->next_ticket;
    inquiry->began_ms = now_ms(self);
    inquiry->asked_at_s = clock->wall_ms(clock->context) / 1000;
    if (inquiry->askers->rules->begin(inquiry, &cause) == STATUS_OK) {
        inquiry->next = self->inquiries;
        self->inquiries = inquiry;
        self->inquiry_count++;
        return;
    }
    describe_down(inquiry, cause.message, &diag);
    end_with_failure(inquiry, false, &diag);
}

/* -- whether to ask ------------------------------------------------------------------------ */

static struct inquiry *find_inquiry(const struct inquiries *self,
                                    const uint8_t key[CRYPTO_SHA256_BYTES])
{
    for (struct inquiry *inquiry = self->inquiries; inquiry != NULL; inquiry = inquiry->next) {
        if (memcmp(inquiry->askers->key, key, CRYPTO_SHA256_BYTES) == 0) {
            return inquiry;
        }
    }
    return NULL;
}

static enum status may_ask(struct inquiries *self, const struct config_issuer *issuer, bool is_own,
                           struct diag *diag)
{
    if (now_ms(self) < fares(self, issuer)->resting_until_ms) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                         "the issuer did not answer several times and is left alone for a moment");
    }
    /* What is asked first is counted with what needs it. */
    return is_own || self->inquiry_count < (size_t)self->config->limits.introspections
               ? STATUS_OK
               : diag_fail(diag, STATUS_LIMIT, "identity.busy", "issuers are being asked too much");
}

static void ask_newly(struct inquiries *self, const struct config_issuer *issuer,
                      struct asker *asker)
{
    struct diag diag = {0};
    if (may_ask(self, issuer, asker->user == &self->own, &diag) != STATUS_OK) {
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
    begin(inquiry);
}

/* On the control loop. */
static void run_asked(struct posted *item)
{
    struct asker *asker = (struct asker *)((char *)item - offsetof(struct asker, posted));
    struct inquiries *self = asker->user->owner;
    const struct config_issuer *issuer = self->is_closed ? NULL : find_issuer(self, asker);
    struct said *said = issuer == NULL ? NULL : find_known(self, asker->key);
    struct inquiry *inquiry = find_inquiry(self, asker->key);
    if (issuer == NULL) {
        struct diag diag = {0};
        (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                         "the issuer is not asked any more");
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

static struct asker *new_asker(struct inquiries_user *user, const struct inquiry_rules *rules,
                               const struct inquiry_question *question,
                               const struct inquiry_sink *sink)
{
    const struct port_crypto *crypto = user->owner->ports.crypto;
    size_t head_bytes = 1 + question->name.len + 1; /* of letter and name */
    size_t bytes = head_bytes + question->about.len;
    struct asker *asker = base_alloc(sizeof(*asker) + bytes);
    if (asker == NULL) {
        return NULL;
    }
    *asker = (struct asker){.posted = {.run = run_asked},
                            .user = user,
                            .sink = *sink,
                            .rules = rules,
                            .text_bytes = bytes};
    asker->text[0] = rules->letter;
    memcpy(asker->text + 1, question->name.ptr, question->name.len);
    asker->text[head_bytes - 1] = '\n'; /* in no name */
    memcpy(asker->text + head_bytes, question->about.ptr, question->about.len);
    asker->name = slice_of(asker->text + 1, question->name.len);
    asker->about = slice_of(asker->text + head_bytes, question->about.len);
    crypto->sha256(crypto->context, slice_of(asker->text, bytes), asker->key);
    return asker;
}

static enum status post_question(struct inquiries_user *user, const struct inquiry_rules *rules,
                                 const struct inquiry_question *question,
                                 const struct inquiry_sink *sink, struct diag *diag)
{
    struct inquiries *self = user->owner;
    const struct port_poster *control = self->ports.poster;
    assert(question->name.len > 0 && question->about.len > 0);
    bool has_room = atomic_fetch_add(&self->waiter_count, 1) < INQUIRIES_WAITERS_MAX;
    struct asker *asker = has_room ? new_asker(user, rules, question, sink) : NULL;
    if (asker == NULL) {
        (void)atomic_fetch_sub(&self->waiter_count, 1);
        return diag_fail(diag, STATUS_LIMIT, "identity.busy",
                         "too many requests wait for what issuers say");
    }
    control->post(control->context, &asker->posted);
    return STATUS_OK;
}

static enum status ask(void *context, const struct inquiry_question *question,
                       const struct inquiry_sink *sink, struct diag *diag)
{
    return post_question(context, RULES[question->kind], question, sink, diag);
}

struct port_inquiry inquiries_port(struct inquiries_user *user)
{
    return (struct port_inquiry){user, ask};
}

/* -- life ---------------------------------------------------------------------------------- */

void inquiries_init(struct inquiries *self, const struct inquiries_ports *ports)
{
    *self = (struct inquiries){.ports = *ports};
    self->own = (struct inquiries_user){self, self->ports.poster};
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
static void ask_all_anew(struct inquiries *self)
{
    struct inquiry *inquiry = self->inquiries;
    self->inquiries = NULL;
    self->inquiry_count = 0;
    while (inquiry != NULL) {
        struct inquiry *next = inquiry->next;
        const struct config_issuer *issuer =
            self->is_closed ? NULL : find_issuer(self, inquiry->askers);
        cancel_call(inquiry);
        said_unref(inquiry->means);
        inquiry->means = NULL;
        inquiry->is_renewed = false;
        if (issuer != NULL) {
            begin(inquiry);
        } else {
            struct diag diag = {0};
            (void)!diag_fail(&diag, STATUS_UNAVAILABLE, "identity.issuer_down",
                             "the issuer is not asked any more");
            end(inquiry, NULL, &diag);
        }
        inquiry = next;
    }
}

static void forget_all(struct inquiries *self)
{
    for (size_t i = 0; i < INQUIRIES_KNOWN_MAX; i++) {
        forget(self, i);
    }
    memset(self->issuers, 0, sizeof(self->issuers));
}

void inquiries_adopt(struct inquiries *self, const struct config *config,
                     const struct slice *secrets)
{
    self->config = config;
    self->secrets = secrets;
    forget_all(self);
    ask_all_anew(self);
}

void inquiries_close(struct inquiries *self)
{
    self->is_closed = true;
    ask_all_anew(self);
}

void inquiries_release(struct inquiries *self)
{
    forget_all(self);
    *self = (struct inquiries){0};
}
