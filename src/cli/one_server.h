/* one_server.h: one server behind one gateway in this process: `aegis proxy` and `aegis wrap`.
 *
 * The options stand for a configuration, and the checks of a file apply to it as well. */
#ifndef AEGIS_CLI_ONE_SERVER_H
#define AEGIS_CLI_ONE_SERVER_H

#include "cli/state_folder.h"

#include <stdbool.h>
#include <stddef.h>

struct bearer_source;

/* All texts are borrowed; NULL: not given. */
struct one_server {
    const char *command_name; /* "proxy" */
    const char *upstream;     /* its address ... */
    char **argv;              /* ... or its command */
    size_t argc;
    const char *listen, *policy, *state, *revision;
    const char *extensions;             /* ids, with commas between them */
    const char *authorities;            /* a PEM file, believed about its address */
    const struct bearer_source *bearer; /* the token for its address; NULL: none */
    bool no_auth;                       /* callers count as this OS user */
    bool no_audit;                      /* keep no journal */
    bool is_stdio; /* the client is at the standard streams; else it comes over HTTP */
};

/* The state folder: the one given, or that of this user when given is NULL, written into path. It
 * is made. */
const char *one_server_state(const char *given, char path[STATE_FOLDER_BYTES]);

/* Serve until told to stop, or until the client at the standard streams ends. Returns an enum
 * command_exit; what is wrong was said on stderr. */
int one_server_run(const struct one_server *options);

#endif
