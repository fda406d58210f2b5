/* SPDX-License-Identifier: MIT
 *
 * sendmail: the program by which this machine takes mail, whichever mail server's it is.
 */
#ifndef VMKEEP_BASE_SENDMAIL_H
#define VMKEEP_BASE_SENDMAIL_H

#include "base/err.h"

/* Its path, by PATH and where it is by custom.  ERR_NOTFOUND says what to do.  Caller frees. */
int sendmail_find(char **ret, struct err *err);

#endif
