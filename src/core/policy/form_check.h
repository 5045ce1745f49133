/* form_check.h: the forms that a server may have a client show, and what is filled in.
 *
 * A form is a flat object of plain fields (MCP 2025-11-25, elicitation). It must not ask for
 * secrets, which only names and texts give away: this finds what is said openly, in English, and
 * nothing else. Bounds of texts and lists are left to the server, which has to check them anyway.
 */
#ifndef AEGIS_CORE_POLICY_FORM_CHECK_H
#define AEGIS_CORE_POLICY_FORM_CHECK_H

#include "core/policy/schema_check.h"

#define FORM_CHECK_FIELDS_MAX 64

/* May the form be shown?
 *
 * schema   requestedSchema; its texts are read, so arena holds what has escapes
 * message  what the person reads above it
 * STATUS_INVALID with form.shape, or form.secret when a field that takes any text or number is
 * called a secret; STATUS_LIMIT when the arena is full. */
NODISCARD enum status form_check(struct json_place schema, struct slice message,
                                 struct arena *arena, struct diag *diag);

/* Does the content fit the form? Fields that it does not name are no matter: they are to be left
 * out. STATUS_INVALID with form.content. */
NODISCARD enum status form_check_content(struct json_place schema, struct json_place content,
                                         struct diag *diag);

#endif
