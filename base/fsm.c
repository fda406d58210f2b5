/* SPDX-License-Identifier: MIT */
#include "base/fsm.h"

#include <stdio.h>
#include <stdlib.h>

void fsm_move(struct fsm *fsm, int to)
{
    const struct fsm_state *from = &fsm->states[fsm->state];

    if (!(from->next & FSM_BIT(to))) {
        fprintf(stderr, "vmkeep: forbidden move %s -> %s\n", from->name, fsm->states[to].name);
        abort();
    }
    fsm->state = to;
    if (fsm->observer)
        fsm->observer(fsm->ctx, from->name, fsm->states[to].name);
}
