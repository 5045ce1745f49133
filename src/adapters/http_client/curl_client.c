#include "adapters/http_client/curl_client.h"

#include "adapters/http_client/curl_library.h"
#include "base/buf.h"
#include "wire/cache_control.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONTENT_TYPE_BYTES_MAX 256
#define FIELDS_MAX 4
#define POLL_MS 1000 /* a lost wake-up costs this much */
#define CALL_BYTES_MAX                                                                             \
    (HTTP_CLIENT_BODY_BYTES_MAX + HTTP_CLIENT_URL_BYTES_MAX +                                      \
     (FIELDS_MAX * HTTP_CLIENT_FIELD_BYTES_MAX) + HTTP_CLIENT_AUTHORITIES_BYTES_MAX + 65536)

struct http_client_call {
    struct posted posted; /* on the way to the thread, then to the loop */
    struct curl_client_user *user;
    struct http_client_sink sink;
    bool is_cancelled;        /* the loop's */
    _Atomic bool is_unwanted; /* the same, for the thread */
    struct arena arena;       /* of what was copied; wiped */
    struct http_client_request request;
    const char *field_lines[FIELDS_MAX];
    size_t field_count;

    /* the thread's */
    CURL *curl;
    struct curl_slist *fields;
    struct http_client_call *next, *previous;
    bool is_refused; /* an address was */
    struct buf body;
    char content_type[CONTENT_TYPE_BYTES_MAX];
    int64_t max_age_s;
    int http_status;
    enum status status;
    struct diag diag;
};

struct curl_client {
    CURLM *multi;
    pthread_t thread;
    _Atomic(struct posted *) inbox; /* newest first */
    atomic_bool is_stopping;
    _Atomic size_t call_count;
    struct http_client_call *running; /* the thread's */
};

static struct http_client_call *call_of(struct posted *item)
{
    return (struct http_client_call *)((char *)item - offsetof(struct http_client_call, posted));
}

/* -- the caller's loop --------------------------------------------------------------------- */

/* Bodies and fields hold secrets; a block of an arena is memory that others get next. */
static void wipe(struct slice text)
{
    if (text.len > 0) {
        explicit_bzero((uint8_t *)(uintptr_t)text.ptr, text.len);
    }
}

static void free_call(struct http_client_call *call)
{
    wipe(call->request.body);
    for (size_t i = 0; i < call->field_count; i++) {
        wipe(slice_view_cstr(call->field_lines[i]));
    }
    arena_release(&call->arena);
    wipe(buf_view(&call->body));
    buf_release(&call->body);
    base_free(call);
}

static void run_done(struct posted *item)
{
    struct http_client_call *call = call_of(item);
    if (!call->is_cancelled) {
        struct http_client_answer answer = {.http_status = call->http_status,
                                            .content_type = slice_view_cstr(call->content_type),
                                            .max_age_s = call->max_age_s,
                                            .body = buf_view(&call->body)};
        call->sink.done(&call->sink, call->status, call->status == STATUS_OK ? &answer : NULL,
                        &call->diag);
    }
    free_call(call);
}

static enum status add_field(struct http_client_call *call, const char *name, struct slice value)
{
    struct slice line;
    if (value.len == 0) {
        return STATUS_OK;
    }
    TRY(arena_format(&call->arena, &line, "%s: %.*s", name, SLICE_ARG(value)));
    call->field_lines[call->field_count++] = (const char *)line.ptr;
    return STATUS_OK;
}

static enum status copy_request(struct http_client_call *call,
                                const struct http_client_request *request)
{
    struct http_client_request *own = &call->request;
    struct network_range *ranges =
        arena_alloc_zero(&call->arena, request->range_count, sizeof(*ranges));
    if (ranges == NULL) {
        return STATUS_LIMIT;
    }
    if (request->range_count > 0) {
        memcpy(ranges, request->ranges, request->range_count * sizeof(*ranges));
    }
    *own = *request;
    own->ranges = ranges;
    own->body = SLICE_EMPTY;
    TRY(arena_format(&call->arena, &own->url, "%.*s", SLICE_ARG(request->url)));
    TRY(arena_copy(&call->arena, request->body, &own->body));
    TRY(arena_copy(&call->arena, request->authorities, &own->authorities));
    TRY(add_field(call, "Content-Type", request->content_type));
    TRY(add_field(call, "Accept", request->accept));
    return add_field(call, "Authorization", request->authorization);
}

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "http_client.memory", "no memory for a request to make");
}

static enum status make_call(struct curl_client_user *user,
                             const struct http_client_request *request,
                             const struct http_client_sink *sink, struct http_client_call **out,
                             struct diag *diag)
{
    struct http_client_call *call = base_alloc(sizeof(*call));
    if (call == NULL) {
        return no_memory(diag);
    }
    *call = (struct http_client_call){
        .posted = {.run = run_done},
        .user = user,
        .sink = *sink,
        .max_age_s = HTTP_CLIENT_MAX_AGE_UNKNOWN,
    };
    arena_init(&call->arena, CALL_BYTES_MAX, NULL);
    buf_init(&call->body, request->answer_bytes_max, NULL);
    if (copy_request(call, request) != STATUS_OK) {
        free_call(call);
        return no_memory(diag);
    }
    *out = call;
    return STATUS_OK;
}

static void hand_over(struct curl_client *client, struct posted *item)
{
    struct posted *head = atomic_load(&client->inbox);
    do {
        item->next = head;
    } while (!atomic_compare_exchange_weak(&client->inbox, &head, item));
    (void)curl_library()->multi_wakeup(client->multi);
}

static enum status start(void *context, const struct http_client_request *request,
                         const struct http_client_sink *sink, struct http_client_call **out,
                         struct diag *diag)
{
    struct curl_client_user *user = context;
    struct curl_client *client = user->client;
    TRY(http_client_check(request, diag));
    if (atomic_fetch_add(&client->call_count, 1) >= CURL_CLIENT_CALLS_MAX) {
        (void)atomic_fetch_sub(&client->call_count, 1);
        return diag_fail(diag, STATUS_LIMIT, "http_client.busy",
                         "too many requests of the gateway's own are under way");
    }
    enum status status = make_call(user, request, sink, out, diag);
    if (status != STATUS_OK) {
        (void)atomic_fetch_sub(&client->call_count, 1);
        return status;
    }
    hand_over(client, &(*out)->posted);
    return STATUS_OK;
}

static void cancel(void *context, struct http_client_call *call)
{
    struct curl_client_user *user = context;
    call->is_cancelled = true;
    atomic_store(&call->is_unwanted, true);
    (void)curl_library()->multi_wakeup(user->client->multi);
}

struct port_http_client curl_client_port(struct curl_client_user *user)
{
    return (struct port_http_client){user, start, cancel};
}

/* -- what libcurl asks on the thread ------------------------------------------------------- */

/* The limit holds here: CURLOPT_MAXFILESIZE does not see chunked bodies. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct http_client_call *call = user;
    buf_append(&call->body, slice_of(bytes, size * count));
    return buf_status(&call->body) == STATUS_OK ? size * count : 0;
}

static size_t on_field(char *bytes, size_t size, size_t count, void *user)
{
    struct http_client_call *call = user;
    struct slice line = slice_of(bytes, size * count);
    size_t colon = slice_find_byte(line, ':');
    struct slice value = slice_sub(line, colon + 1, line.len);
    while (value.len > 0 &&
           (value.ptr[value.len - 1] == '\r' || value.ptr[value.len - 1] == '\n')) {
        value.len--;
    }
    if (slice_eq_ascii_nocase(slice_sub(line, 0, colon), SLICE("Cache-Control"))) {
        int64_t max_age_s = cache_control_max_age_s(slice_trim_ows(value));
        /* Of several fields the shortest counts. */
        bool is_shorter = call->max_age_s == CACHE_CONTROL_UNKNOWN ||
                          (max_age_s != CACHE_CONTROL_UNKNOWN && max_age_s < call->max_age_s);
        call->max_age_s = is_shorter ? max_age_s : call->max_age_s;
    }
    return size * count;
}

static bool read_address(const struct sockaddr *from, uint8_t out[NETWORK_ADDRESS_BYTES])
{
    static const struct network_range MAPPED = {{[10] = 0xFF, [11] = 0xFF},
                                                NETWORK_IPV4_PREFIX_BITS};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, from, sizeof(four));
        network_address_from_ipv4((const uint8_t *)&four.sin_addr, out);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, from, sizeof(six));
        memcpy(out, &six.sin6_addr, NETWORK_ADDRESS_BYTES);
        /* No name resolves to an IPv4 address in this form but to get round a rule. */
        return !network_range_contains(&MAPPED, out);
    }
    return false;
}

static bool may_connect(const struct http_client_request *request, const struct sockaddr *to)
{
    uint8_t address[NETWORK_ADDRESS_BYTES];
    if (!read_address(to, address)) {
        return false;
    }
    if (request->is_local) {
        return network_address_is_loopback(address);
    }
    bool is_listed = false;
    for (size_t i = 0; i < request->range_count; i++) {
        is_listed = is_listed || network_range_contains(&request->ranges[i], address);
    }
    return is_listed || network_address_is_public(address);
}

/* The last moment at which the address is known, and the only one at which it cannot change. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct http_client_call *call = user;
    if (purpose != CURLSOCKTYPE_IPCXN || !may_connect(&call->request, &to->addr)) {
        call->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* -- the thread ---------------------------------------------------------------------------- */

/* From here on the call is the loop's, which may outlive the client. */
static void finish(struct curl_client *client, struct http_client_call *call)
{
    const struct curl_library *library = curl_library();
    library->cleanup(call->curl);
    curl_library_free_fields(call->fields);
    call->curl = NULL;
    call->fields = NULL;
    (void)atomic_fetch_sub(&client->call_count, 1);
    call->posted.next = NULL;
    call->user->poster->post(call->user->poster->context, &call->posted);
}

static enum status explain(struct http_client_call *call, CURLcode code)
{
    struct diag *diag = &call->diag;
    if (buf_status(&call->body) != STATUS_OK) {
        return diag_fail(diag, STATUS_LIMIT, "http_client.too_large",
                         "the answer has more than %zu bytes", call->request.answer_bytes_max);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return diag_fail(diag, STATUS_TIMEOUT, "http_client.timeout",
                         "no connection within %d ms or no whole answer within %d ms",
                         HTTP_CLIENT_CONNECT_MS, (int)call->request.deadline_ms);
    }
    if (code != CURLE_OK && call->is_refused) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "http_client.address",
                         "the name leads to an address that is not allowed; list its network if it "
                         "is meant");
    }
    return code == CURLE_OK ? STATUS_OK
                            : diag_fail(diag, STATUS_UNAVAILABLE, "http_client.failed", "%s",
                                        curl_library()->strerror(code));
}

static void unlink_call(struct curl_client *client, struct http_client_call *call)
{
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        client->running = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    (void)curl_library()->multi_remove_handle(client->multi, call->curl);
}

static void on_transfer_end(struct curl_client *client, CURL *curl, CURLcode code)
{
    const struct curl_library *library = curl_library();
    struct http_client_call *call = NULL;
    char *type = NULL;
    long http_status = 0;
    (void)library->getinfo(curl, CURLINFO_PRIVATE, (char **)&call);
    (void)library->getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    (void)library->getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    call->http_status = (int)http_status;
    (void)snprintf(call->content_type, sizeof(call->content_type), "%s", type == NULL ? "" : type);
    call->status = explain(call, code);
    unlink_call(client, call);
    finish(client, call);
}

static bool set_fields(struct http_client_call *call)
{
    const struct curl_library *library = curl_library();
    /* Without it libcurl waits for a 100 before it sends a longer body. */
    struct curl_slist *list = library->slist_append(NULL, "Expect:");
    for (size_t i = 0; i < call->field_count && list != NULL; i++) {
        struct curl_slist *longer = library->slist_append(list, call->field_lines[i]);
        if (longer == NULL) {
            curl_library_free_fields(list);
        }
        list = longer;
    }
    call->fields = list;
    (void)library->setopt(call->curl, CURLOPT_HTTPHEADER, list);
    return list != NULL;
}

static void set_authorities(struct http_client_call *call)
{
    const struct curl_library *library = curl_library();
    struct slice pem = call->request.authorities;
    struct curl_blob blob = {(void *)(uintptr_t)pem.ptr, pem.len, CURL_BLOB_NOCOPY};
    if (pem.len > 0) {
        (void)library->setopt(call->curl, CURLOPT_CAINFO_BLOB, &blob);
        (void)library->setopt(call->curl, CURLOPT_CAPATH, NULL); /* the system's is another */
    }
}

static bool set_options(struct http_client_call *call)
{
    const struct curl_library *library = curl_library();
    const struct http_client_request *request = &call->request;
    CURL *curl = call->curl;
    curl_library_protect(curl, request->is_local);
    set_authorities(call);
    (void)library->setopt(curl, CURLOPT_PRIVATE, call);
    (void)library->setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->deadline_ms);
    /* What one request may connect to is not for another to use. */
    (void)library->setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    (void)library->setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    /* Or a name server that does not answer would hold up all requests. */
    (void)library->setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    (void)library->setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)library->setopt(curl, CURLOPT_OPENSOCKETDATA, call);
    (void)library->setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)library->setopt(curl, CURLOPT_WRITEDATA, call);
    (void)library->setopt(curl, CURLOPT_HEADERFUNCTION, on_field);
    (void)library->setopt(curl, CURLOPT_HEADERDATA, call);
    if (request->is_post) {
        (void)library->setopt(curl, CURLOPT_POST, 1L);
        (void)library->setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
        (void)library->setopt(curl, CURLOPT_POSTFIELDS,
                              request->body.len > 0 ? (const char *)request->body.ptr : "");
    }
    return library->setopt(curl, CURLOPT_URL, (const char *)request->url.ptr) == CURLE_OK &&
           set_fields(call);
}

static void begin_transfer(struct curl_client *client, struct http_client_call *call)
{
    const struct curl_library *library = curl_library();
    call->curl = library->init();
    if (call->curl == NULL || !set_options(call) ||
        library->multi_add_handle(client->multi, call->curl) != CURLM_OK) {
        call->status = diag_fail(&call->diag, STATUS_UNAVAILABLE, "http_client.failed",
                                 "libcurl has no memory");
        finish(client, call);
        return;
    }
    call->previous = NULL;
    call->next = client->running;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    client->running = call;
}

static void take_inbox(struct curl_client *client)
{
    struct posted *item = atomic_exchange(&client->inbox, NULL);
    while (item != NULL) {
        struct posted *next = item->next;
        begin_transfer(client, call_of(item));
        item = next;
    }
}

static void end_call(struct curl_client *client, struct http_client_call *call)
{
    call->status =
        diag_fail(&call->diag, STATUS_CANCELLED, "http_client.closed", "the request was given up");
    unlink_call(client, call);
    finish(client, call);
}

static void drop_unwanted(struct curl_client *client, bool all)
{
    struct http_client_call *next = NULL;
    for (struct http_client_call *call = client->running; call != NULL; call = next) {
        next = call->next;
        if (all || atomic_load(&call->is_unwanted)) {
            end_call(client, call);
        }
    }
}

static void *run_thread(void *argument)
{
    struct curl_client *client = argument;
    const struct curl_library *library = curl_library();
    while (!atomic_load(&client->is_stopping)) {
        int running = 0, left = 0;
        take_inbox(client);
        drop_unwanted(client, false);
        (void)library->multi_perform(client->multi, &running);
        for (CURLMsg *message;
             (message = library->multi_info_read(client->multi, &left)) != NULL;) {
            if (message->msg == CURLMSG_DONE) {
                on_transfer_end(client, message->easy_handle, message->data.result);
            }
        }
        (void)library->multi_poll(client->multi, NULL, 0, POLL_MS, NULL);
    }
    take_inbox(client);
    drop_unwanted(client, true);
    return NULL;
}

enum status curl_client_new(struct curl_client **out, struct diag *diag)
{
    const struct curl_library *library = curl_library();
    assert(library != NULL);
    struct curl_client *client = base_alloc(sizeof(*client));
    if (client == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "http_client.start", "no memory for an HTTP client");
    }
    *client = (struct curl_client){.multi = library->multi_init()};
    if (client->multi == NULL || pthread_create(&client->thread, NULL, run_thread, client) != 0) {
        if (client->multi != NULL) {
            (void)library->multi_cleanup(client->multi);
        }
        base_free(client);
        return diag_fail(diag, STATUS_UNAVAILABLE, "http_client.start",
                         "cannot start the thread of the HTTP client");
    }
    *out = client;
    return STATUS_OK;
}

void curl_client_free(struct curl_client *client)
{
    if (client == NULL) {
        return;
    }
    atomic_store(&client->is_stopping, true);
    (void)curl_library()->multi_wakeup(client->multi);
    (void)pthread_join(client->thread, NULL);
    (void)curl_library()->multi_cleanup(client->multi);
    base_free(client);
}
