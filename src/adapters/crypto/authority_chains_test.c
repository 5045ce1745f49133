/* Which authorities can be behind a client, where some are trusted. */
#include "adapters/crypto/authority_chains.h"

#include "support/check.h"
#include "support/issued.h"

#include <stdlib.h>
#include <unistd.h>

enum { ROOT, MIDDLE, LOWER, OTHER, RENEWED, OLD, CERTIFICATES };

struct fixture {
    struct issued all[CERTIFICATES];
    char folder[64], trusted[96], own[96];
};

static void set_up(struct fixture *self)
{
    *self = (struct fixture){0};
    (void)snprintf(self->folder, sizeof(self->folder), "/tmp/aegis-chains-XXXXXX");
    CHECK(mkdtemp(self->folder) != NULL);
    (void)snprintf(self->trusted, sizeof(self->trusted), "%s/trusted", self->folder);
    (void)snprintf(self->own, sizeof(self->own), "%s/own", self->folder);
    self->all[ROOT] = issued_authority(NULL, "root");
    self->all[MIDDLE] = issued_authority(&self->all[ROOT], "middle");
    self->all[LOWER] = issued_authority(&self->all[MIDDLE], "lower");
    self->all[OTHER] = issued_authority(NULL, "other");
    self->all[RENEWED] = issued_authority(NULL, "root");
    self->all[OLD] = issued_make(
        &self->all[ROOT],
        &(struct issued_wish){
            .name = "old", .constraints = "CA:TRUE", .from_s = -2 * ISSUED_DAY_S, .until_s = -60});
}

static void tear_down(struct fixture *self)
{
    for (size_t i = 0; i < COUNT_OF(self->all); i++) {
        issued_release(&self->all[i]);
    }
    (void)unlink(self->trusted);
    (void)unlink(self->own);
    CHECK(rmdir(self->folder) == 0);
}

/* By their digits above; "" for none. */
static void write_file(const struct fixture *self, const char *path, const char *which)
{
    struct issued chosen[CERTIFICATES];
    size_t count = 0;
    for (; which[count] != '\0'; count++) {
        chosen[count] = self->all[which[count] - '0'];
    }
    issued_write(path, chosen, count);
}

TEST(authority_chains_go_through_what_is_trusted_or_below_it)
{
    static const struct {
        const char *name, *trusted, *own;
        bool are_missed;
    } rows[] = {
        {"itself", "0", "0", false},
        {"below it", "0", "1", false},
        {"below one that is in the file", "0", "12", false},
        {"below one that clients may send along", "0", "2", false},
        {"trusted as it stands", "1", "1", false},
        {"one of two", "03", "1", false},
        {"one of its own two", "0", "03", false},
        {"expired", "0", "5", false},
        {"perhaps below it, nobody knows", "3", "1", false},
        {"another", "3", "0", true},
        {"another one of the same name", "4", "0", true},
        {"another of that name, with all that is below", "4", "012", true},
        {"above it, where chains end before", "1", "0", true},
        {"two others", "2", "03", true},
    };
    struct fixture self;
    set_up(&self);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct authority_chains chains;
        struct authorities own;
        write_file(&self, self.trusted, rows[i].trusted);
        write_file(&self, self.own, rows[i].own);
        const struct slice file = slice_view_cstr(self.trusted);
        CHECK(authority_chains_open(&chains, &file, 1, NULL) == STATUS_OK);
        CHECK(authorities_read(self.own, &own, NULL) == STATUS_OK);
        CHECK_ROW(rows[i].name, authority_chains_miss(&chains, &own) == rows[i].are_missed);
        authorities_release(&own);
        authority_chains_release(&chains);
    }
    tear_down(&self);
}

TEST(authority_chains_are_of_all_files_or_none)
{
    struct fixture self;
    struct authority_chains chains;
    struct authorities own;
    struct diag diag = {0};
    set_up(&self);
    write_file(&self, self.trusted, "3");
    write_file(&self, self.own, "0");
    const struct slice files[] = {slice_view_cstr(self.trusted), slice_view_cstr(self.own),
                                  slice_view_cstr("/nowhere")};
    CHECK(authority_chains_open(&chains, files, 3, &diag) == STATUS_NOT_FOUND);
    CHECK(str_eq(diag.code, "authorities.file") && chains.trusted == NULL);
    CHECK(authorities_read(self.own, &own, NULL) == STATUS_OK);
    CHECK(authority_chains_open(&chains, files, 2, NULL) == STATUS_OK);
    CHECK(!authority_chains_miss(&chains, &own));
    authority_chains_release(&chains);
    CHECK(authority_chains_open(&chains, files, 0, NULL) == STATUS_OK);
    CHECK(authority_chains_miss(&chains, &own));
    authority_chains_release(&chains);
    authorities_release(&own);
    tear_down(&self);
}

TEST(authorities_are_as_many_as_a_file_may_have)
{
    struct fixture self;
    set_up(&self);
    for (size_t over = 0; over < 2; over++) {
        struct issued many[AUTHORITIES_MAX];
        struct authorities own;
        struct diag diag = {0};
        size_t count = AUTHORITIES_MAX - 1 + over;
        for (size_t i = 0; i < count; i++) {
            many[i] = self.all[ROOT];
        }
        issued_write(self.own, many, count);
        CHECK(authorities_read(self.own, &own, &diag) == (over == 0 ? STATUS_OK : STATUS_INVALID));
        CHECK(own.count == (over == 0 ? count : 0));
        CHECK(str_eq(diag.code, over == 0 ? NULL : "authorities.limit"));
        authorities_release(&own);
    }
    tear_down(&self);
}

/* What is around the certificates counts, too. */
TEST(authorities_are_of_a_file_that_is_not_too_large)
{
    struct fixture self;
    set_up(&self);
    for (size_t over = 0; over < 2; over++) {
        struct authorities own;
        struct diag diag = {0};
        issued_write(self.own, &self.all[ROOT], 1);
        FILE *file = fopen(self.own, "ae");
        CHECK(file != NULL);
        long used = ftell(file);
        for (size_t i = (size_t)used; i < AUTHORITIES_BYTES_MAX - 1 + over; i++) {
            (void)fputc('\n', file);
        }
        CHECK(fclose(file) == 0);
        CHECK(authorities_read(self.own, &own, &diag) == (over == 0 ? STATUS_OK : STATUS_INVALID));
        CHECK(str_eq(diag.code, over == 0 ? NULL : "authorities.limit"));
        authorities_release(&own);
    }
    tear_down(&self);
}
