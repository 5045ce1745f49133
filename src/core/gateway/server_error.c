#include "core/gateway/server_error.h"

#include "core/gateway/operation.h"
#include "core/gateway/product_error.h"
#include "core/gateway/question_shape.h"

#define INTERNAL_ERROR "-32603"

/* A task of the extension has its error inside the result that tells of it. */
static struct json_place error_of(const struct operation *op)
{
    const struct call *call = &op->call;
    struct json_place result = {&call->answer, call->result};
    bool is_state = call->is_modern && op->message.method->kind == MCP_KIND_TASK;
    if (call->failure != STATUS_OK || !call->has_answer) {
        return (struct json_place){NULL, JSON_NONE};
    }
    if (call->error != JSON_NONE || !is_state) {
        return (struct json_place){&call->answer, call->error};
    }
    return question_member(result, SLICE("error"));
}

static bool has_our_number(struct json_place error)
{
    int64_t number = 0;
    struct json_place code = question_member(error, SLICE("code"));
    return code.ref != JSON_NONE && json_integer(code.tape, code.ref, &number) == STATUS_OK &&
           product_error_has_number(number);
}

/* Each of the two is enough for some client. */
static bool has_our_data(struct json_place error)
{
    struct json_place data = question_member(error, SLICE("data"));
    struct json_place name = question_member(data, SLICE("code"));
    if (question_member(data, SLICE("decision_id")).ref != JSON_NONE) {
        return true;
    }
    for (int i = 0; name.ref != JSON_NONE && i < PRODUCT_ERROR_COUNT; i++) {
        const struct product_error_entry *entry = product_error_find((enum product_error)i);
        if (json_string_eq(name.tape, name.ref, slice_view_cstr(entry->name))) {
            return true;
        }
    }
    return false;
}

bool server_error_poses(const struct operation *op)
{
    struct json_place error = error_of(op);
    return error.ref != JSON_NONE && (has_our_number(error) || has_our_data(error));
}

size_t server_error_edit(const struct operation *op, struct json_edit *edits)
{
    struct json_place error = error_of(op);
    size_t count = 0;
    if (error.ref == JSON_NONE) {
        return 0;
    }
    if (has_our_number(error)) {
        edits[count++] = (struct json_edit){
            JSON_EDIT_REPLACE, question_member(error, SLICE("code")).ref, SLICE(INTERNAL_ERROR)};
    }
    if (has_our_data(error)) {
        edits[count++] = (struct json_edit){JSON_EDIT_REMOVE,
                                            question_member(error, SLICE("data")).ref, SLICE_EMPTY};
    }
    return count;
}
