/* SPDX-License-Identifier: MIT */
#include "storage/places/place_parts.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

static void add_device(struct place_parts *p, dev_t device)
{
    for (size_t i = 0; i < p->devices.n; i++)
        if (p->devices.items[i] == device)
            return;
    *VEC_ADD(&p->devices) = device;
}

/* The first line of DIR/NAME, or NULL; caller frees. */
static char *line_of(const char *dir, const char *name)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
    struct err err = ERR_INIT;
    char *text = NULL;
    size_t len;

    if (read_file(path, 2 * PATH_MAX, &text, &len, &err) < 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* DIR/dev has "MAJOR:MINOR". */
static void add_device_of(struct place_parts *p, const char *dir)
{
    CLEANUP_FREE char *text = line_of(dir, "dev");
    unsigned long major, minor;
    char *end;

    if (!text)
        return;
    major = strtoul(text, &end, 10);
    if (*end != ':')
        return;
    minor = strtoul(end + 1, &end, 10);
    if (!*end)
        add_device(p, makedev((unsigned int)major, (unsigned int)minor));
}

static void add_disk_of_partition(struct place_parts *p, const char *dir)
{
    CLEANUP_FREE char *mark = xasprintf("%s/partition", dir), *real = NULL, *disk = NULL;

    if (access(mark, F_OK) < 0)
        return;
    real = realpath(dir, NULL);
    disk = real ? path_dirname(real) : NULL;
    if (disk)
        add_device_of(p, disk);
}

static void add_slaves(struct place_parts *p, const char *dir)
{
    CLEANUP_FREE char *path = xasprintf("%s/slaves", dir);
    CLEANUP_CLOSEDIR DIR *d = opendir(path);
    const struct dirent *entry;

    while (d && (entry = readdir(d))) {
        CLEANUP_FREE char *slave = xasprintf("%s/%s", path, entry->d_name);

        if (entry->d_name[0] != '.')
            add_device_of(p, slave);
    }
}

void place_parts_read(const char *sys, dev_t device, struct place_parts *ret)
{
    *ret = (struct place_parts){0};
    add_device(ret, device);
    for (size_t i = 0; i < ret->devices.n; i++) {
        dev_t d = ret->devices.items[i];
        CLEANUP_FREE char *dir = xasprintf("%s/%u:%u", sys, major(d), minor(d));
        char *file = line_of(dir, "loop/backing_file");

        if (file)
            *VEC_ADD(&ret->files) = file;
        add_disk_of_partition(ret, dir);
        add_slaves(ret, dir);
    }
}

void place_parts_done(struct place_parts *p)
{
    for (size_t i = 0; i < p->files.n; i++)
        free(p->files.items[i]);
    free(p->files.items);
    free(p->devices.items);
    *p = (struct place_parts){0};
}
