/* SPDX-License-Identifier: MIT
 *
 * fsm: a state and the table of moves that are allowed from each.  The steps of a job are more than
 * that (jobs/job.h), and are checked by the same function.  An observer sees every move before the
 * work of the new state begins.
 */
#ifndef VMKEEP_BASE_FSM_H
#define VMKEEP_BASE_FSM_H

#include <stdint.h>

#define FSM_BIT(state) (UINT32_C(1) << (state))

struct fsm_state {
    const char *name;
    uint32_t next; /* FSM_BIT of each state that may follow */
};

struct fsm {
    const struct fsm_state *states;
    int state;
    /* May be NULL. */
    void (*observer)(void *ctx, const char *from, const char *to);
    void *ctx;
};

/* Aborts unless next has the bit of to: that is a bug of ours. */
void fsm_check(const char *from, uint32_t next, int to, const char *to_name);

/* Aborts on a move that the table lacks: that is a bug of ours. */
void fsm_move(struct fsm *fsm, int to);

static inline const char *fsm_name(const struct fsm *fsm)
{
    return fsm->states[fsm->state].name;
}

#endif
