/* SPDX-License-Identifier: MIT */
#include "cli/restore_define.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cli/restore_tpm.h"
#include "cli/store_ask.h"
#include "policies/selection.h"
#include "storage/definition/define_records.h"

#define PROGRAM "vmkeep-libvirt"
#define ASK_S 60.0
#define START_S 180.0 /* libvirt may wait for QEMU */

void restore_define_done(struct restore_define *d)
{
    free(d->where);
    free(d->to);
    free(d->prefix);
    free(d->selected);
    free(d->uuid);
    d->where = d->to = d->prefix = d->selected = d->uuid = NULL;
}

int restore_define_ask(const struct restore_define *d, struct ask *a, double limit_s,
                       struct err *err)
{
    a->program = PROGRAM;
    a->argument = d->where;
    return store_ask(a, d->where, limit_s, err);
}

/* ---- where to ---- */

static int find_host(struct restore_define *d, const struct config *config, const struct point *p,
                     struct err *err)
{
    const char *name = d->host ? d->host : p->host;
    const struct config_host *h;

    if (d->uri) {
        d->where = xstrdup(d->uri);
        return 0;
    }
    if (!config)
        return err_set(err, ERR_INVALID,
                       "with --repository no configuration is read: give --uri URI of the libvirt "
                       "to define it at, such as qemu:///system");
    h = config_host_find(config, name);
    if (!h)
        return err_set(err, ERR_NOTFOUND,
                       "host '%s' is not in the configuration; give --host HOST or --uri URI",
                       name);
    if (h->driver != DRIVER_LIBVIRT)
        return err_set(err, ERR_UNSUPPORTED,
                       "host '%s' has no libvirt to define a domain at; without --define the "
                       "domain is restored with a script that starts it",
                       name);
    d->where = xstrdup(h->uri);
    return 0;
}

/* The images are written here, and libvirt must find them there. */
static int check_is_here(const char *uri, struct err *err)
{
    const char *host = strstr(uri, "://");
    size_t len;

    host = host ? host + 3 : "";
    len = strcspn(host, "/?");
    if (len == 0 || strncmp(host, "localhost/", 10) == 0 || strncmp(host, "127.0.0.1/", 10) == 0)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "%s is another machine, and the images are written to this one: run "
                   "`vmkeep restore --define --uri qemu:///system` there",
                   uri);
}

static int find_pool(struct restore_define *d, struct err *err)
{
    static const char *const directories[] = {"dir", "fs", "netfs"};
    const struct define_request q = {.pool = (char *)d->pool};
    struct define_pool pool = {0};
    struct ask a = {.what = "pool",
                    .request = &define_request_pool,
                    .answer = &define_answer_pool,
                    .value = &q,
                    .ret = &pool};
    bool directory = false;

    if (restore_define_ask(d, &a, ASK_S, err) < 0)
        return err_wrap(err, "pool %s", d->pool);
    for (size_t i = 0; i < ARRAY_LEN(directories); i++)
        directory = directory || str_eq(pool.type, directories[i]);
    if (!directory || !pool.path)
        err_set(err, ERR_UNSUPPORTED,
                "pool %s: is of type %s; images are restored into pools that "
                "are directories (dir, fs, netfs)",
                d->pool, pool.type ? pool.type : "?");
    else if (!pool.active)
        err_set(err, ERR_UNSUPPORTED, "pool %s: is not active: virsh pool-start %s", d->pool,
                d->pool);
    else
        d->to = TAKE_PTR(pool.path);
    record_done(&define_answer_pool, &pool);
    return d->to ? 0 : -1;
}

int restore_define_where(struct restore_define *d, const struct config *config,
                         const struct point *p, struct err *err)
{
    if (find_host(d, config, p, err) < 0)
        return -1;
    return check_is_here(d->where, err);
}

/* ---- does it fit ---- */

static int ask_lacks(const struct restore_define *d, const struct restore_result *plan,
                     struct strlist *ret_lacks, struct err *err)
{
    const struct define_request q = {.xml = plan->text};
    struct define_lacks lacks = {0};
    struct ask a = {.what = "fits",
                    .request = &define_request_xml,
                    .answer = &define_answer_lacks,
                    .value = &q,
                    .ret = &lacks};

    if (!plan->name)
        return err_set(err, ERR_UNSUPPORTED, "%s: %s", plan->point.id,
                       plan->notes.n ? plan->notes.items[0]
                                     : "keeps no definition of a libvirt domain, or a disk was "
                                       "left out");
    if (restore_define_ask(d, &a, ASK_S, err) < 0)
        return -1;
    *ret_lacks = lacks.lacks;
    for (size_t i = 0; i < plan->lacks.n; i++)
        strlist_add(ret_lacks, plan->lacks.items[i]);
    return restore_tpm_check(d->where, plan, err);
}

/* As vmkeep-libvirt says it. */
static bool is_name_taken(const struct strlist *lacks)
{
    for (size_t i = 0; i < lacks->n; i++)
        if (strncmp(lacks->items[i], "the name ", strlen("the name ")) == 0)
            return true;
    return false;
}

static int check_fit(const struct restore_define *d, const struct restore_request *r,
                     struct err *err)
{
    CLEANUP(restore_result_done) struct restore_result plan = {0};
    CLEANUP(strlist_done) struct strlist lacks = {0};
    struct restore_request dry = *r;

    dry.dry_run = true;
    if (restore_run(&dry, &plan, err) < 0 || ask_lacks(d, &plan, &lacks, err) < 0)
        return -1;
    for (size_t i = 0; i < lacks.n; i++)
        fprintf(stderr, "vmkeep: restore: %s: %s\n", d->where, lacks.items[i]);
    if (lacks.n)
        return err_set(err, ERR_UNSUPPORTED, "'%s' cannot be defined at %s; nothing is written%s",
                       plan.name, d->where,
                       is_name_taken(&lacks) ? "; --name NAME defines it beside the old one" : "");
    return 0;
}

/* A system's libvirt runs QEMU as another user, to whom it gives the images, and no directory. */
static void warn_of_closed(const char *to)
{
    char *path = path_absolute(to);

    while (strcmp(path, "/") != 0) {
        char *above = path_dirname(path);
        struct stat st;

        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !(st.st_mode & S_IXOTH))
            fprintf(stderr,
                    "vmkeep: restore: warning: %s can be entered by its owner alone; QEMU's user "
                    "must get through (chmod o+x), or the domain does not start\n",
                    path);
        free(path);
        path = above;
    }
    free(path);
}

static bool is_where(const struct restore_define *d, const struct config_host *h)
{
    return h->driver == DRIVER_LIBVIRT && str_eq(h->uri, d->where);
}

/* A new domain may be one of "*". */
static void find_policies(struct restore_define *d, const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->hosts.n; i++) {
        const char *host = c->hosts.items[i].name;

        if (!is_where(d, &c->hosts.items[i]) ||
            selection_matches_domain(&c->unprotected, host, name))
            continue;
        for (size_t k = 0; k < c->policies.n; k++) {
            CLEANUP_FREE char *before = NULL;

            if (!selection_matches_domain(&c->policies.items[k].domains, host, name))
                continue;
            before = TAKE_PTR(d->selected);
            d->selected = xasprintf("%s%s%s", before ? before : "Policy ", before ? ", " : "",
                                    c->policies.items[k].name);
        }
    }
}

static int use_pool(struct restore_define *d, const struct point *p, struct restore_request *r,
                    struct err *err)
{
    if (find_pool(d, err) < 0)
        return -1;
    d->prefix = xasprintf("%s-", r->name ? r->name : p->domain);
    r->to = d->to;
    r->prefix = d->prefix;
    return 0;
}

int restore_define_prepare(struct restore_define *d, const struct config *config,
                           const struct point *p, struct restore_request *r, struct err *err)
{
    if (restore_define_where(d, config, p, err) < 0 || (d->pool && use_pool(d, p, r, err) < 0))
        return err_wrap(err, "--define");
    r->entered_by_all = true;
    if (config && r->name && !str_eq(r->name, p->domain))
        find_policies(d, config, r->name);
    if (check_fit(d, r, err) < 0)
        return -1;
    if (strstr(d->where, "/system"))
        warn_of_closed(r->to);
    return 0;
}

/* ---- done ---- */

static int define(struct restore_define *d, const struct restore_result *res, struct err *err)
{
    const struct define_request q = {.xml = res->text};
    struct define_answer defined = {0};
    struct ask a = {.what = "define",
                    .request = &define_request_xml,
                    .answer = &define_answer_defined,
                    .value = &q,
                    .ret = &defined};

    if (restore_define_ask(d, &a, ASK_S, err) < 0)
        return err_wrap(err,
                        "the images are restored, the domain is not defined (virsh define %s "
                        "does it by hand)",
                        res->definition);
    d->uuid = TAKE_PTR(defined.uuid);
    record_done(&define_answer_defined, &defined);
    return 0;
}

/* The pool's list is not what counts. */
static void refresh(const struct restore_define *d)
{
    const struct define_request q = {.pool = (char *)d->pool};
    struct ask a = {.what = "pool-refresh", .request = &define_request_pool, .value = &q};
    struct err ignored = ERR_INIT;

    restore_define_ask(d, &a, ASK_S, &ignored);
}

int restore_define_start(const struct restore_define *d, const char *domain, struct err *err)
{
    const struct define_request q = {.domain = (char *)domain, .uuid = d->uuid};
    struct ask a = {.what = "start", .request = &define_request_domain, .value = &q};

    return restore_define_ask(d, &a, START_S, err);
}

int restore_define_run(struct restore_define *d, const struct restore_result *res, struct err *err)
{
    if (define(d, res, err) < 0)
        return -1;
    if (restore_tpm_put(d->where, d->uuid, res, err) < 0)
        return -1;
    if (d->pool)
        refresh(d);
    if (d->start && restore_define_start(d, res->name, err) < 0)
        return err_wrap(err, "'%s' is defined, and does not start", res->name);
    return 0;
}
