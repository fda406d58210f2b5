/* SPDX-License-Identifier: MIT
 *
 * made: the files that a backup begun by hand makes where its document says, and their removal. The
 * catalog keeps which they are (catalog_made_put): what is found under their names later and is not
 * what was made belongs to somebody else, and stays.
 *
 * A file is made beside its place first, under a name that only that job can have given
 * (.TAG-NUMBER); it gets its own when the catalog has it.  So whoever dies in between, nothing
 * bears the place's name that is not known as ours.
 *
 * made_create, made_name and made_clear look at files and wait for them: on the loop they are
 * reached through storage/store/places_ask.h.
 */
#ifndef VMKEEP_STORAGE_PLACES_MADE_H
#define VMKEEP_STORAGE_PLACES_MADE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "base/err.h"

enum made_what {
    MADE_TARGET,  /* an image; removed when the backup fails */
    MADE_SCRATCH, /* loses its name while it is used; removed at every end */
    MADE_SOCKET,  /* the hypervisor makes it; removed at every end, when nobody listens on it */
};
const char *made_what_name(enum made_what w); /* target, scratch, socket */
int made_what_from_name(const char *s, enum made_what *ret);

/* A file as it was when it was made; of a socket, what was there before.  All 0: nothing. */
struct made {
    enum made_what what;
    char *path;
    uint64_t device, inode;
    int64_t born; /* nanoseconds since the epoch; 0: the file system does not tell */
};

struct made_list {
    struct made *items;
    size_t n, cap;
};

void made_add(struct made_list *l, enum made_what what, const char *path);
void made_list_done(struct made_list *l);

/* Makes each of the files beside its place, empty, ours alone and then that user's.  *ret is the
 * list, with what they are; of a socket, what is there now.  When it fails, none of them is left.
 * tag: the job's. */
int made_create(const struct made_list *l, const char *tag, uid_t uid, gid_t gid,
                struct made_list *ret, struct err *err);

/* Gives them their names.  ERR_EXISTS: nothing that is there is touched; made_clear removes what
 * has its name, and what has not. */
int made_name(const struct made_list *l, const char *tag, struct err *err);

/* Removes what is still what was made; targets too when the backup is worth nothing.  Of a list
 * that made_create has not filled in, only what has not got its name is known to be ours.  The
 * error names the first that is left although it was to go. */
int made_clear(const struct made_list *l, const char *tag, bool targets, struct err *err);

#endif
