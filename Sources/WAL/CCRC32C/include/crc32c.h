#ifndef HOLDFAST_CRC32C_H
#define HOLDFAST_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected) of `length` bytes at `bytes`, continued
/// from `crc`: pass 0 to begin and the former result to go on, so that
/// `crc32c(crc32c(0, a), b) == crc32c(0, ab)`. Uses the processor's instruction where there is one.
uint32_t holdfast_crc32c(uint32_t crc, const void *_Nullable bytes, size_t length);

/// The same by table alone: the fallback, and what the tests hold the fast one against.
uint32_t holdfast_crc32c_portable(uint32_t crc, const void *_Nullable bytes, size_t length);

#endif
