/* sign_in_path.h: the addresses of the front door.
 *
 * One spelling each. Whether there is an issuer's entry of that name is for the snapshot to say. */
#ifndef AEGIS_CORE_GATEWAY_SIGN_IN_PATH_H
#define AEGIS_CORE_GATEWAY_SIGN_IN_PATH_H

#include "base/slice.h"
#include "core/sign_in/server_metadata.h"

enum sign_in_step {
    SIGN_IN_STEP_METADATA, /* RFC 8414, and where clients look for OpenID Connect */
    SIGN_IN_STEP_AUTHORIZE,
    SIGN_IN_STEP_CONSENT,
    SIGN_IN_STEP_CALLBACK,
    SIGN_IN_STEP_TOKEN,
    SIGN_IN_STEP_REGISTER,
};

/* Views into the target. */
struct sign_in_path {
    enum sign_in_step step;
    struct slice name;  /* of the issuer's entry: letters, digits, '_' and '-' */
    struct slice query; /* of AUTHORIZE and CALLBACK; the others have none */
};

/* Is target one of these addresses? */
bool sign_in_path_parse(struct slice target, struct sign_in_path *out);

#endif
