/* SPDX-License-Identifier: MIT
 *
 * Before an increment: does each disk fit to what its base holds?  A bitmap that has forgotten is
 * not to be believed; see engine/allocation.h.
 */
#include "jobs/compared.h"

#include <stdlib.h>
#include <string.h>

struct allocation *compared_add(struct compared *c)
{
    return VEC_ADD(&c->items);
}

const char *compared_own(struct compared *c, char *text)
{
    strlist_add(&c->strings, text);
    free(text);
    return c->strings.items[c->strings.n - 1];
}

const char *compared_contradiction(const struct compared *c, const char *disk)
{
    for (size_t i = 0; i < c->items.n; i++)
        if (strcmp(c->items.items[i].disk, disk) == 0)
            return c->items.items[i].contradiction;
    return NULL;
}

void compared_done(struct compared *c)
{
    allocations_done(c->items.items, c->items.n);
    free(c->items.items);
    strlist_done(&c->strings);
    *c = (struct compared){0};
}
