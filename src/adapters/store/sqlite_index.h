/* sqlite_index.h: a searchable copy of the journal in SQLite.
 *
 * The journal is the truth, the index can be deleted and built again. It is fed by cursor, in
 * batches, and the cursor is stored in the transaction of the rows it stands for, so a crash
 * neither loses nor repeats a row. It never holds up the data path: whoever owns the index calls
 * sqlite_index_step on its own thread. Not thread-safe: one owner.
 */
#ifndef AEGIS_ADAPTERS_STORE_SQLITE_INDEX_H
#define AEGIS_ADAPTERS_STORE_SQLITE_INDEX_H

#include "base/diag.h"
#include "core/audit/record.h"

struct sqlite_index;

/* path: of the database, NUL-terminated. journal_directory: where to read from. Both are copied.
 * STATUS_UNAVAILABLE index.sqlite, STATUS_NOT_FOUND journal.absent, STATUS_LIMIT index.memory. */
NODISCARD enum status sqlite_index_open(const char *path, const char *journal_directory,
                                        struct sqlite_index **out, struct diag *diag);
void sqlite_index_close(struct sqlite_index *index);

/* Take up to records_max records over in one transaction; *taken says how many, 0 at the end.
 * STATUS_CONFLICT with the reader's code at a bad place in the journal: rows before it are in. */
NODISCARD enum status sqlite_index_step(struct sqlite_index *index, uint32_t records_max,
                                        uint32_t *taken, struct diag *diag);

/* Empty slices and zeros match everything; texts match whole, case and all. */
struct sqlite_index_query {
    struct slice decision_id; /* 32 hexadecimal digits */
    struct slice principal;   /* subject */
    struct slice target, type, code;
    enum audit_decision decision;
    bool is_unknown;            /* only intents whose outcome is not in the journal */
    int64_t since_ms, until_ms; /* since <= time < until */
    uint32_t rows_max;          /* newest first; 0: 100 */
};

struct sqlite_index_row {
    uint64_t sequence;
    int64_t wall_ms;
    struct slice payload; /* the record's line; valid during the call */
    bool is_unknown;      /* an intent whose outcome is not in the journal */
};

/* Call on_row for each match, newest first, until it returns false. */
NODISCARD enum status
sqlite_index_search(struct sqlite_index *index, const struct sqlite_index_query *query,
                    bool (*on_row)(void *user, const struct sqlite_index_row *row), void *user,
                    struct diag *diag);

#endif
