/* SPDX-License-Identifier: MIT */
#include "daemon/life.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/uptime.h"

/* Calendars and retention are of this process's zone: whoever reads the catalog must know which. */
static void note_zone(struct catalog *catalog, int64_t now)
{
    const char *tz = getenv("TZ");
    struct err err = ERR_INIT;

    if (catalog_seen_put(catalog, "daemon", "zone", tz ? tz : "", NULL, NULL, now, &err) < 0)
        log_warning("the time zone is not recorded: %s", err.msg);
}

/* Among what was seen, kind "daemon": "life" (state: running or stopped; problem: the boot) and
 * "crash" (state: when the life that ended so had begun, in UTC; problem: how it ended). */
static void note_life(struct catalog *catalog, int64_t now)
{
    CLEANUP(seen_list_done) struct seen_list rows = {0};
    struct err err = ERR_INIT;
    const struct seen *life;
    char since[TIMEFMT_MAX];

    if (catalog_seen(catalog, "daemon", &rows, &err) == 0) {
        life = seen_list_find(&rows, "life");
        if (life && str_eq(life->state, "running")) {
            const char *how = str_eq(life->problem, uptime_boot()) ? "it crashed, or was killed"
                                                                   : "the machine went down";

            log_warning("vmkeepd ended without being asked to (it had been started at %s): %s",
                        time_local(life->at, since), how);
            catalog_seen_put(catalog, "daemon", "crash", time_utc(life->at, since), how, NULL, now,
                             &err);
        }
        catalog_seen_put(catalog, "daemon", "life", "running", uptime_boot(), NULL, now, &err);
    }
    if (err.code != ERR_NONE)
        log_warning("whether the daemon ended as it should is not recorded: %s", err.msg);
}

void life_begins(struct catalog *catalog, int64_t now)
{
    note_zone(catalog, now);
    note_life(catalog, now);
}

void life_ends(struct catalog *catalog, int64_t now)
{
    struct err err = ERR_INIT;

    if (catalog_seen_put(catalog, "daemon", "life", "stopped", NULL, NULL, now, &err) < 0)
        log_warning("that the daemon stops is not recorded: %s", err.msg);
}
