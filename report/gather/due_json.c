/* SPDX-License-Identifier: MIT */
#include "report/gather/due_json.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "report/json.h"

/* By the zone, which need not be the one that this process runs in. */
static json_t *local_json(const struct zone *zone, int64_t t)
{
    int offset = zone_offset(zone, t), minutes = abs(offset) / 60;
    struct wall w;
    CLEANUP_FREE char *text = NULL;

    zone_wall(zone, t, &w);
    text = xasprintf("%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", w.year, w.month, w.day, w.hour,
                     w.minute, w.second, offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return json_string(text);
}

json_t *dues_json(const struct dues *dues, const struct zone *zone)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < dues->n; i++) {
        const struct due_time *d = &dues->items[i];

        json_array_append_new(ret,
                              json_pack("{s:o, s:o, s:s}", "at", report_json_time(d->at), "local",
                                        local_json(zone, d->at), "kind", due_kind_name(d->kind)));
    }
    return ret;
}

json_t *kept_json(const struct preview_span *span)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:o}", "at", report_json_time(span->at), "made",
                     (json_int_t)span->made, "points", (json_int_t)span->kept.n, "fulls",
                     (json_int_t)preview_fulls(span), "oldest",
                     report_json_time(span->kept.n > 0 ? span->kept.items[0].at : 0));
}
