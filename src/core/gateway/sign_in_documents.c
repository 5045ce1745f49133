#include "core/gateway/sign_in_documents.h"

const struct sign_in_document *sign_in_documents_find(const struct sign_in_documents *documents,
                                                      struct slice url, int64_t now_ms)
{
    for (size_t i = 0; documents->items != NULL && i < documents->count_max; i++) {
        const struct sign_in_document *item = &documents->items[i];
        if (item->expires_ms > now_ms && slice_eq(buf_view(&item->url), url)) {
            return item;
        }
    }
    return NULL;
}

static void forget(struct sign_in_document *item)
{
    buf_release(&item->url);
    buf_release(&item->text);
    item->expires_ms = 0;
}

/* That of the same address, else the one that ends first. */
static struct sign_in_document *find_place(struct sign_in_documents *documents, struct slice url)
{
    struct sign_in_document *place = &documents->items[0];
    for (size_t i = 0; i < documents->count_max; i++) {
        struct sign_in_document *item = &documents->items[i];
        if (slice_eq(buf_view(&item->url), url)) {
            return item;
        }
        place = item->expires_ms < place->expires_ms ? item : place;
    }
    return place;
}

static bool make_places(struct sign_in_documents *documents)
{
    if (documents->items == NULL && documents->count_max > 0) {
        documents->items = base_alloc_zero(documents->count_max * sizeof(*documents->items));
    }
    return documents->items != NULL;
}

void sign_in_documents_keep(struct sign_in_documents *documents, struct slice url,
                            const struct sign_in_client *client, int64_t expires_ms,
                            struct account *account)
{
    if (!make_places(documents)) {
        return;
    }
    struct sign_in_document *item = find_place(documents, url);
    forget(item);
    buf_init(&item->url, SIGN_IN_CLIENT_URL_BYTES_MAX, account);
    buf_init(&item->text, SIGN_IN_DOCUMENT_TEXT_BYTES_MAX, account);
    buf_append(&item->url, url);
    if (client != NULL) {
        sign_in_client_write(&item->text, client);
        buf_append_byte(&item->text, '}');
    }
    if (buf_status(&item->url) != STATUS_OK || buf_status(&item->text) != STATUS_OK) {
        forget(item);
        return;
    }
    item->expires_ms = expires_ms;
}

void sign_in_documents_release(struct sign_in_documents *documents)
{
    for (size_t i = 0; documents->items != NULL && i < documents->count_max; i++) {
        forget(&documents->items[i]);
    }
    base_free(documents->items);
    documents->items = NULL;
}
