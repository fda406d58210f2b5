/* SPDX-License-Identifier: MIT
 *
 * Calendar expressions that say more than is kept: jobs are due in whole seconds.
 */
#include "base/cleanup.h"
#include "policies/calendar.h"
#include "policies/config_priv.h"

static void warn_of_fractions(struct config_reader *r, const struct calspec_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        CLEANUP_FREE char *text =
            calspec_has_fraction(l->items[i]) ? calspec_format(l->items[i]) : NULL;

        if (text)
            config_report_at(r, config_place_of(r, l), true,
                             "'%s': seconds are whole here, a fraction is due with the second that "
                             "it lies in: leave it out ('vmkeep calendar' shows when it is due)",
                             text);
    }
}

void config_check_calendars(struct config_reader *r, const struct config *c)
{
    for (size_t i = 0; i < c->policies.n; i++) {
        const struct config_policy *p = &c->policies.items[i];

        warn_of_fractions(r, &p->incremental);
        warn_of_fractions(r, &p->full);
        warn_of_fractions(r, &p->verify.schedule);
        for (size_t k = 0; k < p->copy_to.n; k++)
            warn_of_fractions(r, &p->copy_to.items[k].schedule);
    }
    for (size_t i = 0; i < c->notify.n; i++)
        warn_of_fractions(r, &c->notify.items[i].report.calendar);
}
