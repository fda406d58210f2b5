/* SPDX-License-Identifier: MIT */
#include "tests/support/test.h"

#include "tests/integration/repo_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "storage/repository/repository.h"

char *repo_tmp, *repo_path;

static const struct owner self = {.catalog = (char *)"0123abcd",
                                  .machine = (char *)"backup1",
                                  .machine_id = (char *)"m1",
                                  .catalog_path = (char *)"/var/lib/vmkeep/catalog.db"};
const struct repository_access repo_access = {.self = &self, .now = T0};

void must_run(const char *const *argv)
{
    struct err err = ERR_INIT;

    if (proc_run(argv, NULL, &err) < 0)
        fail_msg("%s", err.msg);
}

int repo_setup(void **state)
{
    char dir[512];

    (void)state;
    test_make_dir(dir, sizeof(dir));
    repo_tmp = xstrdup(dir);
    repo_path = xasprintf("%s/repository", repo_tmp);
    assert_int_equal(mkdir(repo_path, 0700), 0);
    WORKS(repository_open(repo_path, true, err));
    return 0;
}

int repo_teardown(void **state)
{
    (void)state;
    MUST_RUN("rm", "-rf", repo_tmp);
    free(repo_tmp);
    free(repo_path);
    return 0;
}

struct point plan_make(int day, const struct point *parent)
{
    static const char *const disks[] = {"vda", "vdb"};
    struct point p = {
        .host = xstrdup("local"),
        .domain = xstrdup("web01"),
        .policy = xstrdup("nightly"),
        .repository = xstrdup("main"),
        .level = parent ? LEVEL_INCREMENTAL : LEVEL_FULL,
        .parent = parent ? xstrdup(parent->id) : NULL,
        .created = T0 + day * 86400,
        .checkpoint = xasprintf("vmkeep-0123abcd-%d", day + 1),
        .catalog = xstrdup(self.catalog),
        .job = day + 1,
        .why = xstrdup("scheduled"),
    };

    p.id = point_id_make(&p);
    for (size_t i = 0; i < ARRAY_LEN(disks); i++) {
        struct point_disk *d = VEC_ADD(&p.disks);

        d->name = xstrdup(disks[i]);
        d->path = xasprintf("%s.qcow2", disks[i]);
        d->format = xstrdup("qcow2");
        d->backing = xstrdup(p.parent);
        d->capacity = CAPACITY;
    }
    return p;
}

static void write_image(const char *file, const char *format, uint64_t at, uint64_t len,
                        int pattern)
{
    CLEANUP_FREE char *zero =
        xasprintf("write -z %llu %llu", (unsigned long long)at, (unsigned long long)len);
    CLEANUP_FREE char *data = xasprintf("write -P %d %llu %llu", pattern, (unsigned long long)at,
                                        (unsigned long long)len);

    MUST_RUN("qemu-io", "-f", format, "-c", pattern ? data : zero, file);
}

void image_write(const char *file, uint64_t at, uint64_t len, int pattern)
{
    write_image(file, "qcow2", at, len, pattern);
}

void assert_same_content(const char *a, const char *a_format, const char *b, const char *b_format)
{
    MUST_RUN("qemu-img", "compare", "-q", "-f", a_format, "-F", b_format, a, b);
}

/* What the guest writes between two points; the same into the image and into the reference. */
static void guest_writes(const char *image, const char *reference, int day, size_t disk)
{
    const struct {
        uint64_t at, len;
        int pattern;
    } writes[3][3] = {
        {{0, 4 << 20, 0x11}, {5 << 20, 65536, 0x12}, {CAPACITY - 65536, 65536, 0x13}},
        {{1 << 20, 1 << 20, 0x21}, {3 << 20, 65536, 0}, {5 << 20, 65536, 0x22}},
        {{(3 << 20) + 65536, 65536, 0}, {1 << 20, 65536, 0x31}, {6 << 20, 131072, 0x32}},
    };

    for (size_t i = 0; i < 3; i++) {
        int pattern = writes[day][i].pattern ? writes[day][i].pattern + (int)disk * 0x40 : 0;

        image_write(image, writes[day][i].at, writes[day][i].len, pattern);
        write_image(reference, "raw", writes[day][i].at, writes[day][i].len, pattern);
    }
}

char *reference_name(int day, size_t disk)
{
    return xasprintf("%s/ref-%d-%s.raw", repo_tmp, day, disk ? "vdb" : "vda");
}

static void reference_make(const char *reference, int day, size_t disk)
{
    CLEANUP_FREE char *size = xasprintf("%llu", (unsigned long long)CAPACITY);
    CLEANUP_FREE char *before = day ? reference_name(day - 1, disk) : NULL;

    if (before)
        MUST_RUN("cp", before, reference);
    else
        MUST_RUN("truncate", "-s", size, reference);
}

void done_all(struct point points[3])
{
    for (int i = 0; i < 3; i++)
        point_done(&points[i]);
}

void put(const char *name, const char *text)
{
    CLEANUP_FREE char *file = xasprintf("%s/%s", repo_path, name);

    WORKS(write_file_durably(file, text, strlen(text), 0600, err));
}

void make_chain(struct point points[3])
{
    for (int day = 0; day < 3; day++) {
        CLEANUP(point_done) struct point plan = plan_make(day, day ? &points[day - 1] : NULL);

        WORKS(repository_prepare(repo_path, AS, &plan,
                                 ORIGIN("domain.xml", "<domain><name>vm</name></domain>"), err));
        for (size_t i = 0; i < plan.disks.n; i++) {
            CLEANUP_FREE char *image =
                repository_image(repo_path, plan.id, plan.disks.items[i].path, true);
            CLEANUP_FREE char *reference = reference_name(day, i);

            reference_make(reference, day, i);
            guest_writes(image, reference, day, i);
        }
        WORKS(repository_publish(repo_path, AS, &plan, NULL, &points[day], err));
    }
}
