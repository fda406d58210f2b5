/* SPDX-License-Identifier: MIT
 *
 * adopt: what a repository is and whose, and taking it over.  Waits for the file system; for
 * commands.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_ADOPT_H
#define VMKEEP_STORAGE_REPOSITORY_ADOPT_H

#include "storage/repository/repository.h"

/* A domain's directory. */
struct repository_domain {
    char *name; /* HOST/DOMAIN, escaped */
    bool owned;
    struct owner owner; /* when it is owned */
    char *problem;      /* its owner's file says nothing; NULL: nothing to say */
    size_t points;
    int64_t
        /* when somebody last worked in it: its last use, or a write to what is being made */
        active;
};

struct repository_view {
    bool is_new; /* an empty directory that could become one */
    char id[REPOSITORY_ID_MAX];
    uint64_t free, total;
    VEC(struct repository_domain) domains; /* by name */
    struct point_list points;
    struct strlist damaged; /* manifests that cannot be read */
};

void repository_view_done(struct repository_view *v);

/* ERR_NOTFOUND: nothing is there; ERR_INVALID: something else is. */
int repository_view(const char *path, struct repository_view *ret, struct err *err);

/* Does the point lie in the directory of that name? */
bool repository_domain_holds(const char *domain, const char *point_id);

/* Makes a new one a repository (v->id is its id then), and takes the directories over. */
int repository_adopt(const char *path, struct repository_view *v, const struct strlist *domains,
                     const struct owner *self, int64_t now, struct err *err);

#endif
