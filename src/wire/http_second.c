#include "wire/http_second.h"

#include <llhttp.h>

bool http_second_agrees(bool is_request, struct slice raw, int64_t content_length, bool is_chunked)
{
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_settings_init(&settings);
    llhttp_init(&parser, is_request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    llhttp_errno_t result = llhttp_execute(&parser, (const char *)raw.ptr, raw.len);
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
