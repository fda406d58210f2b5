/* SPDX-License-Identifier: MIT */
#include "storage/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "storage/image_run.h"

#define ARGUMENTS_MAX 30
#define TARGET_KEY_OBJECT "target-key"

struct converting {
    const struct conversion *c;
    int target;
    double percent;
};

/* "    (12.34/100%)".  Without news, too: a cancel must not wait for the next percent.
 *
 * What is written so far begins its way to the disk, and leaves the page cache when it is there: so
 * the disk works from the start, the sync at the end is short, and what others have in the cache
 * stays.  (Past the page cache, by -t none, qemu-img takes half as long again: its writes, each
 * of which makes the file longer, wait for one another.) */
static bool on_qemu_img(void *ctx, pid_t pid, const char *line)
{
    struct converting *s = ctx;

    (void)pid;
    if (line)
        sscanf(line, " (%lf/", &s->percent);
    posix_fadvise(s->target, 0, 0, POSIX_FADV_DONTNEED);
    return s->c->progress(s->c->ctx, s->percent);
}

struct arguments {
    const char *items[ARGUMENTS_MAX];
    size_t n;
};

static void add(struct arguments *a, const char *word)
{
    a->items[a->n++] = word;
}

/* into: the target, opened. */
static void add_filled(struct arguments *a, const struct conversion *c,
                       const struct image_words *into)
{
    add(a, "-n");
    if (c->top) { /* that it has a backing file; which one does not matter */
        add(a, "-B");
        add(a, c->source);
        add(a, "-F");
        add(a, "qcow2");
    } else {
        add(a, "--target-is-zero");
    }
    if (into->object) {
        add(a, "--object");
        add(a, into->object);
    }
}

int convert_image(const struct conversion *c, struct err *err)
{
    CLEANUP(image_words_done) struct image_words into = {0};
    CLEANUP_FREE char *rate = xasprintf("%" PRIu64, c->bandwidth);
    CLEANUP_CLOSE int target = open(c->target, O_RDONLY | O_CLOEXEC);
    struct arguments a = {
        .items = {"qemu-img", "convert", "-p", "-f", "qcow2", "-O", c->format, "-t", "unsafe"},
        .n = 9};
    struct converting s = {.c = c, .target = target};

    if (target < 0)
        return err_errno(err, errno, "%s", c->target);
    if (c->filled && image_words_alone(c->target, TARGET_KEY_OBJECT, &into, err) < 0)
        return -1;
    if (c->bandwidth) {
        add(&a, "-r");
        add(&a, rate);
    }
    if (c->filled)
        add_filled(&a, c, &into);
    add(&a, c->source);
    add(&a, c->filled ? into.name : c->target);
    add(&a, NULL);
    return image_run(a.items, c->source, on_qemu_img, &s, NULL, err);
}
