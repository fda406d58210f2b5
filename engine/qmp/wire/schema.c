/* SPDX-License-Identifier: MIT */
#include "engine/qmp/wire/schema.h"

#include "base/text.h"

static json_t *find(json_t *list, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
        if (str_eq(json_string_value(json_object_get(item, "name")), name))
            return item;
    return NULL;
}

bool schema_has_argument(json_t *schema, const char *command, const char *argument)
{
    const char *type = json_string_value(json_object_get(find(schema, command), "arg-type"));

    return type && find(json_object_get(find(schema, type), "members"), argument);
}
