/* SPDX-License-Identifier: MIT */
#include "base/fsm.h"

#include <stdio.h>
#include <stdlib.h>

void fsm_check(const char *from, uint32_t next, int to, const char *to_name)
{
    if (next & FSM_BIT(to))
        return;
    fprintf(stderr, "vmkeep: forbidden move %s -> %s\n", from, to_name);
    abort();
}

void fsm_move(struct fsm *fsm, int to)
{
    const struct fsm_state *from = &fsm->states[fsm->state];

    fsm_check(from->name, from->next, to, fsm->states[to].name);
    fsm->state = to;
    if (fsm->observer)
        fsm->observer(fsm->ctx, from->name, fsm->states[to].name);
}
