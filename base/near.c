/* SPDX-License-Identifier: MIT */
#include "base/near.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

/* The first of those that are equally near stays. */
void near_word(struct near *n, const char *word)
{
    const char *const words[] = {n->best ? n->best : word, word};
    const char *best = nearest_word(n->text, words, ARRAY_LEN(words));

    if (!best || best == n->best)
        return;
    free(n->best);
    n->best = xstrdup(best);
}

void near_domain(struct near *n, const char *host, const char *domain)
{
    CLEANUP_FREE char *full = strchr(n->text, '/') ? xasprintf("%s/%s", host, domain) : NULL;

    near_word(n, full ? full : domain);
}

int near_ask(struct near *n, struct err *err)
{
    if (n->best) {
        const struct err said = *err;

        err_set(err, said.code, "%s; did you mean '%s'?", said.msg, n->best);
    }
    free(n->best);
    n->best = NULL;
    return -1;
}
