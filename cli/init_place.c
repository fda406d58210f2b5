/* SPDX-License-Identifier: MIT
 *
 * Where the repository goes.
 */
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/init_found.h"
#include "cli/store_ask.h"
#include "storage/store/scratch.h"
#include "storage/store/store_records.h"

#define PLACE_DEFAULT "/srv/backup"
#define LIBVIRT_DIR "/var/lib/libvirt"
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

/* Of a directory that is there: may a repository begin in it? */
static void judge(struct init_place *p)
{
    struct store_space space = {0};
    struct err err = ERR_INIT;

    p->is_repository = store_ask_probe(p->dir, NULL, &space, &err) == 0;
    if (!p->is_repository && err.code == ERR_INVALID)
        p->problem =
            xasprintf("%s: holds other files and is no repository; name an empty directory, "
                      "or one that is to be made: --repository %s/vmkeep",
                      p->dir, p->dir);
}

/* Guests' images, which libvirt's pools list, are no neighbours for points. */
static bool is_libvirts(const char *dir)
{
    size_t len = strlen(LIBVIRT_DIR);

    return strncmp(dir, LIBVIRT_DIR, len) == 0 && (dir[len] == '\0' || dir[len] == '/');
}

/* What could be had there; whatever hangs keeps a process of its own.  False: nothing can be
 * written there. */
static bool look(const char *dir, struct init_place *ret)
{
    CLEANUP(scratch_look_done) struct scratch_look there = {0};
    const struct store_request q = {.scratch_dir = dir};
    const struct ask ask = {"scratch-look", &store_request_scratch, &store_answer_scratch, &q,
                            &there,         .timeout_s = 0};
    struct err err = ERR_INIT;

    if (store_ask(&ask, dir, LOOK_S, &err) < 0 || there.problem || str_eq(there.unfit, "tmpfs"))
        return false;
    ret->dir = xstrdup(dir);
    ret->is_there = strcmp(there.there, dir) == 0;
    if (ret->is_there)
        judge(ret);
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
    if (p.problem || is_libvirts(dir)) {
        init_place_done(&p);
        return;
    }
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

static void take(const char *dir, struct init_place *ret)
{
    struct stat st;

    if (!look(dir, ret))
        ret->dir = xstrdup(dir);
    if (ret->problem)
        return;
    if (!ret->is_repository && is_libvirts(dir))
        ret->problem = xasprintf("%s: is libvirt's, for images of guests; name another directory, "
                                 "best on another disk: --repository DIR",
                                 dir);
    else if (!ret->is_there && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
        ret->problem = xasprintf("%s: is no directory; name one, or one that is to be made: "
                                 "--repository DIR",
                                 dir);
}

void init_find_place(const char *place, struct init_place *ret)
{
    if (place) {
        CLEANUP_FREE char *dir = path_absolute(place);

        take(dir, ret);
        return;
    }
    offer(ret, PLACE_DEFAULT);
    offer_mounted(ret);
    if (!ret->dir)
        take(PLACE_DEFAULT, ret);
}

void init_place_done(struct init_place *p)
{
    free(p->dir);
    free(p->problem);
    free(p->remote);
}
