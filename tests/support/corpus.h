/* corpus.h: reading the corpora below $AEGIS_SHARED in tests. */
#ifndef AEGIS_TESTS_SUPPORT_CORPUS_H
#define AEGIS_TESTS_SUPPORT_CORPUS_H

#include "json/tape.h"

/* One JSON object of a file with one object a line; fails the test when a line is none. */
struct corpus_line {
    struct arena arena; /* of this line; released by the next call */
    struct json_tape tape;
    const char *id; /* its "id" member, NUL-terminated, or "line N" */
};

typedef void (*corpus_line_fn)(const struct corpus_line *line, void *context);

/* Calls body for every line of a file below the shared folder, unpacked when its name ends in .xz;
 * an absent file is reported as check_shared_path does. Returns the number of lines. */
size_t corpus_each_line(const char *file, corpus_line_fn body, void *context);

/* Unpacks a tar archive below the shared folder into a new folder, whose path of at most size bytes
 * goes to folder; corpus_remove takes it away. False when the archive is absent. */
bool corpus_unpack(const char *archive, char *folder, size_t size);
void corpus_remove(const char *folder);

/* A whole file of an unpacked folder; empty when it cannot be read. */
struct slice corpus_file(struct arena *arena, const char *folder, const char *name);

/* A parser with the default limits, but room for large texts. */
const struct json_parser *corpus_parser(void);

/* The text of a string member; empty when it is absent or no string. */
struct slice corpus_text(const struct corpus_line *line, json_ref object, const char *member);

/* The bytes of a base64 member. */
struct slice corpus_bytes(const struct corpus_line *line, json_ref object, const char *member);

/* Is the member there and true? */
bool corpus_flag(const struct corpus_line *line, json_ref object, const char *member);

/* Does text hold the JSON value ref of tape? Objects are compared by name, lists in order, numbers
 * by their lexemes. */
bool corpus_same_json(struct slice text, const struct json_tape *tape, json_ref ref);

#endif
