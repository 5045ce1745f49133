#include "daemon/config/config_limits.h"

#include "core/gateway/session_token.h"
#include "daemon/config/config_bounds.h"

#include <inttypes.h>
#include <string.h>

#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MINUTE_MS ((int64_t)60000)
#define HOUR_MS (60 * MINUTE_MS)

#define LIMIT(field, fallback, lowest, highest, unit, doc)                                         \
    {                                                                                              \
        SLICE_INIT(#field), offsetof(struct config_limits, field), fallback, lowest, highest,      \
            unit, doc                                                                              \
    }

/* clang-format off */
const struct config_limit config_limit_table[] = {
    LIMIT(head_bytes, 16 * KIB, KIB, 256 * KIB, "bytes", "HTTP head: request line and fields"),
    LIMIT(head_fields, 100, 16, 128, "", "fields of one HTTP head"),
    LIMIT(body_bytes, 4 * MIB, KIB, 64 * MIB, "bytes", "body of one request or answer"),
    LIMIT(event_bytes, 4 * MIB, KIB, 64 * MIB, "bytes", "one server-sent event"),
    LIMIT(json_depth, 64, 4, 128, "", "JSON containers inside each other"),
    LIMIT(json_nodes, 65536, 64, 1 << 24, "", "JSON values and names of one message"),
    LIMIT(json_members, 4096, 16, 1 << 20, "", "members of one JSON object"),
    LIMIT(json_number_bytes, 4096, 20, 65536, "bytes", "digits of one JSON number"),
    LIMIT(operation_bytes, 32 * MIB, 64 * KIB, GIB, "bytes", "memory of one operation"),
    LIMIT(principal_bytes, 256 * MIB, 64 * KIB, 64 * GIB, "bytes", "operations of one principal in one loop"),
    LIMIT(server_bytes, 256 * MIB, MIB, 64 * GIB, "bytes", "sessions with one server in one loop"),
    LIMIT(loop_bytes, GIB, 16 * MIB, 64 * GIB, "bytes", "memory of all exchanges of one loop"),
    LIMIT(stream_queue_bytes, MIB, 4 * KIB, 64 * MIB, "bytes", "unsent bytes of one slow client"),
    LIMIT(connections, 10000, 1, 1000000, "", "client connections of one loop"),
    LIMIT(connections_upstream, 4096, 1, 65536, "", "connections of one loop to one server"),
    LIMIT(sessions, 1024, 1, 1000000, "", "upstream sessions of one loop"),
    LIMIT(client_sessions, 16384, 1, 1000000, "", "sessions of legacy clients of one loop"),
    LIMIT(principal_sessions, 256, 1, 1000000, "", "of these, one principal's"),
    LIMIT(client_session_bytes, 4 * MIB, 4 * KIB, GIB, "bytes", "what one of these keeps"),
    LIMIT(subscriptions, 256, 0, 65536, "", "resources that one of these is subscribed to"),
    LIMIT(listens, 1024, 0, 1000000, "", "streams of changes of modern clients of one loop"),
    LIMIT(principal_listens, 64, 0, 1000000, "", "of these, one principal's"),
    LIMIT(session_tasks, 256, 1, 4096, "", "tasks that one of these remembers, for tasks/list"),
    LIMIT(task_lifetime_s, 86400, 1, 30 * 86400, "s", "age at which the id of a task is none any more"),
    LIMIT(client_pages, 64, 1, 4096, "", "pages that one was asked to open, for the notice that it is done"),
    LIMIT(stream_events, 256, 1, 65536, "", "events kept of one stream, for a client that lost it"),
    LIMIT(operations, 4096, 1, 1000000, "", "operations in flight in one loop"),
    LIMIT(principal_requests_per_s, 0, 0, 1000000, "", "requests of one principal in one loop; 0: any number"),
    LIMIT(principal_request_burst, 100, 1, 1000000, "", "of these, at once"),
    LIMIT(question_rounds, 16, 1, 64, "", "times that one call comes back with questions"),
    LIMIT(round_questions, 16, 1, 64, "", "what a server asks at a time"),
    LIMIT(call_questions, 64, 1, 1024, "", "requests of an older server during one call"),
    LIMIT(result_resources, 256, 0, 4096, "", "links and embedded resources judged in one result"),
    LIMIT(links, 65536, 64, 1 << 20, "", "of these, remembered for reads on /mcp, of all loops"),
    LIMIT(held_calls, 1024, 1, 1000000, "", "calls of one loop that wait for answers of modern clients"),
    LIMIT(principal_held_calls, 64, 1, 1000000, "", "of these, one principal's"),
    LIMIT(call_messages, 10000, 1, 1000000, "", "notifications and questions of a server during one call"),
    LIMIT(list_pages, 64, 1, 4096, "", "pages of one list of one server"),
    LIMIT(server_tools_bytes, 8 * MIB, 64 * KIB, GIB, "bytes", "definitions of tools that one session with a server keeps"),
    LIMIT(stdio_children, 64, 1, 4096, "", "child processes of one loop"),
    LIMIT(stdio_calls, 1024, 1, 65536, "", "calls running at once in one child"),
    LIMIT(principal_stdio_calls, 256, 1, 65536, "", "of these, one principal's, where principals share the child"),
    LIMIT(stdio_line_bytes, 4 * MIB, KIB, 64 * MIB, "bytes", "one message of a child"),
    LIMIT(stdio_queue_bytes, 8 * MIB, 4 * KIB, 64 * MIB, "bytes", "written to a child that does not read"),
    LIMIT(stdio_noise_lines, 3, 1, 1000000, "", "lines that are no messages, before a child is stopped"),
    LIMIT(stdio_data_bytes, 4 * GIB, 64 * MIB, 1024 * GIB, "bytes", "memory of each process of a child"),
    LIMIT(stdio_descriptors, 4096, 16, 1 << 20, "", "open files of each process of a child"),
    LIMIT(head_timeout_ms, 10000, 100, 10 * MINUTE_MS, "ms", "time for a whole HTTP head"),
    LIMIT(body_timeout_ms, 30000, 100, 10 * MINUTE_MS, "ms", "time for a whole request body"),
    LIMIT(idle_timeout_ms, 75000, 100, HOUR_MS, "ms", "connection without a request"),
    LIMIT(write_timeout_ms, 30000, 100, 10 * MINUTE_MS, "ms", "client that reads nothing"),
    LIMIT(upstream_connect_timeout_ms, 5000, 10, 10 * MINUTE_MS, "ms", "connecting to a server"),
    LIMIT(upstream_timeout_ms, 60000, 10, HOUR_MS, "ms", "server that sends nothing"),
    LIMIT(operation_deadline_ms, 10 * MINUTE_MS, 100, 24 * HOUR_MS, "ms", "one operation in all"),
    LIMIT(question_timeout_ms, 5 * MINUTE_MS, 100, HOUR_MS, "ms", "client's answer to what a server asks"),
    LIMIT(list_timeout_ms, 10000, 10, HOUR_MS, "ms", "each server of a merged list"),
    LIMIT(list_changes_ms, 200, 1, MINUTE_MS, "ms", "notices of changed lists that go on as one"),
    LIMIT(probe_timeout_ms, 3000, 10, HOUR_MS, "ms", "stdio server's answer to which revisions it speaks"),
    LIMIT(stdio_stop_ms, 2000, 10, 10 * MINUTE_MS, "ms", "between the steps that stop a child"),
    LIMIT(stdio_backoff_min_ms, 1000, 1, HOUR_MS, "ms", "before a child that ended is started again"),
    LIMIT(stdio_backoff_max_ms, MINUTE_MS, 1, HOUR_MS, "ms", "the same, when children end again and again"),
    LIMIT(session_idle_ms, 30 * MINUTE_MS, 1000, 24 * HOUR_MS, "ms", "upstream session without a call"),
    LIMIT(client_session_idle_ms, 4 * HOUR_MS, 1000, 24 * HOUR_MS, "ms", "legacy session without a request or stream"),
    LIMIT(usage_windows, 65536, 1, 1 << 20, "", "callers whose calls are counted, of all loops"),
    LIMIT(usage_idle_ms, 30 * MINUTE_MS, 1000, 24 * HOUR_MS, "ms", "caller without a call: counted anew"),
    LIMIT(stream_keep_alive_ms, 15000, 100, HOUR_MS, "ms", "between two comments on a quiet stream"),
    LIMIT(stream_replay_ms, MINUTE_MS, 0, HOUR_MS, "ms", "events kept for a client that lost its stream"),
    LIMIT(drain_timeout_ms, 30000, 0, HOUR_MS, "ms", "finishing open operations at stop"),
    LIMIT(journal_segment_bytes, 64 * MIB, MIB, GIB, "bytes", "one file of the audit journal"),
    LIMIT(journal_queue_bytes, 16 * MIB, MIB, GIB, "bytes", "audit records waiting for the disk"),
    LIMIT(journal_stall_ms, 2000, 10, 10 * MINUTE_MS, "ms", "wait for a slow disk"),
    LIMIT(journal_checkpoint_records, 4096, 1, 1 << 24, "", "audit records between two signatures"),
    LIMIT(journal_checkpoint_ms, 10000, 10, HOUR_MS, "ms", "audit records without a signature"),
    LIMIT(refusal_records, 1000, 1, 1 << 20, "", "audit records of one kind of refused stranger"),
    LIMIT(refusal_records_per_s, 10, 1, 1000, "", "such records in the long run"),
    LIMIT(failures, 1000, 1, 1000000, "", "bad tokens from one address at once"),
    LIMIT(failures_per_minute, 300, 1, 60000, "", "and in a long time; beyond it only known callers get in"),
    LIMIT(token_bytes, 16 * KIB, KIB, 16 * KIB, "bytes", "one bearer token"),
    LIMIT(token_cache_entries, 4096, 8, 65536, "", "verified tokens one loop remembers"),
    LIMIT(proofs, 65536, 8, 1 << 20, "", "DPoP proofs remembered against a second use, of all loops"),
    LIMIT(revocations, 65536, 1, 1 << 20, "", "entries of the list of revocations"),
    LIMIT(revocation_bytes, 16 * MIB, KIB, 256 * MIB, "bytes", "the file of that list"),
    LIMIT(jwks_bytes, MIB, KIB, 16 * MIB, "bytes", "one key set document"),
    LIMIT(jwks_refresh_s, 600, 300, 86400, "s", "longest time between two readings of keys"),
    LIMIT(jwks_stale_s, 3600, 10, 86400, "s", "age at which keys are no longer used"),
    LIMIT(introspections, 64, 1, 128, "", "questions to issuers at a time, about opaque tokens and groups, of all loops"),
    LIMIT(introspection_timeout_ms, 3000, 100, 30000, "ms", "an issuer's answer to one of its requests"),
    LIMIT(introspection_answer_bytes, 64 * KIB, KIB, 256 * KIB, "bytes", "one such answer about a token"),
    LIMIT(sealing_key_s, SESSION_TOKEN_LIFETIME_S, SESSION_TOKEN_LIFETIME_S, 366 * 86400, "s", "use of one key that seals what clients carry; no less than task_lifetime_s"),
    LIMIT(sign_in_request_s, 600, 30, 3600, "s", "one sign-in, from its page to the way back"),
    LIMIT(sign_in_code_s, 60, 5, 60, "s", "age at which a code of the front door is none any more"),
    LIMIT(sign_in_codes, 16384, 64, 1 << 20, "", "used codes remembered, of all loops"),
    LIMIT(sign_in_fetches, 8, 1, 64, "", "documents of clients that one loop fetches at a time"),
    LIMIT(sign_in_documents, 128, 1, 4096, "", "documents of clients that one loop remembers"),
    LIMIT(sign_in_document_bytes, 16 * KIB, KIB, 64 * KIB, "bytes", "the document of one client"),
    LIMIT(sign_in_document_s, 3600, 10, 86400, "s", "age at which a document is fetched again"),
    LIMIT(sign_in_answer_bytes, 128 * KIB, KIB, 256 * KIB, "bytes", "tokens of an identity provider"),
};
/* clang-format on */

const size_t config_limit_count = COUNT_OF(config_limit_table);

struct config_limits config_limits_default(void)
{
    struct config_limits limits;
    for (size_t i = 0; i < config_limit_count; i++) {
        const struct config_limit *limit = &config_limit_table[i];
        memcpy((uint8_t *)&limits + limit->offset, &limit->value_default, sizeof(int64_t));
    }
    return limits;
}

int64_t config_sealing_period_s(const struct config_limits *limits)
{
    return limits->sealing_key_s > limits->task_lifetime_s ? limits->sealing_key_s
                                                           : limits->task_lifetime_s;
}

int64_t config_limit_value(const struct config_limits *limits, const struct config_limit *limit)
{
    int64_t value;
    memcpy(&value, (const uint8_t *)limits + limit->offset, sizeof(value));
    return value;
}

void config_limits_print(FILE *out, const struct config_limits *limits)
{
    struct config_limits defaults = config_limits_default();
    limits = limits != NULL ? limits : &defaults;
    fprintf(out, "%-28s %12s %12s %12s %12s %-6s %s\n", "limit", "value", "default", "min", "max",
            "unit", "what it bounds");
    for (size_t i = 0; i < config_limit_count; i++) {
        const struct config_limit *limit = &config_limit_table[i];
        fprintf(out, "%-28.*s %12" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 " %-6s %s\n",
                SLICE_ARG(limit->name), config_limit_value(limits, limit), limit->value_default,
                limit->value_min, limit->value_max, limit->unit, limit->doc);
    }
    fprintf(out, "\n%-28s %12s %-6s %s\n", "fixed", "value", "unit", "what it bounds");
    for (size_t i = 0; i < config_bound_count; i++) {
        const struct config_bound *bound = &config_bound_table[i];
        fprintf(out, "%-28.*s %12" PRId64 " %-6s %s\n", SLICE_ARG(bound->name), bound->value,
                bound->unit, bound->doc);
    }
}

static void print_json(FILE *out, const struct config_limit *limit, int64_t value)
{
    fprintf(out,
            "{\"name\":\"%.*s\",\"value\":%" PRId64 ",\"default\":%" PRId64 ",\"min\":%" PRId64
            ",\"max\":%" PRId64 ",\"unit\":\"%s\",\"doc\":\"%s\"}",
            SLICE_ARG(limit->name), value, limit->value_default, limit->value_min, limit->value_max,
            limit->unit, limit->doc);
}

void config_limits_print_json(FILE *out, const struct config_limits *limits)
{
    struct config_limits defaults = config_limits_default();
    limits = limits != NULL ? limits : &defaults;
    fputc('[', out);
    for (size_t i = 0; i < config_limit_count; i++) {
        const struct config_limit *limit = &config_limit_table[i];
        print_json(out, limit, config_limit_value(limits, limit));
        fputc(',', out);
    }
    for (size_t i = 0; i < config_bound_count; i++) {
        const struct config_bound *bound = &config_bound_table[i];
        struct config_limit fixed = {.name = bound->name,
                                     .value_default = bound->value,
                                     .value_min = bound->value,
                                     .value_max = bound->value,
                                     .unit = bound->unit,
                                     .doc = bound->doc};
        print_json(out, &fixed, bound->value);
        fputs(i + 1 < config_bound_count ? "," : "]\n", out);
    }
}
