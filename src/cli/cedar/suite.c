#include "cli/cedar/suite.h"

#include <fts.h>
#include <unistd.h>

#define FAILURES_BYTES_MAX ((size_t)64 << 20)
#define MESSAGE_BYTES_MAX ((size_t)1 << 20)
#define PATH_BYTES 4096
#define FOLDER_DEPTH_MAX 16
#define ROOT_STEPS_MAX 4 /* from a test's folder up to the one that its paths start from */

/* A test under way. */
struct test {
    struct suite *suite;
    const char *path;
    struct json_tape tape;
    struct cedar_schema *schema;
    struct cedar_policy_set *policies;
    struct cedar_entities entities;
};

void suite_init(struct suite *suite, bool is_json)
{
    *suite = (struct suite){.is_json = is_json};
    tool_init(&suite->tool);
    suite->tool.error_format = "plain";
    buf_init(&suite->failures, FAILURES_BYTES_MAX, NULL);
}

void suite_release(struct suite *suite)
{
    buf_release(&suite->failures);
    tool_release(&suite->tool);
}

/* -- failures ------------------------------------------------------------------------------ */

/* request: its index, or -1 for the test as a whole. */
static void fail(struct test *t, int64_t request, struct slice message)
{
    struct suite *suite = t->suite;
    suite->failed++;
    if (!suite->is_json) {
        printf("FAIL %s: ", t->path);
        if (request >= 0) {
            printf("request %lld: ", (long long)request);
        }
        tool_print_text(stdout, message);
        (void)fputs("\n", stdout);
        return;
    }
    buf_append(&suite->failures,
               suite->failures.len == 0 ? SLICE("{\"file\":") : SLICE(",{\"file\":"));
    buf_append_json_string(&suite->failures, slice_view_cstr(t->path));
    buf_append(&suite->failures, SLICE(",\"request\":"));
    if (request >= 0) {
        buf_append_i64(&suite->failures, request);
    } else {
        buf_append(&suite->failures, SLICE("null"));
    }
    buf_append(&suite->failures, SLICE(",\"message\":"));
    buf_append_json_string(&suite->failures, message);
    buf_append_byte(&suite->failures, '}');
}

/* -- what a test consists of --------------------------------------------------------------- */

/* Paths start from a folder above the test: the first from which the file is there. */
static enum status resolve(struct test *t, struct slice name, char path[PATH_BYTES])
{
    struct slice folder = slice_view_cstr(t->path);
    for (size_t i = 0; i < ROOT_STEPS_MAX; i++) {
        while (folder.len > 0 && folder.ptr[folder.len - 1] != '/') {
            folder.len--;
        }
        int len = snprintf(path, PATH_BYTES, "%.*s%.*s", SLICE_ARG(folder), SLICE_ARG(name));
        if (len > 0 && len < PATH_BYTES && access(path, F_OK) == 0) {
            return STATUS_OK;
        }
        folder.len -= folder.len > 0 ? 1 : 0;
    }
    return tool_fail(&t->suite->tool, "there is no such file below the folders of the test",
                     "failed to open '%.*s'", SLICE_ARG(name));
}

static enum status find_file(struct test *t, const char *member, char path[PATH_BYTES])
{
    struct tool *tool = &t->suite->tool;
    struct slice name;
    json_ref ref = json_member(&t->tape, 0, slice_view_cstr(member));
    if (ref == JSON_NONE || json_string(&t->tape, ref, &tool->arena, &name) != STATUS_OK) {
        return tool_fail(tool, NULL, "the test does not name its %s", member);
    }
    return resolve(t, name, path);
}

static enum status load(struct test *t)
{
    char path[PATH_BYTES];
    struct tool *tool = &t->suite->tool;
    TRY(find_file(t, "policies", path));
    TRY(tool_read_policy_text(tool, path, false, &t->policies));
    TRY(find_file(t, "schema", path));
    struct schema_options schema = {
        path, slice_ends_with(slice_view_cstr(path), SLICE(".json")) ? "json" : "cedar"};
    TRY(tool_read_schema(tool, &schema, &t->schema));
    TRY(find_file(t, "entities", path));
    return tool_read_entities(tool, path, t->schema, &t->entities);
}

/* -- verdict and requests ------------------------------------------------------------------ */

static void check_verdict(struct test *t)
{
    struct tool *tool = &t->suite->tool;
    struct cedar_validate_options options = {.mode = CEDAR_VALIDATE_STRICT};
    json_ref should = json_member(&t->tape, 0, SLICE("shouldValidate"));
    bool is_expected = should == JSON_NONE || json_type(&t->tape, should) == JSON_TRUE;
    enum status status =
        cedar_validate(t->policies, t->schema, &options, &tool->diagnostics, &tool->warnings);
    if ((status == STATUS_OK) == is_expected && status != STATUS_LIMIT) {
        t->suite->passed++;
    } else if (is_expected) {
        fail(t, -1,
             slice_view_cstr(status == STATUS_LIMIT ? "validation reached a limit"
                                                    : tool->diagnostics.items[0].message));
    } else {
        fail(t, -1, SLICE("the policies are valid, which they should not be"));
    }
}

static enum status read_uid(struct test *t, json_ref request, const char *name,
                            struct cedar_uid *out)
{
    struct tool *tool = &t->suite->tool;
    json_ref ref = json_member(&t->tape, request, slice_view_cstr(name));
    json_ref inner = ref == JSON_NONE ? ref : json_member(&t->tape, ref, SLICE("__entity"));
    ref = inner == JSON_NONE ? ref : inner;
    json_ref type = ref == JSON_NONE ? ref : json_member(&t->tape, ref, SLICE("type"));
    json_ref id = ref == JSON_NONE ? ref : json_member(&t->tape, ref, SLICE("id"));
    if (type != JSON_NONE && id != JSON_NONE &&
        json_string(&t->tape, type, &tool->arena, &out->type) == STATUS_OK &&
        json_string(&t->tape, id, &tool->arena, &out->id) == STATUS_OK) {
        return STATUS_OK;
    }
    return tool_fail(tool, "it has type and id", "the %s is no entity", name);
}

static enum status read_request(struct test *t, json_ref ref, struct cedar_request *out)
{
    struct tool *tool = &t->suite->tool;
    json_ref context = json_member(&t->tape, ref, SLICE("context"));
    json_ref validate = json_member(&t->tape, ref, SLICE("validateRequest"));
    *out = (struct cedar_request){.entities = &t->entities};
    TRY(read_uid(t, ref, "principal", &out->principal));
    TRY(read_uid(t, ref, "action", &out->action));
    TRY(read_uid(t, ref, "resource", &out->resource));
    struct cedar_source source = {SLICE("context"),
                                  context == JSON_NONE ? SLICE("{}") : json_raw(&t->tape, context)};
    TRY(tool_parse_context(tool, &source, t->schema, out));
    bool is_validated = validate == JSON_NONE || json_type(&t->tape, validate) == JSON_TRUE;
    return is_validated ? tool_validate_request(tool, t->schema, out) : STATUS_OK;
}

static bool is_listed(const struct test *t, json_ref list, struct slice id)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_iter_init(&iter, &t->tape, list);
    while (json_iter_next(&iter, &key, &value)) {
        if (json_string_eq(&t->tape, value, id)) {
            return true;
        }
    }
    return false;
}

/* Are the ids of the list those of the policies, which are different ones? */
static bool same_ids(const struct test *t, json_ref list, const size_t *policies, size_t count)
{
    if (list == JSON_NONE || json_count(&t->tape, list) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_listed(t, list, cedar_policy_get(t->policies, policies[i]).id)) {
            return false;
        }
    }
    return true;
}

static void put_ids(const struct test *t, const char *title, const size_t *policies, size_t count,
                    struct buf *out)
{
    buf_append(out, slice_view_cstr(title));
    for (size_t i = 0; i < count; i++) {
        buf_append(out, i == 0 ? SLICE_EMPTY : SLICE(", "));
        buf_append(out, cedar_policy_get(t->policies, policies[i]).id);
    }
    buf_append(out, SLICE("]"));
}

static void put_expected(const struct test *t, json_ref request, struct buf *out)
{
    static const struct slice NAMES[] = {SLICE_INIT("decision"), SLICE_INIT("reason"),
                                         SLICE_INIT("errors")};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
        json_ref ref = json_member(&t->tape, request, NAMES[i]);
        buf_append(out, i == 0 ? SLICE("expected ") : SLICE(" "));
        buf_append(out, NAMES[i]);
        buf_append(out, SLICE(" "));
        buf_append(out, ref == JSON_NONE ? SLICE("nothing") : json_raw(&t->tape, ref));
    }
}

static void compare(struct test *t, size_t index, json_ref request,
                    const struct cedar_response *response)
{
    json_ref decision = json_member(&t->tape, request, SLICE("decision"));
    json_ref reason = json_member(&t->tape, request, SLICE("reason"));
    json_ref errors = json_member(&t->tape, request, SLICE("errors"));
    bool is_allowed = response->decision == CEDAR_ALLOW;
    struct slice actual = is_allowed ? SLICE("allow") : SLICE("deny");
    size_t *failing =
        arena_alloc_zero(&t->suite->tool.arena, response->error_count, sizeof(*failing));
    for (size_t i = 0; failing != NULL && i < response->error_count; i++) {
        failing[i] = response->errors[i].policy;
    }
    if (failing != NULL && decision != JSON_NONE && json_string_eq(&t->tape, decision, actual) &&
        same_ids(t, reason, response->reasons, response->reason_count) &&
        same_ids(t, errors, failing, response->error_count)) {
        t->suite->passed++;
        return;
    }
    struct buf message;
    buf_init(&message, MESSAGE_BYTES_MAX, NULL);
    put_expected(t, request, &message);
    buf_append(&message, is_allowed ? SLICE(", got allow") : SLICE(", got deny"));
    put_ids(t, " by [", response->reasons, response->reason_count, &message);
    put_ids(t, " with errors of [", failing, failing == NULL ? 0 : response->error_count, &message);
    fail(t, (int64_t)index, buf_view(&message));
    buf_release(&message);
}

/* -- one test ------------------------------------------------------------------------------ */

/* Collects what tool functions report, to make failures of it. */
struct capture {
    char *text;
    size_t len;
};

static bool capture_begin(struct test *t, struct capture *capture)
{
    *capture = (struct capture){0};
    t->suite->tool.reports = open_memstream(&capture->text, &capture->len);
    return t->suite->tool.reports != NULL;
}

/* A failure when status is one. */
static void capture_end(struct test *t, struct capture *capture, int64_t request,
                        enum status status)
{
    (void)fclose(t->suite->tool.reports);
    t->suite->tool.reports = stdout;
    if (status != STATUS_OK) {
        struct slice text = slice_of(capture->text, capture->len);
        fail(t, request, slice_sub(text, 0, text.len > 0 ? text.len - 1 : 0));
    }
    base_free(capture->text);
}

static void run_request(struct test *t, size_t index, json_ref ref)
{
    struct cedar_request request;
    struct cedar_response response;
    struct capture capture;
    if (!capture_begin(t, &capture)) {
        fail(t, (int64_t)index, SLICE("memory ran out"));
        return;
    }
    enum status status = read_request(t, ref, &request);
    capture_end(t, &capture, (int64_t)index, status);
    if (status != STATUS_OK) {
        return;
    }
    if (cedar_authorize(t->policies, &request, NULL, &t->suite->tool.arena, &response) !=
        STATUS_OK) {
        fail(t, (int64_t)index, SLICE("memory ran out"));
        return;
    }
    compare(t, index, ref, &response);
}

static void run_requests(struct test *t)
{
    struct json_iter iter;
    json_ref key = JSON_NONE;
    json_ref value = JSON_NONE;
    json_ref requests = json_member(&t->tape, 0, SLICE("requests"));
    if (requests == JSON_NONE) {
        fail(t, -1, SLICE("the test has no requests"));
        return;
    }
    json_iter_init(&iter, &t->tape, requests);
    for (size_t i = 0; json_iter_next(&iter, &key, &value); i++) {
        run_request(t, i, value);
    }
}

/* is_named: it must be a test, because the caller says so. */
static void run_file(struct suite *suite, const char *path, bool is_named)
{
    struct test t = {.suite = suite, .path = path};
    struct cedar_source source;
    struct capture capture;
    arena_reset(&suite->tool.arena);
    if (!capture_begin(&t, &capture)) {
        fail(&t, -1, SLICE("memory ran out"));
        return;
    }
    enum status status = tool_read_json(&suite->tool, path, "test", &source, &t.tape);
    bool is_test =
        status != STATUS_OK || is_named || json_member(&t.tape, 0, SLICE("requests")) != JSON_NONE;
    if (status == STATUS_OK && is_test) {
        status = load(&t);
    }
    capture_end(&t, &capture, -1, status);
    suite->file_count += is_test ? 1 : 0;
    if (is_test && status == STATUS_OK) {
        check_verdict(&t);
        run_requests(&t);
    }
    cedar_policy_set_free(t.policies);
    cedar_schema_free(t.schema);
}

/* -- folders ------------------------------------------------------------------------------- */

static int compare_names(const FTSENT **a, const FTSENT **b)
{
    return slice_compare(slice_view_cstr((*a)->fts_name), slice_view_cstr((*b)->fts_name));
}

static void visit(struct suite *suite, FTS *walk, FTSENT *entry)
{
    struct test nothing = {.suite = suite, .path = entry->fts_path};
    switch (entry->fts_info) {
    case FTS_D:
        if (entry->fts_level > FOLDER_DEPTH_MAX) {
            fail(&nothing, -1, SLICE("the folder lies too deep"));
            (void)fts_set(walk, entry, FTS_SKIP);
        }
        return;
    case FTS_F:
        if (entry->fts_level == 0 ||
            slice_ends_with(slice_view_cstr(entry->fts_name), SLICE(".json"))) {
            run_file(suite, entry->fts_path, entry->fts_level == 0);
        }
        return;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        fail(&nothing, -1, SLICE("it cannot be opened"));
        return;
    default:
        return;
    }
}

void suite_run(struct suite *suite, const char *path)
{
    char copy[PATH_BYTES];
    int len = snprintf(copy, sizeof(copy), "%s", path);
    char *paths[] = {copy, NULL};
    FTS *walk = len < PATH_BYTES
                    ? fts_open(paths, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, compare_names)
                    : NULL;
    if (walk == NULL) {
        struct test nothing = {.suite = suite, .path = path};
        fail(&nothing, -1, SLICE("it cannot be opened"));
        return;
    }
    for (FTSENT *entry = fts_read(walk); entry != NULL; entry = fts_read(walk)) {
        visit(suite, walk, entry);
    }
    (void)fts_close(walk);
}

void suite_print_summary(const struct suite *suite)
{
    if (suite->is_json) {
        printf("{\"files\":%zu,\"passed\":%zu,\"failed\":%zu,\"failures\":[", suite->file_count,
               suite->passed, suite->failed);
        tool_print_buf(stdout, &suite->failures);
        (void)fputs("]}\n", stdout);
    } else {
        printf("%zu files: %zu passed, %zu failed\n", suite->file_count, suite->passed,
               suite->failed);
    }
}
