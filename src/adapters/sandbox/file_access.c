#include "adapters/sandbox/file_access.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#define ACCESS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define ACCESS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP (1ULL << 0)      /* ABI 4 */
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1) /* ABI 6 */

struct ruleset_attributes {
    uint64_t files, net, scopes;
};

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE                                                                               \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |   \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR)
#define ACCESS_ABI_1 ((1ULL << 13) - 1)
#define ACCESS_FILES_ONLY                                                                          \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* What a library may look up while the worker runs. */
static const char *const SYSTEM_PATHS[] = {
    "/etc/ssl",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/lib/ssl",
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/dev/null",
    "/sys/devices/system/cpu",
#ifdef AEGIS_LEAK_CHECK
    "/proc/self", /* its threads and mappings, for LeakSanitizer */
#endif
};

static uint64_t handled_files(int abi)
{
    uint64_t files = ACCESS_ABI_1;
    files |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    files |= abi >= 3 ? ACCESS_TRUNCATE : 0;
    files |= abi >= 5 ? ACCESS_IOCTL_DEV : 0;
    return files;
}

/* A path that does not exist needs no rule. */
static bool allow(int ruleset, const char *path, uint64_t access)
{
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return true;
    }
    bool is_file = fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode);
    struct landlock_path_beneath_attr rule = {
        .allowed_access = is_file ? access & ACCESS_FILES_ONLY : access, .parent_fd = fd};
    bool is_added =
        syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    (void)close(fd);
    return is_added;
}

static int make_ruleset(int abi)
{
    struct ruleset_attributes attributes = {.files = handled_files(abi)};
    attributes.net = abi >= 4 ? NET_BIND_TCP : 0;
    attributes.scopes = abi >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0;
    size_t size = abi >= 6   ? sizeof(attributes)
                  : abi >= 4 ? offsetof(struct ruleset_attributes, scopes)
                             : offsetof(struct ruleset_attributes, net);
    return (int)syscall(__NR_landlock_create_ruleset, &attributes, size, 0);
}

static bool restrict_by(int ruleset, const char *writable, uint64_t handled)
{
    bool is_complete = true;
    for (size_t i = 0; i < COUNT_OF(SYSTEM_PATHS); i++) {
        is_complete = is_complete && allow(ruleset, SYSTEM_PATHS[i], ACCESS_READ);
    }
    uint64_t access = (ACCESS_READ | ACCESS_WRITE | ACCESS_TRUNCATE) & handled;
    is_complete = is_complete && (writable == NULL || allow(ruleset, writable, access));
    return is_complete && syscall(__NR_landlock_restrict_self, ruleset, 0) == 0;
}

enum status file_access_restrict(const char *writable, int *abi, struct diag *diag)
{
    long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *abi = version > 0 ? (int)version : 0;
    if (*abi == 0) {
        return STATUS_OK;
    }
    int ruleset = make_ruleset(*abi);
    bool is_restricted = ruleset >= 0 && restrict_by(ruleset, writable, handled_files(*abi));
    int error = errno;
    if (ruleset >= 0) {
        (void)close(ruleset);
    }
    return is_restricted ? STATUS_OK
                         : diag_fail(diag, STATUS_UNAVAILABLE, "sandbox.landlock",
                                     "the kernel refuses landlock rules: %s", strerror(error));
}
