#include "core/gateway/tool_index.h"

#include <stdlib.h>

static size_t count_tools(const struct tool_page *pages)
{
    size_t count = 0;
    for (const struct tool_page *page = pages; page != NULL; page = page->next) {
        count += json_count(&page->tape, page->tools);
    }
    return count;
}

static enum status add_page(const struct tool_page *page, struct arena *arena,
                            struct tool_entry *entries, size_t *count)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref tool = JSON_NONE;
    json_iter_init(&iter, &page->tape, page->tools);
    while (json_iter_next(&iter, &key, &tool)) {
        json_ref name = json_member(&page->tape, tool, SLICE("name"));
        if (name == JSON_NONE || json_type(&page->tape, name) != JSON_STRING) {
            continue;
        }
        struct tool_entry *entry = &entries[*count];
        TRY(json_string(&page->tape, name, arena, &entry->name));
        entry->definition = (struct json_place){&page->tape, tool};
        *count += 1;
    }
    return STATUS_OK;
}

static int compare_names(const void *left, const void *right)
{
    const struct tool_entry *a = left;
    const struct tool_entry *b = right;
    return slice_compare(a->name, b->name);
}

enum status tool_index_build(const struct tool_page *pages, struct arena *arena,
                             struct tool_index *out)
{
    struct tool_entry *entries =
        arena_alloc_zero(arena, count_tools(pages) + 1, sizeof(*entries)); /* never of no size */
    size_t count = 0;
    if (entries == NULL) {
        return STATUS_LIMIT;
    }
    for (const struct tool_page *page = pages; page != NULL; page = page->next) {
        TRY(add_page(page, arena, entries, &count));
    }
    qsort(entries, count, sizeof(*entries), compare_names);
    *out = (struct tool_index){entries, count};
    return STATUS_OK;
}

struct json_place tool_index_find(const struct tool_index *index, struct slice name,
                                  bool *is_ambiguous)
{
    size_t from = 0;
    size_t to = index->count;
    *is_ambiguous = false;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (slice_compare(index->entries[middle].name, name) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    if (from == index->count || !slice_eq(index->entries[from].name, name)) {
        return (struct json_place){NULL, JSON_NONE};
    }
    *is_ambiguous = from + 1 < index->count && slice_eq(index->entries[from + 1].name, name);
    return *is_ambiguous ? (struct json_place){NULL, JSON_NONE} : index->entries[from].definition;
}
