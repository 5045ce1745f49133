#include "wire/bearer_challenge.h"

#include <stddef.h>

struct reader {
    struct slice left;
    struct arena *arena;
    struct bearer_challenge *out;
    bool is_bearer; /* the challenge that is being read */
    bool is_found;  /* there was one */
};

/* RFC 9110 §5.6.2, and the slash of token68 (§11.2). */
static bool is_word_byte(uint8_t byte)
{
    static const char others[] = "!#$%&'*+-.^_`|~/";
    bool is_letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    bool is_digit = byte >= '0' && byte <= '9';
    return is_letter || is_digit ||
           slice_find_byte(slice_of(others, sizeof(others) - 1), byte) < sizeof(others) - 1;
}

static void skip(struct reader *reader, const char *bytes)
{
    struct slice set = slice_view_cstr(bytes);
    while (reader->left.len > 0 && slice_find_byte(set, reader->left.ptr[0]) < set.len) {
        reader->left = slice_sub(reader->left, 1, reader->left.len);
    }
}

static struct slice take_word(struct reader *reader)
{
    size_t len = 0;
    while (len < reader->left.len && is_word_byte(reader->left.ptr[len])) {
        len++;
    }
    struct slice word = slice_sub(reader->left, 0, len);
    reader->left = slice_sub(reader->left, len, reader->left.len);
    return word;
}

/* The text between quotes, which stand at the front (RFC 9110 §5.6.4). */
static enum status take_quoted(struct reader *reader, struct slice *out)
{
    uint8_t *text = arena_alloc(reader->arena, reader->left.len);
    size_t len = 0;
    if (text == NULL) {
        return STATUS_LIMIT;
    }
    for (size_t i = 1; i < reader->left.len; i++) {
        uint8_t byte = reader->left.ptr[i];
        if (byte == '"') {
            *out = slice_of(text, len);
            reader->left = slice_sub(reader->left, i + 1, reader->left.len);
            return STATUS_OK;
        }
        if (byte == '\\' && ++i < reader->left.len) {
            byte = reader->left.ptr[i];
        }
        text[len++] = byte;
    }
    return STATUS_INVALID;
}

static enum status keep(struct reader *reader, struct slice name, struct slice value)
{
    static const struct {
        struct slice name;
        size_t offset;
    } PLACES[] = {
        {SLICE_INIT("resource_metadata"), offsetof(struct bearer_challenge, resource_metadata)},
        {SLICE_INIT("scope"), offsetof(struct bearer_challenge, scope)},
        {SLICE_INIT("error"), offsetof(struct bearer_challenge, error)},
        {SLICE_INIT("acr_values"), offsetof(struct bearer_challenge, acr_values)},
        {SLICE_INIT("claims"), offsetof(struct bearer_challenge, claims)},
    };
    struct bearer_challenge *out = reader->out;
    if (!reader->is_bearer) {
        return STATUS_OK;
    }
    if (slice_eq_ascii_nocase(name, SLICE("max_age"))) {
        bool is_first = out->max_age_s == BEARER_CHALLENGE_NO_MAX_AGE;
        enum status status = slice_to_i64(value, &out->max_age_s);
        return is_first && status == STATUS_OK && out->max_age_s >= 0 ? STATUS_OK : STATUS_INVALID;
    }
    for (size_t i = 0; i < COUNT_OF(PLACES); i++) {
        struct slice *place = (struct slice *)((char *)out + PLACES[i].offset);
        if (slice_eq_ascii_nocase(name, PLACES[i].name)) {
            return place->ptr != NULL ? STATUS_INVALID : arena_copy(reader->arena, value, place);
        }
    }
    return STATUS_OK;
}

/* Behind the name of a parameter and its '='. */
static enum status take_value(struct reader *reader, struct slice name)
{
    struct slice value = SLICE_EMPTY;
    skip(reader, " \t");
    if (reader->left.len > 0 && reader->left.ptr[0] == '"') {
        TRY(take_quoted(reader, &value));
    } else {
        value = take_word(reader);
        /* Padding of a token68; a value of its own is not empty. */
        if (value.len == 0) {
            skip(reader, "=");
            return STATUS_OK;
        }
    }
    return keep(reader, name, value);
}

static enum status take_all(struct reader *reader)
{
    for (skip(reader, " \t,"); reader->left.len > 0; skip(reader, " \t,")) {
        struct slice word = take_word(reader);
        if (word.len == 0) {
            return STATUS_INVALID;
        }
        skip(reader, " \t");
        if (reader->left.len > 0 && reader->left.ptr[0] == '=') {
            reader->left = slice_sub(reader->left, 1, reader->left.len);
            TRY(take_value(reader, word));
        } else if (reader->is_found && reader->is_bearer) {
            return STATUS_OK;
        } else {
            reader->is_bearer = slice_eq_ascii_nocase(word, SLICE("Bearer"));
            reader->is_found = reader->is_bearer;
        }
    }
    return STATUS_OK;
}

enum status bearer_challenge_read(struct slice value, struct arena *arena,
                                  struct bearer_challenge *out, struct diag *diag)
{
    struct reader reader = {.left = value, .arena = arena, .out = out};
    *out = (struct bearer_challenge){.max_age_s = BEARER_CHALLENGE_NO_MAX_AGE};
    if (value.len > BEARER_CHALLENGE_BYTES_MAX) {
        return diag_fail(diag, STATUS_LIMIT, "challenge.limit",
                         "the server's challenge is too long");
    }
    enum status status = take_all(&reader);
    if (status != STATUS_OK) {
        return diag_fail(diag, status, "challenge.syntax",
                         "the server's WWW-Authenticate cannot be read");
    }
    if (!reader.is_found) {
        return diag_fail(diag, STATUS_NOT_FOUND, "challenge.none",
                         "the server asks for no bearer token, and Aegis knows no other kind");
    }
    return STATUS_OK;
}

enum bearer_want bearer_challenge_want(const struct bearer_challenge *challenge)
{
    if (slice_eq(challenge->error, SLICE("insufficient_scope"))) {
        return BEARER_WANTS_SCOPE;
    }
    bool is_sign_in = slice_eq(challenge->error, SLICE("insufficient_user_authentication")) ||
                      slice_eq(challenge->error, SLICE("insufficient_claims"));
    return is_sign_in ? BEARER_WANTS_SIGN_IN : BEARER_WANTS_TOKEN;
}
