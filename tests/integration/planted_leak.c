/* Preloaded into a gateway that is built to look for leaks: its worker loses some memory before it
 * starts. The newest piece may still be known to a register, so there are several. */
#include <stdlib.h>
#include <string.h>

#define PIECES 16
#define PIECE_BYTES 77

static void *volatile newest;

__attribute__((constructor)) static void plant(int argc, char **argv)
{
    for (int i = 0; i < PIECES && argc > 1 && strcmp(argv[1], "worker") == 0; i++) {
        newest = malloc(PIECE_BYTES);
    }
}
