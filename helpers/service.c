/* SPDX-License-Identifier: MIT */
#include "helpers/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

const struct service *service_at(const struct service_set *set, size_t i)
{
    for (size_t family = 0; family < set->n; family++) {
        if (i < *set->families[family].n)
            return &set->families[family].items[i];
        i -= *set->families[family].n;
    }
    return NULL;
}

void service_print(const struct service_set *set)
{
    const struct service *s;

    for (size_t i = 0; (s = service_at(set, i)); i++)
        printf("  %-17s %s\n", s->what, s->brief);
}

static const struct service *find(const struct service_set *set, const char *what)
{
    const struct service *s;

    for (size_t i = 0; (s = service_at(set, i)); i++)
        if (strcmp(s->what, what) == 0)
            return s;
    return NULL;
}

int service_read(const struct service_set *set, json_t *json, const struct service **ret_service,
                 void **ret, struct err *err)
{
    const char *what = json_string_value(json_object_get(json, "do"));
    const struct service *s = what ? find(set, what) : NULL;
    CLEANUP_FREE void *value = NULL;

    if (!what)
        return err_set(err, ERR_INVALID, "does not say what to do (\"do\": \"%s\")",
                       set->families[0].items[0].what);
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

int service_read_line(const struct service_set *set, const char *line,
                      const struct service **ret_service, void **ret, struct err *err)
{
    json_error_t where;
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &where);
    int rc;

    if (!json)
        return err_set(err, ERR_INVALID, "column %d: %s", where.column, where.text);
    rc = service_read(set, json, ret_service, ret, err);
    json_decref(json);
    return rc;
}

json_t *service_run(const struct service *s, const void *request, bool *ret_well)
{
    CLEANUP_FREE void *value = xcalloc(1, s->answer ? s->answer->size : 1);
    struct err err = ERR_INIT;
    json_t *ret;

    *ret_well = s->run(request, value, &err) == 0;
    if (!*ret_well)
        ret = json_pack("{s:o}", "error", record_write(&record_err, &err));
    else
        ret =
            json_pack("{s:o}", "done", s->answer ? record_write(s->answer, value) : json_object());
    if (s->answer)
        record_done(s->answer, value);
    return ret;
}
