/* SPDX-License-Identifier: MIT */
#include "engine/qmp/look/look.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/qmp/domain/side.h"
#include "engine/qmp/look/files.h"

static void ask(struct look *l, struct task *t)
{
    struct command command = command_plain(view_query_commands[l->asked]);
    json_t *known = t->domain->side->answer(t->domain, l->asked);

    if (!known && l->asked == Q_NODES)
        command.args = json_pack("{s:b}", "flat", 1);
    if (l->asked == Q_OBJECTS)
        command.args = json_pack("{s:s}", "path", "/objects");
    l->asked++;
    if (!known) {
        task_call(t, command);
        return;
    }
    json_decref(t->reply);
    t->reply = known;
    task_yield(t);
}

/* The answers to these contain sizes, for which QEMU asks the files; all that come after it
 * follow at once. */
static bool check_files(struct look *l, struct task *t)
{
    const struct domain *d = t->domain;
    CLEANUP(strlist_done) struct strlist names = {0};

    if (l->asked != Q_NODES || l->checking)
        return false;
    for (size_t i = 0; l->n == VIEW_ALL && i < d->n_disks; i++)
        strlist_add(&names, d->disks[i].image);
    if (d->side->list_watched)
        d->side->list_watched(d, &names);
    l->watched = names.n > 0;
    if (d->pid <= 0 && names.n == 0)
        return false;
    l->checking = true;
    files_look(t, &names);
    return true;
}

static void go_on(struct look *l, struct task *t)
{
    if (check_files(l, t))
        return;
    l->checking = false;
    ask(l, t);
}

void look_start(struct look *l, struct task *t, int n)
{
    look_done(l);
    l->n = n;
    ask(l, t);
}

char *look_cwd(pid_t pid)
{
    char path[64], cwd[PATH_MAX];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
    n = pid > 0 ? readlink(path, cwd, sizeof(cwd) - 1) : -1;
    if (n < 0)
        return NULL;
    cwd[n] = '\0';
    return xstrdup(cwd);
}

/* The graph is for developers, says QEMU; without it less is known. Nothing depends on the UUID. */
static bool may_fail(const struct domain *d, int query)
{
    return query == Q_GRAPH || query == Q_UUID || (query == Q_OBJECTS && d->side->late_objects);
}

/* Who only looks after jobs does without what could not be found out; but what hangs, hangs. */
static int take_files(struct look *l, struct task *t, struct err *err)
{
    *err = t->wait_err;
    if (err->code != ERR_TIMEOUT && !l->watched && l->n != VIEW_ALL)
        *err = ERR_INIT;
    file_list_move(&l->files, &t->files);
    return err->code == ERR_NONE ? 0 : -1;
}

/* Which files have to be known is seen when all is there; most of them are then. */
static enum look_result decode(struct look *l, struct task *t, struct err *err)
{
    CLEANUP_FREE char *cwd = look_cwd(t->domain->pid);
    CLEANUP(strlist_done) struct strlist wanted = {0};
    struct view_names names = domain_names(t->domain, cwd);
    int rc;

    names.files = &l->files;
    names.wanted = &wanted;
    rc = view_decode(l->replies, l->n == VIEW_ALL ? &names : NULL, &l->view, err);
    if (wanted.n == 0 || l->refined)
        return rc < 0 ? LOOK_FAILED : LOOK_DONE;
    view_done(&l->view);
    l->view = (struct view){0};
    *err = ERR_INIT;
    l->refined = l->checking = true;
    files_look(t, &wanted);
    return LOOK_WAITING;
}

enum look_result look_step(struct look *l, struct task *t, struct err *err)
{
    if (l->checking) {
        if (take_files(l, t, err) < 0)
            return LOOK_FAILED;
        if (l->refined)
            return decode(l, t, err);
        go_on(l, t);
        return LOOK_WAITING;
    }
    if (t->wait_err.code != ERR_NONE &&
        !(may_fail(t->domain, l->asked - 1) && connection_is_up(t->domain))) {
        *err = t->wait_err;
        return LOOK_FAILED;
    }
    l->replies[l->asked - 1] = TAKE_PTR(t->reply);
    if (l->asked - 1 == Q_NODES)
        t->domain->side->hide(t->domain, l->replies[Q_NODES]);
    if (l->asked == l->n)
        return decode(l, t, err);
    go_on(l, t);
    return LOOK_WAITING;
}

void look_done(struct look *l)
{
    for (int i = 0; i < Q_COUNT; i++)
        json_decref(l->replies[i]);
    view_done(&l->view);
    file_list_done(&l->files);
    *l = (struct look){0};
}
