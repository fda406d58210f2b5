/* SPDX-License-Identifier: MIT
 *
 * Marks at branches that are rarely taken, so that the simulation can tell that each was
 * (tests/simulation/marks.c): a branch that no test takes any more proves nothing.
 *
 *     if (r->op_err.code != ERR_NONE)
 *         MARK("an ended job is left at the hypervisor");
 *
 * They lie side by side in a section of their own, which is the table of all that are linked.  In
 * other than debug builds they are nothing.
 */
#ifndef VMKEEP_BASE_MARK_H
#define VMKEEP_BASE_MARK_H

#include <stdint.h>

struct mark {
    const char *what;
    uint64_t times;
};

#ifdef VMKEEP_MARKS
#define MARK(text)                                                                                 \
    do {                                                                                           \
        static struct mark mark_ __attribute__((section("marks"), used, aligned(16))) = {text, 0}; \
                                                                                                   \
        mark_.times++;                                                                             \
    } while (0)
#else
#define MARK(text) ((void)0)
#endif

#endif
