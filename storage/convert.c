/* SPDX-License-Identifier: MIT */
#include "storage/convert.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/proc.h"

#define ARGUMENTS_MAX 20

struct converting {
    const struct conversion *c;
    double percent;
};

/* "    (12.34/100%)".  Without news, too: a cancel must not wait for the next percent. */
static bool on_qemu_img(void *ctx, pid_t pid, const char *line)
{
    struct converting *s = ctx;

    (void)pid;
    if (line)
        sscanf(line, " (%lf/", &s->percent);
    return s->c->progress(s->c->ctx, s->percent);
}

int convert_image(const struct conversion *c, struct err *err)
{
    CLEANUP_FREE char *rate = xasprintf("%" PRIu64, c->bandwidth);
    const char *argv[ARGUMENTS_MAX] = {"qemu-img", "convert", "-p",      "-f",
                                       "qcow2",    "-O",      c->format, "-t"};
    struct converting s = {.c = c};
    size_t n = 8;

    argv[n++] = c->direct ? "none" : "unsafe";
    /* Past the page cache many requests at once, in any order, keep the disk busy: a tenth to a
     * fifth faster than qemu-img's eight in order, from a cold disk as from memory. */
    if (c->direct) {
        argv[n++] = "-m";
        argv[n++] = "16";
        argv[n++] = "-W";
    }
    if (c->bandwidth) {
        argv[n++] = "-r";
        argv[n++] = rate;
    }
    argv[n++] = c->source;
    argv[n++] = c->target;
    argv[n] = NULL;
    return proc_run_watched(argv, on_qemu_img, &s, NULL, err);
}
