/* SPDX-License-Identifier: MIT */
#include "storage/restore/restore_disks.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"

struct work;

/* One disk's. */
struct lane {
    struct work *work;
    size_t i;
    bool runs, checking;
    double fraction; /* of it, that is done */
};

/* What the threads share; the lock is of all of it. */
struct work {
    struct restore_disks *w;
    pthread_mutex_t lock;
    struct lane *lanes;
    size_t next;
    struct err err; /* the first */
};

static uint64_t share_of(const struct restore_disks *w, size_t i)
{
    return w->items[i].bytes * w->items[i].passes;
}

uint64_t restore_disks_work(const struct restore_disks *w)
{
    uint64_t ret = 0;

    for (size_t i = 0; i < w->n; i++)
        ret += share_of(w, i);
    return ret;
}

/* ---- in the threads ---- */

static char *names_of(const struct work *k, bool *ret_checking)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        abort();
    *ret_checking = true;
    for (size_t i = 0, n = 0; i < k->w->n; i++) {
        if (!k->lanes[i].runs)
            continue;
        fprintf(out, "%s%s", n++ ? ", " : "", k->w->items[i].name);
        *ret_checking = *ret_checking && k->lanes[i].checking;
    }
    fclose(out);
    return text;
}

static bool on_progress(void *ctx, bool checking, double fraction)
{
    struct lane *l = ctx;
    struct work *k = l->work;
    CLEANUP_FREE char *names = NULL;
    uint64_t done = 0;
    bool all_checking, goes_on;

    pthread_mutex_lock(&k->lock);
    l->checking = checking;
    l->fraction = fraction;
    for (size_t i = 0; i < k->w->n; i++)
        done += (uint64_t)(k->lanes[i].fraction * (double)share_of(k->w, i));
    names = names_of(k, &all_checking);
    goes_on = k->err.code == ERR_NONE && k->w->progress(k->w->ctx, names, all_checking, done);
    pthread_mutex_unlock(&k->lock);
    return goes_on;
}

static void *work(void *arg)
{
    struct work *k = arg;

    pthread_mutex_lock(&k->lock);
    while (k->next < k->w->n && k->err.code == ERR_NONE) {
        struct lane *l = &k->lanes[k->next++];
        struct restore_disk *d = &k->w->items[l->i];
        struct err err = ERR_INIT;

        l->runs = true;
        pthread_mutex_unlock(&k->lock);
        if (restore_disk_write(d, &err) < 0)
            err_wrap(&err, "disk %s", d->name);
        pthread_mutex_lock(&k->lock);
        l->runs = false;
        if (err.code != ERR_NONE && k->err.code == ERR_NONE)
            k->err = err;
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* Half of what is free is enough for all of them to be read back from there.  Where others want it
 * meanwhile, what it has lost is read from the disk. */
static bool fit_in_cache(const struct restore_disks *w)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < w->n; i++)
        bytes += w->items[i].bytes;
    return bytes <= memory_available() / 2;
}

/* ---- in the main one, which does its part, and all of it where no other can be started ---- */

int restore_disks_write(struct restore_disks *w, struct err *err)
{
    const size_t others = (w->n < w->at_once ? w->n : w->at_once) - (w->n > 0);
    CLEANUP_FREE pthread_t *threads = xcalloc(others + 1, sizeof(*threads));
    CLEANUP_FREE struct lane *lanes = xcalloc(w->n + 1, sizeof(*lanes));
    struct work k = {.w = w, .lanes = lanes, .err = ERR_INIT};
    const bool cached = fit_in_cache(w);
    size_t started = 0;

    pthread_mutex_init(&k.lock, NULL);
    for (size_t i = 0; i < w->n; i++) {
        lanes[i] = (struct lane){.work = &k, .i = i};
        w->items[i].progress = on_progress;
        w->items[i].ctx = &lanes[i];
        w->items[i].cached = cached;
    }
    while (started < others && pthread_create(&threads[started], NULL, work, &k) == 0)
        started++;
    work(&k);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&k.lock);
    if (k.err.code == ERR_NONE)
        return 0;
    *err = k.err;
    return -1;
}
