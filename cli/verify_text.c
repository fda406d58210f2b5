/* SPDX-License-Identifier: MIT */
#include "cli/verify_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/json.h"

static json_t *ranges_json(const struct proof_disk *d)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < d->ranges.n; i++)
        json_array_append_new(ret, json_pack("{s:I, s:I}", "offset",
                                             (json_int_t)d->ranges.items[i].offset, "length",
                                             (json_int_t)d->ranges.items[i].length));
    return ret;
}

json_t *verify_disks_json(const struct proof *f)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < f->disks.n; i++) {
        const struct proof_disk *d = &f->disks.items[i];

        json_array_append_new(
            ret, json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name", report_json_text(d->name),
                           "state", proof_state_name(d->state), "problem",
                           report_json_text(d->problem), "point", report_json_text(d->bad_point),
                           "bytes", report_json_number((int64_t)d->bytes), "ranges", ranges_json(d),
                           "saved", report_json_text(d->saved)));
    }
    return ret;
}

/* Takes text over. */
static char *add(char *text, const char *between, const char *name, const char *more)
{
    char *longer = xasprintf("%s%s%s%s", text, between, name, more);

    free(text);
    return longer;
}

char *verify_text(const struct proof *f)
{
    char *ret, size[SIZE_TEXT_MAX];
    uint64_t bytes = 0;

    for (size_t i = 0; i < f->disks.n; i++)
        bytes += f->disks.items[i].bytes;
    if (f->problem)
        ret = xasprintf("%s: %s", proof_state_name(f->state), f->problem);
    else if (f->state == PROOF_WHOLE)
        ret = xasprintf("whole, %s read", size_text(bytes, size));
    else
        ret = xstrdup(proof_state_name(f->state));
    for (size_t i = 0; i < f->disks.n; i++) {
        const struct proof_disk *d = &f->disks.items[i];
        char *name;

        if (!d->problem)
            continue;
        name = xasprintf("disk %s: ", d->name);
        ret = add(ret, strchr(ret, ':') ? "; " : ": ", name, d->problem);
        free(name);
        if (d->saved)
            ret = add(ret, "; ", "", d->saved);
    }
    return ret;
}
