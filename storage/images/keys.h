/* SPDX-License-Identifier: MIT
 *
 * keys: the files that hold the keys of encrypted repositories, by the path of the repository.
 *
 * A process says once, before it opens an image, which keys it has (a command from its options and
 * the configuration, vmkeep-store from its request); whatever opens an image asks here.  It is the
 * one thing of storage/ that a process has instead of an argument: an image can be opened from
 * twenty places, and none of them could do anything with a key but hand it on.
 *
 * A key is never in an argument, in a log or in here: programs of QEMU's are told the file.
 */
#ifndef VMKEEP_STORAGE_IMAGES_KEYS_H
#define VMKEEP_STORAGE_IMAGES_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define KEY_BYTES_MIN 16
#define KEY_BYTES_MAX 1024

struct key {
    char *repository; /* what lies below this path is opened with it; "/": everything, before
                       * all others */
    char *secret;     /* what the configuration calls it; NULL: it was given as a file */
    char *file;
};

/* In place of the one that the repository has.  A path that is a link, and what it leads to, are
 * the same. secret may be NULL. */
void keys_add(const char *repository, const char *secret, const char *file);

/* Of the repository that holds this file or directory; NULL: there is none.  Borrowed, until the
 * next keys_add. */
const struct key *keys_find(const char *path);

/* "the key in /etc/vmkeep/main.key (secret 'main-key')".  Caller frees. */
char *key_text(const struct key *k);

/* The whole file, NUL-terminated; to be overwritten and freed by the caller.  ERR_INVALID:
 * others than root and we may read it, or it is no key, which is text of KEY_BYTES_MIN to
 * KEY_BYTES_MAX bytes; ERR_NOTFOUND; ERR_DENIED: we may not.  The error says what to do. */
int key_read(const char *file, char **ret, size_t *ret_len, struct err *err);

/* Are they the same, in whichever files? */
int keys_are_equal(const struct key *a, const struct key *b, bool *ret, struct err *err);

/* The same for nothing but the error. */
int key_check(const char *file, struct err *err);

#endif
