#include "core/policy/lift.h"

#define SCOPES SLICE("scopes")
#define STEP_UP SLICE("step_up")
#define MAX_AGE SLICE("max_age")

static bool has(const struct cedar_policy_set *set, size_t index, struct slice key)
{
    struct slice value;
    return cedar_policy_annotation(set, index, key, &value);
}

static bool is_annotated(const struct cedar_policy_set *set, size_t index)
{
    return has(set, index, SCOPES) || has(set, index, STEP_UP) || has(set, index, MAX_AGE);
}

bool policy_can_be_lifted(const struct cedar_policy_set *set, size_t index)
{
    /* A person's approval is nothing that a token could bring. */
    return cedar_policy_get(set, index).effect == CEDAR_FORBID && is_annotated(set, index) &&
           !has(set, index, SLICE("approval"));
}

static struct slice next_word(struct slice *rest)
{
    size_t end = slice_find_byte(*rest, ' ');
    struct slice word = slice_sub(*rest, 0, end);
    *rest = slice_sub(*rest, end + 1, rest->len);
    return word;
}

/* RFC 6749 §3.3: what may stand in a scope, and inside quotes as it is. */
static bool is_word(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] <= 0x20 || word.ptr[i] >= 0x7F || word.ptr[i] == '"' ||
            word.ptr[i] == '\\') {
            return false;
        }
    }
    return word.len > 0;
}

static bool are_words(struct slice text)
{
    bool are = text.len > 0 && text.ptr[text.len - 1] != ' ';
    while (are && text.len > 0) {
        are = is_word(next_word(&text));
    }
    return are;
}

static bool read_age(struct slice text, int64_t *age_s)
{
    return slice_to_i64(text, age_s) == STATUS_OK && *age_s >= 0 && *age_s <= POLICY_AGE_S_MAX;
}

const char *policy_lift_problem(const struct cedar_policy_set *set, size_t index)
{
    struct slice value;
    int64_t age_s = 0;
    if (!is_annotated(set, index)) {
        return NULL;
    }
    if (cedar_policy_get(set, index).effect != CEDAR_FORBID) {
        return "@scopes, @step_up and @max_age say what lifts a forbid; this is a permit";
    }
    if ((cedar_policy_annotation(set, index, SCOPES, &value) && !are_words(value)) ||
        (cedar_policy_annotation(set, index, STEP_UP, &value) && !are_words(value))) {
        return "@scopes and @step_up hold words between single spaces, without '\"' and '\\'";
    }
    if (cedar_policy_annotation(set, index, MAX_AGE, &value) && !read_age(value, &age_s)) {
        return "@max_age holds a number of seconds, up to a year";
    }
    return NULL;
}

enum status policy_lift_all(const struct cedar_policy_set *set, struct cedar_policy_set **out)
{
    size_t count = cedar_policy_count(set);
    size_t lifted = 0;
    struct slice *ids = base_alloc(count * sizeof(*ids));
    *out = NULL;
    if (ids == NULL) {
        return count == 0 ? STATUS_OK : STATUS_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        if (policy_can_be_lifted(set, i)) {
            ids[lifted++] = cedar_policy_get(set, i).id;
        }
    }
    enum status status =
        lifted == 0 ? STATUS_OK : cedar_policy_set_remove(set, ids, lifted, out, NULL);
    base_free(ids);
    return status;
}

static enum status add_words(struct slice words, struct slice *items, size_t *count,
                             struct arena *arena)
{
    while (words.len > 0 && *count < POLICY_WORDS_MAX) {
        struct slice word = next_word(&words);
        bool is_known = !is_word(word);
        for (size_t i = 0; i < *count; i++) {
            is_known = is_known || slice_eq(items[i], word);
        }
        if (!is_known) {
            TRY(arena_copy(arena, word, &items[*count]));
            (*count)++;
        }
    }
    return STATUS_OK;
}

enum status policy_demand_add(struct policy_demand *demand, const struct cedar_policy_set *set,
                              size_t index, struct arena *arena)
{
    struct slice value;
    int64_t age_s = 0;
    if (cedar_policy_annotation(set, index, SCOPES, &value)) {
        TRY(add_words(value, demand->scopes, &demand->scope_count, arena));
    }
    if (cedar_policy_annotation(set, index, STEP_UP, &value)) {
        TRY(add_words(value, demand->sign_ins, &demand->sign_in_count, arena));
    }
    if (cedar_policy_annotation(set, index, MAX_AGE, &value) && read_age(value, &age_s)) {
        demand->max_age_s =
            demand->has_max_age && demand->max_age_s < age_s ? demand->max_age_s : age_s;
        demand->has_max_age = true;
    }
    return STATUS_OK;
}
