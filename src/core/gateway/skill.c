#include "core/gateway/skill.h"

#include "core/gateway/question_shape.h"
#include "core/mcp/resource_uri.h"

#define FILE_NAME SLICE("/SKILL.md")

static enum status refuse(struct diag *diag, const char *why)
{
    return diag_fail(diag, STATUS_INVALID, "skill.entry", "%s", why);
}

struct slice skill_folder(struct slice uri)
{
    bool has_query = slice_find_byte(uri, '?') < uri.len || slice_find_byte(uri, '#') < uri.len;
    if (has_query || uri.len <= FILE_NAME.len ||
        !slice_eq(slice_sub(uri, uri.len - FILE_NAME.len, uri.len), FILE_NAME)) {
        return SLICE_EMPTY;
    }
    struct slice folder = slice_sub(uri, 0, uri.len - FILE_NAME.len);
    bool has_name = folder.ptr[folder.len - 1] != '/' && slice_find_byte(folder, '/') < folder.len;
    return has_name ? slice_sub(uri, 0, folder.len + 1) : SLICE_EMPTY;
}

bool skill_has(struct slice skill, struct slice uri)
{
    struct slice folder = skill_folder(skill);
    return folder.len > 0 &&
           (slice_starts_with(uri, folder) || slice_eq(uri, slice_sub(folder, 0, folder.len - 1)));
}

/* What the path calls the skill. */
static struct slice folder_name(struct slice folder)
{
    size_t end = folder.len - 1;
    size_t begin = end;
    while (begin > 0 && folder.ptr[begin - 1] != '/') {
        begin--;
    }
    return slice_sub(folder, begin, end);
}

static enum status read_uri(struct json_place object, struct arena *arena, struct slice *out,
                            struct diag *diag)
{
    struct json_place place = question_member(object, SLICE("uri"));
    struct slice text = SLICE_EMPTY;
    struct resource_uri uri;
    if (place.ref == JSON_NONE || json_type(place.tape, place.ref) != JSON_STRING) {
        return refuse(diag, "a file of the skill has no address");
    }
    TRY(json_string(place.tape, place.ref, arena, &text));
    TRY(resource_uri_read(text, arena, &uri, diag));
    *out = uri.text;
    return STATUS_OK;
}

static void ask(const struct skill_rules *rules, struct slice uri, struct skill *skill)
{
    if (skill->is_readable && (rules->may_read == NULL || !rules->may_read(rules->context, uri))) {
        skill->is_readable = false;
        skill->withheld = uri;
    }
}

static enum status read_files(struct json_place files, struct slice folder,
                              const struct skill_rules *rules, struct arena *arena,
                              struct skill *skill, struct diag *diag)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, files.tape, files.ref);
    while (json_iter_next(&iter, &key, &value)) {
        struct slice uri = SLICE_EMPTY;
        if (skill->file_count == SKILL_FILES_MAX) {
            return refuse(diag, "the skill has too many files");
        }
        skill->file_count++;
        TRY(read_uri((struct json_place){files.tape, value}, arena, &uri, diag));
        if (!slice_starts_with(uri, folder) || uri.len == folder.len) {
            return refuse(diag, "a file of the skill is outside of its folder");
        }
        ask(rules, uri, skill);
    }
    return STATUS_OK;
}

enum status skill_read(struct json_place entry, const struct skill_rules *rules,
                       struct arena *arena, struct skill *out, struct diag *diag)
{
    struct json_place name =
        question_member(question_member(entry, SLICE("frontmatter")), SLICE("name"));
    struct json_place files = question_member(entry, SLICE("resources"));
    *out = (struct skill){.is_readable = true};
    TRY(read_uri(entry, arena, &out->uri, diag));
    struct slice folder = skill_folder(out->uri);
    if (folder.len == 0) {
        return refuse(diag, "the address of the skill is none of a SKILL.md in a folder");
    }
    if (name.ref == JSON_NONE || !json_string_eq(name.tape, name.ref, folder_name(folder))) {
        return refuse(diag, "the skill has another name than its folder");
    }
    ask(rules, out->uri, out);
    if (files.ref != JSON_NONE && json_type(files.tape, files.ref) == JSON_ARRAY) {
        return read_files(files, folder, rules, arena, out, diag);
    }
    return files.ref != JSON_NONE && json_string_eq(files.tape, files.ref, SLICE("dynamic"))
               ? STATUS_OK
               : refuse(diag, "the skill does not say which files it has");
}
