/* SPDX-License-Identifier: MIT
 *
 * html: the status as pages, for a browser that runs no script.  Pure: each page is written to a
 * stream from what it is given.  All text from outside is escaped by html_text; there are no inline
 * styles, so that the page may forbid them.  What a colour says stands beside it in words.
 */
#ifndef VMKEEP_REPORT_HTML_H
#define VMKEEP_REPORT_HTML_H

#include <jansson.h>
#include <stdio.h>

#include "report/model.h"
#include "report/month.h"

/* What the pages have in common; served as /style.css. */
extern const char report_html_style[];

struct html_front {
    const struct status *status; /* with figures */
    const json_t *jobs;          /* those that run or wait, as the daemon tells them */
    bool live;                   /* the daemon has told them just now */
    bool alone;                  /* a file by itself: nothing is loaded, no link leads out of it */
};
void report_html_front(const struct html_front *f, FILE *out);

struct html_domain {
    const struct status *status;     /* of the one domain, with figures */
    const json_t *jobs;              /* its jobs that run or wait */
    const struct point_list *points; /* oldest first */
    const json_t *past;              /* jobs that ended, as job_json gives them, oldest first */
};
void report_html_domain(const struct html_domain *d, FILE *out);

/* One job, as job_json gives it. */
void report_html_job(const json_t *job, int64_t now, FILE *out);

struct html_repository {
    const struct status *status; /* with figures */
    const struct status_repository *repository;
    const struct room_list *room; /* NULL: none is known */
};
void report_html_repository(const struct html_repository *page, FILE *out);

/* A time that the calendars say. */
struct html_due {
    int64_t at;
    const char *kind; /* full, incremental, verify, copy */
};

struct html_calendar {
    const char *kind;
    char *text; /* as normalized */
};

/* Points that there will be. */
struct html_kept {
    int64_t at; /* by then */
    VEC(struct html_kept_point {
        int64_t at;
        bool full;
    })
    points; /* oldest first */
};

struct html_policy {
    const struct status *status;
    const char *name, *repository;
    int64_t rpo; /* 0: no promise */
    VEC(struct html_calendar) calendars;
    VEC(struct html_due) next; /* the first so many */
    const struct month_view *months;
    VEC(struct html_kept) kept; /* at the ends of months, in their order; none: not known */
};
void report_html_policy(const struct html_policy *page, FILE *out);

/* A page that says that there is none: "404 Not Found", and why. */
void report_html_error(const char *title, const char *text, FILE *out);

#endif
