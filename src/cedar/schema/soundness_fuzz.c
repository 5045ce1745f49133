/* Oracle: a policy that strict validation accepts never meets a value of the wrong type, nor an
 * attribute or a tag that is missing, whatever entities and request of the schema's shape it is
 * evaluated for; permissive validation accepts it too; and the compiled policies answer as the
 * parsed ones do. The bytes choose the policies, the entities and the request. */
#include "cedar/eval/reference.h"
#include "support/fuzz.h"
#include "support/typed_case.h"

static struct cedar_diagnostics diagnostics, warnings;

/* Validation promises nothing about these. */
static bool is_allowed(enum cedar_error_kind kind)
{
    return kind == CEDAR_ERROR_OVERFLOW || kind == CEDAR_ERROR_ENTITY ||
           kind == CEDAR_ERROR_EXTENSION || kind == CEDAR_ERROR_STEPS;
}

static void check_answers(struct typed_case *c)
{
    struct slice policies = buf_view(&c->policies);
    struct cedar_response fast;
    struct cedar_response slow;
    if (cedar_authorize(c->set, &c->request, NULL, &c->arena, &fast) != STATUS_OK ||
        reference_authorize(c->set, &c->request, NULL, &c->arena, &slow) != STATUS_OK) {
        return;
    }
    fuzz_expect(fast.decision == slow.decision && fast.error_count == slow.error_count &&
                    fast.reason_count == slow.reason_count,
                "the engines differ", policies);
    for (size_t i = 0; i < fast.error_count; i++) {
        enum cedar_error_kind kind = fast.errors[i].kind;
        fuzz_expect(kind == slow.errors[i].kind, "the errors differ", policies);
        fuzz_expect(is_allowed(kind), cedar_error_kind_name(kind), policies);
    }
}

static bool is_valid(const struct cedar_policy_set *set, enum cedar_validate_mode mode)
{
    struct cedar_validate_options options = {.mode = mode};
    return cedar_validate(set, typed_case_schema(), &options, &diagnostics, &warnings) == STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct typed_bytes bytes = {data, data + size};
    struct typed_case c;
    if (typed_case_open(&c, &bytes) && is_valid(c.set, CEDAR_VALIDATE_STRICT)) {
        fuzz_expect(is_valid(c.set, CEDAR_VALIDATE_PERMISSIVE), "permissive",
                    buf_view(&c.policies));
        typed_case_ask(&c, &bytes);
        check_answers(&c);
    }
    typed_case_close(&c);
    return 0;
}
