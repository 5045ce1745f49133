/* Input: a byte that chooses the method, the parameters, NUL, the client's answer. Oracle: what
 * passes is JSON and is the same when it is judged again: nothing is left to be changed, to be left
 * out or to be refused. What does not pass leaves nothing. */
#include "core/gateway/question.h"
#include "support/fuzz.h"

#define FUZZ_ARENA_BYTES ((size_t)64 << 20)
#define METHODS 3

struct judging {
    struct arena arena, scratch;
    struct json_parser parser;
    struct question question;
    struct json_tape params, result;
};

/* One policy permits everything: what is looked for is refused by shape. */
static const struct cedar_policy_set *policies(void)
{
    static struct cedar_policy_set *set;
    static struct cedar_diagnostics diagnostics;
    const struct cedar_source source = {SLICE("fuzz"),
                                        SLICE("permit(principal, action, resource);")};
    if (set == NULL) {
        fuzz_expect(cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK,
                    "policies", source.text);
    }
    return set;
}

/* All may be read but for one scheme. */
static bool ask(void *context, struct slice uri, struct policy_question *out)
{
    const struct question *question = context;
    *out = question->scene;
    out->method = SLICE("resources/read");
    out->primitive = MCP_RESOURCE;
    out->name = uri;
    return !slice_eq(slice_sub(uri, 0, 7), SLICE("secret:"));
}

static struct question question_for(uint8_t choice)
{
    static const struct principal ANN = {.issuer = SLICE_INIT("dev"), .subject = SLICE_INIT("ann")};
    static const struct slice NAMES[METHODS] = {SLICE_INIT("sampling/createMessage"),
                                                SLICE_INIT("roots/list"),
                                                SLICE_INIT("elicitation/create")};
    return (struct question){.method = mcp_question_find(NAMES[choice % METHODS]),
                             .scene = {.policies = policies(),
                                       .principal = &ANN,
                                       .server = SLICE("jira"),
                                       .server_trust = SLICE("internal"),
                                       .peer_ip = SLICE("127.0.0.1")},
                             .client = {.has_sampling = true,
                                        .has_sampling_tools = true,
                                        .has_roots = true,
                                        .has_form = true,
                                        .has_url = true}};
}

/* Judge the question, or the answer when result is not NULL; what passed goes to out. */
static bool passes(struct judging *judging, const struct json_tape *result, struct slice *out)
{
    struct question_judgement judgement;
    struct buf text;
    buf_init(&text, FUZZ_ARENA_BYTES, NULL);
    enum status status =
        result == NULL
            ? question_judge(&judging->question, &judging->scratch, &judging->arena, &text,
                             &judgement)
            : question_judge_answer(&judging->question, (struct json_place){result, 0},
                                    &judging->scratch, &judging->arena, &text, &judgement);
    bool is_allowed = status == STATUS_OK && judgement.is_allowed;
    fuzz_expect(is_allowed || status != STATUS_OK || text.len == 0, "refused", buf_view(&text));
    fuzz_expect(is_allowed || judgement.code != NULL || status != STATUS_OK, "no code",
                SLICE_EMPTY);
    is_allowed = is_allowed && arena_copy(&judging->arena, buf_view(&text), out) == STATUS_OK;
    buf_release(&text);
    return is_allowed;
}

static bool parses(struct judging *judging, struct slice text, struct json_tape *out)
{
    return json_parse(&judging->parser, text, &judging->arena, out, NULL) == STATUS_OK;
}

static void judge_answer(struct judging *judging)
{
    struct slice once = SLICE_EMPTY;
    struct slice twice = SLICE_EMPTY;
    struct json_tape written;
    if (passes(judging, &judging->result, &once)) {
        fuzz_expect(parses(judging, once, &written), "answer is no JSON", once);
        fuzz_expect(passes(judging, &written, &twice), "answer does not pass again", once);
        fuzz_expect(slice_eq(once, twice), "answer changes again", once);
    }
}

/* True when the question passed; it then has the parameters that a client gets. */
static bool judge_question(struct judging *judging, struct json_tape *written)
{
    struct slice once = SLICE_EMPTY;
    struct slice twice = SLICE_EMPTY;
    if (!passes(judging, NULL, &once)) {
        return false;
    }
    judging->question.params = (struct json_place){NULL, JSON_NONE};
    if (once.len > 0) {
        fuzz_expect(parses(judging, once, written), "question is no JSON", once);
        fuzz_expect(json_member(written, 0, SLICE("task")) == JSON_NONE, "task", once);
        judging->question.params = (struct json_place){written, 0};
    }
    fuzz_expect(passes(judging, NULL, &twice), "question does not pass again", once);
    fuzz_expect(slice_eq(once, twice), "question changes again", once);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {9};
    struct slice input = slice_of(data, size);
    struct slice rest = slice_sub(input, 1, size);
    size_t end = slice_find_byte(rest, 0);
    struct judging judging = {.question = question_for(size == 0 ? 0 : data[0])};
    struct json_tape written;
    judging.question.carried =
        (struct carried_rules){.ask = ask, .context = &judging.question, .resources_max = 4};
    json_parser_init(&judging.parser, &LIMITS, SEED);
    arena_init(&judging.arena, FUZZ_ARENA_BYTES, NULL);
    arena_init(&judging.scratch, FUZZ_ARENA_BYTES, NULL);
    if (parses(&judging, slice_sub(rest, 0, end), &judging.params)) {
        judging.question.params = (struct json_place){&judging.params, 0};
    }
    if (judge_question(&judging, &written) &&
        parses(&judging, slice_sub(rest, end + 1, rest.len), &judging.result)) {
        judge_answer(&judging);
    }
    arena_release(&judging.scratch);
    arena_release(&judging.arena);
    return 0;
}
