/* SPDX-License-Identifier: MIT */
#ifndef VMKEEP_BASE_MEMORY_H
#define VMKEEP_BASE_MEMORY_H

#include <stdint.h>

/* Bytes that this machine can give without writing anything out; 0: that is not known. */
uint64_t memory_available(void);

#endif
