#include "core/identity/client_certificate.h"

#include "base/arena.h"

#include <stddef.h>
#include <string.h>

static const size_t TEXTS[] = {
    offsetof(struct client_certificate, subject),
    offsetof(struct client_certificate, serial),
    offsetof(struct client_certificate, thumbprint),
    offsetof(struct client_certificate, common_name),
    offsetof(struct client_certificate, organization),
    offsetof(struct client_certificate, unit),
};

static const size_t LISTS[] = {
    offsetof(struct client_certificate, uris),
    offsetof(struct client_certificate, dns),
    offsetof(struct client_certificate, emails),
};

static struct slice *text_at(const struct client_certificate *certificate, size_t index)
{
    return (struct slice *)(void *)((uint8_t *)(uintptr_t)certificate + TEXTS[index]);
}

static struct certificate_names *list_at(const struct client_certificate *certificate, size_t index)
{
    return (struct certificate_names *)(void *)((uint8_t *)(uintptr_t)certificate + LISTS[index]);
}

static size_t bytes_of(const struct client_certificate *fields)
{
    size_t bytes = sizeof(*fields);
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        bytes += text_at(fields, i)->len;
    }
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        const struct certificate_names *names = list_at(fields, i);
        bytes += names->count * sizeof(struct slice);
        for (size_t k = 0; k < names->count; k++) {
            bytes += names->items[k].len;
        }
    }
    return bytes;
}

static struct slice put_text(uint8_t **at, struct slice text)
{
    uint8_t *copy = *at;
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    *at += text.len;
    return slice_of(copy, text.len);
}

enum status client_certificate_new(const struct client_certificate *fields,
                                   struct client_certificate **out, struct diag *diag)
{
    struct client_certificate *certificate = base_alloc(bytes_of(fields));
    if (certificate == NULL) {
        return diag_fail(diag, STATUS_LIMIT, "certificate.memory", "no memory for a certificate");
    }
    *certificate = *fields;
    certificate->references = 1;
    struct slice *items = (struct slice *)(void *)(certificate + 1);
    for (size_t i = 0; i < COUNT_OF(LISTS); i++) {
        struct certificate_names *names = list_at(certificate, i);
        if (names->count > 0) {
            memcpy(items, names->items, names->count * sizeof(*items));
        }
        names->items = items;
        items += names->count;
    }
    uint8_t *text = (uint8_t *)items;
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        *text_at(certificate, i) = put_text(&text, *text_at(certificate, i));
    }
    for (struct slice *item = (struct slice *)(void *)(certificate + 1); item < items; item++) {
        *item = put_text(&text, *item);
    }
    *out = certificate;
    return STATUS_OK;
}

int64_t client_certificate_end(const struct client_certificate *certificate, int64_t end_s)
{
    return certificate != NULL && certificate->expires_at_s < end_s ? certificate->expires_at_s
                                                                    : end_s;
}

struct client_certificate *client_certificate_ref(struct client_certificate *certificate)
{
    if (certificate != NULL) {
        __atomic_add_fetch(&certificate->references, 1, __ATOMIC_RELAXED);
    }
    return certificate;
}

void client_certificate_unref(struct client_certificate *certificate)
{
    if (certificate != NULL &&
        __atomic_sub_fetch(&certificate->references, 1, __ATOMIC_ACQ_REL) == 0) {
        base_free(certificate);
    }
}
