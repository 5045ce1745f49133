#include "adapters/journal/signing_channel.h"

#include "adapters/process/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/* Both sides are the same program: the structs themselves travel. */
struct signing_request {
    uint64_t id; /* given back with the answer */
    uint64_t kept_sequence;
    uint8_t message[CHECKPOINT_SIGNED_BYTES];
};

struct signing_answer {
    uint64_t id;
    uint64_t is_signed;
    uint8_t signature[SIGNING_SIGNATURE_BYTES];
};

static int64_t mono_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- the writer's end ------------------------------------------------------------------------ */

/* Answers to requests that were given up may lie before ours. */
static enum status wait_for_answer(const struct signing_client *client,
                                   struct signing_answer *answer)
{
    int64_t end_ms = mono_ms() + client->wait_ms;
    for (int64_t left_ms = client->wait_ms; left_ms > 0; left_ms = end_ms - mono_ms()) {
        struct pollfd wait = {.fd = client->channel, .events = POLLIN};
        struct channel_received received = {0};
        if (poll(&wait, 1, (int)left_ms) < 0 && errno != EINTR) {
            return STATUS_UNAVAILABLE;
        }
        enum status status = channel_receive(client->channel, answer, sizeof(*answer), &received);
        channel_close_received(&received);
        if (status == STATUS_OK && answer->id == client->last_id) {
            return answer->is_signed != 0 ? STATUS_OK : STATUS_UNAVAILABLE;
        }
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return STATUS_UNAVAILABLE;
        }
    }
    return STATUS_UNAVAILABLE;
}

static enum status ask(void *context, const uint8_t message[CHECKPOINT_SIGNED_BYTES],
                       uint64_t kept_sequence, uint8_t out[SIGNING_SIGNATURE_BYTES])
{
    struct signing_client *client = context;
    struct signing_request request = {.id = ++client->last_id, .kept_sequence = kept_sequence};
    struct signing_answer answer;
    memcpy(request.message, message, CHECKPOINT_SIGNED_BYTES);
    if (channel_send(client->channel, slice_of(&request, sizeof(request)), NULL, 0) != STATUS_OK) {
        return STATUS_UNAVAILABLE;
    }
    TRY(wait_for_answer(client, &answer));
    memcpy(out, answer.signature, SIGNING_SIGNATURE_BYTES);
    return STATUS_OK;
}

struct checkpoint_signer signing_client_signer(struct signing_client *client,
                                               const uint8_t key[SIGNING_PUBLIC_BYTES])
{
    struct checkpoint_signer signer = {.context = client, .sign = ask};
    memcpy(signer.key, key, SIGNING_PUBLIC_BYTES);
    return signer;
}

/* -- the notary's end ------------------------------------------------------------------------ */

enum status signing_channel_serve(int channel, struct checkpoint_notary *notary, int64_t now_ms,
                                  int64_t wall_ms, struct diag *diag)
{
    struct signing_request request;
    struct channel_received received = {0};
    enum status status = channel_receive(channel, &request, sizeof(request), &received);
    bool has_descriptors = received.descriptor_count > 0;
    channel_close_received(&received);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_INVALID || has_descriptors) {
        return diag_fail(diag, STATUS_INVALID, "journal.notary",
                         "it broke the rules of its signing channel");
    }
    TRY(status);
    struct signing_answer answer = {.id = request.id};
    struct notary_request wanted = {request.message, request.kept_sequence, now_ms, wall_ms};
    status = checkpoint_notary_sign(notary, &wanted, answer.signature, diag);
    if (status != STATUS_OK && status != STATUS_LIMIT) {
        return status;
    }
    answer.is_signed = status == STATUS_OK ? 1 : 0;
    status = channel_send(channel, slice_of(&answer, sizeof(answer)), NULL, 0);
    return status == STATUS_LIMIT
               ? diag_fail(diag, status, "journal.notary", "it does not read its signing channel")
               : status;
}
