/* SPDX-License-Identifier: MIT
 *
 * status: how well the promises are kept, gathered from the configuration and the catalog for
 * whoever shows it.  Nothing is printed here and nothing read but the catalog: the time, the zone
 * and what is under the repositories' paths are the caller's to say.
 */
#ifndef VMKEEP_REPORT_GATHER_STATUS_H
#define VMKEEP_REPORT_GATHER_STATUS_H

#include "policies/zone.h"
#include "policies/config.h"
#include "report/gather/domains.h"
#include "report/model.h"
#include "storage/catalog/catalog.h"
#include "storage/repository/survey.h"

/* What somebody saw who looked under a repository's path just now. */
struct status_look {
    bool looked;    /* false: nobody did, or he may not; what the daemon saw last stays */
    char *problem;  /* NULL: it is there */
    bool is_silent; /* it has not answered in time */
    bool has_space, read_only;
    uint64_t free, total;
    struct survey_losses losses; /* points there that are good by the catalog, and are not whole */
};

struct status_looks {
    struct status_look *items;
    size_t n, cap;
};

void status_looks_done(struct status_looks *l);

/* All borrowed. */
struct status_sources {
    const struct config *config;
    struct catalog *catalog;
    struct zone *zone; /* of the policies' calendars */
    int64_t now;
    int64_t uptime;   /* seconds since the boot, */
    const char *boot; /* and which boot that was: see base/uptime.h */
    bool figures;     /* also what monitoring asks for, */
    bool days;        /* and what was made on each of the last days */
    const struct status_looks
        *looks; /* the configuration's repositories in its order; NULL: none */
};

/* Fills in and judges everything; ret->daemon must be filled in before: what is due depends on when
 * it was started.  only: these domains, the repositories of their policies, and no warnings; NULL:
 * all that are known. */
int status_gather(const struct status_sources *s, const struct domain_names *only,
                  struct status *ret, struct err *err);

/* Why nothing is let go now, by the clock or as the daemon has it; NULL: it may. Caller frees. */
int status_clock_doubt(struct catalog *catalog, int64_t now, char **ret, struct err *err);

#endif
