#include "core/gateway/question_shape.h"

#include "core/policy/form_check.h"

struct json_place question_member(struct json_place object, struct slice name)
{
    bool is_there = object.tape != NULL && object.ref != JSON_NONE;
    return (struct json_place){object.tape,
                               is_there ? json_member(object.tape, object.ref, name) : JSON_NONE};
}

bool question_has_name(struct json_place object, struct json_place name)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (object.ref == JSON_NONE) {
        return false;
    }
    json_iter_init(&iter, object.tape, object.ref);
    while (json_iter_next(&iter, &key, &value)) {
        if (json_string_same(object.tape, key, name.tape, name.ref)) {
            return true;
        }
    }
    return false;
}

struct names {
    const struct slice *items;
    size_t count;
};

#define NAMES(array) ((struct names){array, COUNT_OF(array)})

static const struct slice SAMPLING[] = {SLICE_INIT("messages"),      SLICE_INIT("modelPreferences"),
                                        SLICE_INIT("systemPrompt"),  SLICE_INIT("includeContext"),
                                        SLICE_INIT("temperature"),   SLICE_INIT("maxTokens"),
                                        SLICE_INIT("stopSequences"), SLICE_INIT("metadata"),
                                        SLICE_INIT("tools"),         SLICE_INIT("toolChoice")};
static const struct slice FORM[] = {SLICE_INIT("mode"), SLICE_INIT("message"),
                                    SLICE_INIT("requestedSchema")};
static const struct slice URL[] = {SLICE_INIT("mode"), SLICE_INIT("message"), SLICE_INIT("url"),
                                   SLICE_INIT("elicitationId")};
static const struct slice ROLES[] = {SLICE_INIT("user"), SLICE_INIT("assistant")};
static const struct slice BLOCKS[] = {SLICE_INIT("text"), SLICE_INIT("image"), SLICE_INIT("audio")};
static const struct slice ACTIONS[] = {SLICE_INIT("accept"), SLICE_INIT("decline"),
                                       SLICE_INIT("cancel")};
static const struct slice CONTEXTS[] = {SLICE_INIT("none"), SLICE_INIT("thisServer"),
                                        SLICE_INIT("allServers")};
static const struct slice MODES[] = {SLICE_INIT("form"), SLICE_INIT("url")};

static bool is_one_of(struct json_place text, struct names names)
{
    for (size_t i = 0; text.ref != JSON_NONE && i < names.count; i++) {
        if (json_string_eq(text.tape, text.ref, names.items[i])) {
            return true;
        }
    }
    return false;
}

bool question_knows_member(const struct mcp_method *method, struct slice mode,
                           struct json_place name)
{
    if (method->primitive == MCP_SAMPLING) {
        return is_one_of(name, NAMES(SAMPLING));
    }
    return is_one_of(name, slice_eq(mode, SLICE("url")) ? NAMES(URL) : NAMES(FORM));
}

static bool is_a(struct json_place place, enum json_type type)
{
    return place.ref != JSON_NONE && json_type(place.tape, place.ref) == type;
}

static enum status refuse_params(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "question.params", "%s", what);
}

static enum status refuse_answer(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "question.answer", "%s", what);
}

/* -- questions ------------------------------------------------------------------------------ */

static bool are_objects_with(struct json_place array, struct slice member, struct names values)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    if (!is_a(array, JSON_ARRAY)) {
        return false;
    }
    json_iter_init(&iter, array.tape, array.ref);
    while (json_iter_next(&iter, &key, &item)) {
        struct json_place text = question_member((struct json_place){array.tape, item}, member);
        if (values.count == 0 ? !is_a(text, JSON_STRING) : !is_one_of(text, values)) {
            return false;
        }
    }
    return true;
}

static enum status check_sampling(struct json_place params, struct diag *diag)
{
    struct json_place max_tokens = question_member(params, SLICE("maxTokens"));
    struct json_place context = question_member(params, SLICE("includeContext"));
    struct json_place tools = question_member(params, SLICE("tools"));
    int64_t number = 0;
    if (!are_objects_with(question_member(params, SLICE("messages")), SLICE("role"),
                          NAMES(ROLES))) {
        return refuse_params(diag, "'messages' must be a list with a role for each");
    }
    if (max_tokens.ref == JSON_NONE ||
        json_integer(max_tokens.tape, max_tokens.ref, &number) != STATUS_OK || number <= 0) {
        return refuse_params(diag, "'maxTokens' must be a positive integer");
    }
    if (context.ref != JSON_NONE && !is_one_of(context, NAMES(CONTEXTS))) {
        return refuse_params(diag, "'includeContext' has a value that is not defined");
    }
    if (tools.ref != JSON_NONE &&
        !are_objects_with(tools, SLICE("name"), (struct names){NULL, 0})) {
        return refuse_params(diag, "'tools' must be a list with a name for each");
    }
    return STATUS_OK;
}

/* MCP 2025-11-25, elicitation in url mode: https, and nothing in the address that hides its host.
 */
static enum status check_url(struct json_place url, struct arena *arena, struct diag *diag)
{
    struct slice text = SLICE_EMPTY;
    struct resource_uri uri;
    if (!is_a(url, JSON_STRING)) {
        return refuse_params(diag, "'url' must be a text");
    }
    TRY(json_string(url.tape, url.ref, arena, &text));
    enum status status = resource_uri_read(text, arena, &uri, diag);
    if (status == STATUS_OK && !slice_eq(uri.scheme, SLICE("https"))) {
        return diag_fail(diag, STATUS_INVALID, "question.url", "only an https address is opened");
    }
    return status;
}

static enum status check_elicitation(struct json_place params, struct arena *arena,
                                     struct diag *diag)
{
    struct json_place message = question_member(params, SLICE("message"));
    struct json_place mode = question_member(params, SLICE("mode"));
    struct slice text = SLICE_EMPTY;
    if (!is_a(message, JSON_STRING)) {
        return refuse_params(diag, "'message' must be a text");
    }
    if (mode.ref != JSON_NONE && !is_one_of(mode, NAMES(MODES))) {
        return refuse_params(diag, "'mode' has a value that is not defined");
    }
    TRY(json_string(message.tape, message.ref, arena, &text));
    if (mode.ref != JSON_NONE && json_string_eq(mode.tape, mode.ref, SLICE("url"))) {
        return check_url(question_member(params, SLICE("url")), arena, diag);
    }
    return form_check(question_member(params, SLICE("requestedSchema")), text, arena, diag);
}

enum status question_check_params(const struct question *question, struct arena *arena,
                                  struct diag *diag)
{
    struct json_place params = question->params;
    bool has_params = params.tape != NULL && params.ref != JSON_NONE;
    if (question->method->primitive == MCP_ROOTS) {
        return !has_params || is_a(params, JSON_OBJECT)
                   ? STATUS_OK
                   : refuse_params(diag, "the parameters must be an object");
    }
    if (!has_params || !is_a(params, JSON_OBJECT)) {
        return refuse_params(diag, "the parameters must be an object");
    }
    if (json_count(params.tape, params.ref) > QUESTION_MEMBERS_MAX) {
        return refuse_params(diag, "the question has too many parameters");
    }
    return question->method->primitive == MCP_SAMPLING ? check_sampling(params, diag)
                                                       : check_elicitation(params, arena, diag);
}

/* -- answers -------------------------------------------------------------------------------- */

static enum status check_block(struct json_place block, bool may_use_tools, struct diag *diag)
{
    struct json_place type = question_member(block, SLICE("type"));
    bool is_use = type.ref != JSON_NONE && json_string_eq(type.tape, type.ref, SLICE("tool_use"));
    return is_one_of(type, NAMES(BLOCKS)) || (is_use && may_use_tools)
               ? STATUS_OK
               : refuse_answer(diag, "the content has a block that was not asked for");
}

static enum status check_sampled(const struct question *question, struct json_place result,
                                 struct diag *diag)
{
    bool may_use_tools = question_member(question->params, SLICE("tools")).ref != JSON_NONE;
    struct json_place content = question_member(result, SLICE("content"));
    struct json_place reason = question_member(result, SLICE("stopReason"));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    if (!is_one_of(question_member(result, SLICE("role")), NAMES(ROLES)) ||
        !is_a(question_member(result, SLICE("model")), JSON_STRING) ||
        (reason.ref != JSON_NONE && !is_a(reason, JSON_STRING))) {
        return refuse_answer(diag, "a sampled message has a role, a model and a content");
    }
    if (!is_a(content, JSON_ARRAY)) {
        return check_block(content, may_use_tools, diag);
    }
    json_iter_init(&iter, content.tape, content.ref);
    while (json_iter_next(&iter, &key, &item)) {
        TRY(check_block((struct json_place){content.tape, item}, may_use_tools, diag));
    }
    return STATUS_OK;
}

static enum status check_roots(struct json_place result, struct diag *diag)
{
    struct json_place roots = question_member(result, SLICE("roots"));
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    if (!are_objects_with(roots, SLICE("uri"), (struct names){NULL, 0})) {
        return refuse_answer(diag, "'roots' must be a list with an address for each");
    }
    if (json_count(roots.tape, roots.ref) > QUESTION_ROOTS_MAX) {
        return refuse_answer(diag, "the answer has too many roots");
    }
    json_iter_init(&iter, roots.tape, roots.ref);
    while (json_iter_next(&iter, &key, &item)) {
        struct json_place name =
            question_member((struct json_place){roots.tape, item}, SLICE("name"));
        if (name.ref != JSON_NONE && !is_a(name, JSON_STRING)) {
            return refuse_answer(diag, "the name of a root must be a text");
        }
    }
    return STATUS_OK;
}

static enum status check_elicited(const struct question *question, struct json_place result,
                                  struct diag *diag)
{
    struct json_place action = question_member(result, SLICE("action"));
    struct json_place mode = question_member(question->params, SLICE("mode"));
    bool is_url = mode.ref != JSON_NONE && json_string_eq(mode.tape, mode.ref, SLICE("url"));
    if (!is_one_of(action, NAMES(ACTIONS))) {
        return refuse_answer(diag, "'action' must be accept, decline or cancel");
    }
    if (is_url || !json_string_eq(action.tape, action.ref, SLICE("accept"))) {
        return STATUS_OK;
    }
    return form_check_content(question_member(question->params, SLICE("requestedSchema")),
                              question_member(result, SLICE("content")), diag);
}

enum status question_check_answer(const struct question *question, struct json_place result,
                                  struct diag *diag)
{
    if (!is_a(result, JSON_OBJECT) || json_count(result.tape, result.ref) > QUESTION_MEMBERS_MAX) {
        return refuse_answer(diag, "the answer must be an object");
    }
    switch (question->method->primitive) {
    case MCP_SAMPLING:
        return check_sampled(question, result, diag);
    case MCP_ROOTS:
        return check_roots(result, diag);
    case MCP_ELICITATION:
        return check_elicited(question, result, diag);
    case MCP_LIFECYCLE:
    case MCP_TOOL:
    case MCP_RESOURCE:
    case MCP_PROMPT:
        break;
    }
    return refuse_answer(diag, "there is no such question");
}
