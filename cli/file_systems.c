/* SPDX-License-Identifier: MIT */
#include "cli/file_systems.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/text.h"

#define SECTOR 512 /* of an image, whatever the guest's disk says */

char *sbin_program(const char *name)
{
    char *path = xasprintf("/usr/sbin/%s", name);

    if (access(path, X_OK) == 0)
        return path;
    free(path);
    return xstrdup(name);
}

void file_systems_done(struct file_systems *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].type);
        free(l->items[i].label);
    }
    free(l->items);
    *l = (struct file_systems){0};
}

/* The value of "KEY=value" in a line of its own.  Caller frees; NULL: there is none. */
static char *value_of(const char *text, const char *key)
{
    const size_t len = strlen(key);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == '=')
            return xasprintf("%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
    }
    return NULL;
}

/* blkid says by its status 2 that there is nothing, and also that it is ambivalent. */
static void probe(const char *file, struct file_system *f, bool *ret_table)
{
    CLEANUP_FREE char *program = sbin_program("blkid");
    CLEANUP_FREE char *offset = xasprintf("%" PRIu64, f->offset);
    CLEANUP_FREE char *length = xasprintf("%" PRIu64, f->length);
    const char *argv[] = {program, "-p", "-o", "export", "-O", offset, "-S", length, file, NULL};
    CLEANUP_FREE char *out = NULL, *table = NULL;
    struct err ignored = ERR_INIT;

    if (proc_run(argv, &out, &ignored) < 0)
        return;
    f->type = value_of(out, "TYPE");
    f->label = value_of(out, "LABEL");
    table = value_of(out, "PTTYPE");
    *ret_table = table && !f->type;
}

static void add_partitions(const char *file, uint64_t bytes, struct file_systems *ret,
                           struct err *err)
{
    const char *argv[] = {"partx", "-g", "-P", "-o", "NR,START,SECTORS", file, NULL};
    CLEANUP_FREE char *out = NULL;

    if (proc_run(argv, &out, err) < 0)
        return;
    for (const char *line = out; line; line = strchr(line, '\n')) {
        uint64_t start, sectors;
        bool table = false;
        int nr;

        line += *line == '\n';
        if (sscanf(line, "NR=\"%d\" START=\"%" SCNu64 "\" SECTORS=\"%" SCNu64 "\"", &nr, &start,
                   &sectors) != 3 ||
            start >= bytes / SECTOR || sectors == 0 || sectors > bytes / SECTOR - start)
            continue;
        *VEC_ADD(ret) = (struct file_system){
            .partition = nr, .offset = start * SECTOR, .length = sectors * SECTOR};
        probe(file, &ret->items[ret->n - 1], &table);
    }
}

int file_systems_look(const char *file, uint64_t bytes, struct file_systems *ret, struct err *err)
{
    struct file_system whole = {.length = bytes};
    bool table = false;

    probe(file, &whole, &table);
    if (!table && whole.type) {
        *VEC_ADD(ret) = whole;
        return 0;
    }
    free(whole.type);
    free(whole.label);
    if (table)
        add_partitions(file, bytes, ret, err);
    return err->code == ERR_NONE ? 0 : -1;
}

bool file_system_is_ext(const struct file_system *f)
{
    return f->type && starts_with(f->type, "ext") && strlen(f->type) == 4;
}

bool file_system_has_files(const struct file_system *f)
{
    static const char *const without[] = {"swap", "linux_raid_member", "BitLocker", "crypto_LUKS"};

    for (size_t i = 0; i < ARRAY_LEN(without); i++)
        if (str_eq(f->type, without[i]))
            return false;
    return f->type;
}

/* "1 (ext4 'root', 512 MiB), 2 (swap, 1.00 GiB)".  Caller frees. */
static char *list_text(const struct file_systems *l)
{
    char *ret = xstrdup("");

    for (size_t i = 0; i < l->n; i++) {
        const struct file_system *f = &l->items[i];
        CLEANUP_FREE char *label = f->label ? xasprintf(" '%s'", CLIP(f->label)) : xstrdup("");
        char size[SIZE_TEXT_MAX];
        char *longer =
            xasprintf("%s%s%d (%s%s, %s)", ret, i ? ", " : "", f->partition,
                      f->type ? f->type : "nothing known", label, size_text(f->length, size));

        free(ret);
        ret = longer;
    }
    return ret;
}

static const struct file_system *by_number(const struct file_systems *l, int64_t partition)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].partition == partition)
            return &l->items[i];
    return NULL;
}

const struct file_system *file_systems_choose(const struct file_systems *l, int64_t partition,
                                              struct err *err)
{
    CLEANUP_FREE char *all = list_text(l);
    const struct file_system *found = NULL;
    size_t with_files = 0;

    if (l->n == 0) {
        err_set(err, ERR_NOTFOUND, "has neither partitions nor a file system that blkid knows");
        return NULL;
    }
    for (size_t i = 0; i < l->n && partition == 0; i++)
        if (file_system_has_files(&l->items[i]) && with_files++ == 0)
            found = &l->items[i];
    if (partition)
        found = by_number(l, partition);
    if (partition && !found && l->items[0].partition == 0)
        err_set(err, ERR_NOTFOUND, "has no partitions, but %s on all of it", l->items[0].type);
    else if (partition && !found)
        err_set(err, ERR_NOTFOUND, "has no partition %lld; there are %s", (long long)partition,
                all);
    else if (!found)
        err_set(err, ERR_NOTFOUND, "has no partition with files; there are %s", all);
    else if (with_files > 1)
        err_set(err, ERR_INVALID, "has several partitions: choose with --partition of %s", all);
    else
        return found;
    return NULL;
}
