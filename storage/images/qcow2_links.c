/* SPDX-License-Identifier: MIT */
#include "storage/images/qcow2_links.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"

#define MAGIC 0x514649fbu
#define NAME_MAX_BYTES 4096u
#define EXTENSIONS_MAX 64
#define LAYERS_MAX 500
#define EXTENSION_BACKING_FORMAT 0xe2792acau
#define EXTENSION_DATA_FILE 0x44415441u
#define V2_LENGTH 72u
#define HEADER_LENGTH_AT 100
#define CRYPT_METHOD_AT 32

struct head {
    uint32_t magic, version;
    uint64_t backing_offset;
    uint32_t backing_size, cluster_bits;
};

static char *read_text(int fd, uint64_t at, uint32_t size)
{
    CLEANUP_FREE char *text = NULL;

    if (size == 0 || size > NAME_MAX_BYTES)
        return NULL;
    text = xcalloc(size + 1u, 1);
    return pread(fd, text, size, (off_t)at) == (ssize_t)size ? TAKE_PTR(text) : NULL;
}

/* The first "filename" anywhere in the description. */
static const char *find_filename(json_t *value)
{
    const char *key, *found = NULL;
    json_t *item;

    json_object_foreach(value, key, item) {
        if (json_is_string(item) && (str_eq(key, "filename") || str_eq(key, "file.filename")))
            found = json_string_value(item);
        else if (json_is_object(item))
            found = find_filename(item);
        if (found)
            return found;
    }
    return NULL;
}

/* As QEMU would resolve it. */
static char *resolve(const char *image, const char *name)
{
    CLEANUP_FREE char *dir = path_dirname(image), *file = NULL;

    if (name && starts_with(name, "json:")) {
        json_t *value = json_loads(name + strlen("json:"), 0, NULL);

        file = xstrdup(find_filename(value));
        json_decref(value);
        name = file;
    }
    if (name && starts_with(name, "file:"))
        name += strlen("file:");
    if (!name || !*name || strstr(name, "://"))
        return NULL;
    return name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);
}

static void read_extensions(int fd, uint64_t at, const char *path, struct qcow2_links *l)
{
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        CLEANUP_FREE char *text = NULL;
        uint32_t head[2], length;

        if (pread(fd, head, sizeof(head), (off_t)at) != sizeof(head) || head[0] == 0)
            return;
        at += sizeof(head);
        length = be32toh(head[1]);
        if (be32toh(head[0]) == EXTENSION_BACKING_FORMAT) {
            text = read_text(fd, at, length);
            l->backing_is_raw = str_eq(text, "raw");
        } else if (be32toh(head[0]) == EXTENSION_DATA_FILE && !l->data) {
            text = read_text(fd, at, length);
            l->data = resolve(path, text);
        }
        at += (length + UINT64_C(7)) & ~UINT64_C(7);
    }
}

void qcow2_links_read(const char *path, struct qcow2_links *ret)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CLEANUP_FREE char *name = NULL;
    uint32_t length = htobe32(V2_LENGTH), method = 0;
    struct head h;

    *ret = (struct qcow2_links){0};
    if (fd < 0 || pread(fd, &h, sizeof(h), 0) != sizeof(h) || be32toh(h.magic) != MAGIC)
        return;
    if (be32toh(h.version) > 2)
        (void)!pread(fd, &length, sizeof(length), HEADER_LENGTH_AT);
    (void)!pread(fd, &method, sizeof(method), CRYPT_METHOD_AT);
    ret->encrypted = method != 0;
    if (h.backing_offset)
        name = read_text(fd, be64toh(h.backing_offset), be32toh(h.backing_size));
    ret->backing = resolve(path, name);
    read_extensions(fd, be32toh(length), path, ret);
}

void qcow2_links_done(struct qcow2_links *l)
{
    free(l->backing);
    free(l->data);
    *l = (struct qcow2_links){0};
}

static bool is(const char *path, const struct stat *file)
{
    struct stat st;

    return path && stat(path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

bool qcow2_stands_on(const char *image, const struct stat *file)
{
    CLEANUP_FREE char *next = xstrdup(image);

    for (int i = 0; next && i < LAYERS_MAX; i++) {
        CLEANUP(qcow2_links_done) struct qcow2_links l = {0};

        qcow2_links_read(next, &l);
        if (is(l.data, file) || is(l.backing, file))
            return true;
        free(next);
        next = l.backing_is_raw ? NULL : TAKE_PTR(l.backing);
    }
    return false;
}

char *qcow2_above(const char *dir, const struct stat *file)
{
    CLEANUP_CLOSEDIR DIR *d = opendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        CLEANUP_FREE char *path = xasprintf("%s/%s", dir, e->d_name);

        if ((e->d_type == DT_REG || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN) &&
            qcow2_stands_on(path, file))
            return TAKE_PTR(path);
    }
    return NULL;
}
