#include "cli/command.h"

#include "base/slice.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RAN 40 /* an exit code that nothing but the command of the tests has */

static int run(int argc, char **argv)
{
    bool is_behind = argc == 0 || slice_eq(slice_view_cstr(argv[0]), SLICE("behind"));
    return RAN + (is_behind ? argc : -1);
}

static const struct command make = {.name = "tested inner make",
                                    .summary = "make it",
                                    .usage = "usage: aegis tested inner make\n",
                                    .exit_codes = "  0  made\n",
                                    .run = run};
static const struct command secret = {
    .name = "tested inner secret", .summary = "s", .usage = "u\n", .run = run};
static const struct command topic = {.name = "topic", .summary = "a topic", .usage = "  what\n"};
static const struct command_group inner_groups[] = {{"Make", {&make}}, {NULL, {&secret}}};
static const struct command inner = {.name = "tested inner",
                                     .summary = "holds one",
                                     .usage = "usage: aegis tested inner COMMAND\n",
                                     .groups = inner_groups,
                                     .group_count = COUNT_OF(inner_groups)};
static const struct command_group outer_groups[] = {{"Hold", {&inner}}, {"Topics", {&topic}}};
static const struct command outer = {.name = "",
                                     .summary = "all of it",
                                     .usage = "usage: aegis COMMAND\n",
                                     .groups = outer_groups,
                                     .group_count = COUNT_OF(outer_groups)};

/* What is printed would look like a failure of the test. */
static int run_quietly(const char *const *arguments)
{
    char *argv[4] = {0};
    int argc = 0;
    for (; argc < 4 && arguments[argc] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)arguments[argc];
    }
    (void)fflush(NULL);
    int saved[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    CHECK(saved[0] >= 0 && saved[1] >= 0);
    CHECK(freopen("/dev/null", "w", stdout) != NULL && freopen("/dev/null", "w", stderr) != NULL);
    int code = command_run(&outer, argc, argv);
    (void)fflush(NULL);
    CHECK(dup2(saved[0], STDOUT_FILENO) >= 0 && dup2(saved[1], STDERR_FILENO) >= 0);
    (void)close(saved[0]);
    (void)close(saved[1]);
    return code;
}

TEST(commands_are_found_inside_each_other)
{
    static const struct {
        const char *name, *arguments[5];
        int code;
    } rows[] = {
        {"nothing", {NULL}, EXIT_CODE_USAGE},
        {"nothing inside", {"inner"}, EXIT_CODE_USAGE},
        {"unknown", {"iner"}, EXIT_CODE_USAGE},
        {"the beginning of a name", {"inner", "mak"}, EXIT_CODE_USAGE},
        {"a name with those around it", {"tested inner"}, EXIT_CODE_USAGE},
        {"a name with more behind it", {"inner", "makes"}, EXIT_CODE_USAGE},
        {"empty", {""}, EXIT_CODE_USAGE},
        {"an inner one outside", {"make"}, EXIT_CODE_USAGE},
        {"an option", {"--make"}, EXIT_CODE_USAGE},
        {"help of an unknown one", {"help", "iner"}, EXIT_CODE_USAGE},
        {"help of an unknown one inside", {"help", "inner", "mak"}, EXIT_CODE_USAGE},
        {"help behind the last", {"help", "inner", "make", "make"}, EXIT_CODE_USAGE},
        {"help behind a topic", {"topic", "make"}, EXIT_CODE_USAGE},
        {"help", {"help"}, EXIT_CODE_OK},
        {"--help", {"--help"}, EXIT_CODE_OK},
        {"-h inside", {"inner", "-h"}, EXIT_CODE_OK},
        {"help of one", {"help", "inner", "make"}, EXIT_CODE_OK},
        {"help inside", {"inner", "help", "make"}, EXIT_CODE_OK},
        {"a topic", {"help", "topic"}, EXIT_CODE_OK},
        {"run", {"inner", "make"}, RAN},
        {"run with an argument", {"inner", "make", "behind"}, RAN + 1},
        {"not in the help", {"inner", "secret"}, RAN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, run_quietly(rows[i].arguments) == rows[i].code);
    }
}

static bool prints(const struct command *command, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    CHECK(out != NULL);
    command_print_help(command, out);
    CHECK(fclose(out) == 0);
    bool is_equal = strcmp(text, expected) == 0;
    if (!is_equal) {
        (void)fputs(text, stderr);
    }
    free(text);
    return is_equal;
}

TEST(help_tells_what_is_inside_and_how_it_ends)
{
    CHECK(prints(&make, "aegis tested inner make: make it\n"
                        "\n"
                        "usage: aegis tested inner make\n"
                        "\n"
                        "exit codes:\n"
                        "  0  made\n"));
    CHECK(prints(&topic, "  what\n"));
    CHECK(prints(&inner, "aegis tested inner: holds one\n"
                         "\n"
                         "usage: aegis tested inner COMMAND\n"
                         "\n"
                         "Make:\n"
                         "  make  make it\n"
                         "\n"
                         "'aegis help tested inner COMMAND' tells how to use one, with examples.\n"
                         "\n"
                         "exit codes:\n"
                         "  0  it worked\n"
                         "  1  it did not work, or a check found problems; stderr says why\n"
                         "  2  the command line is wrong; nothing was done\n"));
    CHECK(prints(&outer, "aegis: all of it\n"
                         "\n"
                         "usage: aegis COMMAND\n"
                         "\n"
                         "Hold:\n"
                         "  inner  holds one\n"
                         "\n"
                         "Topics:\n"
                         "  topic  a topic\n"
                         "\n"
                         "'aegis help COMMAND' tells how to use one, with examples.\n"
                         "\n"
                         "exit codes:\n"
                         "  0  it worked\n"
                         "  1  it did not work, or a check found problems; stderr says why\n"
                         "  2  the command line is wrong; nothing was done\n"));
}
