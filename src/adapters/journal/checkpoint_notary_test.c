#include "adapters/journal/checkpoint_notary.h"

#include "adapters/journal/journal.h"
#include "adapters/journal/signing_channel.h"
#include "adapters/process/channel.h"
#include "adapters/runtime/loop.h"
#include "support/check.h"
#include "support/journal_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { RECORDS_MAX = 100, INTERVAL_MS = 10000, WALL_MS = 1000000000 };

struct office {
    struct folder keys;
    struct signing_key *key, *other;
    struct checkpoint_notary notary;
};

static struct signing_key *open_key(const struct folder *folder, const char *name)
{
    char path[PATH_BYTES + 16];
    struct signing_key *key = NULL;
    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    CHECK(signing_key_open(path, &key, NULL) == STATUS_OK);
    return key;
}

static void office_init(struct office *self)
{
    *self = (struct office){0};
    folder_init(&self->keys);
    self->key = open_key(&self->keys, "audit.key");
    self->other = open_key(&self->keys, "other.key");
    checkpoint_notary_init(&self->notary, self->key, RECORDS_MAX, INTERVAL_MS);
}

static void office_release(struct office *self)
{
    signing_key_free(self->key);
    signing_key_free(self->other);
    folder_release(&self->keys);
}

/* A signer that keeps what it is to sign. */
static enum status keep(void *context, const uint8_t message[CHECKPOINT_SIGNED_BYTES],
                        uint64_t kept_sequence, uint8_t out[SIGNING_SIGNATURE_BYTES])
{
    (void)kept_sequence;
    memcpy(context, message, CHECKPOINT_SIGNED_BYTES);
    memset(out, 0, SIGNING_SIGNATURE_BYTES);
    return STATUS_OK;
}

static void draft(const struct checkpoint *checkpoint, const struct signing_key *key,
                  uint8_t message[CHECKPOINT_SIGNED_BYTES])
{
    uint8_t whole[CHECKPOINT_BYTES];
    struct checkpoint_signer signer = {.context = message, .sign = keep};
    memcpy(signer.key, signing_key_public(key), SIGNING_PUBLIC_BYTES);
    CHECK(checkpoint_encode(checkpoint, &signer, 0, whole) == STATUS_OK);
}

static struct checkpoint at(uint64_t sequence)
{
    return (struct checkpoint){
        .sequence = sequence, .time_ms = WALL_MS, .records_max = RECORDS_MAX};
}

static enum status ask(struct office *self, const uint8_t *message, int64_t now_ms,
                       uint8_t *signature)
{
    struct notary_request request = {message, 0, now_ms, WALL_MS};
    return checkpoint_notary_sign(&self->notary, &request, signature, NULL);
}

/* Sign, long after everything before. */
static enum status sign(struct office *self, struct checkpoint checkpoint, uint64_t kept)
{
    uint8_t message[CHECKPOINT_SIGNED_BYTES];
    uint8_t signature[SIGNING_SIGNATURE_BYTES];
    struct diag diag = {0};
    draft(&checkpoint, self->key, message);
    struct notary_request request = {message, kept, self->notary.spent_until_us / 1000 + 1000,
                                     WALL_MS};
    enum status status = checkpoint_notary_sign(&self->notary, &request, signature, &diag);
    CHECK(status == STATUS_OK || str_eq(diag.code, "journal.notary"));
    CHECK(status != STATUS_OK ||
          signing_public_verify(signing_key_public(self->key),
                                slice_of(message, CHECKPOINT_SIGNED_BYTES), signature));
    return status;
}

/* Without audit the worker has a channel all the same. */
TEST(notary_without_a_key_signs_nothing)
{
    struct office office;
    uint8_t message[CHECKPOINT_SIGNED_BYTES];
    uint8_t signature[SIGNING_SIGNATURE_BYTES];
    office_init(&office);
    struct checkpoint good = at(5);
    draft(&good, office.key, message);
    office.notary = (struct checkpoint_notary){0};
    CHECK(ask(&office, message, 1000, signature) == STATUS_INVALID);
    office_release(&office);
}

TEST(notary_signs_nothing_but_checkpoints_of_its_journal)
{
    struct office office;
    uint8_t message[CHECKPOINT_SIGNED_BYTES];
    uint8_t signature[SIGNING_SIGNATURE_BYTES];
    office_init(&office);
    for (size_t i = 0; i < 8; i++) {
        struct checkpoint good = at(5);
        draft(&good, office.key, message);
        message[i] ^= 1; /* the magic */
        CHECK(ask(&office, message, 1000, signature) == STATUS_INVALID);
    }
    struct checkpoint good = at(5);
    draft(&good, office.key, message);
    message[29] = 1; /* a flag that there is not */
    CHECK(ask(&office, message, 1000, signature) == STATUS_INVALID);
    draft(&good, office.other, message);
    CHECK(ask(&office, message, 1000, signature) == STATUS_INVALID);

    static const struct {
        const char *name;
        int64_t time_ms;
        uint32_t records_max;
        enum status status;
    } rows[] = {
        {"as it should be", WALL_MS, RECORDS_MAX, STATUS_OK},
        {"a minute late", WALL_MS - NOTARY_CLOCK_MS_MAX, RECORDS_MAX, STATUS_OK},
        {"a minute early", WALL_MS + NOTARY_CLOCK_MS_MAX, RECORDS_MAX, STATUS_OK},
        {"later", WALL_MS - NOTARY_CLOCK_MS_MAX - 1, RECORDS_MAX, STATUS_INVALID},
        {"earlier", WALL_MS + NOTARY_CLOCK_MS_MAX + 1, RECORDS_MAX, STATUS_INVALID},
        {"before all times", INT64_MIN, RECORDS_MAX, STATUS_INVALID},
        {"after all times", INT64_MAX, RECORDS_MAX, STATUS_INVALID},
        {"more records may follow", WALL_MS, RECORDS_MAX + 1, STATUS_INVALID},
        {"as many as you like", WALL_MS, UINT32_MAX, STATUS_INVALID},
        {"fewer records may follow", WALL_MS, RECORDS_MAX - 1, STATUS_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct checkpoint checkpoint = at(100 + i);
        checkpoint.time_ms = rows[i].time_ms;
        checkpoint.records_max = rows[i].records_max;
        CHECK_ROW(rows[i].name, sign(&office, checkpoint, 0) == rows[i].status);
    }
    office_release(&office);
}

/* What was kept stays signed as it was; what a full disk took back may be signed anew. */
TEST(notary_signs_nothing_that_lies_before_what_was_kept)
{
    enum { START = 1, CLOSING = 2 };
    static const struct {
        const char *name;
        uint64_t sequence, kept;
        int kind; /* START: by a new writer */
        enum status status;
    } rows[] = {
        {"the start", 1, 0, START, STATUS_OK},
        {"on", 50, 0, 0, STATUS_OK},
        {"taken back by the disk", 40, 0, 0, STATUS_OK},
        {"and on", 60, 40, 0, STATUS_OK},
        {"before what was kept", 39, 40, 0, STATUS_INVALID},
        {"what was kept once more", 40, 40, 0, STATUS_INVALID},
        {"without saying what was kept", 40, 0, 0, STATUS_INVALID},
        {"with less that was kept", 41, 10, 0, STATUS_OK},
        {"more kept than was signed", 70, 61, 0, STATUS_INVALID},
        {"on", 70, 60, 0, STATUS_OK},
        {"an end before what was kept", 59, 60, CLOSING, STATUS_INVALID},
        {"an end without a new record", 70, 70, CLOSING, STATUS_OK},
        {"the end once more, in a new segment", 70, 70, CLOSING, STATUS_OK},
        {"a new writer of a shorter journal", 69, 0, START, STATUS_INVALID},
        {"a new writer without a new record", 70, 0, START, STATUS_OK},
        {"which signs that once", 70, 0, 0, STATUS_INVALID},
        {"and goes on", 71, 70, 0, STATUS_OK},
        {"the beginning of all", 0, 0, 0, STATUS_INVALID},
    };
    struct office office;
    office_init(&office);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct checkpoint checkpoint = at(rows[i].sequence);
        checkpoint.is_closing = rows[i].kind == CLOSING;
        if (rows[i].kind == START) {
            checkpoint_notary_begin(&office.notary);
        }
        CHECK_ROW(rows[i].name, sign(&office, checkpoint, rows[i].kept) == rows[i].status);
    }
    office_release(&office);
}

TEST(notary_signs_no_more_than_a_journal_needs)
{
    static const struct {
        uint32_t records_max;
        int64_t interval_ms;
        int64_t per_s;
        uint64_t burst;
    } rows[] = {
        {4096, 10000, 10 + 24, 64 + 24},
        {100, 10000, 10 + 1000, 64 + 1000},
        {4096, 10, 10 + 24 + 100, 64 + 24},
    };
    uint8_t message[CHECKPOINT_SIGNED_BYTES];
    uint8_t signature[SIGNING_SIGNATURE_BYTES];
    struct office office;
    office_init(&office);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        checkpoint_notary_init(&office.notary, office.key, rows[i].records_max,
                               rows[i].interval_ms);
        CHECK(office.notary.cost_us == 1000000 / rows[i].per_s);
        uint64_t sequence = 0;
        for (int64_t second = 0; second < 2; second++) {
            uint64_t before = sequence;
            enum status status = STATUS_OK;
            while (status == STATUS_OK && sequence - before < 2000) {
                struct checkpoint checkpoint = at(++sequence);
                checkpoint.records_max = rows[i].records_max;
                draft(&checkpoint, office.key, message);
                status = ask(&office, message, second * 1000, signature);
            }
            /* All at once, then what came back in a second. */
            uint64_t granted = sequence - before - (status == STATUS_OK ? 0 : 1);
            uint64_t wanted = second == 0 ? rows[i].burst : (uint64_t)rows[i].per_s;
            wanted = wanted > rows[i].burst ? rows[i].burst : wanted;
            CHECK(status == STATUS_LIMIT && granted == wanted);
        }
    }
    office_release(&office);
}

/* -- between two processes ------------------------------------------------------------------- */

struct notary_thread {
    struct office *office;
    int ends[2]; /* the notary's, the writer's */
    pthread_t thread;
    size_t refused; /* rules broken */
    struct signing_client client;
    struct checkpoint_signer signer;
};

/* The notary's end, until the writer's is closed. */
static void *serve(void *context)
{
    struct notary_thread *self = context;
    enum status status = STATUS_OK;
    while (status != STATUS_UNAVAILABLE) {
        struct pollfd wait = {.fd = self->ends[0], .events = POLLIN};
        (void)poll(&wait, 1, -1);
        status = signing_channel_serve(self->ends[0], &self->office->notary, runtime_mono_ms(NULL),
                                       runtime_wall_ms(NULL), NULL);
        self->refused += status == STATUS_INVALID ? 1 : 0;
    }
    return NULL;
}

/* As when another worker begins. */
static void notary_start(struct notary_thread *self, struct office *office, int64_t wait_ms)
{
    *self = (struct notary_thread){.office = office};
    CHECK(channel_pair(self->ends) == STATUS_OK);
    checkpoint_notary_begin(&office->notary);
    CHECK(pthread_create(&self->thread, NULL, serve, self) == 0);
    self->client = (struct signing_client){.channel = self->ends[1], .wait_ms = wait_ms};
    self->signer = signing_client_signer(&self->client, signing_key_public(office->key));
}

static size_t notary_stop(struct notary_thread *self)
{
    (void)close(self->ends[1]);
    CHECK(pthread_join(self->thread, NULL) == 0);
    (void)close(self->ends[0]);
    return self->refused;
}

static struct journal_report verify_signed(const struct office *office, const struct folder *folder)
{
    struct signing_public keys = {.count = 1};
    struct journal_report report;
    memcpy(keys.keys[0], signing_key_public(office->key), SIGNING_PUBLIC_BYTES);
    struct journal_verify_options options = {.directory = folder->path, .keys = &keys};
    CHECK(journal_verify(&options, &report, NULL) == STATUS_OK);
    return report;
}

TEST(notary_signs_a_journal_over_its_channel)
{
    struct office office;
    struct folder folder;
    struct notary_thread notary;
    office_init(&office);
    folder_init(&folder);
    checkpoint_notary_init(&office.notary, office.key, RECORDS_MAX, 1);
    struct journal_options options = {.directory = folder.path,
                                      .signer = &notary.signer,
                                      .checkpoint_records = RECORDS_MAX,
                                      .segment_bytes_max = 8192};
    for (size_t i = 1; i <= 3; i++) {
        notary_start(&notary, &office, INT32_MAX);
        write_records_as(&options, i == 2 ? 0 : 250);
        CHECK(notary_stop(&notary) == 0);
        struct journal_report report = verify_signed(&office, &folder);
        CHECK(report.is_intact && report.is_closed && report.unsigned_count == 0);
        CHECK(report.records == (i == 3 ? 500 : 250));
    }
    office_release(&office);
    folder_release(&folder);
}

/* A writer that took records away gets no signature, and cannot begin. */
TEST(notary_lets_no_writer_begin_behind_what_was_kept)
{
    struct office office;
    struct folder folder;
    struct notary_thread notary;
    char path[PATH_BYTES + SEGMENT_NAME_BYTES];
    struct diag diag = {0};
    struct journal *journal = NULL;
    office_init(&office);
    folder_init(&folder);
    struct journal_options options = {
        .directory = folder.path, .signer = &notary.signer, .checkpoint_records = RECORDS_MAX};
    notary_start(&notary, &office, INT32_MAX);
    write_records_as(&options, 250);
    CHECK(notary_stop(&notary) == 0);
    CHECK(office.notary.kept_sequence >= 201);

    segment_path(&folder, 1, path);
    CHECK(unlink(path) == 0);
    notary_start(&notary, &office, 100);
    CHECK(journal_open(&options, &journal, &diag) == STATUS_UNAVAILABLE);
    CHECK(notary_stop(&notary) == 1);
    office_release(&office);
    folder_release(&folder);
}

TEST(notary_ends_a_writer_that_breaks_the_rules_of_the_channel)
{
    struct office office;
    int ends[2];
    uint8_t odd[7] = {0}, whole[8 + 8 + CHECKPOINT_SIGNED_BYTES] = {0};
    office_init(&office);
    CHECK(channel_pair(ends) == STATUS_OK);
    CHECK(signing_channel_serve(ends[0], &office.notary, 1, WALL_MS, NULL) == STATUS_OK);
    CHECK(channel_send(ends[1], slice_of(odd, sizeof(odd)), NULL, 0) == STATUS_OK);
    CHECK(signing_channel_serve(ends[0], &office.notary, 1, WALL_MS, NULL) == STATUS_INVALID);
    CHECK(channel_send(ends[1], slice_of(whole, sizeof(whole)), NULL, 0) == STATUS_OK);
    CHECK(signing_channel_serve(ends[0], &office.notary, 1, WALL_MS, NULL) == STATUS_INVALID);
    CHECK(channel_send(ends[1], slice_of(whole, sizeof(whole)), ends, 1) == STATUS_OK);
    CHECK(signing_channel_serve(ends[0], &office.notary, 1, WALL_MS, NULL) == STATUS_INVALID);
    (void)close(ends[1]);
    CHECK(signing_channel_serve(ends[0], &office.notary, 1, WALL_MS, NULL) == STATUS_UNAVAILABLE);
    (void)close(ends[0]);
    office_release(&office);
}

/* No answer is no signature: none comes, a late one to another request comes, the notary is gone.
 */
TEST(notary_that_does_not_answer_signs_nothing)
{
    struct office office;
    int ends[2];
    uint8_t message[CHECKPOINT_SIGNED_BYTES], signature[SIGNING_SIGNATURE_BYTES];
    office_init(&office);
    CHECK(channel_pair(ends) == STATUS_OK);
    struct signing_client client = {.channel = ends[1], .wait_ms = 1};
    struct checkpoint_signer signer =
        signing_client_signer(&client, signing_key_public(office.key));
    struct checkpoint checkpoint = at(5);
    draft(&checkpoint, office.key, message);
    CHECK(signer.sign(signer.context, message, 0, signature) == STATUS_UNAVAILABLE);
    CHECK(signing_channel_serve(ends[0], &office.notary, 1000, WALL_MS, NULL) == STATUS_OK);
    CHECK(signer.sign(signer.context, message, 0, signature) == STATUS_UNAVAILABLE);
    (void)close(ends[0]);
    CHECK(signer.sign(signer.context, message, 0, signature) == STATUS_UNAVAILABLE);
    (void)close(ends[1]);
    office_release(&office);
}
