#include "core/gateway/completion.h"

#include "core/mcp/resource_uri.h"
#include "core/mcp/uri_template.h"

/* The variables of the template: those that the client knows, and the value to try. */
struct variables {
    const struct operation *operation;
    struct arena *arena;
    struct slice value;
};

static bool find_variable(void *context, struct slice name, struct slice *value)
{
    const struct variables *variables = context;
    const struct mcp_message *message = &variables->operation->message;
    const struct mcp_completion *completion = &message->completion;
    if (json_string_eq(&message->tape, completion->argument, name)) {
        *value = variables->value;
        return true;
    }
    json_ref known = completion->known == JSON_NONE
                         ? JSON_NONE
                         : json_member(&message->tape, completion->known, name);
    return known != JSON_NONE &&
           json_string(&message->tape, known, variables->arena, value) == STATUS_OK;
}

/* May the caller never read the address? One that has two readings nobody may. */
static bool is_denied(struct operation *op, struct slice address, struct arena *arena)
{
    struct resource_uri uri;
    struct policy_answer answer;
    if (resource_uri_read(address, arena, &uri, NULL) != STATUS_OK) {
        return true;
    }
    struct policy_question question = operation_question(op, op->server_index);
    question.name = uri.text;
    question.name_unknown = false;
    return policy_denies_early(&question, &op->gateway->scratch, arena, &answer);
}

/* Does the value make an address that is denied? While other variables are open it makes none. */
static bool is_hidden(struct operation *op, json_ref value, struct arena *arena)
{
    struct variables variables = {.operation = op, .arena = arena};
    struct buf address;
    if (json_string(&op->call.answer, value, arena, &variables.value) != STATUS_OK) {
        return true;
    }
    buf_init(&address, RESOURCE_URI_BYTES_MAX, &op->account);
    bool is_whole = uri_template_expand(op->name, find_variable, &variables, &address);
    bool is_hidden =
        buf_status(&address) != STATUS_OK || (is_whole && is_denied(op, buf_view(&address), arena));
    buf_release(&address);
    return is_hidden;
}

size_t completion_filter(struct operation *op, struct json_edit *edits)
{
    const struct json_tape *answer = &op->call.answer;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    struct arena arena;
    size_t count = 0;
    if (!op->is_template) {
        return 0;
    }
    arena_init(&arena, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    json_iter_init(&iter, answer, mcp_completion_values(answer, op->call.result));
    while (json_iter_next(&iter, &key, &value)) {
        if (is_hidden(op, value, &arena)) {
            edits[count++] = (struct json_edit){JSON_EDIT_REMOVE, value, SLICE_EMPTY};
        }
        arena_reset(&arena);
    }
    arena_release(&arena);
    /* The number of all values would tell how many are hidden. */
    json_ref total = json_member(answer, json_member(answer, op->call.result, SLICE("completion")),
                                 SLICE("total"));
    if (count > 0 && total != JSON_NONE) {
        edits[count++] = (struct json_edit){JSON_EDIT_REMOVE, total, SLICE_EMPTY};
    }
    return count;
}
