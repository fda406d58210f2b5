/* SPDX-License-Identifier: MIT */
#include "cli/repository_compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/repository_look.h"
#include "report/json.h"
#include "storage/repository/repository.h"
#include "storage/digest/tree.h"

#define ANSWER_S 20

/* What lets go of points, or copies them, has a domain's directory for itself; others have the
 * point that they make. */
static bool works_on(const struct job *j, const char *about)
{
    CLEANUP_FREE char *host = name_escape(j->host), *domain = name_escape(j->domain);
    CLEANUP_FREE char *directory = xasprintf("%s/%s/", host, domain);

    return str_eq(j->plan.id, about) ||
           (!str_eq(j->kind, JOB_BACKUP) && !str_eq(j->kind, JOB_VERIFY) &&
            starts_with(about, directory));
}

static const struct job *who_works_on(const struct job_list *jobs, const char *about)
{
    for (size_t i = 0; jobs && about && i < jobs->n; i++)
        if (works_on(&jobs->items[i], about))
            return &jobs->items[i];
    return NULL;
}

bool differ(struct differences *l, const char *what, const char *about, const char *problem,
            const char *then)
{
    const struct job *j = who_works_on(l->at_work, about);
    CLEANUP_FREE char *at_work =
        j ? xasprintf("nothing: job %lld, which runs, is at work on it", (long long)j->id) : NULL;

    json_array_append_new(
        l->list, json_pack("{s:s, s:o, s:o, s:s}", "what", what, "about", report_json_text(about),
                           "problem", report_json_text(problem), "then", at_work ? at_work : then));
    l->n_harmless += at_work != NULL;
    return !at_work;
}

/* ---- the file system ---- */

void compare_mount(const struct config *config, const struct config_repository *c,
                   struct catalog *catalog, struct differences *l)
{
    CLEANUP(strlist_done) struct strlist only = {0};
    struct status_looks looks = {0};
    struct err ignored = ERR_INIT;

    strlist_add(&only, c->name);
    if (repository_look(config, &only, catalog, &looks, &ignored) == 0)
        for (size_t i = 0; i < looks.n; i++)
            if (looks.items[i].has_space && looks.items[i].read_only)
                differ(l, "read-only", c->name, "its file system is mounted read-only",
                       "no job writes there until it is mounted read-write");
    status_looks_done(&looks);
}

/* ---- manifests ---- */

/* What no merge changes. */
static char *lasting_difference(const struct point_disk *is, const struct point_disk *was)
{
    if (!was)
        return xasprintf("disk %s is not in the catalog", is->name);
    if (is->capacity != was->capacity)
        return xasprintf("disk %s has %" PRIu64 " bytes by its manifest, %" PRIu64
                         " by the catalog",
                         is->name, is->capacity, was->capacity);
    if (!str_eq(is->content, was->content))
        return xasprintf("disk %s has another content by its manifest than by the catalog",
                         is->name);
    return NULL;
}

char *compare_lasting(const struct point *is, const struct point *was)
{
    char *ret = NULL;

    if (is->created != was->created)
        return xstrdup("it is of another time by its manifest than by the catalog");
    for (size_t i = 0; i < is->disks.n && !ret; i++)
        ret =
            lasting_difference(&is->disks.items[i], point_find_disk(was, is->disks.items[i].name));
    for (size_t i = 0; i < was->disks.n && !ret; i++)
        if (!point_find_disk(is, was->disks.items[i].name))
            ret = xasprintf("disk %s is in the catalog, and not in its manifest",
                            was->disks.items[i].name);
    return ret;
}

/* was: it is there. */
static char *disk_difference(const struct point_disk *is, const struct point_disk *was)
{
    if (!str_eq(is->backing, was->backing))
        return xasprintf("disk %s stands on %s by its manifest, on %s by the catalog", is->name,
                         is->backing ? is->backing : "nothing",
                         was->backing ? was->backing : "nothing");
    if (!str_eq(is->digest, was->digest) || is->length != was->length)
        return xasprintf("disk %s has another digest or length by its manifest than by the catalog",
                         is->name);
    return NULL;
}

static char *point_difference(const struct point *is, const struct point *was)
{
    char *ret = compare_lasting(is, was);

    if (!ret && !str_eq(is->parent, was->parent))
        return xasprintf("its parent is %s by its manifest, %s by the catalog",
                         is->parent ? is->parent : "none", was->parent ? was->parent : "none");
    for (size_t i = 0; i < is->disks.n && !ret; i++)
        ret = disk_difference(&is->disks.items[i], point_find_disk(was, is->disks.items[i].name));
    return ret;
}

void compare_manifests(const struct repository_facts *f, const struct point_list *known,
                       struct differences *l)
{
    for (size_t i = 0; i < known->n; i++) {
        const struct point *was = &known->items[i];
        const struct point *is = point_list_find(&f->view.points, was->id);
        CLEANUP_FREE char *problem =
            is && was->state != POINT_DELETING ? point_difference(is, was) : NULL;

        if (problem)
            differ(l, "manifest", was->id, problem,
                   "restores go by the manifest; 'vmkeep rebuild-catalog' takes it over");
    }
}

/* ---- trees ---- */

static void compare_tree(const struct repository_facts *f, const struct point *p,
                         const struct point_disk *d, struct differences *l)
{
    CLEANUP_FREE char *name = tree_file_name(d->path);
    CLEANUP_FREE char *path = repository_image(f->config->path, p->id, name, false);
    struct tree t = {0};
    struct err err = ERR_INIT;
    int rc = tree_read(path, &t, &err);

    if (rc == 0 && t.capacity != d->capacity)
        rc = err_set(&err, ERR_CORRUPT, "%s: is of a disk of another size", path);
    if (rc == 0 && t.delta != (d->backing != NULL))
        rc = err_set(&err, ERR_CORRUPT, "%s: is of an image that stands %s", path,
                     t.delta ? "on another" : "alone");
    tree_done(&t);
    if (rc == 0 || err.code == ERR_NOTFOUND)
        return;
    if (differ(l, "tree", p->id, err.msg,
               "it stays; the image beside it counts, and can be restored"))
        l->damage = true;
}

void compare_trees(const struct repository_facts *f, const struct survey *found,
                   struct differences *l)
{
    for (size_t i = 0; i < f->view.points.n; i++) {
        const struct point *p = &f->view.points.items[i];

        for (size_t k = 0; k < p->disks.n && !survey_loss_find(found, p->id); k++)
            compare_tree(f, p, &p->disks.items[k], l);
    }
}

/* ---- checkpoints ---- */

/* In the words of checkpoint-list. */
static const struct {
    const char *state, *problem, *then;
} broken[] = {
    {"inconsistent", "its bitmap is inconsistent: QEMU ended without saving it",
     "the next backup is a full, and removes it"},
    {"missing", "a disk has no bitmap of it", "the next backup of that disk is a full"},
    {"forgotten", "its bitmaps are vmkeep's, and nothing needs them", "the daemon removes them"},
};

static void compare_answer(const char *domain, const json_t *answer, struct differences *l)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(answer, "checkpoints"), i, item)
        for (size_t k = 0; k < ARRAY_LEN(broken); k++) {
            const char *name = json_string_value(json_object_get(item, "name"));
            CLEANUP_FREE char *about = xasprintf("%s: %s", domain, name ? name : "?");

            if (str_eq(json_string_value(json_object_get(item, "state")), broken[k].state))
                differ(l, "checkpoint", about, broken[k].problem, broken[k].then);
        }
}

/* false: the daemon is not there, or busy; no use to ask on. */
static bool ask_of_domain(const struct config *config, const char *domain, struct differences *l)
{
    const struct client_request request = {.cmd = "checkpoint-list",
                                           .args = json_pack("{s:s}", "domain", domain)};
    json_t *answer = NULL;
    struct err err = ERR_INIT;
    bool reached = false;
    int rc = client_ask(config, &request, ANSWER_S, &answer, &reached, &err);

    if (rc == 0)
        compare_answer(domain, answer, l);
    json_decref(answer);
    return reached && (rc == 0 || err.code != ERR_TIMEOUT);
}

void compare_checkpoints(const struct config *config, const struct point_list *known,
                         struct differences *l)
{
    CLEANUP(strlist_done) struct strlist asked = {0};
    bool go_on = true;

    for (size_t i = 0; i < known->n && go_on; i++) {
        CLEANUP_FREE char *domain =
            xasprintf("%s/%s", known->items[i].host, known->items[i].domain);

        if (strlist_has(&asked, domain))
            continue;
        strlist_add(&asked, domain);
        go_on = ask_of_domain(config, domain, l);
    }
}
