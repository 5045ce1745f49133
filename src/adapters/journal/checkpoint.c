#include "adapters/journal/checkpoint.h"

#include "adapters/journal/journal_directory.h"
#include "adapters/journal/journal_format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Layout: 0 magic, 8 sequence, 16 time, 24 records_max, 28 flags, 32 chain, 64 public key,
 * 96 Ed25519 signature of all before it. Integers are little-endian. The magic is part of what is
 * signed, so no other message of that key can pass for a checkpoint. */
#define FLAG_CLOSING 1U

static const uint8_t magic[8] = {'A', 'E', 'G', 'J', 'C', 'K', 'P', '1'};

bool checkpoint_is(struct slice payload)
{
    return payload.len == CHECKPOINT_BYTES && memcmp(payload.ptr, magic, sizeof(magic)) == 0;
}

static enum status sign_by_key(void *context, const uint8_t message[CHECKPOINT_SIGNED_BYTES],
                               uint64_t kept_sequence, uint8_t out[SIGNING_SIGNATURE_BYTES])
{
    (void)kept_sequence;
    return signing_key_sign(context, slice_of(message, CHECKPOINT_SIGNED_BYTES), out);
}

struct checkpoint_signer checkpoint_signer_of_key(const struct signing_key *key)
{
    struct checkpoint_signer signer = {.context = (void *)(uintptr_t)key, .sign = sign_by_key};
    memcpy(signer.key, signing_key_public(key), SIGNING_PUBLIC_BYTES);
    return signer;
}

enum status checkpoint_encode(const struct checkpoint *checkpoint,
                              const struct checkpoint_signer *signer, uint64_t kept_sequence,
                              uint8_t out[CHECKPOINT_BYTES])
{
    memcpy(out, magic, sizeof(magic));
    journal_put_u64(out + 8, checkpoint->sequence);
    journal_put_u64(out + 16, (uint64_t)checkpoint->time_ms);
    journal_put_u32(out + 24, checkpoint->records_max);
    journal_put_u32(out + 28, checkpoint->is_closing ? FLAG_CLOSING : 0);
    memcpy(out + 32, checkpoint->chain, AUDIT_HASH_BYTES);
    memcpy(out + 64, signer->key, SIGNING_PUBLIC_BYTES);
    return signer->sign(signer->context, out, kept_sequence, out + CHECKPOINT_SIGNED_BYTES);
}

bool checkpoint_decode_unsigned(struct slice message, struct checkpoint *out)
{
    const uint8_t *in = message.ptr;
    if (message.len != CHECKPOINT_SIGNED_BYTES || memcmp(in, magic, sizeof(magic)) != 0 ||
        journal_get_u32(in + 28) > FLAG_CLOSING) {
        return false;
    }
    *out = (struct checkpoint){
        .sequence = journal_get_u64(in + 8),
        .time_ms = (int64_t)journal_get_u64(in + 16),
        .records_max = journal_get_u32(in + 24),
        .is_closing = journal_get_u32(in + 28) == FLAG_CLOSING,
    };
    memcpy(out->chain, in + 32, AUDIT_HASH_BYTES);
    memcpy(out->key, in + 64, SIGNING_PUBLIC_BYTES);
    return true;
}

bool checkpoint_decode(struct slice payload, struct checkpoint *out)
{
    struct slice message = slice_sub(payload, 0, CHECKPOINT_SIGNED_BYTES);
    return checkpoint_is(payload) && checkpoint_decode_unsigned(message, out) &&
           signing_public_verify(out->key, message, payload.ptr + CHECKPOINT_SIGNED_BYTES);
}

enum status checkpoint_read_head(int directory_fd, struct checkpoint *out, struct diag *diag)
{
    uint8_t bytes[CHECKPOINT_BYTES + 1];
    int fd = openat(directory_fd, CHECKPOINT_HEAD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        return diag_fail(diag, STATUS_NOT_FOUND, "journal.head", "the journal has no head file");
    }
    if (fd < 0) {
        return journal_io_fail(diag, "open", CHECKPOINT_HEAD_NAME);
    }
    ssize_t got = read(fd, bytes, sizeof(bytes));
    (void)close(fd);
    if (got < 0) {
        return journal_io_fail(diag, "read", CHECKPOINT_HEAD_NAME);
    }
    return checkpoint_decode(slice_of(bytes, (size_t)got), out)
               ? STATUS_OK
               : diag_fail(diag, STATUS_CONFLICT, "journal.head",
                           "the head file is not the checkpoint that was signed");
}
