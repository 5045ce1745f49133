/* Groups that Microsoft Entra left out of tokens, looked up at Microsoft Graph with a token of our
 * own client (group_lookup.h). That token is a question of its own: it is asked for once for all
 * callers of a tenant, and remembered. */
#include "core/identity/group_lookup.h"

#include "daemon/config/config_url.h"
#include "daemon/inquiry_kind.h"

#define FORM_BYTES_MAX ((size_t)64 << 10)
#define EARLY_S 120 /* so long before its end our token is not used any more */

static enum status no_memory(struct diag *diag)
{
    return diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to ask an issuer");
}

/* parts: an address that begins as the configuration says, and else is constant or of GUIDs. */
static enum status send(struct inquiry *inquiry, struct http_client_request *request,
                        const struct config_url *base, const struct slice parts[3],
                        struct diag *diag)
{
    struct buf url;
    buf_init(&url, HTTP_CLIENT_URL_BYTES_MAX, NULL);
    buf_append(&url, base->text);
    for (size_t i = 0; i < 3; i++) {
        buf_append(&url, parts[i]);
    }
    request->url = buf_view(&url);
    request->is_local = config_host_is_loopback(base->host);
    enum status status =
        buf_status(&url) == STATUS_OK ? inquiry_send(inquiry, request, diag) : no_memory(diag);
    buf_release(&url);
    return status;
}

static struct group_lookup_reply reply_of(const struct http_client_answer *answer)
{
    return (struct group_lookup_reply){answer->http_status, answer->content_type, answer->body};
}

/* -- our own token --------------------------------------------------------------------------- */

static enum status begin_application(struct inquiry *inquiry, struct diag *diag)
{
    const struct config_graph *graph = &inquiry_issuer(inquiry)->graph;
    const struct slice parts[] = {SLICE("/"), inquiry_about(inquiry), SLICE("/oauth2/v2.0/token")};
    struct slice secret = inquiry_secret(inquiry);
    struct buf form;
    if (secret.len == 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.secret",
                         "the secret of our own client cannot be read");
    }
    buf_init_secret(&form, FORM_BYTES_MAX, NULL);
    group_lookup_write_form(&form, graph->client_id, secret, graph->endpoint.text);
    struct http_client_request request = {.content_type =
                                              SLICE("application/x-www-form-urlencoded"),
                                          .body = buf_view(&form),
                                          .answer_bytes_max = GROUP_LOOKUP_TOKEN_REPLY_BYTES_MAX};
    enum status status = buf_status(&form) == STATUS_OK
                             ? send(inquiry, &request, &graph->login, parts, diag)
                             : no_memory(diag);
    buf_release(&form);
    return status;
}

static enum status read_application(const struct inquiry *inquiry,
                                    const struct http_client_answer *answer, struct arena *arena,
                                    struct inquiry_reading *out, struct diag *diag)
{
    const struct group_lookup_reply reply = reply_of(answer);
    struct group_lookup_said said;
    TRY(group_lookup_read_token(inquiry_parser(inquiry), &reply, arena, &said, diag));
    *out = (struct inquiry_reading){.is_yes = said.is_yes,
                                    .text = said.text,
                                    .keep_ms = said.is_yes ? (said.good_s - EARLY_S) * 1000
                                                           : INQUIRIES_NO_MS};
    return STATUS_OK;
}

static const struct inquiry_rules application_rules = {.letter = 'a',
                                                       .subject = "for a token of our own client",
                                                       .otherwise = "groups stay unknown",
                                                       .is_for = config_issuer_looks_up,
                                                       .begin = begin_application,
                                                       .read = read_application};

/* -- groups ---------------------------------------------------------------------------------- */

static enum status ask_graph(struct inquiry *inquiry, struct slice token, struct diag *diag)
{
    const struct config_graph *graph = &inquiry_issuer(inquiry)->graph;
    const struct slice parts[] = {SLICE("/v1.0/"), group_lookup_object(inquiry_about(inquiry)),
                                  SLICE("/getMemberObjects")};
    struct buf authorization;
    buf_init_secret(&authorization, HTTP_CLIENT_FIELD_BYTES_MAX, NULL);
    buf_append(&authorization, SLICE("Bearer "));
    buf_append(&authorization, token);
    struct http_client_request request = {.content_type = SLICE("application/json"),
                                          .authorization = buf_view(&authorization),
                                          .body = SLICE(GROUP_LOOKUP_BODY),
                                          .answer_bytes_max = GROUP_LOOKUP_REPLY_BYTES_MAX};
    enum status status = buf_status(&authorization) == STATUS_OK
                             ? send(inquiry, &request, &graph->endpoint, parts, diag)
                             : no_memory(diag);
    buf_release(&authorization);
    return status;
}

static enum status begin_groups(struct inquiry *inquiry, struct diag *diag)
{
    struct slice token = inquiry_means(inquiry);
    return token.len > 0 ? ask_graph(inquiry, token, diag)
                         : inquiry_ask_first(inquiry, &application_rules,
                                             group_lookup_tenant(inquiry_about(inquiry)), diag);
}

static enum status read_groups(const struct inquiry *inquiry,
                               const struct http_client_answer *answer, struct arena *arena,
                               struct inquiry_reading *out, struct diag *diag)
{
    const struct group_lookup_reply reply = reply_of(answer);
    struct group_lookup_said said;
    TRY(group_lookup_read(inquiry_parser(inquiry), &reply, arena, &said, diag));
    *out = (struct inquiry_reading){.is_yes = said.is_yes,
                                    .is_stale = said.is_stale,
                                    .text = said.text,
                                    .keep_ms = inquiry_issuer(inquiry)->graph.cache_s * 1000};
    return STATUS_OK;
}

const struct inquiry_rules group_lookup_rules = {.letter = 'g',
                                                 .subject = "for groups that a token lacks",
                                                 .otherwise = "they stay unknown",
                                                 .is_for = config_issuer_looks_up,
                                                 .begin = begin_groups,
                                                 .read = read_groups};
