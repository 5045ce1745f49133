#include "core/gateway/input_shared.h"

#include "core/gateway/endpoint.h"

#define NOT_LET_THROUGH SLICE("the server asked for something that is not let through")

void input_append_key(struct buf *out, struct json_place key)
{
    buf_append(out, out->len == 0 ? SLICE_EMPTY : SLICE(","));
    buf_append(out, json_raw(key.tape, key.ref));
    buf_append_byte(out, ':');
}

bool operation_may_ask(const struct operation *op)
{
    return op->message.method->may_ask &&
           (op->client != NULL || mcp_revision_is_modern(op->revision));
}

uint32_t operation_extensions(const struct operation *op, uint32_t server_index)
{
    return op->declared.extensions & op->gateway->snapshot->servers[server_index].extensions;
}

bool operation_may_extend(const struct operation *op, const struct mcp_method *method,
                          uint32_t server_index)
{
    return (method->extension & ~op->gateway->snapshot->servers[server_index].extensions) == 0;
}

bool operation_may_extend_somewhere(const struct operation *op, const struct mcp_method *method)
{
    for (uint32_t i = 0; i < op->gateway->snapshot->server_count; i++) {
        if (operation_covers(op, method->primitive, i) && operation_may_extend(op, method, i)) {
            return true;
        }
    }
    return false;
}

bool operation_drops_extension(const struct operation *op, uint32_t server_index)
{
    return op->declared.has_other_extensions ||
           (op->declared.extensions & ~op->gateway->snapshot->servers[server_index].extensions) !=
               0;
}

bool operation_is_of_several(const struct operation *op)
{
    struct endpoint endpoint;
    return !op->gateway->snapshot->is_proxy && endpoint_parse(op->target_path, &endpoint) &&
           endpoint.server.len == 0;
}

struct question input_question(struct operation *op, const struct mcp_method *method,
                               struct json_place params)
{
    return (struct question){.method = method,
                             .params = params,
                             .scene = operation_question(op, op->server_index),
                             .client = op->declared,
                             .carried = operation_carried_rules(op),
                             .revision = op->revision,
                             .names_server = operation_is_of_several(op)};
}

struct input_note *input_add_note(struct operation *op, const struct mcp_method *method,
                                  bool is_answer)
{
    struct input_note *note = arena_alloc_zero(&op->arena, 1, sizeof(*note));
    if (note == NULL) {
        return NULL;
    }
    note->operation = op;
    note->method = method;
    note->is_answer = is_answer;
    if (op->input.last_note == NULL) {
        op->input.notes = note;
    } else {
        op->input.last_note->next = note;
    }
    op->input.last_note = note;
    return note;
}

void input_refuse(struct operation *op, const struct operation_refusal *refusal)
{
    op->refusal = *refusal;
    op->input.next = INPUT_REFUSE;
}

void input_refuse_denied(struct operation *op, const struct policy_answer *answer,
                         struct slice reason)
{
    struct operation_refusal refusal = operation_refusal_of(PRODUCT_POLICY_DENIED, reason);
    refusal.text = answer->reason.len > 0 ? answer->reason : NOT_LET_THROUGH;
    refusal.as_tool_result = operation_denies_as_result(op);
    input_refuse(op, &refusal);
}

void input_refuse_params(struct operation *op, struct slice text, const char *code,
                         struct slice reason)
{
    input_refuse(op, &(struct operation_refusal){.type = AUDIT_AUTHZ_DENY,
                                                 .http_status = 200,
                                                 .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                                 .text = text,
                                                 .code = code,
                                                 .reason = reason});
}

enum status input_note_parts(struct operation *op, const struct mcp_method *method, bool is_answer,
                             const struct question_judgement *parts)
{
    for (; parts != NULL; parts = parts->next) {
        struct input_note *note = input_add_note(op, method, is_answer);
        if (note == NULL) {
            return STATUS_LIMIT;
        }
        note->judgement = *parts;
    }
    return STATUS_OK;
}

enum status input_use(const struct operation *op, struct buf *params, struct request_state_use *out)
{
    operation_write_params(op, params);
    *out = (struct request_state_use){.caller = op->principal->digest,
                                      .server = operation_server(op)->name,
                                      .method = op->message.method->name,
                                      .params = buf_view(params)};
    return buf_status(params);
}

enum status input_seal(struct operation *op, struct slice text, bool is_held, struct slice *out)
{
    struct request_state_use use;
    struct buf params;
    struct buf sealed;
    buf_init(&params, INPUT_TEXT_BYTES_MAX, &op->account);
    buf_init(&sealed, INPUT_TEXT_BYTES_MAX, &op->account);
    enum status status = input_use(op, &params, &use);
    if (status == STATUS_OK) {
        status = request_state_seal(op->gateway, &use, is_held, text, &sealed);
    }
    if (status == STATUS_OK) {
        status = arena_copy(&op->arena, buf_view(&sealed), out);
    }
    buf_release(&sealed);
    buf_release(&params);
    return status;
}

int64_t input_now_s(const struct operation *op)
{
    const struct port_clock *clock = op->gateway->ports.clock;
    return clock->wall_ms(clock->context) / 1000;
}

/* All at once, by the policies they were judged by; then this stage runs again, to see whether all
 * were kept. */
enum stage_result operation_stage_record_notes(struct operation *op)
{
    struct input_note *const first = op->input.notes;
    struct input_note *note = first;
    bool waits = false;
    if (op->wait_status != STATUS_OK) {
        return operation_refuse_error(op, PRODUCT_AUDIT_UNAVAILABLE, SLICE_EMPTY);
    }
    if (first == NULL) {
        return STAGE_DONE;
    }
    for (; note != NULL && op->wait_status == STATUS_OK; note = note->next) {
        enum status status = operation_record_note(op, note);
        op->wait_status = status == STATUS_CONFLICT ? op->wait_status : status;
    }
    for (note = first; note != NULL; note = note->next) {
        waits = waits || note->record.owner != NULL;
    }
    op->input.notes = op->input.last_note = NULL;
    op->stage--;
    return waits ? STAGE_WAIT : STAGE_DONE;
}
