#include "core/gateway/client_pages.h"

#include "core/gateway/operation.h"
#include "core/gateway/question_shape.h"

#include <string.h>

struct client_page {
    struct client_page *next; /* an older one */
    uint32_t server_index;
    size_t len;
    uint8_t id[]; /* the server's, decoded */
};

static void drop(struct client_session *session, struct client_page **at)
{
    struct client_page *page = *at;
    *at = page->next;
    session->page_count--;
    account_release(&session->account, sizeof(*page) + page->len);
    base_free(page);
}

/* Where it is, or the end of the list. */
static struct client_page **find(struct client_session *session, uint32_t server_index,
                                 struct slice id)
{
    struct client_page **at = &session->pages;
    while (*at != NULL && ((*at)->server_index != server_index ||
                           !slice_eq(slice_of((*at)->id, (*at)->len), id))) {
        at = &(*at)->next;
    }
    return at;
}

static void forget_oldest(struct client_session *session)
{
    struct client_page **at = &session->pages;
    while ((*at)->next != NULL) {
        at = &(*at)->next;
    }
    drop(session, at);
}

static void add(struct client_session *session, uint32_t server_index, struct slice id)
{
    size_t bytes = sizeof(struct client_page) + id.len;
    if (id.len > CLIENT_PAGE_ID_BYTES_MAX || *find(session, server_index, id) != NULL) {
        return;
    }
    if (session->page_count >= session->gateway->limits.client_pages) {
        forget_oldest(session);
    }
    if (account_charge(&session->account, bytes) != STATUS_OK) {
        return;
    }
    struct client_page *page = base_alloc(bytes);
    if (page == NULL) {
        account_release(&session->account, bytes);
        return;
    }
    *page =
        (struct client_page){.next = session->pages, .server_index = server_index, .len = id.len};
    if (id.len > 0) {
        memcpy(page->id, id.ptr, id.len);
    }
    session->pages = page;
    session->page_count++;
}

/* The id in an object, in scratch. */
static bool read_id(struct json_place object, struct arena *scratch, struct slice *id)
{
    struct json_place place = question_member(object, SLICE("elicitationId"));
    return place.ref != JSON_NONE && json_type(place.tape, place.ref) == JSON_STRING &&
           json_string(place.tape, place.ref, scratch, id) == STATUS_OK;
}

void client_pages_note(struct client_session *session, uint32_t server_index,
                       const struct question *question)
{
    struct arena *scratch = &session->gateway->scratch;
    struct slice id;
    if (question->method->primitive == MCP_ELICITATION && read_id(question->params, scratch, &id)) {
        add(session, server_index, id);
    }
    arena_reset(scratch);
}

static void record_unknown(struct operation *op)
{
    struct audit_record record = {0};
    operation_fill_record(op, &record);
    record.type = AUDIT_WIRE_REJECT;
    record.phase = AUDIT_EVENT;
    record.direction = SLICE("server");
    record.method = CLIENT_PAGES_METHOD;
    record.primitive = mcp_primitive_name(MCP_ELICITATION);
    record.target = SLICE_EMPTY;
    record.code = SLICE("elicitation.unknown");
    record.reason = SLICE("the client was not asked to open that page, or heard of it before");
    (void)!operation_append_record(op, &record, NULL);
}

/* Written anew: nothing that the server added goes on. */
bool client_pages_complete(struct operation *op, const struct json_tape *tape, struct buf *out)
{
    struct client_session *session = op->client;
    struct arena *scratch = &op->gateway->scratch;
    struct json_place params = {tape, json_member_object(tape, 0, SLICE("params"))};
    struct slice id = SLICE_EMPTY;
    if (session == NULL) {
        return false;
    }
    struct client_page **page =
        read_id(params, scratch, &id) ? find(session, op->server_index, id) : NULL;
    bool is_known = page != NULL && *page != NULL;
    if (is_known) {
        drop(session, page);
        buf_append(out, SLICE("{\"jsonrpc\":\"2.0\",\"method\":"));
        buf_append_json_string(out, CLIENT_PAGES_METHOD);
        buf_append(out, SLICE(",\"params\":{\"elicitationId\":"));
        buf_append_json_string(out, id);
        buf_append(out, SLICE("}}"));
    } else if (!session->has_unknown_page) {
        record_unknown(op);
    }
    session->has_unknown_page = !is_known;
    arena_reset(scratch);
    return is_known && buf_status(out) == STATUS_OK;
}

void client_pages_release(struct client_session *session)
{
    while (session->pages != NULL) {
        drop(session, &session->pages);
    }
}
