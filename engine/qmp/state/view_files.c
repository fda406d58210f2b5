/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "base/text.h"
#include "engine/qmp/state/ids.h"
#include "engine/qmp/state/view.h"

static bool is_file(const char *driver)
{
    static const char *const drivers[] = {"file", "host_device", "host_cdrom"};

    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (str_eq(driver, drivers[i]))
            return true;
    return false;
}

void view_list_files(const struct view *v, const char *cwd, struct strlist *ret)
{
    for (size_t i = 0; i < v->nodes.n; i++) {
        const struct view_node *node = &v->nodes.items[i];
        CLEANUP_FREE char *path = NULL;

        if (!node->file || !is_file(node->driver) || starts_with(node->file, "json:") ||
            node_name_parse(node->name, NULL, NULL, NULL))
            continue;
        if (node->file[0] == '/')
            path = xstrdup(node->file);
        else if (cwd)
            path = xasprintf("%s/%s", cwd, node->file);
        if (path && !strlist_has(ret, path))
            strlist_add(ret, path);
    }
}
