#ifndef HOLDFAST_DISK_H
#define HOLDFAST_DISK_H

#include <stdint.h>
#include <sys/types.h>

/// `pwritev2` of one buffer with `RWF_DSYNC`: the write has returned only when its bytes, and what
/// is needed to read them back, are on the disk. -1 and `errno` as for `pwrite`; `ENOTSUP` where
/// this kernel or this file system cannot do it, and then nothing was written.
ssize_t holdfast_pwrite_durably(int file, const void *_Nonnull bytes, size_t length, off_t offset);

/// Makes the file at least so long, all of that reading as zeros in blocks that are its own, without
/// writing them. -1 and `errno`; `ENOTSUP` where this file system cannot do it.
int holdfast_allocate_zeros(int file, off_t length);

/// `O_DIRECT`, which Swift does not see: 0 where there is none.
extern const int holdfast_o_direct;

/// Whether files that are made in this open directory are copied on each write, as btrfs does unless it
/// is told not to. With `switches_off` the directory is told so, for the files to come.
int holdfast_uses_copy_on_write(int directory, int switches_off);

#endif
