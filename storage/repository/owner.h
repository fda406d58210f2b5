/* SPDX-License-Identifier: MIT
 *
 * owner: whose a domain's directory in a repository is.
 *
 *   PATH/HOST/DOMAIN/owner.json    catalog, machine, since when, last use
 *
 * A directory has one owner, a catalog.  Nobody else publishes, prunes or cleans in it until
 * it is adopted, so daemons that are given one repository by mistake lose nothing by it.  The file
 * is made with all that is in it or not at all, and of many that make it at once exactly one does.
 *
 * These functions wait for the file system.
 */
#ifndef VMKEEP_STORAGE_REPOSITORY_OWNER_H
#define VMKEEP_STORAGE_REPOSITORY_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define OWNER_FILE "owner.json"
#define OWNER_ACTIVE_S 600 /* who has used it so lately is at work in it */

struct owner {
    char *catalog;      /* its id */
    char *machine;      /* host name of the machine where it is */
    char *machine_id;   /* as owner_machine_id has it; "": not known */
    char *catalog_path; /* on that machine */
    int64_t since, used;
};

void owner_done(struct owner *o);
void owner_copy(struct owner *dst, const struct owner *src);

/* What tells the machine whose files are under root ("": ours) from all others: of
 * /etc/machine-id; without one, of its firmware ("dmi:..."), which only root can read; else of the
 * kernel's boot ("boot:..."). "": not known.  Caller frees. */
char *owner_machine_id(const char *root);

/* One machine has one catalog at a path: another one that was there is lost, or was replaced.
 * A machine that is not known is the same as none. */
bool owner_is_same_place(const struct owner *a, const struct owner *b);

/* The one that a catalog on this machine is. */
void owner_here(const char *catalog, const char *catalog_path, struct owner *ret);

/* "vmkeep on backup1 (catalog a59d85fc, /var/lib/vmkeep/catalog.db; last used
 * 2026-11-26T14:00:00Z)". Caller frees. */
char *owner_text(const struct owner *o);

/* Of the directory dir; where: its name, for errors.  *ret_found false: it has none.
 * ERR_CORRUPT: its file says nothing that makes sense. */
int owner_read(int dir, const char *where, struct owner *ret, bool *ret_found, struct err *err);

/* Dir is ours from now on, or is already, and was used at `now`.  ERR_DENIED, naming the owner:
 * somebody else's; but a catalog that was at our place, on this machine and under our path, is
 * lost, and what was its is ours.  ERR_BUSY: the same catalog is at work there from another
 * machine (a copy of it). may_take: what makes a directory without owner ours; fails, with the
 * reason, when it is not.  NULL: there is nothing in it that could be somebody's. */
int owner_claim(int dir, const char *where, const struct owner *self, int64_t now,
                int (*may_take)(void *arg, struct err *err), void *arg, struct err *err);

/* It is ours, whosever it was. */
int owner_take_over(int dir, const char *where, const struct owner *self, int64_t now,
                    struct err *err);

#endif
