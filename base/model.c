/* SPDX-License-Identifier: MIT */
#include "base/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

void disk_origin_done(struct disk_origin *o)
{
    free(o->image);
    free(o->identity);
    free(o->device);
    free(o->bitmap);
    *o = (struct disk_origin){0};
}

struct disk_origin disk_origin_copy(const struct disk_origin *o)
{
    return (struct disk_origin){xstrdup(o->image), xstrdup(o->identity), xstrdup(o->device),
                                xstrdup(o->bitmap)};
}

void point_disk_done(struct point_disk *d)
{
    free(d->name);
    free(d->path);
    free(d->format);
    free(d->backing);
    free(d->digest);
    free(d->why_not);
    free(d->content);
    disk_origin_done(&d->origin);
    *d = (struct point_disk){0};
}

void left_out_add(struct left_out_list *l, const char *name, const char *why)
{
    struct left_out *d = VEC_ADD(l);

    d->name = xstrdup(name);
    d->why = xstrdup(why);
}

void left_out_list_done(struct left_out_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].why);
    }
    free(l->items);
    *l = (struct left_out_list){0};
}

void point_done(struct point *p)
{
    free(p->id);
    free(p->host);
    free(p->domain);
    free(p->policy);
    free(p->repository);
    free(p->repository_id);
    free(p->parent);
    free(p->checkpoint);
    free(p->problem);
    free(p->damage);
    free(p->catalog);
    free(p->copy_of);
    free(p->why);
    free(p->keep);
    free(p->read.result);
    free(p->pin.note);
    for (size_t i = 0; i < p->disks.n; i++)
        point_disk_done(&p->disks.items[i]);
    free(p->disks.items);
    strlist_done(&p->missing);
    left_out_list_done(&p->left_out);
    *p = (struct point){0};
}

void point_copy(struct point *dst, const struct point *src)
{
    *dst = *src;
    dst->id = xstrdup(src->id);
    dst->host = xstrdup(src->host);
    dst->domain = xstrdup(src->domain);
    dst->policy = xstrdup(src->policy);
    dst->repository = xstrdup(src->repository);
    dst->repository_id = xstrdup(src->repository_id);
    dst->parent = xstrdup(src->parent);
    dst->checkpoint = xstrdup(src->checkpoint);
    dst->problem = xstrdup(src->problem);
    dst->damage = xstrdup(src->damage);
    dst->catalog = xstrdup(src->catalog);
    dst->copy_of = xstrdup(src->copy_of);
    dst->why = xstrdup(src->why);
    dst->keep = xstrdup(src->keep);
    dst->read.result = xstrdup(src->read.result);
    dst->pin.note = xstrdup(src->pin.note);
    dst->missing = strlist_copy(&src->missing);
    dst->left_out = (struct left_out_list){0};
    for (size_t i = 0; i < src->left_out.n; i++)
        left_out_add(&dst->left_out, src->left_out.items[i].name, src->left_out.items[i].why);
    dst->disks.items = NULL;
    dst->disks.n = dst->disks.cap = 0;
    for (size_t i = 0; i < src->disks.n; i++) {
        const struct point_disk *s = &src->disks.items[i];
        struct point_disk *d = VEC_ADD(&dst->disks);

        *d = *s;
        d->name = xstrdup(s->name);
        d->path = xstrdup(s->path);
        d->format = xstrdup(s->format);
        d->backing = xstrdup(s->backing);
        d->digest = xstrdup(s->digest);
        d->why_not = xstrdup(s->why_not);
        d->content = xstrdup(s->content);
        d->origin = disk_origin_copy(&s->origin);
    }
}

void definition_list_add(struct definition_list *l, const char *name, char *text, char *from)
{
    struct definition_file *d;

    if (!text && !from)
        return;
    d = VEC_ADD(l);
    d->name = xstrdup(name);
    d->text = text;
    d->from = from;
}

void definition_list_beside(struct definition_list *l, const char *what, const char *name,
                            char *from, char *lacks)
{
    struct definition_file *d = VEC_ADD(l);

    d->what = xstrdup(what);
    d->name = xstrdup(name);
    d->from = from;
    d->lacks = lacks;
}

void definition_list_done(struct definition_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].text);
        free(l->items[i].from);
        free(l->items[i].what);
        free(l->items[i].lacks);
    }
    free(l->items);
    *l = (struct definition_list){0};
}

void point_list_done(struct point_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        point_done(&l->items[i]);
    free(l->items);
    *l = (struct point_list){0};
}

const struct point *point_list_find(const struct point_list *l, const char *id)
{
    for (size_t i = 0; id && i < l->n; i++)
        if (strcmp(l->items[i].id, id) == 0)
            return &l->items[i];
    return NULL;
}

const struct point_disk *point_find_disk(const struct point *p, const char *name)
{
    for (size_t i = 0; i < p->disks.n; i++)
        if (strcmp(p->disks.items[i].name, name) == 0)
            return &p->disks.items[i];
    return NULL;
}

bool point_made_after(const struct point *a, const struct point *b, const char *catalog)
{
    bool a_ours = str_eq(a->catalog, catalog), b_ours = str_eq(b->catalog, catalog);

    if (a_ours != b_ours)
        return a_ours;
    if (a->job > 0 && b->job > 0 && str_eq(a->catalog, b->catalog))
        return a->job > b->job;
    return a->created > b->created;
}

/* One table of words an enum, and both directions from it. */
#define WORDS(type, fn, ...)                                                                       \
    static const char *const fn##_words[] = {__VA_ARGS__};                                         \
    const char *fn##_name(enum type v)                                                             \
    {                                                                                              \
        return (size_t)v < ARRAY_LEN(fn##_words) ? fn##_words[v] : "?";                            \
    }                                                                                              \
    int fn##_from_name(const char *s, enum type *ret)                                              \
    {                                                                                              \
        for (size_t i = 0; s && i < ARRAY_LEN(fn##_words); i++) {                                  \
            if (strcmp(s, fn##_words[i]) == 0) {                                                   \
                *ret = (enum type)i;                                                               \
                return 0;                                                                          \
            }                                                                                      \
        }                                                                                          \
        return -1;                                                                                 \
    }

WORDS(backup_level, level, "full", "incremental")
WORDS(backup_mode, mode, "push", "pull")
WORDS(quiesce, quiesce, "off", "try", "require")
WORDS(image_compression, compression, "off", "zlib", "zstd")
WORDS(point_state, point_state, "good", "damaged", "missing", "deleting")
WORDS(job_state, job_state, "queued", "running", "ended")
WORDS(job_outcome, job_outcome, "", "success", "failed", "aborted", "skipped")
