/* Oracle: whatever a solver writes, nothing breaks, and a counterexample that is made of it is one:
 * its request fits the schema and its entities are in its store. The bytes are the answer to a
 * question about every type there is. */
#include "cedar/prove.h"
#include "support/fuzz.h"

#define ARENA_BYTES ((size_t)64 << 20)

static const char SCHEMA[] =
    "entity Kind enum [\"a\", \"b\"]; entity Group in [Group];"
    "entity User in [Group] { name: String, age?: Long, boss?: User, kind: Kind, home: ipaddr,"
    "  scores: Set<decimal>, many: Set<Set<Kind>>, born: datetime } tags Set<String>;"
    "action read appliesTo { principal: User, resource: Group,"
    "  context: { who: User, rest: duration, flag?: Bool, place: { city?: String, n: Long } } };";

static const char POLICY[] =
    "permit(principal in Group::\"g\", action, resource in Group::\"h\") when {"
    "  principal.name like \"a*b\" && principal has age && principal.age + context.place.n > 3 &&"
    "  principal has boss && principal.boss == context.who && principal.kind == Kind::\"b\" &&"
    "  principal.home.isInRange(ip(\"10.0.0.0/8\")) && principal.scores.contains(decimal(\"1.5\")) "
    "&&"
    "  principal.many.contains([Kind::\"a\"]) && principal.hasTag(principal.name) &&"
    "  principal.getTag(principal.name).contains(\"x\") && context has flag && context.flag &&"
    "  principal.born > datetime(\"2000-01-01\") && context.rest > duration(\"1h\") &&"
    "  context.place has city && context.place.city != \"q\" };";

static struct cedar_schema *schema;
static struct cedar_policy_set *policies;
static struct cedar_diagnostics diagnostics;

static void set_up(void)
{
    const struct cedar_schema_source source = {{SLICE("schema"), slice_view_cstr(SCHEMA)},
                                               CEDAR_FORM_TEXT};
    const struct cedar_source text = {SLICE("policy"), slice_view_cstr(POLICY)};
    if (schema == NULL) {
        fuzz_expect(cedar_schema_parse(&source, 1, &schema, &diagnostics, NULL) == STATUS_OK &&
                        cedar_policy_set_parse(&text, 1, false, &policies, &diagnostics) ==
                            STATUS_OK,
                    "schema and policy", text.text);
    }
}

static enum status answer_with(void *context, struct slice script, struct buf *answer,
                               struct diag *diag)
{
    (void)script;
    (void)diag;
    buf_append(answer, *(const struct slice *)context);
    return STATUS_OK;
}

static void check_example(const struct cedar_example *example, struct arena *arena,
                          struct slice text)
{
    fuzz_expect(cedar_request_validate(schema, &example->request, arena, NULL) == STATUS_OK,
                "the request fits the schema", text);
    for (size_t i = 0; i < example->count; i++) {
        struct cedar_entity_data data;
        fuzz_expect(
            example->entities.find(example->entities.context, &example->items[i].uid, &data),
            "the entity is in the store", text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {data, size};
    set_up();
    const struct cedar_solver solver = {&text, CEDAR_SOLVER_CVC5, 1000, answer_with};
    const struct cedar_proof_query query = {
        CEDAR_NEVER_MATCHES, {policies, NULL}, schema,
        SLICE("User"),       SLICE("Group"),   {SLICE("Action"), SLICE("read")}};
    struct cedar_proof proof;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    enum status status = cedar_prove(&query, &solver, &arena, &proof, NULL);
    fuzz_expect(status == STATUS_OK || status == STATUS_INVALID || status == STATUS_LIMIT,
                "a status of the reader's", text);
    fuzz_expect(status == STATUS_OK || proof.verdict == CEDAR_UNKNOWN_YET,
                "no verdict without success", text);
    if (proof.verdict == CEDAR_FAILS) {
        check_example(&proof.example, &arena, text);
    }
    arena_release(&arena);
    return 0;
}
