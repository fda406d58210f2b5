/* SPDX-License-Identifier: MIT */
#include "helpers/store/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static const struct {
    const struct service *items;
    const size_t *n;
} families[] = {
    {repository_services, &n_repository_services},
    {places_services, &n_places_services},
    {files_services, &n_files_services},
};

const struct service *request_service(size_t i)
{
    for (size_t family = 0; family < ARRAY_LEN(families); family++) {
        if (i < *families[family].n)
            return &families[family].items[i];
        i -= *families[family].n;
    }
    return NULL;
}

static const struct service *find(const char *what)
{
    const struct service *s;

    for (size_t i = 0; (s = request_service(i)); i++)
        if (strcmp(s->what, what) == 0)
            return s;
    return NULL;
}

static int read_object(json_t *json, const struct service **ret_service, void **ret,
                       struct err *err)
{
    const char *what = json_string_value(json_object_get(json, "do"));
    const struct service *s = what ? find(what) : NULL;
    CLEANUP_FREE void *value = NULL;

    if (!what)
        return err_set(err, ERR_INVALID, "does not say what to do (\"do\": \"probe\")");
    if (!s)
        return err_set(err, ERR_INVALID, "do: '%.64s' is not known; see --help", what);
    json_object_del(json, "do");
    value = xcalloc(1, s->request->size);
    if (record_read(s->request, json, value, err) < 0)
        return -1;
    *ret_service = s;
    *ret = TAKE_PTR(value);
    return 0;
}

int request_read(const char *line, const struct service **ret_service, void **ret, struct err *err)
{
    json_error_t where;
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &where);
    int rc;

    if (!json)
        return err_set(err, ERR_INVALID, "column %d: %s", where.column, where.text);
    rc = read_object(json, ret_service, ret, err);
    json_decref(json);
    return rc;
}
