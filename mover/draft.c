/* SPDX-License-Identifier: MIT */
#include "mover/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"

_Static_assert(MAP_CLUSTER == TREE_LEAF, "a map's clusters are leaves");

static void add_run(struct tree *t, const struct map_run *r, const struct leaves *l)
{
    uint64_t first = r->offset / TREE_LEAF, end = tree_leaves(r->offset + r->length);

    if (r->kind == MAP_ZERO) {
        tree_add_zeroes(t, first, end - first);
        return;
    }
    for (uint64_t i = first; i < end && i < l->n; i++)
        tree_add(t, i, leaves_get(l, i));
}

static int write_all(const char *path, const unsigned char *data, size_t len, struct err *err)
{
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(err, errno, "%s", path);
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "%s", path);
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int draft_write(const char *path, const struct map *map, const struct leaves *l, struct err *err)
{
    CLEANUP(tree_done) struct tree t = {.capacity = l->capacity, .delta = true};
    CLEANUP_FREE unsigned char *data = NULL;
    size_t len;

    for (size_t i = 0; i < map->runs.n; i++)
        add_run(&t, &map->runs.items[i], l);
    data = tree_format(&t, &len);
    return write_all(path, data, len, err);
}

static void add_to_map(const struct tree_run *r, uint64_t capacity, struct map *map)
{
    uint64_t at = r->first * TREE_LEAF, length = r->count * TREE_LEAF;

    *VEC_ADD(&map->runs) =
        (struct map_run){at, length < capacity - at ? length : capacity - at, MAP_DATA};
}

bool draft_read(const char *path, uint64_t capacity, struct leaves *ret, struct map *ret_map)
{
    CLEANUP(tree_done) struct tree t = {0};
    struct err unusable = ERR_INIT;

    if (tree_read(path, &t, &unusable) < 0 || !t.delta || !tree_is_zero(t.content) ||
        t.capacity != capacity)
        return false;
    leaves_resize(ret, capacity);
    leaves_lay(ret, &t);
    for (size_t i = 0; i < t.runs.n; i++)
        add_to_map(&t.runs.items[i], capacity, ret_map);
    return true;
}
