#include "core/sign_in/wishes.h"

static enum status refuse(struct diag *diag, const char *what)
{
    return diag_fail(diag, STATUS_INVALID, "sign_in.parameter", "%s", what);
}

/* Cut the next word off a text of words between spaces; empty: there are no more. */
static struct slice take_word(struct slice *text)
{
    struct slice word = SLICE_EMPTY;
    while (word.len == 0 && text->len > 0) {
        size_t end = slice_find_byte(*text, ' ');
        word = slice_sub(*text, 0, end);
        *text = slice_sub(*text, end + 1, text->len);
    }
    return word;
}

static bool has_word(struct slice text, struct slice wanted)
{
    struct slice word = take_word(&text);
    while (word.len > 0 && !slice_eq(word, wanted)) {
        word = take_word(&text);
    }
    return word.len > 0;
}

/* Which of the offered scopes are named? Each once, in the order of the offer. */
static enum status read_scope(struct slice asked, const struct wishes_offer *offer,
                              struct arena *arena, struct slice *out, struct diag *diag)
{
    *out = SLICE_EMPTY;
    if (asked.len > WISHES_SCOPE_BYTES_MAX) {
        return refuse(diag, "'scope' is too long");
    }
    for (size_t i = 0; i < offer->scope_count; i++) {
        struct slice name = offer->scopes[i].name;
        const struct slice parts[] = {*out, out->len > 0 ? SLICE(" ") : SLICE_EMPTY, name};
        if (has_word(asked, name) && arena_join(arena, parts, COUNT_OF(parts), out) != STATUS_OK) {
            return diag_fail(diag, STATUS_LIMIT, "sign_in.memory", "no memory for the scopes");
        }
    }
    return STATUS_OK;
}

/* Consent to a client is asked for on every sign-in, by us; the provider knows the gateway only,
 * and asking about that again is of no use to anybody. */
static enum status read_prompt(struct slice asked, struct slice *out, struct diag *diag)
{
    struct slice rest = asked;
    bool is_login = has_word(asked, SLICE("login"));
    bool is_account = has_word(asked, SLICE("select_account"));
    for (struct slice word = take_word(&rest); word.len > 0; word = take_word(&rest)) {
        if (slice_eq(word, SLICE("none"))) {
            return diag_fail(diag, STATUS_INVALID, "sign_in.no_page",
                             "'prompt' is none, but the person is always asked");
        }
        if (!slice_eq(word, SLICE("login")) && !slice_eq(word, SLICE("select_account")) &&
            !slice_eq(word, SLICE("consent"))) {
            return refuse(diag, "'prompt' names what is not known");
        }
    }
    *out = is_login && is_account ? SLICE("login select_account")
           : is_login             ? SLICE("login")
           : is_account           ? SLICE("select_account")
                                  : SLICE_EMPTY;
    return STATUS_OK;
}

static bool is_age(struct slice text)
{
    int64_t age_s = 0;
    return text.ptr[0] != '-' && slice_to_i64(text, &age_s) == STATUS_OK &&
           age_s <= WISHES_AGE_S_MAX;
}

static bool is_words(struct slice text)
{
    for (struct slice word = take_word(&text); word.len > 0; word = take_word(&text)) {
        if (!slice_is_visible(word)) {
            return false;
        }
    }
    return true;
}

static enum status read_claims(struct slice asked, const struct json_parser *parser,
                               struct arena *arena, struct sign_in_wishes *out, struct diag *diag)
{
    struct json_tape tape;
    if (asked.len > WISHES_CLAIMS_BYTES_MAX) {
        return refuse(diag, "'claims' is too long");
    }
    enum status status = asked.len == 0 ? STATUS_OK : json_parse(parser, asked, arena, &tape, NULL);
    if (status == STATUS_LIMIT) {
        return diag_fail(diag, status, "sign_in.memory", "no memory for 'claims'");
    }
    if (status != STATUS_OK || (asked.len > 0 && json_type(&tape, 0) != JSON_OBJECT)) {
        return refuse(diag, "'claims' is no JSON object");
    }
    out->claims = asked;
    return STATUS_OK;
}

enum status wishes_read(const struct form *form, const struct wishes_offer *offer,
                        const struct json_parser *parser, struct arena *arena,
                        struct sign_in_wishes *out, struct diag *diag)
{
    *out = (struct sign_in_wishes){
        .acr_values = form_value(form, SLICE("acr_values")),
        .max_age = form_value(form, SLICE("max_age")),
        .login_hint = form_value(form, SLICE("login_hint")),
    };
    if (form_value(form, SLICE("request")).len > 0 ||
        form_value(form, SLICE("request_uri")).len > 0) {
        return diag_fail(diag, STATUS_INVALID, "sign_in.request_object",
                         "request objects are not taken");
    }
    if (out->acr_values.len > WISHES_ACR_BYTES_MAX || !is_words(out->acr_values)) {
        return refuse(diag, "'acr_values' is too long, or no list of words");
    }
    if (out->max_age.len > 0 && !is_age(out->max_age)) {
        return refuse(diag, "'max_age' is no number of seconds up to a year");
    }
    if (out->login_hint.len > WISHES_HINT_BYTES_MAX) {
        return refuse(diag, "'login_hint' is too long");
    }
    TRY(read_prompt(form_value(form, SLICE("prompt")), &out->prompt, diag));
    TRY(read_scope(form_value(form, SLICE("scope")), offer, arena, &out->scope, diag));
    return offer->takes_claims
               ? read_claims(form_value(form, SLICE("claims")), parser, arena, out, diag)
               : STATUS_OK;
}

enum status wishes_scope_text(struct slice base, struct slice names,
                              const struct wishes_offer *offer, struct arena *arena,
                              struct slice *out)
{
    *out = base;
    for (size_t i = 0; i < offer->scope_count; i++) {
        const struct wishes_scope *scope = &offer->scopes[i];
        const struct slice parts[] = {*out, out->len > 0 ? SLICE(" ") : SLICE_EMPTY,
                                      scope->provider};
        if (has_word(names, scope->name)) {
            TRY(arena_join(arena, parts, COUNT_OF(parts), out));
        }
    }
    return STATUS_OK;
}

/* Does the query of an address have a parameter of that name? */
static bool is_given(struct slice endpoint, struct slice name)
{
    struct slice rest = slice_sub(endpoint, slice_find_byte(endpoint, '?') + 1, endpoint.len);
    while (rest.len > 0) {
        size_t end = slice_find_byte(rest, '&');
        struct slice pair = slice_sub(rest, 0, end);
        if (slice_eq(slice_sub(pair, 0, slice_find_byte(pair, '=')), name)) {
            return true;
        }
        rest = slice_sub(rest, end + 1, rest.len);
    }
    return false;
}

void wishes_write(struct buf *out, struct slice endpoint, const struct sign_in_wishes *wishes)
{
    const struct {
        struct slice name, value;
    } fields[] = {
        {SLICE("acr_values"), wishes->acr_values}, {SLICE("max_age"), wishes->max_age},
        {SLICE("prompt"), wishes->prompt},         {SLICE("login_hint"), wishes->login_hint},
        {SLICE("claims"), wishes->claims},
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].value.len > 0 && !is_given(endpoint, fields[i].name)) {
            form_append(out, fields[i].name, fields[i].value);
        }
    }
}
