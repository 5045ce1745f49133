/* assembly.h: a configuration as the snapshot the gateway decides by.
 *
 * Reads policies, keys and secrets; what it finds wrong goes to the report of the configuration, so
 * that a person sees all problems in one place. */
#ifndef AEGIS_DAEMON_ASSEMBLY_H
#define AEGIS_DAEMON_ASSEMBLY_H

#include "core/gateway/snapshot.h"
#include "daemon/inputs.h"
#include "daemon/key_sets.h"
#include "daemon/revocation_file.h"

struct assembly {
    const struct inputs *inputs;
    const struct port_crypto *crypto;
    const struct json_parser *parser;
    bool no_auth; /* every caller is this OS user */
    bool is_proxy;
    uint16_t port;                             /* the listener is bound to */
    uint64_t generation;                       /* of the keys; new for every snapshot */
    const struct key_sets *keys;               /* have adopted the configuration */
    const struct revocation_file *revocations; /* NULL: nobody is shut out */
    const struct sealing_keys *sealing;        /* NULL: nothing is sealed */
};

/* Build a snapshot with one reference. Issuers that have no keys yet refuse their tokens
 * with 503.
 *
 * STATUS_INVALID when the report has problems, STATUS_LIMIT without memory. */
NODISCARD enum status assembly_build(const struct assembly *assembly, struct arena *arena,
                                     struct gateway_snapshot **out, struct config_report *report);

/* The snapshot that is in force, with the keys of now. arena takes what the report says. */
NODISCARD enum status assembly_renew_keys(const struct assembly *assembly,
                                          struct gateway_snapshot *current, struct arena *arena,
                                          struct gateway_snapshot **out);

/* The snapshot that is in force, with the revocations and the sealing keys of now. */
NODISCARD enum status assembly_renew_revocations(const struct assembly *assembly,
                                                 struct gateway_snapshot *current,
                                                 struct gateway_snapshot **out);

#endif
