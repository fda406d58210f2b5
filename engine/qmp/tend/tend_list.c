/* SPDX-License-Identifier: MIT
 *
 * What every list of commands is made with. */
#include <stdio.h>
#include <string.h>

#include "engine/qmp/tend/tend.h"

void tend_todo(struct tend *td, struct command command)
{
    *VEC_ADD(&td->todo) = command;
}

/* An encrypted image needs it to be opened again. */
const char *tend_secret(const struct tend *td, size_t i)
{
    const struct strlist *objects = &td->look.view.objects;
    char id[OBJECT_ID_MAX], what[16];

    snprintf(what, sizeof(what), "k%zu", i);
    object_id(id, td->tag, what);
    for (size_t k = 0; k < objects->n; k++)
        if (strcmp(objects->items[k], id) == 0)
            return objects->items[k];
    return NULL;
}
