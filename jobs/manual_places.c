/* SPDX-License-Identifier: MIT
 *
 * The places of a backup begun by hand: targets, scratch files, the socket.  vmkeep-store looks at
 * them, makes them and removes them, for a file system that hangs must not stop the daemon.
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

#include "storage/catalog/catalog_made.h"

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

static void list_wishes(const struct job_run *r, struct place_wishes *ret)
{
    const struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q = &run->document->request;

    for (size_t i = 0; i < q->n_disks; i++)
        if (q->disks[i].place.path)
            *VEC_ADD(ret) = (struct place_wish){use_of(q, &q->disks[i].place),
                                                q->mode == MODE_PUSH ? "target" : "scratch",
                                                q->disks[i].name, q->disks[i].place.path};
    if (has_socket(q))
        *VEC_ADD(ret) = (struct place_wish){USE_SOCKET, "socket", NULL, q->server.socket};
    *VEC_ADD(ret) = (struct place_wish){USE_DIRECTORY, "scratch directory", NULL, run->scratch};
}

void manual_places_owned(const struct job_run *r, struct owned_list *ret)
{
    const struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q;
    const char *what;

    if (!run->document)
        return;
    q = &run->document->request;
    what = q->mode == MODE_PUSH ? "target" : "scratch";
    for (size_t i = 0; i < q->n_disks; i++)
        owned_add(ret, OWNED_FILE, q->disks[i].place.path,
                  "the %s of disk '%s' in a backup of domain '%s/%s' that runs", what,
                  q->disks[i].name, r->row.host, r->row.domain);
    if (q->mode == MODE_PULL && q->server.transport == TRANSPORT_UNIX)
        owned_add(ret, OWNED_FILE, q->server.socket,
                  "the socket of a backup of domain '%s/%s' that runs", r->row.host, r->row.domain);
}

/* ---- checking ---- */

/* Simulations have no files. */
struct op *api_places_check(struct job_run *r, struct err *err)
{
    struct owned_list owned = {0};
    struct place_wishes wishes = {0};
    const struct places_request q = {.owned = &owned, .wishes = &wishes};
    struct op *op = NULL;

    r->env->ops->owned(r->env, r, &owned);
    list_wishes(r, &wishes);
    if (r->env->loop)
        op = places_ask_check(r->env->loop, &q, job_on_op, r, err);
    owned_list_done(&owned);
    free(wishes.items);
    return op;
}

/* ---- placing ---- */

/* The images of a domain that is shut off are exported themselves: they need no scratch space. */
static void list_made(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    const struct backup_request *q = &run->document->request;
    bool unused = q->mode == MODE_PULL && run->hv.facts && run->hv.facts->state == DOMAIN_SHUTOFF;

    made_list_done(&run->made);
    for (size_t i = 0; i < q->n_disks; i++) {
        struct backup_place *p = (struct backup_place *)&q->disks[i].place;

        if (p->type != PLACE_FILE || q->reuse_external || unused)
            continue;
        made_add(&run->made, q->mode == MODE_PUSH ? MADE_TARGET : MADE_SCRATCH, p->path);
        p->made = r->env->loop != NULL;
    }
    if (has_socket(q))
        made_add(&run->made, MADE_SOCKET, q->server.socket);
}

struct op *api_places_make(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct places_request q = {
        .made = &run->made,
        .scratch = run->scratch,
        .tag = r->tag,
        .uid = run->hv.facts->uid,
        .gid = run->hv.facts->gid,
    };

    list_made(r);
    made_list_done(&run->placed);
    if (!r->env->loop)
        return NULL;
    return places_ask_make(r->env->loop, &q, &run->placed, job_on_op, r, err);
}

int api_places_made(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);

    if (!r->env->loop)
        return 0;
    if (r->op_err.code != ERR_NONE) {
        *err = r->op_err;
        return -1;
    }
    made_list_done(&run->made);
    run->made = run->placed;
    run->placed = (struct made_list){0};
    return catalog_made_put(r->env->catalog, r->row.id, &run->made, err);
}

/* ---- naming ---- */

struct op *api_places_name(struct job_run *r, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct places_request q = {.made = &run->made, .tag = r->tag};

    if (!r->env->loop)
        return NULL;
    return places_ask_name(r->env->loop, &q, job_on_op, r, err);
}

/* ---- clearing ---- */

/* It came to making them, perhaps, but not to writing down which they are.  Of a socket nothing is
 * known then. */
static void list_nameless(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);

    list_made(r);
    for (size_t i = run->made.n; i-- > 0;)
        if (run->made.items[i].what == MADE_SOCKET)
            free(run->made.items[--run->made.n].path); /* it is the last */
}

struct op *api_places_clear(struct job_run *r, bool targets, struct err *err)
{
    struct manual_backup_run *run = manual_of(r);
    const struct places_request q = {
        .made = &run->made, .scratch = run->scratch, .tag = r->tag, .targets = targets};

    if (r->resumed && run->made.n == 0 && run->document)
        list_nameless(r);
    if (!r->env->loop)
        return NULL;
    return places_ask_clear(r->env->loop, &q, job_on_op, r, err);
}

void api_places_resume(struct job_run *r)
{
    struct manual_backup_run *run = manual_of(r);
    struct err err = ERR_INIT;

    if (catalog_made(r->env->catalog, r->row.id, &run->made, &err) < 0)
        catalog_trouble(r->env, "read what a backup has made", &err);
}
