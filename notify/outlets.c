/* SPDX-License-Identifier: MIT
 *
 * Outlets: the targets of the configuration, and the checks of its policies.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "notify/notifier_priv.h"

void notifier_trouble(const char *what, const struct err *err)
{
    log_warning("notifications: %s: %s", what, err->msg);
}

char *notifier_policy_target(const char *policy)
{
    return xasprintf("policy %s", policy);
}

bool outlet_config(const struct notifier *n, const char *name, struct config_target *ret)
{
    const struct config_target *t = config_target_find(n->config, name);

    if (t)
        *ret = *t;
    for (size_t i = 0; !t && i < n->config->policies.n; i++) {
        const struct config_policy *p = &n->config->policies.items[i];
        CLEANUP_FREE char *own = notifier_policy_target(p->name);

        if (!config_url_given(&p->healthchecks) || strcmp(own, name) != 0)
            continue;
        *ret = (struct config_target){.name = (char *)name};
        ret->healthchecks.at = p->healthchecks;
        return true;
    }
    return t;
}
