#include "daemon/cores.h"

#include "daemon/file.h"

#include <limits.h>
#include <stdio.h>
#include <uv.h>

#define TEXT_BYTES_MAX 65536
#define PREFIX SLICE("0::/") /* of the line about the one hierarchy of version 2 */

/* QUOTA PERIOD, both in microseconds; QUOTA may be `max`. */
static size_t cores_of(struct slice text)
{
    size_t space = slice_find_byte(text, ' '), end = slice_find_byte(text, '\n');
    int64_t quota = 0, period = 0;
    if (space >= end || slice_to_i64(slice_sub(text, 0, space), &quota) != STATUS_OK ||
        slice_to_i64(slice_sub(text, space + 1, end), &period) != STATUS_OK || quota <= 0 ||
        period <= 0) {
        return SIZE_MAX;
    }
    return (size_t)(quota / period + (quota % period != 0));
}

static size_t cores_of_group(const char *root, struct slice group)
{
    char path[PATH_MAX];
    struct buf text;
    int len = snprintf(path, sizeof(path), "%s/%.*s/cpu.max", root, SLICE_ARG(group));
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return SIZE_MAX;
    }
    buf_init(&text, TEXT_BYTES_MAX, NULL);
    bool is_known = file_read(slice_of(path, (size_t)len), &text) == STATUS_OK;
    size_t cores = is_known ? cores_of(buf_view(&text)) : SIZE_MAX;
    buf_release(&text);
    return cores;
}

/* Without its last name. */
static struct slice group_above(struct slice group)
{
    while (group.len > 0 && group.ptr[--group.len] != '/') {
    }
    return group;
}

size_t cores_by_quota(struct slice membership, const char *root)
{
    while (membership.len > 0 && !slice_starts_with(membership, PREFIX)) {
        size_t end = slice_find_byte(membership, '\n');
        membership = slice_sub(membership, end < membership.len ? end + 1 : end, membership.len);
    }
    if (membership.len == 0) {
        return SIZE_MAX;
    }
    struct slice group = slice_sub(membership, PREFIX.len, slice_find_byte(membership, '\n'));
    size_t fewest = cores_of_group(root, group);
    while (group.len > 0) {
        group = group_above(group);
        size_t cores = cores_of_group(root, group);
        fewest = cores < fewest ? cores : fewest;
    }
    return fewest;
}

size_t cores_available(void)
{
    struct buf membership;
    buf_init(&membership, TEXT_BYTES_MAX, NULL);
    bool is_known = file_read(SLICE("/proc/self/cgroup"), &membership) == STATUS_OK;
    size_t processors = uv_available_parallelism();
    size_t quota = is_known ? cores_by_quota(buf_view(&membership), "/sys/fs/cgroup") : SIZE_MAX;
    buf_release(&membership);
    return quota < processors ? quota : processors;
}
