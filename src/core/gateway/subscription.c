#include "core/gateway/subscription.h"

#include "core/gateway/operation.h"

#include <string.h>

static struct slice uri_of(const struct subscription *subscription)
{
    return slice_of(subscription->uri, subscription->len);
}

static struct subscription **find_exact(struct client_session *client, uint32_t server_index,
                                        struct slice uri)
{
    struct subscription **at = &client->subscriptions;
    for (; *at != NULL; at = &(*at)->next) {
        if ((*at)->server_index == server_index && slice_eq(uri_of(*at), uri)) {
            break;
        }
    }
    return at;
}

static void drop(struct client_session *client, struct subscription **at)
{
    struct subscription *subscription = *at;
    *at = subscription->next;
    client->subscription_count--;
    account_release(&client->account, sizeof(*subscription) + subscription->len);
    base_free(subscription);
}

enum status subscription_add(struct operation *op)
{
    struct client_session *client = op->client;
    size_t bytes = sizeof(struct subscription) + op->name.len;
    if (*find_exact(client, op->server_index, op->name) != NULL) {
        return STATUS_OK;
    }
    if (client->subscription_count >= op->gateway->limits.subscriptions) {
        return STATUS_LIMIT;
    }
    TRY(account_charge(&client->account, bytes));
    struct subscription *subscription = base_alloc(bytes);
    if (subscription == NULL) {
        account_release(&client->account, bytes);
        return STATUS_LIMIT;
    }
    *subscription = (struct subscription){.next = client->subscriptions,
                                          .server_index = op->server_index,
                                          .is_told = true,
                                          .len = op->name.len};
    memcpy(subscription->uri, op->name.ptr, op->name.len);
    client->subscriptions = subscription;
    client->subscription_count++;
    op->has_subscribed = true;
    return STATUS_OK;
}

void subscription_settle(struct operation *op)
{
    bool is_end = op->message.method != NULL &&
                  slice_eq(op->message.method->name, SLICE("resources/unsubscribe"));
    if (op->client == NULL || (!is_end && !op->has_subscribed)) {
        return;
    }
    bool has_agreed =
        op->call.failure == STATUS_OK && op->call.has_answer && op->call.result != JSON_NONE;
    struct subscription **at = find_exact(op->client, op->server_index, op->name);
    op->has_subscribed = false;
    if (has_agreed == is_end && *at != NULL) {
        drop(op->client, at);
    }
}

/* "file:///a" has the part "file:///a/b", and not "file:///ab". */
bool subscription_is_part(struct slice whole, struct slice uri)
{
    if (uri.len <= whole.len || !slice_starts_with(uri, whole)) {
        return uri.len == whole.len && slice_eq(uri, whole);
    }
    uint8_t last = whole.ptr[whole.len - 1];
    uint8_t next = uri.ptr[whole.len];
    return last == '/' || next == '/' || next == '?' || next == '#';
}

struct subscription *subscription_find(struct client_session *client, uint32_t server_index,
                                       struct slice uri)
{
    struct subscription *at = client->subscriptions;
    while (at != NULL &&
           (at->server_index != server_index || !subscription_is_part(uri_of(at), uri))) {
        at = at->next;
    }
    return at;
}

void subscriptions_forget(struct client_session *client, uint32_t server_index)
{
    for (struct subscription *at = client->subscriptions; at != NULL; at = at->next) {
        at->is_told = at->is_told && at->server_index != server_index;
    }
}

struct subscription *subscription_next(struct client_session *client, uint32_t server_index)
{
    struct subscription *at = client->subscriptions;
    while (at != NULL && (at->is_told || at->server_index != server_index)) {
        at = at->next;
    }
    if (at != NULL) {
        at->is_told = true;
    }
    return at;
}

void subscriptions_release(struct client_session *client)
{
    while (client->subscriptions != NULL) {
        drop(client, &client->subscriptions);
    }
}
