/* SPDX-License-Identifier: MIT
 *
 * xpath: the parts of a document that an expression selects, as virsh's --xpath prints them.
 */
#ifndef VMKEEP_CLI_XPATH_H
#define VMKEEP_CLI_XPATH_H

#include <stdbool.h>

struct xpath {
    const char *expression; /* NULL: the whole document */
    bool wrap;              /* in one <nodes> */
};

/* Prints it; the exit code. Nothing selected is EXIT_FAILED, without a word, as virsh has it. */
int xpath_print(const struct xpath *x, const char *document);

/* What it selects, as text; NULL when the document is not XML. Caller frees. */
char *xpath_text(const char *expression, const char *document);

#endif
