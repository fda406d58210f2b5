/* SPDX-License-Identifier: MIT
 *
 * repository_rekey: `vmkeep repository rekey`: another key for a repository that encrypts, without
 * its images being written again (storage/repository/rekey.h).
 */
#ifndef VMKEEP_CLI_REPOSITORY_REKEY_H
#define VMKEEP_CLI_REPOSITORY_REKEY_H

/* Of the configuration: to is a secret that is added, or drop one that is taken away; the other is
 * NULL.  The exit code. */
int repository_rekey_one(const char *name, const char *to, const char *drop);

#endif
