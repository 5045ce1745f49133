/* format.h: the layout rules of the formatter; private to src/cedar/syntax.
 *
 * The rules walk a concrete tree and take the tokens of the source one by one in their order, each
 * with its comments. So none can be lost or change its place, whatever a rule does: the tree only
 * says which breaks, nests and groups stand between the tokens. Strings keep their escapes.
 */
#ifndef AEGIS_CEDAR_SYNTAX_FORMAT_H
#define AEGIS_CEDAR_SYNTAX_FORMAT_H

#include "cedar/syntax/comment.h"
#include "cedar/syntax/concrete.h"
#include "cedar/syntax/document.h"

struct formatter {
    struct comment_reader reader;
    struct document document; /* of the policy that is being formatted */
    int indent;
};

/* The leading comments of the next token, on lines of their own. */
void format_leading(struct formatter *formatter);

/* The next token with its comments. A trailing one ends the line; without it the gap follows. */
void format_token(struct formatter *formatter, enum piece_kind gap);

/* The tokens of a range, next to each other. */
void format_tokens(struct formatter *formatter, struct surface_range range);

/* Leave a comma out when it is next. */
void format_drop_comma(struct formatter *formatter);

void format_expression(struct formatter *formatter, const struct concrete *node);

void format_policy(struct formatter *formatter, const struct concrete_policy *policy);

/* Do both texts parse to the same policies, and have they the same comments in the same order?
 * STATUS_INTERNAL with a diagnostic about the source's place when not; STATUS_LIMIT. */
NODISCARD enum status format_compare(const struct cedar_policy_set *set,
                                     const struct cedar_source *source, struct slice formatted,
                                     struct cedar_diagnostics *diagnostics);

#endif
