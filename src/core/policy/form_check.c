#include "core/policy/form_check.h"

/* How a secret is called: words that follow each other, in names and texts. */
struct secret_words {
    struct slice first, second; /* second may be empty */
    bool is_part;               /* first may stand inside a longer word: "mypassword" */
    bool in_prose;              /* means a secret in a sentence, too, not in a name only */
};

#define WORDS(a, b) SLICE_INIT(a), SLICE_INIT(b)

static const struct secret_words SECRETS[] = {
    {WORDS("password", ""), true, true},      {WORDS("passwd", ""), true, true},
    {WORDS("passphrase", ""), true, true},    {WORDS("passcode", ""), true, true},
    {WORDS("apikey", ""), true, true},        {WORDS("privatekey", ""), true, true},
    {WORDS("accesstoken", ""), true, true},   {WORDS("authtoken", ""), true, true},
    {WORDS("clientsecret", ""), true, true},  {WORDS("api", "key"), false, true},
    {WORDS("private", "key"), false, true},   {WORDS("access", "key"), false, true},
    {WORDS("secret", "key"), false, true},    {WORDS("access", "token"), false, true},
    {WORDS("credit", "card"), false, true},   {WORDS("card", "number"), false, true},
    {WORDS("security", "code"), false, true}, {WORDS("credential", ""), false, true},
    {WORDS("credentials", ""), false, true},  {WORDS("secret", ""), false, false},
    {WORDS("secrets", ""), false, false},     {WORDS("token", ""), false, false},
    {WORDS("pwd", ""), false, false},         {WORDS("otp", ""), false, false},
    {WORDS("pin", ""), false, false},         {WORDS("cvv", ""), false, false},
    {WORDS("cvc", ""), false, false},         {WORDS("ssn", ""), false, false},
};

static bool is_upper(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static bool is_lower(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_word_byte(uint8_t byte)
{
    return is_upper(byte) || is_lower(byte) || (byte >= '0' && byte <= '9') || byte >= 0x80;
}

/* The next word at or after *at: "user_apiKey2" has user, api, Key2. "APIKey" is one word. */
static struct slice next_word(struct slice text, size_t *at)
{
    while (*at < text.len && !is_word_byte(text.ptr[*at])) {
        (*at)++;
    }
    size_t from = *at;
    while (*at < text.len && is_word_byte(text.ptr[*at])) {
        bool is_hump = *at > from && is_upper(text.ptr[*at]) && is_lower(text.ptr[*at - 1]);
        if (is_hump) {
            break;
        }
        (*at)++;
    }
    return slice_sub(text, from, *at);
}

static bool is_word(struct slice word, const struct secret_words *secret)
{
    struct slice wanted = secret->first;
    for (size_t i = 0; secret->is_part && i + wanted.len <= word.len; i++) {
        if (slice_eq_ascii_nocase(slice_sub(word, i, i + wanted.len), wanted)) {
            return true;
        }
    }
    return slice_eq_ascii_nocase(word, wanted);
}

/* Does the text call something a secret? */
static bool names_secret(struct slice text, bool is_prose)
{
    size_t at = 0;
    struct slice word = next_word(text, &at);
    while (word.len > 0) {
        struct slice after = next_word(text, &at);
        for (size_t i = 0; i < COUNT_OF(SECRETS); i++) {
            const struct secret_words *secret = &SECRETS[i];
            if ((secret->in_prose || !is_prose) && is_word(word, secret) &&
                (secret->second.len == 0 || slice_eq_ascii_nocase(after, secret->second))) {
                return true;
            }
        }
        word = after;
    }
    return false;
}

static struct json_place member_of(struct json_place object, struct slice name)
{
    return (struct json_place){object.tape, object.ref == JSON_NONE
                                                ? JSON_NONE
                                                : json_member(object.tape, object.ref, name)};
}

static bool is_a(struct json_place place, enum json_type type)
{
    return place.ref != JSON_NONE && json_type(place.tape, place.ref) == type;
}

static enum status refuse_shape(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "form.shape", "%s", what);
}

/* The choices of a field: `oneOf` of a single one, `items.anyOf` of several; ref JSON_NONE without
 * titles. */
static struct json_place titled_choices(struct json_place field)
{
    if (schema_type_of(field) == SCHEMA_ARRAY) {
        return member_of(schema_of_items(field), SLICE("anyOf"));
    }
    return member_of(field, SLICE("oneOf"));
}

static bool is_list_of_choices(struct json_place field)
{
    struct json_place items = schema_of_items(field);
    return items.ref != JSON_NONE && (is_a(member_of(items, SLICE("enum")), JSON_ARRAY) ||
                                      is_a(member_of(items, SLICE("anyOf")), JSON_ARRAY));
}

static enum status check_field(struct json_place field, struct diag *diag)
{
    switch (schema_type_of(field)) {
    case SCHEMA_STRING:
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
    case SCHEMA_BOOLEAN:
        return STATUS_OK;
    case SCHEMA_ARRAY:
        return is_list_of_choices(field)
                   ? STATUS_OK
                   : refuse_shape(diag, "a list in a form offers a fixed choice");
    case SCHEMA_ANY:
    case SCHEMA_OBJECT:
    case SCHEMA_NULL:
        break;
    }
    return refuse_shape(diag, "a field of a form is a text, a number, a yes or no, or a choice");
}

/* Can anything be filled in? A choice tells the server nothing that it did not know. */
static bool is_free(struct json_place field)
{
    enum schema_type type = schema_type_of(field);
    bool is_choice = is_a(member_of(field, SLICE("enum")), JSON_ARRAY) ||
                     is_a(titled_choices(field), JSON_ARRAY);
    return !is_choice && (type == SCHEMA_STRING || type == SCHEMA_INTEGER || type == SCHEMA_NUMBER);
}

static enum status check_text(struct json_place text, bool is_prose, struct arena *arena,
                              struct diag *diag)
{
    struct slice plain = SLICE_EMPTY;
    if (text.ref == JSON_NONE) {
        return STATUS_OK;
    }
    if (!is_a(text, JSON_STRING)) {
        return refuse_shape(diag, "a title or description is no text");
    }
    TRY(json_string(text.tape, text.ref, arena, &plain));
    return names_secret(plain, is_prose) ? diag_fail(diag, STATUS_INVALID, "form.secret",
                                                     "a field of the form asks for a secret")
                                         : STATUS_OK;
}

static enum status check_texts(struct json_place key, struct json_place field, struct arena *arena,
                               struct diag *diag)
{
    TRY(check_text(key, false, arena, diag));
    TRY(check_text(member_of(field, SLICE("title")), false, arena, diag));
    return check_text(member_of(field, SLICE("description")), true, arena, diag);
}

enum status form_check(struct json_place schema, struct slice message, struct arena *arena,
                       struct diag *diag)
{
    struct json_place fields = member_of(schema, SLICE("properties"));
    bool has_free = false;
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref field = JSON_NONE;
    if (!is_a(schema, JSON_OBJECT) || schema_type_of(schema) != SCHEMA_OBJECT ||
        !is_a(fields, JSON_OBJECT)) {
        return refuse_shape(diag, "a form is an object with properties");
    }
    if (json_count(fields.tape, fields.ref) > FORM_CHECK_FIELDS_MAX) {
        return refuse_shape(diag, "the form has too many fields");
    }
    json_iter_init(&iter, fields.tape, fields.ref);
    while (json_iter_next(&iter, &key, &field)) {
        struct json_place place = {fields.tape, field};
        TRY(check_field(place, diag));
        if (is_free(place)) {
            has_free = true;
            TRY(check_texts((struct json_place){fields.tape, key}, place, arena, diag));
        }
    }
    return has_free && names_secret(message, true)
               ? diag_fail(diag, STATUS_INVALID, "form.secret", "the form asks for a secret")
               : STATUS_OK;
}

static bool is_one_of(struct json_place choices, struct json_place value)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref choice = JSON_NONE;
    json_iter_init(&iter, choices.tape, choices.ref);
    while (json_iter_next(&iter, &key, &choice)) {
        json_ref constant = json_member(choices.tape, choice, SLICE("const"));
        if (constant != JSON_NONE && json_type(choices.tape, constant) == JSON_STRING &&
            is_a(value, JSON_STRING) &&
            json_string_same(choices.tape, constant, value.tape, value.ref)) {
            return true;
        }
    }
    return false;
}

/* The value of a field with titled choices: one of them, or a list of them. */
static bool fits_choices(struct json_place field, struct json_place value)
{
    struct json_place choices = titled_choices(field);
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref item = JSON_NONE;
    if (!is_a(choices, JSON_ARRAY)) {
        return true;
    }
    if (!is_a(value, JSON_ARRAY)) {
        return is_one_of(choices, value);
    }
    json_iter_init(&iter, value.tape, value.ref);
    while (json_iter_next(&iter, &key, &item)) {
        if (!is_one_of(choices, (struct json_place){value.tape, item})) {
            return false;
        }
    }
    return true;
}

enum status form_check_content(struct json_place schema, struct json_place content,
                               struct diag *diag)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    bool fits = is_a(content, JSON_OBJECT) && schema_check(schema, content, NULL) == STATUS_OK;
    if (fits) {
        json_iter_init(&iter, content.tape, content.ref);
        while (fits && json_iter_next(&iter, &key, &value)) {
            struct json_place field =
                schema_of_member(schema, (struct json_place){content.tape, key});
            fits = fits_choices(field, (struct json_place){content.tape, value});
        }
    }
    return fits ? STATUS_OK
                : diag_fail(diag, STATUS_INVALID, "form.content",
                            "the content does not fit the form");
}
