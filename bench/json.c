/* How long does the strict reader take for one message, duplicate names and UTF-8 checked?
 *
 * Prints one line of JSON for each size: the fastest and the median batch, in nanoseconds a
 * message. */
#include "bench/measure.h"

#include "base/buf.h"
#include "json/tape.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_BYTES_MAX 16384

struct subject {
    struct json_parser parser;
    struct arena arena;
    struct slice text;
};

/* A call as clients write it: an envelope, and arguments with texts, numbers, lists and objects. */
static void write_call(struct buf *text, size_t len)
{
    buf_append(
        text,
        SLICE("{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"params\":{\"name\":"
              "\"create_issue\",\"_meta\":{\"progressToken\":\"t-17\",\"io.modelcontextprotocol/"
              "protocolVersion\":\"2026-07-28\"},\"arguments\":{\"project\":\"PAY\""));
    for (uint64_t i = 0; text->len + 140 < len; i++) {
        buf_append(text, SLICE(",\"field_"));
        buf_append_u64(text, i);
        buf_append(text,
                   i % 4 == 0
                       ? SLICE("\":\"The transfer fails with \\\"limit\\\" for some clients\"")
                   : i % 4 == 1 ? SLICE("\":{\"amount\":1250.75,\"open\":true,\"note\":null}")
                   : i % 4 == 2 ? SLICE("\":[\"payments\",\"backend\",\"z\xC3\xBCrich\",3]")
                                : SLICE("\":1234567"));
    }
    buf_append(text, SLICE(",\"padding\":\""));
    while (text->len + 4 < len) {
        buf_append_byte(text, 'x');
    }
    buf_append(text, SLICE("\"}}}"));
}

static void parse(void *context)
{
    struct subject *subject = context;
    struct json_tape tape;
    arena_reset(&subject->arena);
    if (json_parse(&subject->parser, subject->text, &subject->arena, &tape, NULL) != STATUS_OK) {
        fputs("bench: the message was refused\n", stderr);
        exit(1);
    }
}

int main(void)
{
    static const struct json_limits LIMITS = JSON_LIMITS_DEFAULT;
    static const size_t SIZES[] = {500, 5000};
    static const uint8_t SEED[16] = {1};
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        struct subject subject;
        struct buf text;
        buf_init(&text, TEXT_BYTES_MAX, NULL);
        write_call(&text, SIZES[i]);
        json_parser_init(&subject.parser, &LIMITS, SEED);
        arena_init(&subject.arena, (size_t)1 << 20, NULL);
        subject.text = buf_view(&text);
        struct measure_result result = measure(parse, &subject);
        printf("{\"what\":\"json\",\"bytes\":%zu,\"fastest_ns\":%.0f,\"median_ns\":%.0f}\n",
               text.len, result.fastest_ns, result.median_ns);
        arena_release(&subject.arena);
        buf_release(&text);
    }
    return 0;
}
