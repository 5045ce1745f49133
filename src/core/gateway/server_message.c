#include "core/gateway/server_message.h"

#include "core/mcp/message.h"
#include "json/resemble.h"

#include <assert.h>

#define NAMES_MAX 4 /* of the members of an envelope */

static bool has_only(const struct json_tape *tape, const struct slice *names, size_t count)
{
    json_ref values[NAMES_MAX];
    assert(count <= NAMES_MAX);
    return json_type(tape, 0) == JSON_OBJECT &&
           json_members(tape, 0, names, count, values) == json_count(tape, 0);
}

static bool has_method(const struct json_tape *tape)
{
    json_ref method = json_member(tape, 0, SLICE("method"));
    return method != JSON_NONE && json_type(tape, method) == JSON_STRING;
}

static bool has_fit_params(const struct json_tape *tape)
{
    json_ref params = json_member(tape, 0, SLICE("params"));
    return params == JSON_NONE || json_type(tape, params) == JSON_OBJECT;
}

bool server_message_is_rpc(const struct json_tape *tape)
{
    json_ref version = JSON_NONE;
    if (json_type(tape, 0) == JSON_OBJECT) {
        version = json_member(tape, 0, SLICE("jsonrpc"));
    }
    return version != JSON_NONE && json_string_eq(tape, version, SLICE("2.0"));
}

bool server_message_is_answer(const struct json_tape *tape, struct server_answer *out)
{
    static const struct slice NAMES[] = {SLICE_INIT("id"), SLICE_INIT("result"),
                                         SLICE_INIT("error"), SLICE_INIT("jsonrpc")};
    json_ref values[COUNT_OF(NAMES)];
    uint32_t found = json_members(tape, 0, NAMES, COUNT_OF(NAMES), values);
    if (out != NULL) {
        *out = (struct server_answer){values[0], values[1], values[2]};
    }
    return json_type(tape, 0) == JSON_OBJECT && found == json_count(tape, 0);
}

bool server_message_is_notification(const struct json_tape *tape)
{
    static const struct slice NAMES[] = {SLICE_INIT("jsonrpc"), SLICE_INIT("method"),
                                         SLICE_INIT("params")};
    return has_only(tape, NAMES, COUNT_OF(NAMES)) && has_method(tape) && has_fit_params(tape);
}

bool server_message_is_notice(const struct json_tape *tape)
{
    static const struct slice NAMES[] = {SLICE_INIT("notifications/progress"),
                                         SLICE_INIT("notifications/message"),
                                         SLICE_INIT("notifications/cancelled"),
                                         SLICE_INIT("notifications/tools/list_changed"),
                                         SLICE_INIT("notifications/prompts/list_changed"),
                                         SLICE_INIT("notifications/resources/list_changed"),
                                         SLICE_INIT("notifications/resources/updated"),
                                         SLICE_INIT("notifications/elicitation/complete"),
                                         SLICE_INIT("notifications/tasks/status"),
                                         SLICE_INIT("notifications/subscriptions/acknowledged")};
    json_ref method = json_member(tape, 0, SLICE("method"));
    return json_string_index(tape, method, NAMES, COUNT_OF(NAMES)) < COUNT_OF(NAMES);
}

bool server_message_is_question(const struct json_tape *tape)
{
    static const struct slice NAMES[] = {SLICE_INIT("jsonrpc"), SLICE_INIT("id"),
                                         SLICE_INIT("method"), SLICE_INIT("params")};
    json_ref id = json_member(tape, 0, SLICE("id"));
    int64_t number = 0;
    return has_only(tape, NAMES, COUNT_OF(NAMES)) && has_method(tape) && has_fit_params(tape) &&
           id != JSON_NONE && json_raw(tape, id).len <= MCP_ID_BYTES_MAX + 2 && /* its quotes */
           (json_type(tape, id) == JSON_STRING || json_integer(tape, id, &number) == STATUS_OK);
}

bool server_message_hides_questions(const struct json_tape *tape, json_ref result, bool asks)
{
    static const struct slice REQUESTS = SLICE_INIT("inputRequests");
    static const struct slice TYPE = SLICE_INIT("resultType");
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, tape, result);
    while (json_iter_next(&iter, &key, &value)) {
        bool is_exact =
            json_string_eq(tape, key, TYPE) || (asks && json_string_eq(tape, key, REQUESTS));
        if (!is_exact && (json_string_resembles_name(tape, key, REQUESTS) ||
                          json_string_resembles_name(tape, key, TYPE))) {
            return true;
        }
    }
    return false;
}
