/* SPDX-License-Identifier: MIT
 *
 * vmkeep mount: the files of a point on a directory, until interrupted.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/found_point.h"
#include "cli/interrupted.h"
#include "cli/opened_tree.h"
#include "report/json.h"
#include "report/wrap.h"

#define WAIT_MS 1000

struct arguments {
    struct point_wish point; /* first */
    struct tree_wish wish;
    bool json;
};

/* What is in it would be hidden. */
static int check_dir(const char *dir, struct err *err)
{
    CLEANUP_CLOSEDIR DIR *d = opendir(dir);
    const struct dirent *e;

    if (!d)
        return err_errno(err, errno, "%s", dir);
    while ((e = readdir(d)))
        if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
            return err_set(err, ERR_EXISTS, "%s: is not empty", dir);
    return 0;
}

static void tell(const struct arguments *a, const struct point *p, const struct opened_tree *t)
{
    const char *disk = t->served.disks.items[0].name;
    char when[TIMEFMT_MAX];

    if (a->json) {
        report_json_print(json_pack("{s:o, s:o, s:o, s:o}", "point", report_json_text(p->id),
                                    "created", report_json_time(p->created), "disk",
                                    report_json_text(disk), "directory",
                                    report_json_text(a->wish.dir)),
                          stdout);
    } else {
        print_paragraphf(stdout, 0, "",
                         "Mounted %s of %s/%s as it was at %s (%s) on %s, read-only.", disk,
                         p->host, p->domain, time_local(p->created, when), p->id, a->wish.dir);
        puts("Until this command is interrupted.");
    }
    fflush(stdout);
}

static int mount_until_interrupted(struct arguments *a, const struct found_point *f,
                                   struct opened_tree *t, struct err *err)
{
    int rc = 0;

    if (check_dir(a->wish.dir, err) < 0 ||
        opened_tree_open(&a->wish, f->path, f->choice.point, t, err) < 0)
        return -1;
    tell(a, f->choice.point, t);
    while (!interrupted && rc == 0)
        rc = opened_tree_wait(t, WAIT_MS, err);
    return rc < 0 ? -1 : 0;
}

static int run(void *arguments)
{
    struct arguments *a = arguments;
    CLEANUP(found_point_done) struct found_point f = {0};
    CLEANUP(opened_tree_done) struct opened_tree tree = {0};
    struct err err = ERR_INIT;
    int code;

    a->point.command = "mount";
    code = found_point_find(&a->point, &f);
    if (code == 0)
        code = found_point_hold(&a->point, &f);
    if (code)
        return code;
    interrupted_catch();
    if (!a->json)
        found_point_announce(&a->point, &f);
    if (mount_until_interrupted(a, &f, &tree, &err) == 0)
        return EXIT_DONE;
    return cli_fail("mount", &err);
}

const struct command cmd_mount = {
    .name = "mount",
    .summary = "mount the files of a restore point, read-only",
    .synopses = (const char *const[]){"POINT|DOMAIN DIR [OPTION]...", NULL},
    .about =
        (const char *const[]){
            "Mounts a file system of a restore point's disk on DIR, which must be there and empty, "
            "until the command is interrupted or DIR is unmounted. It is read-only, and seen by "
            "this user alone.",
            "Which disk, partition and volume, what has to be installed for it, and how a file "
            "system that was in use is brought up to date: as with `vmkeep files`. A point is not "
            "removed while it is mounted.",
            NULL},
    .operands =
        (const struct command_operand[]){
            POINT_OPERAND, {OPERAND("DIR", wish.dir), .words = WORD_DIRECTORY}, {0}},
    .options =
        (const struct command_option[]){
            AT_OPTION,
            TREE_OPTIONS,
            WHENCE_OPTIONS,
            {FLAG("json", json, "print {point, created, disk, directory} once it is mounted")},
            {0}},
    .wants = "name one point or domain, and a directory",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "mounted until interrupted"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "no such point, domain, disk or partition"},
                                      {EXIT_BUSY, "busy"},
                                      {EXIT_DAMAGED, "the point is damaged"},
                                      {EXIT_INTERRUPTED, "interrupted before it was mounted"},
                                      {0}},
    .examples =
        (const char *const[]){"vmkeep mount web01 /mnt",
                              "vmkeep mount web01 /mnt --at 2026-11-20 --partition 2", NULL},
    ARGUMENTS,
    .run = run,
};
