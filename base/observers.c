/* SPDX-License-Identifier: MIT */
#include "base/observers.h"

#include <stddef.h>

/* One observers_tell that is under way, and whose turn is next. */
struct observers_turn {
    struct observer *next;
    struct observers_turn *outer;
};

void observers_add(struct observers *l, struct observer *o)
{
    struct observer **p = &l->first;

    while (*p)
        p = &(*p)->next;
    *p = o;
    o->next = NULL;
    o->number = ++l->added;
}

void observers_remove(struct observers *l, struct observer *o)
{
    struct observer **p = &l->first;

    while (*p && *p != o)
        p = &(*p)->next;
    if (!*p)
        return;
    *p = o->next;
    for (struct observers_turn *t = l->telling; t; t = t->outer)
        if (t->next == o)
            t->next = o->next;
}

void observers_tell(struct observers *l, const void *event)
{
    const uint64_t last = l->added;
    struct observers_turn turn = {l->first, l->telling};

    l->telling = &turn;
    while (turn.next && turn.next->number <= last) {
        struct observer *o = turn.next;

        turn.next = o->next;
        o->hear(o->ctx, event);
    }
    l->telling = turn.outer;
}
