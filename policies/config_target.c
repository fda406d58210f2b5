/* SPDX-License-Identifier: MIT
 *
 * Targets of notifications, as the configuration has them.
 */
#include "base/text.h"
#include "policies/config.h"

const struct config_target *config_target_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->notify.n; i++)
        if (str_eq(c->notify.items[i].name, name))
            return &c->notify.items[i];
    return NULL;
}

const char *config_target_kind(const struct config_target *t)
{
    return t->mail.to.n > 0                        ? "mail"
           : config_url_given(&t->webhook.at)      ? "webhook"
           : config_url_given(&t->healthchecks.at) ? "healthchecks"
                                                   : "command";
}

bool config_url_given(const struct config_url *u)
{
    return u->url || u->url_file;
}
