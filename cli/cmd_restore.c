/* SPDX-License-Identifier: MIT
 *
 * vmkeep restore: a point's disks as plain images.  It needs no daemon and no hypervisor, and with
 * --repository no catalog and no configuration either.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/found_point.h"
#include "cli/held_point.h"
#include "cli/interrupted.h"
#include "cli/restore_bar.h"
#include "cli/restore_define.h"
#include "cli/restore_in_place.h"
#include "cli/restore_onto.h"
#include "cli/restore_place.h"
#include "cli/restore_source.h"
#include "cli/restored.h"
#include "storage/restore/restore.h"

struct arguments {
    struct point_wish point; /* first */
    struct restore_request request;
    struct restore_define define;
    struct restore_in_place in_place;
    struct restore_onto onto;
    struct strlist disks;
    bool json, fallback;
};

/* ---- arguments ---- */

static int read_bandwidth(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    if (rate_parse(value, &a->request.bandwidth, err) < 0)
        return -1;
    return a->request.bandwidth ? 0 : err_set(err, ERR_INVALID, "%s: 0 is no rate", name);
}

/* It becomes part of file names, too; libvirt has no such names either. */
static int read_name(void *arguments, const char *name, const char *value, struct err *err)
{
    struct arguments *a = arguments;

    if (!*value || strchr(value, '/') || strchr(value, '\n'))
        return err_set(err, ERR_INVALID, "%s: '%s' is no name for a domain", name, value);
    a->request.name = value;
    return 0;
}

/* ---- while it runs ---- */

static bool on_progress(void *ctx, const char *disk, bool checking, uint64_t done, uint64_t all)
{
    restore_bar_draw(ctx, disk, checking, done, all);
    return !interrupted;
}

/* ---- one point ---- */

static void fill_request(struct arguments *a, const struct point *p, const char *path,
                         struct restore_bar *bar)
{
    a->request.repository = path;
    a->request.point_id = p->id;
    a->request.disks = &a->disks;
    a->request.progress = on_progress;
    a->request.ctx = bar;
}

static int take(const struct restore_source *s, const struct point *p, const char *path,
                struct repository_hold *ret, struct err *err)
{
    return held_point_take(&(struct held_point){"restore", s->config, path, p}, ret, err);
}

/* That point or none: what is lost by it was agreed to for this one. */
static int restore_in_place(struct arguments *a, const struct restore_source *s,
                            const struct point *p)
{
    CLEANUP(repository_unhold) struct repository_hold hold = {0};
    CLEANUP_FREE char *path = NULL;
    struct restore_bar bar = {.terminal = isatty(STDERR_FILENO)};
    struct err err = ERR_INIT;

    if (restore_source_check(s, p, &path, &err) < 0 || take(s, p, path, &hold, &err) < 0)
        return cli_fail("restore", &err);
    fill_request(a, p, path, &bar);
    a->in_place.json = a->json;
    return restore_in_place_run(&a->in_place, &a->define, s->config, p, &a->request);
}

static void tell_what_stays(const struct restore_result *res)
{
    for (size_t i = 0; i < res->stay.n; i++)
        fprintf(stderr,
                "vmkeep: restore: %s stays: the same command goes on with it; or remove it\n",
                res->stay.items[i]);
}

/* Tries the one point.  *ret_source: its files are to blame for a failure, so another one may
 * do. */
static int try_point(struct arguments *a, const struct restore_source *s, const struct point *p,
                     struct restore_result *res, bool *ret_source, struct err *err)
{
    CLEANUP(repository_unhold) struct repository_hold hold = {0};
    CLEANUP_FREE char *path = NULL;
    struct restore_bar bar = {.terminal = isatty(STDERR_FILENO)};
    int rc;

    *ret_source = true;
    if (restore_source_check(s, p, &path, err) < 0) {
        if (!a->request.dry_run)
            restore_source_lost(s, p);
        return -1;
    }
    *ret_source = false;
    fill_request(a, p, path, &bar);
    if (take(s, p, path, &hold, err) < 0 ||
        (a->define.define &&
         restore_define_prepare(&a->define, s->config, p, &a->request, err) < 0) ||
        restore_place_check(s, p, a->request.to, a->request.format, &a->disks, err) < 0)
        return -1;
    a->request.resumable = !a->define.pool; /* a pool's directory shows libvirt what is in it */
    rc = restore_run(&a->request, res, err);
    if (bar.terminal && !a->request.dry_run)
        fputs("\r\033[K", stderr);
    if (rc < 0 && err->code == ERR_CANCELED)
        err_wrap(err, "interrupted");
    if (rc < 0)
        tell_what_stays(res);
    if (rc < 0 && res->bad_point) {
        *ret_source = true;
        restore_source_damaged(s, res->bad_point, err);
    }
    if (rc == 0 && !a->request.no_verify && !a->request.dry_run && a->disks.n == 0)
        restore_source_whole(s, p);
    if (rc == 0 && a->define.define && !a->request.dry_run)
        rc = restore_define_run(&a->define, res, err);
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

static void tell(const struct arguments *a, const struct restore_result *res)
{
    const struct restored r = {res, &a->define, a->request.format, a->request.dry_run};

    if (a->json)
        restored_print_json(&r);
    else
        restored_print_text(&r);
}

static int restore(struct arguments *a, const struct restore_source *s, const struct point *p)
{
    if (a->in_place.wanted)
        return restore_in_place(a, s, p);
    for (;;) {
        CLEANUP(restore_result_done) struct restore_result res = {0};
        const struct point *next = NULL;
        struct err err = ERR_INIT;
        bool source;
        int code;

        if (try_point(a, s, p, &res, &source, &err) == 0) {
            tell_odd(&res);
            tell(a, &res);
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
    CLEANUP(found_point_done) struct found_point found = {0};
    int code;

    a->point.command = "restore";
    a->point.no_verify = a->request.no_verify;
    code = found_point_find(&a->point, &found);
    interrupted_catch();
    if (code == 0 && !a->json)
        found_point_announce(&a->point, &found);
    a->onto.yes = a->in_place.yes || a->request.force;
    a->onto.json = a->json;
    if (code == 0 && a->onto.targets.n)
        code = found_point_hold(&a->point, &found);
    else if (code == 0)
        found_point_place(&a->point, &found);
    if (code == 0)
        code = a->onto.targets.n ? restore_onto_run(&a->onto, &found, &a->request)
                                 : restore(a, &found.source, found.choice.point);
    restore_define_done(&a->define);
    return code;
}

static int run(void *arguments)
{
    struct arguments *a = arguments;

    const bool libvirt = a->define.define || a->in_place.wanted;

    if (!libvirt && (a->define.host || a->define.uri || a->define.start))
        return cli_usage("restore", "--host, --uri and --start go with --define or --in-place");
    if (a->in_place.wanted && (a->request.to || a->request.name || a->fallback))
        return cli_usage("restore",
                         "--in-place says where to and which domain, and takes no other point: "
                         "--to, --name and --fallback do not go with it");
    if (a->onto.targets.n && (libvirt || a->request.to || a->request.name || a->fallback ||
                              a->disks.n || a->request.same_identity))
        return cli_usage("restore", "--onto says which disks and where to, and makes no domain: "
                                    "--to, --disk, --define, --in-place and --fallback do not go "
                                    "with it");
    if (a->request.force && (a->in_place.wanted || a->define.pool))
        return cli_usage("restore",
                         "--force replaces files in the DIR of --to: it does not go with "
                         "--in-place or --pool");
    if (a->in_place.yes && !a->in_place.wanted && !a->onto.targets.n)
        return cli_usage("restore", "--yes goes with --in-place or --onto");
    if (a->define.pool && a->request.to)
        return cli_usage("restore", "--to and --pool both say where to: give one");
    if (!a->define.pool && !a->in_place.wanted && !a->onto.targets.n &&
        (!a->request.to || !*a->request.to))
        return cli_usage("restore", "say where to with --to DIR");
    return find_and_restore(a);
}

const struct command cmd_restore = {
    .name = "restore",
    .summary = "get a restore point's disks back as plain images",
    .synopses = (const char *const[]){"POINT --to DIR [OPTION]...",
                                      "DOMAIN [--at TIME] --to DIR [OPTION]...",
                                      "POINT|DOMAIN --define [--name NEW] --to DIR|--pool POOL",
                                      "POINT|DOMAIN --in-place [--disk NAME]... [--yes]",
                                      "POINT|DOMAIN --onto DISK=TARGET... [--yes]", NULL},
    .about =
        (const char *const[]){
            "Writes the disks of a restore point into DIR as images that stand alone, one file a "
            "disk, and how to start them beside them: libvirt's domain.xml, or qemu.sh, a "
            "script with the command line that the domain ran with. POINT is a point's id, or an "
            "end of it that only one has, such as 2026-11-23T02-30-00Z.nightly. Of a DOMAIN it is "
            "the newest good point, at or before TIME where that is given. If the point cannot be "
            "restored "
            "(it is damaged, or its repository is not there), the newest one before it that can be "
            "is named; with --fallback that one is taken, for a POINT, too.",
            "What was written is read back (from memory while it goes to the disk, where half of "
            "what is free holds all of it, else from the disk), and held against the digest of "
            "the disk's contents in the point's manifest; images of older versions, which have a "
            "digest of their file instead, are held against that before anything is written. A "
            "point that is found damaged is marked so, with the bytes that are, and the next "
            "backup does not stand on it, until a restore of all its disks finds it whole. With "
            "--no-verify no digest is computed, and an image that is longer or shorter than its "
            "manifest says is taken, too, with a warning: what QEMU can still read of the point "
            "is restored, right or wrong. An image that is not there, is no qcow2, or stands on "
            "another one than its manifest says is refused all the same.",
            "Nothing that is in DIR is overwritten, unless with --force; then an image that is "
            "there stays until all that replaces it is whole. One that a program of QEMU's has "
            "open, one that is a disk of a domain (by the configuration, or by where the points "
            "that are known come from: --onto and --in-place are for these) or stands below one or "
            "below another image in DIR, and what is no regular file are refused all the same. DIR "
            "may not lie in a repository.",
            "A restore that fails leaves nothing behind. One that was interrupted, or killed, "
            "leaves what it has written as NAME.partial-DIGEST beside where it was to be, and the "
            "same restore into the same DIR goes on with it: what is there is read, and what is "
            "right of it, by the digests, is not written again; a disk that it had finished is "
            "read, and stays. Several disks are restored at "
            "once, one after the other where --bandwidth is given.",
            "qemu.sh runs on the restored disks and on nothing else: networks, sockets, files "
            "that QEMU writes, and disks that are not in the point are left out or connected to "
            "nothing, so that it may be started beside the domain itself; its first lines say "
            "what is different. Options of QEMU that it is given come last, such as -display "
            "gtk. It is made when all disks are restored; of a domain that was shut off, of "
            "what it ran with at the point before. Secrets are not kept: where it has "
            "PATH-TO-FILL-IN (a file), ID-TO-FILL-IN (of a secret object) or LEFT-OUT, these "
            "are to be filled in. The command line itself is qemu.args in the point's "
            "directory.",
            "domain.xml is made for the restored disks and for a domain beside the old one: it has "
            "no UUID and no addresses of network cards, so that libvirt makes new ones, and what "
            "two domains cannot share (devices of the host, shared directories, ports and "
            "sockets) is left out; what is different is said. With --same-identity it is the "
            "domain itself that comes back. With --define it is defined at a libvirt of this "
            "machine, never over a domain that is there, and with --start started. What that host "
            "lacks for it is said before anything is written, and so is a kernel or initrd "
            "that it boots from, when that is gone or another one than then. UEFI variables and "
            "the state of an emulated TPM come along where the point has them; without --define "
            "the latter is tpm.permall, to be put below the UUID in libvirt's swtpm directory "
            "before the first start. domain.xml holds the domain's secrets, such as the password "
            "of its screen: it is for its owner alone.",
            "With --in-place a domain of libvirt's that is shut off gets back the contents of its "
            "disks, in the images that it has; its definition stays. New images are written beside "
            "the old ones, and take their places when all are there; until then the old ones stay, "
            "and one that is interrupted is undone by the next. The domain's checkpoints go with "
            "the old images, so the next backup of each policy is a full.",
            "With --onto a disk is written onto an image that is there, of the format that "
            "--format says, or a block device. Only what differs is written, in blocks of 64 KiB: "
            "so going back to a point of yesterday costs reading, and writing what has changed "
            "since; and one that was interrupted is gone on with by giving it again. Until it has "
            "ended the target holds a mixture. A device that is mounted, or part of something, an "
            "image or device that QEMU has open, and one of another size are refused; a device may "
            "be larger. In the end both are compared once more. With --dry-run it is counted what "
            "would be written.",
            "A restore writes the images and reads them again, as fast as the disks give and take. "
            "Where guests run on the same disks, --bandwidth leaves them their share: it holds for "
            "what is written, and for what is read for the digests.",
            "With --repository PATH neither catalog nor configuration is needed: so a repository "
            "alone, on another machine, is enough.",
            NULL},
    .operands = (const struct command_operand[]){POINT_OPERAND, {0}},
    .options =
        (const struct command_option[]){
            {TEXT("to", "DIR", request.to, "where to; it is made if it is not there"),
             .words = WORD_DIRECTORY},
            AT_OPTION,
            {LIST("disk", "NAME", disks, "this disk only; may be given several times")},
            {TEXT("format", "qcow2|raw", request.format, "of the images; qcow2 by default"),
             .choices = (const char *const[]){"qcow2", "raw", NULL}},
            {FLAG("fallback", fallback,
                  "when the point cannot be restored, take the newest before it that can")},
            {FLAG("no-verify", request.no_verify,
                  "check neither digests nor lengths: restore what can be read, right or wrong")},
            {READ("bandwidth", "RATE", read_bandwidth,
                  "read and write at most so much a second, such as 50MiB/s; no limit by default")},
            {FLAG("force", request.force,
                  "replace files that are in the way in DIR, unless they are in use; with --onto, "
                  "as --yes")},
            {FLAG("dry-run", request.dry_run,
                  "say what would be written, and check for space and files in the way")},
            {FLAG("define", define.define,
                  "define the restored domain at a libvirt host, beside what is there"),
             .rivals = 2},
            {READ("name", "NEW", read_name, "of the restored domain; its old name by default"),
             .words = WORD_DOMAIN},
            {TEXT("host", "HOST", define.host,
                  "the host of the configuration it belongs to; the point's by default"),
             .rivals = 1},
            {TEXT("uri", "URI", define.uri, "or the libvirt itself, such as qemu:///system"),
             .rivals = 1},
            {TEXT("pool", "POOL", define.pool,
                  "write the images into this storage pool of libvirt's, instead of --to"),
             .with = "define"},
            {FLAG("same-identity", request.same_identity,
                  "keep UUID, addresses and devices: the domain itself comes back, not a copy")},
            {FLAG("start", define.start, "start the domain in the end")},
            {FLAG("in-place", in_place.wanted,
                  "give a domain of libvirt's that is shut off its disks back as they were"),
             .rivals = 2},
            {LIST("onto", "DISK=TARGET", onto.targets,
                  "write the disk onto this image or block device; may be given several times")},
            {FLAG("yes", in_place.yes, "with --in-place and --onto: do not ask")},
            WHENCE_OPTIONS,
            {FLAG("json", json,
                  "print {point, created, disks, definition, defined, different}; with --in-place "
                  "{point, created, disks, checkpoints_forgotten}, with --onto {point, created, "
                  "disks}")},
            {0}},
    .wants = "name one point or domain",
    .exits =
        (const struct command_exit[]){{EXIT_DONE, "done"},
                                      {EXIT_FAILED, "failed"},
                                      {EXIT_USAGE, "bad usage or configuration"},
                                      {EXIT_NOT_FOUND, "no such point, domain, disk or repository"},
                                      {EXIT_BUSY, "busy"},
                                      {EXIT_DAMAGED, "the point is damaged"},
                                      {EXIT_INTERRUPTED, "interrupted"},
                                      {0}},
    .examples =
        (const char *const[]){
            "vmkeep restore web01 --to /srv/restore/web01",
            "vmkeep restore web01 --at '2026-11-20 12:00' --disk vda --to /tmp/web01",
            "vmkeep restore 2026-11-23T02-30-00Z.nightly --to /tmp/web01 --format raw",
            "vmkeep restore web01 --define --name web01-old --to /srv/web01-old --start",
            "vmkeep restore web01 --bandwidth 50MiB/s --to /srv/restore/web01",
            "vmkeep restore web01 --onto vda=/dev/vg0/web01 --dry-run",
            "vmkeep restore web01 --repository /mnt/usb/backup --to /tmp/web01 --dry-run", NULL},
    ARGUMENTS,
    .defaults = &(const struct arguments){.request.format = "qcow2"},
    .run = run,
};
