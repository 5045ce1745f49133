#include "core/identity/revocations.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>

#define COUNT_MAX 100
#define SHA256_OF_ONE "f00dfeedf00dfeed0123456789abcdef0123456789abcdef0123456789abcdef"

static struct revocations *read_list(const char *text)
{
    struct revocations *list = NULL;
    CHECK_ROW(text, revocations_read(corpus_parser(), slice_view_cstr(text), COUNT_MAX, &list,
                                     NULL) == STATUS_OK);
    return list;
}

TEST(revocations_are_read_whole_or_not_at_all)
{
    static const struct {
        const char *name, *text;
        size_t count; /* SIZE_MAX: refused */
    } rows[] = {
        {"nothing", "", 0},
        {"empty lines and comments", "\n\r\n \n# {}\n  # two\n", 0},
        {"an id", "{\"issuer\":\"corp\",\"jti\":\"a\"}", 1},
        {"a comment in front", "# lost\n{\"issuer\":\"corp\",\"jti\":\"a\"}\n", 1},
        {"a hash", "{\"token\":\"" SHA256_OF_ONE "\"}", 1},
        {"the digits of the audit", "{\"token\":\"f00dfeedf00dfeed\"}", 1},
        {"a subject", "{\"issuer\":\"corp\",\"subject\":\"a\",\"reason\":\"left\"}\n", 1},
        {"a subject until", "{\"issuer\":\"c\",\"subject\":\"a\",\"issued_before\":5}", 1},
        {"a session", "{\"issuer\":\"c\",\"session\":\"a\",\"expires_at\":5}", 1},
        {"a client", "{\"client\":\"a\",\"issuer\":\"corp\"}\r\n", 1},
        {"a client until", "{\"client\":\"a\",\"issuer\":\"corp\",\"issued_before\":1}", 1},
        {"a key", "{\"key\":\"4be1a9c07d52\"}", 1},
        {"an issuer", "{\"issuer\":\"corp\",\"issued_before\":5}", 1},
        {"the same twice",
         "{\"issuer\":\"c\",\"client\":\"a\"}\n{\"issuer\":\"c\",\"client\":\"a\"}", 1},
        {"a good line and a bad one", "{\"issuer\":\"corp\",\"jti\":\"a\"}\n{}", SIZE_MAX},
        {"half a line", "{\"issuer\":\"corp\",\"jti\":\"a\"}\n{\"issuer\":\"co", SIZE_MAX},
        {"no JSON", "corp a", SIZE_MAX},
        {"a list", "[{\"issuer\":\"corp\",\"jti\":\"a\"}]", SIZE_MAX},
        {"two on a line", "{\"key\":\"a\"} {\"key\":\"b\"}", SIZE_MAX},
        {"a comment behind", "{\"key\":\"a\"} # why", SIZE_MAX},
        {"no issuer", "{\"jti\":\"a\"}", SIZE_MAX},
        {"a whole issuer for ever", "{\"issuer\":\"corp\"}", SIZE_MAX},
        {"everybody", "{\"issued_before\":5}", SIZE_MAX},
        {"two at once", "{\"issuer\":\"corp\",\"jti\":\"a\",\"subject\":\"b\"}", SIZE_MAX},
        {"an unknown member", "{\"issuer\":\"corp\",\"jti\":\"a\",\"tenant\":\"b\"}", SIZE_MAX},
        {"a member twice", "{\"issuer\":\"corp\",\"jti\":\"a\",\"jti\":\"b\"}", SIZE_MAX},
        {"an empty value", "{\"issuer\":\"corp\",\"jti\":\"\"}", SIZE_MAX},
        {"a value that is no text", "{\"issuer\":\"corp\",\"subject\":1}", SIZE_MAX},
        {"a control character", "{\"issuer\":\"corp\",\"subject\":\"a\\u0000\"}", SIZE_MAX},
        {"a time as text", "{\"issuer\":\"c\",\"subject\":\"a\",\"issued_before\":\"5\"}",
         SIZE_MAX},
        {"a time of zero", "{\"issuer\":\"c\",\"subject\":\"a\",\"issued_before\":0}", SIZE_MAX},
        {"an end of zero", "{\"key\":\"a\",\"expires_at\":0}", SIZE_MAX},
        {"a broken second", "{\"key\":\"a\",\"expires_at\":1.5}", SIZE_MAX},
        {"a time of an id", "{\"issuer\":\"c\",\"jti\":\"a\",\"issued_before\":5}", SIZE_MAX},
        {"a time of a session", "{\"issuer\":\"c\",\"session\":\"a\",\"issued_before\":5}",
         SIZE_MAX},
        {"a time of a key", "{\"key\":\"a\",\"issued_before\":5}", SIZE_MAX},
        {"an issuer of a key", "{\"issuer\":\"c\",\"key\":\"a\"}", SIZE_MAX},
        {"an issuer of a hash", "{\"issuer\":\"c\",\"token\":\"f00dfeedf00dfeed\"}", SIZE_MAX},
        {"too few digits", "{\"token\":\"f00dfeedf00dfee\"}", SIZE_MAX},
        {"a part of a hash", "{\"token\":\"f00dfeedf00dfeed0\"}", SIZE_MAX},
        {"digits of another case", "{\"token\":\"F00DFEEDF00DFEED\"}", SIZE_MAX},
        {"no digits", "{\"token\":\"f00dfeedf00dfeeg\"}", SIZE_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct revocations *list = NULL;
        struct diag diag = {0};
        bool is_good = rows[i].count != SIZE_MAX;
        CHECK_ROW(rows[i].name,
                  revocations_read(corpus_parser(), slice_view_cstr(rows[i].text), COUNT_MAX, &list,
                                   &diag) == (is_good ? STATUS_OK : STATUS_INVALID));
        CHECK_ROW(rows[i].name, str_eq(diag.code, is_good ? NULL : "revocation.malformed"));
        CHECK_ROW(rows[i].name, revocations_count(list) == (is_good ? rows[i].count : 0));
        revocations_unref(list);
    }
}

TEST(revocations_name_the_line_that_is_wrong)
{
    struct revocations *list = NULL;
    struct diag diag = {0};
    CHECK(revocations_read(corpus_parser(), SLICE("# one\n\n{\"key\":\"a\"}\nx\n"), COUNT_MAX,
                           &list, &diag) == STATUS_INVALID);
    CHECK(str_eq(diag.message, "line 4: it is no JSON object"));
}

static const char LIST[] =
    "{\"issuer\":\"corp\",\"subject\":\"gone\",\"reason\":\"left the company\"}\n"
    "{\"issuer\":\"corp\",\"subject\":\"late\",\"issued_before\":50}\n"
    "{\"issuer\":\"corp\",\"subject\":\"late\",\"issued_before\":100}\n"
    "{\"issuer\":\"corp\",\"subject\":\"brief\",\"expires_at\":1000}\n"
    "{\"issuer\":\"corp\",\"client\":\"app\"}\n"
    "{\"issuer\":\"corp\",\"client\":\"leaky\",\"issued_before\":100}\n"
    "{\"issuer\":\"corp\",\"session\":\"s1\"}\n"
    "{\"issuer\":\"corp\",\"jti\":\"t1\"}\n"
    "{\"token\":\"" SHA256_OF_ONE "\"}\n"
    "{\"key\":\"4be1a9c07d52\"}\n"
    "{\"issuer\":\"old\",\"issued_before\":200}\n";

/* Each row differs from a caller whom nothing shuts out in what it names. */
TEST(revocations_shut_out_whom_they_name)
{
    static const struct {
        const char *name, *issuer, *subject, *client, *session, *id, *fingerprint, *key;
        int64_t issued_at_s, now_s;
        bool has_api_key, is_out;
    } rows[] = {
        {"a stranger to the list", "corp", "ann", "c", "s", "t", "00", "k", 10, 1, false, false},
        {"the subject", "corp", "gone", "c", "s", "t", "00", "k", 10, 1, false, true},
        {"whenever", "corp", "gone", "c", "s", "t", "00", "k", INT64_MAX - 1, 1, false, true},
        {"of another issuer", "other", "gone", "c", "s", "t", "00", "k", 10, 1, false, false},
        {"a subject that begins alike", "corp", "gone2", "c", "s", "t", "00", "k", 10, 1, false,
         false},
        {"before the time", "corp", "late", "c", "s", "t", "00", "k", 99, 1, false, true},
        {"at the time", "corp", "late", "c", "s", "t", "00", "k", 100, 1, false, false},
        {"without a time", "corp", "late", "c", "s", "t", "00", "k", 0, 1, false, true},
        {"before the end", "corp", "brief", "c", "s", "t", "00", "k", 10, 999, false, true},
        {"at the end", "corp", "brief", "c", "s", "t", "00", "k", 10, 1000, false, false},
        {"the client", "corp", "ann", "app", "s", "t", "00", "k", 10, 1, false, true},
        {"the client as subject", "corp", "app", "c", "s", "t", "00", "k", 10, 1, false, false},
        {"another's client", "other", "ann", "app", "s", "t", "00", "k", 10, 1, false, false},
        {"a client before", "corp", "ann", "leaky", "s", "t", "00", "k", 99, 1, false, true},
        {"a client since", "corp", "ann", "leaky", "s", "t", "00", "k", 100, 1, false, false},
        {"the session", "corp", "ann", "c", "s1", "t", "00", "k", 10, 1, false, true},
        {"another's session", "other", "ann", "c", "s1", "t", "00", "k", 10, 1, false, false},
        {"the id", "corp", "ann", "c", "s", "t1", "00", "k", 10, 1, false, true},
        {"another's id", "other", "ann", "c", "s", "t1", "00", "k", 10, 1, false, false},
        {"the hash", "corp", "ann", "c", "s", "t", "f00dfeedf00dfeed", "k", 10, 1, false, true},
        {"whoever's", "other", "ann", "c", "s", "t", "f00dfeedf00dfeed", "k", 10, 1, false, true},
        {"a hash before it", "corp", "ann", "c", "s", "t", "f00dfeedf00dfeec", "k", 10, 1, false,
         false},
        {"the key", "agents", "ci", "k", "", "", "00", "4be1a9c07d52", 0, 1, true, true},
        {"a kid of that name", "corp", "ci", "k", "", "", "00", "4be1a9c07d52", 0, 1, false, false},
        {"another key", "agents", "ci", "k", "", "", "00", "4be1a9c07d53", 0, 1, true, false},
        {"the issuer before", "old", "ann", "c", "s", "t", "00", "k", 199, 1, false, true},
        {"the issuer since", "old", "ann", "c", "s", "t", "00", "k", 200, 1, false, false},
        {"no client, session, id", "corp", "ann", "", "", "", "", "", 10, 1, false, false},
    };
    struct revocations *list = read_list(LIST);
    CHECK(revocations_count(list) == 10);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct principal principal = {.issuer = slice_view_cstr(rows[i].issuer),
                                      .subject = slice_view_cstr(rows[i].subject),
                                      .client_id = slice_view_cstr(rows[i].client),
                                      .session_id = slice_view_cstr(rows[i].session),
                                      .token_id = slice_view_cstr(rows[i].id),
                                      .fingerprint = slice_view_cstr(rows[i].fingerprint),
                                      .key_id = slice_view_cstr(rows[i].key),
                                      .has_api_key = rows[i].has_api_key,
                                      .issued_at_s = rows[i].issued_at_s};
        struct diag diag = {0};
        enum status status = revocations_check(list, &principal, rows[i].now_s, &diag);
        CHECK_ROW(rows[i].name, status == (rows[i].is_out ? STATUS_UNAUTHENTICATED : STATUS_OK));
        CHECK_ROW(rows[i].name, str_eq(diag.code, rows[i].is_out ? "token.revoked" : NULL));
        CHECK_ROW(rows[i].name, revocations_find(NULL, &principal, rows[i].now_s) == NULL);
    }
    revocations_unref(list);
}

TEST(revocations_say_why)
{
    struct revocations *list = read_list(LIST);
    struct principal principal = {.issuer = SLICE("corp"), .subject = SLICE("gone")};
    struct diag diag = {0};
    CHECK(revocations_check(list, &principal, 1, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.message, "token is revoked by its subject: left the company"));
    principal.issuer = SLICE("old");
    CHECK(revocations_check(list, &principal, 1, &diag) == STATUS_UNAUTHENTICATED);
    CHECK(str_eq(diag.message, "token is revoked by its issuer: no reason is given"));
    revocations_unref(list);
}

/* Two lines about the same shut out whom either shuts out. */
TEST(revocations_about_the_same_are_joined)
{
    struct revocations *list =
        read_list("{\"issuer\":\"c\",\"subject\":\"a\",\"issued_before\":9,\"expires_at\":50}\n"
                  "{\"issuer\":\"c\",\"subject\":\"a\",\"issued_before\":5,\"reason\":\"x\"}\n");
    CHECK(revocations_count(list) == 1);
    const struct revocation *entry = revocations_at(list, 0);
    CHECK(entry->issued_before_s == 9 && entry->expires_at_s == INT64_MAX);
    CHECK(slice_eq(entry->reason, SLICE("x")));
    revocations_unref(list);
}

TEST(revocations_cover_what_reaches_no_further)
{
    static const struct {
        const char *name;
        struct revocation asked;
        bool is_covered;
    } rows[] = {
        {"the same",
         {REVOCATION_SUBJECT, SLICE_INIT("corp"), SLICE_INIT("late"), 100, INT64_MAX, {0}},
         true},
        {"less", {REVOCATION_SUBJECT, SLICE_INIT("corp"), SLICE_INIT("late"), 99, 500, {0}}, true},
        {"more tokens",
         {REVOCATION_SUBJECT, SLICE_INIT("corp"), SLICE_INIT("late"), 101, 500, {0}},
         false},
        {"longer",
         {REVOCATION_SUBJECT, SLICE_INIT("corp"), SLICE_INIT("brief"), INT64_MAX, 1001, {0}},
         false},
        {"somebody else",
         {REVOCATION_SUBJECT, SLICE_INIT("corp"), SLICE_INIT("ann"), 1, 1, {0}},
         false},
        {"another kind",
         {REVOCATION_CLIENT, SLICE_INIT("corp"), SLICE_INIT("late"), 1, 1, {0}},
         false},
    };
    struct revocations *list = read_list(LIST);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, revocations_cover(list, &rows[i].asked) == rows[i].is_covered);
        CHECK_ROW(rows[i].name, !revocations_cover(NULL, &rows[i].asked));
    }
    revocations_unref(list);
}

/* What is written is what is read. */
TEST(revocations_come_back_from_their_lines)
{
    static const struct revocation ROWS[] = {
        {REVOCATION_TOKEN, {0}, SLICE_INIT("f00dfeedf00dfeed"), INT64_MAX, 99, SLICE_INIT("lost")},
        {REVOCATION_ID, SLICE_INIT("corp"), SLICE_INIT("a\"b"), INT64_MAX, INT64_MAX, {0}},
        {REVOCATION_SUBJECT, SLICE_INIT("corp"), SLICE_INIT("\xc3\xa4"), 77, INT64_MAX, {0}},
        {REVOCATION_SESSION, SLICE_INIT("corp"), SLICE_INIT("s"), INT64_MAX, 5, SLICE_INIT("\\")},
        {REVOCATION_CLIENT, SLICE_INIT("corp"), SLICE_INIT("https://x/\\"), 5, 6, {0}},
        {REVOCATION_KEY, {0}, SLICE_INIT("4be1a9c07d52"), INT64_MAX, INT64_MAX, {0}},
        {REVOCATION_ISSUER, SLICE_INIT("corp"), {0}, 1, 2, SLICE_INIT("breach")},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) {
        struct revocations *list = NULL;
        struct buf line;
        buf_init(&line, 4096, NULL);
        revocation_write(&ROWS[i], &line);
        CHECK(revocations_read(corpus_parser(), buf_view(&line), COUNT_MAX, &list, NULL) ==
              STATUS_OK);
        CHECK(revocations_count(list) == 1);
        const struct revocation *found = revocations_at(list, 0);
        CHECK(found->kind == ROWS[i].kind && slice_eq(found->issuer, ROWS[i].issuer) &&
              slice_eq(found->value, ROWS[i].value) && slice_eq(found->reason, ROWS[i].reason) &&
              found->issued_before_s == ROWS[i].issued_before_s &&
              found->expires_at_s == ROWS[i].expires_at_s);
        CHECK(revocations_cover(list, &ROWS[i]));
        revocations_unref(list);
        buf_release(&line);
    }
}

TEST(revocations_are_bounded)
{
    struct buf text;
    buf_init(&text, 65536, NULL);
    for (int i = 0; i <= COUNT_MAX; i++) {
        char line[64];
        int len = snprintf(line, sizeof(line), "{\"issuer\":\"c\",\"jti\":\"%d\"}\n# %d\n", i, i);
        buf_append(&text, slice_of(line, (size_t)len));
        if (i < COUNT_MAX - 1) {
            continue;
        }
        struct revocations *list = NULL;
        struct diag diag = {0};
        bool fits = i < COUNT_MAX;
        CHECK(revocations_read(corpus_parser(), buf_view(&text), COUNT_MAX, &list, &diag) ==
              (fits ? STATUS_OK : STATUS_INVALID));
        CHECK(str_eq(diag.code, fits ? NULL : "revocation.limit"));
        CHECK(revocations_count(list) == (fits ? (size_t)COUNT_MAX : 0));
        revocations_unref(list);
    }
    buf_release(&text);
}

static bool read_once(void *context)
{
    struct revocations *list = NULL;
    enum status status =
        revocations_read(corpus_parser(), slice_view_cstr(context), COUNT_MAX, &list, NULL);
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    CHECK(revocations_count(list) == (status == STATUS_OK ? 10 : 0));
    revocations_unref(list);
    return status == STATUS_OK;
}

TEST(revocations_without_memory_are_none)
{
    check_every_allocation(read_once, (void *)(uintptr_t)LIST);
}

/* Each text of an entry with as many bytes as it may have, and with one more. */
TEST(revocations_have_short_texts)
{
    static const struct {
        const char *name, *before, *after;
        size_t bytes_max;
    } rows[] = {
        {"an id", "{\"issuer\":\"c\",\"jti\":\"", "\"}", REVOCATION_TEXT_BYTES_MAX},
        {"an issuer", "{\"jti\":\"a\",\"issuer\":\"", "\"}", REVOCATION_TEXT_BYTES_MAX},
        {"a subject", "{\"issuer\":\"c\",\"subject\":\"", "\"}", REVOCATION_TEXT_BYTES_MAX},
        {"a reason", "{\"issuer\":\"c\",\"jti\":\"a\",\"reason\":\"", "\"}",
         REVOCATION_REASON_BYTES_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        size_t over = i % 2;
        struct revocations *list = NULL;
        struct diag diag = {0};
        struct buf text;
        buf_init(&text, 2 * REVOCATION_TEXT_BYTES_MAX, NULL);
        buf_append(&text, slice_view_cstr(rows[i / 2].before));
        for (size_t k = 0; k < rows[i / 2].bytes_max + over; k++) {
            buf_append_byte(&text, 'a');
        }
        buf_append(&text, slice_view_cstr(rows[i / 2].after));
        enum status status =
            revocations_read(corpus_parser(), buf_view(&text), COUNT_MAX, &list, &diag);
        CHECK_ROW(rows[i / 2].name, status == (over == 0 ? STATUS_OK : STATUS_INVALID));
        CHECK_ROW(rows[i / 2].name, str_eq(diag.code, over == 0 ? NULL : "revocation.malformed"));
        revocations_unref(list);
        buf_release(&text);
    }
}
