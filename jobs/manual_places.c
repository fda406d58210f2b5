/* SPDX-License-Identifier: MIT
 *
 * The places of a backup begun by hand: targets, scratch files, the socket.  Children look at them,
 * make them and remove them, for a file system that hangs must not stop the daemon.
 *
 *   checking   whose is it?  Nothing is made, and there is no row yet.
 *   placing    the files are made, empty, without their names (made.h), and it is written down
 *              which they are.
 *   naming     they get their names, each only if nothing is there; then the hypervisor may write
 *              to them.
 *   clearing   what is still what was made goes.
 *
 * Of the socket only its path is made sure of: the hypervisor makes it, and removes what is there.
 */
#include "jobs/manual_run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/proc.h"
#include "storage/catalog_made.h"
#include "storage/scratch.h"

#define CHECK_S 120.0
#define MAKE_S 60.0
#define CLEAR_S 60.0

struct wishes {
    struct place_wish *items;
    size_t n, cap;
};

/* What a child is to do; lives until the fork. */
struct places {
    struct owned_list owned;
    struct wishes wishes;
    const struct made_list *made;
    const char *scratch, *tag; /* scratch NULL: none */
    uid_t uid;
    gid_t gid;
    bool targets;
};

static bool has_socket(const struct backup_request *q)
{
    return q->mode == MODE_PULL && q->server.transport == TRANSPORT_UNIX;
}

static enum place_use use_of(const struct backup_request *q, const struct backup_place *p)
{
    if (p->type == PLACE_BLOCK)
        return USE_DEVICE;
    return q->reuse_external ? USE_THERE : USE_NEW;
}

static void list_wishes(const struct job_run *r, struct wishes *ret)
{
    const struct backup_request *q = &r->document->request;

    for (size_t i = 0; i < q->n_disks; i++)
        if (q->disks[i].place.path)
            *VEC_ADD(ret) = (struct place_wish){use_of(q, &q->disks[i].place),
                                                q->mode == MODE_PUSH ? "target" : "scratch",
                                                q->disks[i].name, q->disks[i].place.path};
    if (has_socket(q))
        *VEC_ADD(ret) = (struct place_wish){USE_SOCKET, "socket", NULL, q->server.socket};
    *VEC_ADD(ret) = (struct place_wish){USE_DIRECTORY, "scratch directory", NULL, r->scratch};
}

/* Simulations have no files. */
static struct op *start(struct job_run *r, int (*run)(void *, FILE *, struct err *),
                        struct places *p, double seconds, struct err *err)
{
    const struct proc_spec spec = {.run = run, .arg = p, .timeout_s = seconds};

    free(r->places.out);
    r->places.out = NULL;
    return r->env->loop ? proc_start(r->env->loop, &spec, &r->places, job_on_op, r, err) : NULL;
}

/* ---- checking ---- */

static int run_check(void *arg, FILE *out, struct err *err)
{
    const struct places *p = arg;

    (void)out;
    return places_check(&p->owned, p->wishes.items, p->wishes.n, err);
}

struct op *api_places_check(struct job_run *r, struct err *err)
{
    struct places p = {0};
    struct op *op;

    r->env->ops->owned(r->env, r, &p.owned);
    list_wishes(r, &p.wishes);
    op = start(r, run_check, &p, CHECK_S, err);
    owned_list_done(&p.owned);
    free(p.wishes.items);
    return op;
}

/* ---- placing ---- */

/* The images of a domain that is shut off are exported themselves: they need no scratch space. */
static void list_made(struct job_run *r)
{
    const struct backup_request *q = &r->document->request;
    bool unused = q->mode == MODE_PULL && r->facts && r->facts->state == DOMAIN_SHUTOFF;

    made_list_done(&r->made);
    for (size_t i = 0; i < q->n_disks; i++) {
        struct backup_place *p = (struct backup_place *)&q->disks[i].place;

        if (p->type != PLACE_FILE || q->reuse_external || unused)
            continue;
        made_add(&r->made, q->mode == MODE_PUSH ? MADE_TARGET : MADE_SCRATCH, p->path);
        p->made = r->env->loop != NULL;
    }
    if (has_socket(q))
        made_add(&r->made, MADE_SOCKET, q->server.socket);
}

static int run_make(void *arg, FILE *out, struct err *err)
{
    const struct places *p = arg;

    if (scratch_prepare(p->scratch, p->tag, p->uid, p->gid, err) < 0)
        return -1;
    return made_create(p->made, p->tag, p->uid, p->gid, out, err);
}

struct op *api_places_make(struct job_run *r, struct err *err)
{
    struct places p = {
        .made = &r->made,
        .scratch = r->scratch,
        .tag = r->tag,
        .uid = r->facts->uid,
        .gid = r->facts->gid,
    };

    list_made(r);
    return start(r, run_make, &p, MAKE_S, err);
}

int api_places_made(struct job_run *r, struct err *err)
{
    if (!r->env->loop)
        return 0;
    if (r->op_err.code != ERR_NONE) {
        *err = r->op_err;
        return -1;
    }
    if (made_read(&r->made, r->places.out, err) < 0)
        return -1;
    return catalog_made_put(r->env->catalog, r->row.id, &r->made, err);
}

/* ---- naming ---- */

static int run_names(void *arg, FILE *out, struct err *err)
{
    const struct places *p = arg;

    (void)out;
    return made_name(p->made, p->tag, err);
}

struct op *api_places_name(struct job_run *r, struct err *err)
{
    struct places p = {.made = &r->made, .tag = r->tag};

    return start(r, run_names, &p, MAKE_S, err);
}

/* ---- clearing ---- */

/* It came to making them, perhaps, but not to writing down which they are.  Of a socket nothing is
 * known then. */
static void list_nameless(struct job_run *r)
{
    list_made(r);
    for (size_t i = r->made.n; i-- > 0;)
        if (r->made.items[i].what == MADE_SOCKET)
            free(r->made.items[--r->made.n].path); /* it is the last */
}

static int run_clear(void *arg, FILE *out, struct err *err)
{
    const struct places *p = arg;
    struct err scratch = ERR_INIT;
    int rc = made_clear(p->made, p->tag, p->targets, err);

    (void)out;
    if (p->scratch && scratch_discard(p->scratch, p->tag, &scratch) < 0 && rc == 0) {
        *err = scratch;
        rc = -1;
    }
    return rc;
}

struct op *api_places_clear(struct job_run *r, bool targets, struct err *err)
{
    struct places p = {.made = &r->made, .scratch = r->scratch, .tag = r->tag, .targets = targets};

    if (r->resumed && r->made.n == 0 && r->document)
        list_nameless(r);
    return start(r, run_clear, &p, CLEAR_S, err);
}

void api_places_resume(struct job_run *r)
{
    struct err err = ERR_INIT;

    if (catalog_made(r->env->catalog, r->row.id, &r->made, &err) < 0)
        catalog_trouble("read what a backup has made", &err);
}
