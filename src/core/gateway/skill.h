/* skill.h: the entry of a skill: one folder of files, and what a model is told of it beforehand.
 *
 * An entry is shown as the server wrote it or not at all: whoever gets it compares the files with
 * its digests, so nothing in it can be left out. Knows what entries say about addresses, and
 * nothing of frontmatter but the name. Source: SEP-2640 (io.modelcontextprotocol/skills).
 */
#ifndef AEGIS_CORE_GATEWAY_SKILL_H
#define AEGIS_CORE_GATEWAY_SKILL_H

#include "base/arena.h"
#include "base/diag.h"
#include "core/policy/schema_check.h"

#define SKILL_FILES_MAX 512 /* SEP-2640, limits */

/* Who may have it. Zero: nobody. */
struct skill_rules {
    /* May the address, in its normal form, be read? */
    bool (*may_read)(void *context, struct slice uri);
    void *context;
};

struct skill {
    struct slice uri;      /* of its SKILL.md, in normal form */
    size_t file_count;     /* that it names and that were looked at; 0: made as they are read */
    bool is_readable;      /* all of it */
    struct slice withheld; /* a file that is not, in normal form; else empty */
};

/* The folder of a skill's SKILL.md, with the slash at its end; empty: the address is none of a
 * skill. uri is in normal form, the result borrowed from it. */
struct slice skill_folder(struct slice uri);

/* Is an address in the folder of a skill, or that folder itself? Both in normal form. */
bool skill_has(struct slice skill, struct slice uri);

/* Read an entry: its files lie in its folder, the folder has the name that the model is told, and
 * there are up to SKILL_FILES_MAX of them.
 *
 * arena  addresses live there, each of them for as long as it
 * STATUS_INVALID with code skill.entry; STATUS_LIMIT: no memory. */
NODISCARD enum status skill_read(struct json_place entry, const struct skill_rules *rules,
                                 struct arena *arena, struct skill *out, struct diag *diag);

#endif
