#include "adapters/transport/media_type.h"

static struct slice unquote(struct slice text)
{
    bool is_quoted = text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"';
    return is_quoted ? slice_sub(text, 1, text.len - 1) : text;
}

/* RFC 9110 §8.3.1: name=value, names and this value without regard to case. */
static bool is_fine_parameter(struct slice parameter)
{
    size_t at = slice_find_byte(parameter, '=');
    struct slice name = slice_sub(parameter, 0, at);
    struct slice value = slice_sub(parameter, at + 1, parameter.len);
    return !slice_eq_ascii_nocase(name, SLICE("charset")) ||
           slice_eq_ascii_nocase(unquote(value), SLICE("utf-8"));
}

bool media_type_is(struct slice value, struct slice type)
{
    size_t end = slice_find_byte(value, ';');
    if (!slice_eq_ascii_nocase(slice_trim_ows(slice_sub(value, 0, end)), type)) {
        return false;
    }
    while (end < value.len) {
        value = slice_sub(value, end + 1, value.len);
        end = slice_find_byte(value, ';');
        if (!is_fine_parameter(slice_trim_ows(slice_sub(value, 0, end)))) {
            return false;
        }
    }
    return true;
}
