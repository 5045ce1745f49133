#include "support/cedar_case.h"

#include "support/check.h"
#include "support/corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CASE_ARENA_BYTES ((size_t)256 << 20)
#define FILE_BYTES_MAX ((size_t)8 << 20)
#define PATH_BYTES 4096
#define STRIDE_DEFAULT 10
#define ARCHIVE_BYTES_MAX ((size_t)128 << 20)
#define ARCHIVE_FILES_MAX 65536
#define TAR_BLOCK 512U

size_t cedar_case_stride(void)
{
    return getenv("AEGIS_LONG") != NULL ? 1 : STRIDE_DEFAULT;
}

/* -- files --------------------------------------------------------------------------------- */

struct archived {
    struct slice name, content;
};

/* Where the files of a test are: a folder, or an archive that was read whole. */
struct place {
    const char *folder;           /* NULL: an archive */
    const char *own;              /* in the folder: what the tests call testdata */
    const struct archived *files; /* by name */
    size_t count;
};

static struct slice read_whole(struct arena *arena, const char *path)
{
    struct stat state;
    FILE *file = fopen(path, "rb");
    CHECK_ROW(path, file != NULL);
    if (file == NULL) {
        return SLICE_EMPTY;
    }
    CHECK_ROW(path, fstat(fileno(file), &state) == 0 && (size_t)state.st_size < FILE_BYTES_MAX);
    uint8_t *bytes = arena_alloc(arena, (size_t)state.st_size + 1);
    size_t len = bytes == NULL ? 0 : fread(bytes, 1, (size_t)state.st_size, file);
    fclose(file);
    return slice_of(bytes, len);
}

static int compare_archived(const void *left, const void *right)
{
    const struct archived *a = left;
    const struct archived *b = right;
    return slice_compare(a->name, b->name);
}

static struct slice read_file(struct arena *arena, const struct place *place, struct slice name)
{
    char path[PATH_BYTES];
    struct slice own = SLICE("testdata/");
    if (place->folder != NULL && slice_starts_with(name, own)) {
        snprintf(path, sizeof(path), "%s/%s/%.*s", place->folder, place->own,
                 SLICE_ARG(slice_sub(name, own.len, name.len)));
        return read_whole(arena, path);
    }
    if (place->folder != NULL) {
        snprintf(path, sizeof(path), "%s/%.*s", place->folder, SLICE_ARG(name));
        return read_whole(arena, path);
    }
    struct archived key = {name, SLICE_EMPTY};
    const struct archived *found =
        bsearch(&key, place->files, place->count, sizeof(key), compare_archived);
    CHECK(found != NULL);
    return found == NULL ? SLICE_EMPTY : found->content;
}

/* -- one case ------------------------------------------------------------------------------ */

/* The file that a member of the test names. */
static struct slice read_named(struct cedar_case *c, const struct place *place, struct slice member)
{
    struct slice name = SLICE_EMPTY;
    json_ref ref = json_member(&c->tape, 0, member);
    CHECK_ROW(c->name,
              ref != JSON_NONE && json_string(&c->tape, ref, &c->arena, &name) == STATUS_OK);
    return read_file(&c->arena, place, name);
}

static void load_entities(struct cedar_case *c, struct slice text)
{
    struct cedar_source source = {SLICE("entities"), text};
    CHECK(cedar_entity_store_new(&c->arena, &c->store) == STATUS_OK);
    if (cedar_entities_read(&source, c->schema, &c->arena, c->store, &c->diagnostics) !=
            STATUS_OK ||
        cedar_entity_store_close(c->store) != STATUS_OK) {
        c->store = NULL;
    }
}

static void load(struct cedar_case *c, const struct place *place, struct slice test)
{
    struct slice text = read_file(&c->arena, place, test);
    if (json_parse(corpus_parser(), text, &c->arena, &c->tape, NULL) != STATUS_OK) {
        check_report(false, __FILE__, __LINE__, c->name, "the test is JSON");
        return;
    }
    struct cedar_schema_source schema = {{SLICE("schema"), read_named(c, place, SLICE("schema"))},
                                         CEDAR_FORM_TEXT};
    CHECK_ROW(c->name,
              cedar_schema_parse(&schema, 1, &c->schema, &c->diagnostics, NULL) == STATUS_OK);
    c->policy_text = read_named(c, place, SLICE("policies"));
    struct cedar_source policies = {SLICE("policies"), c->policy_text};
    if (cedar_policy_set_parse(&policies, 1, false, &c->policies, &c->diagnostics) != STATUS_OK) {
        c->policies = NULL;
    }
    c->entity_text = read_named(c, place, SLICE("entities"));
    load_entities(c, c->entity_text);
}

static void run(const struct place *place, struct slice test, const char *name, cedar_case_fn body,
                void *context)
{
    static struct cedar_case c;
    c = (struct cedar_case){.name = name};
    arena_init(&c.arena, CASE_ARENA_BYTES, NULL);
    load(&c, place, test);
    body(&c, context);
    cedar_policy_set_free(c.policies);
    cedar_schema_free(c.schema);
    arena_release(&c.arena);
}

static struct cedar_uid uid_of(struct cedar_case *c, json_ref request, struct slice member)
{
    struct cedar_uid uid = {0};
    json_ref ref = json_member(&c->tape, request, member);
    json_ref inner = json_member(&c->tape, ref, SLICE("__entity"));
    ref = inner == JSON_NONE ? ref : inner;
    json_ref type = json_member(&c->tape, ref, SLICE("type"));
    json_ref id = json_member(&c->tape, ref, SLICE("id"));
    CHECK_ROW(c->name, json_string(&c->tape, type, &c->arena, &uid.type) == STATUS_OK &&
                           json_string(&c->tape, id, &c->arena, &uid.id) == STATUS_OK);
    return uid;
}

bool cedar_case_request(struct cedar_case *c, json_ref request, struct cedar_request *out)
{
    struct cedar_entities *entities = arena_alloc_zero(&c->arena, 1, sizeof(*entities));
    json_ref context = json_member(&c->tape, request, SLICE("context"));
    struct cedar_source source = {SLICE("context"), json_raw(&c->tape, context)};
    *entities = cedar_entity_store_view(c->store);
    *out = (struct cedar_request){.principal = uid_of(c, request, SLICE("principal")),
                                  .action = uid_of(c, request, SLICE("action")),
                                  .resource = uid_of(c, request, SLICE("resource")),
                                  .entities = entities};
    return cedar_context_read(&source, c->schema, &out->action, &c->arena, &out->context,
                              &c->diagnostics) == STATUS_OK;
}

/* -- folders and archives ------------------------------------------------------------------ */

static bool is_test(struct slice name)
{
    return slice_ends_with(name, SLICE(".json")) &&
           !slice_ends_with(name, SLICE(".entities.json")) &&
           !slice_ends_with(name, SLICE(".validation.json"));
}

static int is_test_entry(const struct dirent *entry)
{
    return is_test(slice_view_cstr(entry->d_name));
}

static size_t each_in(const char *root, const char *folder, cedar_case_fn body, void *context)
{
    char path[PATH_BYTES];
    struct dirent **entries = NULL;
    struct place place = {.folder = root, .own = folder};
    snprintf(path, sizeof(path), "%s/%s", root, folder);
    int count = scandir(path, &entries, is_test_entry, alphasort);
    for (int i = 0; i < count; i++) {
        char test[PATH_BYTES];
        snprintf(test, sizeof(test), "%s/%s", folder, entries[i]->d_name);
        run(&place, slice_view_cstr(test), test, body, context);
        free(entries[i]);
    }
    free((void *)entries);
    return count > 0 ? (size_t)count : 0;
}

size_t cedar_case_each_in(const char *root, const char *folder, cedar_case_fn body, void *context)
{
    const char *found = check_shared_path(root);
    char path[PATH_BYTES];
    if (found == NULL) {
        return 0;
    }
    snprintf(path, sizeof(path), "%s", found);
    return each_in(path, folder, body, context);
}

/* Handwritten tests lie in folders by theme. */
static size_t each_handwritten(cedar_case_fn body, void *context)
{
    const char *found = check_shared_path("cedar-tests/handwritten");
    char root[PATH_BYTES];
    char tests[PATH_BYTES + 8];
    size_t count = 0;
    snprintf(root, sizeof(root), "%s", found == NULL ? "" : found);
    snprintf(tests, sizeof(tests), "%s/tests", root);
    DIR *dir = found == NULL ? NULL : opendir(tests);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        char folder[PATH_BYTES];
        snprintf(folder, sizeof(folder), "tests/%s", entry->d_name);
        if (entry->d_name[0] != '.') {
            count += each_in(root, folder, body, context);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

/* -- archives ------------------------------------------------------------------------------ */

static struct slice unpack(struct arena *arena, const char *archive)
{
    char command[PATH_BYTES];
    uint8_t *bytes = arena_alloc(arena, ARCHIVE_BYTES_MAX);
    int command_bytes = snprintf(command, sizeof(command), "xz -dc '%s'", archive);
    CHECK_ROW(archive, command_bytes < (int)sizeof(command));
    FILE *pipe = popen(command, "r");
    CHECK_ROW(archive, bytes != NULL && pipe != NULL);
    if (bytes == NULL || pipe == NULL) {
        return SLICE_EMPTY;
    }
    size_t len = fread(bytes, 1, ARCHIVE_BYTES_MAX, pipe);
    CHECK_ROW(archive, pclose(pipe) == 0 && len < ARCHIVE_BYTES_MAX);
    return slice_of(bytes, len);
}

static size_t octal(struct slice text)
{
    size_t value = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '7'; i++) {
        value = value * 8 + (size_t)(text.ptr[i] - '0');
    }
    return value;
}

/* The regular files of a tar archive, named without their first folder. */
static size_t list_files(struct slice tar, struct archived *files)
{
    size_t count = 0;
    for (size_t at = 0; at + TAR_BLOCK <= tar.len && tar.ptr[at] != 0;) {
        struct slice name = slice_sub(tar, at, at + 100);
        name = slice_sub(name, 0, slice_find_byte(name, 0));
        size_t size = octal(slice_sub(tar, at + 124, at + 136));
        bool is_file = tar.ptr[at + 156] == '0';
        size_t first = slice_find_byte(name, '/') + 1;
        if (is_file && count < ARCHIVE_FILES_MAX) {
            files[count++] =
                (struct archived){slice_sub(name, first, name.len),
                                  slice_sub(tar, at + TAR_BLOCK, at + TAR_BLOCK + size)};
        }
        at += TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
    CHECK(count < ARCHIVE_FILES_MAX);
    qsort(files, count, sizeof(*files), compare_archived);
    return count;
}

static size_t each_of_archive(const char *archive, const char *label, size_t stride,
                              cedar_case_fn body, void *context)
{
    struct arena arena;
    size_t seen = 0;
    arena_init(&arena, 2 * ARCHIVE_BYTES_MAX, NULL);
    struct slice tar = unpack(&arena, archive);
    struct archived *files = arena_alloc_zero(&arena, ARCHIVE_FILES_MAX, sizeof(*files));
    CHECK(files != NULL);
    struct place place = {.files = files, .count = files == NULL ? 0 : list_files(tar, files)};
    for (size_t i = 0; i < place.count; i++) {
        if (is_test(files[i].name) && seen++ % stride == 0) {
            char name[PATH_BYTES];
            snprintf(name, sizeof(name), "%s/%.*s", label, SLICE_ARG(files[i].name));
            run(&place, files[i].name, name, body, context);
        }
    }
    arena_release(&arena);
    return seen;
}

static int is_archive(const struct dirent *entry)
{
    struct slice name = slice_view_cstr(entry->d_name);
    return slice_starts_with(name, SLICE("corpus-")) && slice_ends_with(name, SLICE(".tar.xz"));
}

size_t cedar_case_each(size_t stride, cedar_case_fn body, void *context)
{
    const char *found = check_shared_path("cedar-tests/corpus");
    struct dirent **entries = NULL;
    char folder[PATH_BYTES];
    size_t total = 0;
    snprintf(folder, sizeof(folder), "%s", found == NULL ? "" : found);
    int count = found == NULL ? 0 : scandir(folder, &entries, is_archive, alphasort);
    for (int i = 0; i < count; i++) {
        char archive[PATH_BYTES * 2];
        snprintf(archive, sizeof(archive), "%s/%s", folder, entries[i]->d_name);
        total += each_of_archive(archive, entries[i]->d_name, stride, body, context);
        free(entries[i]);
    }
    free((void *)entries);
    return total + each_handwritten(body, context);
}

struct slice cedar_case_unpack(struct arena *arena, const char *folder, const char *name)
{
    const char *found = check_shared_path(folder);
    char path[PATH_BYTES];
    struct stat state;
    if (found == NULL) {
        return SLICE_EMPTY;
    }
    snprintf(path, sizeof(path), "%s/%s", found, name);
    return stat(path, &state) == 0 ? unpack(arena, path) : SLICE_EMPTY;
}
