/* SPDX-License-Identifier: MIT */
#include "storage/catalog_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static int state_from_name(const char *s, enum checkpoint_state *ret)
{
    static const char *const words[] = {"provisional", "current", "dropping"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(s, words[i]) == 0) {
            *ret = (enum checkpoint_state)i;
            return 0;
        }
    }
    return -1;
}

void checkpoint_list_done(struct checkpoint_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].host);
        free(l->items[i].domain);
        free(l->items[i].policy);
    }
    free(l->items);
    *l = (struct checkpoint_list){0};
}

int catalog_checkpoints(struct catalog *c, const char *host, const char *domain,
                        struct checkpoint_list *ret, struct err *err)
{
    STMT st = NULL;
    int rc;

    if (db_stmt(&c->db, ST_CHECKPOINT_LIST, &st, err) < 0)
        return -1;
    db_bind_text(st, 1, host);
    db_bind_text(st, 2, domain);
    while ((rc = db_row(&c->db, st, 6, err)) > 0) {
        struct checkpoint *k = VEC_ADD(ret);

        if (CATALOG_WORD(&c->db, st, 4, state_from_name, &k->state, err) < 0) {
            rc = -1;
            break;
        }
        k->name = db_text(st, 0);
        k->host = db_text(st, 1);
        k->domain = db_text(st, 2);
        k->policy = db_text(st, 3);
        k->created = sqlite3_column_int64(st, 5);
    }
    if (rc < 0)
        checkpoint_list_done(ret);
    return rc;
}

int catalog_checkpoint_drop(struct catalog *c, const char *name, struct err *err)
{
    if (catalog_exec(&c->db, ST_CHECKPOINT_DROP, &name, 1, err) < 0)
        return -1;
    if (sqlite3_changes(c->db.h) == 0)
        return err_set(err, ERR_NOTFOUND, "checkpoint %s is not in the catalog", name);
    return 0;
}

int catalog_checkpoint_forget(struct catalog *c, const char *name, struct err *err)
{
    return catalog_exec(&c->db, ST_CHECKPOINT_FORGET, &name, 1, err);
}
