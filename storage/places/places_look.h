/* SPDX-License-Identifier: MIT
 *
 * Private to storage/: what a path is, for places.c. */
#ifndef VMKEEP_STORAGE_PLACES_PLACES_LOOK_H
#define VMKEEP_STORAGE_PLACES_PLACES_LOOK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/alloc.h"

struct file_key {
    dev_t dev;
    ino_t ino;
};

/* A directory above a file, or the file itself. */
struct step_up {
    struct file_key key;
    bool
        /* something is mounted there: what is above it in the tree may not be so on disk */
        mounted;
};

struct place {
    bool exists;
    struct file_key key; /* of what exists, links followed */
    mode_t mode;
    dev_t device; /* of a block device: its number */
    bool part;    /* what a device is made of: what else is made of it may be somebody's */
    bool linked;  /* it has other names */
    bool has_dir; /* its directory exists */
    struct file_key dir;
    char *name;             /* its last part */
    VEC(struct step_up) up; /* the file (if it exists) and its directories, up to the root */
};

void place_look(const char *path, struct place *ret);
void place_done(struct place *p);

static inline bool file_key_same(struct file_key a, struct file_key b)
{
    return a.dev == b.dev && a.ino == b.ino;
}

/* One file, or one name for what does not exist yet. */
bool place_same(const struct place *a, const struct place *b);

/* Does it say what it is, in a moment; or, closely, what it holds?  Asked by a child, which a file
 * system that hangs keeps, and not us. */
bool place_answers(const char *path, bool closely);

/* Is the place in that directory, by whatever name? */
bool place_is_in(const struct place *p, const struct place *dir, const char *dir_path);

#endif
