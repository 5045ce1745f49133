/* Lists: asked of every server the endpoint stands for, filtered by what the caller could ever use,
 * merged, and given out in pages. */
#include "core/gateway/client_tasks.h"
#include "core/gateway/operation.h"
#include "core/gateway/question_shape.h"
#include "core/gateway/skill.h"
#include "core/gateway/wire_name.h"
#include "core/mcp/resource_uri.h"
#include "json/writer.h"

#define LIST_ITEMS_PER_PAGE 1000
#define LIST_TEXT_BYTES_MAX ((size_t)32 << 10) /* a name or a description of a view */
#define PAGE_EDITS_MAX 2
#define LIST_LOOKS_PER_TURN 256               /* then others of the loop have theirs */
#define LIST_BYTES_PER_PAGE ((size_t)4 << 20) /* a page ends after the item that goes past this */

/* An item the caller may see. Of items with one key the first stays, when they are of one server;
 * none, when they are of several: what nobody can tell apart cannot be used. */
struct list_item {
    const struct list_part *part;
    struct json_place place;
    json_ref name_ref;
    struct slice key; /* name, normal address, template or the server's id of a task */
    const struct client_task *task; /* of a list of tasks */
    size_t order;
    size_t looks; /* at the policies, besides the first */
    bool is_left_out;
};

/* The judging of all items, one turn after another. */
struct list_judging {
    struct list_item *items;   /* those that the caller may see, */
    struct list_item **sorted; /* and by key */
    size_t count;
    size_t part; /* where it goes on */
    struct list_walk walk;
};

static enum stage_result stage_fetch(struct operation *op)
{
    return operation_fetch_endpoint(op, op->message.method);
}

static bool is_template_list(const struct operation *op)
{
    return slice_eq(op->list->list_member, SLICE("resourceTemplates"));
}

static bool is_skill_list(const struct operation *op)
{
    return slice_eq(op->list->list_member, SLICE("skills"));
}

/* Could the caller ever use the item in that way? within: as of an entry of method.h. */
static bool may_be_used(struct operation *op, const struct list_item *item, struct slice method,
                        struct slice within)
{
    static const struct json_place NO_DEFINITION = {NULL, JSON_NONE};
    struct policy_question question = operation_question(op, item->part->server_index);
    bool is_task = item->task != NULL;
    question.method = method;
    question.within = within;
    question.name = is_task ? item->task->tool : item->key;
    question.definition = is_task ? NO_DEFINITION : item->place;
    question.arguments = (struct json_place){item->place.tape, JSON_NONE};
    question.arguments_unknown = true;
    question.name_unknown = is_template_list(op);
    return policy_may_ever_allow(&question, &op->gateway->scratch);
}

/* SEP-2640: a folder is listed, not read. */
static bool is_directory(const struct operation *op, const struct list_item *item)
{
    uint32_t extensions = op->gateway->snapshot->servers[item->part->server_index].extensions;
    struct json_place type = question_member(item->place, SLICE("mimeType"));
    return op->list->primitive == MCP_RESOURCE && (extensions & MCP_EXTENSION_SKILLS) != 0 &&
           type.ref != JSON_NONE && json_string_eq(type.tape, type.ref, SLICE("inode/directory"));
}

static bool item_is_visible(struct operation *op, const struct list_item *item)
{
    static const struct slice CALLS[] = {
        [MCP_LIFECYCLE] = SLICE_INIT(""),
        [MCP_TOOL] = SLICE_INIT("tools/call"),
        [MCP_RESOURCE] = SLICE_INIT("resources/read"),
        [MCP_PROMPT] = SLICE_INIT("prompts/get"),
    };
    if (is_skill_list(op)) {
        return may_be_used(op, item, SLICE("skills/get"), CALLS[MCP_RESOURCE]);
    }
    return may_be_used(op, item, CALLS[op->list->primitive], SLICE_EMPTY) ||
           (is_directory(op, item) &&
            may_be_used(op, item, SLICE("resources/directory/read"), CALLS[MCP_RESOURCE]));
}

struct skill_reader {
    const struct operation *operation;
    uint32_t server_index;
};

static bool may_read_file(void *context, struct slice uri)
{
    const struct skill_reader *reader = context;
    return operation_may_ever_read(reader->operation, reader->server_index, uri);
}

/* Of a list of skills: is it one, and may the caller read all of it? */
static bool is_good_skill(struct operation *op, struct list_item *item)
{
    struct skill_reader reader = {op, item->part->server_index};
    struct skill_rules rules = {may_read_file, &reader};
    struct skill skill;
    struct arena scratch;
    if (!is_skill_list(op)) {
        return true;
    }
    arena_init(&scratch, GATEWAY_OPERATION_BYTES_MAX, &op->account);
    enum status status = skill_read(item->place, &rules, &scratch, &skill, NULL);
    item->looks += skill.file_count;
    arena_release(&scratch);
    return status == STATUS_OK && skill.is_readable;
}

/* MCP 2026-07-28: a tool whose fields for arguments break a rule is not shown. */
static bool has_good_fields(struct operation *op, const struct list_item *item)
{
    static const struct json_place NO_ARGUMENTS = {NULL, JSON_NONE};
    struct parameter_fields fields;
    if (op->list->primitive != MCP_TOOL ||
        !parameter_fields_are_in(item->place.tape, item->place.ref)) {
        return true;
    }
    json_ref schema = json_member(item->place.tape, item->place.ref, SLICE("inputSchema"));
    return parameter_fields_read((struct json_place){item->place.tape, schema}, NO_ARGUMENTS,
                                 &op->arena, &fields, NULL) == STATUS_OK;
}

static struct slice name_member(const struct operation *op)
{
    if (is_template_list(op)) {
        return SLICE("uriTemplate");
    }
    if (op->list->is_of_tasks) {
        return SLICE("taskId");
    }
    return op->list->primitive == MCP_RESOURCE ? SLICE("uri") : SLICE("name");
}

/* False for an item that has no name, no normal address, or is not for this caller. */
static bool read_item(struct operation *op, struct list_item *item)
{
    struct resource_uri uri;
    item->name_ref = json_member(item->place.tape, item->place.ref, name_member(op));
    if (item->name_ref == JSON_NONE ||
        json_string(item->place.tape, item->name_ref, &op->arena, &item->key) != STATUS_OK) {
        return false;
    }
    if (op->list->primitive == MCP_RESOURCE && !is_template_list(op)) {
        if (resource_uri_read(item->key, &op->arena, &uri, NULL) != STATUS_OK) {
            return false;
        }
        item->key = uri.text;
    }
    return operation_shows(op, op->list->primitive, item->part->server_index, item->key) &&
           has_good_fields(op, item) && item_is_visible(op, item) && is_good_skill(op, item);
}

/* A task of this session, by the name of the tool that made it. Others are not known to be the
 * caller's, whatever the server says. */
static bool read_task(struct operation *op, struct list_item *item)
{
    bool is_task = false;
    item->name_ref = json_member(item->place.tape, item->place.ref, name_member(op));
    if (op->client == NULL ||
        task_read(item->place, &op->arena, &item->key, &is_task) != STATUS_OK || !is_task) {
        return false;
    }
    item->task = client_tasks_find(op->client, item->part->server_index, item->key);
    return item->task != NULL &&
           operation_shows(op, MCP_TOOL, item->part->server_index, item->task->tool) &&
           item_is_visible(op, item);
}

static int compare_items(const struct operation *op, const struct list_item *a,
                         const struct list_item *b)
{
    bool is_by_server = op->list->primitive != MCP_RESOURCE;
    uint32_t a_server = a->part->server_index;
    uint32_t b_server = b->part->server_index;
    if (is_by_server && a_server != b_server) {
        return a_server < b_server ? -1 : 1;
    }
    int order = slice_compare(a->key, b->key);
    return order != 0 ? order : (a->order < b->order ? -1 : 1);
}

/* Heap sort: no recursion and no memory, whatever a server sends. */
static void sift_down(const struct operation *op, struct list_item **items, size_t at, size_t count)
{
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && compare_items(op, items[child], items[child + 1]) < 0) {
            child++;
        }
        if (compare_items(op, items[at], items[child]) >= 0) {
            return;
        }
        struct list_item *moved = items[at];
        items[at] = items[child];
        items[child] = moved;
        at = child;
    }
}

static void sort_items(const struct operation *op, struct list_item **items, size_t count)
{
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(op, items, i - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        struct list_item *last = items[0];
        items[0] = items[end - 1];
        items[end - 1] = last;
        sift_down(op, items, 0, end - 1);
    }
}

static bool is_double(const struct operation *op, const struct list_item *a,
                      const struct list_item *b)
{
    return slice_eq(a->key, b->key) && (op->list->primitive == MCP_RESOURCE || a->part == b->part);
}

/* Items with one key, in the order they came: the first is shown, unless nobody could tell which
 * one is meant. That is so for two servers, and for two tools, of which neither can be called. */
static void leave_out_doubles_of_run(const struct operation *op, struct list_item **run,
                                     size_t count)
{
    bool is_ambiguous =
        count > 1 && (op->list->primitive == MCP_TOOL || run[0]->part != run[count - 1]->part);
    for (size_t i = is_ambiguous ? 0 : 1; i < count; i++) {
        run[i]->is_left_out = true;
    }
}

static void leave_out_doubles(const struct operation *op, struct list_item **sorted, size_t count)
{
    size_t begin = 0;
    for (size_t end = 1; end <= count; end++) {
        if (end == count || !is_double(op, sorted[begin], sorted[end])) {
            leave_out_doubles_of_run(op, sorted + begin, end - begin);
            begin = end;
        }
    }
}

static size_t count_items(const struct operation *op)
{
    size_t count = 0;
    for (size_t i = 0; i < op->part_count; i++) {
        struct list_walk walk = {0};
        struct json_place place;
        while (list_walk_next(&walk, &op->parts[i], &place)) {
            count++;
        }
    }
    return count;
}

static enum status begin_judging(struct operation *op)
{
    size_t capacity = count_items(op);
    struct list_judging *judging = arena_alloc_zero(&op->arena, 1, sizeof(*judging));
    struct list_item *items = arena_alloc_zero(&op->arena, capacity, sizeof(*items));
    struct list_item **sorted = arena_alloc_zero(&op->arena, capacity, sizeof(struct list_item *));
    if (judging == NULL || items == NULL || sorted == NULL) {
        return STATUS_LIMIT;
    }
    *judging = (struct list_judging){.items = items, .sorted = sorted};
    op->judging = judging;
    return STATUS_OK;
}

/* The next items; false when there is none left. */
static bool judge_some(struct operation *op, struct list_judging *judging)
{
    for (size_t looks = 0; looks < LIST_LOOKS_PER_TURN; looks++) {
        struct list_item item = {.order = judging->count};
        while (judging->part < op->part_count &&
               !list_walk_next(&judging->walk, &op->parts[judging->part], &item.place)) {
            judging->part++;
            judging->walk = (struct list_walk){0};
        }
        if (judging->part == op->part_count) {
            return false;
        }
        item.part = &op->parts[judging->part];
        if (op->list->is_of_tasks ? read_task(op, &item) : read_item(op, &item)) {
            judging->items[judging->count] = item;
            judging->sorted[judging->count] = &judging->items[judging->count];
            judging->count++;
        }
        looks += item.looks;
    }
    return true;
}

/* What a directory shows may be in no list. */
static void keep_links(const struct operation *op, const struct list_judging *judging)
{
    for (size_t i = 0; op->list->kind == MCP_KIND_CALL && i < judging->count; i++) {
        operation_keep_link(op, judging->items[i].key);
    }
}

enum status operation_judge_items(struct operation *op, bool *has_more)
{
    *has_more = false;
    if (op->judging == NULL) {
        TRY(begin_judging(op));
    }
    *has_more = judge_some(op, op->judging);
    if (!*has_more) {
        sort_items(op, op->judging->sorted, op->judging->count);
        leave_out_doubles(op, op->judging->sorted, op->judging->count);
        keep_links(op, op->judging);
    }
    return STATUS_OK;
}

/* A server may list tens of thousands of items, and each costs a look at the policies. */
static enum stage_result stage_judge(struct operation *op)
{
    if (op->judging == NULL) {
        operation_end_limit(op);
    }
    if (operation_is_stopped(op)) {
        return operation_refuse_upstream(op, op->wait_status, &op->wait_diag);
    }
    bool has_more = false;
    if (operation_judge_items(op, &has_more) != STATUS_OK) {
        return operation_refuse_overload(op, "no memory for the list");
    }
    return has_more ? operation_pause(op) : STAGE_DONE;
}

/* What a tool of a view is called and described as; empty: as elsewhere. */
static struct slice view_text(const struct operation *op, const struct list_item *item,
                              bool is_description)
{
    const struct gateway_view *view = operation_view(op);
    if (view == NULL || op->list->primitive != MCP_TOOL || item->task != NULL) {
        return SLICE_EMPTY;
    }
    return view_text_of(is_description ? &view->descriptions : &view->renames,
                        item->part->server_index, item->key);
}

/* Names of an endpoint of several servers carry their server, or are the view's. */
static void append_name(struct operation *op, const struct list_item *item, struct buf *out)
{
    struct wire_name name;
    struct slice renamed = item->task != NULL ? item->task->id : view_text(op, item, false);
    if (renamed.len == 0) {
        wire_name_make(op->gateway->snapshot, op->gateway->ports.crypto, item->part->server_index,
                       item->key, &name);
        renamed = wire_name_view(&name);
    }
    buf_append_json_string(out, renamed);
}

/* The edit that describes a tool with that text. */
static struct json_edit describe(const struct list_item *item, struct slice description,
                                 struct buf *out)
{
    json_ref ref = json_member(item->place.tape, item->place.ref, SLICE("description"));
    buf_append(out, ref == JSON_NONE ? SLICE("\"description\":") : SLICE_EMPTY);
    buf_append_json_string(out, description);
    return ref == JSON_NONE ? (struct json_edit){JSON_EDIT_APPEND, item->place.ref, buf_view(out)}
                            : (struct json_edit){JSON_EDIT_REPLACE, ref, buf_view(out)};
}

/* Could the caller ever read what the text is the address of? */
static bool may_read(struct operation *op, const struct list_item *item, json_ref text)
{
    struct slice address = SLICE_EMPTY;
    struct resource_uri uri;
    return json_string(item->place.tape, text, &op->arena, &address) == STATUS_OK &&
           resource_uri_read(address, &op->arena, &uri, NULL) == STATUS_OK &&
           operation_may_ever_read(op, item->part->server_index, uri.text);
}

/* MCP Apps: what a tool or a resource says about pages is for clients that may have them, and the
 * address of a page for callers who may read it. */
static size_t remove_pages(struct operation *op, const struct list_item *item,
                           struct json_edit *edits)
{
    const struct json_tape *tape = item->place.tape;
    json_ref meta = json_member_object(tape, item->place.ref, SLICE("_meta"));
    if (meta == JSON_NONE) {
        return 0;
    }
    bool has_pages = (operation_extensions(op, item->part->server_index) & MCP_EXTENSION_UI) != 0;
    json_ref page = json_member(tape, meta, SLICE("ui"));
    const json_ref removed[PAGE_EDITS_MAX] = {
        has_pages && page != JSON_NONE ? json_member(tape, page, SLICE("resourceUri")) : page,
        json_member(tape, meta, SLICE("ui/resourceUri"))};
    size_t count = 0;
    for (size_t i = 0; i < PAGE_EDITS_MAX; i++) {
        if (removed[i] != JSON_NONE && !(has_pages && may_read(op, item, removed[i]))) {
            edits[count++] = (struct json_edit){JSON_EDIT_REMOVE, removed[i], SLICE_EMPTY};
        }
    }
    return count;
}

static void write_item(struct operation *op, const struct list_item *item)
{
    struct json_edit edits[2 + PAGE_EDITS_MAX];
    size_t count = remove_pages(op, item, edits);
    struct slice description = view_text(op, item, true);
    struct buf name;
    struct buf text;
    buf_init(&name, LIST_TEXT_BYTES_MAX, &op->account);
    buf_init(&text, LIST_TEXT_BYTES_MAX, &op->account);
    bool is_renamed =
        op->list->primitive != MCP_RESOURCE && op->server_index == OPERATION_ALL_SERVERS;
    if (is_renamed || item->task != NULL) {
        append_name(op, item, &name);
        edits[count++] = (struct json_edit){JSON_EDIT_REPLACE, item->name_ref, buf_view(&name)};
    }
    if (description.len > 0) {
        edits[count++] = describe(item, description, &text);
    }
    json_write(&op->reply, item->place.tape, item->place.ref, edits, count);
    op->reply.failed = op->reply.failed || name.failed || text.failed;
    buf_release(&name);
    buf_release(&text);
}

/* How many items the endpoint lists at most. */
static size_t items_max(const struct operation *op)
{
    const struct gateway_view *view = operation_view(op);
    bool is_of_tools = op->list->primitive == MCP_TOOL && !op->list->is_of_tasks;
    bool is_limited = view != NULL && view->max_tools > 0 && is_of_tools;
    return is_limited ? view->max_tools : SIZE_MAX;
}

/* Of the page of a directory the server has said what is enough. */
static bool is_full(const struct operation *op, size_t written, size_t bytes)
{
    return op->list->kind == MCP_KIND_LIST &&
           (written == LIST_ITEMS_PER_PAGE || bytes > LIST_BYTES_PER_PAGE);
}

/* The cursor of a directory's next page, in the server's own words. */
static void write_cursor_of_server(struct operation *op)
{
    struct json_place result = {&op->call.answer, op->call.result};
    struct json_place cursor = question_member(result, SLICE("nextCursor"));
    if (cursor.ref != JSON_NONE && json_type(cursor.tape, cursor.ref) == JSON_STRING) {
        buf_append(&op->reply, SLICE(",\"nextCursor\":"));
        buf_append(&op->reply, json_raw(cursor.tape, cursor.ref));
    }
}

/* The items from list_from on, and the cursor of the next page when there is one. */
static void write_page(struct operation *op, const struct list_item *items, size_t count)
{
    size_t written = 0;
    size_t seen = 0;
    size_t begin = op->reply.len;
    buf_append_json_string(&op->reply, op->list->list_member);
    buf_append(&op->reply, SLICE(":["));
    for (size_t i = 0; i < count && seen < items_max(op); i++) {
        if (items[i].is_left_out || seen++ < op->list_from) {
            continue;
        }
        if (is_full(op, written, op->reply.len - begin)) {
            buf_append(&op->reply, SLICE("],\"nextCursor\":\""));
            buf_append_u64(&op->reply, op->list_from + written);
            buf_append(&op->reply, SLICE("\""));
            return;
        }
        buf_append(&op->reply, written > 0 ? SLICE(",") : SLICE_EMPTY);
        write_item(op, &items[i]);
        written++;
    }
    buf_append_byte(&op->reply, ']');
}

void operation_write_list(struct operation *op)
{
    operation_result_begin(op);
    write_page(op, op->judging->items, op->judging->count);
    if (op->list->kind == MCP_KIND_CALL) {
        write_cursor_of_server(op);
    }
    if (mcp_revision_is_modern(op->revision)) {
        buf_append(&op->reply, SLICE(",\"ttlMs\":0,\"cacheScope\":\"private\""));
    }
    operation_result_end(op);
}

static enum stage_result stage_answer(struct operation *op)
{
    if (op->client_gone) {
        return STAGE_DONE;
    }
    operation_write_list(op);
    operation_answer(op, 200);
    return STAGE_DONE;
}

/* What no server has of an extension is no method. One that could not be asked may have it. */
static enum stage_result stage_check_offered(struct operation *op)
{
    bool is_offered = op->list->extension == 0;
    for (size_t i = 0; i < op->part_count; i++) {
        const struct list_part *part = &op->parts[i];
        is_offered = is_offered || !part->is_complete ||
                     (part->session->offers & op->list->needs) == op->list->needs;
    }
    return is_offered ? STAGE_DONE : operation_refuse_method(op);
}

/* A cursor of ours is the number of items before it: the lists are asked anew for every page, so
 * nothing is kept between them, and an invented one shows nothing that the first page would not. */
static enum stage_result stage_check_cursor(struct operation *op)
{
    const struct mcp_message *message = &op->message;
    json_ref cursor = message->params == JSON_NONE
                          ? JSON_NONE
                          : json_member(&message->tape, message->params, SLICE("cursor"));
    struct slice text = SLICE_EMPTY;
    int64_t from = 0;
    uint32_t needs = message->method->needs;
    if (message->method->is_of_tasks && op->client != NULL &&
        (op->client->offers & needs) != needs) {
        return operation_refuse_method(op);
    }
    if (cursor == JSON_NONE) {
        return STAGE_DONE;
    }
    if (json_string(&message->tape, cursor, &op->arena, &text) == STATUS_OK &&
        slice_to_i64(text, &from) == STATUS_OK && from > 0) {
        op->list_from = (size_t)from;
        return STAGE_DONE;
    }
    return operation_refuse(op, &(struct operation_refusal){.type = AUDIT_WIRE_REJECT,
                                                            .http_status = 200,
                                                            .rpc_code = MCP_ERROR_INVALID_PARAMS,
                                                            .text = SLICE("unknown cursor"),
                                                            .code = "list.cursor"});
}

const struct stage OPERATION_LIST_STAGES[] = {
    {"authenticate", operation_stage_authenticate},
    {"session", operation_stage_session},
    {"route", operation_stage_route},
    {"home", operation_stage_home},
    {"check_cursor", stage_check_cursor},
    {"fetch", stage_fetch},
    {"check_fetched", operation_stage_check_fetched},
    {"check_offered", stage_check_offered},
    {"judge", stage_judge},
    {"record_event", operation_stage_record_event},
    {"check_record", operation_stage_check_record},
    {"answer", stage_answer},
    {NULL, NULL},
};
