#include "differential/shrink.h"

#include "base/buf.h"

#define ROUNDS_MAX 6
#define TRIES_MAX 4000

struct shrinking {
    struct differential_case *c;
    shrink_fn shows;
    void *context;
    struct arena *arena;
    size_t tries;
};

static bool try_case(struct shrinking *s, const struct differential_case *smaller)
{
    if (s->tries++ >= TRIES_MAX || !s->shows(smaller, s->context)) {
        return false;
    }
    *s->c = *smaller;
    return true;
}

/* -- whole parts --------------------------------------------------------------------------- */

static void remove_text(struct slice *texts, size_t count, size_t index)
{
    for (; index + 1 < count; index++) {
        texts[index] = texts[index + 1];
    }
    texts[count - 1] = SLICE_EMPTY;
}

static bool drop_parts(struct shrinking *s)
{
    bool is_smaller = false;
    for (size_t i = CASE_POLICIES_MAX; i-- > 0;) {
        struct differential_case smaller = *s->c;
        remove_text(smaller.policies, CASE_POLICIES_MAX, i);
        remove_text(smaller.links, CASE_POLICIES_MAX, i);
        is_smaller = (s->c->policies[i].len > 0 && try_case(s, &smaller)) || is_smaller;
        smaller = *s->c;
        smaller.links[i] = SLICE_EMPTY;
        is_smaller = (s->c->links[i].len > 0 && try_case(s, &smaller)) || is_smaller;
    }
    for (size_t i = CASE_ENTITIES_MAX; i-- > 0;) {
        struct differential_case smaller = *s->c;
        remove_text(smaller.entities, CASE_ENTITIES_MAX, i);
        is_smaller = (s->c->entities[i].len > 0 && try_case(s, &smaller)) || is_smaller;
    }
    for (size_t i = CASE_REQUESTS_MAX; i-- > 0;) {
        struct differential_case smaller = *s->c;
        remove_text(smaller.requests, CASE_REQUESTS_MAX, i);
        is_smaller = (s->c->requests[i].len > 0 && try_case(s, &smaller)) || is_smaller;
    }
    return is_smaller;
}

/* -- inside a text ------------------------------------------------------------------------- */

static bool is_one_of(uint8_t byte, const char *set)
{
    return byte != 0 && strchr(set, byte) != NULL;
}

/* Behind the bracket that closes the one at from, strings passed over; from when none does. */
static size_t end_of_group(struct slice text, size_t from)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t at = from; at < text.len; at++) {
        uint8_t byte = text.ptr[at];
        if (in_string) {
            at += byte == '\\' ? 1 : 0;
            in_string = byte != '"';
        } else if (byte == '"') {
            in_string = true;
        } else if (is_one_of(byte, "([{")) {
            depth++;
        } else if (is_one_of(byte, ")]}") && --depth == 0) {
            return at + 1;
        }
    }
    return from;
}

/* Behind the next byte of stops that is not inside brackets or a string that begin later. */
static size_t end_of_element(struct slice text, size_t from)
{
    bool in_string = false;
    size_t at = from;
    while (at < text.len) {
        uint8_t byte = text.ptr[at];
        if (!in_string && is_one_of(byte, ",;)]}")) {
            return at;
        }
        size_t end = in_string || !is_one_of(byte, "([{") ? at : end_of_group(text, at);
        if (byte == '"') {
            in_string = !in_string;
        }
        at += in_string && byte == '\\' ? 2 : end > at ? end - at : 1;
    }
    return text.len;
}

static bool try_cut(struct shrinking *s, struct slice *part, size_t from, size_t to,
                    struct slice instead)
{
    struct differential_case smaller = *s->c;
    struct buf text;
    struct slice old = *part;
    if (to - from <= instead.len) {
        return false;
    }
    buf_init(&text, old.len + 1, NULL);
    buf_append(&text, slice_sub(old, 0, from));
    buf_append(&text, instead);
    buf_append(&text, slice_sub(old, to, old.len));
    /* part points into the case, so the same place of the copy is the same part. */
    struct slice *target =
        (struct slice *)(void *)((uint8_t *)&smaller + ((uint8_t *)part - (uint8_t *)s->c));
    bool copied = arena_copy(s->arena, buf_view(&text), target) == STATUS_OK;
    buf_release(&text);
    return copied && try_case(s, &smaller);
}

/* Try to put something shorter in place of the group at from: nothing, true, or a group inside. */
static bool cut_group(struct shrinking *s, struct slice *part, size_t from)
{
    size_t to = end_of_group(*part, from);
    if (to == from) {
        return false;
    }
    if (try_cut(s, part, from, to, SLICE_EMPTY) || try_cut(s, part, from, to, SLICE("true")) ||
        try_cut(s, part, from + 1, to - 1, SLICE_EMPTY)) {
        return true;
    }
    for (size_t at = from + 1; at < to; at++) {
        size_t end = is_one_of(part->ptr[at], "([{") ? end_of_group(*part, at) : at;
        if (end > at && try_cut(s, part, from, to, slice_sub(*part, at, end))) {
            return true;
        }
    }
    return false;
}

/* The element that begins at from, with the comma behind or before it. */
static bool cut_element(struct shrinking *s, struct slice *part, size_t from)
{
    size_t to = end_of_element(*part, from);
    bool has_stop = to < part->len && is_one_of(part->ptr[to], ",;");
    return (has_stop && try_cut(s, part, from, to + 1, SLICE_EMPTY)) ||
           (from > 0 && part->ptr[from - 1] == ',' && try_cut(s, part, from - 1, to, SLICE_EMPTY));
}

static bool cut_text(struct shrinking *s, struct slice *part)
{
    bool is_smaller = false;
    for (size_t at = 0; at < part->len; at++) {
        uint8_t byte = part->ptr[at];
        bool begins_element = at == 0 || is_one_of(part->ptr[at - 1], ",;([{}\n");
        if ((begins_element && cut_element(s, part, at)) ||
            (is_one_of(byte, "([{") && cut_group(s, part, at))) {
            is_smaller = true;
            at = at > 0 ? at - 1 : 0;
        }
    }
    return is_smaller;
}

static bool cut_texts(struct shrinking *s)
{
    bool is_smaller = cut_text(s, &s->c->schema);
    for (size_t i = 0; i < CASE_POLICIES_MAX; i++) {
        is_smaller = cut_text(s, &s->c->policies[i]) || is_smaller;
    }
    for (size_t i = 0; i < CASE_ENTITIES_MAX; i++) {
        is_smaller = cut_text(s, &s->c->entities[i]) || is_smaller;
    }
    for (size_t i = 0; i < CASE_REQUESTS_MAX; i++) {
        is_smaller = cut_text(s, &s->c->requests[i]) || is_smaller;
    }
    return is_smaller;
}

void shrink(struct differential_case *c, shrink_fn shows, void *context, struct arena *arena)
{
    struct shrinking s = {.c = c, .shows = shows, .context = context, .arena = arena};
    for (int i = 0; i < ROUNDS_MAX; i++) {
        bool dropped = drop_parts(&s);
        if (!cut_texts(&s) && !dropped) {
            break;
        }
    }
}
