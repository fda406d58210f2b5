/* SPDX-License-Identifier: MIT
 *
 * Each operation is one request to vmkeep-store (base/ask.h), which does what the function of
 * storage/repository/repository.h does.  What the caller lends for the start is in the request.
 */
#include "storage/store/store.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/ask.h"
#include "storage/store/store_copy.h"
#include "storage/store/store_records.h"

#define SHORT_S 60.0
#define EXAMINE_S 300.0
#define PREPARE_S 120.0
#define REMOVE_S 3600.0
#define PUBLISH_IDLE_S 600.0

struct disk_store {
    struct store store;
    struct ev_loop *loop;
    char *path;
    struct owner self;
};

static const char *path_of(const struct store *s)
{
    return ((const struct disk_store *)s)->path;
}

/* What is said of the repository with every request; who we are, where something is changed. */
static struct store_request about(const struct store *s)
{
    const struct disk_store *d = (const struct disk_store *)s;

    return (struct store_request){.repository = d->path,
                                  .id = *s->id ? s->id : NULL,
                                  .secret = s->secret,
                                  .key = s->key,
                                  .self = &d->self,
                                  .now = (int64_t)ev_now(d->loop)};
}

static struct op *start(const struct store *s, const struct ask *ask, op_done done, void *ctx,
                        struct err *err)
{
    return ask_start(((const struct disk_store *)s)->loop, ask, done, ctx, err);
}

/* ---- the operations ---- */

static struct op *probe(struct store *s, bool may_begin, const char *scratch,
                        struct store_space *ret, op_done done, void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"probe", &store_request_probe, &store_answer_probe, &q,
                            ret,     .timeout_s = SHORT_S};

    q.may_begin = may_begin;
    q.scratch_dir = scratch;
    return start(s, &ask, done, ctx, err);
}

static struct op *survey(struct store *s, const struct survey_scope *scope, struct survey *ret,
                         op_done done, void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"survey", &store_request_survey,    &store_answer_survey, &q,
                            ret,      .idle_timeout_s = SHORT_S};

    q.scope = scope;
    return start(s, &ask, done, ctx, err);
}

static struct op *examine(struct store *s, const struct unknown_asker *asker,
                          const struct strlist *ids, struct unknown *ret, op_done done, void *ctx,
                          struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"examine", &store_request_examine, &store_answer_examine, &q,
                            ret,       .timeout_s = EXAMINE_S};

    q.asker = asker;
    q.points = ids;
    return start(s, &ask, done, ctx, err);
}

static struct op *keep_catalog(struct store *s, const struct store_catalog *catalog, op_done done,
                               void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"keep-catalog", &store_request_keep_catalog, NULL, &q,
                            NULL,           .timeout_s = SHORT_S};

    q.catalog = catalog;
    return start(s, &ask, done, ctx, err);
}

static struct op *check_chain(struct store *s, const char *point_id, op_done done, void *ctx,
                              struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"check-chain", &store_request_check_chain, NULL, &q,
                            NULL,          .timeout_s = SHORT_S};

    q.point = point_id;
    return start(s, &ask, done, ctx, err);
}

static struct op *prepare(struct store *s, const struct point *plan,
                          const struct point_origin *origin, const struct store_scratch *scratch,
                          op_done done, void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"prepare", &store_request_prepare, NULL, &q,
                            NULL,      .timeout_s = PREPARE_S};

    q.plan = plan;
    q.origin = origin;
    q.scratch = scratch;
    return start(s, &ask, done, ctx, err);
}

static struct op *publish(struct store *s, const struct point *plan,
                          const struct store_scratch *scratch, const struct store_finish *finish,
                          struct point *ret, op_done done, void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"publish", &store_request_publish,          &store_answer_publish, &q,
                            ret,       .idle_timeout_s = PUBLISH_IDLE_S};

    q.plan = plan;
    q.scratch = scratch;
    q.compress = finish->compress;
    q.reserve = finish->reserve;
    return start(s, &ask, done, ctx, err);
}

static struct op *discard(struct store *s, const struct point *plan, enum point_made made,
                          const struct store_scratch *scratch, op_done done, void *ctx,
                          struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"discard", &store_request_discard, NULL, &q,
                            NULL,      .timeout_s = REMOVE_S};

    q.plan = plan;
    q.made = made;
    q.scratch = scratch;
    return start(s, &ask, done, ctx, err);
}

static struct op *remove_point(struct store *s, const char *point_id, op_done done, void *ctx,
                               struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"remove", &store_request_remove, NULL, &q, NULL, .timeout_s = REMOVE_S};

    q.point = point_id;
    return start(s, &ask, done, ctx, err);
}

static struct op *pin_point(struct store *s, const char *point_id, const struct point_pin *pin,
                            op_done done, void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct ask ask = {"pin", &store_request_pin, NULL, &q, NULL, .timeout_s = SHORT_S};

    q.point = point_id;
    q.pin = pin->since ? pin : NULL;
    return start(s, &ask, done, ctx, err);
}

/* What is told of while it goes on. */
struct watched {
    struct op op; /* first: a struct op * is a struct watched * */
    struct op *child;
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
    op_done done;
    void *ctx;
};

static void watched_cancel(struct op *op)
{
    op_cancel(((struct watched *)op)->child);
}

static void on_event(void *ctx, const json_t *event)
{
    const struct watched *m = ctx;
    json_int_t done = 0, total = 0;

    if (m->progress &&
        json_unpack((json_t *)event, "{s:I, s:I}", "done", &done, "total", &total) == 0 &&
        done >= 0 && total >= 0)
        m->progress(m->progress_ctx, (uint64_t)done, (uint64_t)total);
}

static void on_watched(void *ctx, const struct err *err)
{
    struct watched *m = ctx;
    op_done done = m->done;
    void *done_ctx = m->ctx;

    free(m);
    done(done_ctx, err);
}

/* ask: all but its events and its limit. */
static struct op *start_watched(struct store *s, struct ask ask, const struct watched *how,
                                struct err *err)
{
    struct watched *m = xcalloc(1, sizeof(*m));

    *m = *how;
    m->op.cancel = watched_cancel;
    ask.idle_timeout_s = PUBLISH_IDLE_S;
    ask.event = on_event;
    ask.event_ctx = m;
    m->child = start(s, &ask, on_watched, m, err);
    if (m->child)
        return &m->op;
    free(m);
    return NULL;
}

static struct op *merge(struct store *s, const struct store_merge *what, struct point *ret,
                        op_done done, void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct watched how = {
        .progress = what->progress, .progress_ctx = what->progress_ctx, .done = done, .ctx = ctx};
    const struct ask ask = {.what = "merge",
                            .request = &store_request_merge,
                            .answer = &store_answer_publish,
                            .value = &q,
                            .ret = ret};

    q.point = what->point;
    q.into = what->into;
    q.reserve = what->reserve;
    q.into_reserve = what->into_reserve;
    return start_watched(s, ask, &how, err);
}

static struct op *prove(struct store *s, const struct store_proof *what, struct proof *ret,
                        op_done done, void *ctx, struct err *err)
{
    struct store_request q = about(s);
    const struct watched how = {
        .progress = what->progress, .progress_ctx = what->progress_ctx, .done = done, .ctx = ctx};
    const struct ask ask = {.what = "prove",
                            .request = &store_request_prove,
                            .answer = &store_answer_prove,
                            .value = &q,
                            .ret = ret};

    q.point = what->point;
    q.disk = what->disk;
    q.sample = what->sample;
    q.bandwidth = what->bandwidth;
    return start_watched(s, ask, &how, err);
}

static struct op *bring(struct store *s, const struct store_bring *what, op_done done, void *ctx,
                        struct err *err)
{
    struct store_request q = about(s);
    const struct watched how = {
        .progress = what->progress, .progress_ctx = what->progress_ctx, .done = done, .ctx = ctx};
    const struct ask ask = {.what = "bring", .request = &store_request_bring, .value = &q};

    q.plan = what->plan;
    q.from = path_of(what->from);
    q.from_id = *what->from->id ? what->from->id : NULL;
    q.from_secret = what->from->secret;
    q.from_key = what->from->key;
    q.bandwidth = what->bandwidth;
    q.reserve = what->reserve;
    return start_watched(s, ask, &how, err);
}

/* ---- the store ---- */

static char *target(struct store *s, const struct point *plan, size_t disk)
{
    return repository_image(path_of(s), plan->id, plan->disks.items[disk].path, true);
}

static struct op *copy(struct store *s, const struct store_copy *what, op_done done, void *ctx,
                       struct err *err)
{
    const struct disk_store *d = (struct disk_store *)s;

    return store_copy_start(d->loop, d->path, s->key, what, done, ctx, err);
}

static void store_free(struct store *s)
{
    struct disk_store *d = (struct disk_store *)s;

    owner_done(&d->self);
    free(d->path);
    free(d);
}

struct store *store_new(struct ev_loop *loop, const char *path, const struct owner *self)
{
    static const struct store_ops ops = {
        .probe = probe,
        .survey = survey,
        .examine = examine,
        .keep_catalog = keep_catalog,
        .check_chain = check_chain,
        .prepare = prepare,
        .copy = copy,
        .publish = publish,
        .discard = discard,
        .remove = remove_point,
        .pin = pin_point,
        .merge = merge,
        .prove = prove,
        .bring = bring,
        .target = target,
        .free = store_free,
    };
    struct disk_store *d = xcalloc(1, sizeof(*d));

    d->store.ops = &ops;
    d->loop = loop;
    d->path = xstrdup(path);
    owner_copy(&d->self, self);
    return &d->store;
}
