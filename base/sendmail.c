/* SPDX-License-Identifier: MIT */
#include "base/sendmail.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

int sendmail_find(char **ret, struct err *err)
{
    const char *own = getenv("PATH");
    CLEANUP_FREE char *path = xasprintf("%s:/usr/sbin:/usr/lib", own ? own : "/usr/bin:/bin");
    char *rest = path;

    for (const char *dir; (dir = strsep(&rest, ":"));) {
        CLEANUP_FREE char *found = xasprintf("%s/sendmail", *dir ? dir : ".");

        if (access(found, X_OK) == 0) {
            *ret = TAKE_PTR(found);
            return 0;
        }
    }
    return err_set(err, ERR_NOTFOUND,
                   "there is no program sendmail on this machine: install what brings one (Debian: "
                   "postfix, exim4, msmtp-mta or nullmailer), or name a mail server with `via: "
                   "smtp://HOST`");
}
