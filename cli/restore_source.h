/* SPDX-License-Identifier: MIT
 *
 * restore_source: can a point be restored from where it lies, and which other one can?  And what
 * is to be told when a restore has found that one cannot.
 */
#ifndef VMKEEP_CLI_RESTORE_SOURCE_H
#define VMKEEP_CLI_RESTORE_SOURCE_H

#include "cli/point_choice.h"
#include "policies/config.h"
#include "storage/catalog/catalog_reading.h"

struct restore_source {
    const struct config *config; /* NULL: --repository was given */
    const char *repository;      /* its path; NULL: by the configuration */
    bool no_verify;              /* images of another length will do */
    const char *command;         /* whose errors they are; NULL: restore's */
    struct point_list *all;
};

/* The path of the point's repository, after a look whether that is there and the point's chain is
 * whole (no data is read).  Caller frees. */
int restore_source_check(const struct restore_source *s, const struct point *p, char **ret_path,
                         struct err *err);

/* The newest point of the domain older than `before` that can be restored; NULL: there is none. */
const struct point *restore_source_next(const struct restore_source *s, const struct point *before);

/* A read has found the point damaged: into the list, and into the catalog, through the daemon when
 * it runs.  Says on standard error what cannot be done. */
void restore_source_damaged(const struct restore_source *s, const char *point_id,
                            const struct err *why);

/* A look has found the point's chain not whole: files are missing, or of another length.  Where its
 * repository is there, that is recorded, through the daemon when it runs, which looks for itself.
 * Says on standard error what cannot be done. */
void restore_source_lost(const struct restore_source *s, const struct point *p);

/* All that the point holds was read and is whole: what a read had found in it is put right.  Not in
 * what it stands on, of which only what shows through was read.  Says on standard error what cannot
 * be done. */
void restore_source_whole(const struct restore_source *s, const struct point *p);

/* What a read of all its disks has found, into the catalog, where that can be; r->at and r->job are
 * filled in. */
void restore_source_was_read(const struct restore_source *s, const struct point *p,
                             const struct point_reading *r);

#endif
