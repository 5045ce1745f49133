/* policy_files.h: the Cedar files that a configuration names, as texts for the parser.
 *
 * A path is a file, or a folder that is searched for *.cedar, in the order of names, so that the
 * same folder gives the same set everywhere. Hidden entries and symbolic links to folders are left
 * out. Counts, depth and sizes are bounded.
 */
#ifndef AEGIS_DAEMON_CONFIG_POLICY_FILES_H
#define AEGIS_DAEMON_CONFIG_POLICY_FILES_H

#include "cedar/cedar.h"
#include "daemon/config/config_report.h"

#define POLICY_FILES_MAX 1024
#define POLICY_FILES_DEPTH_MAX 8
#define POLICY_FILE_BYTES_MAX (4 * 1024 * 1024)

struct policy_files {
    struct cedar_source *sources; /* in the arena */
    size_t count;
};

/* Read all files below the paths; each path is followed by a NUL (config.h).
 *
 * STATUS_OK, STATUS_INVALID with problems in the report (policy.file_unreadable,
 * policy.file_too_large, policy.too_many_files, policy.empty_folder), or STATUS_LIMIT when the
 * arena is full.
 */
NODISCARD enum status policy_files_read(const struct slice *paths, size_t path_count,
                                        struct arena *arena, struct policy_files *out,
                                        struct config_report *report);

/* Parse the texts into a set with @id as ids; a parser's findings go to the report as
 * policy.invalid. The caller frees *out, which is set on STATUS_OK only. */
NODISCARD enum status policy_files_parse(const struct policy_files *files, struct arena *arena,
                                         struct cedar_policy_set **out,
                                         struct config_report *report);

#endif
