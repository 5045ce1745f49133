#include "core/gateway/session_token.h"

#include "support/check.h"
#include "support/fake_crypto.h"

static const uint8_t KEY[SESSION_TOKEN_KEY_BYTES] = {1, 2, 3};
static const struct session_token TOKEN = {.revision = MCP_2025_11_25,
                                           .expires_at_s = 1000,
                                           .node = 0x1122334455667788,
                                           .loop = 0xA1B2,
                                           .nonce = {9},
                                           .caller = {5, 6}};

struct fixture {
    struct fake_crypto crypto;
    struct buf text;
};

static void fixture_init(struct fixture *self)
{
    fake_crypto_init(&self->crypto);
    buf_init(&self->text, SESSION_TOKEN_TEXT_BYTES_MAX, NULL);
    session_token_seal(&self->crypto.port, KEY, &TOKEN, &self->text);
    CHECK(buf_status(&self->text) == STATUS_OK);
}

static enum status open_at(struct fixture *self, struct slice text, int64_t now_s)
{
    struct session_token out;
    return session_token_open(&self->crypto.port, KEY, text, TOKEN.caller, now_s, &out);
}

TEST(session_token_comes_back_whole)
{
    struct fixture self;
    struct session_token out;
    fixture_init(&self);
    CHECK(session_token_open(&self.crypto.port, KEY, buf_view(&self.text), TOKEN.caller, 999,
                             &out) == STATUS_OK);
    CHECK(out.revision == TOKEN.revision && out.expires_at_s == TOKEN.expires_at_s);
    CHECK(out.node == TOKEN.node && out.loop == TOKEN.loop);
    CHECK(memcmp(out.nonce, TOKEN.nonce, sizeof(out.nonce)) == 0);
    buf_release(&self.text);
}

TEST(session_token_expires_on_the_second)
{
    struct fixture self;
    fixture_init(&self);
    CHECK(open_at(&self, buf_view(&self.text), 999) == STATUS_OK);
    CHECK(open_at(&self, buf_view(&self.text), 1000) == STATUS_NOT_FOUND);
    CHECK(open_at(&self, buf_view(&self.text), INT64_MAX) == STATUS_NOT_FOUND);
    buf_release(&self.text);
}

/* Any other byte anywhere, a byte more or less, another key, another caller. */
TEST(session_token_breaks_with_any_change)
{
    static const uint8_t OTHER_KEY[SESSION_TOKEN_KEY_BYTES] = {1, 2, 4};
    static const uint8_t OTHER_CALLER[32] = {5, 7};
    struct fixture self;
    struct session_token out;
    fixture_init(&self);
    struct slice text = buf_view(&self.text);
    CHECK(session_token_open(&self.crypto.port, OTHER_KEY, text, TOKEN.caller, 1, &out) ==
          STATUS_NOT_FOUND);
    CHECK(session_token_open(&self.crypto.port, KEY, text, OTHER_CALLER, 1, &out) ==
          STATUS_NOT_FOUND);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t kept = self.text.ptr[i];
        self.text.ptr[i] = kept == 'A' ? 'B' : 'A';
        CHECK(open_at(&self, text, 1) == STATUS_NOT_FOUND);
        self.text.ptr[i] = kept;
        CHECK(open_at(&self, slice_sub(text, 0, i), 1) == STATUS_NOT_FOUND);
    }
    CHECK(open_at(&self, text, 1) == STATUS_OK);
    buf_append_byte(&self.text, 'A');
    CHECK(open_at(&self, buf_view(&self.text), 1) == STATUS_NOT_FOUND);
    while (self.text.len < SESSION_TOKEN_TEXT_BYTES_MAX) {
        buf_append_byte(&self.text, 'A');
    }
    CHECK(open_at(&self, buf_view(&self.text), 1) == STATUS_NOT_FOUND);
    CHECK(open_at(&self, slice_of(self.text.ptr, SIZE_MAX / 4), 1) == STATUS_NOT_FOUND);
    buf_release(&self.text);
}
