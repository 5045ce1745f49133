#include "core/sign_in/ticket.h"

/* The texts, in the order in which they are written. */
static const size_t TEXTS[] = {
    offsetof(struct sign_in_ticket, id),
    offsetof(struct sign_in_ticket, browser),
    offsetof(struct sign_in_ticket, client),
    offsetof(struct sign_in_ticket, client_label),
    offsetof(struct sign_in_ticket, redirect_uri),
    offsetof(struct sign_in_ticket, state),
    offsetof(struct sign_in_ticket, challenge),
    offsetof(struct sign_in_ticket, resource),
    offsetof(struct sign_in_ticket, verifier),
    offsetof(struct sign_in_ticket, code),
    offsetof(struct sign_in_ticket, wishes.scope),
    offsetof(struct sign_in_ticket, wishes.acr_values),
    offsetof(struct sign_in_ticket, wishes.max_age),
    offsetof(struct sign_in_ticket, wishes.prompt),
    offsetof(struct sign_in_ticket, wishes.login_hint),
    offsetof(struct sign_in_ticket, wishes.claims),
};

void sign_in_ticket_write(struct buf *out, const struct sign_in_ticket *ticket)
{
    buf_append_i64(out, ticket->expires_s);
    buf_append_byte(out, ';');
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        struct slice text;
        memcpy(&text, (const uint8_t *)ticket + TEXTS[i], sizeof(text));
        buf_append_u64(out, text.len);
        buf_append_byte(out, ':');
        buf_append(out, text);
    }
}

/* Cut a number and the byte behind it off the text. */
static enum status take_number(struct slice *text, uint8_t end, int64_t *out)
{
    size_t at = slice_find_byte(*text, end);
    if (at == text->len || slice_to_i64(slice_sub(*text, 0, at), out) != STATUS_OK) {
        return STATUS_INVALID;
    }
    *text = slice_sub(*text, at + 1, text->len);
    return STATUS_OK;
}

enum status sign_in_ticket_read(struct slice text, struct sign_in_ticket *out)
{
    TRY(take_number(&text, ';', &out->expires_s));
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++) {
        int64_t len = 0;
        TRY(take_number(&text, ':', &len));
        if (len < 0 || (uint64_t)len > text.len) {
            return STATUS_INVALID;
        }
        struct slice part = slice_sub(text, 0, (size_t)len);
        memcpy((uint8_t *)out + TEXTS[i], &part, sizeof(part));
        text = slice_sub(text, (size_t)len, text.len);
    }
    return text.len == 0 ? STATUS_OK : STATUS_INVALID;
}
