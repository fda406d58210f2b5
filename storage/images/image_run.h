/* SPDX-License-Identifier: MIT
 *
 * image_run: programs of QEMU's, run on images that may be encrypted.
 *
 * QEMU does not find the key of a backing file by itself.  So an image of which any in its chain is
 * encrypted is named by a description of all of them, "json:{...}", which says of each that it is
 * opened with the one secret object "key"; names of backing files stay those of the headers.
 */
#ifndef VMKEEP_STORAGE_IMAGES_IMAGE_RUN_H
#define VMKEEP_STORAGE_IMAGES_IMAGE_RUN_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/proc.h"
#include "storage/images/keys.h"

#define KEY_OBJECT "key"

/* How a program of QEMU's is told to open an image. */
struct image_words {
    char *name;            /* its path; "json:{...}" where a key is needed */
    char *object;          /* of --object; NULL: none is needed */
    char *blockdev;        /* for --blockdev, which takes no names for descriptions: its `encrypt`
                            * and `backing`, as JSON; NULL: none is needed */
    const struct key *key; /* that the object is; NULL: none */
};

/* Follows the headers down.  ERR_DENIED: a key is needed and there is none, or its file is not fit
 * to be one. */
int image_words(const char *image, struct image_words *ret, struct err *err);
/* Without what it stands on, whatever that is.  id: of the object. */
int image_words_alone(const char *image, const char *id, struct image_words *ret, struct err *err);
void image_words_done(struct image_words *w);

/* Is the image itself encrypted?  What cannot be read is not. */
bool image_is_encrypted(const char *image);

/* As proc_run_watched, of qemu-img, or qemu-io with a first argument that is one word; the argument
 * that is `image` becomes its name (image_words). A key that does not open it is ERR_DENIED, which
 * says which one, and what to do. */
int image_run(const char *const *argv, const char *image, proc_watch watch, void *ctx,
              char **ret_out, struct err *err);

/* qemu-io's commands on a qcow2 image, and a flush in the end.  option: one word, which says how it
 * is opened.  They go on when one has failed: what must not come after it belongs into another
 * call. */
int image_io(const char *image, const char *option, const struct strlist *commands,
             proc_watch watch, void *ctx, struct err *err);

/* If a program has failed because the key is not that of the image, *err says so. */
void image_key_failed(const char *image, const struct key *k, struct err *err);

#endif
