/* form_write.h: surface trees to the official JSON form of policies; private to src/cedar.
 *
 * Objects without an order of their own, annotations and records, are written in the order of their
 * names.
 */
#ifndef AEGIS_CEDAR_SYNTAX_FORM_WRITE_H
#define AEGIS_CEDAR_SYNTAX_FORM_WRITE_H

#include "cedar/syntax/surface.h"

/* scratch holds what sorting needs. STATUS_LIMIT without room. */
NODISCARD enum status form_write_policy(struct buf *out, const struct policy *policy,
                                        struct arena *scratch);
NODISCARD enum status form_write_expression(struct buf *out, const struct surface_node *node,
                                            struct arena *scratch);

/* {"type":...,"id":...} */
void form_write_uid(struct buf *out, const struct cedar_uid *uid);

#endif
