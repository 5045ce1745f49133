/* lines.h: lines of text out of a byte stream, in any split; private to transport.
 *
 * A line ends in LF or CR LF. What lies whole in the input is handed on without a copy.
 */
#ifndef AEGIS_ADAPTERS_TRANSPORT_LINES_H
#define AEGIS_ADAPTERS_TRANSPORT_LINES_H

#include "base/buf.h"

#define LINES_PASSED_OVER_MAX 16 /* times the most of a line, of one that is longer */

struct lines {
    struct buf begun;   /* a line that has not ended */
    size_t bytes_max;   /* of one line */
    size_t passed_over; /* of the line that was too long */
    bool is_taken;      /* begun was handed out */
    bool is_passing;    /* a line was too long and has not ended */
};

enum lines_result {
    LINES_NEED_MORE,
    LINES_LINE,
    LINES_OVERFLOW, /* a line is too long, or there is no memory for it; the rest is passed over */
    LINES_ENDLESS,  /* it is so long that it will never end; again with each call */
};

/* account is borrowed, may be NULL. */
void lines_init(struct lines *lines, size_t bytes_max, struct account *account);

/* Give back what is held; lines may be used on. */
void lines_release(struct lines *lines);

/* The next line without its end; the bytes it took are cut off *input. *line is valid until the
 * next call and as long as the input. */
enum lines_result lines_next(struct lines *lines, struct slice *input, struct slice *line);

/* Bytes of a line that has not ended. */
size_t lines_begun(const struct lines *lines);

#endif
