/* SPDX-License-Identifier: MIT
 *
 * restore_bar: the line on a terminal that tells how far a restore is, how fast it gets on, and how
 * long it takes yet.
 */
#ifndef VMKEEP_CLI_RESTORE_BAR_H
#define VMKEEP_CLI_RESTORE_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct restore_bar {
    bool terminal;    /* else nothing is drawn */
    int64_t began_ms; /* monotonic; 0: not yet */
};

/* On standard error, in place of what it drew before.  done, all: bytes. */
void restore_bar_draw(struct restore_bar *b, const char *disk, bool checking, uint64_t done,
                      uint64_t all);

#endif
