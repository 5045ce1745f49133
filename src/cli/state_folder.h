/* state_folder.h: where the commands of a person keep what they keep. */
#ifndef AEGIS_CLI_STATE_FOLDER_H
#define AEGIS_CLI_STATE_FOLDER_H

#define STATE_FOLDER_BYTES 4096

/* $XDG_STATE_HOME/aegis, or ~/.local/state/aegis (XDG Base Directory, which takes absolute paths
 * only). Written to path, which is returned. */
const char *state_folder(char path[STATE_FOLDER_BYTES]);

#endif
