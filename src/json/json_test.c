#include "support/check.h"
#include "json/tape.h"
#include "json/writer.h"

#include <dirent.h>
#include <stdio.h>

#define TEST_ARENA_BYTES ((size_t)64 << 20)

static struct json_parser parser;

static void init_parser(void)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const uint8_t SEED[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    json_parser_init(&parser, &LIMITS, SEED);
}

/* NULL when the text is accepted, else the code. */
static const char *verdict(struct slice text)
{
    struct arena arena;
    struct json_tape tape;
    struct diag diag = {0};
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    init_parser();
    enum status status = json_parse(&parser, text, &arena, &tape, &diag);
    arena_release(&arena);
    CHECK((status == STATUS_OK) == (diag.code == NULL));
    return diag.code;
}

TEST(json_refuses_by_name)
{
    static const struct {
        const char *name, *text, *code;
    } rows[] = {
        {"object", "{\"a\":[1,true,null,\"x\"]}", NULL},
        {"scalar", " 1 ", NULL},
        {"empty object", "{}", NULL},
        {"nested empties", "[[],{},[{}]]", NULL},
        {"big numbers", "[1e400,-0,9007199254740993,0.1e1]", NULL},
        {"surrogate pair", "\"\\ud834\\udd1e\"", NULL},
        {"empty", "", "json.empty"},
        {"space only", " \n", "json.empty"},
        {"byte order mark", "\xEF\xBB\xBF{}", "json.syntax"},
        {"two values", "{} {}", "json.syntax"},
        {"trailing comma", "[1,]", "json.syntax"},
        {"trailing comma in object", "{\"a\":1,}", "json.syntax"},
        {"missing comma", "[1 2]", "json.syntax"},
        {"missing colon", "{\"a\" 1}", "json.syntax"},
        {"single quotes", "{'a':1}", "json.syntax"},
        {"bare name", "{a:1}", "json.syntax"},
        {"unclosed", "[1", "json.syntax"},
        {"wrong bracket", "[1}", "json.syntax"},
        {"NaN", "[NaN]", "json.syntax"},
        {"Infinity", "[-Infinity]", "json.syntax"},
        {"plus", "+1", "json.syntax"},
        {"leading zero", "01", "json.syntax"},
        {"no integer part", ".5", "json.syntax"},
        {"no fraction", "1.", "json.syntax"},
        {"no exponent", "1e", "json.syntax"},
        {"hexadecimal", "0x10", "json.syntax"},
        {"comment", "/* */1", "json.syntax"},
        {"True", "True", "json.syntax"},
        {"raw tab", "\"a\tb\"", "json.syntax"},
        {"raw newline", "\"a\nb\"", "json.syntax"},
        {"unknown escape", "\"\\x41\"", "json.syntax"},
        {"cut escape", "\"\\u00\"", "json.syntax"},
        {"lone high", "\"\\ud800\"", "json.surrogate"},
        {"lone low", "\"\\udc00\"", "json.surrogate"},
        {"high then text", "\"\\ud800x\"", "json.surrogate"},
        {"swapped", "\"\\udc00\\ud800\"", "json.surrogate"},
        {"overlong", "\"\xC0\xAF\"", "json.utf8"},
        {"encoded surrogate", "\"\xED\xA0\x80\"", "json.utf8"},
        {"duplicate", "{\"a\":1,\"a\":1}", "json.duplicate"},
        {"duplicate after unescaping", "{\"name\":1,\"n\\u0061me\":2}", "json.duplicate"},
        {"deep duplicate", "[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]", "json.duplicate"},
        {"case differs", "{\"a\":1,\"A\":1}", NULL},
        {"composed and decomposed", "{\"\xC3\xA9\":1,\"e\xCC\x81\":1}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, str_eq(verdict(slice_view_cstr(rows[i].text)), rows[i].code));
    }
    CHECK(str_eq(verdict(slice_of("\0{}", 3)), "json.syntax"));
    CHECK(str_eq(verdict(slice_of("{}\0", 3)), "json.syntax"));
}

/* head, then piece repeated, then tail. */
static const char *verdict_of_repeated(const char *head, const char *piece, size_t times,
                                       const char *tail)
{
    struct buf buf;
    buf_init(&buf, (size_t)16 << 20, NULL);
    buf_append(&buf, slice_view_cstr(head));
    for (size_t i = 0; i < times; i++) {
        buf_append(&buf, slice_view_cstr(piece));
    }
    buf_append(&buf, slice_view_cstr(tail));
    const char *code = verdict(buf_view(&buf));
    buf_release(&buf);
    return code;
}

TEST(json_limits_at_the_bound_and_one_past)
{
    char closing[66];
    memset(closing, ']', sizeof(closing));
    closing[64] = '\0';
    CHECK(verdict_of_repeated("", "[", 64, closing) == NULL);
    CHECK(str_eq(verdict_of_repeated("", "[", 65, ""), "json.depth"));
    CHECK(str_eq(verdict_of_repeated("", "{\"a\":", 100000, ""), "json.depth"));
    CHECK(verdict_of_repeated("", "9", 4096, "") == NULL);
    CHECK(str_eq(verdict_of_repeated("", "9", 4097, ""), "json.limit"));
    CHECK(verdict_of_repeated("[0", ",1", 65534, "]") == NULL);
    CHECK(str_eq(verdict_of_repeated("[0", ",1", 65535, "]"), "json.limit"));
}

static const char *verdict_of_members(size_t count)
{
    struct buf buf;
    buf_init(&buf, (size_t)16 << 20, NULL);
    for (size_t i = 0; i < count; i++) {
        buf_append(&buf, i == 0 ? SLICE("{\"k") : SLICE(",\"k"));
        buf_append_u64(&buf, i);
        buf_append(&buf, SLICE("\":1"));
    }
    buf_append_byte(&buf, '}');
    const char *code = verdict(buf_view(&buf));
    buf_release(&buf);
    return code;
}

TEST(json_members_at_the_bound_and_one_past)
{
    CHECK(verdict_of_members(8) == NULL && verdict_of_members(9) == NULL);
    CHECK(verdict_of_members(4096) == NULL);
    CHECK(str_eq(verdict_of_members(4097), "json.limit"));
    CHECK(str_eq(verdict_of_repeated("{\"k\":1", ",\"k\":1", 2000, "}"), "json.duplicate"));
}

/* An object of so many members that names are looked up by their hash: one of len letters, others,
 * and the last one again, its first letter as an escape if asked. */
static const char *verdict_of_repeated_name(size_t len, size_t again_len, bool is_escaped)
{
    struct buf buf;
    buf_init(&buf, 4096, NULL);
    buf_append(&buf, SLICE("{\""));
    for (size_t i = 0; i < len; i++) {
        buf_append_byte(&buf, (uint8_t)('a' + i % 26));
    }
    for (uint64_t i = 0; i < 20; i++) {
        buf_append(&buf, SLICE("\":1,\""));
        buf_append_u64(&buf, i);
    }
    buf_append(&buf, is_escaped ? SLICE("\":1,\"\\u0061") : SLICE("\":1,\""));
    for (size_t i = is_escaped ? 1 : 0; i < again_len; i++) {
        buf_append_byte(&buf, (uint8_t)('a' + i % 26));
    }
    buf_append(&buf, SLICE("\":1}"));
    const char *code = verdict(buf_view(&buf));
    buf_release(&buf);
    return code;
}

TEST(json_duplicates_of_every_length)
{
    for (size_t len = 1; len < 40; len++) {
        CHECK(str_eq(verdict_of_repeated_name(len, len, false), "json.duplicate"));
        CHECK(str_eq(verdict_of_repeated_name(len, len, true), "json.duplicate"));
        CHECK(verdict_of_repeated_name(len, len + 1, false) == NULL);
        CHECK(verdict_of_repeated_name(len, len + 1, true) == NULL);
    }
    CHECK(str_eq(verdict_of_repeated_name(0, 0, false), "json.duplicate"));
}

/* Strings are read many bytes at a time; what is odd in one must be seen wherever it stands. */
TEST(json_odd_bytes_at_every_place)
{
    static const struct {
        const char *odd, *code;
    } ROWS[] = {
        {"\x1F", "json.syntax"},
        {"\n", "json.syntax"},
        {"\\x", "json.syntax"},
        {"\\u00g0", "json.syntax"},
        {"\"", "json.syntax"},
        {"\\ud800", "json.surrogate"},
        {"\\udc00", "json.surrogate"},
        {"\\ud800\\u0041", "json.surrogate"},
        {"\xFF", "json.utf8"},
        {"\xC3", "json.utf8"},
        {"\xED\xA0\x80", "json.utf8"},
        {"\x7F", NULL},
        {"\xC3\xBC", NULL},
        {"\\n", NULL},
        {"\\ud83d\\ude00", NULL},
    };
    static const char LETTERS[] = "The transfer fails with a limit for some clients";
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        for (size_t before = 0; before < sizeof(LETTERS); before++) {
            char text[128];
            int len = snprintf(text, sizeof(text), "[\"%.*s%s%s\"]", (int)before, LETTERS,
                               ROWS[i].odd, LETTERS + before);
            const char *code = verdict(slice_of(text, (size_t)len));
            CHECK_ROW(ROWS[i].odd,
                      ROWS[i].code == NULL ? code == NULL : str_eq(code, ROWS[i].code));
        }
    }
}

TEST(json_writer_splices_everywhere)
{
    static const struct {
        const char *text, *member; /* the edit concerns root's member, or root when NULL */
        enum json_edit_kind kind;
        const char *insert, *expected;
    } rows[] = {
        {"{ \"a\" : 1.0 , \"b\":[ 1,2 ] }", "a", JSON_EDIT_REPLACE, "7", "{\"a\":7,\"b\":[1,2]}"},
        {"{\"a\":1,\"b\":2}", "a", JSON_EDIT_REMOVE, "", "{\"b\":2}"},
        {"{\"a\":1,\"b\":2}", "b", JSON_EDIT_REMOVE, "", "{\"a\":1}"},
        {"{\"a\":1}", "a", JSON_EDIT_REMOVE, "", "{}"},
        {"{\"a\":{}}", "a", JSON_EDIT_APPEND, "\"x\":1", "{\"a\":{\"x\":1}}"},
        {"{\"a\":{\"y\":0}}", "a", JSON_EDIT_APPEND, "\"x\":1", "{\"a\":{\"y\":0,\"x\":1}}"},
        {"{}", NULL, JSON_EDIT_APPEND, "\"x\":1", "{\"x\":1}"},
        {"[ ]", NULL, JSON_EDIT_APPEND, "1", "[1]"},
        {"{\"n\":1e400,\"s\":\"\\u0061\"}", NULL, JSON_EDIT_APPEND, "",
         "{\"n\":1e400,\"s\":\"\\u0061\"}"},
    };
    init_parser();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct json_tape tape;
        struct buf out;
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        buf_init(&out, 4096, NULL);
        struct slice text = slice_view_cstr(rows[i].text);
        CHECK_ROW(rows[i].text, json_parse(&parser, text, &arena, &tape, NULL) == STATUS_OK);
        json_ref ref =
            rows[i].member == NULL ? 0 : json_member(&tape, 0, slice_view_cstr(rows[i].member));
        struct json_edit edit = {rows[i].kind, ref, slice_view_cstr(rows[i].insert)};
        json_write(&out, &tape, 0, &edit, 1);
        CHECK_ROW(rows[i].text, slice_eq(buf_view(&out), slice_view_cstr(rows[i].expected)));
        buf_release(&out);
        arena_release(&arena);
    }
}

TEST(json_readers_unescape)
{
    struct arena arena;
    struct json_tape tape;
    struct slice text = SLICE_EMPTY;
    int64_t number = 0;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    init_parser();
    struct slice source = SLICE("{\"n\\u0061me\":\"\\ud834\\udd1e\\n/\\/\",\"i\":-5,\"f\":1.0}");
    CHECK(json_parse(&parser, source, &arena, &tape, NULL) == STATUS_OK);
    json_ref name = json_member(&tape, 0, SLICE("name"));
    CHECK(name != JSON_NONE && json_string(&tape, name, &arena, &text) == STATUS_OK);
    CHECK(slice_eq(text, SLICE("\xF0\x9D\x84\x9E\n//")));
    CHECK(json_string_eq(&tape, name, text) && !json_string_eq(&tape, name, SLICE("\xF0")));
    CHECK(json_string_same(&tape, name, &tape, name));
    CHECK(json_integer(&tape, json_member(&tape, 0, SLICE("i")), &number) == STATUS_OK);
    CHECK(number == -5);
    CHECK(json_integer(&tape, json_member(&tape, 0, SLICE("f")), &number) == STATUS_INVALID);
    CHECK(json_member(&tape, 0, SLICE("missing")) == JSON_NONE);
    CHECK(json_member(&tape, name, SLICE("x")) == JSON_NONE);
    arena_release(&arena);
}

static bool parse_and_write(void *context)
{
    struct slice *text = context;
    struct arena arena;
    struct json_tape tape;
    struct buf out;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    buf_init(&out, 65536, NULL);
    enum status status = json_parse(&parser, *text, &arena, &tape, NULL);
    if (status == STATUS_OK) {
        json_write(&out, &tape, 0, NULL, 0);
        status = buf_status(&out);
    }
    buf_release(&out);
    arena_release(&arena);
    return status == STATUS_OK;
}

TEST(json_members_finds_all_in_one_walk)
{
    static const struct slice NAMES[] = {SLICE_INIT("a"), SLICE_INIT("bb"), SLICE_INIT("")};
    static const struct {
        const char *text;
        uint32_t found;
        json_ref values[COUNT_OF(NAMES)];
    } rows[] = {
        {"{\"a\":1,\"bb\":2}", 2, {2, 4, JSON_NONE}},
        {"{\"bb\":[0,1],\"\":3,\"a\":{\"bb\":0}}", 3, {8, 2, 6}},
        {"{\"\\u0061\":1,\"b\\u0062\":2}", 2, {2, 4, JSON_NONE}},
        {"{\"c\":1,\"a\":2,\"A\":3}", 1, {4, JSON_NONE, JSON_NONE}},
        {"{\"aa\":1,\"b\":2,\"bbb\":3,\" \":4}", 0, {JSON_NONE, JSON_NONE, JSON_NONE}},
        {"{}", 0, {JSON_NONE, JSON_NONE, JSON_NONE}},
        {"[\"a\",\"bb\"]", 0, {JSON_NONE, JSON_NONE, JSON_NONE}},
        {"\"a\"", 0, {JSON_NONE, JSON_NONE, JSON_NONE}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct json_tape tape;
        json_ref values[COUNT_OF(NAMES)] = {0};
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        init_parser();
        CHECK_ROW(rows[i].text, json_parse(&parser, slice_view_cstr(rows[i].text), &arena, &tape,
                                           NULL) == STATUS_OK);
        CHECK_ROW(rows[i].text,
                  json_members(&tape, 0, NAMES, COUNT_OF(NAMES), values) == rows[i].found);
        CHECK_ROW(rows[i].text, memcmp(values, rows[i].values, sizeof(values)) == 0);
        CHECK_ROW(rows[i].text,
                  json_members(&tape, JSON_NONE, NAMES, COUNT_OF(NAMES), values) == 0);
        CHECK_ROW(rows[i].text, values[0] == JSON_NONE && values[2] == JSON_NONE);
        arena_release(&arena);
    }
}

TEST(json_string_index_names_the_text)
{
    static const struct slice NAMES[] = {SLICE_INIT(""), SLICE_INIT("a"), SLICE_INIT("bb")};
    static const struct {
        const char *text;
        size_t index;
    } rows[] = {
        {"\"\"", 0},    {"\"a\"", 1}, {"\"\\u0062b\"", 2}, {"\"b\"", 3},   {"\"A\"", 3},
        {"\"bbb\"", 3}, {"1", 3},     {"null", 3},         {"[\"a\"]", 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct json_tape tape;
        arena_init(&arena, TEST_ARENA_BYTES, NULL);
        init_parser();
        CHECK_ROW(rows[i].text, json_parse(&parser, slice_view_cstr(rows[i].text), &arena, &tape,
                                           NULL) == STATUS_OK);
        CHECK_ROW(rows[i].text,
                  json_string_index(&tape, 0, NAMES, COUNT_OF(NAMES)) == rows[i].index);
        arena_release(&arena);
    }
}

/* {"a...a":0,"":1}, whose first name has len letters; odd: its first one as an escape. */
static json_ref parse_long_name(struct arena *arena, size_t len, bool odd, struct json_tape *tape)
{
    struct buf text;
    buf_init(&text, 1024, NULL);
    buf_append(&text, SLICE("{\""));
    for (size_t i = 0; i < len; i++) {
        buf_append(&text, odd && i == 0 ? SLICE("\\u0061") : SLICE("a"));
    }
    buf_append(&text, SLICE("\":0,\"\\u0062\":1}"));
    struct slice copy;
    init_parser();
    CHECK(arena_copy(arena, buf_view(&text), &copy) == STATUS_OK);
    CHECK(json_parse(&parser, copy, arena, tape, NULL) == STATUS_OK);
    buf_release(&text);
    return 2;
}

TEST(json_member_compares_every_byte)
{
    struct arena arena;
    struct json_tape tape;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    for (size_t len = 0; len <= 80; len++) {
        for (int odd = 0; odd <= 1; odd++) {
            uint8_t name[81];
            json_ref value = parse_long_name(&arena, len, odd == 1, &tape);
            memset(name, 'a', sizeof(name));
            CHECK(json_member(&tape, 0, slice_of(name, len)) == value);
            CHECK(json_member(&tape, 0, slice_of(name, len + 1)) == JSON_NONE);
            CHECK(json_member(&tape, 0, SLICE("b")) == value + 2);
            for (size_t i = 0; i < len; i++) {
                name[i] = 'A';
                CHECK(json_member(&tape, 0, slice_of(name, len)) == JSON_NONE);
                CHECK(!json_string_eq(&tape, value - 1, slice_of(name, len)));
                name[i] = 'a';
            }
        }
    }
    arena_release(&arena);
}

TEST(json_survives_every_failed_allocation)
{
    struct slice text = SLICE(
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"\\u0067\":7,\"h\":8,\"i\":[ {} ]}");
    init_parser();
    check_every_allocation(parse_and_write, &text);
}

/* Accepted text, written, must read back as the same structure. */
static void check_round_trip(const char *row, struct slice text)
{
    struct arena arena;
    struct json_tape first;
    struct json_tape second;
    struct buf out;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    buf_init(&out, (size_t)16 << 20, NULL);
    if (json_parse(&parser, text, &arena, &first, NULL) == STATUS_OK) {
        json_write(&out, &first, 0, NULL, 0);
        CHECK_ROW(row, json_parse(&parser, buf_view(&out), &arena, &second, NULL) == STATUS_OK);
        CHECK_ROW(row, first.count == second.count && second.is_compact);
        for (json_ref i = 0; i < first.count; i++) {
            bool is_scalar = json_type(&first, i) < JSON_ARRAY;
            CHECK_ROW(row, json_type(&first, i) == json_type(&second, i));
            CHECK_ROW(row, !is_scalar || slice_eq(json_raw(&first, i), json_raw(&second, i)));
        }
    }
    buf_release(&out);
    arena_release(&arena);
}

static struct slice read_file(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = arena_alloc(arena, (size_t)8 << 20);
    size_t len = file == NULL ? 0 : fread(bytes, 1, (size_t)8 << 20, file);
    CHECK_ROW(path, file != NULL);
    if (file != NULL) {
        fclose(file);
    }
    return slice_of(bytes, len);
}

/* Our rule for what the suite leaves open: refused exactly when two readers could differ in what
 * they see. Numbers of any size pass, because their digits travel untouched. */
static bool must_refuse_open_case(struct slice text, const char *code)
{
    bool is_named = str_eq(code, "json.utf8") || str_eq(code, "json.surrogate") ||
                    str_eq(code, "json.duplicate") || str_eq(code, "json.depth");
    bool has_mark = slice_starts_with(text, SLICE("\xEF\xBB\xBF")) ||
                    slice_starts_with(text, SLICE("\xFF\xFE")) ||
                    slice_starts_with(text, SLICE("\xFE\xFF")) ||
                    slice_find_byte(text, '\0') < text.len;
    return is_named || has_mark;
}

static void check_suite_file(const char *folder, const char *name)
{
    char path[1300];
    struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct slice text = read_file(path, &arena);
    const char *code = verdict(text);
    if (name[0] == 'n' && name[1] == '_') {
        CHECK_ROW(name, code != NULL);
    } else if (name[0] == 'y' && name[1] == '_') {
        /* The one deviation: a repeated name is legal JSON, and refused here. */
        CHECK_ROW(name, code == NULL || str_eq(code, "json.duplicate"));
    } else {
        CHECK_ROW(name, (code != NULL) == must_refuse_open_case(text, code));
    }
    check_round_trip(name, text);
    arena_release(&arena);
}

static void check_suite_folder(const char *name)
{
    const char *found = check_shared_path(name);
    if (found == NULL) {
        return;
    }
    char folder[1024];
    snprintf(folder, sizeof(folder), "%s", found);
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strstr(entry->d_name, ".json") != NULL) {
            check_suite_file(folder, entry->d_name);
            count++;
        }
    }
    closedir(dir);
    CHECK_ROW(name, count > 0);
}

TEST(corpus_json_suite)
{
    check_suite_folder("attack-data/json-suite/parsing");
    check_suite_folder("attack-data/json-suite/transform");
}

/* A naughty string must come through reading, writing and reading again byte for byte. */
static void check_naughty(const char *row, struct slice line)
{
    struct arena arena;
    struct json_tape tape;
    struct json_tape again;
    struct slice text;
    struct slice back;
    struct buf out;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    buf_init(&out, (size_t)1 << 20, NULL);
    enum status status = json_parse(&parser, line, &arena, &tape, NULL);
    json_ref ref = status == STATUS_OK ? json_member(&tape, 0, SLICE("text")) : JSON_NONE;
    CHECK_ROW(row, ref != JSON_NONE);
    if (ref != JSON_NONE && json_string(&tape, ref, &arena, &text) == STATUS_OK) {
        buf_append_json_string(&out, text);
        CHECK_ROW(row, slice_find_byte(buf_view(&out), '\n') == out.len);
        CHECK_ROW(row, json_parse(&parser, buf_view(&out), &arena, &again, NULL) == STATUS_OK &&
                           json_string(&again, 0, &arena, &back) == STATUS_OK &&
                           slice_eq(text, back));
    }
    buf_release(&out);
    arena_release(&arena);
}

TEST(corpus_naughty_strings)
{
    const char *path = check_shared_path("attack-data/naughty-strings/blns.jsonl");
    if (path == NULL) {
        return;
    }
    struct arena arena;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    init_parser();
    struct slice rest = read_file(path, &arena);
    size_t count = 0;
    while (rest.len > 0) {
        size_t end = slice_find_byte(rest, '\n');
        char row[32];
        snprintf(row, sizeof(row), "line %zu", ++count);
        check_naughty(row, slice_sub(rest, 0, end));
        rest = slice_sub(rest, end + 1, rest.len);
    }
    CHECK(count > 0);
    arena_release(&arena);
}

/* Memory for each byte of a text, times ten. pieces: "%" stands for the number of the repetition,
 * of one letter or more. */
static size_t memory_tenths(const char *head, const char *piece, const char *tail, size_t times)
{
    static const char LETTERS[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    struct arena arena;
    struct json_tape tape;
    struct buf buf;
    arena_init(&arena, TEST_ARENA_BYTES, NULL);
    buf_init(&buf, (size_t)16 << 20, NULL);
    buf_append(&buf, slice_view_cstr(head));
    for (size_t i = 0; i < times; i++) {
        for (const char *at = piece; *at != '\0'; at++) {
            size_t number = i;
            for (bool more = *at == '%'; more; number /= 64, more = number > 0) {
                buf_append_byte(&buf, (uint8_t)LETTERS[number % 64]);
            }
            buf_append(&buf, *at == '%' ? SLICE_EMPTY : slice_of(at, 1));
        }
    }
    buf_append(&buf, slice_view_cstr(tail));
    CHECK(json_parse(&parser, buf_view(&buf), &arena, &tape, NULL) == STATUS_OK);
    size_t tenths = arena.used_bytes * 10 / buf.len;
    buf_release(&buf);
    arena_release(&arena);
    return tenths;
}

/* Whoever sends a byte gets at most 20 bytes of memory for it, beyond what every message has. */
TEST(json_memory_is_a_small_multiple_of_the_text)
{
    static const struct {
        const char *head, *piece, *tail;
        size_t times_max;
    } ROWS[] = {
        {"[0", ",0", "]", 65534},
        {"[[]", ",[]", "]", 65534},
        {"[\"\"", ",\"\"", "]", 65534},
        {"[{\"\":0}", ",{\"\":0}", "]", 21000},
        {"{\"\":0", ",\"%\":0", "}", 4095},
        {"{\"\":0", ",\"\\n%\":0", "}", 4095},
        {"{\"\":\"\"", ",\"%\":[]", "}", 4095},
        {"[0", ",{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0}", "]",
         3400},
    };
    init_parser();
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        size_t worst = 0;
        /* On either side of each step at which anything grows, and up to the limits. */
        for (size_t times = 3000; times <= ROWS[i].times_max; times += times / 20) {
            size_t tenths = memory_tenths(ROWS[i].head, ROWS[i].piece, ROWS[i].tail, times);
            worst = tenths > worst ? tenths : worst;
        }
        CHECK_ROW(ROWS[i].piece, worst <= 200);
    }
}
