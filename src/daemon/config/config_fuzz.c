/* Any text: must not crash, and must either give a configuration or at least one problem. */
#include "daemon/config/config.h"

#include <assert.h>

#define ARENA_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct config *config;
    struct config_report report = {0};
    struct config_source source = {
        .file = SLICE("fuzz.yaml"),
        .folder = SLICE("/nowhere"),
        .text = slice_of(data, size),
        .skips_files = true,
    };
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = config_load_text(&source, &arena, &config, &report);
    assert((status == STATUS_OK) == (config != NULL));
    assert(status != STATUS_INVALID || report.count > 0);
    assert(status != STATUS_OK || report.count == 0);
    arena_release(&arena);
    return 0;
}
