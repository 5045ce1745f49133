/* The validator against the recorded verdicts of the official engines. */
#include "support/cedar_case.h"
#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDED_BYTES_MAX ((size_t)1 << 30)
#define LINE_ARENA_BYTES ((size_t)64 << 20)

static struct cedar_diagnostics errors, warnings;

static bool is_valid(const struct cedar_case *c, enum cedar_validate_mode mode)
{
    struct cedar_validate_options options = {.mode = mode};
    enum status status = cedar_validate(c->policies, c->schema, &options, &errors, &warnings);
    CHECK_ROW(c->name, status == STATUS_OK || status == STATUS_INVALID);
    CHECK_ROW(c->name, (status == STATUS_OK) == (errors.count == 0));
    return status == STATUS_OK;
}

/* -- rows ---------------------------------------------------------------------------------- */

#define SCHEMA                                                                                     \
    "entity Group; entity Kind enum [\"a\"];"                                                      \
    "entity User in [Group] {name: String, boss?: User, inner: {x?: Long}} tags String;"           \
    "entity File {owner: User}; entity Tagged tags Long;"                                          \
    "action all; action read in all appliesTo {principal: User, resource: [File, Group],"          \
    " context: {n?: Long, when: datetime}};"

static struct cedar_policy_set *policies_of(const char *text)
{
    struct cedar_source source = {SLICE("policies"), slice_view_cstr(text)};
    struct cedar_policy_set *set = NULL;
    CHECK_ROW(text, cedar_policy_set_parse(&source, 1, false, &set, &errors) == STATUS_OK);
    return set;
}

static struct cedar_schema *schema_of(const char *text)
{
    struct cedar_schema_source source = {{SLICE("schema"), slice_view_cstr(text)}, CEDAR_FORM_TEXT};
    struct cedar_schema *schema = NULL;
    CHECK(cedar_schema_parse(&source, 1, &schema, &errors, NULL) == STATUS_OK);
    return schema;
}

static bool validates(const struct cedar_schema *schema, const char *text,
                      struct cedar_validate_options options)
{
    struct cedar_policy_set *set = policies_of(text);
    enum status status = cedar_validate(set, schema, &options, &errors, &warnings);
    CHECK_ROW(text, status == STATUS_OK || status == STATUS_INVALID);
    cedar_policy_set_free(set);
    return status == STATUS_OK;
}

#define WHEN(condition) "permit(principal, action, resource) when { " condition " };"

/* Of two types, whose tags differ in type. */
#define EITHER "(if context has n then principal else Tagged::\"a\")"

TEST(validate_conditions)
{
    static const struct {
        const char *policy;
        bool strict, permissive;
    } rows[] = {
        {"", true, true},
        {WHEN("principal.name == \"x\""), true, true},
        {WHEN("principal.nme == \"x\""), false, false},
        {WHEN("principal.name == 1"), false, true},
        {WHEN("principal.name like \"x*\""), true, true},
        {WHEN("principal.name < \"x\""), false, false},
        {WHEN("principal.boss.name == \"x\""), false, false},
        {WHEN("principal has boss && principal.boss.name == \"x\""), true, true},
        {WHEN("principal has boss || principal.boss.name == \"x\""), false, false},
        {WHEN("principal has boss.boss && principal.boss.boss.name == \"x\""), true, true},
        {WHEN("if principal has boss then principal.boss.name == \"x\" else false"), true, true},
        {WHEN("!(principal has boss) || principal.boss.name == \"x\""), false, false},
        {WHEN("principal.inner has x && principal.inner.x > 0"), true, true},
        {WHEN("context.n > 0"), false, false},
        {WHEN("context has n && context.n > 0"), true, true},
        {WHEN("context[\"n\"] > 0"), false, false},
        {WHEN("principal.hasTag(\"t\") && principal.getTag(\"t\") == \"x\""), true, true},
        {WHEN("principal.hasTag(\"t\") && principal.getTag(\"u\") == \"x\""), false, false},
        {WHEN("resource.hasTag(\"t\") && resource.getTag(\"t\") == 1"), true, true},
        {WHEN(EITHER ".hasTag(\"t\")"), false, true},
        {WHEN(EITHER ".hasTag(\"t\") && " EITHER ".getTag(\"t\") == \"x\""), false, false},
        {WHEN(EITHER ".hasTag(\"t\") && principal.nonsense"), false, false},
        {WHEN("resource.owner.name == \"x\""), false, false},
        {WHEN("resource is File && resource.owner.name == \"x\""), true, true},
        {WHEN("false && principal.nonsense"), true, true},
        {WHEN("true || principal.nonsense"), true, true},
        {WHEN("[].isEmpty()"), false, true},
        {WHEN("[1, \"x\"].isEmpty()"), false, false},
        {WHEN("[principal, resource].isEmpty()"), false, true},
        {WHEN("[1].contains(\"x\")"), false, true},
        {WHEN("context.when < datetime(\"2024-01-01\")"), true, true},
        {WHEN("context.when < duration(\"1h\")"), false, false},
        {WHEN("context.when < datetime(principal.name)"), false, true},
        {WHEN("context.when < datetime(\"nonsense\")"), false, false},
        {WHEN("datetime(\"2024-01-01\", 1) == context.when"), false, false},
        {WHEN("principal in Group::\"g\""), true, true},
        {WHEN("principal in Gruop::\"g\""), false, false},
        {WHEN("principal is Gruop"), false, false},
        {WHEN("Kind::\"a\" == Kind::\"a\""), true, true},
        {WHEN("Kind::\"b\" == Kind::\"a\""), false, false},
        {WHEN("action == Action::\"gone\""), false, false},
        {WHEN("principal in 1"), false, false},
        {WHEN("1 + \"x\" == 1"), false, false},
        {"permit(principal, action in [], resource);", false, true},
        {"permit(principal, action in [], resource) when { principal.nonsense };", false, true},
        {"permit(principal == ?principal, action, resource in ?resource);", true, true},
        {"permit(principal == ?principal, action, resource) when { principal.nme == 1 };", false,
         false},
    };
    struct cedar_schema *schema = schema_of(SCHEMA);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_validate_options strict = {.mode = CEDAR_VALIDATE_STRICT};
        struct cedar_validate_options permissive = {.mode = CEDAR_VALIDATE_PERMISSIVE};
        CHECK_ROW(rows[i].policy, validates(schema, rows[i].policy, strict) == rows[i].strict);
        CHECK_ROW(rows[i].policy,
                  validates(schema, rows[i].policy, permissive) == rows[i].permissive);
    }
    cedar_schema_free(schema);
}

TEST(validate_warns_of_what_can_never_apply)
{
    static const struct {
        const char *policy;
        size_t count;
        const char *help; /* of the first */
    } rows[] = {
        {"permit(principal, action, resource);", 0, NULL},
        {"permit(principal is Group, action, resource);", 2, ""},
        {"permit(principal, action == Action::\"all\", resource);", 2,
         "write 'in' instead of '==' to mean all that is in a group"},
        {"permit(principal, action in Action::\"all\", resource);", 0, NULL},
        {"permit(principal, action, resource) when { false };", 1, ""},
        {"permit(principal, action, resource) when { principal in Kind::\"a\" };", 1, ""},
    };
    struct cedar_schema *schema = schema_of(SCHEMA);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
        CHECK_ROW(rows[i].policy, validates(schema, rows[i].policy, options));
        CHECK_ROW(rows[i].policy, warnings.count == rows[i].count);
        CHECK_ROW(rows[i].policy,
                  rows[i].help == NULL || str_eq(warnings.items[0].help, rows[i].help));
    }
    cedar_schema_free(schema);
}

/* Expected as the official engine 4.13.0 warns. */
TEST(validate_warns_of_characters_that_deceive)
{
    static const struct {
        const char *condition;
        size_t count;
        const char *says; /* the first one; NULL: nothing */
    } rows[] = {
        {"principal.name == \"plain\"", 0, NULL},
        {"principal.name == \"\"", 0, NULL},
        {"principal.name == \"\\u{0}\\n \xC3\xA9\"", 0, NULL},
        {"principal.name == \"\xD1\x8F\xD0\xB0\"", 0, NULL}, /* Cyrillic alone */
        {"principal.name == \"a\xD1\x8F\"", 1, "the text mixes scripts"},
        {"principal.name == \"a\\u{44f}\"", 1, "the text mixes scripts"},
        {"principal.name == \"\\u{3042}\\u{30a2}\\u{4e00}\"", 0, NULL}, /* Japanese is one */
        {"principal.name == \"\\u{ac00}\\u{4e00}\"", 0, NULL},          /* so is Korean */
        {"principal.name == \"\\u{3105}\\u{4e00}\"", 0, NULL},          /* Han with Bopomofo */
        {"principal.name == \"\\u{ac00}\\u{3042}\"", 1, "the text mixes scripts"},
        {"principal.name == \"a\\u{4e00}\"", 1, "the text mixes scripts"},
        {"principal.name == \"\\u{30000}\\u{30fb}\"", 0, NULL},
        {"principal.name == \"\\u{10d40}\\u{16ea0}\"", 1, "the text mixes scripts"},
        {"principal.name == \"\\u{16ea0}\"", 0, NULL},
        {"principal.name == \"\\u{378}\"", 1, "the text mixes scripts"},  /* unassigned */
        {"principal.name == \"\\u{e000}\"", 1, "the text mixes scripts"}, /* private */
        {"principal.name == \"a\\u{202a}\"", 1, "U+202A in the text"},
        {"principal.name == \"a\\u{202e}\"", 1, "U+202E in the text"},
        {"principal.name == \"a\\u{2066}\\u{44f}\"", 1, "U+2066 in the text"},
        {"principal.name == \"a\\u{2069}\"", 1, "U+2069 in the text"},
        {"principal.name == \"a\\u{202f}\\u{2065}\"", 1, "the text mixes scripts"},
        {"principal.name like \"a*\\u{44f}\"", 1, "the text mixes scripts"},
        {"principal.name like \"a*b\"", 0, NULL},
        {"principal == User::\"a b\\u{e9}~\"", 0, NULL},
        {"principal == User::\"a\\u{44f}\"", 1, "the name mixes scripts"},
        {"principal == User::\"a\\u{44f}\\u{e000}\"", 1, "U+E000 in the name"},
        {"principal == User::\"\\u{0}\\u{e000}\"", 1, "U+0000 in the name"},
        {"principal == User::\"\\n\"", 1, "U+000A in the name"},
        {"principal == User::\"\\u{7f}\"", 1, "U+007F in the name"},
        {"principal == User::\"\\u{a0}\"", 1, "U+00A0 in the name"},
        {"principal == User::\"\\u{2014}\"", 1, "U+2014 in the name"},
        {"principal == User::\"\\u{640}\"", 1, "U+0640 in the name"},
        {"principal == User::\"\\u{10d40}\"", 1, "U+10D40 in the name"},
        {"principal == User::\"\\u{30fb}\\u{31350}\\u{2ebf0}\"", 0, NULL},
        {"principal == User::\"\\u{e000}\\u{202a}\"", 1, "U+202A in the name"},
        {"{\"a\\u{44f}\": 1, b: 2}.b == 2", 1, "the name mixes scripts"},
        {"{\"a\\u{44f}\": 1}[\"a\\u{44f}\"] == 1", 2, "the name mixes scripts"},
        {"principal == User::\"x\" || principal has \"a\\u{44f}\"", 1, "the name mixes scripts"},
        {"[\"a\\u{44f}\", principal.name].contains(\"a\\u{44f}\")", 2, "the text mixes scripts"},
    };
    struct cedar_schema *schema = schema_of(SCHEMA);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
        char policy[256];
        snprintf(policy, sizeof(policy), "permit(principal, action, resource) when { %s };",
                 rows[i].condition);
        (void)validates(schema, policy, options);
        CHECK_ROW(rows[i].condition, warnings.count == rows[i].count);
        CHECK_ROW(rows[i].condition,
                  rows[i].says == NULL || strstr(warnings.items[0].message, rows[i].says) != NULL);
    }
    cedar_schema_free(schema);
}

TEST(validate_bounds_how_far_policies_look)
{
    static const struct {
        const char *policy;
        uint32_t level; /* the least that is enough; 9: none is */
    } rows[] = {
        {WHEN("context has n && context.n > 0"), 0},
        {WHEN("principal == User::\"a\""), 0},
        {WHEN("principal.name == \"x\""), 1},
        {WHEN("principal in Group::\"g\""), 1},
        {WHEN("principal has boss"), 1},
        {WHEN("principal.hasTag(\"t\")"), 1},
        {WHEN("principal has boss && principal.boss.name == \"x\""), 2},
        {WHEN("resource is File && resource.owner in Group::\"g\""), 2},
        {WHEN("{a: principal, b: 1}.a.name == \"x\""), 1},
        {WHEN("User::\"a\".name == \"x\""), 9},
        {WHEN("false && principal.name == \"x\""), 0},
    };
    struct cedar_schema *schema = schema_of(SCHEMA);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (uint32_t level = 0; level < 4; level++) {
            struct cedar_validate_options options = {.has_level = true, .level = level};
            CHECK_ROW(rows[i].policy,
                      validates(schema, rows[i].policy, options) == (level >= rows[i].level));
        }
    }
    cedar_schema_free(schema);
}

TEST(validate_tells_each_error_once_with_its_place)
{
    struct cedar_schema *schema = schema_of(SCHEMA);
    struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
    CHECK(!validates(schema, WHEN("principal.nme == \"x\"") "\n" WHEN("context.n == 1"), options));
    CHECK(errors.count == 2);
    CHECK(errors.items[0].line == 1 && errors.items[0].column == 44);
    CHECK(str_eq(errors.items[0].help, "did you mean 'name'?"));
    CHECK(errors.items[1].line == 2);
    cedar_schema_free(schema);
}

/* What is said after an error, or beside it, as the official engine says it. */
TEST(validate_tells_the_place_that_is_wrong)
{
    static const struct {
        const char *condition;
        const char *places[3]; /* what the errors are about, in order; NULL: no more */
    } rows[] = {
        {"duration(\"1h\") >= 1", {"duration(\"1h\")"}},
        {"1 >= duration(\"1h\")", {"duration(\"1h\")"}},
        {"\"x\" < duration(\"1h\")", {"\"x\""}},
        {"datetime(\"2024-01-01\") < duration(\"1h\")", {"duration(\"1h\")"}},
        {"\"x\" < \"yy\"", {"\"x\"", "\"yy\""}},
        {"principal.gone < \"y\"", {"principal.gone"}},
        {"action in Action::\"gone\" && 1", {"Action::\"gone\"", "1"}},
        {"action in [Action::\"read\", Action::\"gone\"] && 1", {"Action::\"gone\"", "1"}},
        {"action == Action::\"gone\" && 1", {"Action::\"gone\""}},
        {"action in Action::\"all\" && 1", {"1"}},
        {"Gone::\"x\"", {"Gone"}},
        {"if true then [] else true", {"[]"}},
        {"[principal.gone]", {"principal.gone"}},
        {"(principal.gone && false) && 1", {"principal.gone", "1"}},
        {"principal in (1 like \"x\")", {"1", "1 like \"x\""}},
        {"(\"x\" || true) || 1", {"\"x\"", "1"}},
        {"principal.getTag(\"x\") == 1", {"principal.getTag(\"x\")"}},
        {"ip(principal) == context.gone", {"ip(principal)", "context.gone"}},
        {"action in Group::\"g\" && 1", {NULL}},
        {"(true == (false || false)) && 1", {NULL}},
        {"[true, context, []] == 1", {"[]"}},
        {"1.hasTag(\"x\") == 1 && 1.getTag(\"x\") == true", {"1", "1"}},
        {"[1].containsAll(1)", {"1"}},
        {"principal.boss has boss.boss.name", {"principal.boss"}},
        {"principal.boss has boss.boss.name && true", {"principal.boss"}},
        {"principal.boss has boss.boss && principal.boss has name",
         {"principal.boss", "principal.boss"}},
        {"principal.boss has boss && principal.boss.boss.name == \"x\"",
         {"principal.boss", "principal.boss.boss.name"}},
        {"((if [] then principal else principal) is User) || 1", {"[]"}},
        {"if principal has boss && 1 then principal.boss.name == \"x\" else true",
         {"1", "principal.boss.name"}},
        {"((true && true || false) == true) && 1", {"1"}},
        {"(true == (false || !true)) && 1", {"1"}},
    };
    struct cedar_schema *schema = schema_of(SCHEMA);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
        char text[512];
        size_t count = 0;
        snprintf(text, sizeof(text), WHEN("%s"), rows[i].condition);
        (void)validates(schema, text, options);
        for (; count < 3 && rows[i].places[count] != NULL && count < errors.count; count++) {
            const struct cedar_diagnostic *error = &errors.items[count];
            CHECK_ROW(text, slice_eq(slice_sub(slice_view_cstr(text), error->from, error->to),
                                     slice_view_cstr(rows[i].places[count])));
        }
        CHECK_ROW(text, count == errors.count && (count == 3 || rows[i].places[count] == NULL));
    }
    cedar_schema_free(schema);
}

/* -- corpora ------------------------------------------------------------------------------- */

/* "corpus-4.10.tar.xz/corpus-tests/0123.json": the version and the id in a name. */
static struct slice version_of(const struct cedar_case *c)
{
    struct slice name = slice_view_cstr(c->name);
    struct slice prefix = SLICE("corpus-");
    size_t end = slice_find_byte(name, '/');
    bool is_archive = slice_starts_with(name, prefix) && end > sizeof(".tar.xz");
    return is_archive ? slice_sub(name, prefix.len, end - 7) : SLICE_EMPTY;
}

static struct slice id_of(const struct cedar_case *c)
{
    struct slice name = slice_view_cstr(c->name);
    while (slice_find_byte(name, '/') < name.len) {
        name = slice_sub(name, slice_find_byte(name, '/') + 1, name.len);
    }
    return slice_sub(name, 0, name.len - sizeof("json"));
}

/* -- what was recorded with the tests ------------------------------------------------------ */

/* Verdicts that the present engine gives otherwise (cedar-tests/README.md). */
static struct json_tape overrides;

static void load_overrides(struct arena *arena, const char *file)
{
    const char *path = check_shared_path(file);
    FILE *input = path == NULL ? NULL : fopen(path, "rb");
    uint8_t *bytes = arena_alloc(arena, LINE_ARENA_BYTES / 4);
    overrides = (struct json_tape){0};
    if (input != NULL && bytes != NULL) {
        size_t len = fread(bytes, 1, LINE_ARENA_BYTES / 4, input);
        CHECK(json_parse(corpus_parser(), slice_of(bytes, len), arena, &overrides, NULL) ==
              STATUS_OK);
        fclose(input);
    }
}

static bool is_overridden(const struct cedar_case *c)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref id = JSON_NONE;
    if (overrides.count == 0 || version_of(c).len == 0) {
        return false;
    }
    json_ref all = json_member(&overrides, 0, SLICE("shouldValidateTrue"));
    json_ref list = json_member(&overrides, all, version_of(c));
    if (list == JSON_NONE) {
        return false;
    }
    json_iter_init(&iter, &overrides, list);
    while (json_iter_next(&iter, &key, &id)) {
        if (json_string_eq(&overrides, id, id_of(c))) {
            return true;
        }
    }
    return false;
}

static void check_verdict(struct cedar_case *c, void *context)
{
    size_t *count = context;
    json_ref should = json_member(&c->tape, 0, SLICE("shouldValidate"));
    bool expected = json_type(&c->tape, should) == JSON_TRUE || is_overridden(c);
    ++*count;
    if (c->policies != NULL && c->schema != NULL) {
        bool valid = is_valid(c, CEDAR_VALIDATE_STRICT);
        CHECK_ROW(c->name, valid == expected);
        /* What strict mode accepts, permissive mode accepts. */
        CHECK_ROW(c->name, !valid || is_valid(c, CEDAR_VALIDATE_PERMISSIVE));
    }
}

TEST(corpus_cedar_validate_verdicts)
{
    struct arena arena;
    size_t count = 0;
    arena_init(&arena, LINE_ARENA_BYTES, NULL);
    load_overrides(&arena, "cedar-tests/corpus/overrides-4.13.json");
    if (cedar_case_each(cedar_case_stride(), check_verdict, &count) > 0) {
        CHECK(count > 0);
    }
    arena_release(&arena);
}

/* -- what engine 4.13.0 said --------------------------------------------------------------- */

struct recorded {
    struct arena arena;
    struct slice version, lines;
    size_t at; /* lines come in the order of the tests, so the search goes on from here */
    size_t count;
};

static void load_recorded(struct recorded *recorded, struct slice version)
{
    char file[128];
    snprintf(file, sizeof(file), "expected-%.*s.jsonl.xz", SLICE_ARG(version));
    arena_release(&recorded->arena);
    arena_init(&recorded->arena, RECORDED_BYTES_MAX, NULL);
    recorded->version = version;
    recorded->at = 0;
    recorded->lines = cedar_case_unpack(&recorded->arena, "cedar-tests/oracle-4.13", file);
}

/* The line of a test, or empty. */
static struct slice find_line(struct recorded *recorded, struct slice id)
{
    for (size_t at = recorded->at; at < recorded->lines.len;) {
        struct slice rest = slice_sub(recorded->lines, at, recorded->lines.len);
        struct slice line = slice_sub(rest, 0, slice_find_byte(rest, '\n'));
        at += line.len + 1;
        if (slice_eq(slice_sub(line, sizeof("{\"id\":\"") - 1, sizeof("{\"id\":\"") - 1 + id.len),
                     id)) {
            recorded->at = at;
            return line;
        }
    }
    return SLICE_EMPTY;
}

static bool has_place(const struct cedar_diagnostics *list, int64_t from, int64_t to)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].from == (size_t)from && list->items[i].to == (size_t)to) {
            return true;
        }
    }
    return false;
}

/* Every place of [policy, message, [[from, to]]] is one of ours. */
static void check_places(const struct cedar_case *c, const struct json_tape *tape, json_ref entry,
                         const struct cedar_diagnostics *list)
{
    json_ref places = entry;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref place = JSON_NONE;
    json_iter_init(&iter, tape, entry);
    while (json_iter_next(&iter, &key, &places)) {
    }
    json_iter_init(&iter, tape, places);
    while (json_iter_next(&iter, &key, &place)) {
        struct json_iter bounds;
        json_ref bound = JSON_NONE;
        int64_t at[2] = {-1, -1};
        json_iter_init(&bounds, tape, place);
        for (int i = 0; i < 2 && json_iter_next(&bounds, &key, &bound); i++) {
            CHECK_ROW(c->name, json_integer(tape, bound, &at[i]) == STATUS_OK);
        }
        bool is_found = list->is_cut || has_place(list, at[0], at[1]);
        CHECK_ROW(c->name, is_found);
        if (!is_found) {
            printf("  %s: %.*s\n", c->name, SLICE_ARG(json_raw(tape, entry)));
            for (size_t i = 0; i < list->count && i < 5; i++) {
                printf("    ours: %zu..%zu %s\n", list->items[i].from, list->items[i].to,
                       list->items[i].message);
            }
        }
    }
}

static void check_list(const struct cedar_case *c, const struct json_tape *tape, struct slice name,
                       const struct cedar_diagnostics *list)
{
    json_ref entries = json_member(tape, 0, name);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref entry = JSON_NONE;
    if (entries == JSON_NONE) {
        return;
    }
    json_iter_init(&iter, tape, entries);
    while (json_iter_next(&iter, &key, &entry)) {
        check_places(c, tape, entry, list);
    }
}

static void check_recorded(struct cedar_case *c, void *context)
{
    struct recorded *recorded = context;
    struct json_tape tape;
    struct slice version = version_of(c);
    if (version.len == 0 || c->policies == NULL || c->schema == NULL) {
        return;
    }
    if (!slice_eq(version, recorded->version)) {
        load_recorded(recorded, version);
    }
    struct slice line = find_line(recorded, id_of(c));
    if (line.len == 0 || json_parse(corpus_parser(), line, &c->arena, &tape, NULL) != STATUS_OK) {
        return;
    }
    recorded->count++;
    bool expected = json_type(&tape, json_member(&tape, 0, SLICE("valid"))) == JSON_TRUE;
    CHECK_ROW(c->name, is_valid(c, CEDAR_VALIDATE_STRICT) == expected);
    check_list(c, &tape, SLICE("errors"), &errors);
    check_list(c, &tape, SLICE("warnings"), &warnings);
}

TEST(corpus_cedar_validate_places)
{
    static struct recorded recorded;
    recorded = (struct recorded){0};
    arena_init(&recorded.arena, RECORDED_BYTES_MAX, NULL);
    if (cedar_case_each(cedar_case_stride(), check_recorded, &recorded) > 0) {
        CHECK(recorded.count > 0);
    }
    arena_release(&recorded.arena);
}
