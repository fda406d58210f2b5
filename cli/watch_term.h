/* SPDX-License-Identifier: MIT
 *
 * watch_term: a terminal as a full screen, and back: on every way out, by a signal too, it is as it
 * was.  One at a time.
 */
#ifndef VMKEEP_CLI_WATCH_TERM_H
#define VMKEEP_CLI_WATCH_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum term_key {
    KEY_NONE = 0, /* the time is over */
    /* Characters are what they are; then: */
    KEY_UP = 0x110000,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_ENTER,
    KEY_ESCAPE,
    KEY_BACKSPACE,
    KEY_RESIZED, /* or it was stopped, and goes on: all is to be drawn anew */
    KEY_CLOSED,  /* nobody types any more */
    KEY_KILLED,  /* a signal wants it to end: term_leave, then term_die */
};

/* Standard input and output are a terminal that can do it. */
bool term_is_there(void);

int term_enter(struct err *err);
void term_leave(void);
/* By the signal that asked for it, so that whoever waits sees how it ended.  Returns only if there
 * was none. */
void term_die(void);

void term_size(size_t *ret_columns, size_t *ret_lines);
/* Waits so long for a key. */
int term_key(int timeout_ms);
/* All of it. */
void term_write(const char *text, size_t n);

#endif
