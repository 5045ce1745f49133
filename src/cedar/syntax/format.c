/* cedar_format: policies laid out anew. */
#include "cedar/syntax/format.h"
#include "cedar/syntax/parser.h"

#include <assert.h>

#define PIECES_BYTES_MAX ((size_t)1 << 30) /* of the document of one policy */

/* Policies in the order of the source, an empty line between them, and what is behind the last. As
 * in the official formatter, a source without policies gives an empty line before its comments. */
static enum status format_policies(struct formatter *formatter,
                                   const struct concrete_policy *policies, size_t width,
                                   struct buf *out)
{
    struct slice comment;
    buf_append(out, policies == NULL ? SLICE("\n") : SLICE_EMPTY);
    for (const struct concrete_policy *policy = policies; policy != NULL; policy = policy->next) {
        formatter->document.pieces = (struct growing){0};
        arena_reset(formatter->document.arena);
        format_policy(formatter, policy);
        buf_append(out, policy == policies ? SLICE_EMPTY : SLICE("\n"));
        TRY(document_print(&formatter->document, width, out));
        buf_append_byte(out, '\n');
    }
    while (
        comment_next(formatter->reader.lexer.source, &formatter->reader.next.leading, &comment)) {
        buf_append(out, comment);
        buf_append_byte(out, '\n');
    }
    return buf_status(out);
}

static enum status format_source(const struct cedar_source *source,
                                 const struct cedar_format_options *options, struct buf *out,
                                 struct cedar_diagnostics *diagnostics)
{
    struct arena trees;
    struct arena pieces;
    struct reporter reporter;
    struct concrete_policy *policies = NULL;
    struct formatter formatter = {.document.arena = &pieces, .indent = (int)options->indent};
    arena_init(&trees, SIZE_MAX / 2, NULL);
    arena_init(&pieces, PIECES_BYTES_MAX, NULL);
    reporter_init(&reporter, source, diagnostics);
    comment_reader_init(&formatter.reader, source->text);
    enum status status = parse_policies(&reporter, &trees, &policies);
    if (status == STATUS_OK) {
        status = format_policies(&formatter, policies, options->line_width, out);
    }
    reporter_close(&reporter);
    arena_release(&pieces);
    arena_release(&trees);
    return status;
}

enum status cedar_format(const struct cedar_source *source,
                         const struct cedar_format_options *options, struct buf *out,
                         struct cedar_diagnostics *diagnostics)
{
    static const struct cedar_format_options OFFICIAL = {.line_width = 80, .indent = 2};
    struct cedar_policy_set *set = NULL;
    struct buf text;
    options = options == NULL ? &OFFICIAL : options;
    assert(options->line_width <= CEDAR_FORMAT_WIDTH_MAX);
    assert(options->indent <= CEDAR_FORMAT_INDENT_MAX);
    TRY(cedar_policy_set_parse(source, 1, false, &set, diagnostics));
    buf_init(&text, CEDAR_SOURCE_BYTES_MAX, NULL);
    enum status status = format_source(source, options, &text, diagnostics);
    if (status == STATUS_OK) {
        status = format_compare(set, source, buf_view(&text), diagnostics);
    }
    if (status == STATUS_OK) {
        buf_append(out, buf_view(&text));
        status = buf_status(out);
    }
    buf_release(&text);
    cedar_policy_set_free(set);
    return status;
}
