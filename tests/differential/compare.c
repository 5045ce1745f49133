#include "differential/compare.h"

#include "support/check.h"
#include "support/corpus.h"

#include <stdio.h>

#define SAID_BYTES_MAX ((size_t)1 << 24)

static bool engine_disagrees_with_itself;

/* For same_answers, which ours.c calls: this program reports cases, not tests. */
void check_report(bool ok, const char *file, int line, const char *row, const char *expression)
{
    (void)row;
    if (!ok) {
        engine_disagrees_with_itself = true;
        printf("%s:%d: failed: %s\n", file, line, expression);
    }
}

const char *check_shared_path(const char *folder)
{
    (void)folder;
    return NULL;
}

void difference_init(struct difference *difference)
{
    buf_init(&difference->official, SAID_BYTES_MAX, NULL);
    buf_init(&difference->ours, SAID_BYTES_MAX, NULL);
}

void difference_release(struct difference *difference)
{
    buf_release(&difference->official);
    buf_release(&difference->ours);
}

static bool is_true(const struct json_tape *tape, const char *member)
{
    json_ref ref = json_member(tape, 0, slice_view_cstr(member));
    return ref != JSON_NONE && json_type(tape, ref) == JSON_TRUE;
}

/* How many answers of a list decide, and how many do so like this. */
static void count_decisions(const struct json_tape *tape, const char *list, struct slice like,
                            uint64_t *all, uint64_t *alike)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref request = JSON_NONE;
    json_ref requests = json_member(tape, 0, slice_view_cstr(list));
    if (requests == JSON_NONE) {
        return;
    }
    json_iter_init(&iter, tape, requests);
    while (json_iter_next(&iter, &key, &request)) {
        json_ref decision = json_member(tape, request, SLICE("decision"));
        *all += decision != JSON_NONE;
        *alike += decision != JSON_NONE && json_string_eq(tape, decision, like);
    }
}

static void count(const struct json_tape *tape, struct tally *tally)
{
    json_ref schema = json_member(tape, 0, SLICE("schema"));
    json_ref invalid = json_member(tape, 0, SLICE("invalid"));
    tally->cases++;
    tally->sets += is_true(tape, "accepted");
    tally->stores += is_true(tape, "entities");
    tally->schemas += schema != JSON_NONE && json_type(tape, schema) == JSON_OBJECT;
    tally->valid += invalid != JSON_NONE && json_type(tape, invalid) == JSON_ARRAY &&
                    json_count(tape, invalid) == 0;
    count_decisions(tape, "requests", SLICE("allow"), &tally->decided, &tally->allowed);
    count_decisions(tape, "partial", SLICE("open"), &tally->partial, &tally->open);
}

static bool has_member(const struct json_tape *tape, const char *member)
{
    return json_member(tape, 0, slice_view_cstr(member)) != JSON_NONE;
}

/* A member that the oracle does not give is nothing that it can tell. */
static bool differs(struct question *q, const struct aspect *aspect, struct difference *out)
{
    q->value = json_member(q->theirs, 0, slice_view_cstr(aspect->member));
    bool has_source = aspect->source == NULL || has_member(q->theirs, aspect->source);
    if (q->value == JSON_NONE || !has_source) {
        return false;
    }
    buf_clear(&out->ours);
    aspect->write(q, &out->ours);
    if (corpus_same_json(buf_view(&out->ours), q->theirs, q->value)) {
        return false;
    }
    buf_clear(&out->official);
    buf_append(&out->official, json_raw(q->theirs, q->value));
    out->aspect = aspect->name;
    return true;
}

bool compare(struct ours *ours, struct slice answer, struct tally *tally, struct difference *out)
{
    struct json_tape tape;
    struct question q = {.ours = ours, .theirs = &tape};
    engine_disagrees_with_itself = false;
    if (json_parse(corpus_parser(), answer, &ours->arena, &tape, NULL) != STATUS_OK ||
        json_member(&tape, 0, SLICE("failed")) != JSON_NONE) {
        out->aspect = "the oracle failed";
        buf_clear(&out->ours);
        buf_clear(&out->official);
        buf_append(&out->official, answer);
        return true;
    }
    if (tally != NULL) {
        count(&tape, tally);
    }
    for (size_t i = 0; i < ASPECTS; i++) {
        if (differs(&q, &aspects[i], out)) {
            return true;
        }
    }
    out->aspect = "our engine with itself";
    buf_clear(&out->ours);
    buf_clear(&out->official);
    return engine_disagrees_with_itself;
}
