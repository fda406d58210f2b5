/* SPDX-License-Identifier: MIT
 *
 * explain: the sentences that `vmkeep explain` puts together.
 */
#ifndef VMKEEP_CLI_EXPLAIN_H
#define VMKEEP_CLI_EXPLAIN_H

#include <jansson.h>

#include "base/alloc.h"
#include "cli/sources.h"

struct sentence {
    char *about, *text;
};

struct explanation {
    const char *kind; /* "domain", "point" or "job" */
    char *name;
    json_t *reasons; /* of a domain */
    VEC(struct sentence) sentences;
};

__attribute__((format(printf, 3, 4))) void explain_say(struct explanation *e, const char *about,
                                                       const char *fmt, ...);

/* A job by its number: what it was for, how it ended or how far it is, and what came after it.
 * *ret_found stays as it is where `what` is no job's. */
int explain_job(const struct status_sources *s, const char *what, struct explanation *e,
                bool *ret_found, struct err *err);

#endif
