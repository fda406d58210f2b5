/* SPDX-License-Identifier: MIT
 *
 * vmkeep files: single files out of a point.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/found_point.h"
#include "cli/interrupted.h"
#include "cli/opened_tree.h"
#include "cli/restore_place.h"
#include "cli/tree_files.h"
#include "report/json.h"
#include "report/wrap.h"

struct arguments {
    struct point_wish point; /* first */
    const char *action, *file, *to;
    struct tree_wish wish;
    bool force, json;
};

static const char *const actions[] = {"ls", "cat", "get", NULL};

/* ---- get ---- */

/* The last part of the path; of all that is on a disk, the disk's name.  Caller frees. */
static char *name_of(const struct arguments *a, const struct opened_tree *t)
{
    CLEANUP_FREE char *path = path_absolute(a->file);
    const char *name = strrchr(path, '/') + 1;

    return xstrdup(
        *name && !str_eq(name, ".") && !str_eq(name, "..") ? name : t->served.disks.items[0].name);
}

static void tell_copied(const struct arguments *a, const char *to, const struct tree_copied *c)
{
    char size[SIZE_TEXT_MAX];

    if (c->skipped)
        fprintf(stderr, "vmkeep: files: %" PRIu64 " socket%s, device%s or the like left out\n",
                c->skipped, plural_s(c->skipped), plural_s(c->skipped));
    if (a->json)
        report_json_print(json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "path", report_json_text(to),
                                    "files", (json_int_t)c->files, "directories",
                                    (json_int_t)c->directories, "links", (json_int_t)c->links,
                                    "skipped", (json_int_t)c->skipped, "bytes",
                                    (json_int_t)c->bytes),
                          stdout);
    else
        print_paragraphf(stdout, 0, "", "%s: %" PRIu64 " file%s, %s", to, c->files,
                         plural_s(c->files), size_text(c->bytes, size));
}

static int get(const struct arguments *a, const struct found_point *f, const struct opened_tree *t,
               int root, struct err *err)
{
    CLEANUP(strlist_done) struct strlist none = {0};
    CLEANUP_FREE char *name = name_of(a, t);
    CLEANUP_FREE char *to = xasprintf("%s/%s", a->to ? a->to : ".", name);
    struct tree_copied copied = {0};

    if (restore_place_check(&f->source, f->choice.point, a->to ? a->to : ".", "qcow2", &none, err) <
            0 ||
        (a->to && mkdir_all(a->to, 0700, err) < 0) ||
        tree_copy(root, a->file, to, a->force, &copied, err) < 0)
        return -1;
    tell_copied(a, to, &copied);
    return 0;
}

static int act(const struct arguments *a, const struct found_point *f, const struct opened_tree *t,
               struct err *err)
{
    CLEANUP_CLOSE int root = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    json_t *list = NULL;

    if (root < 0)
        return err_errno(err, errno, "%s", t->dir);
    if (str_eq(a->action, "cat"))
        return tree_cat(root, a->file, STDOUT_FILENO, err);
    if (str_eq(a->action, "get"))
        return get(a, f, t, root, err);
    if (!a->json)
        return tree_list_text(root, a->file ? a->file : "/", stdout, err);
    if (tree_list_json(root, a->file ? a->file : "/", &list, err) < 0)
        return -1;
    report_json_print(list, stdout);
    return 0;
}

/* ---- the command ---- */

static int check_usage(const struct arguments *a)
{
    bool known = false;

    for (size_t i = 0; actions[i]; i++)
        known = known || str_eq(a->action, actions[i]);
    if (!known)
        return cli_usage("files", "'%s' is neither ls, cat nor get", a->action);
    if (!a->file && !str_eq(a->action, "ls"))
        return cli_usage("files", "%s: name a PATH in the guest", a->action);
    if (!str_eq(a->action, "get") && (a->to || a->force))
        return cli_usage("files", "--to and --force go with get");
    return EXIT_DONE;
}

static int run(void *arguments)
{
    struct arguments *a = arguments;
    CLEANUP(found_point_done) struct found_point f = {0};
    CLEANUP(opened_tree_done) struct opened_tree tree = {0};
    struct err err = ERR_INIT;
    int code = check_usage(a);

    a->point.command = "files";
    code = code ? code : found_point_find(&a->point, &f);
    code = code ? code : found_point_hold(&a->point, &f);
    if (code)
        return code;
    interrupted_catch();
    if (opened_tree_open(&a->wish, f.path, f.choice.point, &tree, &err) == 0 &&
        act(a, &f, &tree, &err) == 0)
        return EXIT_DONE;
    return cli_fail("files", &err);
}

const struct command cmd_files = {
    .name = "files",
    .summary = "look at and get single files out of a restore point",
    .synopses =
        (const char *const[]){"POINT|DOMAIN ls [PATH] [OPTION]...",
                              "POINT|DOMAIN cat PATH [OPTION]...",
                              "POINT|DOMAIN get PATH [--to DIR] [--force] [OPTION]...", NULL},
    .about =
        (const char *const[]){
            "Shows what is in a directory of the guest's, hidden files too (ls), prints a file "
            "(cat), or copies a file or a directory with all that is in it (get), into DIR or the "
            "working directory. PATH is as the guest has it; symbolic links are followed within "
            "the file system.",
            "What get copies keeps times and permissions, but neither owners nor setuid bits; "
            "devices and sockets are left out. Nothing is overwritten without --force, which "
            "replaces files one by one and leaves others that are there alone; without it, one "
            "that fails or is interrupted leaves nothing behind.",
            "Of several disks, or several partitions with files, one has to be chosen; which there "
            "are is said. ext2, ext3 and ext4 are read at once, by fuse2fs. All others (XFS, "
            "Btrfs, NTFS, LVM) are read through libguestfs, where guestmount is installed, which "
            "boots a small machine first: seconds with KVM, up to a minute without, and 500 MiB "
            "of memory. The file system is never mounted by this machine's kernel.",
            "A file system that was in use when the point was made is first brought up to date by "
            "its journal, on an overlay that is thrown away: the point stays as it is. While its "
            "files are read a point is not removed.",
            NULL},
    .operands =
        (const struct command_operand[]){POINT_OPERAND,
                                         {OPERAND("ls|cat|get", action), .choices = actions},
                                         {OPERAND("PATH", file), .optional = true},
                                         {0}},
    .options =
        (const struct command_option[]){
            AT_OPTION,
            TREE_OPTIONS,
            {TEXT("to", "DIR", to, "where get copies to; it is made if it is not there"),
             .words = WORD_DIRECTORY},
            {FLAG("force", force, "let get replace files that are there")},
            WHENCE_OPTIONS,
            {FLAG("json", json,
                  "ls: print an array of {name, type, mode, uid, gid, size, modified, target}; "
                  "get: {path, files, directories, links, skipped, bytes}")},
            {0}},
    .wants = "name one point or domain, what to do, and a path",
    .exits = (const struct command_exit[]){{EXIT_DONE, "done"},
                                           {EXIT_FAILED, "failed"},
                                           {EXIT_USAGE, "bad usage or configuration"},
                                           {EXIT_NOT_FOUND,
                                            "no such point, domain, disk, partition or file"},
                                           {EXIT_BUSY, "busy"},
                                           {EXIT_DAMAGED, "the point is damaged"},
                                           {EXIT_INTERRUPTED, "interrupted"},
                                           {0}},
    .examples =
        (const char *const[]){"vmkeep files web01 ls /etc",
                              "vmkeep files web01 cat /etc/fstab --disk vda --partition 1",
                              "vmkeep files web01 get /home/anna --at '2026-11-20 12:00' --to old",
                              NULL},
    ARGUMENTS,
    .run = run,
};
