/* SPDX-License-Identifier: MIT
 *
 * vmkeep-content: the content digest of an image of a point (docs/content-digests.md), taken when
 * it is published, and checked later.  A process of its own, as the mover is, because images and
 * the file systems that hold them may hang.
 *
 * Taking it reads what the image itself holds, and the rest of the leaves that it holds in part
 * from those below it.  What the disk was before is known from their trees.  Where these cannot be
 * used, all of the disk is read once, and the tree is whole: the next increment has it easy again.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "mover/difference.h"
#include "mover/draft.h"
#include "mover/extents.h"
#include "mover/hash.h"
#include "mover/host_map.h"
#include "mover/part.h"
#include "mover/peers.h"
#include "storage/images/image_run.h"
#include "storage/digest/leaves.h"

#define PROGRESS_MS 500
#define STALL_MS (INT64_C(120) * 1000)
#define RANGES_MAX 64

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
    bool check, locked, copied, from_disk;
    const char *image, *format, *tree, *content, *key;
    struct strlist below; /* trees: of take, those below the image's; of check, its own first */
    int64_t capacity;
    uint64_t bandwidth;
    const char *differences;
    struct part part; /* of check */
};

static const char usage[] =
    "Usage: vmkeep-content take --image IMAGE --capacity BYTES --tree FILE\n"
    "                    [--content DIGEST --below TREE...] [--key FILE] [--copied]\n"
    "                    [--from-disk]\n"
    "   or: vmkeep-content check --image IMAGE --capacity BYTES --content DIGEST\n"
    "                    [--format raw] [--below TREE]... [--slice K/N --seed NUMBER]\n"
    "                    [--from BYTES] [--to BYTES] [--only FILE] [--key FILE]\n"
    "                    [--differences FILE] [--locked] [--from-disk]\n"
    "\n"
    "The digest of what a guest reads of a disk.  The last line of output is JSON.\n"
    "\n"
    "  take               compute it, and write the tree of the image\n"
    "  check              compare it; says where the differences are\n"
    "  --image IMAGE      the image; what it stands on is read as well\n"
    "  --locked           somebody has the image open, and does not write to it now\n"
    "  --format FORMAT    of the image: qcow2 (default) or raw\n"
    "  --capacity BYTES   of the disk\n"
    "  --tree FILE        the tree of the image, which is written\n"
    "  --below TREE       the trees of the images that it stands on, nearest first, as\n"
    "                     far as one that is whole; of check, the image's own before them\n"
    "  --copied           vmkeep-mover has made the image, and noted its digests in\n"
    "                     --tree: where they can be used, nothing is read\n"
    "  --from-disk        read past the page cache\n"
    "  --content DIGEST   sha256-tree:HEX: what it shall be; of take, what the disk was\n"
    "                     at the image that it stands on\n"
    "  --key FILE         the key of images that are encrypted (LUKS)\n"
    "  --bandwidth BYTES  read at most so much a second (50MiB); default: no limit\n"
    "  --slice K/N        read one of N slices of the disk, from 0 on; without trees, all\n"
    "  --seed NUMBER      that decides what is in which slice\n"
    "  --from, --to BYTES read what lies between\n"
    "  --only FILE        read what FILE says, a line OFFSET LENGTH for each range\n"
    "  --differences FILE write all ranges that differ into it, in the same way\n"
    "  --version          print the version and exit\n"
    "  --help             print this text and exit\n"
    "\n"
    "Exit status: 0 done (check: see the output), 1 failed, 2 bad usage.\n";

static int bad_usage(const char *where, const char *why)
{
    fprintf(stderr, "vmkeep-content: %s: %s\n", where, why);
    return EXIT_USAGE;
}

static int check_options(const struct options *o)
{
    if (!o->image)
        return bad_usage("--image", "is missing");
    if (o->capacity < 0)
        return bad_usage("--capacity", "is missing");
    if (!o->check && !o->tree)
        return bad_usage("--tree", "is missing");
    if (!o->content && (o->check || o->below.n > 0))
        return bad_usage("--content", "is missing");
    if (o->content && content_parse(o->content, (unsigned char[TREE_DIGEST]){0}) < 0)
        return bad_usage("--content", "is not sha256-tree: and 64 hexadecimal digits");
    if (!str_eq(o->format, "qcow2") && !(o->check && str_eq(o->format, "raw")))
        return bad_usage("--format", "is neither qcow2 nor, for check, raw");
    return -1;
}

static int read_command(int argc, char **argv, struct options *o)
{
    if (argc < 2)
        return bad_usage("take or check", "is missing");
    o->check = str_eq(argv[1], "check");
    if (o->check || str_eq(argv[1], "take") || argv[1][0] == '-')
        return -1;
    return bad_usage(argv[1], "is neither take nor check");
}

/* "3/20" */
static bool read_slice(const char *text, struct sample *ret)
{
    int n = 0;

    return sscanf(text, "%" SCNu32 "/%" SCNu32 "%n", &ret->slice, &ret->slices, &n) == 2 &&
           text[n] == '\0' && ret->slice < ret->slices && ret->slices <= SAMPLE_SLICES_MAX;
}

/* -1: go on; else the exit code. */
static int read_part(int c, struct options *o)
{
    int64_t n;

    if (c == 'k')
        return read_slice(optarg, &o->part.sample)
                   ? -1
                   : bad_usage("--slice", "needs K/N, with K below N");
    if (!parse_int(optarg, 0, INT64_MAX, &n))
        return bad_usage(c == 's' ? "--seed" : c == 'F' ? "--from" : "--to", "needs a number");
    *(c == 's'   ? &o->part.seed
      : c == 'F' ? &o->part.sample.from
                 : &o->part.sample.to) = (uint64_t)n;
    return -1;
}

static const struct option known[] = {
    {"image", required_argument, NULL, 'i'},    {"format", required_argument, NULL, 'f'},
    {"capacity", required_argument, NULL, 'c'}, {"tree", required_argument, NULL, 't'},
    {"below", required_argument, NULL, 'b'},    {"key", required_argument, NULL, 'K'},
    {"content", required_argument, NULL, 'd'},  {"bandwidth", required_argument, NULL, 'w'},
    {"slice", required_argument, NULL, 'k'},    {"seed", required_argument, NULL, 's'},
    {"from", required_argument, NULL, 'F'},     {"to", required_argument, NULL, 'T'},
    {"only", required_argument, NULL, 'O'},     {"differences", required_argument, NULL, 'D'},
    {"locked", no_argument, NULL, 'l'},         {"copied", no_argument, NULL, 'C'},
    {"from-disk", no_argument, NULL, 'x'},      {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},           {0},
};

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct options *o)
{
    const char **texts[] = {
        ['i'] = &o->image, ['f'] = &o->format,      ['t'] = &o->tree,          ['d'] = &o->content,
        ['K'] = &o->key,   ['D'] = &o->differences, ['O'] = &o->part.only_file};
    struct err err = ERR_INIT;
    int c, rc = read_command(argc, argv, o);

    if (rc >= 0)
        return rc;
    opterr = 0;
    optind = argv[1][0] == '-' ? 1 : 2;
    while ((c = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        switch (c) {
        case 'c':
            if (!parse_int(optarg, 0, (int64_t)TREE_CAPACITY_MAX, &o->capacity))
                return bad_usage("--capacity", "needs a number of bytes, up to 1 PiB");
            break;
        case 'b':
            strlist_add(&o->below, optarg);
            break;
        case 'w':
            if (size_parse(optarg, &o->bandwidth, &err) < 0)
                return bad_usage("--bandwidth", err.msg);
            break;
        case 'k':
        case 's':
        case 'F':
        case 'T':
            if ((rc = read_part(c, o)) >= 0)
                return rc;
            break;
        case 'l':
            o->locked = true;
            break;
        case 'C':
            o->copied = true;
            break;
        case 'x':
            o->from_disk = true;
            break;
        case 'v':
            puts("vmkeep-content " VMKEEP_VERSION);
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
    return optind < argc ? bad_usage(argv[optind], "unexpected argument") : check_options(o);
}

/* ---- output ---- */

static void told(uint64_t done, uint64_t total)
{
    static int64_t printed_ms;
    static uint64_t printed;
    int64_t now = peers_now_ms();

    /* Not while nothing moves: who waits for us takes a line for a sign of life. */
    if (done + total == printed || now - printed_ms < PROGRESS_MS)
        return;
    printed_ms = now;
    printed = done + total;
    printf("{\"done\": %" PRIu64 ", \"total\": %" PRIu64 "}\n", done, total);
    fflush(stdout);
}

static void print_json(json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);

    puts(text ? text : "{}");
    free(text);
    json_decref(o);
}

/* ---- trees ---- */

struct trees {
    VEC(struct tree) list;
};

static void trees_done(struct trees *t)
{
    for (size_t i = 0; i < t->list.n; i++)
        tree_done(&t->list.items[i]);
    free(t->list.items);
}

/* Those that count: down to the first that is whole, each standing on the next one. */
static int read_trees(const struct strlist *names, struct trees *ret, struct err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        struct tree *t = VEC_ADD(&ret->list);

        if (tree_read(names->items[i], t, err) < 0)
            return -1;
        if (i > 0 && memcmp(t[-1].below, t->content, TREE_DIGEST) != 0)
            return err_set(err, ERR_CORRUPT, "%s: does not stand on the tree of what is below it",
                           names->items[i - 1]);
        if (!t->delta)
            return 0;
    }
    return err_set(err, ERR_NOTFOUND, "there is no tree of what the image stands on");
}

/* The leaves of the disk that has this content, as the trees have them (the uppermost first). */
static int lay_trees(const struct options *o, struct leaves *ret, unsigned char *ret_top,
                     struct err *err)
{
    CLEANUP(trees_done) struct trees trees = {0};
    unsigned char wanted[TREE_DIGEST];

    if (read_trees(&o->below, &trees, err) < 0)
        return -1;
    for (size_t i = trees.list.n; i-- > 0;)
        leaves_lay(ret, &trees.list.items[i]);
    leaves_content(ret, ret_top);
    content_parse(o->content, wanted);
    if (memcmp(ret_top, trees.list.items[0].content, TREE_DIGEST) != 0 ||
        memcmp(ret_top, wanted, TREE_DIGEST) != 0)
        return err_set(err, ERR_CORRUPT, "%s: is not the tree of %s", o->below.items[0],
                       o->content);
    return 0;
}

/* ---- reading ---- */

/* How the image is opened. */
static int take_key(const struct options *o, struct image_words *ret, struct err *err)
{
    if (o->key)
        keys_add("/", NULL, o->key);
    return image_words(o->image, ret, err);
}

/* A device may be larger than the disk on it. */
static void clip(struct map *map, uint64_t capacity)
{
    struct map_run *last;

    while (map->runs.n > 0 && map->runs.items[map->runs.n - 1].offset >= capacity)
        map->runs.n--;
    last = map->runs.n > 0 ? &map->runs.items[map->runs.n - 1] : NULL;
    if (last && last->length > capacity - last->offset)
        last->length = capacity - last->offset;
}

/* want: what the disk should hold, of which a sample is read; NULL: all is read. */
static int read_leaves(const struct options *o, bool depth, const struct leaves *was,
                       const struct leaves *want, struct map *map, struct leaves *ret,
                       struct err *err)
{
    CLEANUP(image_words_done) struct image_words words = {0};
    CLEANUP(host_map_done) struct host_map host = {0};
    struct peers p = PEERS_INIT;
    struct err why = ERR_INIT;
    int more[PEERS_SHARED_MAX], rc = take_key(o, &words, err);
    const struct chain_spec chain = {.image = o->image,
                                     .format = o->format,
                                     .opened = words.name,
                                     .object = words.object,
                                     .depth = depth,
                                     .direct = o->from_disk,
                                     .locked = o->locked,
                                     .more = hash_threads() - 1};
    struct hash_spec spec = {.bandwidth = o->bandwidth, .threads = hash_threads(), .more = more};
    uint64_t capacity = (uint64_t)o->capacity, last = capacity - capacity % TREE_LEAF;

    p.stall_ms = STALL_MS;
    p.told = told;
    leaves_resize(ret, capacity);
    if (rc == 0 && host_map_make(&chain, told, &host, &why)) {
        spec.host = &host;
        host_map_extents(&host, depth, map);
    } else if (rc == 0 && o->locked && why.code != ERR_NONE) { /* a server would say "locked" */
        *err = why;
        rc = -1;
    } else if (rc == 0) {
        rc = peers_open_chain(&p, &chain, more, err);
        if (rc == 0)
            rc = extents_map(&p, depth ? CONTEXT_DEPTH : NULL, map, err);
    }
    /* The cut through the last leaf of a disk that has become smaller changes it. */
    if (rc == 0 && depth && capacity < was->capacity && last < capacity &&
        (map->runs.n == 0 ||
         map->runs.items[map->runs.n - 1].offset + map->runs.items[map->runs.n - 1].length <= last))
        *VEC_ADD(&map->runs) = (struct map_run){last, capacity - last, MAP_DATA};
    clip(map, capacity);
    if (rc == 0 && want)
        part_take(&o->part, want, map, ret);
    if (rc == 0)
        rc = hash_runs(&p, map, &spec, ret, err);
    peers_done(&p);
    return rc;
}

/* ---- take ---- */

/* What of the run is another than it was. */
static void add_changed(struct tree *t, const struct map_run *run, const struct leaves *was,
                        const struct leaves *now)
{
    uint64_t end = tree_leaves(run->offset + run->length);
    bool cut = t->capacity < was->capacity && t->capacity % TREE_LEAF;

    for (uint64_t i = run->offset / TREE_LEAF; i < end && i < now->n; i++) {
        const unsigned char *digest = leaves_get(now, i);

        if (!t->delta || i >= was->n || (cut && i + 1 == now->n) ||
            memcmp(digest, leaves_get(was, i), TREE_DIGEST) != 0)
            tree_add(t, i, digest);
    }
}

/* What the mover has noted, where that says all of what is to be known: what a disk that has become
 * smaller cut through is read, and all of one whose former contents are not known. */
static bool take_draft(const struct options *o, const struct tree *t, const struct leaves *was,
                       struct map *map, struct leaves *now)
{
    return o->copied && (t->delta || o->below.n == 0) && was->capacity <= t->capacity &&
           draft_read(o->tree, t->capacity, now, map);
}

static int take(const struct options *o, struct err *err)
{
    CLEANUP(leaves_done) struct leaves was = {0};
    CLEANUP(leaves_done) struct leaves now = {0};
    CLEANUP(map_done) struct map map = {0};
    CLEANUP(tree_done) struct tree t = {.capacity = (uint64_t)o->capacity};
    CLEANUP_FREE char *content = NULL;
    struct err unusable = ERR_INIT;
    bool noted;

    t.delta = o->below.n > 0 && lay_trees(o, &was, t.below, &unusable) == 0;
    noted = take_draft(o, &t, &was, &map, &now);
    if (!noted && read_leaves(o, t.delta, &was, NULL, &map, &now, err) < 0)
        return -1;
    for (size_t i = 0; i < map.runs.n; i++)
        add_changed(&t, &map.runs.items[i], &was, &now);
    if (!t.delta)
        memset(t.below, 0, TREE_DIGEST);
    leaves_lay(&was, &t); /* is what it is now, from here on */
    leaves_content(&was, t.content);
    if (tree_write(o->tree, &t, err) < 0)
        return -1;
    content = content_text(t.content);
    print_json(json_pack("{s:s, s:b, s:b, s:I, s:s*}", "content", content, "whole", !t.delta,
                         "read", !noted, "leaves", (json_int_t)t.n, "note",
                         unusable.code == ERR_NONE ? NULL : unusable.msg));
    return 0;
}

/* ---- check ---- */

static json_t *ranges_json(const struct map *ranges)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < ranges->runs.n && i < RANGES_MAX; i++)
        json_array_append_new(ret, json_pack("[I, I]", (json_int_t)ranges->runs.items[i].offset,
                                             (json_int_t)ranges->runs.items[i].length));
    return ret;
}

static json_t *differences_json(uint64_t bad, const struct map *ranges)
{
    return json_pack("{s:b, s:I, s:o}", "good", bad == 0, "bad_leaves", (json_int_t)bad, "ranges",
                     ranges_json(ranges));
}

static json_int_t bytes_of(const struct map *map)
{
    json_int_t ret = 0;

    for (size_t i = 0; i < map->runs.n; i++)
        ret += map->runs.items[i].kind == MAP_DATA ? (json_int_t)map->runs.items[i].length : 0;
    return ret;
}

static int check(struct options *o, struct err *err)
{
    CLEANUP(map_done) struct map ranges = {0};
    CLEANUP(leaves_done) struct leaves want = {0};
    CLEANUP(leaves_done) struct leaves have = {0};
    CLEANUP(map_done) struct map map = {0};
    unsigned char content[TREE_DIGEST], top[TREE_DIGEST], wanted[TREE_DIGEST];
    struct err unusable = ERR_INIT;
    json_t *answer;
    bool trees = o->below.n > 0 && lay_trees(o, &want, top, &unusable) == 0;

    content_parse(o->content, wanted);
    if (part_read(&o->part, err) < 0 ||
        read_leaves(o, false, NULL, trees && !part_is_whole(&o->part) ? &want : NULL, &map, &have,
                    err) < 0)
        return -1;
    leaves_content(&have, content);
    if (memcmp(content, wanted, TREE_DIGEST) == 0 || !trees)
        answer = json_pack("{s:b, s:b, s:s*}", "good", memcmp(content, wanted, TREE_DIGEST) == 0,
                           "all", !trees || part_is_whole(&o->part), "note",
                           unusable.code == ERR_NONE ? NULL : unusable.msg);
    else
        answer = differences_json(difference_find(&have, &want, &ranges), &ranges);
    if (trees && o->differences && difference_write(&ranges, o->differences, err) < 0) {
        json_decref(answer);
        return -1;
    }
    json_object_set_new(answer, "bytes", json_integer(bytes_of(&map)));
    print_json(answer);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.format = "qcow2", .capacity = -1};
    struct err err = ERR_INIT;
    int code = read_options(argc, argv, &o);

    if (code < 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        code = EXIT_DONE;
        signal(SIGPIPE, SIG_IGN);
        if ((o.check ? check(&o, &err) : take(&o, &err)) < 0) {
            fprintf(stderr, "vmkeep-content: %s\n", err.msg);
            code = EXIT_FAILED;
        }
    }
    part_done(&o.part);
    strlist_done(&o.below);
    return code;
}
