/* SPDX-License-Identifier: MIT */
#include "policies/disk_choice.h"

#include "policies/selection.h"

const char *disk_left_out_why(const struct strlist *globs, const char *disk)
{
    switch (selection_of(globs, disk)) {
    case SELECTION_NONE:
        return DISK_NOT_SELECTED;
    case SELECTION_OUT:
        return "the policy's disks leave it out";
    case SELECTION_IN:
        break;
    }
    return NULL;
}

bool disk_is_forgotten(const struct config *config, const char *host, const char *domain,
                       const char *disk)
{
    bool any = false;

    for (size_t i = 0; i < config->policies.n; i++) {
        const struct config_policy *p = &config->policies.items[i];

        if (!selection_matches_domain(&p->domains, host, domain))
            continue;
        if (selection_of(&p->disks, disk) != SELECTION_NONE)
            return false;
        any = true;
    }
    return any;
}
