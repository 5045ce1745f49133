#include "cli/options.h"

#include "support/check.h"

#include <stdio.h>
#include <unistd.h>

static const struct command tested = {.name = "tested",
                                      .summary = "is tested",
                                      .usage = "usage: aegis tested [OPTIONS]\n"
                                               "\n"
                                               "  -f, --follow     go on\n"
                                               "      --dir DIR    the folder\n"
                                               "      --output O   text or json\n"
                                               "  -n, --limit N    how many\n"
                                               "      --role R     a role\n"};

struct values {
    bool follow;
    const char *dir, *output;
    int64_t limit;
    struct option_list roles;
    struct operands operands;
};

#define ARGUMENTS_MAX 8

static enum options_result read_arguments(const char *const *arguments, struct values *values)
{
    static char *argv[ARGUMENTS_MAX]; /* operands point into it after the call */
    int argc = 0;
    *values = (struct values){.limit = 20, .operands = {.max = 1}};
    const struct option options[] = {
        {.name = "follow", .letter = 'f', .kind = OPTION_FLAG, .out.flag = &values->follow},
        {.name = "dir", .kind = OPTION_TEXT, .is_required = true, .out.text = &values->dir},
        {.name = "output",
         .kind = OPTION_TEXT,
         .out.text = &values->output,
         .choices = options_output_choices},
        {.name = "limit",
         .letter = 'n',
         .kind = OPTION_NUMBER,
         .out.number = &values->limit,
         .min = 1,
         .max = 100},
        {.name = "role", .kind = OPTION_LIST, .out.list = &values->roles},
    };
    for (; argc < ARGUMENTS_MAX && arguments[argc] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)arguments[argc];
    }
    return options_read(&tested, options, COUNT_OF(options), argc, argv, &values->operands);
}

/* Messages of refusals would look like failures of the test. */
static int silence(int descriptor)
{
    int saved = dup(descriptor);
    fflush(NULL);
    CHECK(saved >= 0 && freopen("/dev/null", "w", descriptor == 1 ? stdout : stderr) != NULL);
    return saved;
}

static void restore(int descriptor, int saved)
{
    fflush(NULL);
    CHECK(dup2(saved, descriptor) == descriptor);
    close(saved);
}

TEST(options_refuse_each_mistake)
{
    static const struct {
        const char *name, *arguments[ARGUMENTS_MAX];
        enum options_result result;
    } rows[] = {
        {"required is missing", {"x"}, OPTIONS_WRONG},
        {"unknown", {"--dir", "d", "--folow"}, OPTIONS_WRONG},
        {"unknown letter", {"--dir", "d", "-x"}, OPTIONS_WRONG},
        {"letters together", {"--dir", "d", "-fn"}, OPTIONS_WRONG},
        {"prefix of a name", {"--di", "d"}, OPTIONS_WRONG},
        {"no value at the end", {"--dir"}, OPTIONS_WRONG},
        {"an option as value", {"--dir", "--follow"}, OPTIONS_WRONG},
        {"empty value", {"--dir="}, OPTIONS_WRONG},
        {"empty next value", {"--dir", ""}, OPTIONS_WRONG},
        {"value after --", {"--dir", "--", "d"}, OPTIONS_WRONG},
        {"flag with value", {"--dir", "d", "--follow=1"}, OPTIONS_WRONG},
        {"twice", {"--dir", "d", "--dir", "e"}, OPTIONS_WRONG},
        {"flag twice", {"--dir", "d", "-f", "--follow"}, OPTIONS_WRONG},
        {"number zero", {"--dir", "d", "-n", "0"}, OPTIONS_WRONG},
        {"number too large", {"--dir", "d", "-n", "101"}, OPTIONS_WRONG},
        {"number with tail", {"--dir", "d", "--limit=5x"}, OPTIONS_WRONG},
        {"not a choice", {"--dir", "d", "--output", "xml"}, OPTIONS_WRONG},
        {"two operands", {"--dir", "d", "a", "b"}, OPTIONS_WRONG},
        {"help", {"--help"}, OPTIONS_HELP},
        {"help letter", {"a", "-h"}, OPTIONS_HELP},
        {"smallest", {"--dir", "d"}, OPTIONS_OK},
        {"a dash is an operand", {"--dir", "d", "-"}, OPTIONS_OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct values values;
        int out = silence(1), err = silence(2);
        enum options_result result = read_arguments(rows[i].arguments, &values);
        restore(2, err);
        restore(1, out);
        CHECK_ROW(rows[i].name, result == rows[i].result);
    }
}

TEST(options_read_all_forms)
{
    static const char *const arguments[ARGUMENTS_MAX] = {"-f", "here",     "--dir=a=b", "--role",
                                                         "x",  "--role=y", "-n",        "100"};
    struct values values;
    CHECK(read_arguments(arguments, &values) == OPTIONS_OK);
    CHECK(values.follow && str_eq(values.dir, "a=b") && values.limit == 100);
    CHECK(values.roles.count == 2 && str_eq(values.roles.items[1], "y"));
    CHECK(values.operands.count == 1 && str_eq(values.operands.items[0], "here"));
    CHECK(values.operands.rest == NULL && values.output == NULL);
}

TEST(options_leave_what_follows_two_dashes)
{
    static const char *const arguments[ARGUMENTS_MAX] = {"--dir", "d", "--", "cmd", "-x", "--help"};
    struct values values;
    CHECK(read_arguments(arguments, &values) == OPTIONS_OK);
    CHECK(values.operands.count == 0 && values.operands.rest_count == 3);
    CHECK(str_eq(values.operands.rest[2], "--help"));
}
