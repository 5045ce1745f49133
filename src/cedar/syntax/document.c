#include "cedar/syntax/document.h"

#include "cedar/syntax/text_width.h"

struct piece {
    enum piece_kind kind;
    int columns; /* of a nest */
    size_t width;
    struct slice text;
};

static struct piece *add(struct document *document)
{
    struct piece *piece =
        document->failed ? NULL : growing_add(&document->pieces, document->arena, sizeof(*piece));
    document->failed = piece == NULL;
    return piece;
}

void document_add(struct document *document, enum piece_kind kind)
{
    struct piece *piece = add(document);
    if (piece != NULL) {
        *piece = (struct piece){.kind = kind, .width = kind == PIECE_SPACE ? 1 : 0};
    }
}

void document_text(struct document *document, struct slice text)
{
    struct piece *piece = add(document);
    if (piece != NULL) {
        *piece = (struct piece){.kind = PIECE_TEXT, .width = text_width(text), .text = text};
    }
}

void document_nest(struct document *document, int columns)
{
    struct piece *piece = add(document);
    if (piece != NULL) {
        *piece = (struct piece){.kind = PIECE_NEST, .columns = columns};
    }
}

/* -- printing ------------------------------------------------------------------------------ */

struct printer {
    const struct piece *pieces;
    size_t count, width;
    struct buf *out;
    size_t indent;     /* of a line that begins here */
    size_t column;     /* of the line so far */
    size_t blanks;     /* spaces at its end, written when text follows */
    size_t trailing;   /* spaces at the end of the line before */
    size_t flat;       /* groups open from the outermost flat one */
    bool has_text;     /* the line so far is not blank */
    bool is_broken;    /* a line break to be written when text follows */
    bool is_unsettled; /* the line has no indent yet */
    bool is_behind_string;
};

/* Does the group at index fit on the line? Groups behind it may break where they like. */
static bool fits(const struct printer *printer, size_t index)
{
    size_t column = printer->column;
    size_t depth = 0; /* groups open from this one; 0: behind it */
    for (size_t i = index; i < printer->count; i++) {
        const struct piece *piece = &printer->pieces[i];
        bool is_inside = depth > 0;
        switch (piece->kind) {
        case PIECE_HARD_LINE:
            return !is_inside;
        case PIECE_LINE:
        case PIECE_SOFT_LINE:
            if (!is_inside) {
                return true;
            }
            column += piece->kind == PIECE_LINE ? 1 : 0;
            break;
        case PIECE_SPACE:
        case PIECE_TEXT:
            column += piece->width;
            break;
        case PIECE_GROUP:
            depth += i == index || is_inside ? 1 : 0;
            break;
        case PIECE_GROUP_END:
            depth -= is_inside ? 1 : 0;
            break;
        case PIECE_NOTHING:
        case PIECE_NEST:
            break;
        }
        if (column > printer->width) {
            return false;
        }
    }
    return true;
}

/* The indent of a line is that of the first piece on it, not that of the break before. */
static void settle(struct printer *printer)
{
    if (printer->is_unsettled) {
        printer->column = printer->indent;
        printer->blanks = printer->indent;
        printer->is_unsettled = false;
    }
}

static void put_space(struct printer *printer)
{
    settle(printer);
    printer->blanks++;
    printer->column++;
}

static void write_spaces(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(out, ' ');
    }
}

static void put_text(struct printer *printer, const struct piece *piece)
{
    settle(printer);
    /* The official formatter drops lines that look empty, and so what is left of one behind a
     * string: a break behind a string and a space is none. */
    if (printer->is_broken && (printer->trailing == 0 || !printer->is_behind_string)) {
        write_spaces(printer->out, printer->trailing);
        buf_append_byte(printer->out, '\n');
    }
    write_spaces(printer->out, printer->blanks);
    printer->blanks = 0;
    buf_append(printer->out, piece->text);
    printer->column += piece->width;
    printer->is_broken = false;
    printer->has_text = true;
    printer->is_behind_string = slice_starts_with(piece->text, SLICE("\""));
}

static void break_line(struct printer *printer)
{
    if (printer->has_text) {
        printer->is_broken = true;
        printer->trailing = printer->blanks;
    }
    printer->has_text = false;
    printer->is_unsettled = true;
}

static void put_line(struct printer *printer, enum piece_kind kind)
{
    if (printer->flat == 0) {
        break_line(printer);
    } else if (kind == PIECE_LINE) {
        put_space(printer);
    }
}

static void open_group(struct printer *printer, size_t index)
{
    settle(printer);
    if (printer->flat > 0 || fits(printer, index)) {
        printer->flat++;
    }
}

static void nest(struct printer *printer, int columns)
{
    if (columns > 0) {
        settle(printer);
        printer->indent += (size_t)columns;
    } else {
        printer->indent -= (size_t)-columns;
    }
}

static void put_piece(struct printer *printer, size_t index)
{
    const struct piece *piece = &printer->pieces[index];
    switch (piece->kind) {
    case PIECE_NOTHING:
        return;
    case PIECE_SPACE:
        put_space(printer);
        return;
    case PIECE_LINE:
    case PIECE_SOFT_LINE:
        put_line(printer, piece->kind);
        return;
    case PIECE_HARD_LINE:
        break_line(printer);
        return;
    case PIECE_TEXT:
        put_text(printer, piece);
        return;
    case PIECE_NEST:
        nest(printer, piece->columns);
        return;
    case PIECE_GROUP:
        open_group(printer, index);
        return;
    case PIECE_GROUP_END:
        printer->flat -= printer->flat > 0 ? 1 : 0;
        return;
    }
}

enum status document_print(const struct document *document, size_t width, struct buf *out)
{
    struct printer printer = {.pieces = document->pieces.items,
                              .count = document->pieces.count,
                              .width = width,
                              .out = out};
    if (document->failed) {
        return STATUS_LIMIT;
    }
    for (size_t i = 0; i < printer.count; i++) {
        put_piece(&printer, i);
    }
    return buf_status(out);
}
