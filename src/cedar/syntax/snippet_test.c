/* The official corpus of policy texts: acceptance, the places of all errors, JSON forms, layout. */
#include "cedar/eval/like.h"
#include "cedar/syntax/lexer.h"

#include "support/check.h"
#include "support/corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static struct cedar_diagnostics diagnostics;

/* Lexical errors end the official parse, and come first whatever else was found. */
static bool is_lexical(struct slice message)
{
    return slice_eq(message, SLICE("invalid token"));
}

struct expected {
    struct {
        size_t from, to;
        bool is_found;
    } places[64];
    size_t count;
};

static size_t number_at(const struct json_tape *tape, json_ref list, uint32_t index)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    int64_t number = 0;
    json_iter_init(&iter, tape, list);
    for (uint32_t i = 0; i <= index; i++) {
        CHECK(json_iter_next(&iter, &key, &value));
    }
    CHECK(json_integer(tape, value, &number) == STATUS_OK);
    return (size_t)number;
}

/* An error and what the engine lists as related to it, which are the other errors. */
static void expect_errors(const struct json_tape *tape, json_ref errors, struct expected *expected)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref error = JSON_NONE;
    json_iter_init(&iter, tape, errors);
    while (json_iter_next(&iter, &key, &error)) {
        json_ref at = json_member(tape, error, SLICE("at"));
        json_ref first = at + 1; /* its first element */
        json_ref related = json_member(tape, error, SLICE("related"));
        if (json_count(tape, at) > 0 && expected->count < COUNT_OF(expected->places)) {
            expected->places[expected->count].from = number_at(tape, first, 0);
            expected->places[expected->count++].to = number_at(tape, first, 1);
        }
        if (related != JSON_NONE) {
            expect_errors(tape, related, expected);
        }
    }
}

/* Places are compared as sets: the engine repeats one for each bad escape of a string. */
static bool take_place(struct expected *expected, const struct cedar_diagnostic *found)
{
    bool is_expected = false;
    for (size_t i = 0; i < expected->count; i++) {
        if (expected->places[i].from == found->from && expected->places[i].to == found->to) {
            expected->places[i].is_found = true;
            is_expected = true;
        }
    }
    return is_expected;
}

/* With a syntax error the official parser does not look at the meaning of the other policies. */
static bool is_beyond(struct slice message, const struct cedar_diagnostic *found)
{
    struct slice own = slice_view_cstr(found->message);
    return slice_starts_with(message, SLICE("unexpected")) &&
           !slice_ends_with(own, SLICE("cannot stand here")) &&
           !slice_ends_with(own, SLICE("ends too early"));
}

static void show(const char *id, const struct expected *expected, struct slice text)
{
    fprintf(stderr, "  %s\n  expected:", id);
    for (size_t i = 0; i < expected->count; i++) {
        fprintf(stderr, " %zu..%zu", expected->places[i].from, expected->places[i].to);
    }
    fprintf(stderr, "\n  found:");
    for (size_t i = 0; i < diagnostics.count; i++) {
        fprintf(stderr, " %zu..%zu", diagnostics.items[i].from, diagnostics.items[i].to);
    }
    fprintf(stderr, "\n%.*s\n", SLICE_ARG(text));
}

static void check_places(const struct corpus_line *line, struct slice text)
{
    json_ref errors = json_member(&line->tape, 0, SLICE("errors"));
    struct expected expected = {0};
    struct slice message = corpus_text(line, errors + 1, "message");
    expect_errors(&line->tape, errors, &expected);
    bool ok = expected.count > 0 && diagnostics.count > 0;
    if (is_lexical(message)) {
        ok = ok && diagnostics.items[0].from == expected.places[0].from &&
             diagnostics.items[0].to == expected.places[0].to;
    } else {
        for (size_t i = 0; i < diagnostics.count; i++) {
            const struct cedar_diagnostic *item = &diagnostics.items[i];
            ok = (take_place(&expected, item) || is_beyond(message, item)) && ok;
        }
        for (size_t i = 0; i < expected.count; i++) {
            ok = ok && expected.places[i].is_found;
        }
    }
    if (!ok) {
        show(line->id, &expected, text);
    }
    CHECK_ROW(line->id, ok);
}

/* The index of the policy that comes next in the order of ids; SIZE_MAX at the end. */
static size_t next_by_id(const struct cedar_policy_set *set, bool are_templates, size_t last)
{
    size_t next = SIZE_MAX;
    for (size_t i = 0; i < cedar_policy_count(set); i++) {
        struct slice id = cedar_policy_get(set, i).id;
        bool is_behind = last == SIZE_MAX || slice_compare(id, cedar_policy_get(set, last).id) > 0;
        bool is_before = next == SIZE_MAX || slice_compare(id, cedar_policy_get(set, next).id) < 0;
        if (cedar_policy_get(set, i).is_template == are_templates && is_behind && is_before) {
            next = i;
        }
    }
    return next;
}

static bool is_form(const struct cedar_policy_set *set, size_t index, const struct json_tape *tape,
                    json_ref expected)
{
    struct buf json;
    buf_init(&json, (size_t)1 << 20, NULL);
    bool ok = cedar_policy_to_json(set, index, &json) == STATUS_OK &&
              corpus_same_json(buf_view(&json), tape, expected);
    if (!ok) {
        fprintf(stderr, "  expected %.*s\n  written  %.*s\n", SLICE_ARG(json_raw(tape, expected)),
                SLICE_ARG(buf_view(&json)));
    }
    buf_release(&json);
    return ok;
}

static void check_forms(const struct corpus_line *line, const struct cedar_policy_set *set,
                        struct slice member, bool are_templates)
{
    json_ref list = json_member(&line->tape, 0, member);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref expected = JSON_NONE;
    size_t index = next_by_id(set, are_templates, SIZE_MAX);
    if (list != JSON_NONE) {
        json_iter_init(&iter, &line->tape, list);
        while (json_iter_next(&iter, &key, &expected)) {
            CHECK_ROW(line->id, index != SIZE_MAX && is_form(set, index, &line->tape, expected));
            index = index == SIZE_MAX ? index : next_by_id(set, are_templates, index);
        }
    }
    CHECK_ROW(line->id, index == SIZE_MAX);
}

/* -- layout -------------------------------------------------------------------------------- */

static enum status format(struct slice text, struct buf *out)
{
    struct cedar_source source = {SLICE("snippet"), text};
    buf_clear(out);
    return cedar_format(&source, NULL, out, &diagnostics);
}

/* What is laid out is as expected, and stays as it is when it is laid out again. */
static void check_layout(const char *name, struct slice text, const struct slice *expected)
{
    struct buf once;
    struct buf twice;
    buf_init(&once, CEDAR_SOURCE_BYTES_MAX, NULL);
    buf_init(&twice, CEDAR_SOURCE_BYTES_MAX, NULL);
    CHECK_ROW(name, format(text, &once) == STATUS_OK);
    CHECK_ROW(name, format(buf_view(&once), &twice) == STATUS_OK);
    CHECK_ROW(name, slice_eq(buf_view(&once), buf_view(&twice)));
    if (expected != NULL) {
        bool ok = slice_eq(buf_view(&once), *expected);
        CHECK_ROW(name, ok);
        if (!ok) {
            fprintf(stderr, "expected:\n%.*s\nfound:\n%.*s\n", SLICE_ARG(*expected),
                    SLICE_ARG(buf_view(&once)));
        }
    }
    buf_release(&once);
    buf_release(&twice);
}

static void check_formatted(const struct corpus_line *line, struct slice text)
{
    struct slice expected = corpus_text(line, 0, "formatted");
    check_layout(line->id, text, expected.len == 0 ? NULL : &expected);
}

static void check_text(const struct corpus_line *line, struct slice text)
{
    struct cedar_source source = {SLICE("snippet"), text};
    struct cedar_policy_set *set = NULL;
    bool ok = corpus_flag(line, 0, "ok");
    enum status status = cedar_policy_set_parse(&source, 1, false, &set, &diagnostics);
    CHECK_ROW(line->id, (status == STATUS_OK) == ok);
    if (status == STATUS_OK) {
        check_forms(line, set, SLICE("static"), false);
        check_forms(line, set, SLICE("templates"), true);
        check_formatted(line, text);
        cedar_policy_set_free(set);
    } else if (!ok) {
        check_places(line, text);
    }
}

static void check_policies(const struct corpus_line *line, void *context)
{
    (void)context;
    check_text(line, corpus_text(line, 0, "src"));
}

static void check_condition(const struct corpus_line *line, void *context)
{
    struct buf text;
    (void)context;
    buf_init(&text, (size_t)1 << 20, NULL);
    buf_append(&text, SLICE("permit(principal, action, resource) when { "));
    buf_append(&text, corpus_text(line, 0, "expr"));
    buf_append(&text, SLICE(" };"));
    check_text(line, buf_view(&text));
    buf_release(&text);
}

TEST(corpus_cedar_snippet_forms_and_places)
{
    (void)corpus_each_line("cedar-tests/snippets/policies.jsonl", check_policies, NULL);
    (void)corpus_each_line("cedar-tests/snippets/edge.jsonl", check_policies, NULL);
    (void)corpus_each_line("cedar-tests/snippets/exprs.jsonl", check_condition, NULL);
}

/* -- strings and patterns ------------------------------------------------------------------ */

static struct slice between(struct buf *text, const char *before, struct slice inner,
                            const char *after)
{
    buf_init(text, (size_t)1 << 20, NULL);
    buf_append(text, SLICE("permit(principal, action, resource) when { "));
    buf_append(text, slice_view_cstr(before));
    buf_append(text, inner);
    buf_append(text, slice_view_cstr(after));
    buf_append(text, SLICE(" };"));
    return buf_view(text);
}

static bool same_bytes(struct slice a, struct slice b)
{
    bool same = slice_eq(a, b);
    if (!same) {
        fprintf(stderr, "  expected %.*s\n  written  %.*s\n", SLICE_ARG(a), SLICE_ARG(b));
    }
    return same;
}

/* The JSON of the one policy has the recorded value, as written on one line, at its place. */
static void check_literal(const struct corpus_line *line, struct slice text, const char *before,
                          const char *after)
{
    struct cedar_source source = {SLICE("vector"), text};
    struct cedar_policy_set *set = NULL;
    bool ok = corpus_flag(line, 0, "ok");
    enum status status = cedar_policy_set_parse(&source, 1, false, &set, &diagnostics);
    CHECK_ROW(line->id, (status == STATUS_OK) == ok);
    if (status != STATUS_OK) {
        return;
    }
    struct buf written;
    struct buf expected;
    struct json_tape tape;
    buf_init(&written, (size_t)1 << 20, NULL);
    buf_init(&expected, (size_t)1 << 20, NULL);
    CHECK_ROW(line->id, cedar_policy_to_json(set, 0, &written) == STATUS_OK);
    buf_append(&expected, slice_view_cstr(before));
    buf_append(&expected, json_raw(&line->tape, json_member(&line->tape, 0, SLICE("value"))));
    buf_append(&expected, slice_view_cstr(after));
    struct arena *arena = (struct arena *)(uintptr_t)&line->arena;
    CHECK_ROW(line->id,
              json_parse(corpus_parser(), buf_view(&expected), arena, &tape, NULL) == STATUS_OK);
    bool same = corpus_same_json(buf_view(&written), &tape, 0);
    CHECK_ROW(line->id, same || same_bytes(buf_view(&expected), buf_view(&written)));
    buf_release(&written);
    buf_release(&expected);
    cedar_policy_set_free(set);
}

#define POLICY_HEAD                                                                                \
    "{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},"           \
    "\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":"

static void check_match(const struct corpus_line *line)
{
    struct arena *arena = (struct arena *)(uintptr_t)&line->arena;
    struct slice unused = SLICE_EMPTY;
    struct pattern_part *parts = NULL;
    size_t count = 0;
    size_t bad = 0;
    CHECK_ROW(line->id, lexer_unescape(corpus_text(line, 0, "pattern"), arena, &unused, &parts,
                                       &count, &bad) == STATUS_OK);
    CHECK_ROW(line->id, like_matches(parts, count, corpus_text(line, 0, "text")) ==
                            corpus_flag(line, 0, "match"));
}

static void check_string_vector(const struct corpus_line *line, void *context)
{
    struct slice kind = corpus_text(line, 0, "kind");
    struct slice source = corpus_text(line, 0, "source");
    struct buf text;
    size_t *seen = context;
    if (slice_eq(kind, SLICE("string"))) {
        check_literal(line, between(&text, "\"", source, "\""), POLICY_HEAD "{\"Value\":", "}}]}");
    } else if (slice_eq(kind, SLICE("pattern"))) {
        check_literal(line, between(&text, "\"\" like \"", source, "\""),
                      POLICY_HEAD "{\"like\":{\"left\":{\"Value\":\"\"},\"pattern\":", "}}}]}");
    } else {
        check_match(line);
        buf_init(&text, 0, NULL);
    }
    (*seen)++;
    buf_release(&text);
}

TEST(corpus_cedar_string_vectors)
{
    size_t seen = 0;
    size_t lines =
        corpus_each_line("cedar-tests/vectors/string-vectors.jsonl", check_string_vector, &seen);
    CHECK(lines == 0 || seen > 0);
}

/* -- layout of files ----------------------------------------------------------------------- */

/* Line feeds around the text are not significant in these files. */
static struct slice without_line_feeds(struct slice text)
{
    while (slice_ends_with(text, SLICE("\n"))) {
        text = slice_sub(text, 0, text.len - 1);
    }
    while (slice_starts_with(text, SLICE("\n"))) {
        text = slice_sub(text, 1, text.len);
    }
    return text;
}

static void check_layout_file(const char *root, const char *name)
{
    struct arena arena;
    char file[512];
    arena_init(&arena, (size_t)64 << 20, NULL);
    snprintf(file, sizeof(file), "in/%s", name);
    struct slice text = corpus_file(&arena, root, file);
    snprintf(file, sizeof(file), "out/%s", name);
    struct slice expected = without_line_feeds(corpus_file(&arena, root, file));
    struct buf found;
    buf_init(&found, CEDAR_SOURCE_BYTES_MAX, NULL);
    CHECK_ROW(name, format(text, &found) == STATUS_OK);
    CHECK_ROW(name, slice_eq(without_line_feeds(buf_view(&found)), expected));
    check_layout(name, text, NULL);
    buf_release(&found);
    arena_release(&arena);
}

TEST(corpus_cedar_layout_of_files)
{
    const char *found = check_shared_path("cedar-tests/formatter");
    char root[256];
    size_t count = 0;
    snprintf(root, sizeof(root), "%s/in", found == NULL ? "" : found);
    DIR *folder = found == NULL ? NULL : opendir(root);
    snprintf(root, sizeof(root), "%s", found == NULL ? "" : found);
    for (struct dirent *entry = folder == NULL ? NULL : readdir(folder); entry != NULL;
         entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            check_layout_file(root, entry->d_name);
            count++;
        }
    }
    if (folder != NULL) {
        closedir(folder);
        CHECK(count >= 21);
    }
}

/* -- the generated corpora ----------------------------------------------------------------- */

struct corpora {
    char folder[256];
    const char *name; /* "corpus-4.10" */
    size_t policies;
};

static void check_case(const struct corpus_line *line, void *context)
{
    struct corpora *corpora = context;
    struct cedar_policy_set *set = NULL;
    struct arena arena;
    char file[512];
    arena_init(&arena, (size_t)64 << 20, NULL);
    snprintf(file, sizeof(file), "%s/corpus-tests/%s.cedar", corpora->name, line->id);
    struct cedar_source source = {SLICE("corpus"), corpus_file(&arena, corpora->folder, file)};
    bool ok = cedar_policy_set_parse(&source, 1, false, &set, &diagnostics) == STATUS_OK;
    CHECK_ROW(line->id, ok);
    if (ok) {
        corpora->policies += cedar_policy_count(set);
        check_forms(line, set, SLICE("est"), false);
        check_formatted(line, source.text);
        cedar_policy_set_free(set);
    }
    arena_release(&arena);
}

TEST(corpus_cedar_forms_of_generated_policies)
{
    static const char *const NAMES[] = {"corpus-4.10", "corpus-4.9", "corpus-4.8"};
    size_t count = getenv("AEGIS_LONG") != NULL ? COUNT_OF(NAMES) : 1;
    for (size_t i = 0; i < count; i++) {
        struct corpora corpora = {.name = NAMES[i]};
        char archive[128];
        char expected[128];
        snprintf(archive, sizeof(archive), "cedar-tests/corpus/%s.tar.xz", NAMES[i]);
        snprintf(expected, sizeof(expected), "cedar-tests/oracle-4.13/expected-%s.jsonl.xz",
                 NAMES[i] + strlen("corpus-"));
        if (!corpus_unpack(archive, corpora.folder, sizeof(corpora.folder))) {
            return;
        }
        (void)corpus_each_line(expected, check_case, &corpora);
        CHECK(corpora.policies > 0);
        corpus_remove(corpora.folder);
    }
}
