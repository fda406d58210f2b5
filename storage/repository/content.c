/* SPDX-License-Identifier: MIT */
#include "storage/repository/content.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/images/image_run.h"
#include "storage/repository/repository_priv.h"
#include "storage/digest/tree.h"

struct words {
    const char **items;
    size_t n, cap;
};

static void add(struct words *w, const char *option, const char *value)
{
    *VEC_ADD(w) = option;
    *VEC_ADD(w) = value;
}

static char *tree_path(const char *path, const char *id, const char *image, bool partial)
{
    CLEANUP_FREE char *name = tree_file_name(image);

    return repository_image(path, id, name, partial);
}

/* The trees of a disk from a point down, as far as points have a content. */
static void list_trees(const char *path, const struct point_list *chain, const char *id,
                       const char *disk, struct strlist *ret)
{
    for (size_t steps = 0; id && steps < chain->n; steps++) {
        const struct point *p = point_list_find(chain, id);
        const struct point_disk *d = p ? point_find_disk(p, disk) : NULL;
        CLEANUP_FREE char *tree = NULL;

        if (!d || !d->content)
            return;
        tree = tree_path(path, id, d->path, false);
        strlist_add(ret, tree);
        id = d->backing;
    }
}

/* The last line of what the program said; it is JSON. */
static json_t *last_line(char *out, struct err *err)
{
    size_t len = strlen(out);
    const char *line;
    json_t *o;

    while (len > 0 && out[len - 1] == '\n')
        out[--len] = '\0';
    line = strrchr(out, '\n');
    o = json_loads(line ? line + 1 : out, 0, NULL);
    if (!o)
        err_set(err, ERR_INTERNAL, "vmkeep-content: an answer that is none: %s", CLIP(out));
    return o;
}

struct watched {
    const char *image; /* that is read */
    void (*alive)(const char *path);
    const struct content_check *check;
    uint64_t done, total;
};

static bool on_line(void *ctx, pid_t pid, const char *line)
{
    struct watched *w = ctx;

    (void)pid;
    if (line)
        sscanf(line, " { \"done\" : %" SCNu64 " , \"total\" : %" SCNu64, &w->done, &w->total);
    if (line && w->alive)
        w->alive(w->image);
    return !w->check || !w->check->progress || w->check->progress(w->check->ctx, w->done, w->total);
}

static json_t *ask(struct words *w, struct watched *watched, struct err *err)
{
    const struct key *key = keys_find(watched->image);
    CLEANUP_FREE char *out = NULL;

    if (key)
        add(w, "--key", key->file);
    *VEC_ADD(w) = NULL;
    if (proc_run_watched(w->items, on_line, watched, &out, err) == 0)
        return last_line(out, err);
    image_key_failed(watched->image, key, err);
    return NULL;
}

/* ---- take ---- */

/* What the program is told of what the disk stands on; nothing where it has no content. */
static int add_below(const char *path, const struct point_disk *d, struct point_list *chain,
                     struct strlist *trees, struct words *w, struct err *err)
{
    const struct point_disk *below;

    if (!d->backing)
        return 0;
    if (read_chain(path, d->backing, chain, err) < 0)
        return -1;
    below = point_find_disk(&chain->items[0], d->name);
    if (!below || !below->content)
        return 0;
    list_trees(path, chain, d->backing, d->name, trees);
    add(w, "--content", below->content);
    for (size_t i = 0; i < trees->n; i++)
        add(w, "--below", trees->items[i]);
    return 0;
}

int content_take(const char *path, const struct point *plan, struct point_disk *d, bool copied,
                 void (*alive)(const char *path), struct err *err)
{
    CLEANUP_FREE char *program = proc_program_path("vmkeep-content");
    CLEANUP_FREE char *image = repository_image(path, plan->id, d->path, true);
    CLEANUP_FREE char *tree = tree_path(path, plan->id, d->path, true);
    CLEANUP_FREE char *capacity = xasprintf("%" PRIu64, d->capacity);
    CLEANUP(point_list_done) struct point_list chain = {0};
    CLEANUP(strlist_done) struct strlist trees = {0};
    struct watched watched = {.image = image, .alive = alive};
    struct words w = {0};
    const char *content;
    json_t *o = NULL;
    int rc;

    add(&w, program, "take");
    add(&w, "--image", image);
    add(&w, "--capacity", capacity);
    add(&w, "--tree", tree);
    rc = add_below(path, d, &chain, &trees, &w, err);
    if (copied && (!d->backing || trees.n > 0)) /* what stands on something unknown is read */
        *VEC_ADD(&w) = "--copied";
    if (plan->copy_of)
        *VEC_ADD(&w) = "--from-disk";
    if (rc == 0)
        o = ask(&w, &watched, err);
    free(w.items);
    if (!o)
        return -1;
    content = json_string_value(json_object_get(o, "content"));
    free(d->content);
    d->content = xstrdup(content);
    json_decref(o);
    return d->content ? 0 : err_set(err, ERR_INTERNAL, "vmkeep-content: an answer without content");
}

/* ---- check ---- */

void content_found_done(struct content_found *f)
{
    free(f->ranges.items);
    free(f->note);
    *f = (struct content_found){0};
}

static uint64_t number(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));

    return v > 0 ? (uint64_t)v : 0;
}

static void read_ranges(const json_t *o, struct content_found *ret)
{
    size_t i;
    json_t *pair;

    json_array_foreach(json_object_get(o, "ranges"), i, pair) {
        json_int_t offset, length;

        if (json_unpack(pair, "[I, I]", &offset, &length) == 0 && offset >= 0 && length > 0)
            *VEC_ADD(&ret->ranges) = (struct content_range){(uint64_t)offset, (uint64_t)length};
    }
    if (ret->ranges.n == 0)
        ret->leaves = 0;
}

/* Of part of the disk. */
struct part {
    char *slice, *seed, *from, *to;
};

static void part_done(struct part *p)
{
    free(p->slice);
    free(p->seed);
    free(p->from);
    free(p->to);
}

static void add_part(const struct content_check *c, struct part *part, struct words *w)
{
    const struct sample *s = &c->sample;

    part->slice = xasprintf("%" PRIu32 "/%" PRIu32, s->slice, s->slices);
    part->seed = xasprintf("%" PRIu64, sample_seed(c->chain->items[0].id, c->disk) & INT64_MAX);
    part->from = xasprintf("%" PRIu64, s->from);
    part->to = xasprintf("%" PRIu64, s->to);
    if (s->slices > 1) {
        add(w, "--slice", part->slice);
        add(w, "--seed", part->seed);
    }
    add(w, "--from", part->from);
    add(w, "--to", part->to);
}

int content_check(const struct content_check *c, struct content_found *ret, struct err *err)
{
    const struct point *p = &c->chain->items[0];
    const struct point_disk *d = point_find_disk(p, c->disk);
    CLEANUP_FREE char *program = proc_program_path("vmkeep-content");
    CLEANUP_FREE char *own = repository_image(c->path, p->id, d->path, false);
    CLEANUP_FREE char *capacity = xasprintf("%" PRIu64, d->capacity);
    CLEANUP_FREE char *bandwidth = xasprintf("%" PRIu64, c->bandwidth);
    CLEANUP(strlist_done) struct strlist trees = {0};
    CLEANUP(part_done) struct part part = {0};
    struct watched watched = {.image = c->image ? c->image : own, .check = c};
    struct words w = {0};
    json_t *o;

    add(&w, program, "check");
    add(&w, "--image", c->image ? c->image : own);
    add(&w, "--format", c->image ? c->format : "qcow2");
    add(&w, "--capacity", capacity);
    add(&w, "--content", d->content);
    add(&w, "--bandwidth", bandwidth);
    if (c->locked)
        *VEC_ADD(&w) = "--locked";
    if (!c->cached)
        *VEC_ADD(&w) = "--from-disk";
    if (!sample_is_whole(&c->sample))
        add_part(c, &part, &w);
    if (c->only)
        add(&w, "--only", c->only);
    if (c->differences)
        add(&w, "--differences", c->differences);
    list_trees(c->path, c->chain, p->id, c->disk, &trees);
    for (size_t i = 0; i < trees.n; i++)
        add(&w, "--below", trees.items[i]);
    o = ask(&w, &watched, err);
    free(w.items);
    if (!o)
        return -1;
    ret->good = json_is_true(json_object_get(o, "good"));
    ret->bytes = number(o, "bytes");
    ret->all = json_is_true(json_object_get(o, "all"));
    ret->leaves = number(o, "bad_leaves");
    read_ranges(o, ret);
    ret->note = xstrdup(json_string_value(json_object_get(o, "note")));
    json_decref(o);
    return 0;
}

char *content_difference(const struct content_found *f)
{
    if (f->leaves == 0)
        return xasprintf("somewhere%s%s", f->note ? "; " : "", f->note ? f->note : "");
    return xasprintf("in %" PRIu64 " block%s of 64 KiB, first in bytes %" PRIu64 " to %" PRIu64,
                     f->leaves, plural_s(f->leaves), f->ranges.items[0].offset,
                     f->ranges.items[0].offset + f->ranges.items[0].length - 1);
}

static bool lists(const struct tree *t, uint64_t leaf)
{
    for (size_t i = 0; i < t->runs.n; i++)
        if (leaf >= t->runs.items[i].first &&
            leaf - t->runs.items[i].first < t->runs.items[i].count)
            return true;
    return !t->delta;
}

const struct point *content_holder(const char *path, const struct point_list *chain,
                                   const char *disk, uint64_t offset)
{
    CLEANUP(strlist_done) struct strlist trees = {0};
    const struct point *p = &chain->items[0];

    list_trees(path, chain, p->id, disk, &trees);
    for (size_t i = 0; p && i < trees.n; i++) {
        CLEANUP(tree_done) struct tree t = {0};
        struct err ignored = ERR_INIT;
        const char *below = point_find_disk(p, disk)->backing;

        if (tree_read(trees.items[i], &t, &ignored) < 0)
            return NULL;
        if (lists(&t, offset / TREE_LEAF))
            return p;
        p = below ? point_list_find(chain, below) : NULL;
    }
    return NULL;
}

int content_damaged(const struct content_check *c, const struct content_found *f, char **ret_bad,
                    struct err *err)
{
    const struct point *bad = NULL;
    CLEANUP_FREE char *where = content_difference(f), *image = NULL;

    if (f->leaves)
        bad = content_holder(c->path, c->chain, c->disk, f->ranges.items[0].offset);
    bad = bad ? bad : &c->chain->items[0];
    image = repository_image(c->path, bad->id, point_find_disk(bad, c->disk)->path, false);
    *ret_bad = xstrdup(bad->id);
    return err_set(err, ERR_CORRUPT, "%s holds other data than when it was published, %s", image,
                   where);
}

int content_check_point(struct content_check *c, const char *path, const char *point_id,
                        struct content_found *ret, char **ret_bad, struct err *err)
{
    CLEANUP(point_list_done) struct point_list chain = {0};
    int rc;

    c->path = path;
    if (read_chain(path, point_id, &chain, err) < 0)
        return -1;
    c->chain = &chain;
    rc = content_check(c, ret, err);
    if (rc == 0 && !ret->good && !c->image)
        rc = content_damaged(c, ret, ret_bad, err);
    c->chain = NULL;
    return rc;
}
