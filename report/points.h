/* SPDX-License-Identifier: MIT
 *
 * points: what there is to say of restore points, by what is known of them.
 */
#ifndef VMKEEP_REPORT_POINTS_H
#define VMKEEP_REPORT_POINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/model.h"

/* The state for people: a good one may be "set aside". For JSON: "set-aside". */
const char *point_state_text(const struct point *p, bool for_people);

/* Can it be restored as far as is known: is it good, and all that it stands on?
 * points: all of its domain. */
bool point_is_whole(const struct point_list *points, const struct point *p);

/* HOST/DOMAIN/NAME@...: who gives that means a point, by its whole id. */
bool point_is_whole_id(const char *text);

/* Is it named by text: its id, or an end of it behind a slash; who made it (behind "@") may be left
 * out. */
bool point_is_meant(const char *text, const char *id);

/* What names it in a list of its domain's points: the end of its id behind the last slash, without
 * who made it where no neighbour in the list would be named so, too. Caller frees. */
char *point_short_name(const struct point_list *points, const struct point *p);

/* What its images take on disk. */
uint64_t point_bytes(const struct point *p);

/* Of damaged and missing ones, a sentence; NULL: there are none. Caller frees. */
char *points_bad_text(const struct point_list *points);

#endif
