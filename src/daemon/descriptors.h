/* descriptors.h: how many file descriptors the process has, and who gets them.
 *
 * When clients could take all of them, nobody could be accepted any more, no server be reached and
 * no segment of the journal be begun. Under a bound of their own the oldest idle client makes room
 * for a new one instead. */
#ifndef AEGIS_DAEMON_DESCRIPTORS_H
#define AEGIS_DAEMON_DESCRIPTORS_H

#include <stddef.h>

#define DESCRIPTORS_RESERVED 64 /* loops, listeners, journal, index, children */

/* Raise the limit as far as the system allows, and return it. */
size_t descriptors_raise(void);

/* The client connections of one of `loops` loops: at most wanted, at least 1, and in all six tenths
 * of the limit, so that servers can be reached for them. */
size_t descriptors_for_clients(size_t limit, size_t loops, size_t wanted);

#endif
