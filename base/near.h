/* SPDX-License-Identifier: MIT
 *
 * near: which of the names that there are people meant by one that there is not.  Who has searched
 * in vain offers them all, and lets the error end with a question:
 *
 *     struct near n = {.text = text};
 *     for (...)
 *         near_domain(&n, host, domain);
 *     err_set(err, ERR_NOTFOUND, "there is no %s", text);
 *     return near_ask(&n, err);
 */
#ifndef VMKEEP_BASE_NEAR_H
#define VMKEEP_BASE_NEAR_H

#include "base/err.h"

struct near {
    const char *text; /* borrowed */
    char *best;       /* NULL: none is near enough */
};

void near_word(struct near *n, const char *word);

/* HOST/DOMAIN where the text has a host, too, else DOMAIN. */
void near_domain(struct near *n, const char *host, const char *domain);

/* Adds "; did you mean 'NAME'?" to the message where one is near, and lets go of what n holds.
 * Returns -1. */
int near_ask(struct near *n, struct err *err);

#endif
