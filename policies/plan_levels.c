/* SPDX-License-Identifier: MIT
 *
 * Which disks of a backup can be incremental.
 *
 * An incremental is right only if every change since the base point is known: the base point is
 * there and good, its checkpoint is the current one, and the disk's bitmap of that checkpoint has
 * recorded without a gap on a disk of the same size.  A name is not enough to know a disk again: it
 * must be the image, and the device, that the base point was made of; and what it holds must not
 * contradict the chain.  Whatever fails makes a full, and a sentence.
 */
#include "policies/plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"

__attribute__((format(printf, 3, 4))) static void append(char *buf, size_t size, const char *fmt,
                                                         ...)
{
    size_t len = strlen(buf);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf + len, size - len, fmt, ap);
    va_end(ap);
}

/* Why no disk at all can be incremental; false: nothing speaks against it. */
static bool whole_reason(const struct point *base, const char *base_missing, bool current,
                         char why[PLAN_WHY_MAX])
{
    if (!base && base_missing)
        snprintf(why, PLAN_WHY_MAX, "there is no point to stand on: %s", base_missing);
    else if (!base)
        snprintf(why, PLAN_WHY_MAX, "first backup: there is no good point to stand on");
    else if (base_missing)
        snprintf(why, PLAN_WHY_MAX, "point %s cannot be stood on: %s", base->id, base_missing);
    else if (!base->checkpoint)
        snprintf(why, PLAN_WHY_MAX, "the last point has no checkpoint");
    else if (!current)
        snprintf(why, PLAN_WHY_MAX, "checkpoint %s of the last point is not the current one",
                 base->checkpoint);
    else
        return false;
    return true;
}

static void size_reason(uint64_t old, uint64_t new, char why[PLAN_WHY_MAX])
{
    char from[SIZE_TEXT_MAX], to[SIZE_TEXT_MAX];

    size_text(old, from);
    size_text(new, to);
    if (strcmp(from, to) != 0)
        snprintf(why, PLAN_WHY_MAX, "size changed from %s to %s", from, to);
    else /* too little for three digits */
        snprintf(why, PLAN_WHY_MAX, "size changed from %" PRIu64 " to %" PRIu64 " bytes", old, new);
}

#define SHOWN 200 /* of a path or an identity */

/* It, or how it ends. */
static const char *tail(const char *text)
{
    size_t len = strlen(text);

    return len > SHOWN ? text + len - SHOWN : text;
}

/* What stands before it when that is not all. */
static const char *cut(const char *text)
{
    return strlen(text) > SHOWN ? "..." : "";
}

/* Both known, and not the same. */
static bool differ(const char *a, const char *b)
{
    return a && b && strcmp(a, b) != 0;
}

bool plan_is_another(const struct disk_origin *then, const struct plan_disk *now,
                     char why[PLAN_WHY_MAX])
{
    const char *image = now->image ? now->image : "";

    if (differ(then->identity, now->identity) && differ(then->image, now->image))
        snprintf(why, PLAN_WHY_MAX, "its image is another one: %s%s, and was %s%s", cut(image),
                 tail(image), cut(then->image), tail(then->image));
    else if (differ(then->identity, now->identity))
        snprintf(why, PLAN_WHY_MAX, "its image%s%s%s is another one: %s%s, and was %s%s",
                 now->image ? " " : "", cut(image), tail(image), cut(now->identity),
                 tail(now->identity), cut(then->identity), tail(then->identity));
    else if (differ(then->device, now->device))
        snprintf(why, PLAN_WHY_MAX, "it hangs on another device: %s%s, and did on %s%s",
                 cut(now->device), tail(now->device), cut(then->device), tail(then->device));
    else
        return false;
    return true;
}

/* Why this disk needs a full; false: it can be incremental. */
static bool disk_reason(const struct point *base, const struct plan_disk *d, char why[PLAN_WHY_MAX])
{
    const struct point_disk *old = point_find_disk(base, d->name);

    if (!d->trackable && str_eq(d->format, "qcow2"))
        snprintf(why, PLAN_WHY_MAX,
                 "qcow2 of the old version (compat 0.10): every backup of it is a full");
    else if (!d->trackable)
        snprintf(why, PLAN_WHY_MAX, "%s disk: every backup of it is a full",
                 d->format ? d->format : "untrackable");
    else if (!old)
        snprintf(why, PLAN_WHY_MAX, "disk is new");
    else if (plan_is_another(&old->origin, d, why))
        return true;
    else if (old->capacity != d->capacity)
        size_reason(old->capacity, d->capacity, why);
    else if (!d->base_present)
        snprintf(why, PLAN_WHY_MAX, "tracking lost: the bitmap of checkpoint %s is gone",
                 base->checkpoint);
    else if (!d->base_usable)
        snprintf(why, PLAN_WHY_MAX, "tracking lost: the bitmap of checkpoint %s is %s",
                 base->checkpoint, d->unusable ? d->unusable : "not usable");
    else if (d->contradiction)
        snprintf(why, PLAN_WHY_MAX, "tracking lost: %s", d->contradiction);
    else
        return false;
    return true;
}

/* "vda, vdb: REASON; vdc: REASON" for the disks that are full. */
static void append_disks(char *buf, size_t size, const struct plan_disk *disks, size_t n,
                         const struct plan_disk_level *levels)
{
    const char *between = "";

    for (size_t i = 0; i < n; i++) {
        bool told = levels[i].level != LEVEL_FULL;

        for (size_t k = 0; k < i; k++)
            told = told || strcmp(levels[k].why, levels[i].why) == 0;
        if (told)
            continue;
        append(buf, size, "%s%s", between, disks[i].name);
        for (size_t k = i + 1; k < n; k++)
            if (strcmp(levels[k].why, levels[i].why) == 0)
                append(buf, size, ", %s", disks[k].name);
        append(buf, size, ": %s", levels[i].why);
        between = "; ";
    }
}

static void all_full(const char *why, size_t n, struct plan_disk_level *ret)
{
    for (size_t i = 0; i < n; i++) {
        ret[i].level = LEVEL_FULL;
        snprintf(ret[i].why, sizeof(ret[i].why), "%s", why);
        text_cut(ret[i].why, sizeof(ret[i].why));
    }
}

enum backup_level plan_levels(enum backup_level asked, const char *asked_why,
                              const struct point *base, const char *base_missing, bool current,
                              const struct plan_disk *disks, size_t n, struct plan_disk_level *ret,
                              char why[PLAN_LEVELS_WHY_MAX])
{
    char reason[PLAN_WHY_MAX];
    size_t incrementals = 0;

    snprintf(why, PLAN_LEVELS_WHY_MAX, "%s", asked_why);
    if (asked == LEVEL_FULL) {
        all_full("a full was asked for", n, ret);
        return LEVEL_FULL;
    }
    if (whole_reason(base, base_missing, current, reason)) {
        text_cut(reason, sizeof(reason));
        all_full(reason, n, ret);
        append(why, PLAN_LEVELS_WHY_MAX, "; made a full: %s", reason);
        text_cut(why, PLAN_LEVELS_WHY_MAX);
        return LEVEL_FULL;
    }
    for (size_t i = 0; i < n; i++) {
        bool full = disk_reason(base, &disks[i], ret[i].why);

        ret[i].level = full ? LEVEL_FULL : LEVEL_INCREMENTAL;
        if (!full)
            ret[i].why[0] = '\0';
        text_cut(ret[i].why, sizeof(ret[i].why));
        incrementals += !full;
    }
    if (incrementals < n)
        append(why, PLAN_LEVELS_WHY_MAX, "; %s: ", incrementals ? "in full" : "made a full");
    append_disks(why, PLAN_LEVELS_WHY_MAX, disks, n, ret);
    text_cut(why, PLAN_LEVELS_WHY_MAX);
    return incrementals ? LEVEL_INCREMENTAL : LEVEL_FULL;
}

bool plan_full_after(const struct config_full_after *after, const struct plan_since_full *since,
                     int64_t now, char why[PLAN_WHY_MAX])
{
    char age[TIMEFMT_MAX], wanted[TIMEFMT_MAX];

    if (after->incrementals && since->incrementals >= after->incrementals) {
        snprintf(why, PLAN_WHY_MAX,
                 "a full by itself: %d incremental%s made since the last one (full_after: %d)",
                 since->incrementals, since->incrementals == 1 ? " was" : "s were",
                 after->incrementals);
        return true;
    }
    if (after->age && since->full_at && now - since->full_at >= after->age) {
        snprintf(why, PLAN_WHY_MAX, "a full by itself: the last one is %s old (full_after: %s)",
                 duration_text(now - since->full_at, age), duration_text(after->age, wanted));
        return true;
    }
    return false;
}
