/* SPDX-License-Identifier: MIT
 *
 * Which policies cover which domains, or did until lately. */
#include "storage/catalog/catalog_priv.h"

#include <stdlib.h>

#include "base/text.h"

void cover_list_done(struct cover_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].host);
        free(l->items[i].domain);
        free(l->items[i].policy);
    }
    free(l->items);
    *l = (struct cover_list){0};
}

const struct cover_row *cover_list_find(const struct cover_list *l, const char *host,
                                        const char *domain, const char *policy)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->items[i].domain, domain) && str_eq(l->items[i].policy, policy) &&
            str_eq(l->items[i].host, host))
            return &l->items[i];
    return NULL;
}

int catalog_coverage(struct catalog *c, struct cover_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_COVER_LIST, &st, err) < 0)
        return -1;
    while ((rc = db_row(&c->db, st, 5, err)) > 0)
        *VEC_ADD(ret) = (struct cover_row){
            .host = db_text(st, 0),
            .domain = db_text(st, 1),
            .policy = db_text(st, 2),
            .since = sqlite3_column_int64(st, 3),
            .away = sqlite3_column_int64(st, 4),
        };
    if (rc < 0)
        cover_list_done(ret);
    return rc;
}

static int release_body(struct db *db, void *arg, struct err *err)
{
    const char *const *args = arg;

    return catalog_exec(db, ST_CHECKPOINT_DROP_CURRENT, args, 3, err) < 0
               ? -1
               : catalog_exec(db, ST_COVER_FORGET, args, 3, err);
}

int catalog_release(struct catalog *c, const char *host, const char *domain, const char *policy,
                    struct err *err)
{
    const char *args[] = {host, domain, policy};

    return db_tx(&c->db, release_body, args, err);
}
