/* SPDX-License-Identifier: MIT
 *
 * Where the repository goes.
 */
#include <mntent.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/init_found.h"
#include "cli/store_ask.h"
#include "storage/scratch.h"
#include "storage/store_records.h"

#define PLACE_DEFAULT "/srv/backup"
#define LOOK_S 10

/* Directories that file systems for data are mounted on, or below. */
static bool is_for_data(const char *dir)
{
    static const char *const tops[] = {"/srv", "/mnt", "/media", "/backup", "/backups", "/data"};

    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        size_t len = strlen(tops[i]);

        if (strncmp(dir, tops[i], len) == 0 && (dir[len] == '\0' || dir[len] == '/'))
            return true;
    }
    return false;
}

/* What could be had there; whatever hangs keeps a process of its own.  False: nothing can be
 * written there. */
static bool look(const char *dir, struct init_place *ret)
{
    struct store_space space = {0};
    CLEANUP(scratch_look_done) struct scratch_look there = {0};
    const struct store_request q = {.scratch_dir = dir};
    const struct ask ask = {"scratch-look", &store_request_scratch, &store_answer_scratch, &q,
                            &there,         .timeout_s = 0};
    struct err err = ERR_INIT, none = ERR_INIT;

    if (store_ask(&ask, dir, LOOK_S, &err) < 0 || there.problem || str_eq(there.unfit, "tmpfs"))
        return false;
    ret->dir = xstrdup(dir);
    ret->is_there = strcmp(there.there, dir) == 0;
    ret->is_repository = ret->is_there && store_ask_probe(dir, NULL, &space, &none) == 0;
    ret->free = there.free;
    if (there.unfit)
        ret->remote = xstrdup(there.unfit);
    return true;
}

/* Better than what there is: a repository, or more room. */
static void offer(struct init_place *best, const char *dir)
{
    struct init_place p = {0};

    if (!look(dir, &p))
        return;
    if (best->dir &&
        (p.is_repository != best->is_repository ? best->is_repository : p.free <= best->free)) {
        init_place_done(&p);
        return;
    }
    init_place_done(best);
    *best = p;
}

static void offer_mounted(struct init_place *best)
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    const struct mntent *m;

    while (mounts && (m = getmntent(mounts))) {
        static const char *const below[] = {"/vmkeep", "/backup", ""};

        for (size_t i = 0; is_for_data(m->mnt_dir) && i < ARRAY_LEN(below); i++) {
            CLEANUP_FREE char *dir = xasprintf("%s%s", m->mnt_dir, below[i]);

            offer(best, dir);
        }
    }
    if (mounts)
        endmntent(mounts);
}

void init_find_place(const char *place, struct init_place *ret)
{
    if (place) {
        CLEANUP_FREE char *dir = path_absolute(place);

        if (!look(dir, ret))
            ret->dir = TAKE_PTR(dir);
        return;
    }
    offer(ret, PLACE_DEFAULT);
    offer_mounted(ret);
    if (!ret->dir)
        ret->dir = xstrdup(PLACE_DEFAULT);
}

void init_place_done(struct init_place *p)
{
    free(p->dir);
    free(p->remote);
}
