#include "core/gateway/unasked.h"

#include "core/gateway/question.h"
#include "core/gateway/server_reply.h"
#include "core/gateway/server_session.h"

#define OUTCOME_BYTES_MAX 512

static void write_record(struct server_session *session, struct audit_record *record)
{
    const struct principal *principal = session->principal;
    record->type = AUDIT_UPSTREAM_PROTOCOL;
    record->phase = AUDIT_EVENT;
    record->decision = AUDIT_DECISION_NONE;
    record->direction = SLICE("server");
    record->revision = mcp_revision_name(session->revision);
    record->server = record->target = server_session_server(session)->name;
    /* Where callers share a child, nobody knows for whom it asks. */
    if (!session->shares_child) {
        record->issuer = principal->issuer;
        record->tenant = principal->tenant;
        record->subject = principal->subject;
        record->client_id = principal->client_id;
    }
    gateway_record_event(session->gateway, record);
}

void unasked_record(struct server_session *session, struct slice method, struct slice code)
{
    struct audit_record record = {.method = method, .code = code};
    write_record(session, &record);
}

void unasked_refuse(struct server_session *session, const struct json_tape *tape, struct slice code)
{
    struct arena *scratch = &session->gateway->scratch;
    struct slice name = SLICE_EMPTY;
    json_ref params = json_member(tape, 0, SLICE("params"));
    json_ref method = json_member(tape, 0, SLICE("method"));
    if (json_string(tape, method, scratch, &name) != STATUS_OK) {
        name = SLICE_EMPTY;
    }
    /* MCP 2026-07-28 has no requests of servers. */
    struct question question = {.method = session->is_modern ? NULL : mcp_question_find(name),
                                .client = session->client_offer};
    struct question_judgement judgement = {.is_undeclared = true};
    struct audit_record record = {.method = name, .code = code};
    struct buf outcome;
    buf_init(&outcome, OUTCOME_BYTES_MAX, NULL);
    if (question.method == NULL) {
        buf_append(&outcome, SLICE(QUESTION_UNKNOWN));
    } else {
        if (params != JSON_NONE) {
            question.params = (struct json_place){tape, params};
        }
        record.primitive = mcp_primitive_name(question.method->primitive);
        judgement.is_undeclared = !question_is_declared(&question);
        question_write_refusal(&question, &judgement, &outcome);
    }
    write_record(session, &record);
    arena_reset(scratch);
    if (buf_status(&outcome) == STATUS_OK) {
        server_reply(session, json_raw(tape, json_member(tape, 0, SLICE("id"))),
                     buf_view(&outcome));
    }
    buf_release(&outcome);
}
