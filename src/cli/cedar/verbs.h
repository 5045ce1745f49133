/* verbs.h: the verbs of `aegis cedar`, one struct command each (command.h); their names begin with
 * "cedar ", so that messages and usage name the whole command line. */
#ifndef AEGIS_CLI_CEDAR_VERBS_H
#define AEGIS_CLI_CEDAR_VERBS_H

#include "cli/command.h"

extern const struct command verb_authorize;
extern const struct command verb_check_parse;
extern const struct command verb_evaluate;
extern const struct command verb_format;
extern const struct command verb_language_version;
extern const struct command verb_link;
extern const struct command verb_partially_authorize;
extern const struct command verb_run_tests;
extern const struct command verb_symcc;
extern const struct command verb_tpe;
extern const struct command verb_translate_policy;
extern const struct command verb_translate_schema;
extern const struct command verb_validate;

#endif
