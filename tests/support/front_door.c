#include "support/front_door.h"

/* -- an identity provider, and whatever else has an address ---------------------------------- */

struct door_asked asked;

static enum status ask_start(void *context, const struct http_client_request *request,
                             const struct http_client_sink *sink, struct http_client_call **out,
                             struct diag *diag)
{
    (void)context;
    if (asked.refuses) {
        return diag_fail(diag, STATUS_LIMIT, "http_client.busy", "too many");
    }
    asked.sink = *sink;
    memset(asked.url, 0, sizeof(asked.url));
    memset(asked.body, 0, sizeof(asked.body));
    CHECK(request->url.len < sizeof(asked.url) && request->body.len < sizeof(asked.body));
    memcpy(asked.url, request->url.ptr, request->url.len);
    if (request->body.len > 0) {
        memcpy(asked.body, request->body.ptr, request->body.len);
    }
    asked.is_local = request->is_local;
    asked.is_post = request->is_post;
    asked.range_count = request->range_count;
    asked.answer_bytes_max = request->answer_bytes_max;
    asked.is_open = true;
    asked.count++;
    *out = (struct http_client_call *)&asked;
    return STATUS_OK;
}

static void ask_cancel(void *context, struct http_client_call *call)
{
    (void)context;
    CHECK(call == (struct http_client_call *)&asked);
    asked.is_open = false;
    asked.cancelled++;
}

static const struct port_http_client HTTP = {NULL, ask_start, ask_cancel};

static enum status take_code(void *context, const struct used_code *code, int64_t now_s)
{
    return used_codes_take(context, code, now_s);
}

/* -- a gateway with a front door -------------------------------------------------------------- */

struct world world;
struct world_client client;
static struct used_codes codes;
static struct port_used_codes codes_port;
char cookie[64], client_id[2048], ticket[DOOR_TEXT_BYTES];

static const struct wishes_scope SCOPES[] = {
    {SLICE_INIT("mcp:approve"), SLICE_INIT("api://aegis/approve")}};

static const struct gateway_front_door DOORS[] = {
    {.name = SLICE_INIT("idp"),
     .issuer = SLICE_INIT(GATEWAY DOOR),
     .provider = SLICE_INIT(PROVIDER),
     .client_id = SLICE_INIT("aegis"),
     .client_secret = SLICE_INIT("a-secret-of-the-gateway"),
     .authorization_endpoint = SLICE_INIT(PROVIDER "/authorize"),
     .token_endpoint = SLICE_INIT(PROVIDER "/token"),
     .scope = SLICE_INIT("openid api://aegis/call"),
     .offer = {SCOPES, COUNT_OF(SCOPES), false},
     .key = {1}},
    {.name = SLICE_INIT("other"),
     .issuer = SLICE_INIT(GATEWAY "/sign-in/other"),
     .provider = SLICE_INIT("https://other.test"),
     .client_id = SLICE_INIT("aegis"),
     .client_secret = SLICE_INIT("another-secret"),
     .authorization_endpoint = SLICE_INIT("https://other.test/authorize"),
     .token_endpoint = SLICE_INIT("https://other.test/token"),
     .hands_on_id_token = true,
     .key = {1}},
};

void door_begin(void)
{
    memset(&asked, 0, sizeof(asked));
    world_init(&world, PERMIT_ALL);
    CHECK(used_codes_init(&codes, 64) == STATUS_OK);
    codes_port = (struct port_used_codes){&codes, take_code};
    world.snapshot->front_doors = DOORS;
    world.snapshot->front_door_count = COUNT_OF(DOORS);
    world.gateway.ports.http_client = &HTTP;
    world.gateway.ports.codes = &codes_port;
    memset(cookie, 0, sizeof(cookie));
}

void door_end(void)
{
    world_release(&world);
    used_codes_release(&codes);
}

bool ask(struct door_request what)
{
    char cookies[128];
    struct http_field fields[5] = {{SLICE("Host"), SLICE("gateway.test")}};
    size_t count = 1;
    (void)snprintf(cookies, sizeof(cookies), "a=b; %s=%s; c", SIGN_IN_COOKIE,
                   what.cookie == NULL ? "" : what.cookie);
    if (what.type != NULL) {
        fields[count++] = (struct http_field){SLICE("Content-Type"), slice_view_cstr(what.type)};
    }
    if (what.cookie != NULL) {
        fields[count++] = (struct http_field){SLICE("Cookie"), slice_view_cstr(cookies)};
    }
    if (what.origin != NULL) {
        fields[count++] = (struct http_field){SLICE("Origin"), slice_view_cstr(what.origin)};
    }
    struct exchange_request request = {.method = slice_view_cstr(what.method),
                                       .target = slice_view_cstr(what.target),
                                       .fields = fields,
                                       .field_count = count,
                                       .body = what.body == NULL ? SLICE_EMPTY
                                                                 : slice_view_cstr(what.body),
                                       .peer_ip = SLICE("127.0.0.1"),
                                       .is_tls = true};
    bool is_admitted = world_send(&world, &client, &request);
    world_run(&world);
    return is_admitted;
}

/* The text between two others, from the first place on. */
bool cut(const char *from, const char *before, const char *after, char *out, size_t size)
{
    const char *at = strstr(from, before);
    if (at == NULL) {
        return false;
    }
    at += strlen(before);
    size_t len = strcspn(at, after);
    if (len >= size) {
        return false;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

void answer(int http_status, const char *json)
{
    struct http_client_answer reply = {
        .http_status = http_status,
        .content_type = asked.answer_type != NULL ? slice_view_cstr(asked.answer_type)
                                                  : SLICE("application/json;charset=utf-8"),
        .max_age_s = HTTP_CLIENT_MAX_AGE_UNKNOWN,
        .body = slice_view_cstr(json)};
    CHECK(asked.is_open);
    asked.is_open = false;
    asked.sink.done(&asked.sink, STATUS_OK, &reply, NULL);
    world_run(&world);
}

void fail(enum status status, const char *code)
{
    struct diag diag = {0};
    CHECK(asked.is_open);
    asked.is_open = false;
    (void)!diag_fail(&diag, status, code, "told by the test");
    asked.sink.done(&asked.sink, status, NULL, &diag);
    world_run(&world);
}

/* -- the steps -------------------------------------------------------------------------------- */

bool do_register(const char *json)
{
    (void)ask(
        (struct door_request){"POST", DOOR "/register", "application/json", json, NULL, NULL});
    return client.status_code == 201 &&
           cut(client.body, "\"client_id\":\"", "\"", client_id, sizeof(client_id));
}

static void write_challenge(char *out, size_t size)
{
    struct buf text;
    buf_init(&text, 256, NULL);
    pkce_write_challenge(world.gateway.ports.crypto, SLICE(VERIFIER), &text);
    (void)snprintf(out, size, "%.*s", SLICE_ARG(buf_view(&text)));
    buf_release(&text);
}

/* id: of the client; more: parameters besides the usual ones. */
void do_authorize(const char *id, const char *redirect_uri, const char *more)
{
    static char target[DOOR_TEXT_BYTES];
    char challenge[128];
    write_challenge(challenge, sizeof(challenge));
    (void)snprintf(target, sizeof(target),
                   DOOR "/authorize?response_type=code&client_id=%s&redirect_uri=%s"
                        "&code_challenge=%s&code_challenge_method=S256&state=theirs%s",
                   id, redirect_uri, challenge, more);
    (void)ask(
        (struct door_request){"GET", target, NULL, NULL, cookie[0] == '\0' ? NULL : cookie, NULL});
}

bool take_page(void)
{
    return client.status_code == 200 &&
           cut(client.fields, SIGN_IN_COOKIE "=", ";", cookie, sizeof(cookie)) &&
           cut(client.body, "name=\"ticket\" value=\"", "\"", ticket, sizeof(ticket));
}

void do_consent(const char *decision, const char *with_cookie, const char *origin)
{
    static char body[DOOR_TEXT_BYTES + 64];
    (void)snprintf(body, sizeof(body), "ticket=%s&decision=%s", ticket, decision);
    (void)ask((struct door_request){"POST", DOOR "/consent", FORM, body, with_cookie, origin});
}

/* The ticket is then the state. */
bool take_state(void)
{
    return client.status_code == 303 &&
           strstr(client.fields, "Location: " PROVIDER "/authorize?") != NULL &&
           cut(client.fields, "&state=", "&", ticket, sizeof(ticket));
}

void do_callback(const char *door, const char *more, const char *with_cookie)
{
    static char target[DOOR_TEXT_BYTES + 256];
    (void)snprintf(target, sizeof(target), "%s/callback?state=%s&%s", door, ticket, more);
    (void)ask((struct door_request){"GET", target, NULL, NULL, with_cookie, NULL});
}

/* The ticket is then the code. */
bool take_code_of_client(void)
{
    return client.status_code == 303 &&
           strstr(client.fields, "Location: " CALLBACK "?code=") != NULL &&
           strstr(client.fields, "&state=theirs&iss=https%3A%2F%2Fgateway.test%2Fsign-in%2Fidp") !=
               NULL &&
           cut(client.fields, "?code=", "&", ticket, sizeof(ticket));
}

void do_token(const char *id, const char *redirect_uri, const char *verifier, const char *more)
{
    static char body[2 * DOOR_TEXT_BYTES];
    (void)snprintf(body, sizeof(body),
                   "grant_type=authorization_code&code=%s&client_id=%s&redirect_uri=%s"
                   "&code_verifier=%s%s",
                   ticket, id, redirect_uri, verifier, more);
    (void)ask((struct door_request){"POST", DOOR "/token", FORM, body, NULL, NULL});
}

/* Everything up to the code, for a client that registered itself. */
bool get_code(void)
{
    bool is_good = do_register(METADATA);
    do_authorize(client_id, CALLBACK, "&resource=" GATEWAY BANK);
    is_good = is_good && take_page();
    do_consent("allow", cookie, GATEWAY);
    is_good = is_good && take_state();
    do_callback(DOOR, "code=theirs&iss=" PROVIDER, cookie);
    return is_good && take_code_of_client();
}

bool is_refused(const char *error, const char *code)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "\"error\":\"%s\"", error);
    return strstr(client.body, text) != NULL && world_count_records(&world, code, "") > 0;
}
