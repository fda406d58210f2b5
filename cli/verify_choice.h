/* SPDX-License-Identifier: MIT
 *
 * verify_choice: which points `vmkeep verify` reads: by the catalog, or straight from a repository.
 */
#ifndef VMKEEP_CLI_VERIFY_CHOICE_H
#define VMKEEP_CLI_VERIFY_CHOICE_H

#include "base/model.h"
#include "policies/config.h"

/* A point whose manifest cannot be read. */
struct verify_broken {
    char *id; /* NULL: not even that is known */
    char *problem;
};

struct verify_choice {
    struct config *config;            /* NULL: a path was given */
    char *path;                       /* of the repository, absolute, where a path was given */
    struct point_list all;            /* those chosen among them, and what they stand on */
    VEC(const struct point *) points; /* by domain, then newest first */
    VEC(struct verify_broken) broken; /* of a repository only: the catalog knows the others */
};

/* what: a point, a policy, or a domain, by that name; NULL: all.  repository: NAME or PATH; NULL:
 * any.  disks: NULL-able names that one of the points must have.  EXIT_DONE, or the exit code of an
 * error that was printed; verify_choice_done in either case. */
int verify_choose(const char *what, const char *repository, const struct strlist *disks,
                  struct verify_choice *ret);
void verify_choice_done(struct verify_choice *c);

#endif
