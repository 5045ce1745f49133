#include "differential/oracle.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

bool oracle_start(struct oracle *oracle, const char *node)
{
    int in[2];
    int out[2];
    *oracle = (struct oracle){0};
    if (pipe(in) != 0 || pipe(out) != 0) {
        return false;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    oracle->pid = fork();
    if (oracle->pid == 0) {
        (void)dup2(in[0], STDIN_FILENO);
        (void)dup2(out[1], STDOUT_FILENO);
        int ends[] = {in[0], in[1], out[0], out[1]};
        for (int i = 0; i < 4; i++) {
            close(ends[i]);
        }
        /* The optimiser of node 22 dies of its own assertions once in some thousand cases. */
        execl(node, node, "--no-opt", "tests/differential/oracle.mjs", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    oracle->questions = fdopen(in[1], "w");
    oracle->answers = fdopen(out[0], "r");
    return oracle->pid > 0 && oracle->questions != NULL && oracle->answers != NULL;
}

bool oracle_ask(struct oracle *oracle, struct slice lines)
{
    return fwrite(lines.ptr, 1, lines.len, oracle->questions) == lines.len &&
           fflush(oracle->questions) == 0;
}

bool oracle_answer(struct oracle *oracle, struct slice *out)
{
    ssize_t got = getline(&oracle->line, &oracle->line_bytes, oracle->answers);
    *out = got > 0 ? slice_of((const uint8_t *)oracle->line, (size_t)got - 1) : SLICE_EMPTY;
    return got > 1;
}

void oracle_stop(struct oracle *oracle)
{
    (void)fclose(oracle->questions);
    (void)fclose(oracle->answers);
    (void)waitpid(oracle->pid, NULL, 0);
    free(oracle->line);
    *oracle = (struct oracle){0};
}
