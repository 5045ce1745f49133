/* Compiled for a request and a store that are known, a policy is what the reference evaluator says:
 * this judges the compiler without any solver. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/known_world.h"
#include "support/typed_case.h"

#define ARENA_BYTES ((size_t)512 << 20)
#define CHOICES_MAX 600
#define ROUNDS 1000
#define STRIDE_MORE 4 /* this test does more with each case than others */

struct progress {
    size_t compared, deciding;
};

static void check_world(const char *name, const struct cedar_schema *schema,
                        const struct cedar_policy_set *set, const struct cedar_request *request,
                        struct progress *progress)
{
    struct arena arena;
    struct known_world world;
    size_t compared = 0;
    arena_init(&arena, ARENA_BYTES, NULL);
    CHECK_ROW(name, known_world_open(&world, schema, request, &arena) == STATUS_OK);
    for (size_t i = 0; i < cedar_policy_count(set); i++) {
        bool is_compared = false;
        CHECK_ROW(name, known_world_agrees(&world, set, i, &is_compared));
        compared += is_compared ? 1 : 0;
    }
    progress->compared += compared;
    if (compared == cedar_policy_count(set) && compared > 0) {
        CHECK_ROW(name, known_world_decides(&world, set));
        progress->deciding++;
    }
    arena_release(&arena);
}

/* -- the official corpora ------------------------------------------------------------------ */

static void check_case(struct cedar_case *c, void *context)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    struct cedar_request request;
    bool is_good = c->policies != NULL && c->store != NULL;
    json_iter_init(&iter, &c->tape, json_member(&c->tape, 0, SLICE("requests")));
    while (is_good && json_iter_next(&iter, &key, &item)) {
        if (cedar_case_request(c, item, &request) &&
            cedar_request_validate(c->schema, &request, &c->arena, NULL) == STATUS_OK) {
            check_world(c->name, c->schema, c->policies, &request, context);
        }
    }
}

TEST(corpus_cedar_symbolic_known)
{
    struct progress progress = {0};
    size_t stride = cedar_case_stride() == 1 ? 1 : STRIDE_MORE * cedar_case_stride();
    if (cedar_case_each(stride, check_case, &progress) > 0) {
        CHECK(progress.compared > 1000 && progress.deciding > 1000);
    }
}

/* -- random policies ----------------------------------------------------------------------- */

TEST(cedar_symbolic_random_known)
{
    struct progress progress = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        uint8_t choices[CHOICES_MAX];
        struct typed_case c;
        for (size_t k = 0; k < sizeof(choices); k++) {
            choices[k] = (uint8_t)(check_random() >> 40);
        }
        struct typed_bytes bytes = {choices, choices + sizeof(choices)};
        if (typed_case_open(&c, &bytes)) {
            typed_case_ask(&c, &bytes);
            check_world("random", typed_case_schema(), c.set, &c.request, &progress);
        }
        typed_case_close(&c);
    }
    CHECK(progress.compared > 500 && progress.deciding > 100);
}
