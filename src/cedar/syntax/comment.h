/* comment.h: tokens with the comments that belong to them; private to src/cedar/syntax.
 *
 * What stands on the line of a token's end belongs to that token, as its trailing comment;
 * everything else to the token behind it, as its leading comments.
 */
#ifndef AEGIS_CEDAR_SYNTAX_COMMENT_H
#define AEGIS_CEDAR_SYNTAX_COMMENT_H

#include "cedar/syntax/lexer.h"

struct commented_token {
    struct token token;
    struct surface_range leading; /* where its leading comments are */
    struct slice trailing;        /* empty when there is none */
};

struct comment_reader {
    struct lexer lexer;
    struct commented_token next; /* without its trailing comment */
};

/* The source has passed lexer_check; it is borrowed. */
void comment_reader_init(struct comment_reader *reader, struct slice source);

/* The next token. With TOKEN_END come the comments behind all tokens, as leading ones. */
struct commented_token comment_reader_take(struct comment_reader *reader);

/* Leave the next token out: its comments become leading ones of the token behind it. */
void comment_reader_drop(struct comment_reader *reader);

/* The first comment of the range, without white space at its end; the range then begins behind it.
 * False when there is none. */
bool comment_next(struct slice source, struct surface_range *range, struct slice *comment);

#endif
