#include "base/diag.h"

#include <stdio.h>
#include <string.h>

/* Control characters could forge a second log line; bytes past ASCII stay, they are UTF-8. */
static void replace_control_characters(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7F) {
            *text = '?';
        }
    }
}

enum status diag_fail(struct diag *diag, enum status status, const char *code, const char *format,
                      ...)
{
    if (diag == NULL) {
        return status;
    }
    diag->status = status;
    diag->code = code;
    va_list args;
    va_start(args, format);
    int written = vsnprintf(diag->message, sizeof(diag->message), format, args);
    va_end(args);
    if (written >= (int)sizeof(diag->message)) {
        memcpy(diag->message + sizeof(diag->message) - 4, "...", 4);
    }
    replace_control_characters(diag->message);
    return status;
}
