/* SPDX-License-Identifier: MIT */
#include "storage/verify/salvage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/repository/repository_priv.h"
#include "storage/digest/tree.h"

#define RANGES_MAX 16 /* that are looked for */
#define NAMED_MAX 3

/* What a point has at a leaf: the digest, and in whose image. */
struct leaf {
    bool known;
    unsigned char digest[TREE_DIGEST];
    const char *holder; /* borrowed of the chain */
};

/* Does the tree say what the leaf is?  One that stands alone says it of all. */
static bool find_in_tree(const struct tree *t, uint64_t leaf, unsigned char ret[TREE_DIGEST])
{
    size_t at = 0;

    memset(ret, 0, TREE_DIGEST);
    for (size_t i = 0; i < t->runs.n; i++) {
        const struct tree_run *r = &t->runs.items[i];

        if (leaf >= r->first && leaf - r->first < r->count) {
            if (!r->zero)
                memcpy(ret, t->digests[at + (leaf - r->first)], TREE_DIGEST);
            return true;
        }
        at += r->zero ? 0 : r->count;
    }
    return !t->delta;
}

/* chain: the point first.  ret: one a range. */
static void find_leaves(const struct salvage *s, const struct point_list *chain, size_t n,
                        struct leaf *ret)
{
    const struct point *p = &chain->items[0];

    for (size_t steps = 0; p && steps < chain->n; steps++) {
        const struct point_disk *d = point_find_disk(p, s->disk);
        CLEANUP(tree_done) struct tree t = {0};
        CLEANUP_FREE char *name = d && d->content ? tree_file_name(d->path) : NULL;
        CLEANUP_FREE char *file = name ? repository_image(s->path, p->id, name, false) : NULL;
        struct err ignored = ERR_INIT;

        if (!file || tree_read(file, &t, &ignored) < 0)
            return;
        for (size_t i = 0; i < n; i++) {
            if (ret[i].known || !find_in_tree(&t, s->ranges[i].offset / TREE_LEAF, ret[i].digest))
                continue;
            ret[i].known = true;
            ret[i].holder = p->id;
        }
        p = d->backing ? point_list_find(chain, d->backing) : NULL;
    }
}

enum fate { FATE_UNKNOWN, FATE_LOST, FATE_SAME, FATE_OTHER };

static enum fate fate_of(const struct salvage *s, const char *id, const struct leaf *want, size_t n)
{
    CLEANUP(point_list_done) struct point_list chain = {0};
    struct leaf have[RANGES_MAX] = {0};
    struct err ignored = ERR_INIT;
    bool same = true;

    if (read_chain(s->path, id, &chain, &ignored) < 0)
        return FATE_UNKNOWN;
    find_leaves(s, &chain, n, have);
    for (size_t i = 0; i < n; i++) {
        if (!have[i].known)
            return FATE_UNKNOWN;
        if (str_eq(have[i].holder, s->holder))
            return FATE_LOST;
        same = same && want[i].known && memcmp(have[i].digest, want[i].digest, TREE_DIGEST) == 0;
    }
    return same ? FATE_SAME : FATE_OTHER;
}

/* "A, B and 2 more WHAT"; takes text over. */
static char *add(char *text, const struct strlist *ids, const char *what)
{
    CLEANUP_FREE char *names = xstrdup("");
    char *longer;

    if (ids->n == 0)
        return text;
    for (size_t i = 0; i < ids->n && i < NAMED_MAX; i++) {
        longer = xasprintf("%s%s%s", names, i ? ", " : "", ids->items[i]);
        free(names);
        names = longer;
    }
    if (ids->n > NAMED_MAX) {
        longer = xasprintf("%s and %zu more", names, ids->n - NAMED_MAX);
        free(names);
        names = longer;
    }
    longer = xasprintf("%s%s%s: %s", text ? text : "", text ? "; " : "", what, names);
    free(text);
    return longer;
}

static bool is_beside(const struct salvage *s, const struct point *p)
{
    const struct point_disk *d = point_find_disk(p, s->disk);

    return str_eq(p->host, s->point->host) && str_eq(p->domain, s->point->domain) &&
           !str_eq(p->id, s->point->id) && p->state != POINT_DELETING && d && d->content;
}

/* The disk as the domain's last point that says so had it. */
static const struct disk_origin *find_origin(const struct salvage *s, const struct point_list *all)
{
    const struct point *last = NULL;
    const struct disk_origin *ret = NULL;

    for (size_t i = 0; i < all->n; i++) {
        const struct point *p = &all->items[i];
        const struct point_disk *d = point_find_disk(p, s->disk);

        if (!str_eq(p->host, s->point->host) || !str_eq(p->domain, s->point->domain) || !d ||
            !d->origin.image || (last && last->created >= p->created))
            continue;
        last = p;
        ret = &d->origin;
    }
    return ret;
}

/* A manifest names it: nothing is opened but a file that is there, as what its checkpoint tells
 * that it was (bitmaps are in qcow2 alone); a raw image is never looked at for a format. */
static char *at_domain(const struct salvage *s, const struct point_list *chain,
                       const struct disk_origin *o, size_t n)
{
    struct stat st;
    size_t same = 0;

    if (!o || stat(o->image, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const uint64_t from = s->ranges[i].offset;
        const struct content_check c = {.path = s->path,
                                        .chain = chain,
                                        .disk = s->disk,
                                        .image = o->image,
                                        .format = o->bitmap ? "qcow2" : "raw",
                                        .cached = true,
                                        .locked = true,
                                        .bandwidth = s->bandwidth,
                                        .sample = {.from = from, .to = from + s->ranges[i].length},
                                        .progress = s->progress,
                                        .ctx = s->ctx};
        CLEANUP(content_found_done) struct content_found f = {0};
        struct err ignored = ERR_INIT;

        same += content_check(&c, &f, &ignored) == 0 && f.good;
    }
    if (same == 0)
        return NULL;
    return xasprintf("the domain's own disk still has %s: %s",
                     same == n ? "the same data" : "a part of it", o->image);
}

char *salvage_text(const struct salvage *s)
{
    CLEANUP(point_list_done) struct point_list all = {0}, chain = {0};
    CLEANUP(strlist_done) struct strlist broken = {0}, lost = {0}, same = {0}, other = {0};
    size_t n = s->n < RANGES_MAX ? s->n : RANGES_MAX;
    struct leaf want[RANGES_MAX] = {0};
    struct err ignored = ERR_INIT;
    char *text = NULL;

    if (n == 0 || read_chain(s->path, s->point->id, &chain, &ignored) < 0 ||
        repository_list(s->path, &all, &broken, &ignored) < 0)
        return NULL;
    find_leaves(s, &chain, n, want);
    for (size_t i = 0; i < all.n; i++) {
        const struct point *p = &all.items[i];
        enum fate f = is_beside(s, p) ? fate_of(s, p->id, want, n) : FATE_UNKNOWN;

        if (f == FATE_LOST)
            strlist_add(&lost, p->id);
        else if (f == FATE_SAME)
            strlist_add(&same, p->id);
        else if (f == FATE_OTHER && p->created > s->point->created)
            strlist_add(&other, p->id);
    }
    text = at_domain(s, &chain, find_origin(s, &all), n);
    text = add(text, &same, "the same data is there in");
    text = add(text, &lost, "lost with it, too, in");
    return add(text, &other, "later ones have other data there");
}
