/* SPDX-License-Identifier: MIT
 *
 * qemu_locks: the locks that QEMU's programs hold on the images and devices that they have open,
 * one byte a permission (QEMU 7.2: block/file-posix.c).
 */
#ifndef VMKEEP_BASE_QEMU_LOCKS_H
#define VMKEEP_BASE_QEMU_LOCKS_H

/* Whether somebody has the file open for writing.  Only asks.  -1 and errno: it cannot be told, as
 * on a file system without locks. */
int qemu_locks_written(int fd);

/* As a program of QEMU's that writes and shares that with nobody, until fd is closed: none that is
 * started meanwhile gets it.  EBUSY: one writes it, or reads it and wants it to stay; any other
 * errno: as above, and nothing is locked.  fd: open for reading, at least. */
int qemu_locks_take(int fd);

#endif
