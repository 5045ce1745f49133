/* diag.h: why something failed, for the person who operates Aegis.
 *
 * A diag has fixed storage, so reporting never allocates and cannot fail. The code is stable and
 * documented, the message is for people: it escapes control characters and never holds a secret.
 */
#ifndef AEGIS_BASE_DIAG_H
#define AEGIS_BASE_DIAG_H

#include "base/slice.h"
#include "base/status.h"

#include <stdarg.h>

#define DIAG_MESSAGE_BYTES 320

struct diag {
    enum status status;
    const char *code;                 /* static, like "token.expired"; NULL when nothing failed */
    char message[DIAG_MESSAGE_BYTES]; /* NUL-terminated, printable, cut with "..." when longer */
    uint32_t line, column;            /* 1-based place in a source text; 0 when there is none */
    size_t offset;                    /* byte offset in the input, where line is 0 */
};

/* Nothing failed. The message is not cleared as a whole: it is large, and often nothing fails. */
static inline void diag_clear(struct diag *diag)
{
    diag->status = STATUS_OK;
    diag->code = NULL;
    diag->message[0] = '\0';
    diag->line = diag->column = 0;
    diag->offset = 0;
}

/* What failed, if anything did, is copied; from may be NULL: nothing. */
static inline void diag_copy(struct diag *to, const struct diag *from)
{
    if (from == NULL || from->code == NULL) {
        diag_clear(to);
    } else {
        *to = *from;
    }
}

/* Format into text of size bytes: NUL-terminated, cut with "..." when longer, control characters
 * replaced. */
void diag_vformat(char *text, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Fill diag (may be NULL) and return status, so that a failure is one return statement.
 * code must have static lifetime. */
COLD NODISCARD enum status diag_fail(struct diag *diag, enum status status, const char *code,
                                     const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
