/* The JSON form of policies: read, written, and both against the recorded corpora. */
#include "cedar/syntax/tree.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>
#include <string.h>

#define TEXT_BYTES_MAX ((size_t)4 << 20)

static struct cedar_diagnostics diagnostics;

static struct cedar_policy_set *read_json(struct slice text, enum cedar_json_form form)
{
    struct cedar_source source = {SLICE("json"), text};
    struct cedar_policy_set *set = NULL;
    enum status status = cedar_policy_set_parse_json(&source, form, &set, &diagnostics);
    CHECK((status == STATUS_OK) == (diagnostics.count == 0));
    for (size_t i = 0; i < diagnostics.count; i++) {
        CHECK(diagnostics.items[i].to <= text.len && diagnostics.items[i].line > 0);
    }
    return status == STATUS_OK ? set : NULL;
}

static struct cedar_policy_set *read_text(struct slice text)
{
    struct cedar_source source = {SLICE("text"), text};
    struct cedar_policy_set *set = NULL;
    return cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK ? set : NULL;
}

/* Do two sets have the same JSON? */
static bool same_form(const struct cedar_policy_set *a, const struct cedar_policy_set *b)
{
    struct buf first;
    struct buf second;
    buf_init(&first, TEXT_BYTES_MAX, NULL);
    buf_init(&second, TEXT_BYTES_MAX, NULL);
    bool ok = cedar_policy_set_to_json(a, &first) == STATUS_OK &&
              cedar_policy_set_to_json(b, &second) == STATUS_OK &&
              slice_eq(buf_view(&first), buf_view(&second));
    if (!ok) {
        fprintf(stderr, "  first  %.*s\n  second %.*s\n", SLICE_ARG(buf_view(&first)),
                SLICE_ARG(buf_view(&second)));
    }
    buf_release(&first);
    buf_release(&second);
    return ok;
}

static bool same_value(const struct cedar_value *a, const struct cedar_value *b);

static bool same_object(const struct cedar_value *a, const struct cedar_value *b)
{
    const struct cedar_list *first = a->as.object.object;
    const struct cedar_list *second = b->as.object.object;
    bool same = first->count == second->count;
    for (size_t i = 0; same && i < first->count; i++) {
        same = slice_eq(first->items[i].name, second->items[i].name) &&
               same_value(&first->items[i].value, &second->items[i].value);
    }
    return same;
}

static bool same_value(const struct cedar_value *a, const struct cedar_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch ((int)a->kind) {
    case CEDAR_BOOL:
        return a->as.boolean == b->as.boolean;
    case CEDAR_STRING:
        return slice_eq(a->as.text, b->as.text);
    case CEDAR_ENTITY:
        return slice_eq(a->as.uid.type, b->as.uid.type) && slice_eq(a->as.uid.id, b->as.uid.id);
    case CEDAR_SET:
    case CEDAR_RECORD:
        return same_object(a, b);
    case CEDAR_IP:
        return memcmp(a->as.ip.bytes, b->as.ip.bytes, sizeof(a->as.ip.bytes)) == 0 &&
               a->as.ip.prefix == b->as.ip.prefix && a->as.ip.is_v6 == b->as.ip.is_v6;
    default:
        return a->as.number == b->as.number;
    }
}

/* Patterns by their pieces, however a literal is cut. */
static bool same_pattern(const struct node *a, const struct node *b)
{
    size_t at[2] = {0, 0};
    size_t part[2] = {0, 0};
    const struct node *nodes[2] = {a, b};
    for (;;) {
        int next[2];
        for (int i = 0; i < 2; i++) {
            const struct pattern_part *parts = nodes[i]->parts;
            while (part[i] < nodes[i]->part_count && !parts[part[i]].is_wildcard &&
                   at[i] == parts[part[i]].literal.len) {
                part[i]++;
                at[i] = 0;
            }
            bool is_end = part[i] == nodes[i]->part_count;
            next[i] = is_end                       ? -1
                      : parts[part[i]].is_wildcard ? 256
                                                   : parts[part[i]].literal.ptr[at[i]];
            part[i] += next[i] == 256 ? 1 : 0;
            at[i] = next[i] == 256 ? 0 : at[i] + 1;
        }
        if (next[0] != next[1] || next[0] == -1) {
            return next[0] == next[1];
        }
    }
}

/* Are two lowered trees the same? */
static bool same_node(const struct node *a, const struct node *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    bool same = a->kind == b->kind && a->function == b->function && slice_eq(a->text, b->text) &&
                a->item_count == b->item_count &&
                (a->kind != NODE_VALUE || same_value(&a->value, &b->value)) &&
                (a->kind != NODE_LIKE || same_pattern(a, b));
    for (size_t i = 0; same && i < a->item_count; i++) {
        same = same_node(a->items[i], b->items[i]) &&
               (a->kind != NODE_RECORD || slice_eq(a->names[i], b->names[i]));
    }
    return same;
}

/* Do two sets evaluate the same trees? Those from JSON come sorted into policies and templates. */
static bool same_trees(const struct cedar_policy_set *a, const struct cedar_policy_set *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        size_t index = 0;
        same = cedar_policy_find(b, a->policies[i].id, &index) &&
               same_node(a->policies[i].condition, b->policies[index].condition);
    }
    return same;
}

/* set -> JSON -> set says the same. */
static void check_json_trip(const char *row, const struct cedar_policy_set *set)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    CHECK_ROW(row, cedar_policy_set_to_json(set, &text) == STATUS_OK);
    struct cedar_policy_set *again = read_json(buf_view(&text), CEDAR_JSON_SET);
    CHECK_ROW(row, again != NULL && same_form(set, again));
    CHECK_ROW(row, again != NULL && same_trees(set, again));
    cedar_policy_set_free(again);
    buf_release(&text);
}

/* What is printed parses; and, but for a `Value` that holds more than a literal, says the same. */
static void check_text_trip(const char *row, const struct cedar_policy_set *set, size_t index,
                            bool is_exact)
{
    struct buf text;
    struct buf before;
    struct buf after;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    buf_init(&before, TEXT_BYTES_MAX, NULL);
    buf_init(&after, TEXT_BYTES_MAX, NULL);
    CHECK_ROW(row, cedar_policy_to_text(set, index, &text) == STATUS_OK);
    struct cedar_policy_set *printed = read_text(buf_view(&text));
    bool ok = printed != NULL && cedar_policy_to_json(set, index, &before) == STATUS_OK &&
              cedar_policy_to_json(printed, 0, &after) == STATUS_OK &&
              (!is_exact || slice_eq(buf_view(&before), buf_view(&after))) &&
              same_node(set->policies[index].condition, printed->policies[0].condition);
    if (!ok) {
        fprintf(stderr, "  printed %.*s\n", SLICE_ARG(buf_view(&text)));
    }
    CHECK_ROW(row, ok);
    buf_release(&text);
    buf_release(&before);
    buf_release(&after);
    cedar_policy_set_free(printed);
}

static void check_round_trips(const char *row, const struct cedar_policy_set *set, bool is_exact)
{
    check_json_trip(row, set);
    for (size_t i = 0; i < cedar_policy_count(set); i++) {
        check_text_trip(row, set, i, is_exact);
    }
}

static void check_snippet(const struct corpus_line *line, void *context)
{
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    if (context == NULL) {
        buf_append(&text, corpus_text(line, 0, "src"));
    } else {
        buf_append(&text, SLICE("permit(principal, action, resource) when { "));
        buf_append(&text, corpus_text(line, 0, "expr"));
        buf_append(&text, SLICE(" };"));
    }
    struct cedar_policy_set *set = read_text(buf_view(&text));
    if (set != NULL) {
        check_round_trips(line->id, set, true);
        cedar_policy_set_free(set);
    }
    buf_release(&text);
}

TEST(corpus_cedar_round_trips)
{
    static char is_expression;
    (void)corpus_each_line("cedar-tests/snippets/policies.jsonl", check_snippet, NULL);
    (void)corpus_each_line("cedar-tests/snippets/edge.jsonl", check_snippet, NULL);
    (void)corpus_each_line("cedar-tests/snippets/exprs.jsonl", check_snippet, &is_expression);
}

/* The outcomes were recorded behind a reader that keeps the last of two members of one name; the
 * language refuses the second (reference, section 12.2). */
static bool has_duplicate(struct slice text)
{
    struct json_tape tape;
    struct arena arena;
    struct diag diag = {0};
    arena_init(&arena, TEXT_BYTES_MAX, NULL);
    enum status status = json_parse(corpus_parser(), text, &arena, &tape, &diag);
    arena_release(&arena);
    return status == STATUS_INVALID && str_eq(diag.code, "json.duplicate");
}

static void check_json_policy(const struct corpus_line *line, void *context)
{
    struct slice text = corpus_text(line, 0, "src");
    bool is_duplicate = has_duplicate(text);
    bool ok = corpus_flag(line, 0, "ok") && !is_duplicate;
    size_t *compared = context;
    struct cedar_policy_set *set = read_json(text, CEDAR_JSON_POLICY);
    struct buf printed;
    CHECK_ROW(line->id, (set != NULL) == ok);
    if (set == NULL) {
        return;
    }
    buf_init(&printed, TEXT_BYTES_MAX, NULL);
    CHECK_ROW(line->id, cedar_policy_to_text(set, 0, &printed) == STATUS_OK);
    CHECK_ROW(line->id, slice_eq(buf_view(&printed), corpus_text(line, 0, "text")));
    CHECK_ROW(line->id, cedar_policy_get(set, 0).is_template == corpus_flag(line, 0, "template"));
    (*compared)++;
    check_round_trips(line->id, set, false);
    buf_release(&printed);
    cedar_policy_set_free(set);
}

TEST(corpus_cedar_json_policies)
{
    size_t compared = 0;
    size_t lines =
        corpus_each_line("cedar-tests/snippets/json-policies.jsonl", check_json_policy, &compared);
    CHECK(lines == 0 || compared > 0);
}

/* -- refusals ------------------------------------------------------------------------------ */

#define ALL "{\"op\":\"All\"}"
#define POLICY(principal, action, resource, conditions)                                            \
    "{\"effect\":\"permit\",\"principal\":" principal ",\"action\":" action                        \
    ",\"resource\":" resource ",\"conditions\":" conditions "}"
#define WHEN(body) POLICY(ALL, ALL, ALL, "[{\"kind\":\"when\",\"body\":" body "}]")
#define UID(type) "{\"type\":\"" type "\",\"id\":\"a\"}"

/* at is where the first report begins, the text from there on; NULL: accepted. */
static const struct {
    const char *name, *text, *at;
} POLICIES[] = {
    {"the least", POLICY(ALL, ALL, ALL, "[]"), NULL},
    {"no JSON", "{", ""},
    {"no object", "[]", "[]"},
    {"a member is missing", "{\"effect\":\"permit\"}", "{\"eff"},
    {"an unknown member", "{\"efect\":\"permit\"}", "\"efect\""},
    {"the effect",
     "{\"effect\":\"allow\",\"principal\":" ALL ",\"action\":" ALL ",\"resource\":" ALL
     ",\"conditions\":[]}",
     "\"allow\""},
    {"all, the older spelling", POLICY("{\"op\":\"all\"}", ALL, ALL, "[]"), NULL},
    {"an unknown op", POLICY("{\"op\":\"<\"}", ALL, ALL, "[]"), "\"<\""},
    {"no op", POLICY("{}", ALL, ALL, "[]"), "{}"},
    {"All with an entity", POLICY("{\"op\":\"All\",\"entity\":" UID("U") "}", ALL, ALL, "[]"),
     "{\"type\""},
    {"== an entity", POLICY("{\"op\":\"==\",\"entity\":" UID("U") "}", ALL, ALL, "[]"), NULL},
    {"== an escaped entity",
     POLICY("{\"op\":\"==\",\"entity\":{\"__entity\":" UID("U") "}}", ALL, ALL, "[]"), NULL},
    {"== nothing", POLICY("{\"op\":\"==\"}", ALL, ALL, "[]"), "{\"op\""},
    {"== entity and slot",
     POLICY("{\"op\":\"==\",\"entity\":" UID("U") ",\"slot\":\"?principal\"}", ALL, ALL, "[]"),
     "{\"op\""},
    {"a slot", POLICY("{\"op\":\"==\",\"slot\":\"?principal\"}", ALL, ALL, "[]"), NULL},
    {"the slot of the other", POLICY("{\"op\":\"==\",\"slot\":\"?resource\"}", ALL, ALL, "[]"),
     "\"?resource\""},
    {"a slot for an action", POLICY(ALL, "{\"op\":\"==\",\"slot\":\"?action\"}", ALL, "[]"),
     "\"?action\""},
    {"a list for a principal", POLICY("{\"op\":\"in\",\"entities\":[]}", ALL, ALL, "[]"),
     "{\"op\""},
    {"a list for an action", POLICY(ALL, "{\"op\":\"in\",\"entities\":[]}", ALL, "[]"), NULL},
    {"is for an action", POLICY(ALL, "{\"op\":\"is\",\"entity_type\":\"Action\"}", ALL, "[]"),
     "\"is\""},
    {"no type of actions", POLICY(ALL, "{\"op\":\"==\",\"entity\":" UID("U") "}", ALL, "[]"),
     "{\"type\""},
    {"is without type", POLICY("{\"op\":\"is\"}", ALL, ALL, "[]"), "{\"op\""},
    {"a type with a space", POLICY("{\"op\":\"is\",\"entity_type\":\"A :: B\"}", ALL, ALL, "[]"),
     "\"A :: B\""},
    {"a reserved type", POLICY("{\"op\":\"is\",\"entity_type\":\"if\"}", ALL, ALL, "[]"), "\"if\""},
    {"an empty type", POLICY("{\"op\":\"is\",\"entity_type\":\"\"}", ALL, ALL, "[]"), "\"\""},
    {"conditions that are none", POLICY(ALL, ALL, ALL, "{}"), "{}}"},
    {"a kind that is none", POLICY(ALL, ALL, ALL, "[{\"kind\":\"if\",\"body\":{\"Value\":1}}]"),
     "\"if\""},
    {"no body", POLICY(ALL, ALL, ALL, "[{\"kind\":\"when\"}]"), "{\"kind\""},
    {"an expression", WHEN("{\"Value\":true}"), NULL},
    {"an empty expression", WHEN("{}"), "{}"},
    {"two in one", WHEN("{\"Value\":true,\"Var\":\"principal\"}"), "{\"Value\""},
    {"an unknown expression", WHEN("{\"valve\":true}"), "\"valve\""},
    {"an unknown variable", WHEN("{\"Var\":\"princpal\"}"), "\"princpal\""},
    {"a slot in a condition", WHEN("{\"Slot\":\"?principal\"}"), "\"?principal\""},
    {"null", WHEN("{\"Value\":null}"), "null"},
    {"null inside", WHEN("{\"Value\":[{\"a\":null}]}"), "null"},
    {"a fraction", WHEN("{\"Value\":1.0}"), "1.0"},
    {"the largest", WHEN("{\"Value\":9223372036854775807}"), NULL},
    {"one more", WHEN("{\"Value\":9223372036854775808}"), "9223372036854775808"},
    {"the smallest", WHEN("{\"Value\":-9223372036854775808}"), NULL},
    {"one less", WHEN("{\"Value\":-9223372036854775809}"), "-9223372036854775809"},
    {"__expr", WHEN("{\"Value\":{\"__expr\":\"1\"}}"), "{\"__expr\""},
    {"__entity beside another is a member", WHEN("{\"Value\":{\"__entity\":1,\"a\":2}}"), NULL},
    {"__extn", WHEN("{\"Value\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::1\"}}}"), NULL},
    {"__extn with a list", WHEN("{\"Value\":{\"__extn\":{\"fn\":\"ip\",\"args\":[\"::1\"]}}}"),
     NULL},
    {"__extn of nothing", WHEN("{\"Value\":{\"__extn\":{\"fn\":\"ip\"}}}"), "{\"fn\""},
    {"__extn of an unknown function",
     WHEN("{\"Value\":{\"__extn\":{\"fn\":\"contains\",\"arg\":1}}}"), "\"contains\""},
    {"right is missing", WHEN("{\"==\":{\"left\":{\"Value\":1}}}"), "{\"left\""},
    {"a third operand", WHEN("{\"==\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1},\"x\":1}}"),
     "\"x\""},
    {"has a path", WHEN("{\"has\":{\"left\":{\"Var\":\"context\"},\"attr\":[\"a\",\"b c\"]}}"),
     NULL},
    {"has nothing", WHEN("{\"has\":{\"left\":{\"Var\":\"context\"},\"attr\":[]}}"), "[]"},
    {"has a number", WHEN("{\"has\":{\"left\":{\"Var\":\"context\"},\"attr\":1}}"), "1}"},
    {"a pattern",
     WHEN("{\"like\":{\"left\":{\"Value\":\"\"},\"pattern\":[\"Wildcard\","
          "{\"Literal\":\"a*\"}]}}"),
     NULL},
    {"an odd pattern", WHEN("{\"like\":{\"left\":{\"Value\":\"\"},\"pattern\":[\"wildcard\"]}}"),
     "\"wildcard\""},
    {"an extension call", WHEN("{\"isInRange\":[{\"Value\":1},{\"Value\":2}]}"), NULL},
    {"a method of nothing", WHEN("{\"isIpv4\":[]}"), "[]"},
    {"a method of nothing in a value",
     WHEN("{\"Value\":{\"__extn\":{\"fn\":\"isIpv4\",\"args\":[]}}}"), "{\"fn\""},
    {"a call that is no list", WHEN("{\"ip\":{\"Value\":\"\"}}"), "{\"Value\""},
    {"contains has operands", WHEN("{\"contains\":[{\"Value\":1}]}"), "[{\"Value\""},
};

TEST(cedar_json_policies_that_are_refused)
{
    for (size_t i = 0; i < COUNT_OF(POLICIES); i++) {
        struct slice text = slice_view_cstr(POLICIES[i].text);
        struct cedar_policy_set *set = read_json(text, CEDAR_JSON_POLICY);
        CHECK_ROW(POLICIES[i].name, (set != NULL) == (POLICIES[i].at == NULL));
        if (set != NULL) {
            check_round_trips(POLICIES[i].name, set, false);
        } else if (POLICIES[i].at != NULL) {
            struct slice rest = slice_sub(text, diagnostics.items[0].from, text.len);
            CHECK_ROW(POLICIES[i].name, slice_starts_with(rest, slice_view_cstr(POLICIES[i].at)));
        }
        cedar_policy_set_free(set);
    }
}

#define SET(policies, templates, links)                                                            \
    "{\"staticPolicies\":{" policies "},\"templates\":{" templates "},\"templateLinks\":[" links   \
    "]}"
#define PLAIN POLICY(ALL, ALL, ALL, "[]")
#define TEMPLATE POLICY("{\"op\":\"in\",\"slot\":\"?principal\"}", ALL, ALL, "[]")
#define LINK(template, id, values)                                                                 \
    "{\"templateId\":\"" template "\",\"newId\":\"" id "\",\"values\":{" values "}}"

TEST(cedar_json_sets)
{
    static const struct {
        const char *name, *text;
        size_t policies; /* 0: refused */
    } rows[] = {
        {"policy, template and link",
         SET("\"p\":" PLAIN, "\"t\":" TEMPLATE, LINK("t", "l", "\"?principal\":" UID("U"))), 3},
        {"templates are required", "{\"staticPolicies\":{},\"templateLinks\":[]}", 0},
        {"a policy with a slot", SET("\"p\":" TEMPLATE, "", ""), 0},
        {"a template without one", SET("", "\"t\":" PLAIN, ""), 0},
        {"an id twice", SET("\"t\":" PLAIN, "\"t\":" TEMPLATE, ""), 0},
        {"a link to nothing", SET("\"p\":" PLAIN, "", LINK("t", "l", "")), 0},
        {"a link to a policy", SET("\"p\":" PLAIN, "", LINK("p", "l", "")), 0},
        {"a link to a link",
         SET("", "\"t\":" TEMPLATE,
             LINK("t", "l", "\"?principal\":" UID("U")) "," LINK("l", "m", "")),
         0},
        {"a link with a taken id",
         SET("", "\"t\":" TEMPLATE, LINK("t", "t", "\"?principal\":" UID("U"))), 0},
        {"a link without value", SET("", "\"t\":" TEMPLATE, LINK("t", "l", "")), 0},
        {"a link with a value too much",
         SET("", "\"t\":" TEMPLATE,
             LINK("t", "l", "\"?principal\":" UID("U") ",\"?resource\":" UID("F"))),
         0},
        {"a link with an unknown slot",
         SET("", "\"t\":" TEMPLATE, LINK("t", "l", "\"?action\":" UID("U"))), 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_policy_set *set = read_json(slice_view_cstr(rows[i].text), CEDAR_JSON_SET);
        CHECK_ROW(rows[i].name, (set != NULL) == (rows[i].policies > 0));
        if (set != NULL) {
            struct buf written;
            buf_init(&written, TEXT_BYTES_MAX, NULL);
            CHECK_ROW(rows[i].name, cedar_policy_count(set) == rows[i].policies);
            CHECK_ROW(rows[i].name, cedar_policy_set_to_json(set, &written) == STATUS_OK);
            CHECK_ROW(rows[i].name, slice_eq(buf_view(&written), slice_view_cstr(rows[i].text)));
            CHECK_ROW(rows[i].name, cedar_policy_set_to_text(set, &written) == STATUS_INVALID);
            buf_release(&written);
        }
        cedar_policy_set_free(set);
    }
}

TEST(cedar_json_nesting_has_a_limit_and_no_stack)
{
    static const size_t DEPTHS[] = {50, 126, 2000, 200000};
    for (size_t i = 0; i < COUNT_OF(DEPTHS); i++) {
        struct buf text;
        buf_init(&text, (size_t)16 << 20, NULL);
        buf_append(&text,
                   SLICE("{\"effect\":\"permit\",\"principal\":" ALL ",\"action\":" ALL
                         ",\"resource\":" ALL ",\"conditions\":[{\"kind\":\"when\",\"body\":"));
        for (size_t k = 0; k < DEPTHS[i]; k++) {
            buf_append(&text, SLICE("{\"!\":{\"arg\":"));
        }
        buf_append(&text, SLICE("{\"Value\":true}"));
        for (size_t k = 0; k < DEPTHS[i]; k++) {
            buf_append(&text, SLICE("}}"));
        }
        buf_append(&text, SLICE("}]}"));
        struct cedar_policy_set *set = read_json(buf_view(&text), CEDAR_JSON_POLICY);
        CHECK((set != NULL) == (i < 2));
        cedar_policy_set_free(set);
        buf_release(&text);
    }
}
