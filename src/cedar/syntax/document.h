/* document.h: a text whose line breaks are still to be chosen; private to src/cedar/syntax.
 *
 * A document is a run of pieces in the order of the output, with brackets for nests and groups, so
 * that neither making nor printing one recurses. A group is flat when it fits on the rest of the
 * line together with what follows it up to the next line break; else its own line breaks are taken
 * and the groups in it are looked at one by one. The layout is that of Wadler, "A prettier
 * printer", in the reading of the official formatter.
 */
#ifndef AEGIS_CEDAR_SYNTAX_DOCUMENT_H
#define AEGIS_CEDAR_SYNTAX_DOCUMENT_H

#include "base/buf.h"
#include "cedar/eval/growing.h"

enum piece_kind {
    PIECE_NOTHING,
    PIECE_SPACE,
    PIECE_LINE,      /* a space in a flat group, else a line break */
    PIECE_SOFT_LINE, /* nothing in a flat group, else a line break */
    PIECE_HARD_LINE, /* a line break; its group is never flat */
    PIECE_TEXT,
    PIECE_NEST,
    PIECE_GROUP,
    PIECE_GROUP_END,
};

/* Zero but for the arena is an empty document. */
struct document {
    struct arena *arena;
    struct growing pieces;
    bool failed; /* latched without memory */
};

/* Any piece that is neither text nor nest. */
void document_add(struct document *document, enum piece_kind kind);

/* The text is borrowed; valid UTF-8. */
void document_text(struct document *document, struct slice text);

/* Lines that begin behind this are indented by so many columns more, or less when it is negative:
 * every nest is closed again. */
void document_nest(struct document *document, int columns);

/* Append the document with lines of at most width columns, where its breaks allow that. No line is
 * empty, a break behind a string and a space is none, and the whole neither begins nor ends with
 * white space. STATUS_LIMIT when out is full or the document has failed. */
NODISCARD enum status document_print(const struct document *document, size_t width,
                                     struct buf *out);

#endif
