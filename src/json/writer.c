#include "json/writer.h"

#include <assert.h>

struct writing {
    struct buf *buf;
    const struct json_tape *tape;
    const struct json_edit *edits;
    size_t edit_count;
};

struct frame {
    struct json_iter iter;
    json_ref container;
    bool has_element;
};

static const struct json_edit *edit_of(const struct writing *w, json_ref ref, bool is_append)
{
    for (size_t i = 0; i < w->edit_count; i++) {
        if (w->edits[i].ref == ref && (w->edits[i].kind == JSON_EDIT_APPEND) == is_append) {
            return &w->edits[i];
        }
    }
    return NULL;
}

/* Does any edit concern the value ref or something inside it? */
static bool is_touched(const struct writing *w, json_ref ref)
{
    for (size_t i = 0; i < w->edit_count; i++) {
        if (w->edits[i].ref >= ref && w->edits[i].ref < w->tape->nodes[ref].next) {
            return true;
        }
    }
    return false;
}

static bool is_container(const struct writing *w, json_ref ref)
{
    return json_type(w->tape, ref) >= JSON_ARRAY;
}

static void separate(struct writing *w, struct frame *frame)
{
    if (frame->has_element) {
        buf_append_byte(w->buf, ',');
    }
    frame->has_element = true;
}

/* Write a value at once when it needs no walk; false when the caller must go inside. edit: of this
 * value, or NULL. */
static bool write_whole(struct writing *w, json_ref ref, const struct json_edit *edit)
{
    if (edit != NULL) {
        buf_append(w->buf, edit->text);
        return true;
    }
    if (is_container(w, ref) && (!w->tape->is_compact || is_touched(w, ref))) {
        return false;
    }
    buf_append(w->buf, json_raw(w->tape, ref));
    return true;
}

static void open_frame(struct writing *w, struct frame *frame, json_ref ref)
{
    *frame = (struct frame){.container = ref};
    json_iter_init(&frame->iter, w->tape, ref);
    buf_append_byte(w->buf, json_type(w->tape, ref) == JSON_OBJECT ? '{' : '[');
}

static void close_frame(struct writing *w, struct frame *frame)
{
    const struct json_edit *append = edit_of(w, frame->container, true);
    if (append != NULL && append->text.len > 0) {
        separate(w, frame);
        buf_append(w->buf, append->text);
    }
    buf_append_byte(w->buf, json_type(w->tape, frame->container) == JSON_OBJECT ? '}' : ']');
}

void json_write(struct buf *buf, const struct json_tape *tape, json_ref root,
                const struct json_edit *edits, size_t edit_count)
{
    struct writing w = {buf, tape, edits, edit_count};
    struct frame frames[JSON_DEPTH_LIMIT];
    size_t depth = 0;
    if (write_whole(&w, root, edit_of(&w, root, false))) {
        return;
    }
    open_frame(&w, &frames[depth++], root);
    while (depth > 0) {
        struct frame *frame = &frames[depth - 1];
        json_ref key = JSON_NONE;
        json_ref value = JSON_NONE;
        if (!json_iter_next(&frame->iter, &key, &value)) {
            close_frame(&w, frame);
            depth--;
            continue;
        }
        const struct json_edit *edit = edit_of(&w, value, false);
        if (edit != NULL && edit->kind == JSON_EDIT_REMOVE) {
            continue;
        }
        separate(&w, frame);
        if (key != JSON_NONE) {
            buf_append(buf, json_raw(tape, key));
            buf_append_byte(buf, ':');
        }
        if (!write_whole(&w, value, edit)) {
            assert(depth < JSON_DEPTH_LIMIT);
            open_frame(&w, &frames[depth++], value);
        }
    }
}
