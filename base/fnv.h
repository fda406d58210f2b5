/* SPDX-License-Identifier: MIT
 *
 * fnv: a digest that tells apart what is not the same, and keeps nobody from making two that are:
 * FNV-1a of 64 bits.
 */
#ifndef VMKEEP_BASE_FNV_H
#define VMKEEP_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_BEGIN UINT64_C(0xcbf29ce484222325)

/* digest: of what comes before, at first FNV_BEGIN. */
static inline uint64_t fnv_add(uint64_t digest, const void *bytes, size_t n)
{
    const unsigned char *b = (const unsigned char *)bytes;

    for (size_t i = 0; i < n; i++)
        digest = (digest ^ b[i]) * UINT64_C(0x100000001b3);
    return digest;
}

#endif
