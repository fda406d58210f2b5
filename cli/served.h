/* SPDX-License-Identifier: MIT
 *
 * served: a point's disks, served by one qemu-storage-daemon of our own: over NBD, or one of them
 * as a file (FUSE).  The points' images are opened read-only; what is written, if that may be, goes
 * to overlays beside them.
 *
 * A private directory holds the socket and the mount points.  An overlay to be thrown away has lost
 * its name before anybody can write to it, so its space is free again however we end.  The daemon
 * ends with us, by SIGTERM; the directory of a command that was killed is removed by the next one.
 */
#ifndef VMKEEP_CLI_SERVED_H
#define VMKEEP_CLI_SERVED_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/model.h"
#include "base/proc_beside.h"

struct served_disk {
    char *name, *image;      /* owned */
    char *object, *blockdev; /* of an encrypted one (struct image_words); NULL: it is not */
    uint64_t capacity;       /* bytes */
    char *overlay;           /* that stays, absolute; NULL: one to be thrown away, where one is */
    char *made;              /* the name of such a one, for as long as it has one */
    uint64_t offset, length; /* this part of it only; length 0: all */
    const char *format;      /* not NULL: no point's image, but one of that format; with
                              * `writable` it is written to itself */
};

struct served {
    VEC(struct served_disk) disks;
    bool writable; /* by overlays */
    char *scratch; /* the directory of those that are thrown away; NULL: TMPDIR or /var/tmp */
    /* How: one of socket (a path; NULL: in the private directory) and port over NBD, or as a
     * file. */
    const char *socket, *address;
    int port; /* 0: no */
    bool as_file;

    char *dir; /* private; made by served_start */
    int lock;  /* on it: we live */
    struct proc_beside *daemon;
    bool listens;
};

/* All of the point's disks in the repository under path, or those that are named.  ERR_NOTFOUND. */
int served_add(struct served *s, const char *path, const struct point *p,
               const struct strlist *names, struct err *err);

/* Waits until they are served; *interrupted (may be NULL) ends that, with ERR_CANCELED. */
int served_start(struct served *s, const volatile sig_atomic_t *interrupted, struct err *err);

/* Waits ms at most: 0 while they are served, or -1. */
int served_wait(struct served *s, int ms, struct err *err);

/* A path in the private directory: of the file of the disk, of a directory to mount on.  Caller
 * frees. */
char *served_path(const struct served *s, const char *name);
#define SERVED_FILE "disk"
#define SERVED_TREE "tree"

/* nbd+unix:///vda?socket=... or nbd://127.0.0.1:10809/vda.  Caller frees. */
char *served_uri(const struct served *s, const struct served_disk *d);

/* Ends the daemon and removes what was made, but for overlays that stay. */
void served_stop(struct served *s);
void served_done(struct served *s); /* stops it, too */

#endif
