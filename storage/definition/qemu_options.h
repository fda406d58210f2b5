/* SPDX-License-Identifier: MIT
 *
 * QEMU's command line, read from the text that a point keeps of it (qemu.args: an argument a line).
 * Knows the form of options, not their meaning; see qemu-system-x86_64(1).
 */
#ifndef VMKEEP_STORAGE_DEFINITION_QEMU_OPTIONS_H
#define VMKEEP_STORAGE_DEFINITION_QEMU_OPTIONS_H

#include <stdbool.h>

#include "base/alloc.h"

struct qemu_option {
    char *name;  /* without its dashes; "" of an image that stands by itself */
    char *value; /* NULL: the option takes none */
};

struct qemu_command {
    char *program;
    VEC(struct qemu_option) options;
};

/* Let go with qemu_command_done. */
void qemu_command_parse(const char *args, struct qemu_command *ret);
void qemu_command_done(struct qemu_command *c);

/* The value of a key in "VALUE,KEY=VALUE,KEY", or in JSON, where a dot goes down into an object.
 * implied: the key of a first value that has none; NULL: there is no such value.  A key alone is
 * "on".  NULL: there is no such key, or it has no plain value.  Caller frees. */
char *qemu_value(const char *text, const char *key, const char *implied);

/* The next "KEY=VALUE" of the text (not JSON), as it stands there; moves on.  Caller frees; NULL
 * at the end. */
char *qemu_next_item(const char **text);

/* With its commas doubled, as a value within such a list.  Caller frees. */
char *qemu_escape(const char *value);

#endif
