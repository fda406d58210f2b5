/* SPDX-License-Identifier: MIT
 *
 * key_mark: by what an encrypted repository knows its keys again, so that a wrong one is told
 * before anything is made with it, and not when a point is needed.
 *
 *   PATH/key.json  {"format": 1, "keys": [{"secret": "main-key", "salt": HEX, "check": HEX}]}
 *
 * check is PBKDF2 (HMAC-SHA-256, 10000 rounds) of the key; as keys are random, it tells nothing of
 * them.  secret is what the configuration called it when it was added.  Several keys are there
 * while one is changed (storage/repository/rekey.h).  Images do not need the file: where it is
 * lost, it is made again.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_KEY_MARK_H
#define VMKEEP_STORAGE_REPOSITORY_KEY_MARK_H

#include <stdbool.h>

#include "base/err.h"
#include "storage/images/keys.h"

#define KEY_MARK "key.json"

/* The repository's key (keys_find) is one of those that it knows.  make: one that knows none yet
 * gets it.  A repository that has neither a key nor a mark is as it should be; with a mark and no
 * key it is ERR_INVALID: nothing is to be written in clear text beside what is encrypted.
 * ERR_INVALID, too: another key, or a file that is not fit to be one. */
int key_mark_check(const char *path, bool make, struct err *err);

/* Adds the key, durably, unless it is known; or takes it away, unless it is the last. */
int key_mark_add(const char *path, const struct key *k, struct err *err);
int key_mark_drop(const char *path, const struct key *k, struct err *err);

/* Is it one of those that the repository knows? */
int key_mark_has(const char *path, const struct key *k, bool *ret, struct err *err);

#endif
