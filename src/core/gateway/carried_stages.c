/* Resources in what a server answers: judged before anything of it is recorded as given. */
#include "core/gateway/input_shared.h"
#include "core/gateway/question_shape.h"

#include <string.h>

bool operation_ask_read(const struct operation *op, uint32_t server_index, struct slice uri,
                        struct policy_question *out)
{
    const struct mcp_method *method = mcp_method_of_read();
    if (!operation_shows(op, method->primitive, server_index, uri)) {
        return false;
    }
    *out = operation_question(op, server_index);
    out->method = method->name;
    out->within = method->within;
    out->primitive = method->primitive;
    out->name = uri;
    out->name_unknown = false;
    out->arguments = (struct json_place){&op->message.tape, JSON_NONE};
    return true;
}

bool operation_may_ever_read(const struct operation *op, uint32_t server_index, struct slice uri)
{
    struct policy_question question;
    if (!operation_ask_read(op, server_index, uri, &question)) {
        return false;
    }
    question.arguments_unknown = true;
    return policy_may_ever_allow(&question, &op->gateway->scratch);
}

/* A read that is made in place of the call. */
static bool ask_as_read(void *context, struct slice uri, struct policy_question *out)
{
    const struct operation *op = context;
    bool is_shown = operation_ask_read(op, op->server_index, uri, out);
    if (is_shown) {
        out->usage = operation_usage_at(op, uri);
    }
    return is_shown;
}

struct carried_rules operation_carried_rules(struct operation *op)
{
    struct carried_rules rules = {
        .ask = ask_as_read, .context = op, .resources_max = op->gateway->limits.result_resources};
    memcpy(rules.decision, op->decision_id, sizeof(rules.decision));
    return rules;
}

/* Of a modern task that is over the state has the result in it. */
static struct carried_value value_of(const struct operation *op)
{
    const struct mcp_method *method = op->message.method;
    struct json_place result = {&op->call.answer, op->call.result};
    bool is_read = slice_eq(method->name, mcp_method_of_read()->name);
    if (slice_eq(method->name, SLICE("tasks/get"))) {
        result = question_member(result, SLICE("result"));
    }
    return (struct carried_value){.place = question_member(result, method->carries),
                                  .requested = is_read ? op->name : SLICE_EMPTY};
}

static struct said_link link_of(const struct operation *op, struct slice uri)
{
    const struct port_crypto *crypto = op->gateway->ports.crypto;
    struct said_link link = {.server_index = op->server_index};
    memcpy(link.caller, op->principal->digest, sizeof(link.caller));
    crypto->sha256(crypto->context, uri, link.address);
    return link;
}

/* Servers say addresses that they do not list. */
void operation_keep_link(const struct operation *op, struct slice uri)
{
    const struct port_links *port = op->gateway->ports.links;
    if (port != NULL && operation_is_of_several(op)) {
        struct said_link link = link_of(op, uri);
        port->keep(port->context, &link);
    }
}

static void keep_links(const struct operation *op, const struct question_judgement *judged)
{
    for (; judged != NULL; judged = judged->next) {
        if (judged->is_allowed) {
            operation_keep_link(op, judged->target);
        }
    }
}

enum status operation_find_link(const struct operation *op, struct slice uri,
                                uint32_t *server_index)
{
    const struct port_links *port = op->gateway->ports.links;
    if (port == NULL) {
        return STATUS_NOT_FOUND;
    }
    struct said_link link = link_of(op, uri);
    TRY(port->find(port->context, &link));
    *server_index = link.server_index;
    return STATUS_OK;
}

static enum status judge(struct operation *op, const struct carried_value *value)
{
    struct carried_rules rules = operation_carried_rules(op);
    struct carried carried;
    TRY(carried_judge(&rules, value, &op->gateway->scratch, &op->arena, &carried));
    keep_links(op, carried.judged);
    op->withheld = (struct json_edit){JSON_EDIT_REPLACE, value->place.ref, carried.text};
    return input_note_parts(op, mcp_method_of_read(), false, carried.judged);
}

enum stage_result operation_stage_judge_carried(struct operation *op)
{
    op->withheld = (struct json_edit){0};
    if (op->message.method->carries.len == 0 || op->call.failure != STATUS_OK ||
        op->call.result == JSON_NONE || op->input.next != INPUT_NONE) {
        return STAGE_DONE;
    }
    struct carried_value value = value_of(op);
    if (carried_is_in(&value) && judge(op, &value) != STATUS_OK) {
        op->call.failure = diag_fail(&op->call.diag, STATUS_LIMIT, "upstream.too_large",
                                     "the resources in the result are more than can be kept");
    }
    return STAGE_DONE;
}

size_t operation_withheld_edit(const struct operation *op, struct json_edit *edit)
{
    *edit = op->withheld;
    return op->withheld.text.len > 0 ? 1 : 0;
}
