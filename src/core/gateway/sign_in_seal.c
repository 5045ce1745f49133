#include "core/gateway/sign_in.h"

#include "core/gateway/sealed_text.h"

/* Tied to the entry: what was begun at one identity provider cannot be ended at another. */
static struct sealed_use use_of(const struct gateway_front_door *entry, enum sign_in_seal use)
{
    static const struct {
        struct slice label, prefix;
        size_t text_bytes_max;
        bool outlives;
    } USES[] = {
        [SIGN_IN_SEAL_CONSENT] = {SLICE_INIT("aegis sign-in consent 1"),
                                  {0},
                                  SIGN_IN_TICKET_BYTES_MAX,
                                  false},
        [SIGN_IN_SEAL_STATE] = {SLICE_INIT("aegis sign-in state 1"),
                                {0},
                                SIGN_IN_TICKET_BYTES_MAX,
                                false},
        [SIGN_IN_SEAL_CODE] = {SLICE_INIT("aegis sign-in code 1"),
                               {0},
                               SIGN_IN_TICKET_BYTES_MAX,
                               false},
        [SIGN_IN_SEAL_REFRESH] = {SLICE_INIT("aegis sign-in refresh 1"),
                                  {0},
                                  SIGN_IN_TICKET_BYTES_MAX,
                                  true},
        [SIGN_IN_SEAL_CLIENT] = {SLICE_INIT("aegis sign-in client 1"),
                                 SLICE_INIT(SIGN_IN_REGISTERED), SIGN_IN_CLIENT_TEXT_BYTES_MAX,
                                 true},
    };
    return (struct sealed_use){.label = USES[use].label,
                               .prefix = USES[use].prefix,
                               .bound = &entry->name,
                               .bound_count = 1,
                               .text_bytes_max = USES[use].text_bytes_max,
                               .key = USES[use].outlives ? entry->key : NULL};
}

enum status sign_in_seal(const struct gateway *gateway, const struct gateway_front_door *entry,
                         enum sign_in_seal use, struct slice text, struct buf *out)
{
    struct sealed_use how = use_of(entry, use);
    return sealed_text_seal(gateway, &how, text, out);
}

enum status sign_in_unseal(const struct gateway *gateway, const struct gateway_front_door *entry,
                           enum sign_in_seal use, struct slice sealed, struct arena *arena,
                           struct slice *text)
{
    struct sealed_use how = use_of(entry, use);
    return sealed_text_open(gateway, &how, sealed, arena, text);
}

enum status sign_in_seal_ticket(const struct gateway *gateway,
                                const struct gateway_front_door *entry, enum sign_in_seal use,
                                const struct sign_in_ticket *ticket, struct buf *out)
{
    struct buf text;
    buf_init_secret(&text, SIGN_IN_TICKET_BYTES_MAX, out->account);
    sign_in_ticket_write(&text, ticket);
    enum status status = buf_status(&text);
    if (status == STATUS_OK) {
        status = sign_in_seal(gateway, entry, use, buf_view(&text), out);
    }
    buf_release(&text);
    return status;
}

enum status sign_in_unseal_ticket(const struct gateway *gateway,
                                  const struct gateway_front_door *entry, enum sign_in_seal use,
                                  struct slice sealed, struct arena *arena,
                                  struct sign_in_ticket *out)
{
    struct slice text = SLICE_EMPTY;
    TRY(sign_in_unseal(gateway, entry, use, sealed, arena, &text));
    return sign_in_ticket_read(text, out);
}
