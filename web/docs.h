/* SPDX-License-Identifier: MIT
 *
 * docs: the documentation as scripts/make-site has made it, read once, when the program starts.
 * What is asked for is looked up by name among what was read, so no path of a request ever
 * reaches the file system.
 */
#ifndef VMKEEP_WEB_DOCS_H
#define VMKEEP_WEB_DOCS_H

#include "web/snapshot.h"

struct docs;

/* Regular files below the directory, or below where it leads; what cannot be read, is too large or
 * is a link is left out.  There may be none. */
struct docs *docs_read(const char *dir);
void docs_free(struct docs *d);

/* By its path below the directory; "": the first page. NULL: there is none. Borrowed; marked. */
const struct text *docs_find(const struct docs *d, const char *path, const char **ret_type);

/* What to read where there is no site. To be freed. */
void docs_none(struct text *ret);

#endif
