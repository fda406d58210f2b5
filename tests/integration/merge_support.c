/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "tests/integration/merge_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/images/image_run.h"
#include "storage/merge/merge.h"

#define KIB UINT64_C(1024)
#define WRITES 4
#define ENCRYPTED ",encrypt.format=luks,encrypt.key-secret=" KEY_OBJECT ",encrypt.iter-time=10"

static const char *const names[CHAIN_DISKS] = {"vda", "vdb", "vdc"};
static const uint64_t sizes[CHAIN_DISKS][CHAIN] = {
    {1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024},
    {512, 512, 512, 900, 900, 1300, 1300, 1300},
    {1024, 1024, 600, 600, 1100, 1100, 700, 1024},
};
static const char *const clusters[CHAIN] = {"65536",  "65536", "4096",  "65536",
                                            "131072", "65536", "65536", "16384"};

static char *reference(int day, size_t disk)
{
    return xasprintf("%s/chain-%d-%s.raw", repo_tmp, day, names[disk]);
}

static struct point plan_of(int day, const char *parent)
{
    struct point p = {
        .host = xstrdup("local"),
        .domain = xstrdup("web01"),
        .policy = xstrdup("nightly"),
        .repository = xstrdup("main"),
        .level = parent ? LEVEL_INCREMENTAL : LEVEL_FULL,
        .parent = xstrdup(parent),
        .created = T0 + day * 86400,
        .catalog = xstrdup("0123abcd"),
        .job = day + 1,
        .why = xstrdup("scheduled"),
    };

    p.id = point_id_make(&p);
    for (size_t i = 0; i < CHAIN_DISKS; i++) {
        struct point_disk *d = VEC_ADD(&p.disks);

        d->name = xstrdup(names[i]);
        d->path = xasprintf("%s.qcow2", names[i]);
        d->format = xstrdup("qcow2");
        d->backing = xstrdup(parent);
        d->capacity = sizes[i][day] * KIB;
    }
    return p;
}

/* What a hypervisor writes: data, zeroes, and what was discarded. */
static char *a_write(uint64_t size, char *now, int pattern)
{
    uint64_t at = (uint64_t)(unsigned)rand() % (size / (4 * KIB)) * 4 * KIB;
    uint64_t len = (1 + (uint64_t)(unsigned)rand() % 40) * 4 * KIB;
    bool zero = rand() % 4 == 0;

    if (at + len > size)
        len = size - at;
    memset(now + at, zero ? 0 : pattern, len);
    return zero ? xasprintf("write -z%s %llu %llu", rand() % 2 ? " -u" : "", (unsigned long long)at,
                            (unsigned long long)len)
                : xasprintf("write -P %d %llu %llu", pattern, (unsigned long long)at,
                            (unsigned long long)len);
}

/* Of a disk that is smaller in the next point: what is cut off then lies at the end of its file. */
static char *write_tail(int day, size_t disk, char *now, int pattern)
{
    uint64_t from = sizes[disk][day + 1] * KIB, size = sizes[disk][day] * KIB;

    memset(now + from, pattern, size - from);
    return xasprintf("write -P %d %llu %llu", pattern, (unsigned long long)from,
                     (unsigned long long)(size - from));
}

static enum chain_kind kind;

void chain_will_be(enum chain_kind k)
{
    kind = k;
}

char *chain_key_file(void)
{
    return xasprintf("%s/main.key", repo_tmp);
}

static void make_key(void)
{
    static const char key[] = "a key of a chain that is merged";
    CLEANUP_FREE char *file = chain_key_file();

    WORKS(write_file_durably(file, key, strlen(key), 0600, err));
    keys_add(repo_path, CHAIN_SECRET, file);
}

static void write_image(const char *image, const char *const writes[WRITES])
{
    const char *argv[] = {
        "qemu-io", "--cache=unsafe", "-f", "qcow2",   "-c",  writes[0], "-c", writes[1],
        "-c",      writes[2],        "-c", writes[3], image, NULL};

    WORKS(image_run(argv, image, NULL, NULL, NULL, err));
}

/* Empty; in place of the one that was prepared, which has other clusters. */
static void create_image(const char *image, const char *below, const char *cluster,
                         const char *size)
{
    bool encrypted = kind == CHAIN_ENCRYPTED;
    CLEANUP_FREE char *key = chain_key_file(), *object = secret_object(KEY_OBJECT, key);
    CLEANUP_FREE char *options =
        xasprintf("cluster_size=%s%s", cluster, encrypted ? ENCRYPTED : "");
    const char *argv[18] = {"qemu-img", "create", "-q", "-f", "qcow2", "-o", options, image, size};
    size_t n = 9;

    if (encrypted) {
        argv[n++] = "--object";
        argv[n++] = object;
    }
    if (below) {
        argv[n++] = "-u";
        argv[n++] = "-F";
        argv[n++] = "qcow2";
        argv[n++] = "-b";
        argv[n++] = below;
    }
    must_run(argv);
}

static void make_disk(const struct point *plan, int day, size_t disk, char *now)
{
    const struct point_disk *d = &plan->disks.items[disk];
    CLEANUP_FREE char *image = repository_image(repo_path, plan->id, d->path, true);
    CLEANUP_FREE char *size = xasprintf("%llu", (unsigned long long)d->capacity);
    CLEANUP_FREE char *file = reference(day, disk);
    CLEANUP_FREE char *writes[WRITES] = {0}, *below = NULL;

    if (plan->parent)
        below = xasprintf("../%s/%s", strrchr(plan->parent, '/') + 1, d->path);
    create_image(image, below, clusters[day], size);
    for (int i = 0; i < WRITES; i++) {
        int pattern = 1 + day * 16 + (int)disk * 4 + i;
        bool shrinks = day + 1 < CHAIN && sizes[disk][day + 1] < sizes[disk][day];

        writes[i] = shrinks && i == WRITES - 1 ? write_tail(day, disk, now, pattern)
                                               : a_write(d->capacity, now, pattern);
    }
    write_image(image, (const char *const *)writes);
    for (int i = 1; i < WRITES; i++)
        free(TAKE_PTR(writes[i]));
    WORKS(write_file_durably(file, now, d->capacity, 0600, err));
}

void chain_make(unsigned seed, struct strlist *ret)
{
    static const struct publication zstd = {.compress = COMPRESS_ZSTD};
    char *now[CHAIN_DISKS];

    srand(seed);
    if (kind == CHAIN_ENCRYPTED)
        make_key();
    for (size_t i = 0; i < CHAIN_DISKS; i++)
        now[i] = xcalloc(2048, KIB);
    for (int day = 0; day < CHAIN; day++) {
        CLEANUP(point_done) struct point plan = plan_of(day, day ? ret->items[day - 1] : NULL);
        CLEANUP(point_done) struct point made = {0};

        WORKS(repository_prepare(repo_path, AS, &plan, ORIGIN("domain.xml", "<domain/>"), err));
        for (size_t i = 0; i < CHAIN_DISKS; i++) {
            /* what was cut off is gone: a larger disk begins with zeroes there */
            memset(now[i] + sizes[i][day] * KIB, 0, (2048 - sizes[i][day]) * KIB);
            make_disk(&plan, day, i, now[i]);
        }
        WORKS(repository_publish(repo_path, AS, &plan, kind == CHAIN_COMPRESSED ? &zstd : NULL,
                                 &made, err));
        strlist_add(ret, plan.id);
    }
    for (size_t i = 0; i < CHAIN_DISKS; i++)
        free(now[i]);
}

int chain_day(const char *id)
{
    return atoi(strrchr(id, '-') + 1) - 1;
}

/* A qemu-img that was killed may sit in a sync still, and keep its locks: that is waited for. */
static void compare(const char *image, const char *file)
{
    const char *argv[] = {"qemu-img", "compare", "-f", "qcow2", "-F", "raw", image, file, NULL};
    const struct timespec pause = {0, 50000000};
    struct err err = ERR_INIT;

    for (int i = 0; i < 1200; i++) {
        CLEANUP_FREE char *out = NULL;

        err = ERR_INIT;
        if (image_run(argv, image, NULL, NULL, &out, &err) == 0)
            return;
        if (!strstr(err.msg, "lock"))
            fail_msg("%s: %s %s", image, err.msg, out ? out : "");
        nanosleep(&pause, NULL);
    }
    fail_msg("%s: %s", image, err.msg);
}

void chain_compare(const char *id)
{
    WORKS(repository_check_chain(repo_path, id, err));
    for (size_t i = 0; i < CHAIN_DISKS; i++) {
        CLEANUP_FREE char *file = reference(chain_day(id), i);
        CLEANUP_FREE char *image = xasprintf("%s/%s/%s.qcow2", repo_path, id, names[i]);

        compare(image, file);
    }
}

void chain_keep(void)
{
    CLEANUP_FREE char *kept = xasprintf("%s/kept", repo_tmp);

    MUST_RUN("rm", "-rf", kept);
    MUST_RUN("cp", "-a", repo_path, kept);
}

void chain_put_back(void)
{
    CLEANUP_FREE char *kept = xasprintf("%s/kept", repo_tmp);

    MUST_RUN("rm", "-rf", repo_path);
    MUST_RUN("cp", "-a", kept, repo_path);
}

int merge_into(const char *point, const char *into, struct err *err)
{
    const struct merge_request r = {.point = point, .into = into};
    CLEANUP(point_done) struct point now = {0};

    return repository_merge(repo_path, AS, &r, &now, err);
}

/* qemu-img dies with who started it, but not at once: it may sit in a sync. */
void merge_finish(const char *point, const char *into)
{
    const struct timespec pause = {0, 20000000};
    struct err err = ERR_INIT;

    for (int i = 0; merge_into(point, into, &err) < 0; i++) {
        if (i == 3000 || (err.code != ERR_BUSY && !strstr(err.msg, "lock")))
            fail_msg("%s", err.msg);
        nanosleep(&pause, NULL);
        err = ERR_INIT;
    }
}
