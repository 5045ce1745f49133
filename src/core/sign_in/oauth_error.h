/* oauth_error.h: what the outside hears of a refusal in the front door.
 *
 * Inside, a refusal has a code of ours that names the rule; outside, one of OAuth's few, which
 * clients know (RFC 6749 §4.1.2.1, §5.2; RFC 7591 §3.2.2; RFC 8707 §2), and a neutral sentence.
 */
#ifndef AEGIS_CORE_SIGN_IN_OAUTH_ERROR_H
#define AEGIS_CORE_SIGN_IN_OAUTH_ERROR_H

#include "base/buf.h"

struct oauth_error {
    struct slice name; /* "invalid_grant" */
    struct slice text; /* for people */
    int http_status;   /* where it is not sent on by a redirect */
};

/* By the code of a diag; "server_error" for one that is not of the front door. Never NULL. */
const struct oauth_error *oauth_error_find(const char *code);

/* Append it as a JSON object. */
void oauth_error_write(struct buf *out, const struct oauth_error *error);

#endif
