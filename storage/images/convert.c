/* SPDX-License-Identifier: MIT */
#include "storage/images/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "storage/images/image_run.h"

#define ARGUMENTS_MAX 30
#define TARGET_KEY_OBJECT "target-key"
/* Of the tables of a steady target: each of these parts tells where 4 MiB lie, and so many are not
 * in the file yet. */
#define TABLE 512
#define TABLES (4 * TABLE)

struct converting {
    const struct conversion *c;
    int target;
    double percent;
};

/* "    (12.34/100%)".  Without news, too: a cancel must not wait for the next percent.
 *
 * What is written so far begins its way to the disk: so that works from the start, and the sync
 * at the end is short.  Unless it is read back from there it leaves the page cache when it has
 * arrived, and what others have in the cache stays.  (Past the page cache, by -t none, qemu-img
 * takes half as long again: its writes, each of which makes the file longer, wait for one
 * another.) */
static bool on_qemu_img(void *ctx, pid_t pid, const char *line)
{
    struct converting *s = ctx;

    (void)pid;
    if (line)
        sscanf(line, " (%lf/", &s->percent);
    if (s->c->stays_cached)
        sync_file_range(s->target, 0, 0, SYNC_FILE_RANGE_WRITE);
    else
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

/* ---- steady targets, and parts of images ---- */

/* Takes the image. */
static json_t *part_of(const struct conversion *c, json_t *image)
{
    if (!c->length)
        return image;
    return json_pack("{s:s, s:I, s:I, s:o}", "driver", "raw", "offset", (json_int_t)c->from, "size",
                     (json_int_t)c->length, "file", image);
}

/* Takes the description.  NULL: a name in it is not UTF-8. */
static char *text_of(json_t *o)
{
    CLEANUP_FREE char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

    json_decref(o);
    return text ? xasprintf("json:%s", text) : NULL;
}

static char *describe_target(const struct conversion *c)
{
    json_t *o = json_pack("{s:s, s:s}", "driver", "file", "filename", c->target);

    if (o && str_eq(c->format, "qcow2"))
        o = json_pack("{s:s, s:i, s:i, s:o}", "driver", "qcow2", "l2-cache-entry-size", TABLE,
                      "l2-cache-size", TABLES, "file", o);
    return text_of(o ? part_of(c, o) : NULL);
}

/* name: as QEMU is told to open all of it. */
static char *describe_source(const struct conversion *c, const char *name)
{
    json_t *o = starts_with(name, "json:") ? json_loads(name + strlen("json:"), 0, NULL)
                                           : json_pack("{s:s, s:{s:s, s:s}}", "driver", "qcow2",
                                                       "file", "driver", "file", "filename", name);

    return text_of(o ? part_of(c, o) : NULL);
}

static int convert_steady(const struct conversion *c, struct arguments *a, struct converting *s,
                          struct err *err)
{
    CLEANUP(image_words_done) struct image_words from = {0};
    CLEANUP_FREE char *source = NULL, *target = describe_target(c);
    int rc;

    if (image_words(c->source, &from, err) < 0)
        return -1;
    source = describe_source(c, from.name);
    if (!source || !target)
        return err_set(err, ERR_INVALID, "%s: the file's name is not UTF-8",
                       source ? c->target : c->source);
    add(a, "-n");
    if (!c->length)
        add(a, "--target-is-zero");
    if (from.object) {
        add(a, "--object");
        add(a, from.object);
    }
    add(a, source);
    add(a, target);
    add(a, NULL);
    rc = proc_run_watched(a->items, on_qemu_img, s, NULL, err);
    if (rc < 0)
        image_key_failed(c->source, from.key, err);
    return rc;
}

int convert_image(const struct conversion *c, struct err *err)
{
    CLEANUP(image_words_done) struct image_words into = {0};
    CLEANUP_FREE char *rate = xasprintf("%" PRIu64, c->bandwidth);
    CLEANUP_CLOSE int target = open(c->target, O_RDONLY | O_CLOEXEC);
    const bool part = c->length > 0;
    struct arguments a = {.items = {"qemu-img", "convert", "-p", "-f", part ? "raw" : "qcow2", "-O",
                                    part ? "raw" : c->format, "-t", "unsafe"},
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
    if (c->steady || part)
        return convert_steady(c, &a, &s, err);
    if (c->filled)
        add_filled(&a, c, &into);
    add(&a, c->source);
    add(&a, c->filled ? into.name : c->target);
    add(&a, NULL);
    return image_run(a.items, c->source, on_qemu_img, &s, NULL, err);
}
