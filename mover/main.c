/* SPDX-License-Identifier: MIT
 *
 * vmkeep-mover: copies one exported disk into an image, and ends.  A process of its own, so that a
 * server or a file system that hangs, or sends rubbish, takes nothing with it but this copy.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "mover/copy.h"
#include "mover/draft.h"
#include "mover/extents.h"
#include "mover/peers.h"

#define PROGRESS_MS 500
#define STALL_DEFAULT_S 120
#define STALL_MAX_S 86400
#define REQUESTS_DEFAULT 16
#define REQUESTS_MAX 64

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

struct options {
    const char *source, *target, *bitmap, *key, *tree;
    uint64_t bandwidth;
    int64_t stall_s, requests;
};

static const char usage[] =
    "Usage: vmkeep-mover --source NBD-URI [--bitmap NAME] --target IMAGE.qcow2\n"
    "                    [--key FILE] [--bandwidth BYTES_PER_S] [--stall SECONDS]\n"
    "                    [--requests N] [--tree FILE]\n"
    "\n"
    "Copies a disk that is exported over NBD into a qcow2 image of its size that is\n"
    "there already.\n"
    "\n"
    "  --source NBD-URI   the export, such as nbd+unix:///vda?socket=/run/nbd.sock\n"
    "  --target IMAGE     the image; its backing file is neither read nor needed\n"
    "  --bitmap NAME      only what the server's dirty bitmap NAME says is changed\n"
    "  --key FILE         the key of an image that is encrypted (LUKS)\n"
    "  --bandwidth BYTES  read at most so much a second (50MiB); default: no limit\n"
    "  --stall SECONDS    give up when nothing has moved for so long (default 120)\n"
    "  --requests N       at most so many requests at once, 1 to 64 (default 16)\n"
    "  --tree FILE        note the digests of what was copied there (vmkeep-content)\n"
    "  --version          print the version and exit\n"
    "  --help             print this text and exit\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 bad usage, 130 interrupted.\n";

static int bad_usage(const char *where, const char *why)
{
    fprintf(stderr, "vmkeep-mover: %s: %s\n", where, why);
    return EXIT_USAGE;
}

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"source", required_argument, NULL, 's'},
        {"target", required_argument, NULL, 't'},
        {"bitmap", required_argument, NULL, 'b'},
        {"key", required_argument, NULL, 'k'},
        {"bandwidth", required_argument, NULL, 'w'},
        {"stall", required_argument, NULL, 'l'},
        {"requests", required_argument, NULL, 'r'},
        {"tree", required_argument, NULL, 'T'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char **texts[] = {['s'] = &o->source,
                            ['t'] = &o->target,
                            ['b'] = &o->bitmap,
                            ['k'] = &o->key,
                            ['T'] = &o->tree};
    struct err err = ERR_INIT;
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        switch (c) {
        case 'w':
            if (size_parse(optarg, &o->bandwidth, &err) < 0)
                return bad_usage("--bandwidth", err.msg);
            break;
        case 'l':
            if (!parse_int(optarg, 1, STALL_MAX_S, &o->stall_s))
                return bad_usage("--stall", "needs a number of seconds from 1 to 86400");
            break;
        case 'r':
            if (!parse_int(optarg, 1, REQUESTS_MAX, &o->requests))
                return bad_usage("--requests", "needs a number from 1 to 64");
            break;
        case 'v':
            puts("vmkeep-mover " VMKEEP_VERSION);
            return EXIT_DONE;
        case 'h':
            fputs(usage, stdout);
            return EXIT_DONE;
        case ':':
        case '?':
            return bad_usage(argv[optind - 1], c == ':' ? "needs a value" : "unknown option");
        default:
            *texts[c] = optarg;
        }
    }
    if (optind < argc)
        return bad_usage(argv[optind], "unexpected argument");
    if (!o->source || !o->target)
        return bad_usage(o->source ? "--target" : "--source", "is missing");
    return -1;
}

static void print_progress(uint64_t done, uint64_t total)
{
    printf("{\"done\": %" PRIu64 ", \"total\": %" PRIu64 "}\n", done, total);
    fflush(stdout);
}

static void told(uint64_t done, uint64_t total)
{
    static int64_t printed_ms;
    int64_t now = peers_now_ms();

    if (now - printed_ms < PROGRESS_MS)
        return;
    printed_ms = now;
    print_progress(done, total);
}

/* qcow2 knows whole sectors only, so the image of an odd disk is a little larger. */
static int check_sizes(const struct peers *p, struct err *err)
{
    uint64_t source = p->source.size, target = p->target.size;

    if (target < source || target - source >= 512)
        return err_set(err, ERR_INVALID,
                       "%s: the image has %" PRIu64 " bytes, and the export %" PRIu64,
                       p->target.name, target, source);
    return 0;
}

static int run(const struct options *o, struct peers *p, struct err *err)
{
    CLEANUP_FREE char *context = o->bitmap ? xasprintf(CONTEXT_BITMAP "%s", o->bitmap) : NULL;
    CLEANUP(map_done) struct map map = {0};
    CLEANUP(leaves_done) struct leaves leaves = {0};
    struct copy_spec spec = {.requests = (unsigned)o->requests,
                             .bandwidth = o->bandwidth,
                             .write_zeroes = context != NULL,
                             .leaves = o->tree ? &leaves : NULL};

    p->stall_ms = o->stall_s * 1000;
    p->told = told;
    if (peers_catch_signals(err) < 0 || peers_open_source(p, o->source, context, err) < 0 ||
        peers_open_target(p, o->target, o->key, err) < 0 || check_sizes(p, err) < 0 ||
        extents_map(p, context, &map, err) < 0)
        return -1;
    leaves_resize(&leaves, p->source.size);
    if (copy_run(p, &map, &spec, err) < 0 || peers_finish(p, err) < 0 ||
        (o->tree && draft_write(o->tree, &map, &leaves, err) < 0))
        return -1;
    print_progress(map.bytes, map.bytes);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.stall_s = STALL_DEFAULT_S, .requests = REQUESTS_DEFAULT};
    struct peers peers = PEERS_INIT;
    struct err err = ERR_INIT;
    int code = read_options(argc, argv, &o);

    if (code >= 0)
        return code;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    proc_give_way();
    code = EXIT_DONE;
    if (run(&o, &peers, &err) < 0) {
        fprintf(stderr, "vmkeep-mover: %s\n", err.msg);
        code = err.code == ERR_CANCELED ? EXIT_INTERRUPTED : EXIT_FAILED;
    }
    peers_done(&peers);
    return code;
}
