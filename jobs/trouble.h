/* SPDX-License-Identifier: MIT
 *
 * trouble: the catalog cannot be written or read, and nothing better can be done than to say so.
 *
 * A file system that is full fails every write, of every domain, again and again.  That is said
 * once when it begins and once when it is over; what fails in between for the same reason is
 * counted.
 */
#ifndef VMKEEP_JOBS_TROUBLE_H
#define VMKEEP_JOBS_TROUBLE_H

#include "base/clock.h"
#include "base/err.h"

struct job_env;

struct trouble {
    enum err_code code;  /* that lasts; ERR_NONE: none does */
    int64_t since, last; /* elapsed time of the first failure, of the last one */
    unsigned failures;
    struct alarm alarm; /* is it over? */
};

/* what: "record a job"; logged. */
void catalog_trouble(struct job_env *e, const char *what, const struct err *err);
void trouble_stop(struct job_env *e); /* nothing is looked at any more */

#endif
