#include "core/gateway/skill.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>
#include <string.h>

#define TEXT_BYTES ((size_t)256 << 10)
#define FILE_OF(uri) "{\"uri\":\"" uri "\",\"digest\":\"sha256:00\",\"size\":1}"
#define ENTRY(uri, name, resources)                                                                \
    "{\"uri\":\"" uri "\",\"frontmatter\":{\"name\":\"" name "\",\"description\":\"d\"},"          \
    "\"resources\":" resources "}"
#define OWN FILE_OF("skill://a/refunds/SKILL.md")
#define REFUNDS(files) ENTRY("skill://a/refunds/SKILL.md", "refunds", "[" files "]")

/* Nothing of which the address speaks of a secret may be read; each question is counted. */
static bool may_read(void *context, struct slice uri)
{
    size_t *asked = context;
    (*asked)++;
    return slice_find_byte(uri, '$') == uri.len;
}

static enum status read_text(const char *text, struct arena *arena, struct skill *skill,
                             size_t *asked, struct diag *diag)
{
    struct json_tape tape;
    struct skill_rules rules = {may_read, asked};
    *asked = 0;
    CHECK_ROW(text,
              json_parse(corpus_parser(), slice_view_cstr(text), arena, &tape, NULL) == STATUS_OK);
    return skill_read((struct json_place){&tape, 0}, &rules, arena, skill, diag);
}

TEST(skill_entries_that_are_none)
{
    static const char *const rows[] = {
        "7",
        "[]",
        "{}",
        ENTRY("skill://a/refunds", "refunds", "[]"),
        ENTRY("skill://a/refunds/SKILL.md/", "refunds", "[]"),
        ENTRY("skill://a/refunds/skill.md", "refunds", "[]"),
        ENTRY("skill://a/refunds/xSKILL.md", "refunds", "[]"),
        ENTRY("skill:///SKILL.md", "", "[]"),
        ENTRY("skill:/SKILL.md", "skill:", "[]"),
        ENTRY("SKILL.md", "", "[]"),
        ENTRY("/SKILL.md", "", "[]"),
        ENTRY("skill://a/x/../refunds/SKILL.md", "refunds", "[]"),
        ENTRY("skill://a/refunds/SKILL.md?x", "refunds", "[]"),
        ENTRY("skill://a?/refunds/SKILL.md", "refunds", "[]"),
        ENTRY("skill://a/refunds/SKILL.md#/SKILL.md", "refunds", "[]"),
        /* Another name than that which policies see. */
        ENTRY("skill://a/refunds/SKILL.md", "payments", "[]"),
        ENTRY("skill://a/refunds/SKILL.md", "Refunds", "[]"),
        ENTRY("skill://a/refunds/SKILL.md", "a/refunds", "[]"),
        ENTRY("skill://a/refunds/SKILL.md", "", "[]"),
        "{\"uri\":\"skill://a/refunds/SKILL.md\",\"resources\":[]}",
        "{\"uri\":\"skill://a/refunds/SKILL.md\",\"frontmatter\":\"refunds\",\"resources\":[]}",
        "{\"uri\":\"skill://a/refunds/SKILL.md\",\"frontmatter\":{\"name\":7},\"resources\":[]}",
        "{\"uri\":{},\"frontmatter\":{\"name\":\"refunds\"},\"resources\":[]}",
        /* It must say which files it has. */
        "{\"uri\":\"skill://a/refunds/SKILL.md\",\"frontmatter\":{\"name\":\"refunds\"}}",
        ENTRY("skill://a/refunds/SKILL.md", "refunds", "null"),
        ENTRY("skill://a/refunds/SKILL.md", "refunds", "{}"),
        ENTRY("skill://a/refunds/SKILL.md", "refunds", "\"Dynamic\""),
        /* And they are its own. */
        REFUNDS(OWN ",7"),
        REFUNDS(OWN ",{}"),
        REFUNDS(OWN "," FILE_OF("skill://a/refunds")),
        REFUNDS(OWN "," FILE_OF("skill://a/refunds/")),
        REFUNDS(OWN "," FILE_OF("skill://a/refunds2/x")),
        REFUNDS(OWN "," FILE_OF("skill://a/other/SKILL.md")),
        REFUNDS(OWN "," FILE_OF("skill://b/refunds/x")),
        REFUNDS(OWN "," FILE_OF("file:///a/refunds/x")),
        REFUNDS(OWN "," FILE_OF("skill://a/refunds/../x")),
        REFUNDS(OWN "," FILE_OF("skill://a/refunds/%2e%2e/x")),
        REFUNDS(OWN "," FILE_OF("skill://a/refunds/a%2Fb")),
        REFUNDS(OWN "," FILE_OF("refunds/x")),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct skill skill;
        struct diag diag = {0};
        size_t asked = 0;
        arena_init(&arena, (size_t)1 << 20, NULL);
        CHECK_ROW(rows[i], read_text(rows[i], &arena, &skill, &asked, &diag) == STATUS_INVALID);
        CHECK_ROW(rows[i], diag.code != NULL);
        arena_release(&arena);
    }
}

TEST(skill_entries_and_who_may_read_them)
{
    static const struct {
        const char *text, *uri;
        size_t file_count, asked;
        const char *withheld; /* NULL: nothing */
    } rows[] = {
        {REFUNDS(OWN), "skill://a/refunds/SKILL.md", 1, 2, NULL},
        {REFUNDS(""), "skill://a/refunds/SKILL.md", 0, 1, NULL},
        {REFUNDS(OWN "," FILE_OF("SKILL://a/refunds/%61/b.md")), "skill://a/refunds/SKILL.md", 2, 3,
         NULL},
        {ENTRY("skill://refunds/SKILL.md", "refunds", "\"dynamic\""), "skill://refunds/SKILL.md", 0,
         1, NULL},
        {ENTRY("github://o/r/skills/refunds/SKILL.md", "refunds", "[]"),
         "github://o/r/skills/refunds/SKILL.md", 0, 1, NULL},
        {ENTRY("FILE://localhost/refunds/SKILL.md", "refunds", "[]"), "file:///refunds/SKILL.md", 0,
         1, NULL},
        /* One inside of another is a file of it, too. */
        {REFUNDS(OWN "," FILE_OF("skill://a/refunds/more/SKILL.md")), "skill://a/refunds/SKILL.md",
         2, 3, NULL},
        /* Nobody is asked about the rest. */
        {REFUNDS(OWN "," FILE_OF("skill://a/refunds/$") "," FILE_OF("skill://a/refunds/$2")),
         "skill://a/refunds/SKILL.md", 3, 3, "skill://a/refunds/$"},
        {ENTRY("skill://$/refunds/SKILL.md", "refunds", "\"dynamic\""),
         "skill://$/refunds/SKILL.md", 0, 1, "skill://$/refunds/SKILL.md"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct skill skill;
        size_t asked = 0;
        const char *withheld = rows[i].withheld == NULL ? "" : rows[i].withheld;
        arena_init(&arena, (size_t)1 << 20, NULL);
        CHECK_ROW(rows[i].text, read_text(rows[i].text, &arena, &skill, &asked, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].text, slice_eq(skill.uri, slice_view_cstr(rows[i].uri)));
        CHECK_ROW(rows[i].text, skill.file_count == rows[i].file_count && asked == rows[i].asked);
        CHECK_ROW(rows[i].text, skill.is_readable == (rows[i].withheld == NULL));
        CHECK_ROW(rows[i].text, slice_eq(skill.withheld, slice_view_cstr(withheld)));
        arena_release(&arena);
    }
}

TEST(skill_without_rules_is_nobodys)
{
    struct arena arena;
    struct json_tape tape;
    struct skill skill = {.is_readable = true};
    struct skill_rules rules = {0};
    arena_init(&arena, (size_t)1 << 20, NULL);
    CHECK(json_parse(corpus_parser(), SLICE(REFUNDS(OWN)), &arena, &tape, NULL) == STATUS_OK);
    CHECK(skill_read((struct json_place){&tape, 0}, &rules, &arena, &skill, NULL) == STATUS_OK);
    CHECK(!skill.is_readable);
    arena_release(&arena);
}

/* An entry with that many files besides its own. */
static void write_files(char *text, size_t count)
{
    size_t len = (size_t)snprintf(text, TEXT_BYTES, "%s",
                                  "{\"uri\":\"skill://a/refunds/SKILL.md\",\"frontmatter\":{"
                                  "\"name\":\"refunds\"},\"resources\":[" OWN);
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, TEXT_BYTES - len,
                                ",{\"uri\":\"skill://a/refunds/%zu\"}", i);
    }
    (void)snprintf(text + len, TEXT_BYTES - len, "]}");
}

TEST(skill_has_as_many_files_as_it_may)
{
    static char text[TEXT_BYTES];
    static const struct {
        size_t more;
        enum status status;
    } rows[] = {{SKILL_FILES_MAX - 1, STATUS_OK}, {SKILL_FILES_MAX, STATUS_INVALID}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct skill skill;
        struct diag diag = {0};
        size_t asked = 0;
        arena_init(&arena, (size_t)4 << 20, NULL);
        write_files(text, rows[i].more);
        CHECK(read_text(text, &arena, &skill, &asked, &diag) == rows[i].status);
        CHECK(skill.file_count == SKILL_FILES_MAX);
        arena_release(&arena);
    }
}

TEST(skill_folder_of_an_address)
{
    static const struct {
        const char *uri, *folder;
    } rows[] = {
        {"", ""},
        {"/SKILL.md", ""},
        {"skill://a", ""},
        {"skill://a/b", ""},
        {"skill:///SKILL.md", ""},
        {"skill://a/SKILL.md", "skill://a/"},
        {"skill://a/b/SKILL.md", "skill://a/b/"},
        {"skill://a/b/SKILL.md#", ""},
        {"skill://a?b/SKILL.md", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].uri, slice_eq(skill_folder(slice_view_cstr(rows[i].uri)),
                                        slice_view_cstr(rows[i].folder)));
    }
}
