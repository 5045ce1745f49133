#include "core/audit/record.h"
#include "support/check.h"
#include "json/tape.h"

enum { LIMIT = 1 << 20 };

static struct slice text_of(const char *text)
{
    return slice_view_cstr(text);
}

static bool find(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (slice_eq(slice_sub(text, i, i + part.len), part)) {
            return true;
        }
    }
    return false;
}

static enum status parse(struct slice text, struct arena *arena, struct json_tape *tape)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    uint8_t seed[16] = {1};
    struct json_parser parser;
    json_parser_init(&parser, &limits, seed);
    return json_parse(&parser, text, arena, tape, NULL);
}

TEST(audit_record_has_a_fixed_form)
{
    struct slice policies[] = {SLICE_INIT("p1"), SLICE_INIT("p\"2")};
    struct audit_record record = {
        .type = AUDIT_AUTHZ_DENY,
        .phase = AUDIT_INTENT,
        .decision_id = {0x01, 0x9A, 0xA9, 0xFF, 0x10},
        .wall_ms = 5,
        .subject = SLICE("ada"),
        .target = SLICE("jira.create_issue"),
        .decision = AUDIT_DECISION_DENY,
        .policies = policies,
        .policy_count = 2,
        .code = SLICE("policy.denied"),
        .latency_us = 7,
    };
    struct buf buf;
    buf_init(&buf, LIMIT, NULL);
    CHECK(audit_record_encode(&record, &buf) == STATUS_OK);
    CHECK(slice_eq(
        buf_view(&buf),
        SLICE("{\"type\":\"authz.deny\",\"phase\":\"intent\",\"decision_id\":"
              "\"019aa9ff100000000000000000000000\",\"time_ms\":5,\"subject\":\"ada\",\"target\":"
              "\"jira.create_issue\",\"decision\":\"deny\",\"policies\":[\"p1\",\"p\\\"2\"],"
              "\"code\":\"policy.denied\",\"latency_us\":7}")));
    buf_release(&buf);
}

/* Log injection: whatever a peer sends, the line stays one line and shows what was sent. */
TEST(audit_record_escapes_what_deceives)
{
    static const struct {
        const char *name, *text, *expected;
    } rows[] = {
        {"plain", "x", "\"subject\":\"x\""},
        {"quote and backslash", "\"\\", "\"subject\":\"\\\"\\\\\""},
        {"line feed", "x\n{\"a\":1}", "x\\u000a{\\\"a\\\":1}"},
        {"carriage return", "a\rb", "a\\u000db"},
        {"escape sequence", "\x1b[2J", "\\u001b[2J"},
        {"delete", "\x7f", "\\u007f"},
        {"C1",
         "\xc2\x9b"
         "31m",
         "\\u009b31m"},
        {"line separator", "\xe2\x80\xa8", "\\u2028"},
        {"right-to-left",
         "a\xe2\x80\xae"
         "b",
         "a\\u202eb"},
        {"isolate", "\xe2\x81\xa6", "\\u2066"},
        {"zero width", "\xe2\x80\x8b", "\\u200b"},
        {"byte order mark", "\xef\xbb\xbf", "\\ufeff"},
        {"letters stay", "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80",
         "\"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\""},
        {"lone continuation", "a\x80z", "a\\ufffdz"},
        {"overlong", "\xc0\xaf", "\\ufffd\\ufffd"},
        {"cut short", "\xe4\xb8", "\\ufffd\\ufffd\""},
        {"surrogate", "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
        {"past the last point", "\xf5\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct audit_record record = {
            .type = AUDIT_WIRE_REJECT, .phase = AUDIT_EVENT, .subject = text_of(rows[i].text)};
        struct buf buf;
        buf_init(&buf, LIMIT, NULL);
        CHECK_ROW(rows[i].name, audit_record_encode(&record, &buf) == STATUS_OK);
        CHECK_ROW(rows[i].name, find(buf_view(&buf), text_of(rows[i].expected)));
        buf_release(&buf);
    }
}

/* Any bytes at all give one line of strict JSON within the bound. */
TEST(audit_record_is_strict_json_for_any_bytes)
{
    uint8_t bytes[3000];
    struct slice policies[AUDIT_POLICIES_MAX + 3];
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)(check_random() >> 13);
        }
        struct slice any = slice_of(bytes, check_random() % sizeof(bytes));
        for (size_t i = 0; i < COUNT_OF(policies); i++) {
            policies[i] = any;
        }
        struct audit_record record = {.issuer = any,
                                      .reason = any,
                                      .target = any,
                                      .policies = policies,
                                      .policy_count = COUNT_OF(policies)};
        struct buf buf;
        struct arena arena;
        struct json_tape tape;
        buf_init(&buf, AUDIT_RECORD_BYTES_MAX, NULL);
        arena_init(&arena, LIMIT, NULL);
        CHECK(audit_record_encode(&record, &buf) == STATUS_OK);
        CHECK(slice_find_byte(buf_view(&buf), '\n') == buf.len);
        CHECK(parse(buf_view(&buf), &arena, &tape) == STATUS_OK);
        arena_release(&arena);
        buf_release(&buf);
    }
}

TEST(audit_record_says_limit_when_the_buffer_is_full)
{
    struct audit_record record = {.type = AUDIT_CLOCK_STEP, .phase = AUDIT_EVENT};
    for (size_t limit = 0; limit < 40; limit++) {
        struct buf buf;
        buf_init(&buf, limit, NULL);
        CHECK(audit_record_encode(&record, &buf) == STATUS_LIMIT);
        buf_release(&buf);
    }
}

TEST(audit_type_names_round_trip)
{
    enum audit_type type;
    for (size_t i = 0; i < AUDIT_TYPE_COUNT; i++) {
        struct slice name = audit_type_name((enum audit_type)i);
        CHECK(name.len != 0 && audit_type_parse(name, &type) && (size_t)type == i);
    }
    static const char *const refused[] = {"", "authz", "authz.allow ", "AUTHZ.ALLOW",
                                          "authz.permit"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CHECK_ROW(refused[i], !audit_type_parse(text_of(refused[i]), &type));
    }
}

static bool sum_hash(const struct slice *parts, size_t count, uint8_t out[AUDIT_HASH_BYTES])
{
    memset(out, 0, AUDIT_HASH_BYTES);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].len; k++) {
            out[at++ % AUDIT_HASH_BYTES] ^= (uint8_t)(parts[i].ptr[k] + i);
        }
    }
    return true;
}

static bool failing_hash(const struct slice *parts, size_t count, uint8_t out[AUDIT_HASH_BYTES])
{
    (void)parts;
    (void)count;
    memset(out, 0xEE, AUDIT_HASH_BYTES);
    return false;
}

TEST(audit_chain_takes_previous_then_payload)
{
    uint8_t chain[AUDIT_HASH_BYTES] = {7}, expected[AUDIT_HASH_BYTES];
    struct slice parts[] = {slice_of(chain, sizeof(chain)), SLICE_INIT("payload")};
    CHECK(sum_hash(parts, 2, expected));
    uint8_t before[AUDIT_HASH_BYTES];
    memcpy(before, chain, sizeof(chain));
    CHECK(audit_chain(failing_hash, chain, SLICE("payload"), chain) == STATUS_INTERNAL);
    CHECK(memcmp(chain, before, sizeof(chain)) == 0);
    CHECK(audit_chain(sum_hash, chain, SLICE("payload"), chain) == STATUS_OK);
    CHECK(memcmp(chain, expected, sizeof(chain)) == 0);
}
