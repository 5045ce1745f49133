/* faulty_files.h: files for a journal that fail, hang, and forget what was not synced. */
#ifndef AEGIS_TESTS_SUPPORT_FAULTY_FILES_H
#define AEGIS_TESTS_SUPPORT_FAULTY_FILES_H

#include "support/journal_fixture.h"

enum { FILES_MAX = 64, SECTOR_BYTES = 512 };

/* Real files, with a memory of what a device keeps. Between two syncs of a file it may keep any of
 * the sectors that were written; a crash, or closing the file, takes the others away. */
struct faulty_file {
    int fd; /* for reading and writing behind the journal's back; 0: not watched */
    uint8_t kept[FILE_BYTES_MAX];
    size_t kept_bytes;
};

struct faulty_files {
    struct journal_files files;
    struct faulty_file *open[FILES_MAX]; /* by descriptor */
    size_t operations;                   /* that were done, failing ones too */
    size_t fails_at;                     /* the number of the one that fails; SIZE_MAX: none */
    size_t writes_before_failure, syncs_before_failure; /* SIZE_MAX: never */
    int error;
    bool is_dead;          /* crashed: nothing reaches the device any more */
    bool is_short;         /* a failing write leaves half of its bytes */
    bool loses_sectors;    /* each by chance, instead of all */
    pthread_mutex_t hang;  /* held by the test: syncs hang */
    pthread_mutex_t mutex; /* guards the fields above: journal thread and test */
};

void faulty_init(struct faulty_files *self);
void faulty_release(struct faulty_files *self);

#endif
