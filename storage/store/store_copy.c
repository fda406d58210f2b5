/* SPDX-License-Identifier: MIT */
#include "storage/store/store_copy.h"

#include <ev.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ask.h"
#include "base/cleanup.h"
#include "base/proc.h"
#include "storage/store/store_records.h"
#include "storage/digest/tree.h"

#define STALL_S "120"
#define SILENT_S 180.0 /* a mover that says nothing at all hangs */
#define SPACE_S 10.0
#define SPACE_EVERY_S 1.0

struct disk_copy {
    char *source, *bitmap, *target, *tree;
};

/* A look at the scratch directory; it outlives the copy when that ends meanwhile. */
struct space_look {
    struct copier *copier; /* NULL: gone */
    struct op *op;
    struct store_space space;
};

struct copier {
    struct op op; /* first: a struct op * is a struct copier * */
    struct ev_loop *loop;
    struct op *child;
    bool canceled;
    char *mover;
    char *key; /* file of the key that the targets are encrypted with; NULL: they are not */
    VEC(struct disk_copy) disks;
    size_t next;
    char bandwidth[24];
    uint64_t done_before, total_before; /* of the disks that are done */
    uint64_t done_now, total_now;
    char *scratch;
    struct space_look *look; /* under way */
    double looked;
    uint64_t scratch_free;
    void (*progress)(void *ctx, uint64_t done, uint64_t total, uint64_t scratch);
    void *progress_ctx;
    op_done done;
    void *ctx;
};

static void copier_free(struct copier *c)
{
    for (size_t i = 0; i < c->disks.n; i++) {
        free(c->disks.items[i].source);
        free(c->disks.items[i].bitmap);
        free(c->disks.items[i].target);
        free(c->disks.items[i].tree);
    }
    free(c->disks.items);
    if (c->look) {
        c->look->copier = NULL;
        op_cancel(c->look->op);
    }
    free(c->scratch);
    free(c->mover);
    free(c->key);
    free(c);
}

static void copier_cancel(struct op *op)
{
    struct copier *c = (struct copier *)op;

    c->canceled = true;
    op_cancel(c->child);
}

/* ---- the scratch directory ---- */

static void tell(struct copier *c)
{
    if (c->progress)
        c->progress(c->progress_ctx, c->done_before + c->done_now, c->total_before + c->total_now,
                    c->scratch_free);
}

static void on_space(void *ctx, const struct err *err)
{
    struct space_look *look = ctx;
    struct copier *c = look->copier;
    uint64_t space = err ? UINT64_MAX : look->space.scratch;

    free(look);
    if (!c)
        return;
    c->look = NULL;
    c->scratch_free = space;
    tell(c);
}

static void look_at_scratch(struct copier *c)
{
    const struct store_request q = {.scratch_dir = c->scratch};
    struct err ignored = ERR_INIT;
    struct ask ask = {"space", &store_request_space, &store_answer_probe, &q, .timeout_s = SPACE_S};

    if (!c->scratch || c->look || ev_now(c->loop) - c->looked < SPACE_EVERY_S)
        return;
    c->looked = ev_now(c->loop);
    c->look = xcalloc(1, sizeof(*c->look));
    c->look->copier = c;
    ask.ret = &c->look->space;
    c->look->op = ask_start(c->loop, &ask, on_space, c->look, &ignored);
    if (!c->look->op)
        free(TAKE_PTR(c->look));
}

/* ---- the movers ---- */

/* {"done": N, "total": M} */
static void on_line(void *ctx, const char *line)
{
    struct copier *c = ctx;

    if (sscanf(line, " { \"done\" : %" SCNu64 " , \"total\" : %" SCNu64, &c->done_now,
               &c->total_now) != 2)
        return;
    tell(c);
    look_at_scratch(c);
}

static void on_child(void *ctx, const struct err *err);

static int start_next(struct copier *c, struct err *err)
{
    const struct disk_copy *disk = &c->disks.items[c->next++];
    const char *argv[16] = {c->mover,     "--source", disk->source, "--target",
                            disk->target, "--tree",   disk->tree,   "--bandwidth",
                            c->bandwidth, "--stall",  STALL_S};
    const struct proc_spec spec = {.argv = argv, .idle_timeout_s = SILENT_S, .line = on_line};

    size_t n = 11;

    if (disk->bitmap) {
        argv[n++] = "--bitmap";
        argv[n++] = disk->bitmap;
    }
    if (c->key) {
        argv[n++] = "--key";
        argv[n++] = c->key;
    }
    c->done_now = c->total_now = 0;
    c->child = proc_start(c->loop, &spec, NULL, on_child, c, err);
    return c->child ? 0 : -1;
}

static void on_child(void *ctx, const struct err *child_err)
{
    struct copier *c = ctx;
    op_done done = c->done;
    void *done_ctx = c->ctx;
    struct err err = child_err ? *child_err : ERR_INIT;

    c->child = NULL;
    c->done_before += c->done_now;
    c->total_before += c->total_now;
    if (!child_err && c->canceled)
        err_set(&err, ERR_CANCELED, "cancelled");
    if (err.code == ERR_NONE && c->next < c->disks.n && start_next(c, &err) == 0)
        return;
    copier_free(c);
    done(done_ctx, err.code == ERR_NONE ? NULL : &err);
}

struct op *store_copy_start(struct ev_loop *loop, const char *path, const char *key,
                            const struct store_copy *copy, op_done done, void *ctx, struct err *err)
{
    struct copier *c = xcalloc(1, sizeof(*c));

    c->op.cancel = copier_cancel;
    c->loop = loop;
    c->mover = proc_program_path("vmkeep-mover");
    c->key = xstrdup(key);
    c->scratch = xstrdup(copy->scratch);
    c->scratch_free = UINT64_MAX;
    c->progress = copy->progress;
    c->progress_ctx = copy->progress_ctx;
    c->done = done;
    c->ctx = ctx;
    snprintf(c->bandwidth, sizeof(c->bandwidth), "%" PRIu64, copy->bandwidth);
    for (size_t i = 0; i < copy->plan->disks.n; i++) {
        struct disk_copy *disk = VEC_ADD(&c->disks);
        CLEANUP_FREE char *tree = tree_file_name(copy->plan->disks.items[i].path);

        disk->source = xstrdup(copy->sources[i]);
        disk->bitmap = xstrdup(copy->bitmaps[i]);
        disk->target =
            repository_image(path, copy->plan->id, copy->plan->disks.items[i].path, true);
        disk->tree = repository_image(path, copy->plan->id, tree, true);
    }
    if (start_next(c, err) == 0)
        return &c->op;
    copier_free(c);
    return NULL;
}
