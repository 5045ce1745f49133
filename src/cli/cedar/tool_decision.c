#include "cli/cedar/tool.h"

#include <inttypes.h>
#include <time.h>

int tool_print_decision(enum cedar_partial_decision decision)
{
    static const char *const WORDS[] = {[CEDAR_PARTIAL_DENY] = "DENY\n",
                                        [CEDAR_PARTIAL_ALLOW] = "ALLOW\n",
                                        [CEDAR_PARTIAL_OPEN] = "UNKNOWN\n"};
    static const int CODES[] = {[CEDAR_PARTIAL_DENY] = CEDAR_EXIT_DENY,
                                [CEDAR_PARTIAL_ALLOW] = CEDAR_EXIT_OK,
                                [CEDAR_PARTIAL_OPEN] = CEDAR_EXIT_OPEN};
    (void)fputs(WORDS[decision], stdout);
    return CODES[decision];
}

void tool_print_policy(const struct tool *tool, const struct cedar_policy_set *set, size_t index)
{
    struct buf text;
    buf_init(&text, TOOL_FILE_BYTES_MAX, NULL);
    if (cedar_policy_to_text(set, index, &text) == STATUS_OK) {
        tool_print_buf(stdout, &text);
        (void)fputs("\n", stdout);
    } else {
        (void)tool_fail(tool, NULL, "a policy that is left is too long to print");
    }
    buf_release(&text);
}

int64_t tool_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void tool_print_duration(int64_t duration_us)
{
    printf("Authorization Time (micro seconds) : %" PRId64 "\n", duration_us);
}
