#include "json/resemble.h"

#include "json/scan.h"

/* The long s and the Kelvin sign, whose first byte was just read: the ASCII letter they fold to, or
 * 0 and nothing more is read. */
static int fold_beyond_ascii(struct scan_text *scan, int first)
{
    struct scan_text ahead = *scan;
    int letter = 0;
    if (first == 0xC5 && scan_text_next(&ahead) == 0xBF) {
        letter = 's';
    } else if (first == 0xE2 && scan_text_next(&ahead) == 0x84 && scan_text_next(&ahead) == 0xAA) {
        letter = 'k';
    }
    *scan = letter != 0 ? ahead : *scan;
    return letter;
}

static int next_folded(struct scan_text *scan)
{
    int byte = scan_text_next(scan);
    while ((byte >= 0 && byte < 0x20) || byte == 0x7F) {
        byte = scan_text_next(scan);
    }
    if (byte >= 'A' && byte <= 'Z') {
        return byte + ('a' - 'A');
    }
    int letter = fold_beyond_ascii(scan, byte);
    return letter != 0 ? letter : byte;
}

static bool resembles(struct slice a, struct slice b)
{
    struct scan_text left;
    struct scan_text right;
    scan_text_init(&left, a);
    scan_text_init(&right, b);
    int byte = 0;
    do {
        byte = next_folded(&left);
        if (byte != next_folded(&right)) {
            return false;
        }
    } while (byte >= 0);
    return true;
}

/* A character of its own, whatever follows. */
static bool stands_for_itself(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7F && byte != '\\';
}

/* As most pairs of names do, by more than the bit that tells the cases of a letter apart, before
 * anything in them asks for a closer look. */
static bool differ_plainly(struct slice a, struct slice b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        if (!stands_for_itself(a.ptr[i]) || !stands_for_itself(b.ptr[i])) {
            return false;
        }
        if (((a.ptr[i] ^ b.ptr[i]) & ~0x20) != 0) {
            return true;
        }
    }
    return false;
}

/* Of a string, escapes untouched. */
static struct slice content_of(const struct json_tape *tape, json_ref ref)
{
    struct slice raw = json_raw(tape, ref);
    return slice_of(raw.ptr + 1, raw.len - 2);
}

static bool contents_resemble(struct slice a, struct slice b)
{
    return !differ_plainly(a, b) && resembles(a, b);
}

bool json_string_resembles(const struct json_tape *a, json_ref a_ref, const struct json_tape *b,
                           json_ref b_ref)
{
    return json_type(a, a_ref) == JSON_STRING && json_type(b, b_ref) == JSON_STRING &&
           contents_resemble(content_of(a, a_ref), content_of(b, b_ref));
}

bool json_string_resembles_name(const struct json_tape *tape, json_ref ref, struct slice name)
{
    return json_type(tape, ref) == JSON_STRING && contents_resemble(content_of(tape, ref), name);
}
