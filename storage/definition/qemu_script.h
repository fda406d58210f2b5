/* SPDX-License-Identifier: MIT
 *
 * A command that starts a restored domain on its restored disks, and on nothing else.
 *
 * The command line that a point keeps names the disks, sockets and networks that the domain had.
 * Started as it stands, it would run on the disks it was backed up from, beside the domain itself.
 * So what reaches outside is left out, or takes something empty in its place that the devices of
 * the guest can stay on, and the script says what that was.
 */
#ifndef VMKEEP_STORAGE_DEFINITION_QEMU_SCRIPT_H
#define VMKEEP_STORAGE_DEFINITION_QEMU_SCRIPT_H

#include <stddef.h>

struct script_disk {
    const char *name; /* of the disk, which is often its node's or device's */
    const char *was;  /* the image that it was made of; NULL: not known */
    const char *path; /* the restored image, absolute */
};

struct script_request {
    const char *args;   /* the point's qemu.args */
    const char *title;  /* one line: what this is */
    const char *format; /* of the restored images: "qcow2" or "raw" */
    const struct script_disk *disks;
    size_t n_disks;
};

/* The text of a shell script.  Caller frees. */
char *qemu_script(const struct script_request *r);

#endif
