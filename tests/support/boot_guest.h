/* SPDX-License-Identifier: MIT
 *
 * The smallest guest that writes: a boot sector.  It is loaded by the machine's firmware from
 * whatever disk device that knows (virtio-blk, SCSI, IDE, SATA, NVMe, USB), and writes by it,
 * without end: 32 KiB at every 64 KiB of its own disk between 2 and 8 MiB, each time something
 * else.  It says how each write went. */
#ifndef VMKEEP_TESTS_BOOT_GUEST_H
#define VMKEEP_TESTS_BOOT_GUEST_H

#include <stddef.h>

#define BOOT_GUEST_BLOCKS 96 /* writes until it begins anew */

/* Puts it on a raw image. */
void boot_guest_write(const char *image);

/* Two of QEMU's arguments, by which it says how its writes go, into a file.  Caller frees. */
char *boot_guest_chardev(const char *log);
#define BOOT_GUEST_DEVICE "isa-debugcon,iobase=0xe9,chardev=guest"

struct boot_guest_writes {
    size_t good, failed;
};
struct boot_guest_writes boot_guest_writes(const char *log);

#endif
