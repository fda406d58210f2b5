/* SPDX-License-Identifier: MIT */
#include "policies/selection.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* path: what a glob with a "/" is matched with; NULL: such a glob is like any other. */
static enum selection judge(const struct strlist *globs, const char *name, const char *path)
{
    enum selection ret = SELECTION_NONE;

    for (size_t i = 0; i < globs->n; i++) {
        bool take_away = globs->items[i][0] == '!';
        const char *glob = globs->items[i] + take_away;
        const char *s = path && strchr(glob, '/') ? path : name;

        if (fnmatch(glob, s, 0) == 0)
            ret = take_away ? SELECTION_OUT : SELECTION_IN;
    }
    return ret;
}

enum selection selection_of(const struct strlist *globs, const char *name)
{
    return judge(globs, name, NULL);
}

bool selection_matches(const struct strlist *globs, const char *name)
{
    return judge(globs, name, NULL) == SELECTION_IN;
}

bool selection_matches_domain(const struct strlist *globs, const char *host, const char *domain)
{
    CLEANUP_FREE char *path = xasprintf("%s/%s", host, domain);

    return judge(globs, domain, path) == SELECTION_IN;
}
