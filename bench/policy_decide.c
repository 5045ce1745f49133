/* How long does one governed call wait for its decision, once its bytes are there?
 *
 * usage: cmake --preset release && ninja -C build/release bench_policy_decide
 *        taskset -c 1 build/release/bench_policy_decide
 *
 * The policies are those of bench/run: 100 about the caller's role, one permits and the others
 * forbid other tools; the second set has one more that reads an argument. "decide" begins with the
 * tapes of call and definition, "from JSON" with the text of the message. Prints one line of JSON
 * each: the fastest and the median batch, in nanoseconds a call. */
#include "bench/measure.h"

#include "base/buf.h"
#include "core/policy/decide.h"

#include <stdio.h>
#include <stdlib.h>

#define POLICIES 100
#define ARENA_BYTES ((size_t)1 << 20)

static const char TOOL[] =
    "{\"name\":\"pay\",\"annotations\":{\"readOnlyHint\":false},\"inputSchema\":{\"type\":"
    "\"object\",\"properties\":{\"to\":{\"type\":\"string\"},\"amount\":{\"type\":\"number\"},"
    "\"memo\":{\"type\":\"string\"}},\"required\":[\"to\",\"amount\"]}}";

static const char CALL[] =
    "{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"params\":{\"name\":\"pay\","
    "\"_meta\":{\"progressToken\":\"t-17\",\"io.modelcontextprotocol/protocolVersion\":"
    "\"2026-07-28\"},\"arguments\":{\"to\":\"CH93 0076 2011 6238 5295 7\",\"amount\":129.95,"
    "\"memo\":\"Invoice 2026-0815 for the repair of the heating in the north wing, second floor; "
    "please pay before the end of the month. Thank you very much for your order and for the "
    "coffee.\"}}}";

struct subject {
    struct json_parser parser;
    struct arena scratch, answer, message;
    struct json_tape tool, call;
    struct policy_question question;
};

static void fail(const char *what)
{
    fprintf(stderr, "policy_decide: %s\n", what);
    exit(1);
}

static void decide(void *context)
{
    struct subject *subject = context;
    struct policy_answer answer;
    arena_reset(&subject->answer);
    if (policy_decide(&subject->question, &subject->scratch, &subject->answer, &answer) !=
            STATUS_OK ||
        !answer.is_allowed) {
        fail("the call is refused");
    }
}

static void parse_call(struct subject *subject, struct arena *arena)
{
    if (json_parse(&subject->parser, slice_view_cstr(CALL), arena, &subject->call, NULL) !=
        STATUS_OK) {
        fail("the call does not parse");
    }
    json_ref params = json_member(&subject->call, 0, SLICE("params"));
    subject->question.arguments = (struct json_place){
        &subject->call, json_member(&subject->call, params, SLICE("arguments"))};
}

static void parse_and_decide(void *context)
{
    struct subject *subject = context;
    arena_reset(&subject->message);
    parse_call(subject, &subject->message);
    decide(subject);
}

static struct cedar_policy_set *make_policies(bool reads_arguments)
{
    static struct cedar_diagnostics diagnostics;
    struct cedar_policy_set *set = NULL;
    struct buf text;
    buf_init(&text, (size_t)1 << 20, NULL);
    buf_append(&text,
               SLICE("permit (principal in Aegis::Role::\"Developers\", action, resource);\n"));
    for (uint64_t i = 1; i < POLICIES; i++) {
        buf_append(&text,
                   SLICE("forbid (principal in Aegis::Role::\"Developers\", action, resource)"
                         " when { context.target == \"bank.other"));
        buf_append_u64(&text, i);
        buf_append(&text, SLICE("\" };\n"));
    }
    if (reads_arguments) {
        buf_append(&text, SLICE("forbid (principal, action, resource) when { "
                                "context.arguments.amount.greaterThan(decimal(\"1000.0\")) };\n"));
    }
    struct cedar_source source = {SLICE("bench"), buf_view(&text)};
    if (cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) != STATUS_OK) {
        fail("the policies do not parse");
    }
    buf_release(&text);
    return set;
}

static void run(struct subject *subject, bool reads_arguments)
{
    static const struct {
        const char *name;
        void (*run)(void *context);
    } WAYS[] = {{"decide", decide}, {"from JSON", parse_and_decide}};
    struct cedar_policy_set *set = make_policies(reads_arguments);
    subject->question.policies = set;
    for (size_t i = 0; i < COUNT_OF(WAYS); i++) {
        arena_reset(&subject->message);
        parse_call(subject, &subject->message);
        struct measure_result result = measure(WAYS[i].run, subject);
        printf("{\"what\":\"policy, %s\",\"policies\":%zu,\"fastest_ns\":%.0f,"
               "\"median_ns\":%.0f}\n",
               WAYS[i].name, cedar_policy_count(set), result.fastest_ns, result.median_ns);
    }
    cedar_policy_set_free(set);
}

int main(void)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {1};
    static const struct slice ROLES[] = {SLICE_INIT("Developers"), SLICE_INIT("Oncall")};
    static const struct principal CALLER = {.issuer = SLICE_INIT("https://issuer.example"),
                                            .subject = SLICE_INIT("248289761001"),
                                            .tenant = SLICE_INIT("tenant"),
                                            .roles = ROLES,
                                            .role_count = COUNT_OF(ROLES)};
    static struct subject subject;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    arena_init(&subject.scratch, ARENA_BYTES, NULL);
    arena_init(&subject.answer, ARENA_BYTES, NULL);
    arena_init(&subject.message, ARENA_BYTES, NULL);
    json_parser_init(&subject.parser, &LIMITS, SEED);
    if (json_parse(&subject.parser, slice_view_cstr(TOOL), &arena, &subject.tool, NULL) !=
        STATUS_OK) {
        fail("the definition does not parse");
    }
    subject.question = (struct policy_question){.principal = &CALLER,
                                                .server = SLICE("bank"),
                                                .server_trust = SLICE("internal"),
                                                .method = SLICE("tools/call"),
                                                .primitive = MCP_TOOL,
                                                .name = SLICE("pay"),
                                                .definition = {&subject.tool, 0},
                                                .peer_ip = SLICE("127.0.0.1"),
                                                .now_s = 1000000};
    run(&subject, false);
    run(&subject, true);
    arena_release(&subject.message);
    arena_release(&subject.answer);
    arena_release(&subject.scratch);
    arena_release(&arena);
    return 0;
}
