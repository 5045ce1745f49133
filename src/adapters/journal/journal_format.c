/* EVP allocates and looks its algorithm up for every record; the deprecated functions do neither.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "adapters/journal/journal_format.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define SECTOR_BYTES 512              /* what a device writes whole or not at all */
#define CRC32C_POLYNOMIAL 0x82F63B78U /* reflected */

static const uint8_t magic[4] = {'A', 'E', 'G', 'J'};

void journal_put_u32(uint8_t *out, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

void journal_put_u64(uint8_t *out, uint64_t value)
{
    journal_put_u32(out, (uint32_t)value);
    journal_put_u32(out + 4, (uint32_t)(value >> 32));
}

uint32_t journal_get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

uint64_t journal_get_u64(const uint8_t *in)
{
    return journal_get_u32(in) | (uint64_t)journal_get_u32(in + 4) << 32;
}

/* One nibble at a time: a table of 16 words is constant data, needs no set-up and is fast enough
 * beside SHA-256, which runs over the same bytes. */
static uint32_t crc32c_table(uint32_t crc, struct slice bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
    };
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        crc = table[crc & 0xF] ^ crc >> 4;
        crc = table[crc & 0xF] ^ crc >> 4;
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, struct slice bytes)
{
    uint64_t wide = crc;
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8) {
        wide = __builtin_ia32_crc32di(wide, journal_get_u64(bytes.ptr + i));
    }
    crc = (uint32_t)wide;
    for (; i < bytes.len; i++) {
        crc = __builtin_ia32_crc32qi(crc, bytes.ptr[i]);
    }
    return crc;
}
#endif

uint32_t journal_crc32c(uint32_t crc, struct slice bytes)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_sse42(~crc, bytes);
    }
#endif
    return ~crc32c_table(~crc, bytes);
}

bool journal_sha256(const struct slice *parts, size_t count, uint8_t out[AUDIT_HASH_BYTES])
{
    SHA256_CTX state;
    bool ok = SHA256_Init(&state) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        ok = SHA256_Update(&state, parts[i].ptr, parts[i].len) == 1;
    }
    return ok && SHA256_Final(out, &state) == 1;
}

/* Layout: 0 magic, 4 version, 8 number, 16 first sequence, 24 previous end, 32 created,
 * 40 previous chain, 72 zeros, 84 CRC-32C of all before it. Integers are little-endian. */
void segment_header_encode(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_BYTES])
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, magic, sizeof(magic));
    journal_put_u32(out + 4, SEGMENT_VERSION);
    journal_put_u64(out + 8, header->number);
    journal_put_u64(out + 16, header->first_sequence);
    journal_put_u64(out + 24, header->previous_end);
    journal_put_u64(out + 32, (uint64_t)header->created_ms);
    memcpy(out + 40, header->previous_chain, AUDIT_HASH_BYTES);
    journal_put_u32(out + 84, journal_crc32c(0, slice_of(out, 84)));
}

bool segment_header_decode(struct slice bytes, struct segment_header *out)
{
    const uint8_t *in = bytes.ptr;
    if (bytes.len < SEGMENT_HEADER_BYTES || memcmp(in, magic, sizeof(magic)) != 0 ||
        journal_get_u32(in + 4) != SEGMENT_VERSION ||
        journal_get_u32(in + 84) != journal_crc32c(0, slice_of(in, 84))) {
        return false;
    }
    *out = (struct segment_header){
        .number = journal_get_u64(in + 8),
        .first_sequence = journal_get_u64(in + 16),
        .previous_end = journal_get_u64(in + 24),
        .created_ms = (int64_t)journal_get_u64(in + 32),
    };
    memcpy(out->previous_chain, in + 40, AUDIT_HASH_BYTES);
    return true;
}

enum status segment_chain_start(const uint8_t header[SEGMENT_HEADER_BYTES],
                                uint8_t chain[AUDIT_HASH_BYTES])
{
    return audit_chain(journal_sha256, header + 40, slice_of(header, SEGMENT_HEADER_BYTES), chain);
}

/* The CRC covers the length too: a damaged length is found before it is believed. */
static uint32_t frame_crc(const uint8_t *frame, struct slice payload)
{
    uint32_t crc = journal_crc32c(0, slice_of(frame, 4));
    crc = journal_crc32c(crc, slice_of(frame + 8, AUDIT_HASH_BYTES));
    return journal_crc32c(crc, payload);
}

enum status frame_append(struct buf *out, struct slice payload, uint8_t chain[AUDIT_HASH_BYTES])
{
    assert(payload.len > 0 && payload.len <= PAYLOAD_BYTES_MAX);
    uint8_t *frame = buf_reserve(out, FRAME_HEADER_BYTES + payload.len);
    if (frame == NULL) {
        return STATUS_LIMIT;
    }
    TRY(audit_chain(journal_sha256, chain, payload, chain));
    journal_put_u32(frame, (uint32_t)payload.len);
    memcpy(frame + 8, chain, AUDIT_HASH_BYTES);
    memcpy(frame + FRAME_HEADER_BYTES, payload.ptr, payload.len);
    journal_put_u32(frame + 4, frame_crc(frame, payload));
    buf_commit(out, FRAME_HEADER_BYTES + payload.len);
    return STATUS_OK;
}

enum frame_fault frame_read(struct slice bytes, uint8_t chain[AUDIT_HASH_BYTES],
                            struct slice *payload)
{
    if (bytes.len < FRAME_HEADER_BYTES) {
        return FRAME_CUT;
    }
    uint32_t len = journal_get_u32(bytes.ptr);
    if (len == 0 || len > PAYLOAD_BYTES_MAX) {
        return FRAME_LENGTH;
    }
    if (bytes.len - FRAME_HEADER_BYTES < len) {
        return FRAME_CUT;
    }
    struct slice found = slice_sub(bytes, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + len);
    if (journal_get_u32(bytes.ptr + 4) != frame_crc(bytes.ptr, found)) {
        return FRAME_CRC;
    }
    uint8_t expected[AUDIT_HASH_BYTES];
    if (audit_chain(journal_sha256, chain, found, expected) != STATUS_OK ||
        memcmp(expected, bytes.ptr + 8, AUDIT_HASH_BYTES) != 0) {
        return FRAME_CHAIN;
    }
    memcpy(chain, expected, AUDIT_HASH_BYTES);
    *payload = found;
    return FRAME_GOOD;
}

bool journal_is_zero(struct slice bytes)
{
    return bytes.len == 0 ||
           (bytes.ptr[0] == 0 && memcmp(bytes.ptr, bytes.ptr + 1, bytes.len - 1) == 0);
}

bool frame_is_unfinished(struct slice bytes, uint64_t offset)
{
    assert(bytes.len >= FRAME_HEADER_BYTES);
    size_t len = FRAME_HEADER_BYTES + (size_t)journal_get_u32(bytes.ptr);
    struct slice frame = slice_of(bytes.ptr, len < bytes.len ? len : bytes.len);
    bool is_unfinished = frame.ptr[frame.len - 1] == 0;
    for (size_t from = 0, to; !is_unfinished && from < frame.len; from = to) {
        to = from + SECTOR_BYTES - (size_t)((offset + from) % SECTOR_BYTES);
        is_unfinished = journal_is_zero(slice_sub(frame, from, to));
    }
    return is_unfinished;
}

void segment_name(uint64_t number, char out[SEGMENT_NAME_BYTES])
{
    (void)snprintf(out, SEGMENT_NAME_BYTES, "%020" PRIu64 ".aegj", number);
}

uint64_t segment_number_of(const char *name)
{
    struct slice text = slice_view_cstr(name);
    int64_t number = 0;
    if (text.len != SEGMENT_NAME_BYTES - 1 || !slice_ends_with(text, SLICE(".aegj")) ||
        text.ptr[0] == '-' || slice_to_i64(slice_sub(text, 0, 20), &number) != STATUS_OK) {
        return 0;
    }
    return (uint64_t)number;
}
