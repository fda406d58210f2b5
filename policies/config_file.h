/* SPDX-License-Identifier: MIT
 *
 * config_file: the configuration's file, as daemon and command read it, and the copy that the
 * daemon keeps of what it goes by.
 *
 * The copy lies beside the catalog ("CATALOG.config") and is written when a start or a reload has
 * succeeded.  It is a configuration itself, below two lines that say so, and of which file it is
 * one.  So while the file is broken, whoever only reads can go by what the daemon does.
 *
 * All of it waits for the file system.
 */
#ifndef VMKEEP_POLICIES_CONFIG_FILE_H
#define VMKEEP_POLICIES_CONFIG_FILE_H

#include "base/err.h"
#include "policies/config.h"

#define CONFIG_DEFAULT "/etc/vmkeep/config"

struct config_file {
    char *path; /* absolute, links not followed */
    char *text; /* NULL: it cannot be read */
    size_t len;
    struct config *config; /* NULL: it has errors; of whoever takes it */
    struct diagnostics diags;
    bool missing; /* there is none */
};

/* Whatever is wrong is in diags, with line 0 where the file cannot be read at all.  Released with
 * config_file_done.  False: there is no config. */
bool config_file_read(const char *path, struct config_file *ret);
void config_file_done(struct config_file *f);

/* "FILE:LINE:COL: WHERE: WHY (and 2 more errors)", of one that has errors.  Caller frees. */
char *config_file_problem(const struct config_file *f);

/* The name of the copy.  Caller frees. */
char *config_copy_path(const char *catalog);

/* Writes the copy of f, which the daemon now goes by, beside the catalog; durably. */
int config_copy_keep(const struct config_file *f, const char *catalog, struct err *err);

struct config_copy {
    struct config *config; /* of whoever takes it */
    char *path;
    int64_t kept; /* when it was written */
};

/* The copy that was made of the broken file f: beside the catalog that the file names, as far as
 * that can be told, else beside the default one.  False: there is none that can be read. */
bool config_copy_find(const struct config_file *f, struct config_copy *ret);

/* Is the good file f, by what it says, another configuration than the copy that was made of it
 * beside its catalog?  Then the daemon has not read it yet.  *ret_kept: when the copy was written.
 * False where there is no such copy, or it may not be read. */
bool config_copy_differs(const struct config_file *f, int64_t *ret_kept);

void config_copy_done(struct config_copy *c);

#endif
