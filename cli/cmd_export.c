/* SPDX-License-Identifier: MIT
 *
 * vmkeep export: a point's disks over NBD, until interrupted.  It needs no daemon and no
 * hypervisor, and with --repository no catalog and no configuration either.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/names.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/found_point.h"
#include "cli/interrupted.h"
#include "cli/restore_place.h"
#include "cli/served.h"
#include "report/json.h"
#include "report/table.h"
#include "report/wrap.h"

#define WAIT_MS 1000
#define LOOPBACK "127.0.0.1"

struct arguments {
    struct point_wish point; /* first */
    const char *socket, *address, *scratch, *keep;
    struct strlist disks;
    int64_t port;
    bool writable, json;
};

/* ---- overlays that stay ---- */

/* One that is there is gone on with, if it stands on this very image. */
static int check_overlay(const struct served_disk *d, struct err *err)
{
    const char *argv[] = {"qemu-img", "info", "--output=json", "-f", "qcow2", d->overlay, NULL};
    CLEANUP_FREE char *out = NULL, *image = realpath(d->image, NULL), *stands_on = NULL;
    const char *backing = NULL;
    json_t *o;

    if (!path_exists(d->overlay))
        return 0;
    if (proc_run(argv, &out, err) < 0)
        return -1;
    o = json_loads(out, 0, NULL);
    if (o && json_unpack(o, "{s:s}", "full-backing-filename", &backing) == 0)
        stands_on = realpath(backing, NULL);
    json_decref(o);
    if (stands_on && str_eq(stands_on, image))
        return 0;
    return err_set(err, ERR_EXISTS,
                   "%s: is there already, and is no overlay of this point's disk %s; choose "
                   "another name",
                   d->overlay, d->name);
}

/* Of one disk it is the file, of several a directory of them. */
static int name_overlays(const char *keep, struct served *s, struct err *err)
{
    struct stat st;
    const bool dir = stat(keep, &st) == 0 && S_ISDIR(st.st_mode);

    if (!dir && s->disks.n > 1)
        return err_set(err, ERR_INVALID,
                       "--keep-overlay: %zu disks are exported: name a directory that is there, or "
                       "one disk with --disk",
                       s->disks.n);
    for (size_t i = 0; i < s->disks.n; i++) {
        struct served_disk *d = &s->disks.items[i];
        CLEANUP_FREE char *name = name_escape(d->name);
        CLEANUP_FREE char *file = dir ? xasprintf("%s/%s.qcow2", keep, name) : xstrdup(keep);

        d->overlay = path_absolute(file);
        if (check_overlay(d, err) < 0)
            return -1;
    }
    return 0;
}

/* Nothing of ours is made in a repository, nor over a disk. */
static int check_place(const struct arguments *a, const struct found_point *f,
                       const struct served *s, struct err *err)
{
    for (size_t i = 0; a->keep && i < s->disks.n; i++) {
        CLEANUP_FREE char *dir = path_dirname(s->disks.items[i].overlay);

        if (restore_place_check(&f->source, f->choice.point, dir, "qcow2", &a->disks, err) < 0)
            return -1;
    }
    if (!a->scratch)
        return 0;
    return restore_place_check(&f->source, f->choice.point, a->scratch, "qcow2", &a->disks, err);
}

/* ---- what is said ---- */

static json_t *disks_json(const struct served *s)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < s->disks.n; i++) {
        const struct served_disk *d = &s->disks.items[i];
        CLEANUP_FREE char *uri = served_uri(s, d);

        json_array_append_new(ret,
                              json_pack("{s:o, s:o, s:o, s:o}", "name", report_json_text(d->name),
                                        "uri", report_json_text(uri), "capacity",
                                        report_json_number((int64_t)d->capacity), "overlay",
                                        report_json_text(d->overlay)));
    }
    return ret;
}

static void tell_json(const struct served *s, const struct point *p)
{
    report_json_print(json_pack("{s:o, s:o, s:b, s:o}", "point", report_json_text(p->id), "created",
                                report_json_time(p->created), "writable", s->writable, "disks",
                                disks_json(s)),
                      stdout);
}

static void tell_text(const struct served *s, const struct point *p)
{
    char when[TIMEFMT_MAX], size[SIZE_TEXT_MAX];

    print_paragraphf(stdout, 0, "", "Serving %s/%s as it was at %s (%s), %s:", p->host, p->domain,
                     time_local(p->created, when), p->id,
                     !s->writable                ? "read-only"
                     : s->disks.items[0].overlay ? "writable; what is written is kept"
                                                 : "writable; what is written is thrown away");
    for (size_t i = 0; i < s->disks.n; i++) {
        const struct served_disk *d = &s->disks.items[i];
        CLEANUP_FREE char *uri = served_uri(s, d);

        printf("  %-8s %s  (%s)\n", d->name, uri, size_text(d->capacity, size));
        if (d->overlay)
            printf("  %-8s %s\n", "", d->overlay);
    }
    puts("Until this command is interrupted.");
}

static void warn_of_open(const struct arguments *a)
{
    if (a->address && strcmp(a->address, LOOPBACK) != 0 && strcmp(a->address, "::1") != 0)
        fprintf(
            stderr,
            "vmkeep: export: warning: whoever reaches %s port %d can read the disks%s: there is "
            "no password and no encryption\n",
            a->address, (int)a->port, a->writable ? ", and write to the overlays" : "");
}

/* ---- serving ---- */

static int serve_until_interrupted(const struct arguments *a, struct served *s,
                                   const struct point *p, struct err *err)
{
    if (served_start(s, &interrupted, err) < 0)
        return -1;
    if (a->json)
        tell_json(s, p);
    else
        tell_text(s, p);
    fflush(stdout);
    while (!interrupted)
        if (served_wait(s, WAIT_MS, err) < 0)
            return -1;
    return 0;
}

static int export_it(const struct arguments *a, struct found_point *f)
{
    CLEANUP(served_done)
    struct served s = {.writable = a->writable,
                       .scratch = xstrdup(a->scratch),
                       .socket = a->socket,
                       .port = (int)a->port,
                       .address = a->address ? a->address : LOOPBACK};
    const struct point *p;
    struct err err = ERR_INIT;
    int code = found_point_hold(&a->point, f);

    if (code)
        return code;
    p = f->choice.point; /* which may have been found in another place */
    interrupted_catch();
    if (!a->json)
        found_point_announce(&a->point, f);
    warn_of_open(a);
    if (served_add(&s, f->path, p, &a->disks, &err) == 0 &&
        (!a->keep || name_overlays(a->keep, &s, &err) == 0) && check_place(a, f, &s, &err) == 0 &&
        serve_until_interrupted(a, &s, p, &err) == 0)
        return EXIT_DONE;
    return interrupted ? EXIT_DONE : cli_fail("export", &err);
}

static int run(void *arguments)
{
    struct arguments *a = arguments;
    CLEANUP(found_point_done) struct found_point f = {0};
    struct in6_addr parsed;
    int code;

    if (a->socket && !*a->socket)
        return cli_usage("export", "--socket: an empty name");
    if (a->address && inet_pton(AF_INET, a->address, &parsed) != 1 &&
        inet_pton(AF_INET6, a->address, &parsed) != 1)
        return cli_usage("export", "--address: '%s' is no address", a->address);
    a->point.command = "export";
    code = found_point_find(&a->point, &f);
    return code ? code : export_it(a, &f);
}

const struct command cmd_export = {
    .name = "export",
    .summary = "serve a restore point's disks over NBD",
    .synopses = (const char *const[]){"POINT [OPTION]...", "DOMAIN [--at TIME] [OPTION]...", NULL},
    .about =
        (const char *const[]){
            "Serves the disks of a restore point as they were, each as an NBD export of its name, "
            "for as long as the command runs: for qemu-img, nbdcopy, guestmount, or QEMU itself. "
            "Nothing is copied first, so any point is there at once, whatever its size. The "
            "addresses are printed when they can be connected to. What is served is not held "
            "against the digests; `vmkeep restore` does that.",
            "It is served on a unix socket in a directory that only this user can enter. Where "
            "another user has to get at it (libvirt's QEMU, say), --socket gives it a place of its "
            "own, or --port a TCP port on 127.0.0.1, which any user of this machine can connect "
            "to. With --address the port can be reached from elsewhere, by whoever reaches it: "
            "NBD as served here has neither passwords nor encryption.",
            "With --writable what is written goes to an overlay, and the point stays as it is: so "
            "a domain can be booted from it at once. Its space is taken as it is written, in DIR, "
            "and is free again when the command ends, however it does. With --keep-overlay the "
            "overlay stays and another export goes on with it; `qemu-img convert -O qcow2 FILE "
            "NEW` makes an image of it that stands alone. Until then it needs the point: pin that, "
            "or let no prune remove it.",
            "While it is exported a point is not removed. The command needs no daemon; with "
            "--repository PATH neither catalog nor configuration.",
            NULL},
    .operands = (const struct command_operand[]){POINT_OPERAND, {0}},
    .options =
        (const struct command_option[]){
            AT_OPTION,
            {LIST("disk", "NAME", disks, "this disk only; may be given several times")},
            {TEXT("socket", "PATH", socket, "the unix socket to serve on; must not be there yet"),
             .words = WORD_FILE, .rivals = 1},
            {NUMBER("port", "N", port, 1, 65535, "or the TCP port"), .rivals = 1},
            {TEXT("address", "ADDRESS", address, "of the port; 127.0.0.1 by default"),
             .with = "port"},
            {FLAG("writable", writable, "let clients write, to an overlay that is thrown away")},
            {TEXT("scratch", "DIR", scratch, "for that overlay; TMPDIR, or /var/tmp by default"),
             .words = WORD_DIRECTORY, .with = "writable", .rivals = 2},
            {TEXT("keep-overlay", "FILE", keep,
                  "keep the overlay, here; of several disks a directory that is there"),
             .words = WORD_FILE, .with = "writable", .rivals = 2},
            WHENCE_OPTIONS,
            {FLAG("json", json,
                  "print {point, created, writable, disks: [{name, uri, capacity, overlay}]}")},
            {0}},
    .wants = "name one point or domain",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "served until interrupted"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "no such point, domain, disk or repository"},
                                      {EXIT_BUSY, "busy"},
                                      {EXIT_DAMAGED, "the point is damaged"},
                                      {0}},
    .examples =
        (const char *const[]){
            "vmkeep export web01",
            "vmkeep export web01 --at '2026-11-20 12:00' --disk vda --port 10809",
            "vmkeep export 2026-11-23T02-30-00Z.nightly --writable --socket /run/web01.nbd",
            "vmkeep export web01 --disk vda --writable --keep-overlay /srv/web01.qcow2", NULL},
    ARGUMENTS,
    .run = run,
};
