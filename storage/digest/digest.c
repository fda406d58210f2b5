/* SPDX-License-Identifier: MIT */
#include "storage/digest/digest.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc.h"

#define HEX_LENGTH 64

#define TICK_MS 500
#define PACED_TICK_MS 10

struct watch {
    bool (*tick)(void *ctx, uint64_t bytes);
    void *ctx;
    uint64_t bandwidth; /* 0: no limit */
    int64_t since_ms;   /* when it began */
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

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* b3sum knows no limit: it is stopped for as long as it is ahead of it. */
static bool pace(const struct watch *w, pid_t pid, uint64_t bytes)
{
    double due_ms = (double)bytes * 1000 / (double)w->bandwidth;
    bool go_on = true;

    if (due_ms <= (double)(now_ms() - w->since_ms))
        return true;
    kill(-pid, SIGSTOP);
    for (double left; go_on && (left = due_ms - (double)(now_ms() - w->since_ms)) > 0;) {
        int ms = left < TICK_MS ? (int)left + 1 : TICK_MS;
        const struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

        nanosleep(&pause, NULL);
        go_on = !w->tick || w->tick(w->ctx, bytes);
    }
    kill(-pid, SIGCONT);
    return go_on;
}

/* b3sum says nothing before its end: how much it has read is the sign that it is getting on; on
 * a file system that hangs it stands still. */
static bool on_tick(void *ctx, pid_t pid, const char *line)
{
    const struct watch *w = ctx;
    uint64_t bytes = 0;

    (void)line;
    if ((!w->tick && w->bandwidth == 0) || !bytes_read(pid, &bytes))
        return true;
    if (w->tick && !w->tick(w->ctx, bytes))
        return false;
    return w->bandwidth == 0 || pace(w, pid, bytes);
}

/* --no-mmap: reading is four times as fast as page faults are, and a file that is cut short under
 * it is an error, not a signal. */
int digest_file_watched(const char *path, uint64_t bandwidth,
                        bool (*tick)(void *ctx, uint64_t bytes), void *ctx, char **ret,
                        struct err *err)
{
    const char *argv[] = {"b3sum", "--no-mmap", "--no-names", path, NULL};
    struct watch w = {tick, ctx, bandwidth, now_ms()};
    CLEANUP_FREE char *out = NULL;

    if (proc_run_ticking(argv, on_tick, &w, bandwidth ? PACED_TICK_MS : TICK_MS, &out, err) < 0)
        return -1;
    if (strspn(out, "0123456789abcdef") != HEX_LENGTH || strcmp(out + HEX_LENGTH, "\n") != 0)
        return err_set(err, ERR_INTERNAL, "b3sum: an answer that is no digest: %s", out);
    *ret = xasprintf("blake3:%.*s", HEX_LENGTH, out);
    return 0;
}
