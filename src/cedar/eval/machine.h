/* machine.h: runs the code of conditions for one request; private to src/cedar.
 *
 * Neither recursion nor, after the first use of the arena, allocation: but for sets and records
 * that a condition makes of unknown parts. What an attribute path leads to is found out at most
 * once.
 */
#ifndef AEGIS_CEDAR_EVAL_MACHINE_H
#define AEGIS_CEDAR_EVAL_MACHINE_H

#include "cedar/eval/program.h"

/* What a path leads to. */
struct slot {
    enum found found;
    const struct known *known; /* the value, or what FOUND_NO_ENTITY is about; not of a failure */
    union {
        struct known own;                /* of what was not prepared */
        struct cedar_policy_error error; /* FOUND_FAILURE */
    } as;
};

struct machine {
    const struct program *program;
    struct evaluation evaluation;
    struct slot *slots; /* one per path */
    uint64_t filled[PATHS_MAX / 64];
    struct cedar_value stack[MACHINE_STACK_MAX];
};

/* Look up what is not prepared. Everything is borrowed. STATUS_LIMIT without memory. */
NODISCARD enum status machine_init(struct machine *m, const struct cedar_policy_set *set,
                                   const struct cedar_request *request, struct arena *arena);

/* What the path leads to. */
const struct slot *machine_find(struct machine *m, uint32_t path);

/* The symbol of a found value; SYMBOL_NONE when no policy names it. */
uint32_t machine_symbol(struct machine *m, uint32_t path);

#define SCOPES_ALL ((1U << VARIABLE_COUNT) - 1)

/* scopes: bits of enum variable; the scopes to look at. */
bool machine_scopes_match(const struct machine *m, const struct compiled_policy *policy,
                          uint32_t scopes);

/* Evaluate the condition that begins at code, or is CODE_NONE; after OUTCOME_ERROR the reason is in
 * m->evaluation. */
enum outcome machine_run(struct machine *m, uint32_t code);

#endif
