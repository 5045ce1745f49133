#include "core/audit/record.h"

#include <assert.h>
#include <string.h>

static const struct slice type_names[AUDIT_TYPE_COUNT] = {
    [AUDIT_WIRE_REJECT] = SLICE_INIT("wire.reject"),
    [AUDIT_AUTH_REJECT] = SLICE_INIT("auth.reject"),
    [AUDIT_SESSION_MISMATCH] = SLICE_INIT("session.mismatch"),
    [AUDIT_AUTHZ_DENY] = SLICE_INIT("authz.deny"),
    [AUDIT_AUTHZ_ALLOW] = SLICE_INIT("authz.allow"),
    [AUDIT_QUARANTINE_HOLD] = SLICE_INIT("quarantine.hold"),
    [AUDIT_DRIFT_FOUND] = SLICE_INIT("drift.found"),
    [AUDIT_FILTER_FINDING] = SLICE_INIT("filter.finding"),
    [AUDIT_UPSTREAM_PROTOCOL] = SLICE_INIT("upstream.protocol"),
    [AUDIT_LIMIT_HIT] = SLICE_INIT("limit.hit"),
    [AUDIT_CHILD_EVENT] = SLICE_INIT("child.event"),
    [AUDIT_CTL_CHANGE] = SLICE_INIT("ctl.change"),
    [AUDIT_CTL_REJECT] = SLICE_INIT("ctl.reject"),
    [AUDIT_SECRET_USE] = SLICE_INIT("secret.use"),
    [AUDIT_SECRET_ECHO] = SLICE_INIT("secret.echo"),
    [AUDIT_SELF_FAULT] = SLICE_INIT("self.fault"),
    [AUDIT_CLOCK_STEP] = SLICE_INIT("clock.step"),
};

/* One code point of text at *at; 0xFFFD for a byte that is no UTF-8 there. *at moves behind it. */
static uint32_t take_code_point(struct slice text, size_t *at)
{
    uint8_t first = text.ptr[*at];
    size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    struct slice one = slice_sub(text, *at, *at + len);
    if (one.len != len || !slice_is_utf8(one)) {
        *at += 1;
        return 0xFFFD;
    }
    *at += len;
    uint32_t point = len == 1 ? first : first & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        point = point << 6 | (one.ptr[i] & 0x3FU);
    }
    return point;
}

/* Characters that change how a line looks or where it ends: controls (C0, DEL, C1), soft and zero
 * width signs, line separators and everything that turns the writing direction. */
static bool is_deceptive(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0xAD || point == 0x61C ||
           (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x2069) || point == 0xFEFF;
}

static void append_escape(struct buf *out, uint32_t point)
{
    static const char digits[] = "0123456789abcdef";
    assert(point <= 0xFFFF);
    uint8_t text[6] = {'\\', 'u'};
    for (size_t i = 0; i < 4; i++) {
        text[2 + i] = (uint8_t)digits[point >> (12 - 4 * i) & 0xF];
    }
    buf_append(out, slice_of(text, sizeof(text)));
}

/* A string of plain characters behind what goes before it, both in one piece of room. */
static void append_plain(struct buf *out, struct slice before, struct slice text)
{
    uint8_t *room = buf_reserve(out, before.len + text.len + 2);
    if (room == NULL) {
        return;
    }
    memcpy(room, before.ptr, before.len);
    room[before.len] = '"';
    if (text.len > 0) {
        memcpy(room + before.len + 1, text.ptr, text.len);
    }
    room[before.len + text.len + 1] = '"';
    buf_commit(out, before.len + text.len + 2);
}

static void append_odd(struct buf *out, struct slice text)
{
    bool is_cut = text.len > AUDIT_TEXT_BYTES_MAX;
    struct slice kept = slice_sub(text, 0, AUDIT_TEXT_BYTES_MAX);
    buf_append_byte(out, '"');
    for (size_t at = 0; at < kept.len;) {
        size_t from = at;
        at = slice_skip_plain(kept, at);
        if (at > from) {
            buf_append(out, slice_sub(text, from, at));
            continue;
        }
        /* Decoded from the whole text, so that the cut never splits a character. */
        uint32_t point = take_code_point(text, &at);
        if (point == 0xFFFD || is_deceptive(point)) {
            append_escape(out, point);
        } else if (point == '"' || point == '\\') {
            buf_append_byte(out, '\\');
            buf_append_byte(out, (uint8_t)point);
        } else {
            buf_append(out, slice_sub(text, from, at));
        }
    }
    buf_append(out, is_cut ? SLICE("...\"") : SLICE("\""));
}

/* Nearly all texts of nearly all records stand for themselves. */
static void append_text(struct buf *out, struct slice before, struct slice text)
{
    if (text.len <= AUDIT_TEXT_BYTES_MAX && slice_skip_plain(text, 0) == text.len) {
        append_plain(out, before, text);
    } else {
        buf_append(out, before);
        append_odd(out, text);
    }
}

/* How a member begins: its name is known when this is compiled, so one copy writes it. */
#define MEMBER(name) SLICE(",\"" name "\":")

static void append_text_member(struct buf *out, struct slice member, struct slice text)
{
    if (text.len != 0) {
        append_text(out, member, text);
    }
}

static void append_number_member(struct buf *out, struct slice member, uint64_t number)
{
    if (number != 0) {
        buf_append(out, member);
        buf_append_u64(out, number);
    }
}

static void append_signed_member(struct buf *out, struct slice member, int64_t number)
{
    if (number != 0) {
        buf_append(out, member);
        buf_append_i64(out, number);
    }
}

static void append_digest_member(struct buf *out, struct slice member, struct slice digest)
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t ZERO[AUDIT_HASH_BYTES];
    uint8_t text[2 * AUDIT_HASH_BYTES];
    assert(digest.len <= AUDIT_HASH_BYTES);
    if (slice_eq(digest, slice_of(ZERO, digest.len))) {
        return;
    }
    for (size_t i = 0; i < digest.len; i++) {
        text[2 * i] = (uint8_t)digits[digest.ptr[i] >> 4];
        text[2 * i + 1] = (uint8_t)digits[digest.ptr[i] & 0xF];
    }
    append_plain(out, member, slice_of(text, 2 * digest.len));
}

static void append_policies(struct buf *out, const struct audit_record *record)
{
    if (record->policy_count == 0) {
        return;
    }
    size_t count = record->policy_count;
    buf_append(out, MEMBER("policies"));
    for (size_t i = 0; i < count && i < AUDIT_POLICIES_MAX; i++) {
        append_text(out, i == 0 ? SLICE("[") : SLICE(","), record->policies[i]);
    }
    buf_append_byte(out, ']');
    append_number_member(out, MEMBER("policies_left_out"),
                         count > AUDIT_POLICIES_MAX ? count - AUDIT_POLICIES_MAX : 0);
}

struct slice audit_type_name(enum audit_type type)
{
    assert(type < AUDIT_TYPE_COUNT);
    return type_names[type];
}

bool audit_type_parse(struct slice name, enum audit_type *out)
{
    for (size_t i = 0; i < AUDIT_TYPE_COUNT; i++) {
        if (slice_eq(name, type_names[i])) {
            *out = (enum audit_type)i;
            return true;
        }
    }
    return false;
}

struct slice audit_phase_name(enum audit_phase phase)
{
    static const struct slice names[] = {
        [AUDIT_INTENT] = SLICE_INIT("intent"),
        [AUDIT_OUTCOME] = SLICE_INIT("outcome"),
        [AUDIT_EVENT] = SLICE_INIT("event"),
    };
    assert(phase < COUNT_OF(names));
    return names[phase];
}

struct slice audit_decision_name(enum audit_decision decision)
{
    static const struct slice names[] = {
        [AUDIT_DECISION_NONE] = SLICE_INIT(""),
        [AUDIT_DECISION_DENY] = SLICE_INIT("deny"),
        [AUDIT_DECISION_ALLOW] = SLICE_INIT("allow"),
    };
    assert(decision < COUNT_OF(names));
    return names[decision];
}

static void append_operation(struct buf *out, const struct audit_record *record)
{
    append_text_member(out, MEMBER("issuer"), record->issuer);
    append_text_member(out, MEMBER("tenant"), record->tenant);
    append_text_member(out, MEMBER("subject"), record->subject);
    append_text_member(out, MEMBER("client_id"), record->client_id);
    append_text_member(out, MEMBER("session"), record->session);
    append_text_member(out, MEMBER("revision"), record->revision);
    append_text_member(out, MEMBER("direction"), record->direction);
    append_text_member(out, MEMBER("primitive"), record->primitive);
    append_text_member(out, MEMBER("method"), record->method);
    append_text_member(out, MEMBER("target"), record->target);
    append_text_member(out, MEMBER("server"), record->server);
    append_text_member(out, MEMBER("peer"), record->peer);
}

enum status audit_record_encode(const struct audit_record *record, struct buf *out)
{
    append_plain(out, SLICE("{\"type\":"), audit_type_name(record->type));
    append_plain(out, MEMBER("phase"), audit_phase_name(record->phase));
    append_digest_member(out, MEMBER("decision_id"),
                         slice_of(record->decision_id, sizeof(record->decision_id)));
    buf_append(out, MEMBER("time_ms"));
    buf_append_i64(out, record->wall_ms);
    append_signed_member(out, MEMBER("mono_ms"), record->mono_ms);
    append_operation(out, record);
    append_text_member(out, MEMBER("decision"), audit_decision_name(record->decision));
    append_digest_member(out, MEMBER("policy_set"),
                         slice_of(record->policy_set, sizeof(record->policy_set)));
    append_policies(out, record);
    append_text_member(out, MEMBER("code"), record->code);
    append_text_member(out, MEMBER("reason"), record->reason);
    append_digest_member(out, MEMBER("argument_digest"),
                         slice_of(record->argument_digest, sizeof(record->argument_digest)));
    append_text_member(out, MEMBER("outcome"), record->outcome);
    append_number_member(out, MEMBER("request_bytes"), record->request_bytes);
    append_number_member(out, MEMBER("response_bytes"), record->response_bytes);
    append_number_member(out, MEMBER("events"), record->events);
    append_signed_member(out, MEMBER("latency_us"), record->latency_us);
    append_text_member(out, MEMBER("trace_id"), record->trace_id);
    buf_append_byte(out, '}');
    return buf_status(out);
}

enum status audit_chain(audit_sha256_fn sha256, const uint8_t previous[AUDIT_HASH_BYTES],
                        struct slice payload, uint8_t chain[AUDIT_HASH_BYTES])
{
    const struct slice parts[] = {slice_of(previous, AUDIT_HASH_BYTES), payload};
    uint8_t hash[AUDIT_HASH_BYTES];
    if (!sha256(parts, COUNT_OF(parts), hash)) {
        return STATUS_INTERNAL;
    }
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
        chain[i] = hash[i];
    }
    return STATUS_OK;
}
