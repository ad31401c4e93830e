// Fails chosen calls of a program that was started with this library in LD_PRELOAD. What to do is in
// the environment:
//
//     FAULTSHIM_ROOT    only calls on files below this path count, and all of them do
//     FAULTSHIM_LOG     a file that takes a line for each such call: `NAME NUMBER PATH`, and ` failed NS`
//                       where it was made to fail (CLOCK_BOOTTIME), ` short NS` where it was made to move
//                       only a part; its first line is `loaded`. A write or
//                       sync that the kernel turned down has a line of its own when it returns:
//                       `NAME NUMBER PATH error NS ERRNO`, NUMBER the last one by then. `end NS` is written
//                       when the program calls _exit
//     FAULTSHIM_QUIET   set: calls of which there is nothing to say take no line
//     FAULTSHIM_RULE    NAME:NUMBER:ERRNO: that call of that name fails with that errno and does nothing;
//                       NAME:NUMBER+:ERRNO: that one and all after it;
//                       NAME:NUMBER:short, NAME:NUMBER+:short, of pread, pwrite and pwritev2: half of what
//                       was asked for is really moved, where half of it can be
//     FAULTSHIM_CACHED  set: no file can be opened past the page cache (O_DIRECT is EINVAL)
//
// Calls are numbered from 1, each name by itself. Names are those of the system calls as the C library
// has them; those that differ in where they take their path from are one (open and openat).

#define _GNU_SOURCE
#include "faultshim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum call { OPEN, PREAD, PWRITE, PWRITEV2, FDATASYNC, FSYNC, RENAME, UNLINK, FALLOCATE, MKDIR, CALLS };
static const char *const names[CALLS] = {
    "open", "pread", "pwrite", "pwritev2", "fdatasync", "fsync", "rename", "unlink", "fallocate",
    "mkdir"};

static atomic_long counts[CALLS];
static char root[1024];
static size_t root_length;
static int log_file = -1;
static int is_cached, is_quiet;
static int rule_call = -1, rule_error, rule_lasts, rule_shortens;
static long rule_number;
// The shim's own calls are not the program's.
static __thread int is_inside;

static void parse(const char *rule) {
    char name[20], plus[2] = "", what[12];
    if (sscanf(rule, "%19[a-z0-9]:%ld%1[+]:%11s", name, &rule_number, plus, what) != 4
        && sscanf(rule, "%19[a-z0-9]:%ld:%11s", name, &rule_number, what) != 3) {
        dprintf(2, "faultshim: what is %s?\n", rule);
        _exit(99);
    }
    rule_lasts = plus[0] == '+';
    rule_shortens = !strcmp(what, "short");
    rule_error = atoi(what);
    for (int call = 0; call < CALLS; call++)
        if (!strcmp(name, names[call])) rule_call = call;
    if (rule_call < 0) {
        dprintf(2, "faultshim: there is no call %s\n", name);
        _exit(99);
    }
    if (rule_shortens ? rule_call != PREAD && rule_call != PWRITE && rule_call != PWRITEV2
                      : rule_error <= 0) {
        dprintf(2, "faultshim: %s cannot be %s\n", name, what);
        _exit(99);
    }
}

static __attribute__((constructor)) void begin(void) {
    is_inside = 1;
    const char *text = getenv("FAULTSHIM_ROOT");
    snprintf(root, sizeof root, "%s", text ? text : "/nowhere");
    root_length = strlen(root);
    is_cached = getenv("FAULTSHIM_CACHED") != NULL;
    is_quiet = getenv("FAULTSHIM_QUIET") != NULL;
    text = getenv("FAULTSHIM_RULE");
    if (text) parse(text);
    text = getenv("FAULTSHIM_LOG");
    if (text) log_file = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_file >= 0) dprintf(log_file, "%s\n", HOLDFAST_SHIM_LOADED);
    is_inside = 0;
}

// The path of an open file, or of a name below an open directory.
static void resolve(int file, const char *name, char path[1200]) {
    path[0] = 0;
    if (name && name[0] == '/') {
        snprintf(path, 1200, "%s", name);
        return;
    }
    ssize_t length = 0;
    if (file == AT_FDCWD) {
        if (getcwd(path, 1000)) length = (ssize_t)strlen(path);
    } else {
        char link[40];
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        length = readlink(link, path, 1000);
    }
    if (length < 0) length = 0;
    path[length] = 0;
    if (name) snprintf(path + length, 1200 - (size_t)length, "/%s", name);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

// Half of a transfer, or all of it where it cannot be parted. Past the page cache the kernel stops at blocks
// of the file system only; through it, anywhere.
static size_t half(int file, size_t length) {
    size_t part = length / 2;
    struct stat status;
    if (!(fcntl(file, F_GETFL) & O_DIRECT)) {
        part |= 1;
    } else if (fstat(file, &status) == 0 && status.st_blksize > 0) {
        part -= part % (size_t)status.st_blksize;
    }
    return part > 0 && part < length ? part : length;
}

// Counts a call; the errno with which it has to fail, or 0. LENGTH is that of a transfer, which may become
// shorter, or NULL.
static int fault(enum call call, int file, const char *name, size_t *length) {
    if (is_inside) return 0;
    is_inside = 1;
    int saved = errno, error = 0;
    size_t asked = length ? *length : 0;
    char path[1200];
    resolve(file, name, path);
    if (!strncmp(path, root, root_length)) {
        long number = atomic_fetch_add(&counts[call], 1) + 1;
        if ((int)call == rule_call
            && (number == rule_number || (rule_lasts && number > rule_number))) {
            error = rule_error;
            if (rule_shortens && length) *length = half(file, asked);
        }
        if (log_file >= 0 && (error || (length && *length < asked))) {
            dprintf(
                log_file, "%s %ld .%s %s %lld\n", names[call], number, path + root_length,
                error ? "failed" : "short", now());
        } else if (log_file >= 0 && !is_quiet) {
            dprintf(log_file, "%s %ld .%s\n", names[call], number, path + root_length);
        }
    }
    errno = saved;
    is_inside = 0;
    return error;
}

// Writes down where the kernel turned a call down; what it returned.
static ssize_t returned(ssize_t result, enum call call, int file) {
    if (result >= 0 || is_inside) return result;
    is_inside = 1;
    int saved = errno;
    long long moment = now();
    char path[1200];
    resolve(file, NULL, path);
    if (log_file >= 0 && !strncmp(path, root, root_length)) {
        dprintf(
            log_file, "%s %ld .%s error %lld %d\n", names[call], atomic_load(&counts[call]),
            path + root_length, moment, saved);
    }
    errno = saved;
    is_inside = 0;
    return result;
}

// The C library's own function of that name.
#define REAL(type, name)                                              \
    static _Atomic(type) kept;                                        \
    type real = atomic_load(&kept);                                   \
    if (!real) {                                                      \
        real = (type)dlsym(RTLD_NEXT, name);                          \
        atomic_store(&kept, real);                                    \
    }
#define FAIL_IF_TOLD(call, file, name) FAIL_OR_SHORTEN_IF_TOLD(call, file, name, NULL)
#define FAIL_OR_SHORTEN_IF_TOLD(call, file, name, length)             \
    do {                                                              \
        int error = fault(call, file, name, length);                  \
        if (error) {                                                  \
            errno = error;                                            \
            return -1;                                                \
        }                                                             \
    } while (0)

static int refuses(int flags) {
    if (!is_cached || !(flags & O_DIRECT)) return 0;
    errno = EINVAL;
    return 1;
}

#define MODE(flags)                                                   \
    mode_t mode = 0;                                                  \
    if (flags & (O_CREAT | O_TMPFILE)) {                              \
        va_list list;                                                 \
        va_start(list, flags);                                        \
        mode = (mode_t)va_arg(list, int);                             \
        va_end(list);                                                 \
    }
#define DEFINE_OPEN(symbol)                                           \
    int symbol(const char *path, int flags, ...) {                    \
        typedef int (*type)(const char *, int, ...);                  \
        REAL(type, #symbol)                                           \
        MODE(flags)                                                   \
        FAIL_IF_TOLD(OPEN, AT_FDCWD, path);                           \
        return refuses(flags) ? -1 : real(path, flags, mode);         \
    }
#define DEFINE_OPENAT(symbol)                                         \
    int symbol(int directory, const char *path, int flags, ...) {     \
        typedef int (*type)(int, const char *, int, ...);             \
        REAL(type, #symbol)                                           \
        MODE(flags)                                                   \
        FAIL_IF_TOLD(OPEN, directory, path);                          \
        return refuses(flags) ? -1 : real(directory, path, flags, mode); \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

#define DEFINE_PREAD(symbol)                                          \
    ssize_t symbol(int file, void *bytes, size_t count, off_t at) {   \
        typedef ssize_t (*type)(int, void *, size_t, off_t);          \
        REAL(type, #symbol)                                           \
        FAIL_OR_SHORTEN_IF_TOLD(PREAD, file, NULL, &count);           \
        return real(file, bytes, count, at);                          \
    }
DEFINE_PREAD(pread)
DEFINE_PREAD(pread64)

#define DEFINE_PWRITE(symbol)                                         \
    ssize_t symbol(int file, const void *bytes, size_t count, off_t at) { \
        typedef ssize_t (*type)(int, const void *, size_t, off_t);    \
        REAL(type, #symbol)                                           \
        FAIL_OR_SHORTEN_IF_TOLD(PWRITE, file, NULL, &count);          \
        return returned(real(file, bytes, count, at), PWRITE, file);  \
    }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

#define DEFINE_PWRITEV2(symbol)                                       \
    ssize_t symbol(int file, const struct iovec *parts, int count, off_t at, int flags) { \
        typedef ssize_t (*type)(int, const struct iovec *, int, off_t, int); \
        REAL(type, #symbol)                                           \
        struct iovec first = count > 0 ? parts[0] : (struct iovec){0};  \
        size_t length = first.iov_len;                                \
        FAIL_OR_SHORTEN_IF_TOLD(PWRITEV2, file, NULL, &length);       \
        if (length < first.iov_len) {                                 \
            first.iov_len = length;                                   \
            return returned(real(file, &first, 1, at, flags), PWRITEV2, file); \
        }                                                             \
        return returned(real(file, parts, count, at, flags), PWRITEV2, file); \
    }
DEFINE_PWRITEV2(pwritev2)
DEFINE_PWRITEV2(pwritev64v2)

#define DEFINE_SYNC(symbol, call)                                     \
    int symbol(int file) {                                            \
        typedef int (*type)(int);                                     \
        REAL(type, #symbol)                                           \
        FAIL_IF_TOLD(call, file, NULL);                               \
        return (int)returned(real(file), call, file);                 \
    }
DEFINE_SYNC(fdatasync, FDATASYNC)
DEFINE_SYNC(fsync, FSYNC)

// How a broker that may not go on ends, with nothing of its own run after it.
#define DEFINE_EXIT(symbol)                                           \
    __attribute__((noreturn)) void symbol(int code) {                 \
        typedef void (*type)(int);                                    \
        REAL(type, #symbol)                                           \
        is_inside = 1;                                                \
        if (log_file >= 0) dprintf(log_file, "end %lld\n", now());    \
        real(code);                                                   \
        __builtin_unreachable();                                      \
    }
DEFINE_EXIT(_exit)
DEFINE_EXIT(_Exit)

int rename(const char *source, const char *target) {
    typedef int (*type)(const char *, const char *);
    REAL(type, "rename")
    FAIL_IF_TOLD(RENAME, AT_FDCWD, target);
    return real(source, target);
}

int renameat(int from, const char *source, int to, const char *target) {
    typedef int (*type)(int, const char *, int, const char *);
    REAL(type, "renameat")
    FAIL_IF_TOLD(RENAME, to, target);
    return real(from, source, to, target);
}

int unlink(const char *path) {
    typedef int (*type)(const char *);
    REAL(type, "unlink")
    FAIL_IF_TOLD(UNLINK, AT_FDCWD, path);
    return real(path);
}

int unlinkat(int directory, const char *path, int flags) {
    typedef int (*type)(int, const char *, int);
    REAL(type, "unlinkat")
    FAIL_IF_TOLD(UNLINK, directory, path);
    return real(directory, path, flags);
}

int mkdirat(int directory, const char *path, mode_t mode) {
    typedef int (*type)(int, const char *, mode_t);
    REAL(type, "mkdirat")
    FAIL_IF_TOLD(MKDIR, directory, path);
    return real(directory, path, mode);
}

int fallocate(int file, int mode, off_t offset, off_t length) {
    typedef int (*type)(int, int, off_t, off_t);
    REAL(type, "fallocate")
    FAIL_IF_TOLD(FALLOCATE, file, NULL);
    return real(file, mode, offset, length);
}

// Returns its error instead of setting it.
#define DEFINE_POSIX_FALLOCATE(symbol)                                \
    int symbol(int file, off_t offset, off_t length) {                \
        typedef int (*type)(int, off_t, off_t);                       \
        REAL(type, #symbol)                                           \
        int error = fault(FALLOCATE, file, NULL, NULL);               \
        return error ? error : real(file, offset, length);            \
    }
DEFINE_POSIX_FALLOCATE(posix_fallocate)
DEFINE_POSIX_FALLOCATE(posix_fallocate64)
