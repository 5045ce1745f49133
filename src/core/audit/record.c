#include "core/audit/record.h"

#include <assert.h>
#include <string.h>

#define HEX_STEP_BYTES 16
#define MEMBER_BYTES 24

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
    [AUDIT_SIGN_IN] = SLICE_INIT("auth.sign_in"),
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

/* How a member begins, padded, so that a copy of one length writes it. */
struct member {
    char text[MEMBER_BYTES];
    size_t len;
};

#define MEMBER(name)                                                                               \
    {                                                                                              \
        ",\"" name "\":", sizeof(",\"" name "\":") - 1                                             \
    }

static void append_member(struct buf *out, const struct member *member)
{
    buf_append(out, slice_of(member->text, member->len));
}

/* A string of plain characters behind what goes before it. */
static void append_plain(struct buf *out, const struct member *member, struct slice text)
{
    uint8_t *room = buf_reserve(out, MEMBER_BYTES + text.len + 2);
    if (room == NULL) {
        return;
    }
    uint8_t *at = room + member->len;
    memcpy(room, member->text, MEMBER_BYTES);
    *at++ = '"';
    if (text.len > 0) {
        memcpy(at, text.ptr, text.len);
    }
    at += text.len;
    *at++ = '"';
    buf_commit(out, (size_t)(at - room));
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
static bool is_plain(struct slice text)
{
    return text.len <= AUDIT_TEXT_BYTES_MAX && slice_skip_plain(text, 0) == text.len;
}

static void append_text(struct buf *out, const struct member *member, struct slice text)
{
    if (is_plain(text)) {
        append_plain(out, member, text);
    } else {
        append_member(out, member);
        append_odd(out, text);
    }
}

/* A member of a record that is a text, or is left out. */
struct text_member {
    struct member member;
    size_t offset; /* of its slice in struct audit_record */
};

#define TEXT_MEMBER(name)                                                                          \
    {                                                                                              \
        MEMBER(#name), offsetof(struct audit_record, name)                                         \
    }

static struct slice text_of(const struct audit_record *record, const struct text_member *member)
{
    struct slice text;
    memcpy(&text, (const char *)record + member->offset, sizeof(text));
    return text;
}

static void append_texts(struct buf *out, const struct audit_record *record,
                         const struct text_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slice text = text_of(record, &members[i]);
        if (text.len > 0) {
            append_text(out, &members[i].member, text);
        }
    }
}

static void append_number_member(struct buf *out, const struct member *member, uint64_t number)
{
    if (number != 0) {
        append_member(out, member);
        buf_append_u64(out, number);
    }
}

static void append_signed_member(struct buf *out, const struct member *member, int64_t number)
{
    if (number != 0) {
        append_member(out, member);
        buf_append_i64(out, number);
    }
}

/* HEX_STEP_BYTES as digits, all at once. */
static void write_hex(const uint8_t *bytes, uint8_t *text)
{
    typedef uint8_t step __attribute__((vector_size(HEX_STEP_BYTES)));
    step both;
    memcpy(&both, bytes, sizeof(both));
    step high = both >> 4;
    step low = both & 0xF;
    step first =
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    step last = __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14,
                                        30, 15, 31);
    first += '0' + ((step)(first > 9) & ('a' - '0' - 10));
    last += '0' + ((step)(last > 9) & ('a' - '0' - 10));
    memcpy(text, &first, sizeof(first));
    memcpy(text + HEX_STEP_BYTES, &last, sizeof(last));
}

void audit_append_decision_id(struct buf *out, const uint8_t id[AUDIT_DECISION_ID_BYTES])
{
    uint8_t text[2 * AUDIT_DECISION_ID_BYTES];
    for (size_t i = 0; i < AUDIT_DECISION_ID_BYTES; i += HEX_STEP_BYTES) {
        write_hex(id + i, text + 2 * i);
    }
    buf_append(out, slice_of(text, sizeof(text)));
}

static void append_digest_member(struct buf *out, const struct member *member, struct slice digest)
{
    static const uint8_t ZERO[AUDIT_HASH_BYTES];
    uint8_t text[2 * AUDIT_HASH_BYTES];
    assert(digest.len <= AUDIT_HASH_BYTES && digest.len % HEX_STEP_BYTES == 0);
    if (slice_eq(digest, slice_of(ZERO, digest.len))) {
        return;
    }
    for (size_t i = 0; i < digest.len; i += HEX_STEP_BYTES) {
        write_hex(digest.ptr + i, text + 2 * i);
    }
    append_plain(out, member, slice_of(text, 2 * digest.len));
}

static void append_policies(struct buf *out, const struct audit_record *record)
{
    static const struct member first = {",\"policies\":[", sizeof(",\"policies\":[") - 1};
    static const struct member next = {",", 1};
    static const struct member left_out = MEMBER("policies_left_out");
    if (record->policy_count == 0) {
        return;
    }
    size_t count = record->policy_count;
    for (size_t i = 0; i < count && i < AUDIT_POLICIES_MAX; i++) {
        append_text(out, i == 0 ? &first : &next, record->policies[i]);
    }
    buf_append_byte(out, ']');
    append_number_member(out, &left_out,
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

static void append_begin(struct buf *out, const struct audit_record *record)
{
    static const struct member type = {"{\"type\":", sizeof("{\"type\":") - 1};
    static const struct member phase = MEMBER("phase");
    static const struct member id = MEMBER("decision_id");
    static const struct member wall = MEMBER("time_ms");
    static const struct member mono = MEMBER("mono_ms");
    append_plain(out, &type, audit_type_name(record->type));
    append_plain(out, &phase, audit_phase_name(record->phase));
    append_digest_member(out, &id, slice_of(record->decision_id, sizeof(record->decision_id)));
    append_member(out, &wall);
    buf_append_i64(out, record->wall_ms);
    append_signed_member(out, &mono, record->mono_ms);
}

static void append_verdict(struct buf *out, const struct audit_record *record)
{
    static const struct member decision = MEMBER("decision");
    static const struct member policy_set = MEMBER("policy_set");
    if (record->decision != AUDIT_DECISION_NONE) {
        append_plain(out, &decision, audit_decision_name(record->decision));
    }
    append_digest_member(out, &policy_set,
                         slice_of(record->policy_set, sizeof(record->policy_set)));
    append_policies(out, record);
}

static void append_measures(struct buf *out, const struct audit_record *record)
{
    static const struct member request = MEMBER("request_bytes");
    static const struct member response = MEMBER("response_bytes");
    static const struct member events = MEMBER("events");
    static const struct member latency = MEMBER("latency_us");
    append_number_member(out, &request, record->request_bytes);
    append_number_member(out, &response, record->response_bytes);
    append_number_member(out, &events, record->events);
    append_signed_member(out, &latency, record->latency_us);
}

enum status audit_record_encode(const struct audit_record *record, struct buf *out)
{
    static const struct text_member operation[] = {
        TEXT_MEMBER(issuer),  TEXT_MEMBER(tenant),   TEXT_MEMBER(subject),   TEXT_MEMBER(client_id),
        TEXT_MEMBER(session), TEXT_MEMBER(revision), TEXT_MEMBER(direction), TEXT_MEMBER(primitive),
        TEXT_MEMBER(method),  TEXT_MEMBER(target),   TEXT_MEMBER(server),    TEXT_MEMBER(peer),
    };
    static const struct text_member why[] = {TEXT_MEMBER(code), TEXT_MEMBER(reason)};
    static const struct text_member how[] = {TEXT_MEMBER(outcome)};
    static const struct text_member trace[] = {TEXT_MEMBER(trace_id)};
    static const struct member arguments = MEMBER("argument_digest");
    append_begin(out, record);
    append_texts(out, record, operation, COUNT_OF(operation));
    append_verdict(out, record);
    append_texts(out, record, why, COUNT_OF(why));
    append_digest_member(out, &arguments,
                         slice_of(record->argument_digest, sizeof(record->argument_digest)));
    append_texts(out, record, how, COUNT_OF(how));
    append_measures(out, record);
    append_texts(out, record, trace, COUNT_OF(trace));
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
