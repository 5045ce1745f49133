#include "core/policy/usage_table.h"

#include "support/check.h"

#include <stdio.h>

#define IDLE_MS 1000
#define WINDOWS_MAX 4

static struct usage_table table;

static void begin(void)
{
    CHECK(usage_table_init(&table, WINDOWS_MAX, IDLE_MS) == STATUS_OK);
}

static struct usage_call call_of(uint8_t caller, const char *target, int64_t now_ms)
{
    struct usage_call call = {.target = slice_view_cstr(target), .now_ms = now_ms};
    memset(call.caller, caller, sizeof(call.caller));
    return call;
}

static enum status act(uint8_t caller, const char *target, int64_t now_ms, enum usage_act act,
                       struct usage *out)
{
    struct usage_call call = call_of(caller, target, now_ms);
    return usage_table_look(&table, &call, act, out);
}

static struct usage count(uint8_t caller, const char *target, int64_t now_ms)
{
    struct usage usage;
    CHECK(act(caller, target, now_ms, USAGE_COUNTS, &usage) == STATUS_OK);
    return usage;
}

static struct usage look(uint8_t caller, const char *target, int64_t now_ms)
{
    struct usage usage;
    CHECK(act(caller, target, now_ms, USAGE_LOOKS, &usage) == STATUS_OK);
    return usage;
}

static bool is_at(struct usage usage, int64_t calls, int64_t target_calls, int64_t age_ms)
{
    return usage.calls == calls && usage.target_calls == target_calls && usage.age_ms == age_ms;
}

static size_t label_count(uint64_t bits)
{
    size_t found = 0;
    for (; bits != 0; bits >>= 1) {
        found += bits & 1U;
    }
    return found;
}

TEST(usage_counts_what_was_before)
{
    begin();
    CHECK(is_at(count(1, "bank.pay", 100), 0, 0, 0));
    CHECK(is_at(count(1, "bank.pay", 150), 1, 1, 50));
    CHECK(is_at(count(1, "bank.see", 200), 2, 0, 100));
    CHECK(is_at(count(2, "bank.pay", 200), 0, 0, 0));
    CHECK(is_at(look(1, "bank.pay", 300), 3, 2, 200));
    CHECK(is_at(look(1, "bank.pay", 300), 3, 2, 200));
    CHECK(is_at(look(1, "bank.other", 300), 3, 0, 200));
    CHECK(is_at(look(3, "bank.pay", 300), 0, 0, 0) && table.window_count == 2);
    usage_table_release(&table);
}

TEST(usage_of_a_denied_call_is_taken_back)
{
    struct usage_call call = call_of(1, "bank.pay", 100);
    begin();
    usage_table_take_back(&table, &call);
    (void)count(1, "bank.pay", 100);
    (void)count(1, "bank.pay", 100);
    usage_table_take_back(&table, &call);
    CHECK(is_at(look(1, "bank.pay", 100), 1, 1, 0));
    usage_table_take_back(&table, &call);
    usage_table_take_back(&table, &call);
    CHECK(is_at(look(1, "bank.pay", 100), 0, 0, 0));
    usage_table_release(&table);
}

TEST(usage_window_ends_when_it_is_idle)
{
    begin();
    (void)count(1, "bank.pay", 100);
    (void)count(1, "bank.pay", 100 + IDLE_MS - 1);
    CHECK(is_at(look(1, "bank.pay", 100 + 2 * IDLE_MS - 2), 2, 2, 2 * IDLE_MS - 2));
    CHECK(is_at(look(1, "bank.pay", 100 + 2 * IDLE_MS - 1), 0, 0, 0));
    CHECK(is_at(count(1, "bank.pay", 100 + 2 * IDLE_MS - 1), 0, 0, 0));
    /* The clock of another loop may be behind. */
    CHECK(is_at(count(1, "bank.pay", 100), 1, 1, 0));
    usage_table_release(&table);
}

/* Nobody gets out of sight by coming with others. */
TEST(usage_table_refuses_whom_it_cannot_count)
{
    struct usage usage;
    begin();
    for (uint8_t i = 0; i < WINDOWS_MAX; i++) {
        (void)count(i, "bank.pay", 100 + i);
    }
    CHECK(act(9, "bank.pay", 200, USAGE_COUNTS, &usage) == STATUS_LIMIT);
    for (uint8_t i = 0; i < WINDOWS_MAX; i++) {
        CHECK(is_at(count(i, "bank.pay", 200), 1, 1, 100 - i));
    }
    CHECK(act(9, "bank.pay", 200 + IDLE_MS - 1, USAGE_COUNTS, &usage) == STATUS_LIMIT);
    CHECK(act(9, "bank.pay", 200 + IDLE_MS, USAGE_COUNTS, &usage) == STATUS_OK);
    CHECK(table.window_count == 1);
    usage_table_release(&table);
}

/* Beyond the bound targets share a count: too much is counted, never too little. */
TEST(usage_of_many_targets_is_never_less)
{
    char name[32];
    begin();
    for (int i = 0; i < USAGE_TARGETS_MAX + 2; i++) {
        (void)snprintf(name, sizeof(name), "bank.tool%d", i);
        (void)count(1, name, 100);
    }
    CHECK(look(1, "bank.tool0", 100).target_calls == 1);
    (void)snprintf(name, sizeof(name), "bank.tool%d", USAGE_TARGETS_MAX - 1);
    CHECK(look(1, name, 100).target_calls == 1);
    (void)snprintf(name, sizeof(name), "bank.tool%d", USAGE_TARGETS_MAX);
    CHECK(look(1, name, 100).target_calls == 2);
    CHECK(look(1, "bank.new", 100).target_calls == 2);
    CHECK(look(1, "bank.new", 100).calls == USAGE_TARGETS_MAX + 2);
    usage_table_release(&table);
}

TEST(usage_keeps_labels)
{
    static const struct slice LABELS[] = {SLICE_INIT("secret"), SLICE_INIT("people")};
    struct usage_call call = call_of(1, "bank.pay", 100);
    struct usage_call other = call_of(2, "bank.pay", 100);
    begin();
    CHECK(usage_table_add_labels(&table, &other, NULL, 0) == STATUS_OK);
    (void)count(1, "bank.pay", 100);
    CHECK(usage_table_add_labels(&table, &call, &LABELS[1], 1) == STATUS_OK);
    CHECK(usage_table_add_labels(&table, &call, LABELS, 2) == STATUS_OK);
    CHECK(usage_table_add_labels(&table, &other, &LABELS[0], 1) == STATUS_OK);
    struct usage usage = look(1, "bank.pay", 100);
    CHECK(usage.label_bits == 3 && slice_eq(usage.labels[0], LABELS[1]) &&
          slice_eq(usage.labels[1], LABELS[0]));
    CHECK(look(2, "bank.pay", 100).label_bits == 2);
    CHECK(look(1, "bank.pay", 100 + IDLE_MS).label_bits == 0);
    usage_table_release(&table);
}

TEST(usage_labels_at_their_bounds)
{
    struct usage_call call = call_of(1, "bank.pay", 100);
    char text[USAGE_LABEL_BYTES_MAX + 2];
    begin();
    for (int i = 0; i <= USAGE_LABELS_MAX; i++) {
        int len = snprintf(text, sizeof(text), "label%d", i);
        struct slice label = slice_of(text, (size_t)len);
        CHECK((usage_table_add_labels(&table, &call, &label, 1) == STATUS_OK) ==
              (i < USAGE_LABELS_MAX));
    }
    CHECK(label_count(look(1, "x", 100).label_bits) == USAGE_LABELS_MAX);
    usage_table_release(&table);
    begin();
    memset(text, 'x', sizeof(text));
    for (size_t len = USAGE_LABEL_BYTES_MAX; len <= USAGE_LABEL_BYTES_MAX + 1; len++) {
        struct slice label = slice_of(text, len);
        CHECK((usage_table_add_labels(&table, &call, &label, 1) == STATUS_OK) ==
              (len == USAGE_LABEL_BYTES_MAX));
    }
    usage_table_release(&table);
}

static bool use(void *context)
{
    static const struct slice LABEL = SLICE_INIT("secret");
    struct usage_call call = call_of(1, "bank.pay", 100);
    struct usage usage;
    (void)context;
    enum status status = usage_table_init(&table, WINDOWS_MAX, IDLE_MS);
    if (status == STATUS_OK) {
        status = usage_table_look(&table, &call, USAGE_COUNTS, &usage);
    }
    if (status == STATUS_OK) {
        status = usage_table_add_labels(&table, &call, &LABEL, 1);
    }
    usage_table_release(&table);
    return status == STATUS_OK;
}

TEST(usage_table_without_memory)
{
    check_every_allocation(use, NULL);
}
