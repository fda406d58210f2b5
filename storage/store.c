/* SPDX-License-Identifier: MIT
 *
 * Each operation is a child process that calls the function of storage/repository.h and writes what
 * it found to its standard output.  The child is forked with all it needs in memory, so what the
 * caller lends for the start is enough.  An empty line is a sign of life; it resets the idle limit.
 */
#include "storage/store.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "storage/catalog_copies.h"
#include "storage/manifest.h"
#include "storage/scratch.h"
#include "storage/store_copy.h"

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

/* What the child is to do; lives until the fork. */
struct task {
    const char *path, *point_id;
    struct repository_access access;
    bool may_begin;
    const struct survey_scope *scope;
    enum point_made made;
    const struct unknown_asker *asker;
    const struct strlist *ids;
    const struct store_catalog *catalog;
    const struct point *plan;
    const struct point_origin *origin;
    const struct store_scratch *scratch;
};

/* One operation under way, in the parent. */
struct request {
    struct op op; /* first: a struct op * is a struct request * */
    struct op *child;
    struct strlist lines;
    int (*result)(struct request *r, struct err *err); /* reads lines; NULL: nothing to read */
    void *ret;
    op_done done;
    void *ctx;
};

static void request_cancel(struct op *op)
{
    op_cancel(((struct request *)op)->child);
}

static void request_free(struct request *r)
{
    strlist_done(&r->lines);
    free(r);
}

static void on_line(void *ctx, const char *line)
{
    struct request *r = ctx;

    if (*line)
        strlist_add(&r->lines, line);
}

static void on_child(void *ctx, const struct err *child_err)
{
    struct request *r = ctx;
    op_done done = r->done;
    void *done_ctx = r->ctx;
    struct err err = ERR_INIT;

    if (child_err)
        err = *child_err;
    else if (r->result)
        r->result(r, &err);
    request_free(r);
    done(done_ctx, err.code == ERR_NONE ? NULL : &err);
}

static struct op *start(struct store *s, struct proc_spec spec,
                        int (*result)(struct request *, struct err *), void *ret, op_done done,
                        void *ctx, struct err *err)
{
    struct request *r = xcalloc(1, sizeof(*r));

    *r = (struct request){
        .op.cancel = request_cancel, .result = result, .ret = ret, .done = done, .ctx = ctx};
    spec.line = on_line;
    r->child = proc_start(((struct disk_store *)s)->loop, &spec, NULL, on_child, r, err);
    if (!r->child) {
        request_free(r);
        return NULL;
    }
    return &r->op;
}

static const char *path_of(const struct store *s)
{
    return ((const struct disk_store *)s)->path;
}

static struct repository_access access_of(const struct store *s)
{
    const struct disk_store *d = (const struct disk_store *)s;

    return (struct repository_access){
        .id = *s->id ? s->id : NULL, .self = &d->self, .now = (int64_t)ev_now(d->loop)};
}

/* ---- probe ---- */

static int run_probe(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;
    char id[REPOSITORY_ID_MAX];
    uint64_t avail, total;

    if (repository_identify(t->path, t->access.id, t->may_begin, id, err) < 0 ||
        repository_space(t->path, &avail, &total, err) < 0)
        return -1;
    fprintf(out, "%llu %llu %s\n", (unsigned long long)avail, (unsigned long long)total, id);
    return 0;
}

static int result_probe(struct request *r, struct err *err)
{
    struct store_space *ret = r->ret;
    unsigned long long avail, total;
    int at = 0;

    if (r->lines.n != 1 || sscanf(r->lines.items[0], "%llu %llu %n", &avail, &total, &at) != 2 ||
        strlen(r->lines.items[0] + at) >= sizeof(ret->id))
        return err_set(err, ERR_INTERNAL, "no answer about the space");
    *ret = (struct store_space){.free = avail, .total = total};
    strcpy(ret->id, r->lines.items[0] + at);
    return 0;
}

static struct op *probe(struct store *s, bool may_begin, struct store_space *ret, op_done done,
                        void *ctx, struct err *err)
{
    struct task t = {.path = path_of(s), .access = access_of(s), .may_begin = may_begin};

    return start(s, (struct proc_spec){.run = run_probe, .arg = &t, .timeout_s = SHORT_S},
                 result_probe, ret, done, ctx, err);
}

/* ---- survey ---- */

static int run_survey(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;
    CLEANUP(survey_done) struct survey s = {0};

    if (repository_identify(t->path, t->access.id, false, NULL, err) < 0 ||
        repository_survey(t->path, t->scope, out, &s, err) < 0)
        return -1;
    survey_write(&s, out);
    return 0;
}

static int result_survey(struct request *r, struct err *err)
{
    CLEANUP(survey_done) struct survey s = {0};
    struct survey *ret = r->ret;

    for (size_t i = 0; i < r->lines.n; i++)
        if (survey_read_line(&s, r->lines.items[i], err) < 0)
            return -1;
    *ret = s;
    s = (struct survey){0};
    return 0;
}

static struct op *survey(struct store *s, const struct survey_scope *scope, struct survey *ret,
                         op_done done, void *ctx, struct err *err)
{
    struct task t = {.path = path_of(s), .access = access_of(s), .scope = scope};

    return start(s, (struct proc_spec){.run = run_survey, .arg = &t, .idle_timeout_s = SHORT_S},
                 result_survey, ret, done, ctx, err);
}

/* ---- examine ---- */

static int run_examine(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;
    CLEANUP(unknown_done) struct unknown u = {0};

    if (repository_identify(t->path, t->access.id, false, NULL, err) < 0 ||
        unknown_examine(t->path, t->asker, t->ids, &u, err) < 0)
        return -1;
    unknown_write(&u, out);
    return 0;
}

static int result_examine(struct request *r, struct err *err)
{
    CLEANUP(unknown_done) struct unknown u = {0};
    struct unknown *ret = r->ret;

    for (size_t i = 0; i < r->lines.n; i++)
        if (unknown_read_line(&u, r->lines.items[i], err) < 0)
            return -1;
    *ret = u;
    u = (struct unknown){0};
    return 0;
}

static struct op *examine(struct store *s, const struct unknown_asker *asker,
                          const struct strlist *ids, struct unknown *ret, op_done done, void *ctx,
                          struct err *err)
{
    struct task t = {.path = path_of(s), .access = access_of(s), .asker = asker, .ids = ids};

    return start(s, (struct proc_spec){.run = run_examine, .arg = &t, .timeout_s = EXAMINE_S},
                 result_examine, ret, done, ctx, err);
}

/* ---- those that answer with success or an error alone ---- */

/* Only where a repository is: not on the empty directory of a disk that is not mounted. */
static int run_keep_catalog(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;

    (void)out;
    if (repository_identify(t->path, t->access.id, false, NULL, err) < 0)
        return -1;
    return catalog_copies_put(t->path, t->catalog->copy, t->catalog->id, t->catalog->last_job, err);
}

static struct op *keep_catalog(struct store *s, const struct store_catalog *catalog, op_done done,
                               void *ctx, struct err *err)
{
    struct task t = {.path = path_of(s), .access = access_of(s), .catalog = catalog};

    return start(s, (struct proc_spec){.run = run_keep_catalog, .arg = &t, .timeout_s = SHORT_S},
                 NULL, NULL, done, ctx, err);
}

static int run_check_chain(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;

    (void)out;
    if (repository_identify(t->path, t->access.id, false, NULL, err) < 0)
        return -1;
    return repository_check_chain(t->path, t->point_id, err);
}

static struct op *check_chain(struct store *s, const char *point_id, op_done done, void *ctx,
                              struct err *err)
{
    struct task t = {.path = path_of(s), .access = access_of(s), .point_id = point_id};

    return start(s, (struct proc_spec){.run = run_check_chain, .arg = &t, .timeout_s = SHORT_S},
                 NULL, NULL, done, ctx, err);
}

static int check_scratch(const struct store_scratch *s, struct err *err)
{
    const struct place_wish wish = {USE_DIRECTORY, "scratch directory", NULL, s->dir};

    return s->dir && s->owned ? places_check(s->owned, &wish, 1, err) : 0;
}

static int run_prepare(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;
    struct err ignored = ERR_INIT;

    (void)out;
    if (check_scratch(t->scratch, err) < 0)
        return -1;
    if (t->scratch->dir)
        scratch_prepare(t->scratch->dir, t->scratch->tag, t->origin ? t->origin->uid : geteuid(),
                        t->origin ? t->origin->gid : getegid(), &ignored);
    return repository_prepare(t->path, &t->access, t->plan, t->origin, err);
}

static struct op *prepare(struct store *s, const struct point *plan,
                          const struct point_origin *origin, const struct store_scratch *scratch,
                          op_done done, void *ctx, struct err *err)
{
    struct task t = {.path = path_of(s),
                     .access = access_of(s),
                     .plan = plan,
                     .origin = origin,
                     .scratch = scratch};

    return start(s, (struct proc_spec){.run = run_prepare, .arg = &t, .timeout_s = PREPARE_S}, NULL,
                 NULL, done, ctx, err);
}

/* What cannot be removed now goes at the next start. */
static void remove_scratch(const struct task *t)
{
    struct err ignored = ERR_INIT;

    if (t->scratch->dir)
        scratch_discard(t->scratch->dir, t->scratch->tag, &ignored);
}

static int run_discard(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;

    (void)out;
    remove_scratch(t);
    return repository_discard(t->path, &t->access, t->plan, t->made, err);
}

static struct op *discard(struct store *s, const struct point *plan, enum point_made made,
                          const struct store_scratch *scratch, op_done done, void *ctx,
                          struct err *err)
{
    struct task t = {
        .path = path_of(s), .access = access_of(s), .plan = plan, .made = made, .scratch = scratch};

    return start(s, (struct proc_spec){.run = run_discard, .arg = &t, .timeout_s = REMOVE_S}, NULL,
                 NULL, done, ctx, err);
}

static int run_remove(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;

    (void)out;
    return repository_remove(t->path, &t->access, t->point_id, err);
}

static struct op *remove_point(struct store *s, const char *point_id, op_done done, void *ctx,
                               struct err *err)
{
    struct task t = {.path = path_of(s), .access = access_of(s), .point_id = point_id};

    return start(s, (struct proc_spec){.run = run_remove, .arg = &t, .timeout_s = REMOVE_S}, NULL,
                 NULL, done, ctx, err);
}

/* ---- those that answer with a point: its manifest ---- */

static void print_point(FILE *out, const struct point *p)
{
    CLEANUP_FREE char *text = manifest_write(p);

    fprintf(out, "%s\n", text);
}

static int read_point(const struct request *r, struct point *ret, struct err *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t len = 0, size = 1;

    for (size_t i = 0; i < r->lines.n; i++)
        size += strlen(r->lines.items[i]) + 1;
    text = xcalloc(size, 1);
    for (size_t i = 0; i < r->lines.n; i++)
        len += (size_t)sprintf(text + len, "%s\n", r->lines.items[i]);
    return manifest_read(text, len, "the manifest", ret, err);
}

static int run_publish(void *arg, FILE *out, struct err *err)
{
    const struct task *t = arg;
    CLEANUP(point_done) struct point p = {0};

    if (repository_publish(t->path, &t->access, t->plan, out, &p, err) < 0)
        return -1;
    remove_scratch(t);
    print_point(out, &p);
    return 0;
}

static int result_publish(struct request *r, struct err *err)
{
    return read_point(r, r->ret, err);
}

static struct op *publish(struct store *s, const struct point *plan,
                          const struct store_scratch *scratch, struct point *ret, op_done done,
                          void *ctx, struct err *err)
{
    struct task t = {.path = path_of(s), .access = access_of(s), .plan = plan, .scratch = scratch};

    return start(
        s, (struct proc_spec){.run = run_publish, .arg = &t, .idle_timeout_s = PUBLISH_IDLE_S},
        result_publish, ret, done, ctx, err);
}

/* ---- the store ---- */

static char *target(struct store *s, const struct point *plan, size_t disk)
{
    return repository_image(path_of(s), plan->id, plan->disks.items[disk].path, true);
}

static struct op *copy(struct store *s, const struct store_copy *what, op_done done, void *ctx,
                       struct err *err)
{
    return store_copy_start(((struct disk_store *)s)->loop, path_of(s), what, done, ctx, err);
}

static uint64_t scratch_free(struct store *s, const char *dir)
{
    struct err ignored = ERR_INIT;
    uint64_t avail, total;

    (void)s;
    return repository_space(dir, &avail, &total, &ignored) < 0 ? UINT64_MAX : avail;
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
        .scratch_free = scratch_free,
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
