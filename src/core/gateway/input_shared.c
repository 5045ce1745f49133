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

struct mcp_client_capabilities input_declared(const struct operation *op)
{
    return op->client != NULL ? op->client->capabilities
                              : mcp_capabilities_read(&op->message.tape, op->message.capabilities);
}

static uint32_t extensions_of(const struct operation *op, bool *has_other)
{
    if (op->client != NULL) {
        *has_other = op->client->capabilities.has_other_extensions;
        return op->client->capabilities.extensions;
    }
    return mcp_extensions_read(&op->message.tape, op->message.capabilities, has_other);
}

uint32_t operation_extensions(const struct operation *op, uint32_t server_index)
{
    bool has_other = false;
    return extensions_of(op, &has_other) & op->gateway->snapshot->servers[server_index].extensions;
}

bool operation_drops_extension(const struct operation *op, uint32_t server_index)
{
    bool has_other = false;
    uint32_t declared = extensions_of(op, &has_other);
    return has_other || (declared & ~op->gateway->snapshot->servers[server_index].extensions) != 0;
}

struct question input_question(const struct operation *op, const struct mcp_method *method,
                               struct json_place params)
{
    struct endpoint endpoint;
    bool is_of_all = endpoint_parse(op->target_path, &endpoint) && endpoint.server.len == 0;
    return (struct question){.method = method,
                             .params = params,
                             .scene = operation_question(op, op->server_index),
                             .client = input_declared(op),
                             .revision = op->revision,
                             .names_server = is_of_all && !op->gateway->snapshot->is_proxy};
}

struct input_note *input_add_note(struct operation *op, const struct mcp_method *method,
                                  bool is_answer)
{
    struct input_note *note = arena_alloc_zero(&op->arena, 1, sizeof(*note));
    if (note == NULL) {
        return NULL;
    }
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

enum status input_use(const struct operation *op, struct buf *params, struct request_state_use *out)
{
    operation_write_params(op, params);
    *out = (struct request_state_use){.caller = op->principal->digest,
                                      .server = operation_server(op)->name,
                                      .method = op->message.method->name,
                                      .params = buf_view(params)};
    return buf_status(params);
}

int64_t input_now_s(const struct operation *op)
{
    const struct port_clock *clock = op->gateway->ports.clock;
    return clock->wall_ms(clock->context) / 1000;
}

/* One after the other: this stage runs until none is left. */
enum stage_result operation_stage_record_notes(struct operation *op)
{
    struct input_note *note = op->input.notes;
    if (op->wait_status != STATUS_OK) {
        return operation_refuse_error(op, PRODUCT_AUDIT_UNAVAILABLE, SLICE_EMPTY);
    }
    if (note == NULL) {
        op->input.last_note = NULL;
        return STAGE_DONE;
    }
    op->input.notes = note->next;
    enum stage_result result = operation_record_note(op, note);
    if (result != STAGE_REFUSE) {
        op->stage--;
    }
    return result;
}
