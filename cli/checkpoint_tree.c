/* SPDX-License-Identifier: MIT */
#include "cli/checkpoint_tree.h"

#include <string.h>

#include "base/text.h"
#include "cli/client.h"

const char *checkpoint_name(const json_t *k)
{
    const char *name = json_string_value(json_object_get(k, "name"));

    return name ? name : "";
}

const json_t *checkpoint_find(const json_t *list, const char *name)
{
    size_t i;
    json_t *k;

    json_array_foreach(list, i, k)
        if (strcmp(checkpoint_name(k), name) == 0)
            return k;
    return NULL;
}

const json_t *checkpoint_parent(const json_t *list, const json_t *k)
{
    const char *parent = json_string_value(json_object_get(k, "parent"));

    return parent ? checkpoint_find(list, parent) : NULL;
}

bool checkpoint_comes_of(const json_t *list, const json_t *k, const char *name, bool deep)
{
    /* A damaged catalog may run in a circle. */
    for (size_t left = json_array_size(list); left > 0; left--) {
        k = checkpoint_parent(list, k);
        if (!k)
            return false;
        if (strcmp(checkpoint_name(k), name) == 0)
            return true;
        if (!deep)
            return false;
    }
    return false;
}

static size_t count(const json_t *list, const json_t *k, bool deep)
{
    size_t n = 0, i;
    json_t *o;

    json_array_foreach(list, i, o)
        n += checkpoint_comes_of(list, o, checkpoint_name(k), deep);
    return n;
}

size_t checkpoint_children(const json_t *list, const json_t *k)
{
    return count(list, k, false);
}

size_t checkpoint_descendants(const json_t *list, const json_t *k)
{
    return count(list, k, true);
}

int checkpoint_ask(const struct config *config, const char *domain, json_t **ret)
{
    const struct client_request request = {.cmd = "checkpoint-list",
                                           .args = json_pack("{s:s}", "domain", domain)};
    json_t *result = NULL;
    int code = cli_ask(config, &request, &result);

    if (code == EXIT_DONE)
        *ret = json_incref(json_object_get(result, "checkpoints"));
    json_decref(result);
    return code;
}

int checkpoint_ask_one(const char *domain, const char *name, json_t **ret, const json_t **ret_one)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;
    int code = cli_load_config(&config);

    if (code == EXIT_DONE)
        code = checkpoint_ask(config, domain, ret);
    config_free(config);
    if (code != EXIT_DONE)
        return code;
    *ret_one = checkpoint_find(*ret, name);
    if (*ret_one)
        return EXIT_DONE;
    json_decref(*ret);
    err_set(&err, ERR_NOTFOUND, "domain %s has no checkpoint '%s'", domain, name);
    return cli_fail(NULL, &err);
}
