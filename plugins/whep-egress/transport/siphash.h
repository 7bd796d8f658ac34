/* SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for tables whose keys strangers choose. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The 64-bit hash of @size bytes under the 128-bit key. */
uint64_t air_siphash (const uint64_t key[2], const void *data, size_t size);
