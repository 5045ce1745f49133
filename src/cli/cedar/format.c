/* aegis cedar format: policies in the layout of the official formatter. */
#include "cli/cedar/tool.h"
#include "cli/cedar/verbs.h"

struct format {
    struct tool tool;
    const char *path;
    int64_t line_width, indent_width;
    bool writes, checks;
};

/* *is_same: the policies have this layout already. */
static enum status write_out(struct format *f, const struct cedar_source *source, bool *is_same)
{
    struct cedar_format_options options = {.line_width = (uint32_t)f->line_width,
                                           .indent = (uint32_t)f->indent_width};
    struct buf text;
    buf_init(&text, 2 * TOOL_FILE_BYTES_MAX, NULL);
    f->tool.diagnostics.count = 0;
    enum status status = cedar_format(source, &options, &text, &f->tool.diagnostics);
    *is_same = slice_eq(buf_view(&text), source->text);
    if (status != STATUS_OK) {
        (void)tool_fail_source(&f->tool, status, source, "failed to format the policy set");
    } else if (!f->writes) {
        tool_print_buf(stdout, &text);
    } else if (!*is_same) {
        status = tool_replace_file(&f->tool, f->path, "policy set", &text);
    }
    buf_release(&text);
    return status;
}

static int format(struct format *f)
{
    struct cedar_source source;
    bool is_same = false;
    if (tool_read_file(&f->tool, f->path, "policy set", &source) != STATUS_OK ||
        write_out(f, &source, &is_same) != STATUS_OK || (f->checks && !is_same)) {
        return CEDAR_EXIT_FAILURE;
    }
    return CEDAR_EXIT_OK;
}

static bool check_options(const struct format *f)
{
    bool is_wrong = f->writes && (f->checks || f->path == NULL);
    if (is_wrong) {
        (void)fprintf(stderr, "aegis cedar format: '--write' %s\n",
                      f->checks ? "and '--check' exclude each other" : "needs '--policies'");
        (void)fputs("see 'aegis cedar format --help'\n", stderr);
    }
    return !is_wrong;
}

static int run(int argc, char **argv)
{
    struct format f = {.line_width = 80, .indent_width = 2};
    struct operands operands = {0};
    tool_init(&f.tool);
    const struct option options[] = {
        TOOL_OPTIONS(f.tool),
        {.name = "policies", .letter = 'p', .kind = OPTION_TEXT, .out.text = &f.path},
        {.name = "line-width",
         .letter = 'l',
         .kind = OPTION_NUMBER,
         .out.number = &f.line_width,
         .min = 1,
         .max = CEDAR_FORMAT_WIDTH_MAX},
        {.name = "indent-width",
         .letter = 'i',
         .kind = OPTION_NUMBER,
         .out.number = &f.indent_width,
         .min = 0,
         .max = CEDAR_FORMAT_INDENT_MAX},
        {.name = "write", .letter = 'w', .kind = OPTION_FLAG, .out.flag = &f.writes},
        {.name = "check", .letter = 'c', .kind = OPTION_FLAG, .out.flag = &f.checks},
    };
    enum options_result result =
        options_read(&verb_format, options, COUNT_OF(options), argc, argv, &operands);
    int code = options_exit(result);
    if (result == OPTIONS_OK) {
        code = check_options(&f) ? format(&f) : EXIT_CODE_USAGE;
    }
    tool_release(&f.tool);
    return code;
}

const struct command verb_format = {
    .name = "cedar format",
    .summary = "lay policies out as the official formatter does",
    .usage =
        "usage: aegis cedar format [OPTIONS]\n"
        "\n"
        "Prints the policies as the official formatter lays them out; comments stay with\n"
        "what they are about.\n"
        "\n"
        "  -p, --policies FILE          policies and templates (default: stdin)\n"
        "  -l, --line-width N           columns of a line (default 80)\n"
        "  -i, --indent-width N         columns of a step (default 2)\n"
        "  -w, --write                  write to FILE instead of printing\n"
        "  -c, --check                  exit with 1 when something would change\n" TOOL_USAGE "\n"
        "examples:\n"
        "  aegis cedar format -p policies.cedar --write\n"
        "  aegis cedar format --check < policies.cedar > /dev/null\n",
    .exit_codes = "  0  formatted\n"
                  "  1  it did not work; --check: it would change\n"
                  "  2  the command line is wrong\n",
    .run = run,
};
