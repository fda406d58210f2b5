/* SPDX-License-Identifier: MIT
 *
 * What a point does not have, and might be thought to have: disks that vanished, and what is
 * attached and left out.  A disk does not go without a word.
 */
#include "jobs/backup_run.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "policies/disk_choice.h"
#include "policies/selection.h"

static bool is_there(const struct disk_facts *const *disks, size_t n, const char *name,
                     const char *identity)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(disks[i]->name, name) == 0 ||
            (identity && str_eq(disks[i]->identity, identity))) /* it is called otherwise now */
            return true;
    return false;
}

static void lacks(struct job_run *r, const char *name)
{
    struct backup_run *run = backup_of(r);

    if (selection_matches(&run->disks, name) && !strlist_has(&r->row.plan.missing, name))
        strlist_add(&r->row.plan.missing, name);
}

/* What the last point has or lacked already.  What an older version made does not say what its
 * disks were, and they may be called otherwise now. */
static void note_base(struct job_run *r, const struct disk_facts *const *disks, size_t n)
{
    struct backup_run *run = backup_of(r);

    for (size_t i = 0; i < run->base.disks.n; i++) {
        const struct point_disk *d = &run->base.disks.items[i];

        if (d->origin.identity && !is_there(disks, n, d->name, d->origin.identity))
            lacks(r, d->name);
    }
    for (size_t i = 0; i < run->base.missing.n; i++)
        if (!is_there(disks, n, run->base.missing.items[i], NULL))
            lacks(r, run->base.missing.items[i]);
}

/* What is attached, or was when the domain ran last: one that is shut off is backed up by the
 * configuration's images alone. */
static void note_seen(struct job_run *r, const struct seen_disk *d,
                      const struct disk_facts *const *disks, size_t n)
{
    struct backup_run *run = backup_of(r);
    const char *why = d->aside ? d->aside : disk_left_out_why(&run->disks, d->name);

    if (is_there(disks, n, d->name, d->identity))
        return;
    if (why)
        left_out_add(&r->row.plan.left_out, d->name, why);
    else
        lacks(r, d->name);
}

int backup_disks_absent(struct job_run *r, const struct disk_facts *const *disks, size_t n,
                        struct err *err)
{
    struct backup_run *run = backup_of(r);
    struct seen_disk_list seen = {0};

    if (run->has_base)
        note_base(r, disks, n);
    if (catalog_seen_disks(r->env->catalog, r->row.host, r->row.domain, &seen, err) < 0)
        return -1;
    for (size_t i = 0; i < seen.n; i++)
        note_seen(r, &seen.items[i], disks, n);
    seen_disk_list_done(&seen);
    return 0;
}

__attribute__((format(printf, 2, 3))) static void add(char reason[ERR_MSG_MAX], const char *fmt,
                                                      ...)
{
    size_t len = strlen(reason);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason + len, ERR_MSG_MAX - len, fmt, ap);
    va_end(ap);
}

void backup_disks_tell(const struct job_run *r, const struct point *p, char reason[ERR_MSG_MAX])
{
    size_t forgotten = 0;

    for (size_t i = 0; i < p->missing.n; i++)
        add(reason, "%s%s", i == 0 ? "; lacks disk " : ", ", p->missing.items[i]);
    for (size_t i = 0; i < p->left_out.n; i++) {
        const struct left_out *d = &p->left_out.items[i];

        if (str_eq(d->why, DISK_NOT_SELECTED) &&
            disk_is_forgotten(r->env->config, p->host, p->domain, d->name))
            add(reason, "%s%s", forgotten++ == 0 ? "; in no policy's disks: " : ", ", d->name);
    }
    text_cut(reason, ERR_MSG_MAX);
}
