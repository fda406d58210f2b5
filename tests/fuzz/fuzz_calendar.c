/* SPDX-License-Identifier: MIT
 *
 * A calendar expression from anywhere: it is refused, saying why in one line, or it has a normal
 * form that means the same, and each of its elapses comes after the one before.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "policies/calendar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_elapses(const struct calspec *spec, const struct calspec *same)
{
    static struct zone *zone;
    struct err err = ERR_INIT;
    int64_t t = INT64_C(1711846800); /* 2024-03-31 01:00 UTC: Prague's clock is about to skip */

    if (!zone)
        assert(zone_open("Europe/Prague", &zone, &err) == 0);
    for (int i = 0; i < 4; i++) {
        int64_t next = 0, again = 0;

        if (!calspec_next(spec, zone, t, &next)) {
            assert(!calspec_next(same, zone, t, &again));
            return;
        }
        assert(next > t);
        assert(calspec_next(same, zone, t, &again) && again == next);
        t = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = xcalloc(size + 1, 1), *normal = NULL, *twice = NULL;
    struct calspec *spec = NULL, *same = NULL;
    struct err err = ERR_INIT;

    if (size > 0)
        memcpy(text, data, size);
    if (calspec_parse(text, &spec, &err) < 0) {
        assert(err.code == ERR_INVALID && *err.msg && !strchr(err.msg, '\n'));
        return 0;
    }
    normal = calspec_format(spec);
    assert(calspec_parse(normal, &same, &err) == 0);
    twice = calspec_format(same);
    assert(strcmp(normal, twice) == 0);
    check_elapses(spec, same);
    calspec_free(spec);
    calspec_free(same);
    return 0;
}
