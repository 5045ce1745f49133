#include "cli/state_folder.h"

#include <stdio.h>
#include <stdlib.h>

const char *state_folder(char path[STATE_FOLDER_BYTES])
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (state != NULL && state[0] == '/') {
        (void)snprintf(path, STATE_FOLDER_BYTES, "%s/aegis", state);
    } else {
        (void)snprintf(path, STATE_FOLDER_BYTES, "%s/.local/state/aegis", home != NULL ? home : "");
    }
    return path;
}
