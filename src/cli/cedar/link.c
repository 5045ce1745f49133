/* aegis cedar link: a policy made of a template. */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

#include "json/writer.h"

#include <unistd.h>

struct link {
    struct tool tool;
    struct policies_options policies_options;
    const char *template_id, *new_id, *arguments;
    struct cedar_policy_set *policies, *linked;
};

/* The links file with one more link; what else is in it stays. */
static enum status append_link(struct link *l, struct buf *out)
{
    struct cedar_source source;
    struct json_tape tape = {0};
    struct buf entry;
    const char *path = l->policies_options.links_path;
    bool is_there = access(path, F_OK) == 0;
    if (is_there) {
        TRY(tool_read_file(&l->tool, path, "links file", &source));
        is_there = source.text.len > 0;
    }
    if (is_there) {
        TRY(tool_read_json(&l->tool, path, "links file", &source, &tape));
    }
    buf_init(&entry, TOOL_FILE_BYTES_MAX, NULL);
    buf_append(&entry, SLICE("{\"template_id\":"));
    buf_append_json_string(&entry, slice_view_cstr(l->template_id));
    buf_append(&entry, SLICE(",\"link_id\":"));
    buf_append_json_string(&entry, slice_view_cstr(l->new_id));
    buf_append(&entry, SLICE(",\"args\":"));
    buf_append(&entry, slice_view_cstr(l->arguments));
    buf_append(&entry, SLICE("}"));
    if (is_there) {
        struct json_edit edit = {JSON_EDIT_APPEND, 0, buf_view(&entry)};
        json_write(out, &tape, 0, &edit, 1);
    } else {
        buf_append(out, SLICE("["));
        buf_append(out, buf_view(&entry));
        buf_append(out, SLICE("]"));
    }
    enum status status = buf_status(&entry) == STATUS_OK ? buf_status(out) : STATUS_LIMIT;
    buf_release(&entry);
    return status;
}

static enum status save(struct link *l)
{
    struct buf bytes;
    buf_init(&bytes, TOOL_FILE_BYTES_MAX, NULL);
    enum status status = append_link(l, &bytes);
    if (status == STATUS_OK) {
        status = tool_replace_file(&l->tool, l->policies_options.links_path, "links file", &bytes);
    }
    buf_release(&bytes);
    return status;
}

static enum status print_link(struct link *l)
{
    struct buf text;
    size_t index = 0;
    enum status status = STATUS_NOT_FOUND;
    buf_init(&text, TOOL_FILE_BYTES_MAX, NULL);
    if (cedar_policy_find(l->linked, slice_view_cstr(l->new_id), &index)) {
        status = cedar_policy_to_text(l->linked, index, &text);
    }
    if (status == STATUS_OK) {
        (void)fputs("Template-linked policy added: ", stdout);
        tool_print_buf(stdout, &text);
        (void)fputs("\n", stdout);
    }
    buf_release(&text);
    return status;
}

static enum status link_one(struct link *l)
{
    struct json_tape tape;
    struct diag diag = {0};
    struct cedar_link link = {.template_id = slice_view_cstr(l->template_id),
                              .id = slice_view_cstr(l->new_id)};
    struct policies_options options = l->policies_options;
    if (options.links_path != NULL && access(options.links_path, F_OK) != 0) {
        options.links_path = NULL; /* the file is made below */
    }
    TRY(tool_read_policies(&l->tool, &options, &l->policies));
    if (json_parse(&l->tool.parser, slice_view_cstr(l->arguments), &l->tool.arena, &tape, &diag) !=
        STATUS_OK) {
        return tool_fail(&l->tool, diag.message, "failed to parse the arguments");
    }
    TRY(tool_read_slots(&l->tool, &tape, 0, &link));
    if (cedar_policy_set_link(l->policies, &link, 1, &l->linked, &diag) != STATUS_OK) {
        return tool_fail(&l->tool, diag.message, "failed to link the template");
    }
    TRY(l->policies_options.links_path == NULL ? STATUS_OK : save(l));
    return print_link(l);
}

static int run(int argc, char **argv)
{
    struct link l = {0};
    struct operands operands = {0};
    tool_init(&l.tool);
    const struct option options[] = {
        TOOL_OPTIONS(l.tool),
        POLICIES_OPTIONS(l.policies_options),
        {.name = "template-id",
         .kind = OPTION_TEXT,
         .out.text = &l.template_id,
         .is_required = true},
        {.name = "new-id",
         .letter = 'n',
         .kind = OPTION_TEXT,
         .out.text = &l.new_id,
         .is_required = true},
        {.name = "arguments",
         .letter = 'a',
         .kind = OPTION_TEXT,
         .out.text = &l.arguments,
         .is_required = true},
    };
    enum options_result result =
        options_read(&verb_link, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = link_one(&l) == STATUS_OK ? CEDAR_EXIT_OK : CEDAR_EXIT_FAILURE;
    }
    cedar_policy_set_free(l.linked);
    cedar_policy_set_free(l.policies);
    tool_release(&l.tool);
    return code;
}

const struct command verb_link = {
    .name = "cedar link",
    .summary = "make a policy of a template",
    .usage = "usage: aegis cedar link --template-id ID --new-id ID --arguments JSON [OPTIONS]\n"
             "\n"
             "Makes a policy of a template, and prints it. With --template-linked it is added\n"
             "to that file, which is made if it is not there; the other commands read it.\n"
             "\n"
             "      --template-id ID         the template\n"
             "  -n, --new-id ID              of the new policy\n"
             "  -a, --arguments JSON         values of the slots, ?principal and ?resource\n"
             "  -p, --policies FILE          policies and templates (default: stdin)\n"
             "      --policy-format F        cedar (default) or json\n"
             "  -k, --template-linked FILE   links that there are\n" TOOL_USAGE "\n"
             "examples:\n"
             "  aegis cedar link -p policies.cedar -k links.json --template-id shared \\\n"
             "      -n shared-with-bob -a '{\"?principal\": \"User::\\\"bob\\\"\"}'\n",
    .exit_codes = "  0  linked\n"
                  "  1  it did not work\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
