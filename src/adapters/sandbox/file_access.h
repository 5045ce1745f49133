/* file_access.h: which files the worker may use, by landlock(7). Private to this folder. */
#ifndef AEGIS_ADAPTERS_SANDBOX_FILE_ACCESS_H
#define AEGIS_ADAPTERS_SANDBOX_FILE_ACCESS_H

#include "base/diag.h"

/* Allow reading what libraries need of the system (resolver, certificates, time zones), reading and
 * writing below writable (a folder; NULL: nothing), and nothing else; where the kernel can, also no
 * binding of TCP ports and no signals to other processes. Descriptors already open stay usable.
 *
 * *abi  the version of the kernel's landlock, 0 when it has none: then nothing is restricted
 * STATUS_UNAVAILABLE sandbox.landlock: the kernel has it and refuses. */
NODISCARD enum status file_access_restrict(const char *writable, int *abi, struct diag *diag);

#endif
