/* form.h: parameters as browsers and OAuth clients send them, application/x-www-form-urlencoded.
 *
 * One reading for queries and bodies. RFC 6749 §3.1: a parameter that appears twice could mean one
 * thing here and another behind us, so it is refused; one without a value is as good as none.
 */
#ifndef AEGIS_CORE_SIGN_IN_FORM_H
#define AEGIS_CORE_SIGN_IN_FORM_H

#include "base/buf.h"
#include "base/diag.h"

#define FORM_BYTES_MAX 16384
#define FORM_FIELDS_MAX 32

struct form_field {
    struct slice name, value;
};

struct form {
    struct form_field fields[FORM_FIELDS_MAX];
    size_t count;
};

/* Read a whole text; values live in the arena.
 *
 * STATUS_INVALID with sign_in.form (a bad escape, no UTF-8, a control character, too much of it) or
 * sign_in.repeated; STATUS_LIMIT sign_in.memory. */
NODISCARD enum status form_read(struct slice text, struct arena *arena, struct form *out,
                                struct diag *diag);

/* Empty when there is none of that name. */
struct slice form_value(const struct form *form, struct slice name);

/* Append a text as it stands in a form. */
void form_append_escaped(struct buf *out, struct slice text);

/* Append "name=value", with '&' before it unless out is empty or ends in '?'. */
void form_append(struct buf *out, struct slice name, struct slice value);

/* Append the value of an Authorization field by which a client shows its secret: both are escaped
 * as in a form before they are joined (RFC 6749 §2.3.1). out holds the secret then. */
void form_append_basic(struct buf *out, struct slice id, struct slice secret);

#endif
