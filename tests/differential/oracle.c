#include "differential/oracle.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

bool oracle_start(struct oracle *oracle, char *const *command)
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
        execv(command[0], command);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    oracle->questions = fdopen(in[1], "w");
    oracle->answers = fdopen(out[0], "r");
    return oracle->pid > 0 && oracle->questions != NULL && oracle->answers != NULL;
}

bool oracle_ask(struct oracle *oracle, struct slice line, struct slice *answer)
{
    *answer = SLICE_EMPTY;
    if (fwrite(line.ptr, 1, line.len, oracle->questions) != line.len ||
        fflush(oracle->questions) != 0) {
        return false;
    }
    ssize_t got = getline(&oracle->line, &oracle->line_bytes, oracle->answers);
    if (got > 1) {
        *answer = slice_of((const uint8_t *)oracle->line, (size_t)got - 1);
    }
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
