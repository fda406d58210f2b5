/* SPDX-License-Identifier: MIT */
#include "cli/sources.h"

#include <time.h>

#include "base/uptime.h"

int sources_open(const struct config *config, struct catalog *catalog, struct status_sources *ret,
                 struct err *err)
{
    *ret = (struct status_sources){.config = config,
                                   .catalog = catalog,
                                   .now = time(NULL),
                                   .uptime = uptime_seconds(),
                                   .boot = uptime_boot()};
    return zone_open(NULL, &ret->zone, err);
}

void sources_done(struct status_sources *s)
{
    zone_free(s->zone);
    s->zone = NULL;
}
