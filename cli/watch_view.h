/* SPDX-License-Identifier: MIT
 *
 * watch_view: what `vmkeep status --watch` shows, and what keys do to it.  It reads no clock, no
 * catalog and no terminal.
 */
#ifndef VMKEEP_CLI_WATCH_VIEW_H
#define VMKEEP_CLI_WATCH_VIEW_H

#include <jansson.h>
#include <stdio.h>

#include "report/model.h"
#include "storage/catalog/catalog.h"

#define WATCH_FILTER_MAX 64

/* What there is to see; all borrowed. */
struct watch_facts {
    const struct status *status;
    const json_t *jobs;          /* that run or wait */
    const struct job_list *past; /* of the domain whose detail is shown, oldest first */
    const char *problem;         /* why it is not newer; NULL: it is as it should be */
};

struct watch_view {
    size_t columns, lines;
    bool colour;
    char filter[WATCH_FILTER_MAX];
    bool typing;         /* the filter */
    char *host, *domain; /* that is chosen; NULL: the first */
    bool detail;         /* of it */
    size_t top;          /* the first row that is shown, */
    size_t detail_top;   /* and the first line of the detail */
};

void watch_view_done(struct watch_view *v);

/* One frame, with the codes that draw it. */
void watch_draw(struct watch_view *v, const struct watch_facts *f, FILE *out);
/* False: it is over. */
bool watch_key(struct watch_view *v, const struct watch_facts *f, int key);
/* The one that is chosen among those that are shown; NULL: none is shown. */
const struct status_domain *watch_chosen(const struct watch_view *v, const struct watch_facts *f);

#endif
