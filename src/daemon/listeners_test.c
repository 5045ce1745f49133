#include "daemon/listeners.h"

#include "support/check.h"

#include <sys/socket.h>

static struct config config_of(const char *host, uint16_t port, int64_t threads)
{
    struct config config = {.threads = threads};
    config.listen.address.host = slice_view_cstr(host);
    config.listen.address.port = port;
    return config;
}

TEST(listeners_are_one_a_loop_on_one_port)
{
    static const struct {
        const char *host;
        int64_t threads;
        size_t count;
    } rows[] = {
        {"127.0.0.1", 1, 1},
        {"127.0.0.1", 3, 3},
        {"localhost", 2, 2},
        {"127.0.0.1", 256, LISTENERS_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config config = config_of(rows[i].host, 0, rows[i].threads);
        struct listeners listeners;
        CHECK_ROW(rows[i].host, listeners_bind(&config, &listeners, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].host, listeners.count == rows[i].count && listeners.port != 0);
        listeners_close(&listeners);
        CHECK_ROW(rows[i].host, listeners.descriptors[0] == -1);
        listeners_close(&listeners);
    }
}

TEST(listeners_say_what_is_wrong)
{
    struct config config = config_of("127.0.0.1", 0, 1);
    struct listeners first;
    struct listeners second;
    struct diag diag = {0};
    CHECK(listeners_bind(&config, &first, NULL) == STATUS_OK);
    CHECK(listen(first.descriptors[0], 1) == 0);
    config.listen.address.port = first.port;
    CHECK(listeners_bind(&config, &second, &diag) == STATUS_UNAVAILABLE);
    CHECK(str_eq(diag.code, "listen.bind") && strstr(diag.message, "ss -ltnp") != NULL);
    listeners_close(&first);
    CHECK(listeners_bind(&config, &second, NULL) == STATUS_OK);
    listeners_close(&second);
    config = config_of("192.0.2.1", 0, 1);
    CHECK(listeners_bind(&config, &second, &diag) == STATUS_UNAVAILABLE);
    config = config_of("example.com", 0, 1);
    CHECK(listeners_bind(&config, &second, &diag) == STATUS_INVALID);
}
