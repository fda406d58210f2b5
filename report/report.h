/* SPDX-License-Identifier: MIT
 *
 * report: what came of a period, and how it stands at its end: for mail, a browser and programs.
 *
 *   jobs that ended in the period --+
 *                                   +--> rows, one a domain, the worst first; counts; repositories
 *   status, as of now (model.h) ----+
 *
 * What is at risk is judged by the status alone: a week of successes says nothing of a promise that
 * is broken now, and no backup at all is seen though there is no job that failed.
 */
#ifndef VMKEEP_REPORT_REPORT_H
#define VMKEEP_REPORT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "report/model.h"

#define REPORT_OUTCOMES (OUTCOME_SKIPPED + 1)

struct report_counts {
    size_t n[REPORT_OUTCOMES]; /* by enum job_outcome */
    uint64_t bytes;            /* copied, by those that were a success */
};

struct report_row {
    char *host, *domain;
    const struct status_domain *status; /* NULL: it is known no more */
    struct report_counts backups;
    char *problem; /* of the last backup that was no success: "job 12: REASON"; NULL: all were */
};

/* Jobs of one kind beside backups. */
struct report_kind {
    char *kind;
    struct report_counts jobs;
};

struct report_repository {
    const struct status_repository *status;
    struct report_counts written; /* backups and copies into it */
};

struct report {
    const struct status *status; /* with days; borrowed */
    const char *machine;         /* borrowed */
    const char *policy;          /* of its run alone; NULL: of all; borrowed */
    int64_t since;
    struct report_counts backups;
    VEC(struct report_row) rows; /* the worst first */
    size_t rows_shown;           /* no more of them, and of reasons, are listed; 0: all are */
    VEC(struct report_kind) kinds;
    VEC(struct report_repository) repositories;
};

/* A job that has ended; borrowed. */
struct report_job {
    int64_t id;
    const char *kind, *host, *domain, *policy, *repository, *reason;
    bool backup; /* of a policy */
    enum job_outcome outcome;
    uint64_t bytes;
};

/* First report_begin, then each job that ended in the period, then report_sort. */
void report_begin(struct report *r);
void report_add_job(struct report *r, const struct report_job *j);
void report_sort(struct report *r);
void report_done(struct report *r);

/* Those that failed or were aborted. */
size_t report_failed(const struct report_counts *n);

/* How bad it is: of a run, that of its policy's promises; else that of the status.  What failed and
 * has been mended since is told, and is nothing to act on. */
enum severity report_severity(const struct report *r);

/* "30 of 31 backups succeeded, 1 failed". Caller frees. */
char *report_backups_text(const struct report_counts *n);
/* "vmkeep on HOST: 1 at risk, 1 thing to see to, 2 protected; 30 of 31 backups succeeded, 1
 * failed": the subject of a mail. Caller frees. */
char *report_subject(const struct report *r);

/* Of its repository: "grows by 1.2 GiB a day, full in 40d"; "" where that is not known. Caller
 * frees. */
char *report_growth_text(const struct status_repository *r, int64_t now);

/* How many rows are listed, and what stands below where that is not all; NULL: it is.  Caller
 * frees. */
size_t report_rows_shown(const struct report *r);
char *report_more_text(const struct report *r);

/* Is the reason one that the report tells of? */
bool report_tells(const struct report *r, const struct status_about *about,
                  const struct reason *reason);

void report_text(const struct report *r, FILE *out);
/* One file that loads nothing. */
void report_html(const struct report *r, FILE *out);
/* Caller owns it. */
json_t *report_json(const struct report *r);

#endif
