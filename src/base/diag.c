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

void diag_vformat(char *text, size_t size, const char *format, va_list args)
{
    int written = vsnprintf(text, size, format, args);
    if (written >= (int)size) {
        memcpy(text + size - 4, "...", 4);
    }
    replace_control_characters(text);
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
    diag_vformat(diag->message, sizeof(diag->message), format, args);
    va_end(args);
    return status;
}
