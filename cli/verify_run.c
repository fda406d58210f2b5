/* SPDX-License-Identifier: MIT */
#include "cli/verify_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/held_point.h"
#include "cli/interrupted.h"
#include "cli/repository_compare.h"
#include "cli/restore_bar.h"
#include "cli/restore_source.h"
#include "cli/verify_text.h"
#include "report/json.h"
#include "report/points.h"
#include "report/wrap.h"
#include "storage/verify/proof.h"
#include "storage/repository/repository.h"

struct verifying {
    const struct verify_wanted *a;
    struct verify_choice *choice;
    struct restore_source source;
    struct strlist tables; /* see proof_request */
    struct report_json_array list;
    struct restore_bar bar;
    const struct point *now;
    size_t first;       /* of the choice's points, that is read */
    uint64_t done, all; /* bytes: of what has been read; of all that will be, about */
    size_t told, counts[PROOF_DAMAGED + 1];
    int code; /* EXIT_DONE, or why the exit code is another one */
};

/* ---- how much ---- */

static uint32_t slices(const struct verify_wanted *a)
{
    return sample_slices(a->sample ? (int)a->sample : 100);
}

/* The one behind what was read last; where that is not known, by the day. */
static struct sample sample_of(const struct verify_wanted *a, const struct point *p)
{
    const uint32_t n = slices(a);

    return (struct sample){.slice = n > 1 && p->read.slices == n
                                        ? (p->read.slice + 1) % n
                                        : sample_of_day(p->id, time(NULL), n),
                           .slices = n};
}

static bool is_wanted(const struct verify_wanted *a, const char *disk)
{
    return a->disks->n == 0 || strlist_has(a->disks, disk);
}

/* disk NULL: of all that are wanted. */
static uint64_t bytes_of(const struct verifying *v, const struct point *p, const char *disk)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->disks.n; i++) {
        const char *name = p->disks.items[i].name;

        if (disk ? str_eq(name, disk) : is_wanted(v->a, name))
            sum += proof_bytes(&v->choice->all, p, name);
    }
    return sum / slices(v->a);
}

static bool has_wanted_disk(const struct verifying *v, const struct point *p)
{
    for (size_t i = 0; i < p->disks.n; i++)
        if (is_wanted(v->a, p->disks.items[i].name))
            return true;
    return v->a->disks->n == 0;
}

static bool on_progress(void *ctx, const char *disk, uint64_t done, uint64_t total)
{
    struct verifying *v = ctx;
    const struct point *p = v->now;
    const size_t n = v->choice->points.n + v->choice->broken.n;
    CLEANUP_FREE char *what =
        n > 1 ? xasprintf("%s, point %zu of %zu", disk, v->told + 1, n) : xstrdup(disk);
    double part = total ? (double)done / (double)total : 0;
    uint64_t all = v->done;

    for (size_t i = 0; i < p->disks.n && !str_eq(p->disks.items[i].name, disk); i++)
        all += is_wanted(v->a, p->disks.items[i].name) ? bytes_of(v, p, p->disks.items[i].name) : 0;
    all += (uint64_t)(part * (double)bytes_of(v, p, disk));
    restore_bar_draw(&v->bar, what, true, all < v->all ? all : v->all, v->all);
    return !interrupted;
}

/* ---- what is said ---- */

static const char *state_name(const struct verifying *v, enum proof_state s)
{
    return v->a->dry_run ? NULL : proof_state_name(s);
}

static json_t *planned_json(const struct verifying *v, const struct point *p)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < p->disks.n; i++) {
        const char *name = p->disks.items[i].name;

        if (is_wanted(v->a, name))
            json_array_append_new(ret, json_pack("{s:o, s:n, s:n, s:n, s:o, s:[], s:n}", "name",
                                                 report_json_text(name), "state", "problem",
                                                 "point", "bytes",
                                                 report_json_number((int64_t)bytes_of(v, p, name)),
                                                 "ranges", "saved"));
    }
    return ret;
}

/* Takes over disks. */
static void tell_json(struct verifying *v, const char *id, json_t *disks, enum proof_state state,
                      const char *problem)
{
    report_json_add(&v->list, json_pack("{s:o, s:o, s:o, s:o}", "id", report_json_text(id), "disks",
                                        disks, "state", report_json_text(state_name(v, state)),
                                        "problem", report_json_text(problem)));
    fflush(stdout);
}

static void print_for(const char *id, const char *text)
{
    CLEANUP_FREE char *label = xasprintf("%s: ", id);

    print_paragraph(stdout, 2, label, text);
    fflush(stdout);
}

static void clear_bar(const struct verifying *v)
{
    if (v->bar.terminal && v->bar.began_ms)
        fputs("\r\033[K", stderr);
}

static void tell(struct verifying *v, const struct point *p, const struct proof *f)
{
    CLEANUP_FREE char *text = verify_text(f);

    clear_bar(v);
    v->counts[f->state]++;
    v->told++;
    if (!v->a->json) {
        print_for(p->id, text);
        return;
    }
    tell_json(v, p->id, verify_disks_json(f), f->state, f->problem);
}

static void tell_sum(const struct verifying *v)
{
    CLEANUP_FREE char *text = xasprintf("%zu point%s: ", v->told, plural_s(v->told));
    const char *comma = "";

    for (size_t i = 0; i <= PROOF_DAMAGED; i++) {
        char *longer;

        if (!v->counts[i])
            continue;
        longer = xasprintf("%s%s%zu %s", text, comma, v->counts[i],
                           proof_state_name((enum proof_state)i));
        free(text);
        text = longer;
        comma = ", ";
    }
    if (v->told > 1)
        print_paragraph(stdout, 0, "", text);
    if (v->told == 0)
        puts("There are no restore points to be read.");
    if (v->counts[PROOF_DAMAGED] && v->source.config)
        print_paragraph(stdout, 0, "",
                        "No backup stands on what is damaged: the next one is a full. The images "
                        "stay until 'vmkeep delete' removes their points.");
}

/* ---- one point ---- */

/* Damage counts for more than what could not be read. */
static void set_code(struct verifying *v, int code)
{
    if (code == EXIT_DAMAGED || v->code == EXIT_DONE)
        v->code = code;
}

/* Of a point that there is, and which cannot be read, for its repository is away, say. */
static int exit_of(enum err_code code)
{
    return code == ERR_BUSY ? EXIT_BUSY : EXIT_FAILED;
}

/* Absolute, after a look whether it is there, and the one that holds the point.  Caller frees. */
static char *path_of(const struct verifying *v, const struct point *p, struct err *err)
{
    const struct config_repository *r;

    if (v->choice->path)
        return xstrdup(v->choice->path);
    r = p->repository ? config_repository_find(v->choice->config, p->repository) : NULL;
    if (!r) {
        err_set(err, ERR_NOTFOUND,
                "is in repository '%s', which the configuration does not have; give its path with "
                "--repository",
                p->repository ? p->repository : "");
        return NULL;
    }
    if (repository_identify(r->path, p->repository_id, false, NULL, err) < 0)
        return NULL;
    return realpath(r->path, NULL);
}

/* Retention, or somebody else, has removed it since it was chosen. */
static bool is_gone(const struct verifying *v, const char *path, const struct point *p)
{
    const struct point_filter of = {.host = p->host, .domain = p->domain};
    CLEANUP(point_list_done) struct point_list left = {0};
    struct catalog *catalog = NULL;
    enum point_presence presence;
    struct err err = ERR_INIT;
    const struct point *still = NULL;
    bool known = false;

    if (repository_find(path, p->id, &presence, NULL, &err) < 0 || presence == POINT_PUBLISHED)
        return false;
    if (!v->choice->config)
        return true;
    if (catalog_open(v->choice->config->catalog, CATALOG_READ, &catalog, &err) == 0)
        known = catalog_points(catalog, &of, &left, &err) == 0;
    catalog_close(catalog);
    still = known ? point_list_find(&left, p->id) : p;
    return !still || still->state == POINT_DELETING;
}

/* The catalog learns of it at once. */
static void record(const struct verifying *v, const struct point *p, const struct sample *s,
                   const struct proof *f)
{
    struct err whole = ERR_INIT;

    if (f->state == PROOF_MISSING)
        restore_source_lost(&v->source, p);
    if (f->state == PROOF_DAMAGED && f->bad_point) {
        err_set(&whole, ERR_CORRUPT, "%s", f->problem);
        restore_source_damaged(&v->source, f->bad_point, &whole);
    }
    for (size_t i = 0; i < f->disks.n; i++) {
        const struct proof_disk *d = &f->disks.items[i];
        struct err why = ERR_INIT;

        err_set(&why, ERR_CORRUPT, "disk %s: %s", d->name, d->problem ? d->problem : "");
        if (d->bad_point)
            restore_source_damaged(&v->source, d->bad_point, &why);
    }
    if (f->state == PROOF_WHOLE && v->a->disks->n == 0 && s->slices <= 1)
        restore_source_whole(&v->source, p);
    if (v->a->disks->n == 0)
        restore_source_was_read(&v->source, p,
                                &(struct point_reading){.slice = s->slice,
                                                        .slices = s->slices,
                                                        .result = proof_state_name(f->state)});
}

/* The point is whole; what the catalog has of it may not be. */
static void compare_row(struct verifying *v, const char *path, const struct point *p)
{
    CLEANUP(point_done) struct point is = {0};
    CLEANUP_FREE char *problem = NULL;
    enum point_presence presence;
    struct err ignored = ERR_INIT;

    if (!v->choice->config || repository_find(path, p->id, &presence, &is, &ignored) < 0 ||
        presence != POINT_PUBLISHED)
        return;
    problem = compare_lasting(&is, p);
    if (!problem)
        return;
    clear_bar(v);
    fprintf(stderr,
            "vmkeep: verify: %s: %s: restores go by the manifest; 'vmkeep rebuild-catalog' takes "
            "it over\n",
            p->id, problem);
    set_code(v, EXIT_DAMAGED);
}

static int prove(struct verifying *v, const struct point *p, const char *path, struct err *err)
{
    CLEANUP(proof_done) struct proof found = {0};
    const struct proof_request r = {.path = path,
                                    .point_id = p->id,
                                    .disks = v->a->disks,
                                    .bandwidth = v->a->bandwidth,
                                    .sample = sample_of(v->a, p),
                                    .tables = &v->tables,
                                    .progress = on_progress,
                                    .ctx = v};

    const struct held_point held = {"verify", v->choice->config, path, p};
    CLEANUP(repository_unhold) struct repository_hold hold = {0};
    struct err ignored = ERR_INIT; /* the proof says what it is */

    held_point_take(&held, &hold, &ignored);
    if (proof_take(&r, &found, err) < 0)
        return -1;
    if (found.state == PROOF_MISSING && is_gone(v, path, p)) {
        clear_bar(v);
        fprintf(stderr, "vmkeep: verify: %s was removed meanwhile\n", p->id);
        return 0;
    }
    tell(v, p, &found);
    if (found.state >= PROOF_MISSING)
        set_code(v, EXIT_DAMAGED);
    else if (found.state == PROOF_UNREAD)
        set_code(v, exit_of(found.code));
    else
        compare_row(v, path, p);
    record(v, p, &r.sample, &found);
    return 0;
}

/* -1: interrupted. */
static int verify_point(struct verifying *v, const struct point *p, struct err *err)
{
    CLEANUP(proof_done) struct proof unread = {.state = PROOF_UNREAD};
    CLEANUP_FREE char *path = NULL;
    struct err why = ERR_INIT;

    v->now = p;
    path = path_of(v, p, &why);
    if (path)
        return prove(v, p, path, err);
    unread.problem = xstrdup(why.msg);
    tell(v, p, &unread);
    set_code(v, exit_of(why.code));
    return 0;
}

static void tell_broken(struct verifying *v, const struct verify_broken *b)
{
    CLEANUP_FREE char *text = xasprintf("damaged: %s", b->problem);

    v->counts[PROOF_DAMAGED]++;
    v->told++;
    if (v->a->json)
        tell_json(v, b->id, json_array(), PROOF_DAMAGED, b->problem);
    else
        print_for(b->id ? b->id : "a point", text);
    set_code(v, EXIT_DAMAGED);
}

/* ---- all of them ---- */

static int stopped_at(struct verifying *v, const struct point *p)
{
    clear_bar(v);
    if (v->a->json)
        report_json_end(&v->list);
    fprintf(stderr, "vmkeep: verify: interrupted; to go on where it was: --from %s\n", p->id);
    return EXIT_INTERRUPTED;
}

/* Its pages: what is wrong in a row of a point is told with that. */
static void check_catalog(struct verifying *v)
{
    struct err err = ERR_INIT;

    if (!v->choice->config || catalog_check(v->choice->config->catalog, &err) == 0 ||
        err.code != ERR_CORRUPT)
        return;
    fprintf(stderr, "vmkeep: verify: %s: 'vmkeep rebuild-catalog' makes it anew\n", err.msg);
    set_code(v, EXIT_DAMAGED);
}

static int verify_all(struct verifying *v)
{
    struct err err = ERR_INIT;

    check_catalog(v);
    for (size_t i = 0; i < v->choice->broken.n && !v->a->from; i++)
        tell_broken(v, &v->choice->broken.items[i]);
    for (size_t i = v->first; i < v->choice->points.n; i++) {
        const struct point *p = v->choice->points.items[i];

        if (!has_wanted_disk(v, p))
            continue;
        if (interrupted || verify_point(v, p, &err) < 0)
            return stopped_at(v, p);
        v->done += bytes_of(v, p, NULL);
    }
    if (v->a->json)
        report_json_end(&v->list);
    else
        tell_sum(v);
    return v->code;
}

static int plan(struct verifying *v)
{
    CLEANUP_FREE char *about = NULL;
    char size[SIZE_TEXT_MAX];
    size_t n = 0;

    for (size_t i = v->first; i < v->choice->points.n; i++) {
        const struct point *p = v->choice->points.items[i];

        if (!has_wanted_disk(v, p))
            continue;
        n++;
        free(about);
        about = xasprintf("about %s", size_text(bytes_of(v, p, NULL), size));
        if (v->a->json)
            tell_json(v, p->id, planned_json(v, p), PROOF_UNREAD, NULL);
        else
            print_for(p->id, about);
    }
    if (v->a->json)
        report_json_end(&v->list);
    else
        printf("%zu point%s, about %s would be read\n", n, plural_s(n), size_text(v->all, size));
    return EXIT_DONE;
}

size_t verify_first(const char *from, const struct verify_choice *choice)
{
    for (size_t i = 0; i < choice->points.n && from; i++)
        if (point_is_meant(from, choice->points.items[i]->id))
            return i;
    if (!from)
        return 0;
    fprintf(stderr, "vmkeep: verify: --from %s: no point that is meant is named so\n", from);
    return SIZE_MAX;
}

int verify_run(const struct verify_wanted *a, struct verify_choice *choice, size_t first)
{
    struct verifying v = {
        .a = a,
        .choice = choice,
        .first = first,
        .list = {.out = stdout},
        .bar = {.terminal = isatty(STDERR_FILENO)},
        .source = {.config = choice->config, .command = "verify", .all = &choice->all}};
    int code;

    for (size_t i = first; i < choice->points.n; i++)
        v.all += bytes_of(&v, choice->points.items[i], NULL);
    interrupted_catch();
    code = a->dry_run ? plan(&v) : verify_all(&v);
    strlist_done(&v.tables);
    return code;
}
