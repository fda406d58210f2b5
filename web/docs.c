/* SPDX-License-Identifier: MIT */
#include "web/docs.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "report/html.h"

#define FIRST "index.html"
#define FILES_MAX 1000
#define FILE_BYTES_MAX ((off_t)4 << 20)
#define BYTES_MAX ((off_t)32 << 20)

struct document {
    char *path; /* below the directory */
    struct text text;
};

struct docs {
    VEC(struct document) files;
    off_t bytes;
};

/* No more of it than that, should it grow meanwhile. */
static bool read_all(int fd, size_t n, struct text *ret)
{
    ret->text = xcalloc(1, n + 1);
    while (ret->n < n) {
        ssize_t got = read(fd, ret->text + ret->n, n - ret->n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        ret->n += (size_t)got;
    }
    return ret->n == n;
}

static bool add(struct docs *d, const char *file, const char *path)
{
    CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct text text = {0};
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX ||
        d->bytes + st.st_size > BYTES_MAX || d->files.n == FILES_MAX)
        return false;
    if (!read_all(fd, (size_t)st.st_size, &text)) {
        free(text.text);
        return false;
    }
    text_mark(&text);
    d->bytes += st.st_size;
    *VEC_ADD(&d->files) = (struct document){xstrdup(path), text};
    return true;
}

struct docs *docs_read(const char *dir)
{
    CLEANUP_FREE char *root = xstrdup(dir);
    char *const roots[] = {root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_XDEV, NULL);
    struct docs *ret = xcalloc(1, sizeof(*ret));
    const FTSENT *e;

    while (walk && (e = fts_read(walk)))
        if (e->fts_info == FTS_F && !add(ret, e->fts_path, e->fts_path + strlen(root) + 1))
            log_warning("%s is left out of the documentation: it cannot be read, or is too large",
                        e->fts_path);
    if (walk)
        fts_close(walk);
    return ret;
}

void docs_free(struct docs *d)
{
    for (size_t i = 0; i < d->files.n; i++) {
        free(d->files.items[i].path);
        free(d->files.items[i].text.text);
    }
    free(d->files.items);
    free(d);
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".png", "image/png"},
        {".json", "application/json"},
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (ends_with(path, types[i][0]))
            return types[i][1];
    return "text/plain; charset=utf-8";
}

const struct text *docs_find(const struct docs *d, const char *path, const char **ret_type)
{
    if (!*path)
        path = FIRST;
    for (size_t i = 0; i < d->files.n; i++)
        if (str_eq(d->files.items[i].path, path)) {
            *ret_type = type_of(path);
            return &d->files.items[i].text;
        }
    return NULL;
}

void docs_none(struct text *ret)
{
    FILE *out = open_memstream(&ret->text, &ret->n);

    if (!out)
        abort(); /* there is no memory */
    report_html_error("Documentation",
                      "It is not installed here as pages. The manual pages are: vmkeep(1), "
                      "vmkeep-web(1), vmkeep-config(5) and vmkeepd(8).",
                      out);
    fclose(out);
}
