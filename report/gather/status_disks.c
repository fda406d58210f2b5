/* SPDX-License-Identifier: MIT
 *
 * status: what is attached to a domain and in no backup.
 */
#include "report/gather/status_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policies/disk_choice.h"
#include "policies/selection.h"

/* Do the backups of a policy take it; or else: does one leave it out on purpose? */
static enum selection choice_of(const struct policies *selecting, const char *disk)
{
    enum selection ret = SELECTION_NONE;

    for (size_t i = 0; i < selecting->n && ret != SELECTION_IN; i++) {
        enum selection s = selection_of(&selecting->items[i]->disks, disk);

        if (s != SELECTION_NONE)
            ret = s;
    }
    return ret;
}

static void leave_out(struct status_domain *d, const char *name, enum left_out_by by,
                      const char *why)
{
    struct status_left_out *k = VEC_ADD(&d->left_out);

    k->name = xstrdup(name);
    k->by = by;
    k->why = xstrdup(why);
}

void status_add_disks(const struct policies *selecting, const struct seen_disk_list *seen,
                      struct status_domain *ret)
{
    for (size_t i = 0; i < seen->n && selecting->n > 0; i++) {
        const struct seen_disk *k = &seen->items[i];
        enum selection choice = choice_of(selecting, k->name);

        if (k->aside) {
            leave_out(ret, k->name, LEFT_OUT_BY_NATURE, k->aside);
        } else if (choice == SELECTION_OUT) {
            leave_out(ret, k->name, LEFT_OUT_ON_PURPOSE, "a policy's disks leave it out");
        } else if (choice == SELECTION_NONE) {
            leave_out(ret, k->name, LEFT_OUT_UNSELECTED, "no policy's disks select it");
        }
    }
}
