#include "cli/cedar/tool.h"

#define LINKS_MAX CEDAR_POLICIES_MAX

enum status tool_read_policy_text(struct tool *tool, const char *path, bool use_id_annotation,
                                  struct cedar_policy_set **out)
{
    struct cedar_source source;
    TRY(tool_read_file(tool, path, "policy set", &source));
    tool->policy_text = source.text;
    enum status status =
        cedar_policy_set_parse(&source, 1, use_id_annotation, out, &tool->diagnostics);
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail_source(tool, status, &source, "failed to parse policy set");
}

static bool has_any(const struct json_tape *tape, const struct slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_member(tape, 0, names[i]) != JSON_NONE) {
            return true;
        }
    }
    return false;
}

static enum status find_form(struct tool *tool, const struct json_tape *tape,
                             enum cedar_json_form *out)
{
    static const struct slice SET[] = {SLICE_INIT("staticPolicies"), SLICE_INIT("templates"),
                                       SLICE_INIT("templateLinks")};
    static const struct slice POLICY[] = {SLICE_INIT("action"), SLICE_INIT("effect"),
                                          SLICE_INIT("principal"), SLICE_INIT("resource"),
                                          SLICE_INIT("conditions")};
    bool is_set = has_any(tape, SET, COUNT_OF(SET));
    bool is_policy = has_any(tape, POLICY, COUNT_OF(POLICY));
    if (is_set == is_policy) {
        return tool_fail(tool, is_set ? "it has members of both" : "it has members of neither",
                         "cannot determine if the JSON policy is a single policy or a policy set");
    }
    *out = is_set ? CEDAR_JSON_SET : CEDAR_JSON_POLICY;
    return STATUS_OK;
}

enum status tool_read_policy_json(struct tool *tool, const char *path,
                                  struct cedar_policy_set **out)
{
    struct cedar_source source;
    struct json_tape tape;
    enum cedar_json_form form = CEDAR_JSON_SET;
    TRY(tool_read_json(tool, path, "JSON policy", &source, &tape));
    TRY(find_form(tool, &tape, &form));
    tool->policy_text = source.text;
    enum status status = cedar_policy_set_parse_json(&source, form, out, &tool->diagnostics);
    return status == STATUS_OK
               ? STATUS_OK
               : tool_fail_source(tool, status, &source, "failed to parse JSON policy");
}

enum status tool_read_policies(struct tool *tool, const struct policies_options *options,
                               struct cedar_policy_set **out)
{
    struct cedar_policy_set *linked = NULL;
    bool is_json = slice_eq(slice_view_cstr(options->format), SLICE("json"));
    *out = NULL;
    TRY(is_json ? tool_read_policy_json(tool, options->path, out)
                : tool_read_policy_text(tool, options->path, true, out));
    if (options->links_path == NULL) {
        return STATUS_OK;
    }
    enum status status = tool_add_links(tool, options->links_path, *out, &linked);
    cedar_policy_set_free(*out);
    *out = linked;
    return status;
}

/* -- links --------------------------------------------------------------------------------- */

enum status tool_read_slots(struct tool *tool, const struct json_tape *tape, json_ref ref,
                            struct cedar_link *out)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    if (json_type(tape, ref) != JSON_OBJECT) {
        return tool_fail(tool, NULL, "the values of slots are not a JSON object");
    }
    json_iter_init(&iter, tape, ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice text;
        bool is_principal = json_string_eq(tape, key, SLICE("?principal"));
        struct cedar_uid *uid = arena_alloc_zero(&tool->arena, 1, sizeof(*uid));
        if (!is_principal && !json_string_eq(tape, key, SLICE("?resource"))) {
            return tool_fail(tool, "the slots are ?principal and ?resource",
                             "there is no slot %.*s", SLICE_ARG(json_raw(tape, key)));
        }
        if (uid == NULL || json_string(tape, value, &tool->arena, &text) != STATUS_OK) {
            return tool_fail(tool, NULL, "the value of the slot %.*s is not a string",
                             SLICE_ARG(json_raw(tape, key)));
        }
        TRY(tool_parse_uid(tool, text, "value of a slot", uid));
        *(is_principal ? &out->principal : &out->resource) = uid;
    }
    return STATUS_OK;
}

static enum status read_link(struct tool *tool, const struct json_tape *tape, json_ref ref,
                             struct cedar_link *out)
{
    json_ref template_id = json_member(tape, ref, SLICE("template_id"));
    json_ref link_id = json_member(tape, ref, SLICE("link_id"));
    json_ref args = json_member(tape, ref, SLICE("args"));
    if (template_id == JSON_NONE || link_id == JSON_NONE || args == JSON_NONE ||
        json_string(tape, template_id, &tool->arena, &out->template_id) != STATUS_OK ||
        json_string(tape, link_id, &tool->arena, &out->id) != STATUS_OK) {
        return tool_fail(tool, "it has the texts template_id and link_id, and args",
                         "a link is malformed");
    }
    return tool_read_slots(tool, tape, args, out);
}

static enum status read_links(struct tool *tool, const struct json_tape *tape,
                              struct cedar_link *links)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, tape, 0);
    for (size_t i = 0; json_iter_next(&iter, &key, &value); i++) {
        TRY(read_link(tool, tape, value, &links[i]));
    }
    return STATUS_OK;
}

enum status tool_add_links(struct tool *tool, const char *path, const struct cedar_policy_set *set,
                           struct cedar_policy_set **out)
{
    struct cedar_source source;
    struct json_tape tape = {0};
    struct diag diag = {0};
    size_t count = 0;
    TRY(tool_read_file(tool, path, "links file", &source));
    /* A file without a byte has no links yet. */
    if (source.text.len > 0) {
        TRY(tool_read_json(tool, path, "links file", &source, &tape));
        count = json_count(&tape, 0);
        if (json_type(&tape, 0) != JSON_ARRAY || count > LINKS_MAX) {
            return tool_fail(tool, "it is a JSON array of at most 100000 links",
                             "failed to parse the links file %s", path);
        }
    }
    struct cedar_link *links = arena_alloc_zero(&tool->arena, count, sizeof(*links));
    if (links == NULL) {
        return tool_fail(tool, "memory ran out", "failed to read the links file %s", path);
    }
    TRY(count == 0 ? STATUS_OK : read_links(tool, &tape, links));
    if (cedar_policy_set_link(set, links, count, out, &diag) != STATUS_OK) {
        return tool_fail(tool, diag.message, "failed to link the policies of %s", path);
    }
    return STATUS_OK;
}
