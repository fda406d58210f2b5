/* SPDX-License-Identifier: MIT
 *
 * pin: the pin of a point as it lies beside its manifest, so that a rebuilt catalog, and another
 * machine, know of it.
 *
 *   PATH/HOST/DOMAIN/POINT/pin.json    {"format": 1, "since": 1795312800}
 *
 * and "until": seconds since 1970, "note": text, where it has them.
 *
 * The manifest does not change; a merge leaves the file of the point that stays where it is.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_PIN_H
#define VMKEEP_STORAGE_REPOSITORY_PIN_H

#include "base/pin.h"
#include "storage/repository/repository.h"

#define PIN_FILE "pin.json"

/* Pins a point of ours, or, since 0, takes its pin; durably.  A point without files has no pin to
 * be taken: fine.  ERR_NOTFOUND: no such point to be pinned, or no repository; ERR_BUSY: it is
 * being merged into the next one; ERR_DENIED: the domain's directory belongs to somebody else. */
int repository_pin(const char *path, const struct repository_access *access, const char *point_id,
                   const struct point_pin *pin, struct err *err);

/* The pin in a point's directory.  One that cannot be read is one for ever. */
void pin_read_at(int point_dir, const char *path, const char *point_id, struct point_pin *ret);

/* ERR_BUSY: it holds. */
int pin_refuse(const struct point_pin *pin, const char *path, const char *point_id, int64_t now,
               struct err *err);

#endif
