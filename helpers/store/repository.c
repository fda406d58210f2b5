/* SPDX-License-Identifier: MIT
 *
 * Repositories and the restore points in them: what storage/store/store.c asks for.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "helpers/store/service.h"
#include "helpers/store/tell.h"
#include "storage/repository/bring.h"
#include "storage/repository/catalog_copies.h"
#include "storage/repository/key_mark.h"
#include "storage/merge/merge.h"
#include "storage/repository/pin.h"
#include "storage/verify/proof.h"
#include "storage/store/scratch.h"
#include "storage/store/store_records.h"

#define IDLE_NICE 19
/* ioprio_set(2), which glibc does not know. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE (3 << 13)

/* Before any image is opened. */
static void take_keys(const struct store_request *q)
{
    if (q->key)
        keys_add(q->repository, q->secret, q->key);
    if (q->from_key)
        keys_add(q->from, q->from_secret, q->from_key);
}

static int identify(const struct store_request *q, bool may_begin, struct err *err)
{
    tell_at(q->repository);
    take_keys(q);
    return repository_identify(q->repository, q->id, may_begin, NULL, err);
}

static struct repository_access access_of(const struct store_request *q)
{
    struct owner *self = (struct owner *)q->self;

    if (!self->machine_id)
        self->machine_id = xstrdup("");
    tell_at(q->repository);
    take_keys(q);
    return (struct repository_access){.id = q->id, .self = q->self, .now = q->now};
}

/* The directory may not be there yet: then where it is going to be made. */
static uint64_t scratch_space(const char *dir)
{
    CLEANUP_FREE char *at = dir ? xstrdup(dir) : NULL;
    struct err err = ERR_INIT;
    uint64_t avail, total;

    if (!dir)
        return UINT64_MAX;
    tell_at(dir);
    while (repository_space(at, &avail, &total, &err) < 0) {
        char *slash = strrchr(at, '/');

        if (err.code != ERR_NOTFOUND || !slash || slash == at)
            return UINT64_MAX;
        *slash = '\0';
    }
    return avail;
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int probe(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    struct store_space *ret = answer;
    const char *remote;

    tell_at(q->repository);
    if (repository_identify(q->repository, q->id, q->may_begin, ret->id, err) < 0 &&
        (!q->may_be_empty || err->code != ERR_NOTFOUND || !is_directory(q->repository)))
        return -1;
    take_keys(q);
    if (key_mark_check(q->repository, false, err) < 0)
        return -1;
    if (repository_space(q->repository, &ret->free, &ret->total, err) < 0)
        return -1;
    ret->read_only = repository_is_read_only(q->repository);
    remote = path_remote(q->repository);
    snprintf(ret->remote, sizeof(ret->remote), "%s", remote ? remote : "");
    ret->scratch = scratch_space(q->scratch_dir);
    return 0;
}

static int space(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;

    (void)err;
    ((struct store_space *)answer)->scratch = scratch_space(q->scratch_dir);
    return 0;
}

static int survey(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;

    if (!q->scope->host != !q->scope->domain)
        return err_set(err, ERR_INVALID, "scope: both host and domain, or none");
    return identify(q, false, err) < 0
               ? -1
               : repository_survey(q->repository, q->scope, tell_at, answer, err);
}

static int examine(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;

    return identify(q, false, err) < 0
               ? -1
               : unknown_examine(q->repository, q->asker, q->points, answer, err);
}

/* Only where a repository is: not on the empty directory of a disk that is not mounted. */
static int keep_catalog(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    const struct store_catalog *c = q->catalog;

    (void)answer;
    return identify(q, false, err) < 0
               ? -1
               : catalog_copies_put(q->repository, c->copy, c->id, c->last_job, err);
}

static int check_chain(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;

    (void)answer;
    if (identify(q, false, err) < 0 || repository_check_chain(q->repository, q->point, err) < 0)
        return -1;
    return repository_check_encrypted(q->repository, q->point, err);
}

static int check_scratch(const struct store_scratch *s, struct err *err)
{
    const struct place_wish wish = {USE_DIRECTORY, "scratch directory", NULL, s->dir};

    return s->owned ? places_check(s->owned, &wish, 1, err) : 0;
}

static bool has_scratch(const struct store_request *q)
{
    return q->scratch && q->scratch->dir && q->scratch->tag;
}

static int prepare(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    const struct point_origin *origin = q->origin;
    struct repository_access access;
    struct err ignored = ERR_INIT;

    (void)answer;
    if (has_scratch(q)) {
        tell_at(q->scratch->dir);
        if (check_scratch(q->scratch, err) < 0)
            return -1;
        scratch_prepare(q->scratch->dir, q->scratch->tag, origin ? origin->uid : geteuid(),
                        origin ? origin->gid : getegid(), &ignored);
    }
    access = access_of(q);
    return repository_prepare(q->repository, &access, q->plan, origin, err);
}

/* What cannot be removed now goes at the next start. */
static void remove_scratch(const struct store_request *q)
{
    struct err ignored = ERR_INIT;

    if (!has_scratch(q))
        return;
    tell_at(q->scratch->dir);
    scratch_discard(q->scratch->dir, q->scratch->tag, &ignored);
}

static int publish(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    const struct repository_access access = access_of(q);
    const struct publication how = {tell_at, q->compress, q->reserve};

    proc_give_way();
    if (repository_publish(q->repository, &access, q->plan, &how, answer, err) < 0)
        return -1;
    remove_scratch(q);
    return 0;
}

static int discard(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    struct repository_access access;

    (void)answer;
    remove_scratch(q);
    access = access_of(q);
    return repository_discard(q->repository, &access, q->plan, q->made, err);
}

static int remove_point(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    const struct repository_access access = access_of(q);

    (void)answer;
    return repository_remove(q->repository, &access, q->point, err);
}

static int pin_point(const void *request, void *answer, struct err *err)
{
    static const struct point_pin none = {0};
    const struct store_request *q = request;
    const struct repository_access access = access_of(q);

    (void)answer;
    return repository_pin(q->repository, &access, q->point, q->pin ? q->pin : &none, err);
}

/* What nobody waits for takes what others leave, its children too. */
static void be_idle(void)
{
    if (setpriority(PRIO_PROCESS, 0, IDLE_NICE) < 0 ||
        syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE) < 0)
        return; /* it is slower for others, and right all the same */
}

static int merge(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    const struct repository_access access = access_of(q);
    const struct merge_request r = {.point = q->point,
                                    .into = q->into,
                                    .reserve = q->reserve,
                                    .into_reserve = q->into_reserve,
                                    .progress = tell_progress};

    be_idle();
    /* With a wrong key it would begin, and not end. */
    if (key_mark_check(q->repository, false, err) < 0)
        return -1;
    return repository_merge(q->repository, &access, &r, answer, err);
}

static bool on_proof(void *ctx, const char *disk, uint64_t done, uint64_t total)
{
    (void)disk;
    tell_progress(ctx, done, total);
    return true;
}

static int prove(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    CLEANUP(strlist_done) struct strlist disks = {0}, tables = {0};
    const struct proof_request r = {.path = q->repository,
                                    .point_id = q->point,
                                    .disks = &disks,
                                    .sample = q->sample,
                                    .bandwidth = q->bandwidth,
                                    .tables = &tables,
                                    .progress = on_proof};

    be_idle();
    strlist_add(&disks, q->disk);
    if (identify(q, false, err) < 0 || proof_take(&r, answer, err) < 0)
        return -1;
    if (((struct proof *)answer)->state == PROOF_WHOLE && ((struct proof *)answer)->disks.n == 0)
        return err_set(err, ERR_NOTFOUND, "%s: has no disk %s", q->point, q->disk);
    return 0;
}

static int bring(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;
    const struct bring_request r = {.path = q->repository,
                                    .plan = q->plan,
                                    .from = q->from,
                                    .bandwidth = q->bandwidth,
                                    .reserve = q->reserve,
                                    .progress = tell_progress};

    (void)answer;
    be_idle();
    tell_at(q->from);
    if (repository_identify(q->from, q->from_id, false, NULL, err) < 0)
        return -1;
    return identify(q, false, err) < 0 ? -1 : repository_bring(&r, err);
}

static int view(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;

    tell_at(q->repository);
    return repository_view(q->repository, answer, err);
}

static int look_at_scratch(const void *request, void *answer, struct err *err)
{
    const struct store_request *q = request;

    tell_at(q->scratch_dir);
    return scratch_look(q->scratch_dir, answer, err);
}

const struct service repository_services[] = {
    {"probe", "which repository is there, and how much room", &store_request_probe,
     &store_answer_probe, probe},
    {"space", "how much room is in a scratch directory", &store_request_space, &store_answer_probe,
     space},
    {"view", "whose the directories of a repository are, and all its points", &store_request_view,
     &store_answer_view, view},
    {"scratch-look", "try whether scratch space can be made", &store_request_scratch,
     &store_answer_scratch, look_at_scratch},
    {"survey", "which of the known points are whole, and what else lies there",
     &store_request_survey, &store_answer_survey, survey},
    {"examine", "whose the points are that nobody knows", &store_request_examine,
     &store_answer_examine, examine},
    {"keep-catalog", "put a copy of a catalog into a repository", &store_request_keep_catalog, NULL,
     keep_catalog},
    {"check-chain", "is a point there, with all that it stands on", &store_request_check_chain,
     NULL, check_chain},
    {"prepare", "make a point's directory, with empty images", &store_request_prepare, NULL,
     prepare},
    {"publish", "sync and digest the images; then it is a point", &store_request_publish,
     &store_answer_publish, publish},
    {"discard", "undo what a job has made of its plan", &store_request_discard, NULL, discard},
    {"remove", "remove a point", &store_request_remove, NULL, remove_point},
    {"pin", "pin a point, or take its pin", &store_request_pin, NULL, pin_point},
    {"merge", "merge a point into the one that stands on it", &store_request_merge,
     &store_answer_publish, merge},
    {"prove", "read a disk of a point, or a sample of it", &store_request_prove,
     &store_answer_prove, prove},
    {"bring", "fill the images of a copy from another repository", &store_request_bring, NULL,
     bring},
};
const size_t n_repository_services = ARRAY_LEN(repository_services);
