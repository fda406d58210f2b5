/* SPDX-License-Identifier: MIT
 *
 * A zone file from anywhere: it is refused, or instants and wall-clock times can be asked of it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policies/tzfile.h"
#include "policies/zone.h"

/* The end of the year 9999; what lies beyond counts as that. */
#define INSTANT_MAX INT64_C(253402300799)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check_data(const uint8_t *data, size_t size)
{
    struct tz_data d = {0};
    struct err err = ERR_INIT;

    if (tz_data_parse(data, size, &d, &err) < 0) {
        assert(err.code == ERR_CORRUPT || err.code == ERR_UNSUPPORTED);
        assert(*err.msg);
        return false;
    }
    for (size_t i = 0; i < d.transitions.n; i++) {
        const struct tz_transition *t = &d.transitions.items[i];

        assert(i == 0 || t[-1].at < t->at);
        assert(abs(t->offset) <= TZ_OFFSET_MAX);
    }
    assert(abs(d.first_offset) <= TZ_OFFSET_MAX);
    tz_data_done(&d);
    return true;
}

/* As the daemon opens its own. */
static struct zone *open_zone(int fd)
{
    struct zone *z = NULL;
    struct err err = ERR_INIT;
    char tz[64];

    snprintf(tz, sizeof(tz), ":/proc/self/fd/%d", fd);
    setenv("TZ", tz, 1);
    assert(zone_open(NULL, &z, &err) == 0);
    return z;
}

static void check_zone(const struct zone *z)
{
    int64_t t = INT64_C(1700000000);

    for (int i = 0; i < 8 && t < INSTANT_MAX; i++) {
        struct wall w = {0};
        int64_t next = zone_next_change(z, t);

        assert(next > t);
        assert(abs(zone_offset(z, t)) <= TZ_OFFSET_MAX);
        zone_wall(z, t, &w);
        assert(w.month >= 1 && w.month <= 12 && w.day >= 1 && w.day <= 31 && w.hour < 24);
        /* It is shown now; perhaps it was before, or was skipped before. */
        assert(zone_instant(z, &w, NULL) <= t);
        t = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_CLOSE int fd = -1;
    struct zone *z;

    if (!check_data(data, size))
        return 0;
    fd = memfd_create("zone", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    z = open_zone(fd);
    check_zone(z);
    zone_free(z);
    return 0;
}
