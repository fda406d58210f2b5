/* SPDX-License-Identifier: MIT
 *
 * pin: a restore point that somebody has pinned goes by no rule, nor by request, until the pin is
 * taken from it, or is over.
 */
#ifndef VMKEEP_BASE_PIN_H
#define VMKEEP_BASE_PIN_H

#include "base/err.h"
#include "base/model.h"

#define PIN_NOTE_MAX 200 /* bytes */

/* Does it keep its point now? */
bool pin_holds(const struct point_pin *pin, int64_t now);

/* Does a keep its point for longer than b? */
bool pin_outlives(const struct point_pin *a, const struct point_pin *b);

/* One that may be made now: not over already, with a note that can be shown in one line.
 * ERR_INVALID. */
int pin_check(const struct point_pin *pin, int64_t now, struct err *err);

/* "pinned until 2026-12-24 (before the upgrade)". until: its end, as it is shown.  Caller frees. */
char *pin_text(const struct point_pin *pin, const char *until);
/* The same with its end in this machine's local time. */
char *pin_text_local(const struct point_pin *pin);

void pin_copy(struct point_pin *dst, const struct point_pin *src);
void pin_done(struct point_pin *pin);

#endif
