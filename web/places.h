/* SPDX-License-Identifier: MIT
 *
 * places: the pages of one repository and of one policy, made when they are asked for, of the
 * snapshot and the configuration.  The sources are the serving thread's own.
 */
#ifndef VMKEEP_WEB_PLACES_H
#define VMKEEP_WEB_PLACES_H

#include "web/snapshot.h"

/* By name.  ERR_NOTFOUND: there is none.  ret: to be freed. */
int places_repository(const struct status_sources *d, const struct snapshot *s, const char *name,
                      bool json, struct text *ret, struct err *err);
int places_policy(const struct status_sources *d, const struct snapshot *s, const char *name,
                  bool json, struct text *ret, struct err *err);

#endif
