#include "adapters/store/sqlite_index.h"

#include "adapters/journal/journal_reader.h"
#include "json/tape.h"

#include <sqlite3.h>
#include <string.h>

#define ROWS_DEFAULT 100
#define BUSY_TIMEOUT_MS 2000
#define PARSE_BYTES_MAX (4U << 20) /* nodes and unescaped texts of one record */

enum statement {
    STATEMENT_INSERT,
    STATEMENT_INTENT,
    STATEMENT_OUTCOME,
    STATEMENT_CURSOR_GET,
    STATEMENT_CURSOR_SET,
    STATEMENT_SEARCH,
    STATEMENT_COUNT,
};

struct sqlite_index {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct journal_reader *reader;
    struct journal_cursor stored; /* what the database said last */
    struct json_parser parser;
    struct arena arena;
    char *journal_directory;
};

static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS record (sequence INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL,"
    " type TEXT NOT NULL, decision TEXT NOT NULL, decision_id TEXT NOT NULL,"
    " subject TEXT NOT NULL, target TEXT NOT NULL, code TEXT NOT NULL, phase TEXT NOT NULL,"
    " payload BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS record_time ON record (wall_ms);"
    /* Intents without an outcome so far: small, so that `unknown` needs no second index. */
    "CREATE TABLE IF NOT EXISTS open_intent (decision_id TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY CHECK (id = 1), segment INTEGER,"
    " offset INTEGER, sequence INTEGER, chain BLOB);";

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_INSERT] = "INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [STATEMENT_INTENT] = "INSERT OR IGNORE INTO open_intent VALUES (?1)",
    [STATEMENT_OUTCOME] = "DELETE FROM open_intent WHERE decision_id = ?1",
    [STATEMENT_CURSOR_GET] = "SELECT segment, offset, sequence, chain FROM place",
    [STATEMENT_CURSOR_SET] = "INSERT OR REPLACE INTO place VALUES (1, ?1, ?2, ?3, ?4)",
    [STATEMENT_SEARCH] =
        "SELECT sequence, wall_ms, payload, phase = 'intent'"
        " AND decision_id IN (SELECT decision_id FROM open_intent) FROM record"
        " WHERE (?1 = '' OR decision_id = ?1) AND (?2 = '' OR subject = ?2)"
        " AND (?3 = '' OR target = ?3) AND (?4 = '' OR type = ?4) AND (?5 = '' OR code = ?5)"
        " AND (?6 = '' OR decision = ?6) AND wall_ms >= ?7 AND wall_ms < ?8"
        " AND (?10 = 0 OR (phase = 'intent' AND decision_id IN"
        " (SELECT decision_id FROM open_intent)))"
        " ORDER BY sequence DESC LIMIT ?9",
};

static enum status sqlite_fail(struct sqlite_index *index, struct diag *diag)
{
    return diag_fail(diag, STATUS_UNAVAILABLE, "index.sqlite", "audit index: %s",
                     sqlite3_errmsg(index->database));
}

static enum status run_text(struct sqlite_index *index, const char *text, struct diag *diag)
{
    return sqlite3_exec(index->database, text, NULL, NULL, NULL) == SQLITE_OK
               ? STATUS_OK
               : sqlite_fail(index, diag);
}

static void bind_text(sqlite3_stmt *statement, int at, struct slice text)
{
    /* A NULL pointer would bind SQL NULL, which equals nothing. */
    const char *bytes = text.len != 0 ? (const char *)text.ptr : "";
    (void)sqlite3_bind_text64(statement, at, bytes, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Run a statement that gives no rows; it is reset and forgets what was bound. */
static enum status run_once(struct sqlite_index *index, sqlite3_stmt *statement, struct diag *diag)
{
    int code = sqlite3_step(statement);
    enum status status = code == SQLITE_DONE ? STATUS_OK : sqlite_fail(index, diag);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return status;
}

static enum status load_cursor(struct sqlite_index *index, struct journal_cursor *out,
                               struct diag *diag)
{
    sqlite3_stmt *statement = index->statements[STATEMENT_CURSOR_GET];
    *out = (struct journal_cursor){0};
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_bytes(statement, 3) == AUDIT_HASH_BYTES) {
        out->segment = (uint64_t)sqlite3_column_int64(statement, 0);
        out->offset = (uint64_t)sqlite3_column_int64(statement, 1);
        out->sequence = (uint64_t)sqlite3_column_int64(statement, 2);
        memcpy(out->chain, sqlite3_column_blob(statement, 3), AUDIT_HASH_BYTES);
    }
    enum status status =
        code == SQLITE_ROW || code == SQLITE_DONE ? STATUS_OK : sqlite_fail(index, diag);
    (void)sqlite3_reset(statement);
    return status;
}

static enum status store_cursor(struct sqlite_index *index, struct diag *diag)
{
    struct journal_cursor cursor = journal_reader_cursor(index->reader);
    sqlite3_stmt *statement = index->statements[STATEMENT_CURSOR_SET];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)cursor.segment);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)cursor.offset);
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)cursor.sequence);
    (void)sqlite3_bind_blob(statement, 4, cursor.chain, AUDIT_HASH_BYTES, SQLITE_STATIC);
    TRY(run_once(index, statement, diag));
    index->stored = cursor;
    return STATUS_OK;
}

/* Stand where the database says, which another process may have moved. */
static enum status place_reader(struct sqlite_index *index, struct diag *diag)
{
    struct journal_cursor cursor;
    TRY(load_cursor(index, &cursor, diag));
    if (index->reader != NULL && cursor.segment == index->stored.segment &&
        cursor.offset == index->stored.offset) {
        return STATUS_OK;
    }
    journal_reader_close(index->reader);
    index->reader = NULL;
    index->stored = cursor;
    return journal_reader_open(index->journal_directory, &cursor, &index->reader, diag);
}

static enum status prepare(struct sqlite_index *index, const char *path, struct diag *diag)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &index->database, flags, NULL) != SQLITE_OK) {
        return sqlite_fail(index, diag);
    }
    (void)sqlite3_busy_timeout(index->database, BUSY_TIMEOUT_MS);
    TRY(run_text(index, schema, diag));
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(index->database, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &index->statements[i], NULL) != SQLITE_OK) {
            return sqlite_fail(index, diag);
        }
    }
    return place_reader(index, diag);
}

enum status sqlite_index_open(const char *path, const char *journal_directory,
                              struct sqlite_index **out, struct diag *diag)
{
    struct slice directory = slice_view_cstr(journal_directory);
    struct sqlite_index *index = base_alloc(sizeof(*index) + directory.len + 1);
    if (index == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "index.memory", "no memory for the audit index");
    }
    *index = (struct sqlite_index){.journal_directory = (char *)(index + 1)};
    memcpy(index->journal_directory, directory.ptr, directory.len);
    index->journal_directory[directory.len] = '\0';
    /* The journal is our own writing, so a fixed seed is no weakness here. */
    static const uint8_t seed[16] = {0};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    json_parser_init(&index->parser, &limits, seed);
    arena_init(&index->arena, PARSE_BYTES_MAX, NULL);
    enum status status = prepare(index, path, diag);
    if (status != STATUS_OK) {
        sqlite_index_close(index);
        return status;
    }
    *out = index;
    return STATUS_OK;
}

void sqlite_index_close(struct sqlite_index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(index->statements[i]);
    }
    (void)sqlite3_close(index->database);
    journal_reader_close(index->reader);
    arena_release(&index->arena);
    base_free(index);
}

/* The text of a member; empty when it is absent or no string. */
static enum status member_text(struct sqlite_index *index, const struct json_tape *tape,
                               struct slice name, struct slice *out)
{
    json_ref value = json_member(tape, 0, name);
    *out = SLICE_EMPTY;
    return value != JSON_NONE && json_type(tape, value) == JSON_STRING
               ? json_string(tape, value, &index->arena, out)
               : STATUS_OK;
}

static enum status note_phase(struct sqlite_index *index, struct slice phase, struct slice id,
                              struct diag *diag)
{
    bool is_intent = slice_eq(phase, SLICE("intent"));
    if (id.len == 0 || (!is_intent && !slice_eq(phase, SLICE("outcome")))) {
        return STATUS_OK;
    }
    sqlite3_stmt *statement = index->statements[is_intent ? STATEMENT_INTENT : STATEMENT_OUTCOME];
    bind_text(statement, 1, id);
    return run_once(index, statement, diag);
}

/* What a record is searched by, in the order of the table's columns. */
enum field {
    FIELD_TYPE,
    FIELD_DECISION,
    FIELD_DECISION_ID,
    FIELD_SUBJECT,
    FIELD_TARGET,
    FIELD_CODE,
    FIELD_PHASE,
    FIELD_COUNT,
};

struct fields {
    struct slice texts[FIELD_COUNT];
    int64_t wall_ms;
};

/* A payload that is no JSON has no fields: it is kept, and found by its sequence only. */
static enum status read_fields(struct sqlite_index *index, struct slice payload,
                               struct fields *fields, struct diag *diag)
{
    static const struct slice names[FIELD_COUNT] = {
        SLICE_INIT("type"),    SLICE_INIT("decision"), SLICE_INIT("decision_id"),
        SLICE_INIT("subject"), SLICE_INIT("target"),   SLICE_INIT("code"),
        SLICE_INIT("phase"),
    };
    struct json_tape tape;
    struct diag reason = {0};
    *fields = (struct fields){0};
    arena_reset(&index->arena);
    if (json_parse(&index->parser, payload, &index->arena, &tape, &reason) != STATUS_OK) {
        return slice_eq(slice_view_cstr(reason.code), SLICE("json.memory"))
                   ? diag_fail(diag, STATUS_LIMIT, "index.memory", "no memory to read a record")
                   : STATUS_OK;
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (member_text(index, &tape, names[i], &fields->texts[i]) != STATUS_OK) {
            return diag_fail(diag, STATUS_LIMIT, "index.memory", "no memory to read a record");
        }
    }
    json_ref time = json_member(&tape, 0, SLICE("time_ms"));
    if (time == JSON_NONE || json_integer(&tape, time, &fields->wall_ms) != STATUS_OK) {
        fields->wall_ms = 0;
    }
    return STATUS_OK;
}

static enum status insert_entry(struct sqlite_index *index, const struct journal_entry *entry,
                                struct diag *diag)
{
    enum {
        COLUMN_SEQUENCE = 1,
        COLUMN_TIME,
        COLUMN_TEXTS,
        COLUMN_PAYLOAD = COLUMN_TEXTS + FIELD_COUNT
    };
    struct fields fields;
    TRY(read_fields(index, entry->payload, &fields, diag));
    sqlite3_stmt *statement = index->statements[STATEMENT_INSERT];
    (void)sqlite3_bind_int64(statement, COLUMN_SEQUENCE, (sqlite3_int64)entry->sequence);
    (void)sqlite3_bind_int64(statement, COLUMN_TIME, fields.wall_ms);
    for (int i = 0; i < FIELD_COUNT; i++) {
        bind_text(statement, COLUMN_TEXTS + i, fields.texts[i]);
    }
    (void)sqlite3_bind_blob64(statement, COLUMN_PAYLOAD, entry->payload.ptr, entry->payload.len,
                              SQLITE_STATIC);
    TRY(run_once(index, statement, diag));
    return note_phase(index, fields.texts[FIELD_PHASE], fields.texts[FIELD_DECISION_ID], diag);
}

/* The journal took back what it had not synced: the copy starts again. */
static enum status start_over(struct sqlite_index *index, struct diag *diag)
{
    return run_text(index, "DELETE FROM record; DELETE FROM open_intent; DELETE FROM place", diag);
}

/* Everything inside the transaction. *fault is what the journal said at a bad place. */
static enum status take_records(struct sqlite_index *index, uint32_t records_max, uint32_t *taken,
                                struct diag *fault, struct diag *diag)
{
    struct journal_entry entry;
    TRY(place_reader(index, diag));
    while (*taken < records_max) {
        enum status status = journal_reader_next(index->reader, &entry, fault);
        if (status == STATUS_CONFLICT &&
            slice_eq(slice_view_cstr(fault->code), SLICE("journal.rewound"))) {
            *fault = (struct diag){0};
            *taken = 0;
            TRY(start_over(index, diag));
            TRY(place_reader(index, diag));
            continue;
        }
        if (status != STATUS_OK) {
            break;
        }
        TRY(insert_entry(index, &entry, diag));
        *taken += 1;
    }
    return *taken != 0 ? store_cursor(index, diag) : STATUS_OK;
}

enum status sqlite_index_step(struct sqlite_index *index, uint32_t records_max, uint32_t *taken,
                              struct diag *diag)
{
    struct diag fault = {0};
    *taken = 0;
    TRY(run_text(index, "BEGIN IMMEDIATE", diag));
    enum status status = take_records(index, records_max, taken, &fault, diag);
    if (status == STATUS_OK) {
        status = run_text(index, "COMMIT", diag);
    }
    if (status != STATUS_OK) {
        (void)run_text(index, "ROLLBACK", NULL);
        journal_reader_close(index->reader);
        index->reader = NULL;
        *taken = 0;
        return status;
    }
    if (fault.status != STATUS_OK && fault.status != STATUS_NOT_FOUND) {
        /* A reader keeps its first fault; the next step looks afresh. */
        journal_reader_close(index->reader);
        index->reader = NULL;
        if (diag != NULL) {
            *diag = fault;
        }
        return fault.status;
    }
    return STATUS_OK;
}

static void bind_query(sqlite3_stmt *statement, const struct sqlite_index_query *query)
{
    bind_text(statement, 1, query->decision_id);
    bind_text(statement, 2, query->principal);
    bind_text(statement, 3, query->target);
    bind_text(statement, 4, query->type);
    bind_text(statement, 5, query->code);
    bind_text(statement, 6, audit_decision_name(query->decision));
    (void)sqlite3_bind_int64(statement, 7, query->since_ms != 0 ? query->since_ms : INT64_MIN);
    (void)sqlite3_bind_int64(statement, 8, query->until_ms != 0 ? query->until_ms : INT64_MAX);
    (void)sqlite3_bind_int64(statement, 9, query->rows_max != 0 ? query->rows_max : ROWS_DEFAULT);
    (void)sqlite3_bind_int64(statement, 10, query->is_unknown);
}

enum status sqlite_index_search(struct sqlite_index *index, const struct sqlite_index_query *query,
                                bool (*on_row)(void *user, const struct sqlite_index_row *row),
                                void *user, struct diag *diag)
{
    sqlite3_stmt *statement = index->statements[STATEMENT_SEARCH];
    bind_query(statement, query);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct sqlite_index_row row = {
            .sequence = (uint64_t)sqlite3_column_int64(statement, 0),
            .wall_ms = sqlite3_column_int64(statement, 1),
            .payload = slice_of(sqlite3_column_blob(statement, 2),
                                (size_t)sqlite3_column_bytes(statement, 2)),
            .is_unknown = sqlite3_column_int(statement, 3) != 0,
        };
        if (!on_row(user, &row)) {
            code = SQLITE_DONE;
            break;
        }
    }
    enum status status = code == SQLITE_DONE ? STATUS_OK : sqlite_fail(index, diag);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return status;
}
