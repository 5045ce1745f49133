#include "core/gateway/question.h"

#include "core/gateway/question_shape.h"
#include "json/writer.h"

#include <assert.h>

static struct json_place member_of(struct json_place object, struct slice name)
{
    return question_member(object, name);
}

/* -- policies ------------------------------------------------------------------------------ */

static struct slice mode_of(const struct question *question)
{
    struct json_place mode = member_of(question->params, SLICE("mode"));
    bool is_url = mode.ref != JSON_NONE && json_string_eq(mode.tape, mode.ref, SLICE("url"));
    if (question->method->primitive != MCP_ELICITATION) {
        return SLICE_EMPTY;
    }
    return is_url ? SLICE("url") : SLICE("form");
}

static struct policy_question scene_of(const struct question *question)
{
    struct policy_question scene = question->scene;
    scene.method = question->method->name;
    scene.within = SLICE_EMPTY;
    scene.primitive = question->method->primitive;
    scene.mode = mode_of(question);
    scene.asked = question->params;
    return scene;
}

enum status question_decide(const struct policy_question *scene, struct arena *scratch,
                            struct arena *arena, struct question_judgement *out)
{
    enum status status = policy_decide(scene, scratch, arena, &out->answer);
    out->is_allowed = status == STATUS_OK && out->answer.is_allowed;
    if (!out->is_allowed) {
        out->code = "policy_denied";
        out->reason = out->answer.policy_count > 0 ? SLICE("forbidden by a policy")
                                                   : SLICE("no policy permits it");
    }
    return status == STATUS_LIMIT ? STATUS_LIMIT : STATUS_OK;
}

static enum status refuse(struct question_judgement *judgement, struct arena *arena,
                          const struct diag *diag)
{
    judgement->is_allowed = false;
    judgement->code = diag->code;
    judgement->is_malformed = true;
    return arena_copy(arena, slice_view_cstr(diag->message), &judgement->reason);
}

void question_explain(const struct question *question, struct arena *scratch, struct arena *arena,
                      struct question_judgement *judgement)
{
    struct policy_question scene = scene_of(question);
    *judgement = (struct question_judgement){0};
    scene.arguments_unknown = true;
    (void)!question_decide(&scene, scratch, arena, judgement);
    judgement->is_allowed = false;
}

struct mcp_client_capabilities question_reduce(const struct policy_question *scene,
                                               const struct mcp_client_capabilities *client,
                                               struct arena *scratch)
{
    struct mcp_client_capabilities left = *client;
    struct policy_question ask = *scene;
    ask.within = SLICE_EMPTY;
    ask.lifted = NULL; /* in the middle of a call nobody signs in anew */
    ask.arguments_unknown = true;
    ask.method = SLICE("sampling/createMessage");
    ask.primitive = MCP_SAMPLING;
    left.has_sampling = left.has_sampling && policy_may_ever_allow(&ask, scratch);
    left.has_sampling_tools = left.has_sampling_tools && left.has_sampling;
    ask.method = SLICE("roots/list");
    ask.primitive = MCP_ROOTS;
    left.has_roots = left.has_roots && policy_may_ever_allow(&ask, scratch);
    ask.method = SLICE("elicitation/create");
    ask.primitive = MCP_ELICITATION;
    ask.mode = SLICE("form");
    left.has_form = left.has_form && policy_may_ever_allow(&ask, scratch);
    ask.mode = SLICE("url");
    left.has_url = left.has_url && policy_may_ever_allow(&ask, scratch);
    return left;
}

/* -- questions ------------------------------------------------------------------------------ */

bool question_is_declared(const struct question *question)
{
    const struct mcp_client_capabilities *client = &question->client;
    switch (question->method->primitive) {
    case MCP_SAMPLING:
        return client->has_sampling;
    case MCP_ROOTS:
        return client->has_roots;
    case MCP_ELICITATION:
        return slice_eq(mode_of(question), SLICE("url")) ? client->has_url : client->has_form;
    case MCP_LIFECYCLE:
    case MCP_TOOL:
    case MCP_RESOURCE:
    case MCP_PROMPT:
        break;
    }
    return false;
}

/* The edits that turn what the server sent into what the client gets: of each member one, and one
 * that is added. */
struct rewrite {
    struct json_edit edits[QUESTION_MEMBERS_MAX + 1];
    size_t count;
};

static void replace(struct rewrite *rewrite, struct json_place place, struct slice text)
{
    assert(rewrite->count < COUNT_OF(rewrite->edits));
    rewrite->edits[rewrite->count++] = (struct json_edit){JSON_EDIT_REPLACE, place.ref, text};
}

/* MCP 2025-06-18 has no modes of elicitation, 2026-07-28 no names of pages. */
static bool is_of_other_revision(enum mcp_revision revision, struct json_place name)
{
    return (revision == MCP_2025_06_18 && json_string_eq(name.tape, name.ref, SLICE("mode"))) ||
           (revision == MCP_2026_07_28 &&
            json_string_eq(name.tape, name.ref, SLICE("elicitationId")));
}

/* Members that the method does not define, and those the client cannot handle, go. Of what stays
 * each has one edit at most, so a place for each member is enough. */
static void drop_members(const struct question *question, struct rewrite *rewrite)
{
    bool keeps_tools = question->client.has_sampling_tools;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, question->params.tape, question->params.ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct json_place name = {question->params.tape, key};
        bool is_of_tools = json_string_eq(name.tape, key, SLICE("tools")) ||
                           json_string_eq(name.tape, key, SLICE("toolChoice"));
        if (!question_knows_member(question->method, mode_of(question), name) ||
            is_of_other_revision(question->revision, name) || (is_of_tools && !keeps_tools)) {
            rewrite->edits[rewrite->count++] =
                (struct json_edit){JSON_EDIT_REMOVE, value, SLICE_EMPTY};
        }
    }
}

static enum status name_server(const struct question *question, struct arena *arena,
                               struct rewrite *rewrite)
{
    struct json_place message = member_of(question->params, SLICE("message"));
    struct slice text = SLICE_EMPTY;
    struct slice named = SLICE_EMPTY;
    struct buf json;
    TRY(json_string(message.tape, message.ref, arena, &text));
    const struct slice parts[] = {question->scene.server, SLICE(": "), text};
    TRY(arena_join(arena, parts, COUNT_OF(parts), &named));
    buf_init(&json, SIZE_MAX, arena->account);
    buf_append_json_string(&json, named);
    enum status status = buf_status(&json);
    if (status == STATUS_OK) {
        status = arena_copy(arena, buf_view(&json), &named);
    }
    buf_release(&json);
    replace(rewrite, message, named);
    return status;
}

/* The address is opened as it was judged. Its normal form has no character that JSON escapes. */
static enum status write_url(const struct question *question, struct arena *arena,
                             struct rewrite *rewrite)
{
    struct json_place url = member_of(question->params, SLICE("url"));
    struct slice text = SLICE_EMPTY;
    struct resource_uri uri;
    TRY(json_string(url.tape, url.ref, arena, &text));
    TRY(resource_uri_read(text, arena, &uri, NULL));
    const struct slice parts[] = {SLICE("\""), uri.text, SLICE("\"")};
    TRY(arena_join(arena, parts, COUNT_OF(parts), &text));
    replace(rewrite, url, text);
    return STATUS_OK;
}

/* MCP 2025-11-25, elicitation: a page has a name. Servers of other revisions give it none. */
static enum status name_page(const struct question *question, struct arena *arena,
                             struct rewrite *rewrite)
{
    struct slice text = SLICE_EMPTY;
    const struct slice parts[] = {SLICE("\"elicitationId\":\""), question->elicitation_id,
                                  SLICE("\"")};
    if (question->revision != MCP_2025_11_25 || question->elicitation_id.len == 0 ||
        member_of(question->params, SLICE("elicitationId")).ref != JSON_NONE) {
        return STATUS_OK;
    }
    TRY(arena_join(arena, parts, COUNT_OF(parts), &text));
    rewrite->edits[rewrite->count++] =
        (struct json_edit){JSON_EDIT_APPEND, question->params.ref, text};
    return STATUS_OK;
}

/* A message may have resources in it, in results of tools that it tells of. */
static enum status judge_messages(const struct question *question, struct arena *scratch,
                                  struct arena *arena, struct rewrite *rewrite,
                                  struct question_judgement *judgement)
{
    struct carried carried;
    struct carried_value messages = {.place = member_of(question->params, SLICE("messages"))};
    if (question->method->primitive != MCP_SAMPLING || !carried_is_in(&messages)) {
        return STATUS_OK;
    }
    TRY(carried_judge(&question->carried, &messages, scratch, arena, &carried));
    judgement->carried = carried.judged;
    if (carried.text.len > 0) {
        replace(rewrite, messages.place, carried.text);
    }
    return STATUS_OK;
}

static enum status write_question(const struct question *question, struct arena *scratch,
                                  struct arena *arena, struct buf *out,
                                  struct question_judgement *judgement)
{
    struct rewrite rewrite = {.count = 0};
    struct json_place context = member_of(question->params, SLICE("includeContext"));
    bool is_elicitation = question->method->primitive == MCP_ELICITATION;
    if (question->method->primitive == MCP_ROOTS) {
        return STATUS_OK;
    }
    drop_members(question, &rewrite);
    /* What other servers said is not for this one (MCP, sampling: includeContext). */
    if (question->method->primitive == MCP_SAMPLING && context.ref != JSON_NONE) {
        replace(&rewrite, context, SLICE("\"none\""));
    }
    TRY(judge_messages(question, scratch, arena, &rewrite, judgement));
    if (is_elicitation && question->names_server) {
        TRY(name_server(question, arena, &rewrite));
    }
    if (slice_eq(mode_of(question), SLICE("url"))) {
        TRY(write_url(question, arena, &rewrite));
        TRY(name_page(question, arena, &rewrite));
    }
    json_write(out, question->params.tape, question->params.ref, rewrite.edits, rewrite.count);
    return buf_status(out);
}

enum status question_judge(const struct question *question, struct arena *scratch,
                           struct arena *arena, struct buf *out,
                           struct question_judgement *judgement)
{
    struct diag diag = {0};
    *judgement = (struct question_judgement){0};
    if (!question_is_declared(question)) {
        judgement->is_undeclared = true;
        judgement->code = "question.undeclared";
        judgement->reason = SLICE("the client did not say that it can be asked this");
        return STATUS_OK;
    }
    enum status status = question_check_params(question, arena, &diag);
    if (status != STATUS_OK) {
        return status == STATUS_LIMIT ? STATUS_LIMIT : refuse(judgement, arena, &diag);
    }
    struct policy_question scene = scene_of(question);
    TRY(question_decide(&scene, scratch, arena, judgement));
    status = judgement->is_allowed ? write_question(question, scratch, arena, out, judgement)
                                   : STATUS_OK;
    judgement->is_allowed = judgement->is_allowed && status == STATUS_OK;
    return status;
}

/* -- answers -------------------------------------------------------------------------------- */

static enum status write_sampling(struct json_place result, struct buf *out)
{
    static const struct slice KEPT[] = {SLICE_INIT("role"), SLICE_INIT("content"),
                                        SLICE_INIT("model"), SLICE_INIT("stopReason")};
    bool has_member = false;
    buf_append_byte(out, '{');
    for (size_t i = 0; i < COUNT_OF(KEPT); i++) {
        struct json_place member = member_of(result, KEPT[i]);
        if (member.ref != JSON_NONE) {
            buf_append(out, has_member ? SLICE(",") : SLICE_EMPTY);
            has_member = true;
            buf_append_json_string(out, KEPT[i]);
            buf_append_byte(out, ':');
            json_write(out, member.tape, member.ref, NULL, 0);
        }
    }
    buf_append_byte(out, '}');
    return buf_status(out);
}

/* Only what the form asked for. */
static void write_content(struct json_place schema, struct json_place content, struct buf *out)
{
    struct json_place fields = member_of(schema, SLICE("properties"));
    bool has_member = false;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    buf_append_byte(out, '{');
    json_iter_init(&iter, content.tape, content.ref);
    while (json_iter_next(&iter, &key, &value)) {
        if (question_has_name(fields, (struct json_place){content.tape, key})) {
            buf_append(out, has_member ? SLICE(",") : SLICE_EMPTY);
            has_member = true;
            buf_append(out, json_raw(content.tape, key));
            buf_append_byte(out, ':');
            json_write(out, content.tape, value, NULL, 0);
        }
    }
    buf_append_byte(out, '}');
}

static enum status write_elicitation(const struct question *question, struct json_place result,
                                     struct buf *out)
{
    struct json_place action = member_of(result, SLICE("action"));
    bool is_accepted = json_string_eq(action.tape, action.ref, SLICE("accept"));
    buf_append(out, SLICE("{\"action\":"));
    buf_append(out, json_raw(action.tape, action.ref));
    if (is_accepted && slice_eq(mode_of(question), SLICE("form"))) {
        buf_append(out, SLICE(",\"content\":"));
        write_content(member_of(question->params, SLICE("requestedSchema")),
                      member_of(result, SLICE("content")), out);
    }
    buf_append_byte(out, '}');
    return buf_status(out);
}

static void append_root(struct buf *out, bool is_first, struct slice uri, struct json_place name)
{
    buf_append(out, is_first ? SLICE_EMPTY : SLICE(","));
    buf_append(out, SLICE("{\"uri\":"));
    buf_append_json_string(out, uri);
    if (name.ref != JSON_NONE) {
        buf_append(out, SLICE(",\"name\":"));
        buf_append(out, json_raw(name.tape, name.ref));
    }
    buf_append_byte(out, '}');
}

/* Judge one entry. An address that cannot be read, or is no file, is left out like one that is
 * denied. */
static enum status judge_root(const struct question *question, struct json_place entry,
                              struct arena *scratch, struct arena *arena,
                              struct question_judgement *out)
{
    struct json_place place = member_of(entry, SLICE("uri"));
    struct slice text = SLICE_EMPTY;
    struct resource_uri uri;
    struct diag diag = {0};
    *out = (struct question_judgement){0};
    TRY(json_string(place.tape, place.ref, arena, &text));
    enum status status = resource_uri_read(text, arena, &uri, &diag);
    if (status == STATUS_OK && !slice_eq(uri.scheme, SLICE("file"))) {
        status = diag_fail(&diag, STATUS_INVALID, "resource.uri", "a root is a file");
    }
    out->target = status == STATUS_OK ? uri.text : text;
    if (status != STATUS_OK) {
        return status == STATUS_LIMIT ? STATUS_LIMIT : refuse(out, arena, &diag);
    }
    struct policy_question scene = scene_of(question);
    scene.is_result = true;
    scene.name = uri.text;
    return question_decide(&scene, scratch, arena, out);
}

static enum status judge_roots(const struct question *question, struct json_place result,
                               struct arena *scratch, struct arena *arena, struct buf *out,
                               struct question_judgement *judgement)
{
    struct json_place roots = member_of(result, SLICE("roots"));
    struct question_judgement **last = &judgement->stripped;
    bool is_first = true;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    buf_append(out, SLICE("{\"roots\":["));
    json_iter_init(&iter, roots.tape, roots.ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct json_place entry = {roots.tape, value};
        struct question_judgement *one = arena_alloc(arena, sizeof(*one));
        if (one == NULL) {
            return STATUS_LIMIT;
        }
        TRY(judge_root(question, entry, scratch, arena, one));
        if (one->is_allowed) {
            append_root(out, is_first, one->target, member_of(entry, SLICE("name")));
            judgement->answer = one->answer;
            is_first = false;
        } else {
            *last = one;
            last = &one->next;
        }
    }
    buf_append(out, SLICE("]}"));
    judgement->is_allowed = true;
    return buf_status(out);
}

static enum status judge_whole(const struct question *question, struct json_place result,
                               struct arena *scratch, struct arena *arena, struct buf *out,
                               struct question_judgement *judgement)
{
    struct policy_question scene = scene_of(question);
    scene.is_result = true;
    scene.result = result;
    TRY(question_decide(&scene, scratch, arena, judgement));
    if (!judgement->is_allowed) {
        return STATUS_OK;
    }
    return question->method->primitive == MCP_SAMPLING ? write_sampling(result, out)
                                                       : write_elicitation(question, result, out);
}

enum status question_judge_answer(const struct question *question, struct json_place result,
                                  struct arena *scratch, struct arena *arena, struct buf *out,
                                  struct question_judgement *judgement)
{
    struct diag diag = {0};
    *judgement = (struct question_judgement){0};
    enum status status = question_check_answer(question, result, &diag);
    if (status != STATUS_OK) {
        return refuse(judgement, arena, &diag);
    }
    status = question->method->primitive == MCP_ROOTS
                 ? judge_roots(question, result, scratch, arena, out, judgement)
                 : judge_whole(question, result, scratch, arena, out, judgement);
    judgement->is_allowed = judgement->is_allowed && status == STATUS_OK;
    return status;
}

/* -- refusals and records ------------------------------------------------------------------- */

struct slice question_refusal_result(const struct question *question)
{
    switch (question->method->primitive) {
    case MCP_ROOTS:
        return SLICE("{\"roots\":[]}");
    case MCP_ELICITATION:
        return SLICE("{\"action\":\"decline\"}");
    case MCP_SAMPLING:
    case MCP_LIFECYCLE:
    case MCP_TOOL:
    case MCP_RESOURCE:
    case MCP_PROMPT:
        break;
    }
    return SLICE_EMPTY;
}

void question_write_refusal(const struct question *question,
                            const struct question_judgement *judgement, struct buf *out)
{
    const struct mcp_client_capabilities *client = &question->client;
    bool is_other_mode =
        question->method->primitive == MCP_ELICITATION && (client->has_form || client->has_url);
    struct slice result = question_refusal_result(question);
    if (judgement->is_undeclared && !is_other_mode) {
        buf_append(out, SLICE(QUESTION_UNKNOWN));
    } else if (judgement->is_undeclared) {
        buf_append(out, SLICE("\"error\":{\"code\":-32602,\"message\":"
                              "\"the client does not handle this mode\"}"));
    } else if (result.len > 0) {
        buf_append(out, SLICE("\"result\":"));
        buf_append(out, result);
    } else {
        buf_append(out,
                   SLICE("\"error\":{\"code\":-1,\"message\":\"User rejected sampling request\"}"));
    }
}

void question_describe(const struct question *question, const struct question_judgement *judgement,
                       bool is_answer, struct audit_record *record)
{
    record->type = judgement->is_allowed ? AUDIT_AUTHZ_ALLOW : AUDIT_AUTHZ_DENY;
    record->phase = AUDIT_EVENT;
    record->decision = judgement->is_allowed ? AUDIT_DECISION_ALLOW : AUDIT_DECISION_DENY;
    record->direction = is_answer ? SLICE("client") : SLICE("server");
    record->primitive = mcp_primitive_name(question->method->primitive);
    record->method = question->method->name;
    record->target = judgement->target.len > 0 ? judgement->target : question->scene.server;
    record->server = question->scene.server;
    record->policies = judgement->answer.policies;
    record->policy_count = judgement->answer.policy_count;
    record->code = judgement->code == NULL ? SLICE_EMPTY : slice_view_cstr(judgement->code);
    record->reason = judgement->reason;
}
