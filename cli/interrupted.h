/* SPDX-License-Identifier: MIT
 *
 * interrupted: SIGINT, SIGTERM and SIGHUP end a command in its own way.
 */
#ifndef VMKEEP_CLI_INTERRUPTED_H
#define VMKEEP_CLI_INTERRUPTED_H

#include <signal.h>

extern volatile sig_atomic_t interrupted;

/* From now on they set `interrupted`, and wake whoever waits.  SIGPIPE is ignored: whoever reads
 * what we print may be gone. */
void interrupted_catch(void);

#endif
