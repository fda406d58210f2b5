/* SPDX-License-Identifier: MIT */
#include "storage/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc.h"

#define HEX_LENGTH 64

struct watch {
    bool (*tick)(void *ctx, uint64_t bytes);
    void *ctx;
};

/* What the process has read so far, by proc(5); false: it cannot be told. */
static bool bytes_read(pid_t pid, uint64_t *ret)
{
    CLEANUP_FREE char *name = xasprintf("/proc/%d/io", (int)pid);
    FILE *f = fopen(name, "re");
    bool ok = f && fscanf(f, "rchar: %" SCNu64, ret) == 1;

    if (f)
        fclose(f);
    return ok;
}

/* b3sum says nothing before its end: how much it has read is the sign that it is getting on; on
 * a file system that hangs it stands still. */
static bool on_tick(void *ctx, pid_t pid, const char *line)
{
    const struct watch *w = ctx;
    uint64_t bytes = 0;

    (void)line;
    return !w->tick || !bytes_read(pid, &bytes) || w->tick(w->ctx, bytes);
}

/* --no-mmap: reading is four times as fast as page faults are, and a file that is cut short under
 * it is an error, not a signal. */
int digest_file_watched(const char *path, bool (*tick)(void *ctx, uint64_t bytes), void *ctx,
                        char **ret, struct err *err)
{
    const char *argv[] = {"b3sum", "--no-mmap", "--no-names", path, NULL};
    struct watch w = {.tick = tick, .ctx = ctx};
    CLEANUP_FREE char *out = NULL;

    if (proc_run_watched(argv, on_tick, &w, &out, err) < 0)
        return -1;
    if (strspn(out, "0123456789abcdef") != HEX_LENGTH || strcmp(out + HEX_LENGTH, "\n") != 0)
        return err_set(err, ERR_INTERNAL, "b3sum: an answer that is no digest: %s", out);
    *ret = xasprintf("blake3:%.*s", HEX_LENGTH, out);
    return 0;
}

struct life {
    const char *path;
    void (*alive)(const char *path);
    uint64_t before;
};

static bool say_alive(void *ctx, uint64_t bytes)
{
    struct life *l = ctx;

    if (l->alive && bytes != l->before)
        l->alive(l->path);
    l->before = bytes;
    return true;
}

int digest_file(const char *path, void (*alive)(const char *path), char **ret, struct err *err)
{
    struct life l = {.path = path, .alive = alive};

    return digest_file_watched(path, say_alive, &l, ret, err);
}
