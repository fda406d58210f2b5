/* SPDX-License-Identifier: MIT
 *
 * A domain's facts, made by hand.
 */
#ifndef VMKEEP_TESTS_DOMAIN_FACTS_H
#define VMKEEP_TESTS_DOMAIN_FACTS_H

#include "base/cleanup.h"
#include "engine/hypervisor.h"

DEFINE_FREEP(struct domain_facts, domain_facts_free)

/* A disk of the format; a qcow2 one holds bitmaps. The address is good until the next one. */
static inline struct disk_facts *add_disk(struct domain_facts *f, const char *name,
                                          const char *image, const char *format)
{
    struct disk_facts *d = VEC_ADD(&f->disks);

    d->name = xstrdup(name);
    d->image = xstrdup(image);
    d->format = xstrdup(format);
    d->trackable = format[0] == 'q';
    return d;
}

/* A raw read-only disk, or an empty drive. */
static inline void add_aside(struct domain_facts *f, const char *name, const char *image,
                             bool empty)
{
    struct disk_facts *d = VEC_ADD(&f->asides);

    d->name = xstrdup(name);
    d->image = xstrdup(image);
    d->format = empty ? NULL : xstrdup("raw");
    d->removable = d->empty = empty;
}

static inline void add_bitmap(struct disk_facts *d, const char *name, bool recording,
                              bool inconsistent)
{
    struct bitmap_facts *b = VEC_ADD(&d->bitmaps);

    b->name = xstrdup(name);
    b->recording = recording;
    b->inconsistent = inconsistent;
}

#endif
