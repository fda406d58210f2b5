/* SPDX-License-Identifier: MIT */
#include "mover/host_map.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"
#include "storage/images/qcow2_links.h"

#define SILENT_S 120 /* as long as it may take from one line to the next */
#define LAYERS_MAX 500

/* ---- what qemu-img says ---- */

struct asking {
    struct host_map *map;
    void (*told)(uint64_t done, uint64_t total);
    uint64_t bytes; /* of data */
    bool ended, unusable;
    struct err *why;
};

static bool add_run(struct host_map *m, const json_t *o)
{
    json_int_t start, length, depth, at = -1;
    int present, zero, compressed = false;

    if (json_unpack((json_t *)o, "{s:I, s:I, s:I, s:b, s:b, s?b, s?I}", "start", &start, "length",
                    &length, "depth", &depth, "present", &present, "zero", &zero, "compressed",
                    &compressed, "offset", &at) < 0 ||
        start < 0 || (uint64_t)start != m->size || length <= 0 || depth < 0 || depth > LAYERS_MAX ||
        (!zero && (at < 0 || compressed)))
        return false;
    *VEC_ADD(&m->runs) = (struct host_run){.offset = (uint64_t)start,
                                           .length = (uint64_t)length,
                                           .at = zero ? 0 : (uint64_t)at,
                                           .layer = (uint32_t)depth,
                                           .zero = zero,
                                           .present = present};
    m->size += (uint64_t)length;
    return true;
}

/* An object a line, between brackets and commas. */
static void on_line(void *ctx, const char *line)
{
    struct asking *a = ctx;
    const char *object = strchr(line, '{');
    json_t *o;

    if (!object || a->unusable)
        return;
    o = json_loads(object, JSON_DISABLE_EOF_CHECK, NULL);
    if (!o || !add_run(a->map, o))
        a->unusable = true;
    else if (!a->map->runs.items[a->map->runs.n - 1].zero)
        a->bytes += a->map->runs.items[a->map->runs.n - 1].length;
    json_decref(o);
    a->told(0, a->bytes);
}

static void on_ended(void *ctx, const struct err *err)
{
    struct asking *a = ctx;

    a->ended = true;
    a->unusable = a->unusable || err;
    if (err)
        *a->why = *err;
}

static bool ask(const struct chain_spec *spec, struct asking *a)
{
    const char *argv[9] = {"qemu-img", "map", "--output=json", "-f", spec->format};
    size_t n = 5;
    const struct proc_spec run = {.argv = argv, .idle_timeout_s = SILENT_S, .line = on_line};
    struct err ignored = ERR_INIT;

    if (spec->locked)
        argv[n++] = "-U";
    argv[n++] = "--";
    argv[n] = spec->image;
    if (!proc_start(EV_DEFAULT_ & run, NULL, on_ended, a, &ignored))
        return false;
    while (!a->ended)
        ev_run(EV_DEFAULT_ EVRUN_ONCE);
    return !a->unusable;
}

/* ---- the files ---- */

/* That of the next layer; false: there is none, or it is not known. */
static bool add_file(struct host_map *m, const char *path, bool qcow2, char **ret_below,
                     bool *ret_below_qcow2)
{
    struct qcow2_links links = {0};
    bool known;

    *VEC_ADD(&m->files) = (struct host_file){.path = xstrdup(path), .fd = -1};
    if (qcow2)
        qcow2_links_read(path, &links);
    known = !links.data && !links.encrypted;
    *ret_below = TAKE_PTR(links.backing);
    *ret_below_qcow2 = !links.backing_is_raw;
    qcow2_links_done(&links);
    return known;
}

static bool open_file(struct host_file *f, bool direct)
{
    if (f->fd >= 0)
        return true;
    if (direct)
        f->fd = open(f->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (f->fd < 0)
        f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    return f->fd >= 0;
}

static bool open_files(const struct chain_spec *spec, struct host_map *m)
{
    CLEANUP_FREE char *next = xstrdup(spec->image);
    bool qcow2 = str_eq(spec->format, "qcow2"), known = true;

    for (size_t i = 0; known && i < m->runs.n; i++) {
        const struct host_run *r = &m->runs.items[i];

        while (known && !r->zero && m->files.n <= r->layer) {
            CLEANUP_FREE char *path = TAKE_PTR(next);

            known = path && add_file(m, path, qcow2, &next, &qcow2);
        }
        if (known && !r->zero)
            known = open_file(&m->files.items[r->layer], spec->direct);
    }
    return known;
}

bool host_map_make(const struct chain_spec *spec, void (*told)(uint64_t done, uint64_t total),
                   struct host_map *ret, struct err *why)
{
    struct asking a = {.map = ret, .told = told, .why = why};

    *ret = (struct host_map){0};
    if (!spec->object && ask(spec, &a) && open_files(spec, ret))
        return true;
    host_map_done(ret);
    return false;
}

void host_map_done(struct host_map *m)
{
    for (size_t i = 0; i < m->files.n; i++) {
        free(m->files.items[i].path);
        if (m->files.items[i].fd >= 0)
            close(m->files.items[i].fd);
    }
    free(m->files.items);
    free(m->runs.items);
    *m = (struct host_map){0};
}

/* ---- using it ---- */

static enum map_kind kind_of(const struct host_run *r, bool depth)
{
    if (depth && (r->layer > 0 || !r->present))
        return MAP_SKIP;
    if (r->zero)
        return depth ? MAP_ZERO : MAP_SKIP;
    return MAP_DATA;
}

void host_map_extents(const struct host_map *m, bool depth, struct map *ret)
{
    *ret = (struct map){.size = m->size};
    for (size_t i = 0; i < m->runs.n; i++)
        map_add(ret, m->runs.items[i].length, kind_of(&m->runs.items[i], depth));
}

/* false: it is already. */
static bool read_through_cache(const struct host_file *f)
{
    int flags = fcntl(f->fd, F_GETFL);

    return flags & O_DIRECT && fcntl(f->fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

/* Past the page cache whole blocks are read; a file system that wants larger ones is read through
 * it.  Behind the end of a file are zeroes, as for QEMU. */
static int read_file_part(const struct host_file *f, unsigned char *buf, uint64_t at, uint64_t len,
                          struct err *err)
{
    uint64_t whole = (len + HOST_MAP_SLACK - 1) & ~(uint64_t)(HOST_MAP_SLACK - 1), done = 0;

    while (done < len) {
        ssize_t n = pread(f->fd, buf + done, whole - done, (off_t)(at + done));
        int sys = errno;

        if (n == 0)
            break;
        if (n > 0)
            done += (uint64_t)n;
        else if (sys != EINTR && (sys != EINVAL || !read_through_cache(f)))
            return err_errno(err, sys, "%s: read at byte %" PRIu64, f->path, at + done);
    }
    if (done < len)
        memset(buf + done, 0, len - done);
    return 0;
}

/* The run that has the byte; it is in the disk. */
static size_t run_at(const struct host_map *m, uint64_t at)
{
    size_t low = 0, high = m->runs.n - 1;

    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;

        if (m->runs.items[middle].offset <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int host_map_read(const struct host_map *m, unsigned char *buf, uint64_t at, uint64_t len,
                  struct err *err)
{
    uint64_t there = at >= m->size ? 0 : m->size - at, done = 0;

    there = there < len ? there : len;
    for (size_t i = there ? run_at(m, at) : 0; done < there; i++) {
        const struct host_run *r = &m->runs.items[i];
        uint64_t within = at + done - r->offset, n = r->length - within;

        n = n < there - done ? n : there - done;
        if (r->zero)
            memset(buf + done, 0, n);
        else if (read_file_part(&m->files.items[r->layer], buf + done, r->at + within, n, err) < 0)
            return -1;
        done += n;
    }
    memset(buf + there, 0, len - there);
    return 0;
}

int host_map_read_file(const struct host_map *m, uint32_t layer, unsigned char *buf, uint64_t at,
                       uint64_t len, struct err *err)
{
    return read_file_part(&m->files.items[layer], buf, at, len, err);
}
