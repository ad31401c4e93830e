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

// The instruction takes a word each cycle, but hands on its result only after three: so long runs are
// taken as three lanes of LANE bytes at a time, which are joined by what LANE zeros do to a checksum
// (Adler, crc32c.c, 2013). That is linear, so four tables say it, one for each byte of the checksum.
enum { LANE = 256 };
static uint32_t lane_zeros[4][256];

static void make_lane_zeros(void) {
    static const uint8_t zeros[LANE];
    // Without the inversion at both ends, which is not linear.
    uint32_t bits[32];
    for (int bit = 0; bit < 32; bit++) {
        bits[bit] = ~holdfast_crc32c_portable(~(1u << bit), zeros, LANE);
    }
    for (int byte = 0; byte < 4; byte++) {
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t sum = 0;
            for (int bit = 0; bit < 8; bit++) {
                if (value >> bit & 1) sum ^= bits[byte * 8 + bit];
            }
            lane_zeros[byte][value] = sum;
        }
    }
}

static inline uint32_t after_lane(uint32_t crc) {
    return lane_zeros[0][crc & 0xFF] ^ lane_zeros[1][(crc >> 8) & 0xFF]
        ^ lane_zeros[2][(crc >> 16) & 0xFF] ^ lane_zeros[3][crc >> 24];
}

#if defined(__x86_64__)
#include <nmmintrin.h>

#define HAS_INSTRUCTION 1
#define TARGET __attribute__((target("sse4.2")))
#define STEP_WORD(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#define STEP_BYTE(crc, byte) _mm_crc32_u8((crc), (byte))

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#define HAS_INSTRUCTION 1
#define TARGET __attribute__((target("crc")))
#define STEP_WORD(crc, word) __crc32cd((crc), (word))
#define STEP_BYTE(crc, byte) __crc32cb((crc), (byte))

static int has_instruction(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

#endif

#ifdef HAS_INSTRUCTION

static inline uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

TARGET static uint32_t crc32c_instruction(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    crc = ~crc;
    while (length >= 3 * LANE) {
        uint32_t second = 0, third = 0;
        for (int offset = 0; offset < LANE; offset += 8) {
            crc = STEP_WORD(crc, word_at(next + offset));
            second = STEP_WORD(second, word_at(next + LANE + offset));
            third = STEP_WORD(third, word_at(next + 2 * LANE + offset));
        }
        crc = after_lane(after_lane(crc) ^ second) ^ third;
        next += 3 * LANE;
        length -= 3 * LANE;
    }
    while (length >= 8) {
        crc = STEP_WORD(crc, word_at(next));
        next += 8;
        length -= 8;
    }
    while (length-- > 0) {
        crc = STEP_BYTE(crc, *next++);
    }
    return ~crc;
}

#else

static uint32_t crc32c_instruction(uint32_t crc, const void *bytes, size_t length) {
    return holdfast_crc32c_portable(crc, bytes, length);
}

static int has_instruction(void) { return 0; }

#endif

static uint32_t (*chosen)(uint32_t, const void *, size_t);
static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;

static void choose(void) {
    make_lane_zeros();
    chosen = has_instruction() ? crc32c_instruction : holdfast_crc32c_portable;
}

uint32_t holdfast_crc32c(uint32_t crc, const void *bytes, size_t length) {
    pthread_once(&chosen_once, choose);
    return chosen(crc, bytes, length);
}
