/* SPDX-License-Identifier: MIT
 *
 * places: whose a file is, before a backup writes to it or makes it.
 *
 * A list says what belongs to somebody: images with all that they stand on, repositories with all
 * that is in them, single files and sockets.  Whether a path is one of them is told by device and
 * inode (by number, of a block device), so neither symbolic links nor hard links nor bind mounts
 * hide it.  What does not exist yet is known by its directory and its name.
 *
 * These functions look at files and wait for them: on the loop they are reached through
 * storage/store/places_ask.h.
 */
#ifndef VMKEEP_STORAGE_PLACES_PLACES_H
#define VMKEEP_STORAGE_PLACES_PLACES_H

#include "base/alloc.h"
#include "base/err.h"

enum owned_kind {
    OWNED_FILE,  /* a file or socket, which may not exist yet; whose: "the catalog" */
    OWNED_IMAGE, /* a qcow2 image, and all files below it; whose: "disk 'vda' of domain 'vm1'" */
    OWNED_TREE,  /* a directory, and all that is or would be in it; whose: "repository 'main'" */
};

struct owned {
    enum owned_kind kind;
    char *path, *whose;
};

struct owned_list {
    struct owned *items;
    size_t n, cap;
};

/* path NULL or relative: nothing is added. */
void owned_add(struct owned_list *l, enum owned_kind kind, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void owned_list_done(struct owned_list *l);

enum place_use {
    USE_NEW,       /* a file that is to be made: nothing may be there */
    USE_THERE,     /* a file or device that is overwritten, and has to be there */
    USE_DEVICE,    /* a block device, likewise */
    USE_SOCKET,    /* to listen on: nothing may be there but a socket that nobody listens on */
    USE_DIRECTORY, /* that files are made in */
};

/* What somebody wants to write to. */
struct place_wish {
    enum place_use use;
    const char *what; /* "target" */
    const char *disk; /* NULL: of no disk */
    const char *path; /* absolute */
};

/* May all of them be used, and are they different ones?  ERR_INVALID: it is somebody's, or two are
 * one; ERR_EXISTS, ERR_NOTFOUND: as their use says; ERR_BUSY: another process uses it.  The error
 * names the path and whose it is.
 * What is somebody's and does not answer (a file system that hangs) is left out: what is wanted has
 * answered, so it is not there.  Only of a block device that is not known: ERR_TIMEOUT. */
int places_check(const struct owned_list *owned, const struct place_wish *wishes, size_t n,
                 struct err *err);

#endif
