#include "core/identity/claim_question.h"

static bool is_among(struct slice words, struct slice text)
{
    while (words.len > 0) {
        size_t end = slice_find_byte(words, ' ');
        if (slice_eq(slice_sub(words, 0, end), text)) {
            return true;
        }
        words = slice_sub(words, end + 1, words.len);
    }
    return false;
}

static bool answer_text(const struct claim_question *question, const struct claims *claims,
                        struct slice text)
{
    switch (question->kind) {
    case CLAIM_IS:
        return slice_eq(text, question->value);
    case CLAIM_IS_AMONG:
        return is_among(question->value, text);
    case CLAIM_STARTS:
        return slice_starts_with(text, question->value);
    case CLAIM_ENDS:
        return slice_ends_with(text, question->value);
    case CLAIM_IS_TRUE:
        return slice_eq(text, SLICE("true"));
    case CLAIM_IS_CLIENT:
        return claims->client_id.len > 0 && slice_eq(text, claims->client_id);
    case CLAIM_HAS_WORD:
    case CLAIM_IS_ABSENT:
        break;
    }
    return false;
}

static enum status has_word(const struct claim_question *question, const struct claims *claims,
                            struct arena *arena, bool *out, struct diag *diag)
{
    struct claims_list words;
    enum status status = claims_texts(claims, question->claim, ' ', arena, &words, diag);
    for (size_t i = 0; status == STATUS_OK && i < words.count; i++) {
        *out = *out || slice_eq(words.items[i], question->value);
    }
    return status;
}

enum status claim_question_ask(const struct claim_question *question, const struct claims *claims,
                               struct arena *arena, bool *out, struct diag *diag)
{
    json_ref value = claims_find(claims, question->claim);
    enum json_type type = value == JSON_NONE ? JSON_NULL : json_type(&claims->tape, value);
    struct slice text = SLICE_EMPTY;
    enum status status = STATUS_OK;
    *out = question->kind == CLAIM_IS_ABSENT && type == JSON_NULL;
    if (question->kind == CLAIM_HAS_WORD) {
        return has_word(question, claims, arena, out, diag);
    }
    if (type == JSON_STRING) {
        status = json_string(&claims->tape, value, arena, &text);
        *out = status == STATUS_OK && answer_text(question, claims, text);
    } else if (type == JSON_TRUE) {
        *out = question->kind == CLAIM_IS_TRUE;
    }
    return status == STATUS_LIMIT
               ? diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to read a token")
               : STATUS_OK;
}
