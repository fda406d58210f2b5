/* SPDX-License-Identifier: MIT
 *
 * manifest: point.json, all that the catalog knows of a point, so that a repository explains itself
 * and the catalog can be made again from it.  The field names are those of `vmkeep points --json`.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_MANIFEST_H
#define VMKEEP_STORAGE_REPOSITORY_MANIFEST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/model.h"

/* Indented JSON. Caller frees. */
char *manifest_write(const struct point *p);

/* where: the file's name, for errors. ERR_CORRUPT: damaged, or fields missing or of a wrong type;
 * ERR_UNSUPPORTED: of a newer format. */
int manifest_read(const char *text, size_t len, const char *where, struct point *ret,
                  struct err *err);

/* One of the names under which a domain's definition is kept: domain.xml, qemu.args. */
bool manifest_is_definition(const char *file);

#endif
