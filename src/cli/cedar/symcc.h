/* symcc.h: what `aegis cedar symcc` found out, for people and for programs. */
#ifndef AEGIS_CLI_CEDAR_SYMCC_H
#define AEGIS_CLI_CEDAR_SYMCC_H

#include "cedar/prove.h"
#include "cli/cedar/tool.h"

/* A question by its name on the command line, and what is claimed, as the official program puts it.
 */
struct property {
    const char *name, *claim;
    enum cedar_question question;
};

struct symcc_output {
    bool is_json;
    bool has_example; /* is to be shown */
    bool is_verbose;
};

/* To stdout. STATUS_LIMIT when the example is too long to print. */
NODISCARD enum status symcc_print(struct tool *tool, const struct property *property,
                                  const struct cedar_proof *proof,
                                  const struct symcc_output *output);

#endif
