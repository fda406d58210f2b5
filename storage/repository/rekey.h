/* SPDX-License-Identifier: MIT
 *
 * rekey: the key of a repository is changed in its images' headers (LUKS has eight places for one);
 * no data is written again.  Two steps, between which both keys open everything and the
 * configuration goes over to the new one:
 *
 *   REKEY_ADD    each image gets the new key beside the one that opens it, then the repository
 *                (key.json)
 *   REKEY_DROP   each image that lacks the key that stays gets it, by the one that goes; that is
 *                taken out of each, then out of key.json
 *
 * What an image has says how far it is, so an interrupted call is repeated.  An image is left out
 * while somebody reads, makes or merges it; then key.json keeps the old key, and the call is to be
 * repeated as well.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_REKEY_H
#define VMKEEP_STORAGE_REPOSITORY_REKEY_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "storage/images/keys.h"

enum rekey_step { REKEY_ADD, REKEY_DROP };

struct rekey_request {
    const char *path; /* of the repository */
    enum rekey_step step;
    const struct key *has;   /* ADD: opens the images; DROP: goes */
    const struct key *other; /* ADD: is added; DROP: stays */
    /* Told of each image that was changed; may be NULL. */
    void (*progress)(void *ctx, const char *image);
    void *ctx;
};

struct rekey_result {
    size_t changed, same; /* images; same: they were so already */
    struct strlist busy;  /* a sentence on each that was left out */
};

void rekey_result_done(struct rekey_result *r);

/* ERR_INVALID: the repository does not know the key that opens it; ERR_DENIED: an image is opened
 * by none of the two.  Waits. */
int repository_rekey(const struct rekey_request *r, struct rekey_result *ret, struct err *err);

#endif
