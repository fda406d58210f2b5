/* SPDX-License-Identifier: MIT */
#include "report/gather/points.h"

#include "policies/dates.h"

int points_gather(struct catalog *catalog, const struct point_filter *filter, int64_t now,
                  struct point_list *ret, struct err *err)
{
    if (catalog_points(catalog, filter, ret, err) < 0)
        return -1;
    points_judge_dates(ret, now);
    return 0;
}
