/* SPDX-License-Identifier: MIT
 *
 * Private to engine/qmp.  What QEMU and its programs say, where something is concluded from it.
 *
 * QMP has one class of errors for nearly everything, a job's end has only words, and qemu-img
 * prints them.  All words that are looked for stand in the table of texts.c and nowhere else; each
 * is provoked at the QEMU that is installed by tests/integration/test_qmp_texts.c, so that a QEMU
 * with other words is noticed.  Where they are not found the error is told as it is, with no
 * conclusion.
 */
#ifndef VMKEEP_ENGINE_QMP_TEXTS_H
#define VMKEEP_ENGINE_QMP_TEXTS_H

#include <stdbool.h>

#include "base/err.h"

enum qemu_text {
    SAID_SERVER_RUNS,
    SAID_IN_USE,
    SAID_NO_SPACE,
    SAID_OVER_QUOTA,
    SAID_TOO_LARGE,
    SAID_DENIED,
    SAID_NOT_PERMITTED,
    SAID_READ_ONLY,
    SAID_IO_ERROR,
    SAID_CANCELED,
    SAID_PORT_TAKEN,
    SAID_NO_SERVER,
    SAID_OTHER_SIZE,
    SAID_OTHER_FORMAT,
    SAID_LOCKED,
    SAID_CPU_BUSY,
    SAID_COUNT
};

/* The words: borrowed, one part of what is said. */
const char *qemu_text_words(enum qemu_text which);

/* Are the words in the message? */
bool qemu_said(const char *msg, enum qemu_text which);
/* Is the message just these words? */
bool qemu_said_only(const char *msg, enum qemu_text which);

/* The code that fits an error's message; ERR_REMOTE where none does. */
enum err_code qemu_text_code(const char *msg);

#endif
