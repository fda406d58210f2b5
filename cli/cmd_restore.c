/* SPDX-License-Identifier: MIT
 *
 * vmkeep restore: a point's disks as plain images.  It needs no daemon and no hypervisor, and with
 * --repository no catalog and no configuration either.
 */
#include <jansson.h>
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
#include "storage/repository.h"
#include "storage/restore.h"

#define BAR_WIDTH 40

static const char help[] =
    "Usage: vmkeep restore POINT --to DIR [OPTION]...\n"
    "       vmkeep restore DOMAIN [--at TIME] --to DIR [OPTION]...\n"
    "\n"
    "Writes the disks of a restore point into DIR as images that stand alone, one file a disk,\n"
    "and the domain's definition beside them. POINT is a point's id, or an end of it that only one\n"
    "has, such as 2026-11-23T02-30-00Z.nightly. Of a DOMAIN it is the newest good point, at or\n"
    "before TIME where that is given; if that one cannot be restored, the newest that can be is\n"
    "named. All that is read is held against its digests first, and a damaged point is marked so.\n"
    "Nothing that is in DIR is overwritten, DIR may not lie in a repository, and a restore that\n"
    "fails or is interrupted leaves nothing behind.\n"
    "\n"
    "  --to DIR           where to; it is made if it is not there\n"
    "  --at TIME          as the domain was then: YYYY-MM-DD [HH:MM[:SS]], local, or RFC 3339\n"
    "  --disk NAME        this disk only; may be given several times\n"
    "  --format FORMAT    qcow2 (default) or raw\n"
    "  --fallback         take the newest point that can be restored when the one meant cannot\n"
    "  --no-verify        do not check the digests of what is restored\n"
    "  --dry-run          say what would be written, and check for space and files in the way\n"
    "  --repository PATH  straight from this repository: no catalog or configuration is needed\n"
    "  --json             print {point, created, disks, definition}\n"
    "  --help             print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 4 no such point, domain or disk, 5 busy,\n"
    "7 the point is damaged, 130 interrupted.\n"
    "\n"
    "Examples:\n"
    "  vmkeep restore web01 --to /srv/restore/web01\n"
    "  vmkeep restore web01 --at '2026-11-20 12:00' --disk vda --to /tmp/web01\n"
    "  vmkeep restore local/web01/2026-11-23T02-30-00Z.nightly --to /tmp/web01 --format raw\n"
    "  vmkeep restore web01 --repository /mnt/usb/backup --to /srv/restore/web01 --dry-run\n";

struct arguments {
    const char *what, *repository;
    struct restore_request request;
    struct strlist disks;
    bool has_at, json, help, fallback;
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

static int take_option(struct arguments *a, int c, struct err *err)
{
    switch (c) {
    case 't':
        a->request.to = optarg;
        return 0;
    case 'a':
        a->has_at = true;
        return time_parse(optarg, &a->at, err) < 0 ? err_wrap(err, "--at") : 0;
    case 'd':
        strlist_add(&a->disks, optarg);
        return 0;
    case 'f':
        a->request.format = optarg;
        if (strcmp(optarg, "qcow2") != 0 && strcmp(optarg, "raw") != 0)
            return err_set(err, ERR_INVALID, "--format: '%s' is neither qcow2 nor raw", optarg);
        return 0;
    case 'n':
        a->request.dry_run = true;
        return 0;
    case 'b':
        a->fallback = true;
        return 0;
    case 'v':
        a->request.no_verify = true;
        return 0;
    case 'r':
        a->repository = optarg;
        return 0;
    case 'j':
        a->json = true;
        return 0;
    default:
        a->help = true;
        return 0;
    }
}

/* 0, or an exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},
        {"at", required_argument, NULL, 'a'},
        {"disk", required_argument, NULL, 'd'},
        {"format", required_argument, NULL, 'f'},
        {"fallback", no_argument, NULL, 'b'},
        {"no-verify", no_argument, NULL, 'v'},
        {"dry-run", no_argument, NULL, 'n'},
        {"repository", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct err err = ERR_INIT;
    int c;

    while ((c = cli_option(argc, argv, options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (take_option(a, c, &err) < 0)
            return cli_usage("restore", "%s", err.msg);
    }
    if (a->help)
        return 0;
    if (optind + 1 != argc)
        return cli_usage("restore", "%s (see 'vmkeep restore --help')",
                         optind == argc ? "name a point or a domain"
                                        : "name one point or domain only");
    a->what = argv[optind];
    if (!a->request.to || !*a->request.to)
        return cli_usage("restore", "say where to with --to DIR");
    return 0;
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

static int points_of_catalog(const struct config *config, struct point_list *ret)
{
    const struct point_filter any = {0};
    struct catalog *catalog = NULL;
    struct err err = ERR_INIT;
    int code = cli_open_catalog(config, &catalog);

    if (code == 0 && catalog_points(catalog, &any, ret, &err) < 0)
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
    json_t *disks = json_array(), *o;
    char created[TIMEFMT_MAX];

    for (size_t i = 0; i < res->disks.n; i++) {
        const struct restored_disk *d = &res->disks.items[i];

        json_array_append_new(disks,
                              json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", d->name, "path",
                                        d->path, "format", format, "capacity",
                                        (json_int_t)d->capacity, "bytes", (json_int_t)d->bytes));
    }
    o = json_pack("{s:s, s:s, s:o, s:s?}", "point", res->point.id, "created",
                  time_utc(res->point.created, created), "disks", disks, "definition",
                  res->definition);
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
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
    else if (strcmp(name, "qemu.args") == 0)
        printf(
            "To use them, start QEMU with the arguments in %s and these files as the drives.\n%s",
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

/* The point cannot be restored: is there another one, and may it be taken?  NULL: no. */
static const struct point *fall_back(const struct arguments *a, const struct restore_source *s,
                                     const struct point *p, const struct err *why)
{
    const struct point *next = restore_source_next(s, a->what, a->has_at ? &a->at : NULL, p);
    char when[TIMEFMT_MAX];

    if (!next)
        fprintf(stderr, "vmkeep: restore: no older point of %s can be restored either\n", a->what);
    else if (!a->fallback)
        fprintf(stderr,
                "vmkeep: restore: the newest that can be restored is %s, of %s: name it, or give "
                "--fallback\n",
                next->id, time_local(next->created, when));
    if (!next || !a->fallback)
        return NULL;
    fprintf(stderr, "vmkeep: restore: %s cannot be restored: %s\n", p->id, why->msg);
    fprintf(stderr, "vmkeep: restore: taking %s, of %s\n", next->id,
            time_local(next->created, when));
    return next;
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
            if (a->json)
                print_json(&res, a->request.format);
            else
                print_text(&res, a->request.dry_run);
            return EXIT_DONE;
        }
        if (!choice->by_domain || !source)
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
        fall_back(a, s, p, &err);
        return code;
    }
}

static int run(struct arguments *a)
{
    CLEANUP(point_list_done) struct point_list all = {0};
    struct restore_source source = {.repository = a->repository, .all = &all};
    struct config *config = NULL;
    struct point_choice choice = {0};
    int code;

    if (a->repository) {
        code = points_of_repository(a->repository, &all);
    } else {
        code = cli_load_config(&config);
        source.config = config;
        if (code == 0)
            code = points_of_catalog(config, &all);
    }
    points_judge_dates(&all, time(NULL));
    if (code == 0)
        code = choose(a, &all, &choice);
    if (code == 0)
        code = restore(a, &source, &choice);
    config_free(config);
    return code;
}

int cmd_restore(int argc, char **argv)
{
    struct arguments a = {.request.format = "qcow2"};
    int code = parse_arguments(argc, argv, &a);

    if (code == 0 && a.help)
        fputs(help, stdout);
    else if (code == 0)
        code = run(&a);
    strlist_done(&a.disks);
    return code;
}
