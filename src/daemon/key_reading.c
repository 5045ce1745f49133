#include "daemon/key_reading.h"

#include "adapters/crypto/openssl_crypto.h"
#include "adapters/http_client/curl_library.h"

#define LOOP_BYTES_MAX ((size_t)16 << 20)
#define WAIT_MS_MAX 20000 /* metadata at three places, and keys */

static void on_changed(void *context)
{
    (void)context; /* nothing is in force that could change */
}

enum status key_reading_init(struct key_reading *self, const struct json_parser *parser,
                             const struct port_crypto *crypto, const struct config *config,
                             struct diag *diag)
{
    TRY(key_sets_prepare(config, diag));
    TRY(loop_init(&self->loop, LOOP_BYTES_MAX, diag));
    if (curl_library() != NULL) {
        TRY(curl_client_new(&self->curl, diag));
        self->user = (struct curl_client_user){self->curl, &self->loop.poster};
        self->client = curl_client_port(&self->user);
    }
    self->random = system_random();
    const struct key_sets_ports ports = {.parser = parser,
                                         .crypto = crypto,
                                         .random = &self->random,
                                         .clock = &self->loop.clock,
                                         .timer = &self->loop.timers,
                                         .poster = &self->loop.poster,
                                         .http_client = self->curl == NULL ? NULL : &self->client,
                                         .read = key_sets_read,
                                         .changed = on_changed};
    key_sets_init(&self->sets, &ports);
    key_sets_adopt(&self->sets, config);
    key_loop_wait(&self->sets, &self->loop, WAIT_MS_MAX);
    return STATUS_OK;
}

void key_reading_release(struct key_reading *self)
{
    key_sets_close(&self->sets);
    curl_client_free(self->curl);
    key_sets_release(&self->sets);
    loop_release(&self->loop);
}
