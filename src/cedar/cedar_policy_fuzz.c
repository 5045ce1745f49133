/* Oracle: no text crashes the parser, a refusal always has a diagnostic inside the text, and what
 * is accepted can be decided in every order of effects without failing, as the reference does. */
#include "cedar/cedar.h"

#include "cedar/eval/reference.h"

#include <stdlib.h>

#define FUZZ_ARENA_BYTES ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool no_entity(const void *context, const struct cedar_uid *uid,
                      struct cedar_entity_data *out)
{
    (void)context;
    (void)uid;
    (void)out;
    return false;
}

static void decide(const struct cedar_policy_set *set)
{
    static const struct cedar_entities NO_ENTITIES = {.find = no_entity};
    static const struct cedar_list EMPTY = {NULL, 0};
    static const struct cedar_options STRICT = {.erroring_forbid_denies = true};
    struct cedar_request request = {.principal = {SLICE("User"), SLICE("a")},
                                    .action = {SLICE("Action"), SLICE("b")},
                                    .resource = {SLICE("File"), SLICE("c")},
                                    .context = cedar_record(&EMPTY),
                                    .entities = &NO_ENTITIES};
    struct cedar_response lenient;
    struct cedar_response strict;
    struct arena arena;
    struct arena other;
    arena_init(&arena, FUZZ_ARENA_BYTES, NULL);
    arena_init(&other, FUZZ_ARENA_BYTES, NULL);
    enum status first = cedar_authorize(set, &request, NULL, &arena, &lenient);
    enum status second = cedar_authorize(set, &request, &STRICT, &arena, &strict);
    struct cedar_response reference;
    if (first == STATUS_OK &&
        reference_authorize(set, &request, NULL, &other, &reference) == STATUS_OK &&
        (lenient.decision != reference.decision || lenient.reason_count != reference.reason_count ||
         lenient.error_count != reference.error_count)) {
        abort(); /* the compiled policies mean what the parsed ones do */
    }
    bool both = first == STATUS_OK && second == STATUS_OK;
    if (both && strict.decision == CEDAR_ALLOW && lenient.decision == CEDAR_DENY) {
        abort(); /* the stricter rule may only take away */
    }
    enum cedar_answer answer = CEDAR_NEVER;
    if (both && strict.decision == CEDAR_ALLOW &&
        cedar_may_allow(set, &request, &STRICT, &arena, &answer) == STATUS_OK &&
        answer == CEDAR_NEVER) {
        abort(); /* callable implies listed */
    }
    arena_release(&other);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cedar_diagnostics diagnostics;
    struct cedar_source source = {SLICE("fuzz"), slice_of(data, size)};
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse(&source, 1, true, &set, &diagnostics);
    if (status == STATUS_INVALID && diagnostics.count == 0) {
        abort();
    }
    for (size_t i = 0; i < diagnostics.count; i++) {
        if (diagnostics.items[i].from > size) {
            abort();
        }
    }
    if (status == STATUS_OK) {
        decide(set);
        cedar_policy_set_free(set);
    }
    return 0;
}
