#include "daemon/sign_in/client_method.h"

#include "core/sign_in/form.h"

static const struct slice NAMES[] = {
    [CLIENT_METHOD_NONE] = SLICE_INIT("none"),
    [CLIENT_METHOD_BASIC] = SLICE_INIT("client_secret_basic"),
    [CLIENT_METHOD_POST] = SLICE_INIT("client_secret_post"),
};

enum client_method client_method_of(struct slice name)
{
    for (enum client_method i = CLIENT_METHOD_NONE; i < COUNT_OF(NAMES); i++) {
        if (slice_eq(name, NAMES[i])) {
            return i;
        }
    }
    return CLIENT_METHOD_UNKNOWN;
}

struct slice client_method_name(enum client_method method)
{
    return NAMES[method];
}

static enum client_method first_taken(unsigned taken, const enum client_method order[3])
{
    for (size_t i = 0; i < 3; i++) {
        if ((taken & CLIENT_METHOD_BIT(order[i])) != 0) {
            return order[i];
        }
    }
    return CLIENT_METHOD_UNKNOWN;
}

enum client_method client_method_to_register(unsigned taken)
{
    static const enum client_method ORDER[] = {CLIENT_METHOD_NONE, CLIENT_METHOD_BASIC,
                                               CLIENT_METHOD_POST};
    return first_taken(taken, ORDER);
}

enum client_method client_method_with_secret(unsigned taken)
{
    static const enum client_method ORDER[] = {CLIENT_METHOD_BASIC, CLIENT_METHOD_POST,
                                               CLIENT_METHOD_NONE};
    return first_taken(taken, ORDER);
}

void client_method_write(const struct client_credentials *client, struct buf *form,
                         struct buf *authorization)
{
    /* RFC 6749 §2.3: one method in one request, so nothing of the client is in the form then. */
    if (client->method == CLIENT_METHOD_BASIC) {
        form_append_basic(authorization, client->id, client->secret);
        return;
    }
    form_append(form, SLICE("client_id"), client->id);
    if (client->method == CLIENT_METHOD_POST) {
        form_append(form, SLICE("client_secret"), client->secret);
    }
}
