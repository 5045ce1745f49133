#include "adapters/store/sqlite_index.h"

#include "adapters/journal/journal.h"
#include "support/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES = 256 };

struct folder {
    char path[PATH_BYTES], database[PATH_BYTES + 32];
};

static void folder_init(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/aegis-index-XXXXXX");
    CHECK(mkdtemp(folder->path) != NULL);
    snprintf(folder->database, sizeof(folder->database), "%s/index.sqlite", folder->path);
}

static void folder_release(struct folder *folder)
{
    DIR *directory = opendir(folder->path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL) {
        closedir(directory);
    }
    CHECK(rmdir(folder->path) == 0);
}

static void write_record(struct journal *journal, const struct audit_record *record)
{
    struct buf line;
    buf_init(&line, AUDIT_RECORD_BYTES_MAX, NULL);
    CHECK(audit_record_encode(record, &line) == STATUS_OK);
    struct journal_request request = {.payload = buf_view(&line)};
    struct port_journal port = journal_port(journal);
    CHECK(port.append(port.context, &request) == STATUS_OK);
    buf_release(&line);
}

static struct journal *open_journal(const struct folder *folder)
{
    struct journal_options options = {.directory = folder->path};
    struct journal *journal = NULL;
    CHECK(journal_open(&options, &journal, NULL) == STATUS_OK);
    return journal;
}

/* Six records: an allowed call with its outcome, one without, a denial, a reject. */
static void write_sample(const struct folder *folder)
{
    struct journal *journal = open_journal(folder);
    struct audit_record record = {.type = AUDIT_AUTHZ_ALLOW,
                                  .phase = AUDIT_INTENT,
                                  .decision_id = {1},
                                  .wall_ms = 1000,
                                  .subject = SLICE("ada"),
                                  .target = SLICE("jira.read"),
                                  .decision = AUDIT_DECISION_ALLOW};
    write_record(journal, &record);
    record.phase = AUDIT_OUTCOME;
    record.wall_ms = 1001;
    write_record(journal, &record);
    record.phase = AUDIT_INTENT;
    record.decision_id[0] = 2;
    record.wall_ms = 2000;
    write_record(journal, &record);
    record = (struct audit_record){.type = AUDIT_AUTHZ_DENY,
                                   .phase = AUDIT_EVENT,
                                   .decision_id = {3},
                                   .wall_ms = 3000,
                                   .subject = SLICE("bob' OR 1=1"),
                                   .target = SLICE("jira.drop"),
                                   .decision = AUDIT_DECISION_DENY,
                                   .code = SLICE("policy.denied")};
    write_record(journal, &record);
    record = (struct audit_record){.type = AUDIT_WIRE_REJECT,
                                   .phase = AUDIT_EVENT,
                                   .wall_ms = 4000,
                                   .code = SLICE("json.duplicate")};
    write_record(journal, &record);
    journal_close(journal);
}

struct found {
    size_t rows, unknown;
    uint64_t last_sequence;
};

static bool count_row(void *user, const struct sqlite_index_row *row)
{
    struct found *found = user;
    CHECK(found->rows == 0 || row->sequence < found->last_sequence);
    CHECK(row->payload.len > 0 && row->payload.ptr[0] == '{');
    found->rows++;
    found->unknown += row->is_unknown;
    found->last_sequence = row->sequence;
    return true;
}

static struct sqlite_index *open_index(const struct folder *folder)
{
    struct sqlite_index *index = NULL;
    CHECK(sqlite_index_open(folder->database, folder->path, &index, NULL) == STATUS_OK);
    return index;
}

static struct found search(struct sqlite_index *index, struct sqlite_index_query query)
{
    struct found found = {0};
    CHECK(sqlite_index_search(index, &query, count_row, &found, NULL) == STATUS_OK);
    return found;
}

TEST(sqlite_index_finds_by_each_field)
{
    struct folder folder;
    folder_init(&folder);
    write_sample(&folder);
    struct sqlite_index *index = open_index(&folder);
    uint32_t taken = 0;
    CHECK(sqlite_index_step(index, 100, &taken, NULL) == STATUS_OK && taken == 5);
    const struct {
        const char *name;
        struct sqlite_index_query query;
        size_t rows, unknown;
    } rows[] = {
        {"everything", {.rows_max = 0}, 5, 1},
        {"newest two", {.rows_max = 2}, 2, 0},
        {"principal", {.principal = SLICE("ada")}, 3, 1},
        {"principal matches whole", {.principal = SLICE("ad")}, 0, 0},
        {"quotes are only text", {.principal = SLICE("bob' OR 1=1")}, 1, 0},
        {"injection finds nothing", {.principal = SLICE("x' OR '1'='1")}, 0, 0},
        {"wildcard finds nothing", {.target = SLICE("jira.%")}, 0, 0},
        {"target", {.target = SLICE("jira.drop")}, 1, 0},
        {"type", {.type = SLICE("wire.reject")}, 1, 0},
        {"code", {.code = SLICE("policy.denied")}, 1, 0},
        {"denied", {.decision = AUDIT_DECISION_DENY}, 1, 0},
        {"allowed", {.decision = AUDIT_DECISION_ALLOW}, 3, 1},
        {"decision id", {.decision_id = SLICE("01000000000000000000000000000000")}, 2, 0},
        {"unknown", {.is_unknown = true}, 1, 1},
        {"unknown of another", {.is_unknown = true, .principal = SLICE("bob' OR 1=1")}, 0, 0},
        {"since is inside", {.since_ms = 3000}, 2, 0},
        {"until is outside", {.until_ms = 3000}, 3, 1},
        {"two conditions", {.principal = SLICE("ada"), .since_ms = 3000}, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct found found = search(index, rows[i].query);
        CHECK_ROW(rows[i].name, found.rows == rows[i].rows);
        CHECK_ROW(rows[i].name, found.unknown == rows[i].unknown);
    }
    sqlite_index_close(index);
    folder_release(&folder);
}

/* Two owners and a restart in between neither lose nor repeat a row. */
TEST(sqlite_index_goes_on_where_the_database_stands)
{
    struct folder folder;
    folder_init(&folder);
    write_sample(&folder);
    struct sqlite_index *first = open_index(&folder), *second = open_index(&folder);
    uint32_t taken = 0;
    CHECK(sqlite_index_step(first, 2, &taken, NULL) == STATUS_OK && taken == 2);
    CHECK(sqlite_index_step(second, 2, &taken, NULL) == STATUS_OK && taken == 2);
    CHECK(sqlite_index_step(first, 100, &taken, NULL) == STATUS_OK && taken == 1);
    CHECK(sqlite_index_step(second, 100, &taken, NULL) == STATUS_OK && taken == 0);
    sqlite_index_close(first);
    sqlite_index_close(second);
    write_sample(&folder);
    first = open_index(&folder);
    CHECK(sqlite_index_step(first, 100, &taken, NULL) == STATUS_OK && taken == 5);
    CHECK(search(first, (struct sqlite_index_query){0}).rows == 10);
    sqlite_index_close(first);
    folder_release(&folder);
}

TEST(sqlite_index_names_the_bad_place_and_keeps_what_came_before)
{
    struct folder folder;
    folder_init(&folder);
    write_sample(&folder);
    write_sample(&folder);
    char path[PATH_BYTES + 32];
    snprintf(path, sizeof(path), "%s/00000000000000000002.aegj", folder.path);
    CHECK(truncate(path, 88 + 10) == 0);
    write_sample(&folder);
    CHECK(truncate(path, 88) == 0);
    struct sqlite_index *index = open_index(&folder);
    struct diag diag = {0};
    uint32_t taken = 0;
    CHECK(sqlite_index_step(index, 100, &taken, &diag) == STATUS_OK);
    CHECK(taken == 11); /* five, the note on the torn tail, five */
    sqlite_index_close(index);
    snprintf(path, sizeof(path), "%s/00000000000000000001.aegj", folder.path);
    CHECK(truncate(path, 200) == 0 && unlink(folder.database) == 0);
    index = open_index(&folder);
    CHECK(sqlite_index_step(index, 100, &taken, &diag) == STATUS_CONFLICT);
    CHECK(str_eq(diag.code, "journal.torn"));
    sqlite_index_close(index);
    folder_release(&folder);
}

/* A crash takes records that were not synced, whatever it leaves in their place: the index forgets
 * them too, before the next start of the writer and behind it. */
TEST(sqlite_index_follows_a_journal_that_lost_its_end)
{
    static const struct {
        const char *name;
        int filling; /* of what was lost; EOF: the file is shorter */
    } rows[] = {{"cut", EOF}, {"zeros", 0}, {"other bytes", 0x5A}};
    enum { CUT = 88 + 500 };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct folder folder;
        uint8_t bytes[4096] = {0};
        uint32_t taken = 0;
        char path[PATH_BYTES + 32];
        folder_init(&folder);
        write_sample(&folder);
        struct sqlite_index *index = open_index(&folder);
        CHECK(sqlite_index_step(index, 100, &taken, NULL) == STATUS_OK && taken == 5);
        sqlite_index_close(index);
        snprintf(path, sizeof(path), "%s/00000000000000000001.aegj", folder.path);
        FILE *file = fopen(path, "r+");
        size_t len = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
        CHECK(len > CUT && len < sizeof(bytes));
        memset(bytes + CUT, rows[i].filling == EOF ? 0 : rows[i].filling, len - CUT);
        rewind(file);
        CHECK(fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
        CHECK(rows[i].filling != EOF || truncate(path, CUT) == 0);

        index = open_index(&folder);
        /* The torn record is named, those before it are the index now. */
        enum status status = sqlite_index_step(index, 100, &taken, NULL);
        CHECK_ROW(rows[i].name, status == STATUS_OK || status == STATUS_CONFLICT);
        size_t left = search(index, (struct sqlite_index_query){0}).rows;
        CHECK_ROW(rows[i].name, left > 0 && left < 5);
        sqlite_index_close(index);
        write_sample(&folder);
        index = open_index(&folder);
        CHECK(sqlite_index_step(index, 100, &taken, NULL) == STATUS_OK);
        /* What was left, the note on the torn tail, the new ones. */
        CHECK_ROW(rows[i].name, search(index, (struct sqlite_index_query){0}).rows == left + 6);
        sqlite_index_close(index);
        folder_release(&folder);
    }
}

TEST(sqlite_index_open_refuses)
{
    struct folder folder;
    folder_init(&folder);
    struct sqlite_index *index = NULL;
    struct diag diag = {0};
    CHECK(sqlite_index_open("/nonexistent/x", folder.path, &index, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "index.sqlite"));
    CHECK(sqlite_index_open(folder.database, "/nonexistent", &index, &diag) == STATUS_NOT_FOUND);
    CHECK(str_eq(diag.code, "journal.absent"));
    folder_release(&folder);
}

static bool open_and_step(void *context)
{
    const struct folder *folder = context;
    struct sqlite_index *index = NULL;
    uint32_t taken = 0;
    (void)unlink(folder->database);
    if (sqlite_index_open(folder->database, folder->path, &index, NULL) != STATUS_OK) {
        return false;
    }
    enum status status = sqlite_index_step(index, 100, &taken, NULL);
    sqlite_index_close(index);
    return status == STATUS_OK && taken == 5;
}

TEST(sqlite_index_survives_failing_allocations)
{
    struct folder folder;
    folder_init(&folder);
    write_sample(&folder);
    check_every_allocation(open_and_step, &folder);
    folder_release(&folder);
}
