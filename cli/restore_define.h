/* SPDX-License-Identifier: MIT
 *
 * restore_define: a restored domain comes to a libvirt host: what that lacks is said before
 * anything is written, then the domain is defined, never over another one, and started.
 */
#ifndef VMKEEP_CLI_RESTORE_DEFINE_H
#define VMKEEP_CLI_RESTORE_DEFINE_H

#include "base/ask.h"
#include "policies/config.h"
#include "storage/restore/restore.h"

struct restore_define {
    /* What was asked for; borrowed. */
    bool define, start;
    const char *host, *uri, *pool;

    char *where;    /* the URI that it comes to */
    char *to;       /* the pool's directory; NULL: no pool was named */
    char *prefix;   /* of the files in it */
    char *selected; /* "policy nightly": which of the configuration are for a domain of a new name;
                     * NULL: none, or it is the old one's */
    char *uuid;     /* of the domain, once it is defined */
};

/* Finds out which libvirt of this machine is meant, for the point: `where`. */
int restore_define_where(struct restore_define *d, const struct config *config,
                         const struct point *p, struct err *err);

/* Asks vmkeep-libvirt there, as store_ask does. */
int restore_define_ask(const struct restore_define *d, struct ask *ask, double limit_s,
                       struct err *err);
int restore_define_start(const struct restore_define *d, const char *domain, struct err *err);

/* Before anything is written: where to, for the point, and whether the domain can be there; what
 * the host lacks for it is said on standard error.  Fills in r's `to` and `prefix` where a pool is
 * named; the rest of r is the request.  config NULL: there is none.  ERR_INVALID: what was asked
 * for does not go together; ERR_UNSUPPORTED: it does not fit; else what a plan of the restore or
 * libvirt says. */
int restore_define_prepare(struct restore_define *d, const struct config *config,
                           const struct point *p, struct restore_request *r, struct err *err);

/* The images are there: defines the domain of them, and starts it if that was asked for. */
int restore_define_run(struct restore_define *d, const struct restore_result *res, struct err *err);
void restore_define_done(struct restore_define *d);

#endif
