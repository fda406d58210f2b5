/* SPDX-License-Identifier: MIT
 *
 * access: what it takes to see the pages where others than this machine can connect: TLS, and a
 * token.
 */
#ifndef VMKEEP_WEB_ACCESS_H
#define VMKEEP_WEB_ACCESS_H

#include "policies/config.h"

struct access {
    char *token, *certificate, *key;
};

/* Reads the files. */
int access_read(const struct config_web_access *files, struct access *ret, struct err *err);
void access_done(struct access *a);

/* Takes as long whatever is shown, but for its length. */
bool access_matches(const struct access *a, const char *shown);

#endif
