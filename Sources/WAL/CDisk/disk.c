#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#if defined(__linux__)
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#endif

ssize_t holdfast_pwrite_durably(int file, const void *bytes, size_t length, off_t offset) {
#if defined(RWF_DSYNC)
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
    return pwritev2(file, &vector, 1, offset, RWF_DSYNC);
#else
    (void)file, (void)bytes, (void)length, (void)offset;
    errno = ENOTSUP;
    return -1;
#endif
}

int holdfast_allocate_zeros(int file, off_t length) {
#if defined(FALLOC_FL_ZERO_RANGE)
    return fallocate(file, FALLOC_FL_ZERO_RANGE, 0, length);
#else
    (void)file, (void)length;
    errno = ENOTSUP;
    return -1;
#endif
}

#if defined(O_DIRECT)
const int holdfast_o_direct = O_DIRECT;
#else
const int holdfast_o_direct = 0;
#endif

int holdfast_uses_copy_on_write(int directory, int switches_off) {
#if defined(__linux__)
    struct statfs volume;
    if (fstatfs(directory, &volume) != 0 || (unsigned long)volume.f_type != BTRFS_SUPER_MAGIC) return 0;
    int flags = 0;
    if (ioctl(directory, FS_IOC_GETFLAGS, &flags) != 0) return 1;
    if (flags & FS_NOCOW_FL) return 0;
    flags |= FS_NOCOW_FL;
    return switches_off && ioctl(directory, FS_IOC_SETFLAGS, &flags) == 0 ? 0 : 1;
#else
    (void)directory, (void)switches_off;
    return 0;
#endif
}
