/* SPDX-License-Identifier: MIT
 *
 * What is found in a view while it is still being decoded, too. */
#include <string.h>

#include "engine/qmp/state/view.h"

char *view_device_path(const char *qdev)
{
    if (!qdev)
        return NULL;
    return qdev[0] == '/' ? xstrdup(qdev) : xasprintf("/machine/peripheral/%s", qdev);
}

const struct view_disk *view_find_disk(const struct view *v, const char *name)
{
    for (size_t i = 0; i < v->disks.n; i++)
        if (strcmp(v->disks.items[i].facts.name, name) == 0)
            return &v->disks.items[i];
    return NULL;
}

const char *view_find_file(const struct view *v, const char *node)
{
    for (size_t i = 0; i < v->nodes.n; i++)
        if (strcmp(v->nodes.items[i].name, node) == 0)
            return v->nodes.items[i].file;
    return NULL;
}
