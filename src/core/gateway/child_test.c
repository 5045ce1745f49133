#include "core/gateway/child.h"

#include "support/check.h"

struct job {
    struct child child; /* first */
    int done_count, cancel_count;
    enum status status;
    struct job *then; /* begun by done, under the same owner */
    struct children *owner;
};

static int settled_count;

static void cancel(struct child *child)
{
    ((struct job *)child)->cancel_count++;
}

static void done(struct child *child, enum status status, const struct diag *diag);

static const struct child_kind JOB = {cancel, done};
static const struct child_kind RECORD = {NULL, done};

static void done(struct child *child, enum status status, const struct diag *diag)
{
    struct job *job = (struct job *)child;
    (void)diag;
    job->done_count++;
    job->status = status;
    if (job->then != NULL) {
        CHECK(child_begin(&job->then->child, job->owner, &JOB) == STATUS_OK);
    }
}

static void settled(struct children *children)
{
    CHECK(children->count == 0);
    settled_count++;
}

TEST(child_completes_once)
{
    struct child_table table = {0};
    struct children owner = {.table = &table, .settled = settled};
    struct job jobs[2] = {0};
    settled_count = 0;
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        CHECK(child_begin(&jobs[i].child, &owner, &JOB) == STATUS_OK);
    }
    uint64_t ticket = jobs[0].child.ticket;
    CHECK(ticket != jobs[1].child.ticket);
    CHECK(child_find(&table, ticket, &JOB) == &jobs[0].child);
    child_end(&jobs[0].child, STATUS_TIMEOUT, NULL);
    CHECK(jobs[0].done_count == 1 && jobs[0].status == STATUS_TIMEOUT && settled_count == 0);
    CHECK(child_find(&table, ticket, &JOB) == NULL && table.stray_count == 1);
    child_end(&jobs[1].child, STATUS_OK, NULL);
    CHECK(settled_count == 1 && owner.newest == NULL);
    child_table_release(&table);
}

/* Whatever stands where the child stood: an old ticket, another kind, an invented one. */
TEST(child_is_not_found_by_a_stray_ticket)
{
    struct child_table table = {0};
    struct children owner = {.table = &table};
    struct job job = {0};
    CHECK(child_begin(&job.child, &owner, &JOB) == STATUS_OK);
    uint64_t old = job.child.ticket;
    child_cancel(&job.child);
    CHECK(child_begin(&job.child, &owner, &JOB) == STATUS_OK);
    uint64_t ticket = job.child.ticket;
    const uint64_t STRAYS[] = {old, 0, ticket + 1, ticket + ((uint64_t)1 << 32), UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(STRAYS); i++) {
        CHECK(child_find(&table, STRAYS[i], &JOB) == NULL);
    }
    CHECK(child_find(&table, ticket, &RECORD) == NULL);
    CHECK(table.stray_count == COUNT_OF(STRAYS) + 1);
    CHECK(child_find(&table, ticket, &JOB) == &job.child);
    child_abandon(&job.child);
    CHECK(job.done_count == 0 && job.cancel_count == 1);
    child_table_release(&table);
}

TEST(children_are_cancelled_with_their_owner)
{
    struct child_table table = {0};
    struct children owner = {.table = &table, .settled = settled};
    struct job jobs[3] = {0};
    settled_count = 0;
    CHECK(child_begin(&jobs[0].child, &owner, &JOB) == STATUS_OK);
    CHECK(child_begin(&jobs[1].child, &owner, &RECORD) == STATUS_OK);
    CHECK(child_begin(&jobs[2].child, &owner, &JOB) == STATUS_OK);
    CHECK(children_cancel(&owner) == 2 && owner.count == 1 && settled_count == 0);
    CHECK(jobs[0].cancel_count == 1 && jobs[1].cancel_count == 0 && jobs[2].cancel_count == 1);
    child_cancel(&jobs[0].child);
    CHECK(jobs[0].cancel_count == 1 && jobs[0].done_count == 0);
    child_end(&jobs[1].child, STATUS_OK, NULL);
    CHECK(settled_count == 1);
    child_table_release(&table);
}

/* A child that goes on with another one does not settle its owner in between. */
TEST(child_may_begin_another)
{
    struct child_table table = {0};
    struct children owner = {.table = &table, .settled = settled};
    struct job second = {0};
    struct job first = {.then = &second, .owner = &owner};
    settled_count = 0;
    CHECK(child_begin(&first.child, &owner, &JOB) == STATUS_OK);
    child_end(&first.child, STATUS_OK, NULL);
    CHECK(settled_count == 0 && owner.count == 1);
    child_end(&second.child, STATUS_OK, NULL);
    CHECK(settled_count == 1);
    child_table_release(&table);
}

static bool begin_many(void *context)
{
    enum { COUNT = 200 };
    struct child_table table = {0};
    struct children owner = {.table = &table};
    struct job jobs[COUNT] = {0};
    bool is_whole = true;
    (void)context;
    for (size_t i = 0; i < COUNT && is_whole; i++) {
        is_whole = child_begin(&jobs[i].child, &owner, &JOB) == STATUS_OK;
        CHECK(is_whole == (jobs[i].child.owner != NULL));
    }
    size_t begun = owner.count;
    CHECK(children_cancel(&owner) == begun && owner.count == 0);
    child_table_release(&table);
    return is_whole;
}

TEST(children_survive_every_failed_allocation)
{
    check_every_allocation(begin_many, NULL);
}
