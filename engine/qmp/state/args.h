/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  QEMU's command line as a text that may be kept: one argument a line, and
 * secrets that stand in it left out.  What takes their place says what is to be filled in: a file
 * (PATH-TO-FILL-IN), the id of a secret object (ID-TO-FILL-IN), or the text itself (LEFT-OUT).
 */
#ifndef VMKEEP_ENGINE_QMP_ARGS_H
#define VMKEEP_ENGINE_QMP_ARGS_H

#include <stddef.h>

/* args: len bytes, each argument ends with NUL, as in /proc/PID/cmdline.  *ret_secrets: how many
 * were left out.  Caller frees. */
char *args_text(const char *args, size_t len, unsigned *ret_secrets);

#endif
