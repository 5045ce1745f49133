/* config_limits.h: every limit of the gateway, in one table.
 *
 * A limit is a name, a unit, a default and the range an operator may choose from. The section
 * `limits` of the configuration, `aegis check --limits` and the documentation all read this table.
 */
#ifndef AEGIS_DAEMON_CONFIG_CONFIG_LIMITS_H
#define AEGIS_DAEMON_CONFIG_CONFIG_LIMITS_H

#include "base/slice.h"

#include <stdio.h>

struct config_limits {
    /* one message */
    int64_t head_bytes, head_fields, body_bytes, event_bytes;
    int64_t json_depth, json_nodes, json_members, json_number_bytes;
    /* memory and counts of one loop */
    int64_t operation_bytes, principal_bytes, server_bytes, loop_bytes, stream_queue_bytes;
    int64_t connections, connections_upstream, sessions;
    int64_t client_sessions, principal_sessions, client_session_bytes, subscriptions;
    int64_t listens, principal_listens;
    int64_t session_tasks, task_lifetime_s, client_pages, stream_events, operations;
    int64_t principal_requests_per_s, principal_request_burst;
    int64_t question_rounds, round_questions, call_questions, result_resources, links;
    int64_t held_calls, principal_held_calls, call_messages, list_pages, server_tools_bytes;
    int64_t stdio_children, stdio_calls, principal_stdio_calls, stdio_line_bytes, stdio_queue_bytes,
        stdio_noise_lines;
    int64_t stdio_data_bytes, stdio_descriptors;
    /* time */
    int64_t head_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms;
    int64_t upstream_connect_timeout_ms, upstream_timeout_ms, operation_deadline_ms;
    int64_t question_timeout_ms, list_timeout_ms, list_changes_ms, probe_timeout_ms;
    int64_t stdio_stop_ms, stdio_backoff_min_ms, stdio_backoff_max_ms;
    int64_t session_idle_ms, client_session_idle_ms, usage_windows, usage_idle_ms,
        stream_keep_alive_ms, stream_replay_ms;
    int64_t drain_timeout_ms;
    /* journal */
    int64_t journal_segment_bytes, journal_queue_bytes, journal_stall_ms;
    int64_t journal_checkpoint_records, journal_checkpoint_ms;
    int64_t refusal_records, refusal_records_per_s;
    int64_t failures, failures_per_minute;
    /* identity */
    int64_t token_bytes, token_cache_entries, proofs, revocations, revocation_bytes;
    int64_t jwks_bytes, jwks_refresh_s, jwks_stale_s;
    int64_t introspections, introspection_timeout_ms, introspection_answer_bytes;
    int64_t sealing_key_s;
    /* the front door */
    int64_t sign_in_request_s, sign_in_code_s, sign_in_codes, sign_in_fetches;
    int64_t sign_in_documents, sign_in_document_bytes, sign_in_document_s, sign_in_answer_bytes;
};

struct config_limit {
    struct slice name;
    size_t offset; /* of the value in struct config_limits */
    int64_t value_default, value_min, value_max;
    const char *unit; /* "bytes", "ms", "s" or "" for a count */
    const char *doc;
};

/* The table, in the order of struct config_limits. */
extern const struct config_limit config_limit_table[];
extern const size_t config_limit_count;

struct config_limits config_limits_default(void);

/* How long one key seals what clients carry: as long as any of it is good, or longer. */
int64_t config_sealing_period_s(const struct config_limits *limits);

int64_t config_limit_value(const struct config_limits *limits, const struct config_limit *limit);

/* The table with the values in force, and behind it what cannot be configured (config_bounds.h):
 * for people, or as one JSON array, in which a fixed bound is its own least and most. NULL: the
 * defaults. */
void config_limits_print(FILE *out, const struct config_limits *limits);
void config_limits_print_json(FILE *out, const struct config_limits *limits);

#endif
