#include "core/gateway/operation.h"

#include "core/gateway/server_error.h"
#include "core/gateway/sign_in.h"

#include <string.h>

static void on_record_done(struct child *child, enum status status, const struct diag *diag)
{
    struct operation *op = (struct operation *)((char *)child - offsetof(struct operation, record));
    operation_note(op, status, diag);
}

/* What the journal has taken it completes: there is nothing to cancel. */
static const struct child_kind RECORD_CHILD = {NULL, on_record_done};

static void on_recorded(void *user, uint64_t ticket, enum status status)
{
    struct gateway *gateway = user;
    struct child *child = child_find(&gateway->children, ticket, &RECORD_CHILD);
    if (child != NULL) {
        child_end(child, status, NULL);
    }
}

/* By what a reader looks for records, and what ties an outcome to its intent. */
static void add_identity(const struct operation *op, struct audit_record *record)
{
    const struct gateway_ports *ports = &op->gateway->ports;
    record->mono_ms = ports->clock->mono_ms(ports->clock->context);
    record->wall_ms = ports->clock->wall_ms(ports->clock->context);
    memcpy(record->decision_id, op->decision_id, sizeof(record->decision_id));
    record->target = op->audit_target;
    if (op->principal != NULL) {
        record->subject = op->principal->subject;
    }
    if (op->message.method != NULL) {
        record->method = op->message.method->name;
    }
}

/* What else is known before the effect. */
static void add_intent(const struct operation *op, struct audit_record *record)
{
    record->revision = mcp_revision_name(op->revision);
    record->direction = SLICE("client");
    record->peer = op->peer_ip;
    record->request_bytes = op->body.len;
    record->policies = op->answer.policies;
    record->policy_count = op->answer.policy_count;
    if (op->principal != NULL) {
        record->issuer = op->principal->issuer;
        record->tenant = op->principal->tenant;
        record->client_id = op->principal->client_id;
    }
    if (op->sign_in != NULL) {
        sign_in_describe(op, record);
    }
    if (op->message.method != NULL) {
        record->primitive = mcp_primitive_name(op->message.method->primitive);
    }
    if (op->server_index != OPERATION_ALL_SERVERS) {
        record->server = operation_server(op)->name;
    }
}

static struct slice outcome_of(const struct call *call)
{
    if (call->failure != STATUS_OK) {
        return slice_view_cstr(status_name(call->failure));
    }
    if (call->asks) {
        return SLICE("input_required");
    }
    return call->error != JSON_NONE ? SLICE("error") : SLICE("ok");
}

static void add_verdict(const struct operation *op, enum audit_phase phase,
                        struct audit_record *record)
{
    if (op->is_refused) {
        record->decision =
            record->type == AUDIT_AUTHZ_DENY ? AUDIT_DECISION_DENY : AUDIT_DECISION_NONE;
        record->code = slice_view_cstr(op->refusal.code);
        record->reason = op->refusal.reason;
        return;
    }
    record->decision =
        record->type == AUDIT_AUTHZ_ALLOW ? AUDIT_DECISION_ALLOW : AUDIT_DECISION_NONE;
    if (phase == AUDIT_OUTCOME) {
        record->outcome = op->task.is_made ? SLICE("task") : outcome_of(&op->call);
        record->code = slice_view_cstr(op->call.diag.code);
        if (record->code.len == 0 && op->call.unknown_notice.len > 0) {
            record->code = SLICE("notification.unknown");
            record->reason = op->call.unknown_notice;
        }
        if (record->code.len == 0 && server_error_poses(op)) {
            record->code = SLICE("error.posing");
            record->reason = SLICE("the server's error looked like one of the gateway's");
        }
        record->response_bytes = op->call.has_answer ? op->call.answer.text.len : 0;
        record->events = op->call.notification_count;
    } else if (op->drops_extension) {
        record->code = SLICE("extension.removed");
    } else if (op->drops_capability) {
        record->code = SLICE("capability.removed");
    } else if (op->left_out.len > 0) {
        record->code = SLICE("list.partial");
        record->reason = op->left_out;
    } else if (op->message.unknown_member.len > 0) {
        record->code = SLICE("member.removed");
        record->reason = op->message.unknown_member;
    }
}

/* There is no wait between a decision and its record, so the policies in force are those it was
 * taken by. An outcome has the id of its intent, which says it. */
static void add_policy_set(const struct operation *op, struct audit_record *record)
{
    if (record->decision != AUDIT_DECISION_NONE && record->phase != AUDIT_OUTCOME) {
        memcpy(record->policy_set, op->gateway->snapshot->policy_hash, sizeof(record->policy_set));
    }
}

/* What is intended has not taken any time yet. */
static void add_latency(const struct operation *op, struct audit_record *record)
{
    const struct port_clock *clock = op->gateway->ports.clock;
    if (record->phase != AUDIT_INTENT) {
        record->latency_us = clock->mono_us(clock->context) - op->started_us;
    }
}

static void on_note_done(struct child *child, enum status status, const struct diag *diag)
{
    struct input_note *note =
        (struct input_note *)((char *)child - offsetof(struct input_note, record));
    if (status != STATUS_OK) {
        operation_note(note->operation, status, diag);
    }
}

static const struct child_kind NOTE_CHILD = {NULL, on_note_done};

static void on_noted(void *user, uint64_t ticket, enum status status)
{
    struct gateway *gateway = user;
    struct child *child = child_find(&gateway->children, ticket, &NOTE_CHILD);
    if (child != NULL) {
        child_end(child, status, NULL);
    }
}

/* STATUS_CONFLICT: the waiter is told when it is recorded. STATUS_OK: nobody has to wait. */
static enum status append(struct operation *op, struct slice payload,
                          const struct record_waiter *waiter)
{
    const struct port_journal *journal = op->gateway->ports.journal;
    bool is_durable = waiter != NULL && waiter->is_durable;
    if (!is_durable && journal->keep(journal->context, payload)) {
        op->gateway->has_kept = true;
        op->gateway->gathered_count++;
        return STATUS_OK;
    }
    struct journal_request request = {.payload = payload, .gathers = true};
    if (waiter != NULL) {
        TRY(child_begin(waiter->child, &op->children, waiter->kind));
        request.durable = is_durable;
        request.done = waiter->done;
        request.user = op->gateway;
        request.ticket = waiter->child->ticket;
        request.poster = op->gateway->ports.poster;
    }
    enum status status = journal->append(journal->context, &request);
    if (status != STATUS_OK && waiter != NULL) {
        child_abandon(waiter->child);
    }
    op->gateway->gathered_count += status == STATUS_OK ? 1 : 0;
    return status == STATUS_OK && waiter != NULL ? STATUS_CONFLICT : status;
}

enum status operation_append_record(struct operation *op, struct audit_record *record,
                                    const struct record_waiter *waiter)
{
    struct buf *text = &op->gateway->record;
    if (op->gateway->ports.journal == NULL) {
        return STATUS_OK;
    }
    add_policy_set(op, record);
    add_latency(op, record);
    /* Of no account: an operation that is over its budget is recorded all the same. */
    buf_clear(text);
    TRY(audit_record_encode(record, text));
    return append(op, buf_view(text), waiter);
}

void operation_fill_record(const struct operation *op, struct audit_record *record)
{
    add_identity(op, record);
    add_intent(op, record);
    record->policies = NULL;
    record->policy_count = 0;
}

enum stage_result operation_record_as(struct operation *op, struct audit_record *record,
                                      bool is_durable)
{
    struct record_waiter waiter = {&op->record, &RECORD_CHILD, on_recorded, is_durable};
    enum status status = operation_append_record(op, record, &waiter);
    if (status == STATUS_CONFLICT) {
        return STAGE_WAIT;
    }
    op->wait_status = status;
    return status == STATUS_OK ? STAGE_DONE
                               : operation_refuse_error(op, PRODUCT_AUDIT_UNAVAILABLE, SLICE_EMPTY);
}

enum stage_result operation_record(struct operation *op, enum audit_phase phase,
                                   enum audit_type type, bool durable)
{
    struct audit_record record = {.type = type, .phase = phase};
    add_identity(op, &record);
    add_verdict(op, phase, &record);
    if (phase != AUDIT_OUTCOME) {
        add_intent(op, &record);
    }
    return operation_record_as(op, &record, durable);
}

enum status operation_record_round(struct operation *op, const struct record_waiter *waiter)
{
    struct audit_record record = {.type = AUDIT_AUTHZ_ALLOW,
                                  .phase = AUDIT_OUTCOME,
                                  .decision = AUDIT_DECISION_ALLOW,
                                  .outcome = SLICE("input_required"),
                                  .events = op->call.notification_count};
    add_identity(op, &record);
    return operation_append_record(op, &record, waiter);
}

enum status operation_record_note(struct operation *op, struct input_note *note)
{
    struct record_waiter waiter = {&note->record, &NOTE_CHILD, on_noted, false};
    const struct question_judgement *judgement = &note->judgement;
    struct question question = {.method = note->method,
                                .scene = {.server = operation_server(op)->name}};
    struct audit_record record = {.type = AUDIT_AUTHZ_DENY,
                                  .phase = AUDIT_EVENT,
                                  .decision = AUDIT_DECISION_DENY,
                                  .reason = judgement->reason};
    add_identity(op, &record);
    add_intent(op, &record);
    if (note->method != NULL) {
        question_describe(&question, judgement, note->is_answer, &record);
    } else {
        record.code = slice_view_cstr(judgement->code);
        record.policy_count = 0;
    }
    return operation_append_record(op, &record, &waiter);
}
