#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

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

#if defined(O_DIRECT)
const int holdfast_o_direct = O_DIRECT;
#else
const int holdfast_o_direct = 0;
#endif
