/* SPDX-License-Identifier: MIT
 *
 * What was read of points, and how far verifications have come; see storage/catalog/catalog.h.
 */
#ifndef VMKEEP_STORAGE_CATALOG_CATALOG_READING_H
#define VMKEEP_STORAGE_CATALOG_CATALOG_READING_H

#include "storage/catalog/catalog.h"

/* What a read of a point has found. */
struct point_reading {
    int64_t at;
    uint32_t slice, slices; /* 0, 1: all of it */
    int64_t job;            /* 0: by none */
    const char *result;     /* whole, unproven, unread, missing, damaged */
};

/* ERR_NOTFOUND: the point is not in the catalog. */
int catalog_point_read(struct catalog *c, const char *id, const struct point_reading *r,
                       struct err *err);

/* A verification has read that disk of that point up to there. */
struct job_reading {
    char *point, *disk;
    uint64_t offset;
    uint32_t slice, slices;
    char *result; /* the worst so far */
};

void job_reading_done(struct job_reading *r);
int catalog_job_reading_put(struct catalog *c, int64_t job, const struct job_reading *r,
                            struct err *err);
/* *ret_found false: nothing is noted. */
int catalog_job_reading(struct catalog *c, int64_t job, struct job_reading *ret, bool *ret_found,
                        struct err *err);

/* What the policy does by the calendar: since when it is to, and when it did last.  One that is not
 * known yet is noted as of now. */
int catalog_schedule(struct catalog *c, const char *policy, const char *what, int64_t now,
                     int64_t *ret_since, int64_t *ret_last, struct err *err);
int catalog_schedule_ran(struct catalog *c, const char *policy, const char *what, int64_t now,
                         struct err *err);
/* The same without noting anything; 0: it is not known. */
int catalog_schedule_since(struct catalog *c, const char *policy, const char *what,
                           int64_t *ret_since, struct err *err);
/* Nothing is done by that calendar any more. */
int catalog_schedule_forget(struct catalog *c, const char *policy, const char *what,
                            struct err *err);

#endif
