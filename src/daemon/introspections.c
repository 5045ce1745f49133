#include "daemon/introspections.h"

#include "core/identity/introspection.h"
#include "daemon/config/config_url.h"
#include "daemon/inquiry_kind.h"

#define REQUEST_BYTES_MAX ((size_t)64 << 10)

static enum introspection_form form_of(const struct config_issuer *issuer)
{
    return issuer->preset == ISSUER_PRESET_GOOGLE ? INTROSPECTION_TOKENINFO : INTROSPECTION_RFC7662;
}

struct issuer_inquiry introspections_rules(const struct config_issuer *issuer)
{
    const struct config_introspection *from = &issuer->introspection;
    if (!config_issuer_is_asked(issuer)) {
        return (struct issuer_inquiry){
            .groups_keep_s = config_issuer_looks_up(issuer) ? issuer->graph.cache_s : 0};
    }
    return (struct issuer_inquiry){
        .asked = from->tokens == CONFIG_ASKED_ALWAYS ? ISSUER_ASKED_ALWAYS : ISSUER_ASKED_OPAQUE,
        .form = form_of(issuer),
        .prefix = from->prefix,
        .clients = from->clients.items,
        .client_count = from->clients.count,
        .allows_untyped = from->untyped,
        .keep_s = from->cache_s};
}

static enum status find_endpoint(const struct inquiry *inquiry, struct config_url *out,
                                 struct diag *diag)
{
    const struct config_issuer *issuer = inquiry_issuer(inquiry);
    *out = issuer->introspection.endpoint;
    if (!config_introspection_is_found(issuer) ||
        config_url_parse(inquiry_found_endpoint(inquiry), out) == NULL) {
        return STATUS_OK;
    }
    return diag_fail(diag, STATUS_UNAVAILABLE, "identity.endpoint",
                     "its metadata were not read, or name no 'introspection_endpoint' that may be "
                     "used");
}

static enum status send(struct inquiry *inquiry, struct slice authorization, struct slice body,
                        struct diag *diag)
{
    struct config_url endpoint;
    TRY(find_endpoint(inquiry, &endpoint, diag));
    struct http_client_request request = {
        .url = endpoint.text,
        .is_local = config_host_is_loopback(endpoint.host),
        .content_type = SLICE("application/x-www-form-urlencoded"),
        .authorization = authorization,
        .body = body,
        .answer_bytes_max = (size_t)inquiry_limits(inquiry)->introspection_answer_bytes};
    return inquiry_send(inquiry, &request, diag);
}

static enum status begin(struct inquiry *inquiry, struct diag *diag)
{
    const struct config_issuer *issuer = inquiry_issuer(inquiry);
    const struct introspection_client client = {.form = form_of(issuer),
                                                .is_basic = issuer->introspection.authentication ==
                                                            CONFIG_CLIENT_BASIC,
                                                .id = issuer->introspection.client_id,
                                                .secret = inquiry_secret(inquiry)};
    struct buf authorization, body;
    if (client.form == INTROSPECTION_RFC7662 && client.secret.len == 0) {
        return diag_fail(diag, STATUS_UNAVAILABLE, "identity.secret",
                         "the secret of our own client cannot be read");
    }
    buf_init_secret(&authorization, REQUEST_BYTES_MAX, NULL);
    buf_init_secret(&body, REQUEST_BYTES_MAX, NULL);
    introspection_write_authorization(&authorization, &client);
    introspection_write_body(&body, &client, inquiry_about(inquiry));
    bool is_written = buf_status(&authorization) == STATUS_OK && buf_status(&body) == STATUS_OK;
    enum status status =
        is_written ? send(inquiry, buf_view(&authorization), buf_view(&body), diag)
                   : diag_fail(diag, STATUS_LIMIT, "identity.memory", "no memory to ask an issuer");
    buf_release(&authorization);
    buf_release(&body);
    return status;
}

static enum status read(const struct inquiry *inquiry, const struct http_client_answer *answer,
                        struct arena *arena, struct inquiry_reading *out, struct diag *diag)
{
    const struct config_issuer *issuer = inquiry_issuer(inquiry);
    const struct introspection_reply reply = {answer->http_status, answer->content_type,
                                              answer->body};
    out->text = answer->body;
    out->keep_ms = issuer->introspection.cache_s * 1000;
    return introspection_read(inquiry_parser(inquiry), form_of(issuer), &reply, arena, &out->is_yes,
                              diag);
}

const struct inquiry_rules introspection_rules = {.letter = 't',
                                                  .subject = "about a token",
                                                  .otherwise = "it gets 503",
                                                  .is_for = config_issuer_is_asked,
                                                  .begin = begin,
                                                  .read = read};
