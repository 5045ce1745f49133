/* text_reader.h: tokens of schema text, and how reading them fails; private to src/cedar/schema. */
#ifndef AEGIS_CEDAR_SCHEMA_TEXT_READER_H
#define AEGIS_CEDAR_SCHEMA_TEXT_READER_H

#include "cedar/schema/declaration.h"
#include "cedar/syntax/lexer.h"

struct text_reader {
    struct lexer lexer;
    struct token token; /* the next one, not taken yet */
    size_t taken_to;    /* end of the last taken token */
    const struct cedar_source *source;
    struct arena *arena;
    struct cedar_diagnostics *diagnostics;
    int depth;
};

struct token text_take(struct text_reader *r);

/* From a byte to the end of the last token that was taken. */
struct surface_range text_range(const struct text_reader *r, size_t from);

bool text_at_mark(const struct text_reader *r, struct slice mark);
bool text_at_word(const struct text_reader *r, struct slice word);
bool text_take_mark(struct text_reader *r, struct slice mark);
bool text_take_word(struct text_reader *r, struct slice word);

/* The next token is not what must stand here: report it and return STATUS_INVALID. */
NODISCARD enum status text_unexpected(struct text_reader *r, const char *expected);
NODISCARD enum status text_expect(struct text_reader *r, struct slice mark);

/* An identifier. Reserved ones are reported, but taken: reading goes on behind them. */
NODISCARD enum status text_identifier(struct text_reader *r, struct schema_name *out);

/* A::B::C; stops before `::` that a string follows. */
NODISCARD enum status text_path(struct text_reader *r, struct schema_name *out);

/* A string literal, unescaped. */
NODISCARD enum status text_string(struct text_reader *r, struct schema_name *out);

/* A growing array in the arena; zero is empty. */
struct text_list {
    void *items;
    size_t count, capacity;
};

/* Room for one more element of size bytes, cleared; NULL without memory. */
void *text_list_add(struct text_reader *r, struct text_list *list, size_t size);

#endif
