/* question_shape.h: do a server's question and a client's answer keep to the protocol?
 *
 * Looks at shapes alone, before a policy is asked; private to question.c and input_*.c. */
#ifndef AEGIS_CORE_GATEWAY_QUESTION_SHAPE_H
#define AEGIS_CORE_GATEWAY_QUESTION_SHAPE_H

#include "core/gateway/question.h"
#include "core/mcp/resource_uri.h"

/* The member of an object; ref JSON_NONE when there is none, or no object. */
struct json_place question_member(struct json_place object, struct slice name);

/* Has the object a member of that name, a string on any tape? */
bool question_has_name(struct json_place object, struct json_place name);

/* Does the method define that parameter? mode: of an elicitation. */
bool question_knows_member(const struct mcp_method *method, struct slice mode,
                           struct json_place name);

/* STATUS_INVALID with question.params, question.url, resource.uri, form.shape or form.secret;
 * STATUS_LIMIT. */
NODISCARD enum status question_check_params(const struct question *question, struct arena *arena,
                                            struct diag *diag);

/* STATUS_INVALID with question.answer or form.content. */
NODISCARD enum status question_check_answer(const struct question *question,
                                            struct json_place result, struct diag *diag);

#endif
