/* SPDX-License-Identifier: MIT */
#include "cli/sources.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/uptime.h"

static void set_tz(const char *tz)
{
    if (tz)
        setenv("TZ", tz, 1);
    else
        unsetenv("TZ");
}

int sources_zone(struct catalog *catalog, struct zone **ret, struct err *err)
{
    CLEANUP(seen_list_done) struct seen_list rows = {0};
    CLEANUP_FREE char *ours = xstrdup(getenv("TZ"));
    const struct seen *zone;
    int rc;

    if (catalog_seen(catalog, "daemon", &rows, err) < 0)
        return -1;
    zone = seen_list_find(&rows, "zone");
    set_tz(zone && *zone->state ? zone->state : NULL);
    rc = zone_open(NULL, ret, err);
    set_tz(ours);
    return rc;
}

int sources_open(const struct config *config, struct catalog *catalog, struct status_sources *ret,
                 struct err *err)
{
    *ret = (struct status_sources){.config = config,
                                   .catalog = catalog,
                                   .now = time(NULL),
                                   .uptime = uptime_seconds(),
                                   .boot = uptime_boot()};
    return sources_zone(catalog, &ret->zone, err);
}

void sources_done(struct status_sources *s)
{
    zone_free(s->zone);
    s->zone = NULL;
}
