/* inputs.h: all that a gateway is made of, read and not yet judged.
 *
 * Whoever may read the files makes one: `aegis proxy` for itself, the supervisor of `aegis serve`
 * for its worker, which gets them through parcel.h. */
#ifndef AEGIS_DAEMON_INPUTS_H
#define AEGIS_DAEMON_INPUTS_H

#include "daemon/config/config.h"
#include "daemon/config/policy_files.h"

struct inputs {
    const struct config *config;
    struct policy_files policies;
    const char *audit_key_path; /* of the key of the journal's checkpoints; not in a worker */
    struct slice audit_public;  /* its public half; in a worker only */
    /* By server: the value of its credential field, prefix included; ptr NULL where it has none or
     * it cannot be read. */
    struct slice *secrets;
    struct slice *api_keys;        /* by issuer: the text of its list; empty where it has none */
    struct slice *authorities;     /* likewise of its authorities, as PEM */
    struct slice *sign_in_secrets; /* likewise by issuer: of its front door, */
    struct slice *inquiry_secrets; /* and of our client there that asks about tokens or groups */
    struct slice document_authorities; /* the text of client_documents.ca; empty without */
};

/* The secret of a credential, prefix included, in the arena. STATUS_NOT_FOUND when it cannot be
 * read. */
NODISCARD enum status inputs_secret(const struct config_credential *credential, struct arena *arena,
                                    struct slice *out);

/* Read the policies and the secrets for HTTP servers that a configuration names. STATUS_INVALID
 * when the report has problems, STATUS_LIMIT when the arena is full. */
NODISCARD enum status inputs_of_config(const struct config *config, struct arena *arena,
                                       struct inputs *out, struct config_report *report);

/* Read a configuration file and then the same. Files that only one server or issuer needs may be
 * missing: the report names them, and the rest can be served. */
NODISCARD enum status inputs_load(const char *path, struct arena *arena, struct inputs *out,
                                  struct config_report *report);

/* Can a running gateway take over the other configuration? Servers are bound to pools and children,
 * and the journal to its folder and to who signs for it, so others of them need a restart. */
bool inputs_fit(const struct config *running, const struct config *other);

#endif
