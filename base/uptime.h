/* SPDX-License-Identifier: MIT
 *
 * uptime: how long this machine has been up, which nobody sets, and which boot of it this is: time
 * that can be compared across processes when the wall clock cannot be trusted.
 */
#ifndef VMKEEP_BASE_UPTIME_H
#define VMKEEP_BASE_UPTIME_H

#include <stdint.h>

/* Seconds since the boot; suspended ones count. */
int64_t uptime_seconds(void);
int64_t uptime_ms(void);

/* The kernel's random id of this boot; "" when it cannot be told. */
const char *uptime_boot(void);

#endif
