/* poster.h: hand a finished piece of work to the loop that waits for it. */
#ifndef AEGIS_CORE_PORTS_POSTER_H
#define AEGIS_CORE_PORTS_POSTER_H

/* Embedded in the poster's own structure, which stays alive until run was called. */
struct posted {
    struct posted *next; /* the adapter's */
    void (*run)(struct posted *item);
};

struct port_poster {
    void *context;
    /* From any thread: run(item) is called once, soon, on the loop's own thread, for first and all
     * that follow it by next (the last has NULL). Items of one thread run in the order they were
     * posted. The loop is woken once for all. Never fails and never allocates. */
    void (*post)(void *context, struct posted *first);
};

#endif
