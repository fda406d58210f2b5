/* SPDX-License-Identifier: MIT
 *
 * complete: what may stand where a command line ends, by the commands' tables.
 */
#ifndef VMKEEP_CLI_COMPLETE_H
#define VMKEEP_CLI_COMPLETE_H

#include "cli/command.h"

struct completion {
    /* What is asked for; at most one of them. */
    bool command;               /* a command's name */
    bool option;                /* one of the options, of those that are not out of question */
    unsigned words;             /* names of these kinds (enum word_kind) */
    const char *const *choices; /* one of these */
    struct command_option options[COMMAND_OPTIONS_MAX + 3];
    size_t n_options;

    const char *typed;  /* what there is of it; borrowed, as are the next */
    const char *before; /* the word that it is in... */
    size_t n_before;    /* ... and how much of that stays: "--level=" */
    const char *domain; /* that the line names already, or NULL */
    const char *config; /* by --config, or NULL */
};

/* words: what follows "vmkeep" up to the word that is being typed, which comes last (""). */
void complete(const struct strlist *words, struct completion *ret);

#endif
