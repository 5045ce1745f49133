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

/* Calls body for every line of a file below the shared folder; an absent file is reported as
 * check_shared_path does. Returns the number of lines. */
size_t corpus_each_line(const char *file, corpus_line_fn body, void *context);

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
