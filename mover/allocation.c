/* SPDX-License-Identifier: MIT
 *
 * vmkeep-allocation: where an image holds data, and what has gone since without a trace.  A process
 * of its own, as vmkeep-mover is.  It reads what the images say of themselves; data only where that
 * leaves a doubt.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "mover/clusters.h"
#include "mover/extents.h"
#include "mover/map_text.h"
#include "mover/peers.h"
#include "storage/images/image_run.h"

#define STALL_MS 120000

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

struct options {
    const char *image, *was, *was_map, *was_key, *changed, *bitmap, *output;
    const char *was_object; /* of --object, for --was; NULL: it needs none */
    int64_t limit, sample;
};

static const char usage[] =
    "Usage: vmkeep-allocation [--output FILE] IMAGE\n"
    "       vmkeep-allocation --was IMAGE [--was-key FILE]\n"
    "                         [--changed IMAGE --bitmap NAME [--sample N]] IMAGE\n"
    "       vmkeep-allocation --was-map FILE [--changed IMAGE --bitmap NAME] IMAGE\n"
    "\n"
    "Prints where an image holds data, or where it held data once, reads as zeroes now,\n"
    "and no bitmap says that this has changed: a line OFFSET LENGTH each, in bytes and\n"
    "in units of 64 KiB, and at the end 'total RANGES BYTES'.\n"
    "\n"
    "IMAGE is a qcow2 file, json:{...} as QEMU's programs take it, or an NBD export,\n"
    "nbd+unix:///EXPORT?socket=PATH. It is only read.\n"
    "\n"
    "  --was IMAGE      what it was: an image and all that it stands on\n"
    "  --was-key FILE   the key of --was, which is encrypted (LUKS)\n"
    "  --was-map FILE   what it was: what this program has printed then\n"
    "  --changed IMAGE  leave out what a bitmap in this image says is changed\n"
    "  --bitmap NAME    the name of that bitmap\n"
    "  --limit N        print at most N ranges; the total counts all\n"
    "  --sample N       read at most N of the units that have not changed, and hold them\n"
    "                   against what --was holds there: a line 'sample READ DIFFERENT\n"
    "                   OFFSET' at the end, OFFSET of the first that is different\n"
    "  --output FILE    print to this file\n"
    "  --version        print the version and exit\n"
    "  -h, --help       print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage, 130 interrupted.\n";

static int bad_usage(const char *where, const char *why)
{
    fprintf(stderr, "vmkeep-allocation: %s: %s\n", where, why);
    return EXIT_USAGE;
}

static int check_options(const struct options *o)
{
    if (!o->image)
        return bad_usage("IMAGE", "is missing");
    if (o->was && o->was_map)
        return bad_usage("--was-map", "not together with --was");
    if (!o->changed != !o->bitmap)
        return bad_usage(o->changed ? "--bitmap" : "--changed", "is missing");
    if (o->changed && !o->was && !o->was_map)
        return bad_usage("--changed", "needs --was or --was-map");
    if (o->sample && (!o->was || !o->changed))
        return bad_usage("--sample", "needs --was and --changed");
    return -1;
}

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"was", required_argument, NULL, 'w'},
        {"was-map", required_argument, NULL, 'm'},
        {"changed", required_argument, NULL, 'c'},
        {"bitmap", required_argument, NULL, 'b'},
        {"limit", required_argument, NULL, 'l'},
        {"output", required_argument, NULL, 'o'},
        {"sample", required_argument, NULL, 's'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"was-key", required_argument, NULL, 'k'},
        {0},
    };
    const char **texts[] = {['w'] = &o->was,     ['k'] = &o->was_key, ['m'] = &o->was_map,
                            ['c'] = &o->changed, ['b'] = &o->bitmap,  ['o'] = &o->output};
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        switch (c) {
        case 'l':
            if (!parse_int(optarg, 1, INT32_MAX, &o->limit))
                return bad_usage("--limit", "needs a number from 1 on");
            break;
        case 's':
            if (!parse_int(optarg, 1, INT32_MAX, &o->sample))
                return bad_usage("--sample", "needs a number from 1 on");
            break;
        case 'v':
            puts("vmkeep-allocation " VMKEEP_VERSION);
            return EXIT_DONE;
        case 'h':
            fputs(usage, stdout);
            return EXIT_DONE;
        case '?':
        case ':':
            return bad_usage(argv[optind - 1], c == ':' ? "needs a value" : "unknown option");
        default:
            *texts[c] = optarg;
        }
    }
    if (optind < argc)
        o->image = argv[optind++];
    if (optind < argc)
        return bad_usage(argv[optind], "unexpected argument");
    return check_options(o);
}

/* ---- maps ---- */

static void told(uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
}

static int open_image(const struct options *o, struct peers *peers, const char *image,
                      const char *bitmap, struct err *err)
{
    CLEANUP_FREE char *context = bitmap ? xasprintf(CONTEXT_BITMAP "%s", bitmap) : NULL;
    const char *object = image == o->was ? o->was_object : NULL;

    peers->stall_ms = STALL_MS;
    peers->told = told;
    return starts_with(image, "nbd+unix:") ? peers_open_source(peers, image, context, err)
                                           : peers_open_image(peers, image, bitmap, object, err);
}

/* Each is opened once. */
struct images {
    struct peers now, was, changed;
};

static void images_done(struct images *i)
{
    peers_done(&i->now);
    peers_done(&i->was);
    peers_done(&i->changed);
}

/* bitmap NULL: where the image has data; else what has changed.  Let go with map_done. */
static int map_image(struct peers *peers, const char *bitmap, struct map *ret, struct err *err)
{
    CLEANUP_FREE char *context = bitmap ? xasprintf(CONTEXT_BITMAP "%s", bitmap) : NULL;

    return extents_map(peers, context, ret, err);
}

static int read_map(const char *path, struct map *ret, struct err *err)
{
    CLEANUP_FCLOSE FILE *file = fopen(path, "re");

    return file ? map_read(file, path, ret, err) : err_errno(err, errno, "%s", path);
}

/* What it was. */
static int map_former(const struct options *o, struct images *i, struct map *ret, struct err *err)
{
    if (!o->was)
        return read_map(o->was_map, ret, err);
    if (open_image(o, &i->was, o->was, NULL, err) < 0)
        return -1;
    return map_image(&i->was, NULL, ret, err);
}

static int map_changed(const struct options *o, struct images *i, bool with_now, struct map *ret,
                       struct err *err)
{
    if (with_now)
        return map_image(&i->now, o->bitmap, ret, err);
    if (open_image(o, &i->changed, o->changed, o->bitmap, err) < 0)
        return -1;
    return map_image(&i->changed, o->bitmap, ret, err);
}

static int make(const struct options *o, struct images *i, struct map *ret, struct sample *sample,
                struct err *err)
{
    CLEANUP(map_done) struct map now = {0}, changed = {0};
    /* A sample is taken of what has not changed: then the bitmap is looked at in any case. */
    bool with_now = o->sample && str_eq(o->changed, o->image);

    if (open_image(o, &i->now, o->image, with_now ? o->bitmap : NULL, err) < 0)
        return -1;
    if (!o->was && !o->was_map)
        return map_image(&i->now, NULL, ret, err);
    if (map_former(o, i, ret, err) < 0 || map_image(&i->now, NULL, &now, err) < 0)
        return -1;
    map_subtract(ret, &now);
    if (o->changed && (ret->runs.n > 0 || o->sample) &&
        map_changed(o, i, with_now, &changed, err) < 0)
        return -1;
    map_subtract(ret, &changed);
    /* A backup may have written zeroes as data, at its end for one. */
    if (o->was && o->changed && ret->runs.n > 0 && clusters_drop_zeroes(&i->was, ret, err) < 0)
        return -1;
    if (!o->sample)
        return 0;
    /* What was not written to holds what it held. */
    map_subtract(&now, &changed);
    return clusters_compare(&i->now, &i->was, &now, (uint64_t)o->sample, sample, err);
}

static int print(const struct options *o, const struct map *map, const struct sample *sample,
                 struct err *err)
{
    CLEANUP_FCLOSE FILE *opened = o->output ? fopen(o->output, "we") : NULL;
    FILE *file = o->output ? opened : stdout;

    if (!file)
        return err_errno(err, errno, "%s", o->output);
    map_print(map, (size_t)o->limit, file);
    if (o->sample)
        fprintf(file, "sample %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", sample->read,
                sample->different, sample->first);
    if (fflush(file) != 0 || ferror(file))
        return err_errno(err, errno, "%s", o->output ? o->output : "standard output");
    return 0;
}

/* How what was is opened, if it is encrypted. */
static int take_key(struct options *o, struct image_words *words, struct err *err)
{
    if (!o->was || !o->was_key)
        return 0;
    keys_add("/", NULL, o->was_key);
    if (image_words(o->was, words, err) < 0)
        return -1;
    o->was = words->name;
    o->was_object = words->object;
    return 0;
}

int main(int argc, char **argv)
{
    CLEANUP(image_words_done) struct image_words words = {0};
    CLEANUP(images_done) struct images images = {PEERS_INIT, PEERS_INIT, PEERS_INIT};
    CLEANUP(map_done) struct map map = {0};
    struct options o = {0};
    struct sample sample = {0};
    struct err err = ERR_INIT;
    int code = read_options(argc, argv, &o);

    if (code >= 0)
        return code;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    proc_give_way();
    if (peers_catch_signals(&err) == 0 && take_key(&o, &words, &err) == 0 &&
        make(&o, &images, &map, &sample, &err) == 0 && print(&o, &map, &sample, &err) == 0)
        return EXIT_DONE;
    fprintf(stderr, "vmkeep-allocation: %s\n", err.msg);
    return err.code == ERR_CANCELED ? EXIT_INTERRUPTED : EXIT_FAILED;
}
