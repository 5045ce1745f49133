/* journal_format.h: the bytes of a segment. Private to this folder; described in docs/audit.md. */
#ifndef AEGIS_ADAPTERS_JOURNAL_JOURNAL_FORMAT_H
#define AEGIS_ADAPTERS_JOURNAL_JOURNAL_FORMAT_H

#include "base/buf.h"
#include "core/audit/record.h"

#define SEGMENT_VERSION 1
#define SEGMENT_HEADER_BYTES 88
#define FRAME_HEADER_BYTES 40 /* u32 length, u32 CRC-32C, 32 bytes of chain */
#define SEGMENT_NAME_BYTES 26 /* 20 digits, ".aegj", NUL */
#define PAYLOAD_BYTES_MAX AUDIT_RECORD_BYTES_MAX

struct segment_header {
    uint64_t number;         /* 1 for the first */
    uint64_t first_sequence; /* of the first record in it */
    uint64_t previous_end;   /* offset where the segment before ends; 0 for the first */
    int64_t created_ms;
    uint8_t previous_chain[AUDIT_HASH_BYTES]; /* the chain at previous_end; zeros for the first */
};

/* Integers of the format are little-endian. */
void journal_put_u32(uint8_t *out, uint32_t value);
void journal_put_u64(uint8_t *out, uint64_t value);
uint32_t journal_get_u32(const uint8_t *in);
uint64_t journal_get_u64(const uint8_t *in);

/* CRC-32C (RFC 3720 B.4) over bytes, continuing from crc; start with 0. */
uint32_t journal_crc32c(uint32_t crc, struct slice bytes);

/* The hash of the crypto library, for audit_chain. */
bool journal_sha256(const struct slice *parts, size_t count, uint8_t out[AUDIT_HASH_BYTES]);

void segment_header_encode(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_BYTES]);

/* False when bytes are no header of this version or its CRC differs. */
bool segment_header_decode(struct slice bytes, struct segment_header *out);

/* The chain before the first record: over the previous chain and the header's own bytes, so that
 * no field of the header can be changed. */
NODISCARD enum status segment_chain_start(const uint8_t header[SEGMENT_HEADER_BYTES],
                                          uint8_t chain[AUDIT_HASH_BYTES]);

/* Append one frame and move the chain on. STATUS_LIMIT when out is full, chain then unchanged. */
NODISCARD enum status frame_append(struct buf *out, struct slice payload,
                                   uint8_t chain[AUDIT_HASH_BYTES]);

/* What a frame at the start of bytes is worth. */
enum frame_fault {
    FRAME_GOOD,
    FRAME_CUT,    /* bytes end before the frame does */
    FRAME_LENGTH, /* a length that no frame has */
    FRAME_CRC,
    FRAME_CHAIN,
};

/* Check the frame against the chain before it; on FRAME_GOOD *payload views into bytes and chain
 * moves on. */
enum frame_fault frame_read(struct slice bytes, uint8_t chain[AUDIT_HASH_BYTES],
                            struct slice *payload);

/* Are these bytes of a segment what is written ahead of records? */
bool journal_is_zero(struct slice bytes);

/* With bytes from an offset of a segment on that begin with a frame whose CRC is wrong: is that
 * because it is only partly there? A writer at work, or one that crashed, leaves zeros for whole
 * sectors, or from some byte to the end; and no record ends in a zero. */
bool frame_is_unfinished(struct slice bytes, uint64_t offset);

/* "00000000000000000001.aegj" */
void segment_name(uint64_t number, char out[SEGMENT_NAME_BYTES]);

/* The number in a segment's file name, or 0 when it is no such name. */
uint64_t segment_number_of(const char *name);

#endif
