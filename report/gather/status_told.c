/* SPDX-License-Identifier: MIT
 *
 * status: what the daemon notes for whoever was not there: that it had crashed, that a host does
 * not answer, and that a target of notifications takes none.
 */
#include "base/cleanup.h"
#include "base/timefmt.h"
#include "report/gather/status_priv.h"
#include "storage/catalog/catalog_notify.h"

#define HOUR INT64_C(3600)
#define UNSENT_AFTER INT64_C(900)
#define CRASH_ADVICE "`journalctl -u vmkeepd` tells how it ended"
#define UNSENT_ADVICE                                                                              \
    "mend what it says, then `vmkeep notify test` tries it; what waits is sent by itself"

/* For an hour; then it has shown that it runs. */
int status_tell_of_crash(const struct status_sources *s, struct status *ret, struct err *err)
{
    struct seen_list rows = {0};
    struct err ignored = ERR_INIT;
    const struct seen *crash;
    char at[TIMEFMT_MAX], had[TIMEFMT_MAX];
    int64_t began;

    if (catalog_seen(s->catalog, "daemon", &rows, err) < 0)
        return -1;
    crash = seen_list_find(&rows, "crash");
    if (crash && ret->daemon.running && s->now >= crash->at && s->now < crash->at + HOUR &&
        time_parse(crash->state, &began, &ignored) == 0)
        reason_add(&ret->warnings, REASON_CRASHED, CRASH_ADVICE,
                   "vmkeepd ended without being asked to (it had been started at %s): %s; it runs "
                   "again since %s",
                   time_local(began, had), crash->problem, time_local(crash->at, at));
    seen_list_done(&rows);
    return 0;
}

/* Messages that wait because their target does not take them, or were given up. */
int status_warn_of_targets(const struct status_sources *s, struct status *ret, struct err *err)
{
    CLEANUP(target_state_list_done) struct target_state_list targets = {0};

    if (catalog_targets(s->catalog, &targets, err) < 0)
        return -1;
    for (size_t i = 0; i < targets.n; i++) {
        const struct target_state *t = &targets.items[i];
        char at[TIMEFMT_MAX];

        /* One try that failed is no news. */
        if (!t->problem || s->now - t->sent < UNSENT_AFTER)
            continue;
        reason_add(
            &ret->warnings, REASON_UNSENT, UNSENT_ADVICE,
            "target %s of notifications takes none: %s (%lld wait%s; the last try was at %s)",
            t->name, t->problem, (long long)t->waiting, t->waiting == 1 ? "s" : "",
            time_local(t->failed, at));
    }
    return 0;
}

int status_warn_of_hosts(const struct status_sources *s, const struct domain_names *known,
                         struct status *ret, struct err *err)
{
    CLEANUP(seen_list_done) struct seen_list rows = {0};

    if (catalog_seen(s->catalog, "host", &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < s->config->hosts.n; i++) {
        const char *name = s->config->hosts.items[i].name;
        const struct seen *row = seen_list_find(&rows, name);
        CLEANUP_FREE char *doctor = xasprintf("`vmkeep doctor %s/`", name);

        if (row && row->problem && !domain_names_have_host(known, name))
            reason_add(&ret->warnings, REASON_HOST, doctor, "host %s: %s", name, row->problem);
    }
    return 0;
}
