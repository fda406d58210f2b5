/* SPDX-License-Identifier: MIT */
#ifndef VMKEEP_CLI_CONFIRM_H
#define VMKEEP_CLI_CONFIRM_H

#include <stdbool.h>

/* After what is going to be done was said: shall it be?  EXIT_DONE, or the exit code.  yes: it need
 * not be asked.  where: the command's name, for errors. */
int cli_confirm(const char *where, bool yes);

#endif
