/* Nothing leaves the formatter that says something else than its source. */
#include "cedar/syntax/format.h"

/* Both as the printer writes them, which forgets the layout and nothing else. */
static enum status compare_policy(const struct cedar_policy_set *before,
                                  const struct cedar_policy_set *after, size_t index,
                                  struct buf *texts, bool *is_same)
{
    buf_clear(&texts[0]);
    buf_clear(&texts[1]);
    TRY(cedar_policy_to_text(before, index, &texts[0]));
    TRY(cedar_policy_to_text(after, index, &texts[1]));
    *is_same = slice_eq(before->policies[index].id, after->policies[index].id) &&
               slice_eq(buf_view(&texts[0]), buf_view(&texts[1]));
    return STATUS_OK;
}

/* The number of policies that are the same in both, from the first. */
static enum status count_same(const struct cedar_policy_set *before,
                              const struct cedar_policy_set *after, size_t *count)
{
    enum status status = STATUS_OK;
    bool is_same = true;
    struct buf texts[2];
    buf_init(&texts[0], SIZE_MAX / 2, NULL);
    buf_init(&texts[1], SIZE_MAX / 2, NULL);
    for (*count = 0; *count < before->count && *count < after->count;) {
        status = compare_policy(before, after, *count, texts, &is_same);
        if (status != STATUS_OK || !is_same) {
            break;
        }
        ++*count;
    }
    buf_release(&texts[0]);
    buf_release(&texts[1]);
    return status;
}

/* -- comments ------------------------------------------------------------------------------ */

/* The next comment of a text, whatever it belongs to; empty at the end. */
static struct slice next_comment(struct comment_reader *reader)
{
    struct slice source = reader->lexer.source;
    struct slice comment = SLICE_EMPTY;
    while (!comment_next(source, &reader->next.leading, &comment) &&
           reader->next.token.kind != TOKEN_END) {
        struct commented_token taken = comment_reader_take(reader);
        if (taken.trailing.len > 0) {
            return taken.trailing;
        }
    }
    return comment;
}

static bool has_same_comments(struct slice before, struct slice after)
{
    struct comment_reader readers[2];
    comment_reader_init(&readers[0], before);
    comment_reader_init(&readers[1], after);
    for (;;) {
        struct slice comment = next_comment(&readers[0]);
        if (!slice_eq(comment, next_comment(&readers[1]))) {
            return false;
        }
        if (comment.len == 0) {
            return true;
        }
    }
}

enum status format_compare(const struct cedar_policy_set *set, const struct cedar_source *source,
                           struct slice formatted, struct cedar_diagnostics *diagnostics)
{
    struct cedar_source text = {source->name, formatted};
    struct cedar_policy_set *after = NULL;
    struct reporter reporter;
    struct surface_range range = {0};
    size_t same = 0;
    enum status status = cedar_policy_set_parse(&text, 1, false, &after, diagnostics);
    bool is_same = status == STATUS_OK && after->count == set->count &&
                   has_same_comments(source->text, formatted);
    if (status == STATUS_OK) {
        status = count_same(set, after, &same);
        cedar_policy_set_free(after);
    }
    if (status == STATUS_LIMIT || (is_same && same == set->count)) {
        return status;
    }
    range = same < set->count ? set->policies[same].surface->range : range;
    diagnostics->count = 0;
    reporter_init(&reporter, source, diagnostics);
    (void)report(&reporter, range, "the formatter would have changed this; it is left as it is");
    reporter_close(&reporter);
    return STATUS_INTERNAL;
}
