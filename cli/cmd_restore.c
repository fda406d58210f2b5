/* SPDX-License-Identifier: MIT
 *
 * vmkeep restore: a point's disks as plain images.  It needs no daemon and no hypervisor, and with
 * --repository no catalog and no configuration either.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/point_choice.h"
#include "cli/restore_source.h"
#include "policies/dates.h"
#include "report/gather/points.h"
#include "report/json.h"
#include "storage/repository.h"
#include "storage/restore.h"

#define BAR_WIDTH 40

struct arguments {
    const char *what, *repository;
    struct restore_request request;
    struct strlist disks;
    bool has_at, json, fallback;
    int64_t at;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    (void)sig;
    interrupted = 1;
}

static void catch_signals(void)
{
    const struct sigaction sa = {.sa_handler = on_signal};

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN); /* whoever reads what we print may be gone: the files count */
}

/* ---- arguments ---- */

static int read_at(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    (void)name;
    a->has_at = true;
    return time_parse(value, &a->at, err);
}

static int read_bandwidth(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    if (rate_parse(value, &a->request.bandwidth, err) < 0)
        return -1;
    return a->request.bandwidth ? 0 : err_set(err, ERR_INVALID, "%s: 0 is no rate", name);
}

/* ---- finding the point ---- */

/* 0, or an exit code. */
static int choose(const struct arguments *a, const struct point_list *all,
                  struct point_choice *choice)
{
    struct err err = ERR_INIT;

    if (point_choose(all, a->what, a->has_at ? &a->at : NULL, choice, &err) < 0)
        return cli_fail("restore", &err);
    if (choice->passed_over)
        fprintf(stderr, "vmkeep: restore: %zu newer point%s not whole, and passed over\n",
                choice->passed_over, choice->passed_over > 1 ? "s are" : " is");
    if (!choice->by_domain && choice->point->state != POINT_GOOD)
        fprintf(stderr, "vmkeep: restore: %s is marked %s; trying all the same\n",
                choice->point->id, point_state_name(choice->point->state));
    return 0;
}

static int points_of_repository(const char *path, struct point_list *ret)
{
    CLEANUP(strlist_done) struct strlist damaged = {0};
    struct err err = ERR_INIT;

    if (repository_list(path, ret, &damaged, &err) < 0)
        return cli_fail("restore", &err);
    for (size_t i = 0; i < damaged.n; i++)
        fprintf(stderr, "vmkeep: restore: %s (left out)\n", damaged.items[i]);
    return 0;
}

static int points_of_catalog(const struct config *config, const char *what, struct point_list *ret)
{
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, &catalog);

    if (code == 0 && points_meant(catalog, what, time(NULL), ret, &err) < 0)
        code = cli_fail("restore", &err);
    catalog_close(catalog);
    if (code != 0)
        fputs("vmkeep: restore: a repository can be restored from without the catalog: "
              "--repository PATH\n",
              stderr);
    return code;
}

/* ---- while it runs ---- */

static bool on_progress(void *ctx, const char *disk, bool checking, double fraction)
{
    const bool *terminal = ctx;
    int filled = (int)(fraction * BAR_WIDTH);

    if (*terminal) {
        fprintf(stderr, "\r[%.*s%*s] %3d %%  %s%s \033[K", filled,
                "########################################", BAR_WIDTH - filled, "",
                (int)(fraction * 100), checking ? "checking " : "", disk);
        fflush(stderr);
    }
    return !interrupted;
}

/* ---- the result ---- */

static void print_json(const struct restore_result *res, const char *format)
{
    json_t *disks = json_array();

    for (size_t i = 0; i < res->disks.n; i++) {
        const struct restored_disk *d = &res->disks.items[i];

        json_array_append_new(disks, json_pack("{s:o, s:o, s:s, s:o, s:o}", "name",
                                               report_json_text(d->name), "path",
                                               report_json_text(d->path), "format", format,
                                               "capacity", report_json_number((int64_t)d->capacity),
                                               "bytes", report_json_number((int64_t)d->bytes)));
    }
    report_json_print(json_pack("{s:o, s:o, s:o, s:o}", "point", report_json_text(res->point.id),
                                "created", report_json_time(res->point.created), "disks", disks,
                                "definition", report_json_text(res->definition)),
                      stdout);
}

static bool lacks_secrets(const char *definition)
{
    CLEANUP_FREE char *text = NULL;
    struct err ignored = ERR_INIT;

    return read_file(definition, (size_t)1 << 20, &text, NULL, &ignored) == 0 &&
           (strstr(text, "-TO-FILL-IN") || strstr(text, "LEFT-OUT"));
}

static void print_use(const struct restore_result *res)
{
    const char *definition = res->definition;
    const char *name = definition ? strrchr(definition, '/') + 1 : "";

    if (strcmp(name, "domain.xml") == 0)
        printf("To use them, name these files as the disks' sources in %s, then: virsh define %s\n",
               definition, definition);
    else if (strcmp(name, "qemu.sh") == 0)
        printf("To start it on these disks, without a network: %s -display gtk\n"
               "It says at its beginning what is different from what ran.\n%s",
               definition,
               lacks_secrets(definition) ? "Secrets are not kept in points: fill in what it has as "
                                           "PATH-TO-FILL-IN, ID-TO-FILL-IN or LEFT-OUT.\n"
                                         : "");
    else
        printf("To use them, give them to QEMU as drives; each image stands alone.\n");
}

static void print_text(const struct restore_result *res, bool dry_run)
{
    const struct point *p = &res->point;
    char when[TIMEFMT_MAX], capacity[SIZE_TEXT_MAX], bytes[SIZE_TEXT_MAX];

    printf("%s %s/%s as it was at %s (%s)\n", dry_run ? "Would restore" : "Restored", p->host,
           p->domain, time_local(p->created, when), p->id);
    for (size_t i = 0; i < res->disks.n; i++) {
        const struct restored_disk *d = &res->disks.items[i];

        printf("  %-8s %s  (%s, %s%s on disk)\n", d->name, d->path,
               size_text(d->capacity, capacity), dry_run ? "about " : "",
               size_text(d->bytes, bytes));
    }
    if (res->definition)
        printf("  %-8s %s\n", "", res->definition);
    if (!dry_run)
        print_use(res);
}

/* Says which point it will be where that was not named. */
static void announce(const struct arguments *a, const struct point_choice *choice)
{
    if (!choice->by_domain || a->json)
        return;
    printf("The %s good point%s is %s.\n", a->has_at ? "newest" : "latest",
           a->has_at ? " by then" : "", choice->point->id);
    fflush(stdout);
}

/* Tries the one point.  *ret_source: its files are to blame for a failure, so another one may
 * do. */
static int try_point(struct arguments *a, const struct restore_source *s, const struct point *p,
                     struct restore_result *res, bool *ret_source, struct err *err)
{
    CLEANUP_FREE char *path = NULL;
    bool terminal = isatty(STDERR_FILENO);
    int rc;

    *ret_source = true;
    if (restore_source_check(s, p, &path, err) < 0)
        return -1;
    *ret_source = false;
    if (restore_place_check(s, p, a->request.to, a->request.format, &a->disks, err) < 0)
        return -1;
    a->request.repository = path;
    a->request.point_id = p->id;
    a->request.disks = &a->disks;
    a->request.progress = on_progress;
    a->request.ctx = &terminal;
    rc = restore_run(&a->request, res, err);
    if (terminal && !a->request.dry_run)
        fputs("\r\033[K", stderr);
    if (rc < 0 && err->code == ERR_CANCELED)
        err_wrap(err, "interrupted");
    if (rc < 0 && res->bad_point) {
        *ret_source = true;
        restore_source_damaged(s, res->bad_point, err);
    }
    if (rc == 0 && !a->request.no_verify && !a->request.dry_run && a->disks.n == 0)
        restore_source_whole(s, p);
    return rc;
}

/* The point cannot be restored: is there an older one, and may it be taken?  NULL: no. */
static const struct point *fall_back(const struct arguments *a, const struct restore_source *s,
                                     const struct point *p, const struct err *why)
{
    const struct point *next = restore_source_next(s, p);
    char when[TIMEFMT_MAX];

    if (!next)
        fprintf(stderr, "vmkeep: restore: no older point of %s/%s can be restored either\n",
                p->host, p->domain);
    else if (!a->fallback)
        fprintf(stderr,
                "vmkeep: restore: the newest before it that can be restored is %s, of %s: name it, "
                "or give --fallback\n",
                next->id, time_local(next->created, when));
    if (!next || !a->fallback)
        return NULL;
    fprintf(stderr, "vmkeep: restore: %s cannot be restored: %s\n", p->id, why->msg);
    fprintf(stderr, "vmkeep: restore: taking %s, of %s\n", next->id,
            time_local(next->created, when));
    return next;
}

/* A point that is only not what its manifests say can be had all the same, by who wants that. */
static void offer_no_verify(const struct restore_source *s, const struct point *p,
                            const struct err *why)
{
    struct restore_source unverified = *s;
    CLEANUP_FREE char *path = NULL;
    struct err ignored = ERR_INIT;

    unverified.no_verify = true;
    if (!s->no_verify && why->code == ERR_CORRUPT &&
        restore_source_check(&unverified, p, &path, &ignored) == 0)
        fputs("vmkeep: restore: --no-verify restores what can be read of it, with whatever is "
              "wrong in it\n",
              stderr);
}

static void tell_odd(const struct restore_result *res)
{
    for (size_t i = 0; i < res->odd.n; i++)
        fprintf(stderr, "vmkeep: restore: %s; what is missing reads as zeroes\n",
                res->odd.items[i]);
}

static int restore(struct arguments *a, const struct restore_source *s,
                   const struct point_choice *choice)
{
    const struct point *p = choice->point;

    catch_signals();
    announce(a, choice);
    for (;;) {
        CLEANUP(restore_result_done) struct restore_result res = {0};
        const struct point *next = NULL;
        struct err err = ERR_INIT;
        bool source;
        int code;

        if (try_point(a, s, p, &res, &source, &err) == 0) {
            tell_odd(&res);
            if (a->json)
                print_json(&res, a->request.format);
            else
                print_text(&res, a->request.dry_run);
            return EXIT_DONE;
        }
        if (!source)
            return cli_fail("restore", &err);
        if (a->fallback) {
            next = fall_back(a, s, p, &err);
            if (next) {
                p = next;
                continue;
            }
            return cli_fail("restore", &err);
        }
        code = cli_fail("restore", &err);
        offer_no_verify(s, p, &err);
        fall_back(a, s, p, &err);
        return code;
    }
}

static int find_and_restore(struct arguments *a)
{
    CLEANUP(point_list_done) struct point_list all = {0};
    struct restore_source source = {
        .repository = a->repository, .no_verify = a->request.no_verify, .all = &all};
    struct config *config = NULL;
    struct point_choice choice = {0};
    int code;

    if (a->repository) {
        code = points_of_repository(a->repository, &all);
        points_judge_dates(&all, time(NULL));
    } else {
        code = cli_load_config(&config);
        source.config = config;
        if (code == 0)
            code = points_of_catalog(config, a->what, &all);
    }
    if (code == 0)
        code = choose(a, &all, &choice);
    if (code == 0)
        code = restore(a, &source, &choice);
    config_free(config);
    return code;
}

static int run(void *arguments)
{
    struct arguments *a = arguments;

    if (!a->request.to || !*a->request.to)
        return cli_usage("restore", "say where to with --to DIR");
    return find_and_restore(a);
}

const struct command cmd_restore = {
    .name = "restore",
    .summary = "get a restore point's disks back as plain images",
    .synopses = (const char *const[]){"POINT --to DIR [OPTION]...",
                                      "DOMAIN [--at TIME] --to DIR [OPTION]...", NULL},
    .about =
        (const char *const[]){
            "Writes the disks of a restore point into DIR as images that stand alone, one file a "
            "disk, and how to start them beside them: libvirt's domain.xml as it was, or qemu.sh, "
            "a script with the command line that the domain ran with. POINT is a point's id, or an "
            "end of it that only one has, such as 2026-11-23T02-30-00Z.nightly. Of a DOMAIN it is "
            "the newest good point, at or before TIME where that is given. If the point cannot be "
            "restored "
            "(it is damaged, or its repository is not there), the newest one before it that can be "
            "is named; with --fallback that one is taken, for a POINT, too.",
            "All images that are read, the point's and those that it stands on, are held against "
            "the digests in their manifests first. A point that is found damaged is marked so, and "
            "the next backup does not stand on it, until a restore of all its disks finds it "
            "whole. With --no-verify no digest is computed, and an image that is longer or shorter "
            "than its manifest says is taken, too, with a warning: what QEMU can still read of the "
            "point is restored, right or wrong. An image that is not there, is no qcow2, or stands "
            "on another one than its manifest says is refused all the same.",
            "Nothing that is in DIR is overwritten, DIR may not lie in a repository, and a restore "
            "that fails or is interrupted leaves nothing behind.",
            "qemu.sh runs on the restored disks and on nothing else: networks, sockets, files that "
            "QEMU writes, and disks that are not in the point are left out or connected to "
            "nothing, so that it may be started beside the domain itself; its first lines say "
            "what is different. Options of QEMU that it is given come last, such as -display gtk. "
            "It is made when all disks are restored. Secrets are not kept: where it has "
            "PATH-TO-FILL-IN (a file), ID-TO-FILL-IN (of a secret object) or LEFT-OUT, these are "
            "to be filled in. The command line itself is qemu.args in the point's directory.",
            "A restore reads the images twice, for their digests and to write them, as fast as the "
            "disks give and take. Where guests run on the same disks, --bandwidth leaves them "
            "their share: it holds for what is read for the digests, and for what is written.",
            "With --repository neither catalog nor configuration is needed: so a repository alone, "
            "on another machine, is enough.",
            NULL},
    .operands =
        (const struct command_operand[]){
            {OPERAND("POINT|DOMAIN", what), .words = WORD_DOMAIN | WORD_POINT}, {0}},
    .options =
        (const struct command_option[]){
            {TEXT("to", "DIR", request.to, "where to; it is made if it is not there"),
             .words = WORD_DIRECTORY},
            {READ("at", "TIME", read_at,
                  "as the domain was then: YYYY-MM-DD [HH:MM[:SS]], local, or RFC 3339")},
            {LIST("disk", "NAME", disks, "this disk only; may be given several times")},
            {TEXT("format", "qcow2|raw", request.format, "of the images; qcow2 by default"),
             .choices = (const char *const[]){"qcow2", "raw", NULL}},
            {FLAG("fallback", fallback,
                  "when the point cannot be restored, take the newest before it that can")},
            {FLAG("no-verify", request.no_verify,
                  "check neither digests nor lengths: restore what can be read, right or wrong")},
            {READ("bandwidth", "RATE", read_bandwidth,
                  "read and write at most so much a second, such as 50MiB/s; no limit by default")},
            {FLAG("dry-run", request.dry_run,
                  "say what would be written, and check for space and files in the way")},
            {TEXT("repository", "PATH", repository, "straight from this repository"),
             .words = WORD_DIRECTORY},
            {FLAG("json", json, "print {point, created, disks, definition}")},
            {0}},
    .wants = "name one point or domain",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND, "no such point, domain or disk"},
                                           {EXIT_BUSY, "busy"},
                                           {EXIT_DAMAGED, "the point is damaged"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples =
        (const char *const[]){
            "vmkeep restore web01 --to /srv/restore/web01",
            "vmkeep restore web01 --at '2026-11-20 12:00' --disk vda --to /tmp/web01",
            "vmkeep restore 2026-11-23T02-30-00Z.nightly --to /tmp/web01 --format raw",
            "vmkeep restore web01 --bandwidth 50MiB/s --to /srv/restore/web01",
            "vmkeep restore web01 --repository /mnt/usb/backup --to /tmp/web01 --dry-run", NULL},
    ARGUMENTS,
    .defaults = &(const struct arguments){.request.format = "qcow2"},
    .run = run,
};
