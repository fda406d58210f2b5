/* SPDX-License-Identifier: MIT
 *
 * observers: several listeners that hear the same events.
 *
 * Each is a part of whoever listens, who removes it before it goes.  They hear in the order in
 * which they were added.  While an event is told, any of them may be removed (and hears no
 * more), or added (and hears from the next event on), and another event of the same list may be
 * told.
 */
#ifndef VMKEEP_BASE_OBSERVERS_H
#define VMKEEP_BASE_OBSERVERS_H

#include <stdint.h>

struct observer {
    void (*hear)(void *ctx, const void *event); /* who has the list says what an event is */
    void *ctx;
    /* the list's */
    struct observer *next;
    uint64_t number;
};

/* Zeroed, it is empty. */
struct observers {
    struct observer *first;
    uint64_t added;                 /* so far */
    struct observers_turn *telling; /* innermost first */
};

void observers_add(struct observers *l, struct observer *o);
void observers_remove(struct observers *l, struct observer *o); /* fine when it is not there */
void observers_tell(struct observers *l, const void *event);

#endif
