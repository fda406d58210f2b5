/* SPDX-License-Identifier: MIT
 *
 * facts: what configuration, catalog and plan say of the domains, joined for the status model.
 */
#ifndef VMKEEP_CLI_FACTS_H
#define VMKEEP_CLI_FACTS_H

#include "cli/cli.h"
#include "cli/names.h"
#include "report/model.h"

struct facts {
    const struct config *config;
    struct catalog *catalog;
    int64_t now;
};

/* Fills in and judges everything but the daemon.  only: these domains; NULL: all that are known.
 * ret->daemon must be filled in before: from when it runs depends what is due. */
int facts_status(const struct facts *f, const struct domain_names *only, struct status *ret,
                 struct err *err);

/* Why nothing is let go now, by the clock or as the daemon has it; NULL: it may. Caller frees. */
int facts_clock_doubt(struct catalog *catalog, int64_t now, char **ret, struct err *err);

/* The points as of now, each with the judgement of its date.  The filter asks for whole domains or
 * policies: dates are held against one another. */
int facts_points(struct catalog *catalog, const struct point_filter *filter, int64_t now,
                 struct point_list *ret, struct err *err);

/* The state for people: a good one may be "set aside". For JSON: "set-aside". */
const char *facts_point_state(const struct point *p, bool for_people);

/* Can it be restored as far as the catalog knows: is it good, and all that it stands on?
 * points: all of its domain, oldest first. */
bool facts_is_whole(const struct point_list *points, const struct point *p);

/* What its images take on disk. */
uint64_t facts_point_bytes(const struct point *p);

#define FACTS_LEFT_OUT "a policy's disks leave it out"

/* facts_disks.c: fills in what is attached to the domain and in no backup, by its nature or by the
 * policies' disks; what was perhaps forgotten is a warning. */
int facts_disks(const struct facts *f, const struct domain_name *d, struct status_domain *ret,
                struct strlist *warnings, struct err *err);
/* Globs in policies' disks that select nothing. domains: all that are known. */
int facts_idle_globs(const struct facts *f, const struct domain_names *domains,
                     struct strlist *warnings, struct err *err);
/* Of damaged and missing ones, a sentence; NULL: there are none. Caller frees. */
char *facts_bad_points(const struct point_list *points);

/* NULL: never seen. */
const struct seen *facts_find_seen(const struct seen_list *l, const char *name);

#endif
