#include "crc32c.h"

#include <pthread.h>
#include <string.h>

// Slicing by eight (Kounavis and Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005): eight tables, eight bytes a step.
static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
        }
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int slice = 1; slice < 8; slice++) {
            uint32_t crc = tables[slice - 1][byte];
            tables[slice][byte] = (crc >> 8) ^ tables[0][crc & 0xFF];
        }
    }
}

uint32_t holdfast_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    pthread_once(&tables_once, make_tables);
    const uint8_t *next = bytes;
    crc = ~crc;
    while (length >= 8) {
        crc ^= (uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16
            | (uint32_t)next[3] << 24;
        crc = tables[7][crc & 0xFF] ^ tables[6][(crc >> 8) & 0xFF] ^ tables[5][(crc >> 16) & 0xFF]
            ^ tables[4][crc >> 24] ^ tables[3][next[4]] ^ tables[2][next[5]] ^ tables[1][next[6]]
            ^ tables[0][next[7]];
        next += 8;
        length -= 8;
    }
    while (length-- > 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *next++) & 0xFF];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_instruction(
    uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    uint64_t state = ~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        state = _mm_crc32_u64(state, word);
        next += 8;
        length -= 8;
    }
    uint32_t tail = (uint32_t)state;
    while (length-- > 0) {
        tail = _mm_crc32_u8(tail, *next++);
    }
    return ~tail;
}

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

__attribute__((target("crc"))) static uint32_t crc32c_instruction(
    uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __crc32cd(crc, word);
        next += 8;
        length -= 8;
    }
    while (length-- > 0) {
        crc = __crc32cb(crc, *next++);
    }
    return ~crc;
}

static int has_instruction(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

#else

static uint32_t crc32c_instruction(uint32_t crc, const void *bytes, size_t length) {
    return holdfast_crc32c_portable(crc, bytes, length);
}

static int has_instruction(void) { return 0; }

#endif

static uint32_t (*chosen)(uint32_t, const void *, size_t);
static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;

static void choose(void) {
    chosen = has_instruction() ? crc32c_instruction : holdfast_crc32c_portable;
}

uint32_t holdfast_crc32c(uint32_t crc, const void *bytes, size_t length) {
    pthread_once(&chosen_once, choose);
    return chosen(crc, bytes, length);
}
