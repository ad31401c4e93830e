// A block device of our own: a file `disk` served by FUSE, for a loop device to lie on. It writes down
// every write and flush with its data, and fails or delays them when told to.
//
//     blockdevice MOUNT-POINT MEBIBYTES LOG [IMAGE]
//
// The device begins as IMAGE, or as zeros. `ready` on standard output: it is mounted. Exit code 77: this
// machine does not let us mount. What it is told is written to the file `control` beside `disk`, one
// sentence a write:
//
//     flush ERRNO COUNT     the next COUNT flushes fail with ERRNO; -1: all
//     write ERRNO COUNT     the same for writes, which then change nothing
//     delay MICROSECONDS    every flush takes that long
//     heal                  all is well again
//
// It serves one request at a time, so that the log has the order in which the kernel was answered, and
// it touches no file on the device: a server that waits for its own device would never wake.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, DISK, CONTROL };
enum { WRITE_BYTES_MAX = 1 << 20, EXIT_NOT_AVAILABLE = 77 };

// A record of the log: this header, and the bytes after it where it is a write that succeeded.
enum kind { KIND_WRITE = 1, KIND_FLUSH = 2, KIND_DISCARD = 3 };
struct record {
    uint64_t nanoseconds;  // CLOCK_BOOTTIME when the request came
    uint64_t offset;
    uint32_t length;
    uint16_t kind;
    uint16_t error;  // errno with which it was answered; 0: done
};

struct fault {
    int error;
    long count;  // so many more; -1: all
};

static int device = -1;
static int log_file = -1;
static char *disk;
static uint64_t disk_bytes;
static struct fault flush_fault, write_fault;
static long flush_delay_us;

static void die(const char *what) {
    fprintf(stderr, "blockdevice: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void note(
    uint64_t time, enum kind kind, uint64_t offset, uint32_t length, const void *bytes, int error
) {
    struct record record = {time, offset, length, (uint16_t)kind, (uint16_t)error};
    struct iovec parts[2] = {
        {&record, sizeof record}, {(void *)bytes, bytes && !error ? length : 0}};
    ssize_t size = (ssize_t)(parts[0].iov_len + parts[1].iov_len);
    // A log with a gap would prove nothing.
    if (writev(log_file, parts, 2) != size) die("the log cannot be written");
}

static void reply(uint64_t unique, int error, const void *bytes, size_t length) {
    if (error) length = 0;
    struct fuse_out_header header = {(uint32_t)(sizeof header + length), -error, unique};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)bytes, length}};
    // ENOENT: the request was interrupted, and nobody waits for the answer.
    if (writev(device, parts, 2) < 0 && errno != ENOENT && errno != ENODEV) die("cannot reply");
}

static int take(struct fault *fault) {
    if (!fault->error || !fault->count) return 0;
    if (fault->count > 0) fault->count--;
    return fault->error;
}

static int obey(const char *sentence) {
    int error;
    long number;
    if (sscanf(sentence, "flush %d %ld", &error, &number) == 2) {
        flush_fault = (struct fault){error, number};
    } else if (sscanf(sentence, "write %d %ld", &error, &number) == 2) {
        write_fault = (struct fault){error, number};
    } else if (sscanf(sentence, "delay %ld", &number) == 1) {
        flush_delay_us = number;
    } else if (!strncmp(sentence, "heal", 4)) {
        flush_fault = write_fault = (struct fault){0, 0};
        flush_delay_us = 0;
    } else {
        return EINVAL;
    }
    return 0;
}

static struct fuse_attr attributes(uint64_t node) {
    struct fuse_attr result = {.ino = node, .nlink = 1, .blksize = 4096};
    if (node == ROOT) {
        result.mode = S_IFDIR | 0700;
        result.nlink = 2;
    } else {
        result.mode = S_IFREG | 0600;
        result.size = node == DISK ? disk_bytes : 0;
        result.blocks = result.size / 512;
    }
    return result;
}

static void greet(uint64_t unique, const struct fuse_init_in *request) {
    struct fuse_init_out answer = {
        .major = 7,
        .minor = 31,
        .max_readahead = request->max_readahead,
        // Never FUSE_WRITEBACK_CACHE: the kernel would hold writes back behind the device.
        .flags = request->flags
                 & (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_DIO),
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = WRITE_BYTES_MAX,
        .max_pages = WRITE_BYTES_MAX / 4096,
        .time_gran = 1};
    reply(unique, 0, &answer, sizeof answer);
}

static void look_up(uint64_t unique, const char *name) {
    uint64_t node = !strcmp(name, "disk") ? DISK : !strcmp(name, "control") ? CONTROL : 0;
    struct fuse_entry_out entry = {.nodeid = node, .attr_valid = 3600, .entry_valid = 3600};
    if (node) entry.attr = attributes(node);
    reply(unique, node ? 0 : ENOENT, &entry, sizeof entry);
}

static void read_disk(uint64_t unique, const struct fuse_read_in *request) {
    uint64_t length = request->size;
    if (request->offset >= disk_bytes) {
        length = 0;
    } else if (length > disk_bytes - request->offset) {
        length = disk_bytes - request->offset;
    }
    reply(unique, 0, disk + (length ? request->offset : 0), length);
}

static void write_disk(uint64_t unique, const struct fuse_write_in *request) {
    uint64_t time = now();
    const char *bytes = (const char *)(request + 1);
    int error = take(&write_fault);
    if (request->offset > disk_bytes || request->size > disk_bytes - request->offset) error = ENOSPC;
    if (!error) memcpy(disk + request->offset, bytes, request->size);
    note(time, KIND_WRITE, request->offset, request->size, bytes, error);
    struct fuse_write_out answer = {.size = request->size};
    reply(unique, error, &answer, sizeof answer);
}

static void flush_disk(uint64_t unique) {
    uint64_t time = now();
    int error = take(&flush_fault);
    if (flush_delay_us) usleep((useconds_t)flush_delay_us);
    note(time, KIND_FLUSH, 0, 0, NULL, error);
    reply(unique, error, NULL, 0);
}

static void discard(uint64_t unique, const struct fuse_fallocate_in *request) {
    int isInside = request->offset <= disk_bytes && request->length <= disk_bytes - request->offset;
    int isZeroing = request->mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
    if (!isInside || !isZeroing) {
        reply(unique, EOPNOTSUPP, NULL, 0);
        return;
    }
    uint64_t time = now();
    memset(disk + request->offset, 0, request->length);
    // A record's length has 32 bits, as a device of ours has.
    note(time, KIND_DISCARD, request->offset, (uint32_t)request->length, NULL, 0);
    reply(unique, 0, NULL, 0);
}

static void command(uint64_t unique, const struct fuse_write_in *request) {
    char sentence[100];
    size_t length = request->size < sizeof sentence - 1 ? request->size : sizeof sentence - 1;
    memcpy(sentence, request + 1, length);
    sentence[length] = 0;
    struct fuse_write_out answer = {.size = request->size};
    reply(unique, obey(sentence), &answer, sizeof answer);
}

// Returns 0 when the file system was unmounted.
static int serve(struct fuse_in_header *header) {
    void *body = header + 1;
    uint64_t unique = header->unique;
    switch (header->opcode) {
    case FUSE_INIT: greet(unique, body); break;
    case FUSE_LOOKUP: look_up(unique, body); break;
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
        struct fuse_attr_out answer = {.attr_valid = 3600, .attr = attributes(header->nodeid)};
        reply(unique, 0, &answer, sizeof answer);
        break;
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
        struct fuse_open_out answer = {.open_flags = header->nodeid == ROOT ? 0 : FOPEN_DIRECT_IO};
        reply(unique, 0, &answer, sizeof answer);
        break;
    }
    case FUSE_READ: read_disk(unique, body); break;
    case FUSE_WRITE:
        if (header->nodeid == CONTROL) command(unique, body); else write_disk(unique, body);
        break;
    case FUSE_FSYNC: flush_disk(unique); break;
    case FUSE_FALLOCATE: discard(unique, body); break;
    case FUSE_STATFS: {
        struct fuse_statfs_out answer = {.st = {.bsize = 4096, .frsize = 4096, .namelen = 255}};
        reply(unique, 0, &answer, sizeof answer);
        break;
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_ACCESS: reply(unique, 0, NULL, 0); break;
    case FUSE_DESTROY: reply(unique, 0, NULL, 0); return 0;
    default: reply(unique, ENOSYS, NULL, 0);
    }
    return 1;
}

static void load(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) die(path);
    uint64_t done = 0;
    ssize_t count;
    while (done < disk_bytes && (count = pread(file, disk + done, disk_bytes - done, (off_t)done)) > 0)
        done += (uint64_t)count;
    close(file);
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: blockdevice MOUNT-POINT MEBIBYTES LOG [IMAGE]\n");
        return 64;
    }
    // The kernel may not have it write for others to find memory: that could be a write to itself.
    prctl(57 /* PR_SET_IO_FLUSHER */, 1, 0, 0, 0);
    disk_bytes = (uint64_t)atoll(arguments[2]) << 20;
    disk = mmap(
        NULL, disk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!disk_bytes || disk_bytes > 1u << 31 || disk == MAP_FAILED) die("the device has no memory");
    if (count > 4) load(arguments[4]);
    log_file = open(arguments[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log_file < 0) die(arguments[3]);

    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    char options[160];
    snprintf(
        options, sizeof options,
        "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,max_read=%d", device, WRITE_BYTES_MAX);
    if (device < 0
        || mount("blockdevice", arguments[1], "fuse.blockdevice", MS_NOSUID | MS_NODEV, options) < 0) {
        fprintf(stderr, "blockdevice: cannot mount: %s\n", strerror(errno));
        return EXIT_NOT_AVAILABLE;
    }
    size_t size = WRITE_BYTES_MAX + 8192;
    char *buffer = aligned_alloc(4096, size);
    if (!buffer) die("no memory");
    puts("ready");
    fflush(stdout);
    for (;;) {
        ssize_t length = read(device, buffer, size);
        if (length < 0) {
            if (errno == EINTR || errno == EAGAIN || errno == ENOENT) continue;
            return errno == ENODEV ? 0 : 1;
        }
        if (!serve((struct fuse_in_header *)buffer)) return 0;
    }
}
