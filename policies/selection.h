/* SPDX-License-Identifier: MIT
 *
 * selection: a list of globs, in order; "!" takes away; the last match decides.
 */
#ifndef VMKEEP_POLICIES_SELECTION_H
#define VMKEEP_POLICIES_SELECTION_H

#include <stdbool.h>

#include "base/alloc.h"

enum selection {
    SELECTION_NONE, /* no glob matches */
    SELECTION_IN,
    SELECTION_OUT, /* a "!" takes it away */
};
enum selection selection_of(const struct strlist *globs, const char *name);

/* Is the name (a disk's target) selected? */
bool selection_matches(const struct strlist *globs, const char *name);

/* The same for a domain: a glob with a "/" is matched with "HOST/DOMAIN", one without with the
 * domain's name alone. */
bool selection_matches_domain(const struct strlist *globs, const char *host, const char *domain);

#endif
