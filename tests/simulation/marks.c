/* SPDX-License-Identifier: MIT
 *
 * Each mark (base/mark.h) in what is linked here has been reached. */
#include "base/mark.h"

#include <stdio.h>

#include "tests/simulation/run.h"

extern struct mark __start_marks[] __attribute__((weak));
extern struct mark __stop_marks[] __attribute__((weak));

void check_marks(void)
{
    size_t n = 0, missed = 0;

    for (const struct mark *m = __start_marks; m < __stop_marks; m++, n++) {
        printf("%6llu  %s\n", (unsigned long long)m->times, m->what);
        if (m->times > 0)
            continue;
        missed++;
        fprintf(stderr, "never reached: %s\n", m->what);
    }
    if (missed > 0)
        sim_broken("%zu of %zu marks were never reached", missed, n);
}
