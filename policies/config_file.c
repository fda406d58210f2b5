/* SPDX-License-Identifier: MIT */
#include "policies/config_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "policies/config_priv.h"

#define NOTE "# What vmkeepd goes by: a copy, made anew at each start and reload.\n"
#define OF "# of: "
#define CATALOG_KEY "catalog:"
#define BOM "\xef\xbb\xbf"
#define COPY_MAX (CONFIG_TEXT_MAX + 8192) /* with what stands above it */

static char *absolute(const char *path)
{
    CLEANUP_FREE char *here = NULL;

    if (path[0] == '/')
        return xstrdup(path);
    here = getcwd(NULL, 0);
    return here ? xasprintf("%s/%s", here, path) : xstrdup(path);
}

/* ---- the file ---- */

static void cannot_read(struct config_file *f, const char *path, const struct err *err)
{
    const char *why = starts_with(err->msg, path) ? err->msg + strlen(path) + 2 : err->msg;

    f->missing = err->sys == ENOENT || err->sys == ENOTDIR;
    diagnostics_add(&f->diags, path, 0, 0, false, "%s", why);
}

bool config_file_read(const char *path, struct config_file *ret)
{
    struct err err = ERR_INIT;

    *ret = (struct config_file){.path = absolute(path)};
    if (read_file(path, CONFIG_TEXT_MAX, &ret->text, &ret->len, &err) < 0)
        cannot_read(ret, path, &err);
    else
        config_parse(ret->text, ret->len, path, &ret->config, &ret->diags);
    return ret->config != NULL;
}

void config_file_done(struct config_file *f)
{
    free(f->path);
    free(f->text);
    config_free(f->config);
    diagnostics_done(&f->diags);
    *f = (struct config_file){0};
}

char *config_file_problem(const struct config_file *f)
{
    size_t n = diagnostics_errors(&f->diags);
    CLEANUP_FREE char *first = NULL;

    for (size_t i = 0; i < f->diags.n && !first; i++)
        if (!f->diags.items[i].warning)
            first = diagnostic_format(&f->diags.items[i]);
    if (n > 1)
        return xasprintf("%s (and %zu more error%s)", first, n - 1, plural_s(n - 1));
    return TAKE_PTR(first);
}

/* ---- the copy ---- */

char *config_copy_path(const char *catalog)
{
    return xasprintf("%s.config", catalog);
}

/* What would end the line is left out of it. */
static char *line_of(const char *path)
{
    char *ret = xasprintf(OF "%s\n", path);

    for (char *s = ret; s[1]; s++)
        if ((unsigned char)*s < ' ')
            *s = '?';
    return ret;
}

int config_copy_keep(const struct config_file *f, const char *catalog, struct err *err)
{
    size_t skip = starts_with(f->text, BOM) ? strlen(BOM) : 0;
    CLEANUP_FREE char *path = config_copy_path(catalog);
    CLEANUP_FREE char *of = line_of(f->path);
    CLEANUP_FREE char *all = xasprintf("%s%s%s", NOTE, of, f->text + skip);

    return write_file_durably(path, all, strlen(all), 0600, err);
}

/* The value of the top key "catalog", found without a parser, which would stop at what is broken.
 * NULL: none that could be one.  Caller frees. */
static char *named_catalog(const char *text)
{
    text += starts_with(text, BOM) ? strlen(BOM) : 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        const char *value = line + strlen(CATALOG_KEY), *end;

        if (!starts_with(line, CATALOG_KEY))
            continue;
        value += strspn(value, " \t");
        if (*value == '"' || *value == '\'') {
            end = value + 1 + strcspn(value + 1, *value == '"' ? "\"\n" : "'\n");
            value++;
        } else {
            end = value + strcspn(value, "#\r\n");
            while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
                end--;
        }
        return *value == '/' ? strndup(value, (size_t)(end - value)) : NULL;
    }
    return NULL;
}

static bool same_file(const char *a, const char *b)
{
    CLEANUP_FREE char *real_a = NULL, *real_b = NULL;

    if (strcmp(a, b) == 0)
        return true;
    real_a = realpath(a, NULL);
    real_b = realpath(b, NULL);
    return real_a && real_b && strcmp(real_a, real_b) == 0;
}

/* Was the copy made of that file? */
static bool is_copy_of(const char *text, const char *path)
{
    CLEANUP_FREE char *of = NULL;

    if (!starts_with(text, NOTE OF) || !strchr(text + strlen(NOTE), '\n'))
        return false;
    text += strlen(NOTE OF);
    of = xasprintf("%.*s", (int)strcspn(text, "\n"), text);
    return same_file(of, path);
}

/* Its text, of caller, and where in that the configuration begins; NULL: there is none of f. */
static char *load_copy(const struct config_file *f, const char *path, const char **ret_yaml,
                       size_t *ret_len, int64_t *ret_kept)
{
    CLEANUP_FREE char *text = NULL;
    struct err err = ERR_INIT;
    struct stat st;
    size_t len;

    if (stat(path, &st) < 0 || read_file(path, COPY_MAX, &text, &len, &err) < 0 ||
        !is_copy_of(text, f->path))
        return NULL;
    *ret_yaml = strchr(text + strlen(NOTE), '\n') + 1;
    *ret_len = len - (size_t)(*ret_yaml - text);
    *ret_kept = st.st_mtim.tv_sec;
    return TAKE_PTR(text);
}

bool config_copy_differs(const struct config_file *f, int64_t *ret_kept)
{
    CLEANUP_FREE char *path = config_copy_path(f->config->catalog);
    const char *yaml;
    size_t len;
    CLEANUP_FREE char *text = load_copy(f, path, &yaml, &len, ret_kept);

    return text && !config_yaml_same(f->text, f->len, yaml, len);
}

static bool read_copy(const struct config_file *f, const char *catalog, struct config_copy *ret)
{
    CLEANUP_FREE char *path = config_copy_path(catalog);
    struct diagnostics ignored = {0};
    const char *yaml;
    size_t len;
    int64_t kept;
    CLEANUP_FREE char *text = load_copy(f, path, &yaml, &len, &kept);

    if (!text)
        return false;
    *ret = (struct config_copy){.kept = kept};
    config_parse(yaml, len, path, &ret->config, &ignored);
    diagnostics_done(&ignored);
    if (ret->config)
        ret->path = TAKE_PTR(path);
    return ret->config != NULL;
}

bool config_copy_find(const struct config_file *f, struct config_copy *ret)
{
    CLEANUP_FREE char *catalog = f->text ? named_catalog(f->text) : NULL;

    *ret = (struct config_copy){0};
    return (catalog && read_copy(f, catalog, ret)) || read_copy(f, CONFIG_CATALOG_DEFAULT, ret);
}

void config_copy_done(struct config_copy *c)
{
    config_free(c->config);
    free(c->path);
    *c = (struct config_copy){0};
}
