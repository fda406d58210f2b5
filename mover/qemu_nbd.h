/* SPDX-License-Identifier: MIT
 *
 * qemu_nbd: a qemu-nbd that serves us alone, and dies when we die.
 *
 * It is handed a listening socket to which we are connected already, so that the socket's name
 * can go before anybody could need it: whoever is killed, and when, nothing stays in the
 * temporary folder (libnbd's own socket activation leaves a directory there). */
#ifndef VMKEEP_MOVER_QEMU_NBD_H
#define VMKEEP_MOVER_QEMU_NBD_H

#include <sys/types.h>

#include "base/err.h"

/* argv: of qemu-nbd. said: where it writes its errors. ret_fds: n connections (which argv must
 * allow: --shared), the caller's; *ret_pid: a child, to be waited for, which lives until the last
 * of them is closed. That it cannot serve is found on the connection. */
int qemu_nbd_start(const char *const *argv, int said, int *ret_fds, int n, pid_t *ret_pid,
                   struct err *err);

#endif
