/* SPDX-License-Identifier: MIT */
#include "storage/convert.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "storage/image_run.h"

#define ARGUMENTS_MAX 30
#define TARGET_KEY_OBJECT "target-key"

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
    struct arguments a = {
        .items = {"qemu-img", "convert", "-p", "-f", "qcow2", "-O", c->format, "-t"}, .n = 8};
    struct converting s = {.c = c};

    if (c->filled && image_words_alone(c->target, TARGET_KEY_OBJECT, &into, err) < 0)
        return -1;
    add(&a, c->direct ? "none" : "unsafe");
    /* Past the page cache many requests at once, in any order, keep the disk busy: a tenth to a
     * fifth faster than qemu-img's eight in order, from a cold disk as from memory. */
    if (c->direct) {
        add(&a, "-m");
        add(&a, "16");
        add(&a, "-W");
    }
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
