/* Oracle: an address is refused with a reason or has a normal form that reads as itself, of plain
 * characters and without dot segments; a template search never costs more than its budget. The
 * first line is the address, the rest a template. */
#include "core/mcp/resource_uri.h"
#include "core/mcp/uri_template.h"

#include <stdlib.h>

#define FUZZ_ARENA_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool has_dots(struct slice path)
{
    for (size_t from = 0; from < path.len; from++) {
        struct slice rest = slice_sub(path, from, path.len);
        struct slice segment = slice_sub(rest, 0, slice_find_byte(rest, '/'));
        if (slice_eq(segment, SLICE(".")) || slice_eq(segment, SLICE(".."))) {
            return true;
        }
        from += segment.len;
    }
    return false;
}

static void check(struct slice text, struct slice uri_template, struct arena *arena)
{
    struct resource_uri uri;
    struct resource_uri again;
    struct uri_search search;
    struct diag diag = {0};
    if (resource_uri_read(text, arena, &uri, &diag) != STATUS_OK) {
        require(diag.code != NULL);
        return;
    }
    require(resource_uri_read(uri.text, arena, &again, NULL) == STATUS_OK);
    require(slice_eq(uri.text, again.text) && slice_eq(uri.path, again.path));
    require(slice_is_utf8(uri.path) && !has_dots(uri.path));
    for (size_t i = 0; i < uri.text.len; i++) {
        require(uri.text.ptr[i] > 0x20 && uri.text.ptr[i] < 0x7F && uri.text.ptr[i] != '\\');
    }
    require(uri_search_init(&search, uri.text, arena) == STATUS_OK);
    (void)uri_template_matches(&search, uri_template);
    require(search.steps_left <= URI_TEMPLATE_STEPS_MAX);
    require(uri_template_matches(&search, SLICE("{+any}")) || search.steps_left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    size_t line = slice_find_byte(input, '\n');
    struct arena arena;
    arena_init(&arena, FUZZ_ARENA_BYTES, NULL);
    check(slice_sub(input, 0, line), slice_sub(input, line + 1, input.len), &arena);
    arena_release(&arena);
    return 0;
}
