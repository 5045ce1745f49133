#include "wire/http_second.h"

#include <llhttp.h>

#if defined(__x86_64__)
/* llhttp's machine, compiled for SSE 4.2 (CMakeLists.txt). */
int llhttp_sse42_execute(llhttp_t *parser, const char *from, const char *to);
#endif

static llhttp_errno_t execute(llhttp_t *parser, struct slice raw)
{
    const char *from = (const char *)raw.ptr;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return (llhttp_errno_t)llhttp_sse42_execute(parser, from, from + raw.len);
    }
#endif
    return llhttp_execute(parser, from, raw.len);
}

bool http_second_agrees(bool is_request, struct slice raw, int64_t content_length, bool is_chunked)
{
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_settings_init(&settings);
    llhttp_init(&parser, is_request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    llhttp_errno_t result = execute(&parser, raw);
    if (result == HPE_PAUSED_UPGRADE) {
        /* It stops before the body of a request that asks for an upgrade; we never upgrade. */
        return true;
    }
    if (result != HPE_OK) {
        return false;
    }
    /* The parser resets its counters when a message without a body is complete. */
    bool has_body = content_length > 0 || is_chunked;
    return !has_body || (((parser.flags & F_CHUNKED) != 0) == is_chunked &&
                         (is_chunked || parser.content_length == (uint64_t)content_length));
}
