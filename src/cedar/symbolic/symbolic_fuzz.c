/* Oracle: a policy that compiles for a request environment is, for every request and store of it,
 * what the reference evaluator says; and so is the answer to a question. The bytes choose the
 * policies, the entities and the request. */
#include "support/fuzz.h"
#include "support/known_check.h"
#include "support/typed_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct typed_bytes bytes = {data, data + size};
    struct typed_case c;
    struct known_counts counts = {0};
    if (typed_case_open(&c, &bytes)) {
        typed_case_ask(&c, &bytes);
        const char *wrong = known_check(typed_case_schema(), c.set, &c.request, &counts);
        fuzz_expect(wrong == NULL, wrong == NULL ? "" : wrong, buf_view(&c.policies));
    }
    typed_case_close(&c);
    return 0;
}
