#include "adapters/journal/checkpoint_notary.h"

#include <assert.h>
#include <string.h>

void checkpoint_notary_init(struct checkpoint_notary *notary, const struct signing_key *key,
                            uint32_t records_max, int64_t interval_ms)
{
    assert(records_max > 0 && interval_ms > 0);
    int64_t per_s = NOTARY_PER_S + NOTARY_RECORDS_PER_S / records_max + 1000 / interval_ms;
    *notary = (struct checkpoint_notary){
        .key = key,
        .records_max = records_max,
        .cost_us = 1000000 / per_s,
        .burst = NOTARY_BURST + NOTARY_RECORDS_PER_S / records_max,
    };
}

void checkpoint_notary_begin(struct checkpoint_notary *notary)
{
    notary->has_signed = false;
}

static enum status refuse(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "journal.notary", "%s", what);
}

static enum status check(const struct checkpoint_notary *notary,
                         const struct checkpoint *checkpoint, const struct notary_request *request,
                         struct diag *diag)
{
    uint64_t kept_sequence = request->kept_sequence;
    if (notary->key == NULL) {
        return refuse(diag, "a checkpoint was to be signed although there is no journal");
    }
    if (memcmp(checkpoint->key, signing_key_public(notary->key), SIGNING_PUBLIC_BYTES) != 0) {
        return refuse(diag, "a checkpoint was to be signed that names another key");
    }
    if (checkpoint->records_max != notary->records_max) {
        return refuse(diag, "a checkpoint was to be signed that lets another number of records "
                            "follow");
    }
    if (checkpoint->time_ms < request->wall_ms - NOTARY_CLOCK_MS_MAX ||
        checkpoint->time_ms > request->wall_ms + NOTARY_CLOCK_MS_MAX) {
        return refuse(diag, "a checkpoint of another time was to be signed");
    }
    if (kept_sequence > notary->signed_sequence) {
        return refuse(diag, "a checkpoint is said to be kept that was never signed");
    }
    uint64_t kept = kept_sequence > notary->kept_sequence ? kept_sequence : notary->kept_sequence;
    /* Without a new record a journal is signed when it is opened and when it is closed. */
    bool may_repeat = checkpoint->is_closing || !notary->has_signed;
    return checkpoint->sequence > kept || (checkpoint->sequence == kept && may_repeat)
               ? STATUS_OK
               : refuse(diag, "a checkpoint was to be signed that lies before one that was kept: "
                              "the journal was cut, or is being forged");
}

/* Spent budget is a time in the future, which comes nearer by itself. */
static enum status spend(struct checkpoint_notary *notary, int64_t now_ms, struct diag *diag)
{
    int64_t now_us = now_ms * 1000;
    int64_t from_us = notary->spent_until_us > now_us ? notary->spent_until_us : now_us;
    if (from_us + notary->cost_us > now_us + notary->burst * notary->cost_us) {
        return diag_fail(diag, STATUS_LIMIT, "journal.notary",
                         "more checkpoints were to be signed than a journal needs");
    }
    notary->spent_until_us = from_us + notary->cost_us;
    return STATUS_OK;
}

enum status checkpoint_notary_sign(struct checkpoint_notary *notary,
                                   const struct notary_request *request,
                                   uint8_t out[SIGNING_SIGNATURE_BYTES], struct diag *diag)
{
    struct slice message = slice_of(request->message, CHECKPOINT_SIGNED_BYTES);
    struct checkpoint checkpoint;
    if (!checkpoint_decode_unsigned(message, &checkpoint)) {
        return refuse(diag, "something was to be signed that is no checkpoint");
    }
    TRY(check(notary, &checkpoint, request, diag));
    TRY(spend(notary, request->now_ms, diag));
    TRY(signing_key_sign(notary->key, message, out));
    notary->has_signed = true;
    if (request->kept_sequence > notary->kept_sequence) {
        notary->kept_sequence = request->kept_sequence;
    }
    if (checkpoint.sequence > notary->signed_sequence) {
        notary->signed_sequence = checkpoint.sequence;
    }
    return STATUS_OK;
}
