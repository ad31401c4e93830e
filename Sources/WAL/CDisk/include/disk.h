#ifndef HOLDFAST_DISK_H
#define HOLDFAST_DISK_H

#include <stdint.h>
#include <sys/types.h>

/// `pwritev2` of one buffer with `RWF_DSYNC`: the write has returned only when its bytes, and what
/// is needed to read them back, are on the disk. -1 and `errno` as for `pwrite`; `ENOTSUP` where
/// this kernel or this file system cannot do it, and then nothing was written.
ssize_t holdfast_pwrite_durably(int file, const void *_Nonnull bytes, size_t length, off_t offset);

/// `O_DIRECT`, which Swift does not see: 0 where there is none.
extern const int holdfast_o_direct;

#endif
